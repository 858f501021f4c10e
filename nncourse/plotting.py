"""Figures: ten lines of matplotlib that the reader need not see.

Each function draws on the Axes it is given (or on new ones) and returns them. matplotlib is
imported when the first function is called. Colors are those of Okabe and Ito (2008), which people
with any kind of color vision can tell apart, and a color means one thing throughout the book:
``TRAINING`` and ``NEW`` data, ``POSITIVE`` and ``NEGATIVE`` numbers (and class 1 and class 0), what
is ``MARKED`` because the text speaks of it, and a ``BASELINE`` to compare with. Signed numbers in
an image take ``SIGNED``. Where methods are compared, the legend names them, in the order of
``COLORS``.
"""

from itertools import pairwise

import numpy as np

from ._checks import as_floats, regions_of_classes

__all__ = [
    "BASELINE", "CLASSES", "COLORS", "MARKED", "NEGATIVE", "NEW", "POSITIVE", "SIGNED", "TRAINING",
    "plot_confusion_matrix", "plot_decision_regions", "plot_graph", "plot_history", "plot_images",
    "plot_network", "plot_scoreboard", "use_style",
]  # fmt: skip

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
TRAINING, NEW, POSITIVE, NEGATIVE, MARKED, _NEURON, *_REST = COLORS
BASELINE = "#888888"
SIGNED = "PRGn"  # a colormap: purple below zero, white at zero, green above
CLASSES = (NEGATIVE, POSITIVE, MARKED, _NEURON, TRAINING, NEW, *_REST)


def use_style():
    """Set the book's style for all figures: color-blind safe, readable on a phone.

    In a notebook they are drawn with twice as many pixels as are shown, for sharp screens.

    Examples
    --------
    >>> use_style()
    """
    import matplotlib.pyplot as plt
    from cycler import cycler

    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 13,
            "axes.labelsize": 12,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.figsize": (7, 4),
            "font.size": 12,
            "image.cmap": "gray_r",
            "legend.frameon": False,
            "lines.linewidth": 2,
            "savefig.facecolor": "white",
        }
    )
    if "inline" in plt.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


def _axes(ax):
    import matplotlib.pyplot as plt

    return plt.subplots()[1] if ax is None else ax


def plot_history(history, names=("loss", "val_loss"), ax=None):
    """Draw values of a :class:`~nncourse.training.history.History` against epochs.

    Parameters
    ----------
    history : History or dict
        From a name to one number for each epoch.
    names : sequence of str
        Which to draw; those the history does not have are left out.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the history has none of them.

    Examples
    --------
    >>> plot_history({"loss": [0.9, 0.5]}).get_xlabel()
    'epoch'
    """
    names = [name for name in names if name in history]
    if not names:
        raise ValueError(f"expected one of the names {list(history)} of this history")
    ax = _axes(ax)
    for name in names:
        ax.plot(range(1, len(history[name]) + 1), history[name], "o-", label=name, markersize=4)
    ax.set_xlabel("epoch")
    ax.set_ylabel(names[0])
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def plot_decision_regions(predict, x, y, ax=None, *, resolution=200, margin=0.15):
    """Color the plane by the predicted class and draw the examples on it.

    Parameters
    ----------
    predict : callable
        From points of shape (n, 2) to class numbers of shape (n,).
    x : array of shape (n, 2)
    y : int array of shape (n,)
    ax : Axes, optional
    resolution : int
        Grid points along each side.
    margin : float
        Space around the data, as a share of its extent.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the shapes do not fit, or a class number is not one of those that have a color.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> ax = plot_decision_regions(lambda p: (p[:, 0] > 0.5).astype(int), x, [0, 1])
    >>> len(ax.collections)  # one set of regions, two classes of points
    3
    """
    from matplotlib.colors import ListedColormap

    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"plot_decision_regions expects x (n, 2) and y (n,), got {x.shape} and {y.shape}"
        )
    x = as_floats(x)
    low, high = x.min(axis=0), x.max(axis=0)
    low, high = low - margin * (high - low), high + margin * (high - low)
    grid = np.meshgrid(*(np.linspace(*ends, resolution) for ends in zip(low, high, strict=True)))
    points = np.column_stack([axis.ravel() for axis in grid])
    points = points.astype(x.dtype)
    y = y.astype(int)
    regions = regions_of_classes(predict(points), len(points), y, len(CLASSES))
    regions = regions.reshape(resolution, resolution)
    classes = max(y.max(), regions.max()) + 1
    ax = _axes(ax)
    ax.pcolormesh(
        *grid, regions, cmap=ListedColormap(CLASSES[:classes]), alpha=0.25, vmin=-0.5,
        vmax=classes - 0.5, shading="nearest", rasterized=True,
    )  # fmt: skip
    for label, marker in zip(np.unique(y), "osD^vP*X", strict=False):
        ax.scatter(
            *x[y == label].T, color=CLASSES[label], edgecolor="white", marker=marker, s=36,
            label=f"class {label}", linewidth=0.6,
        )  # fmt: skip
    ax.set_xlabel("$x_1$")
    ax.set_ylabel("$x_2$")
    return ax


def plot_images(images, titles=None, *, columns=8, size=1.1):
    """Draw images in a grid.

    Parameters
    ----------
    images : array of shape (n, height, width), or (n, height, width, 1 or 3)
        Dark ink for high values; three channels are red, green and blue.
    titles : sequence of str, optional
    columns : int
    size : float
        Width of one image in inches.

    Returns
    -------
    list of Axes

    Raises
    ------
    ValueError
        If there is no image, or the shape is another.

    Examples
    --------
    >>> len(plot_images(np.zeros((3, 28, 28)), titles=["a", "b", "c"], columns=2))
    3
    """
    import matplotlib.pyplot as plt

    images = np.asarray(images)
    images = images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images
    if images.size == 0 or not (images.ndim == 3 or images.shape[3:] == (3,)):
        raise ValueError(
            "plot_images expects (n, height, width) or (n, height, width, 1 or 3), got "
            f"{images.shape}. One image? image[None]. Flat ones? images.reshape(-1, 28, 28)."
        )
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = size * (1.3 if titles is not None else 1.05)
    _, axes = plt.subplots(rows, columns, figsize=(size * columns, height * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image, cmap="gray_r", interpolation="nearest")
        if titles is not None:
            ax.set_title(titles[i], fontsize=10)
    return list(axes.flat[: len(images)])


def plot_confusion_matrix(matrix, ax=None):
    """Draw a confusion matrix with its counts; the color shows the mistakes, not the hits.

    Parameters
    ----------
    matrix : int array of shape (classes, classes)
        Row: true class. Column: predicted class.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_confusion_matrix(np.array([[5, 1], [0, 4]])).get_xlabel()
    'predicted class'
    """
    import matplotlib.pyplot as plt

    matrix = np.asarray(matrix)
    ax = plt.subplots(figsize=(6, 6))[1] if ax is None else ax
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    ax.imshow(mistakes, cmap="Oranges", vmax=max(1, 1.6 * mistakes.max()))
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            weight = "bold" if row == column else "normal"
            ax.text(column, row, str(count), ha="center", va="center", fontsize=9, weight=weight)
    ax.set_xticks(range(len(matrix)))
    ax.set_yticks(range(len(matrix)))
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    return ax


def plot_network(sizes, ax=None, *, labels=None):
    """Draw a multilayer perceptron as circles and lines.

    Parameters
    ----------
    sizes : sequence of int
        Neurons in each layer, the inputs first; keep them small.
    ax : Axes, optional
    labels : sequence of str, optional
        What to write under each layer.

    Returns
    -------
    Axes

    Examples
    --------
    >>> len(plot_network([2, 3, 1]).patches)  # one circle for each of the six neurons
    6
    """
    from matplotlib.patches import Circle

    ax = _axes(ax)
    columns = [[(2.0 * i, (n - 1) / 2 - k) for k in range(n)] for i, n in enumerate(sizes)]
    for left, right in pairwise(columns):
        for a in left:
            for b in right:
                ax.plot(*zip(a, b, strict=True), color=BASELINE, linewidth=0.8, zorder=1)
    for i, column in enumerate(columns):
        color = _NEURON if i else BASELINE  # inputs are no neurons
        for center in column:
            ax.add_patch(Circle(center, 0.3, facecolor=color, edgecolor="white", zorder=2))
        if labels is not None:
            ax.text(2.0 * i, -max(sizes) / 2 - 0.35, labels[i], ha="center", va="top")
    ax.set_ylim(-max(sizes) / 2 - (1.2 if labels is not None else 0.2), max(sizes) / 2 + 0.2)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def plot_scoreboard(scores, ax=None, *, this_run=None):
    """Draw how many of 10,000 test images each network misreads: a dot for each seed.

    Parameters
    ----------
    scores : list of Score
        What :func:`nncourse.datasets.load_scoreboard` returns, or its first rows.
    ax : Axes, optional
    this_run : float, optional
        The accuracy of your own run of the last network, which is marked.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no row.

    Examples
    --------
    >>> from nncourse.datasets import load_scoreboard
    >>> plot_scoreboard(load_scoreboard()[:1], this_run=0.92).get_xlabel()
    'misread, of 10,000 test images'
    """
    if not scores:
        raise ValueError("plot_scoreboard expects at least one row; try load_scoreboard()")
    import matplotlib.pyplot as plt

    if ax is None:
        ax = plt.subplots(figsize=(7, 0.9 + 0.45 * len(scores)))[1]
    for place, score in enumerate(scores):
        errors = [10_000 * (1 - accuracy) for accuracy in score.accuracies]
        ax.plot(errors, [place] * len(errors), "o", color=NEW, alpha=0.6, markersize=6)
    if this_run is not None:
        spot = (1e4 * (1 - this_run), len(scores) - 1)
        ax.plot(*spot, "D", color=MARKED)
        ax.annotate("this run", spot, (0, 8), textcoords="offset points", ha="center", fontsize=10)
    names = [f"{score.network} ({100 * score.mean:.2f} %)" for score in scores]
    ax.set_yticks(range(len(scores)), names)
    ax.set(xscale="log", ylim=(len(scores) - 0.5, -0.5), xlabel="misread, of 10,000 test images")
    ticks = [30, 50, 100, 200, 500, 1000]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlim(30, 1100)
    return ax


def plot_graph(result, names=None, ax=None):
    """Draw the computation graph of a :class:`~nncourse.autodiff.Value`, inputs on top.

    Beside each arrow stands the local slope: the derivative of what it leads to with respect to
    where it comes from. A gradient on its way back is multiplied by it.

    Parameters
    ----------
    result : Value
        The last number of the computation; it comes out at the bottom.
    names : dict from Value to str, optional
        What to call the numbers.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from nncourse import Value
    >>> x, y = Value(2), Value(3)
    >>> ax = plot_graph(x * y, {x: "x", y: "y"})
    >>> [text.get_text() for text in ax.texts if "×" in text.get_text()]  # on the two arrows
    ['×3', '×2']
    """
    import matplotlib.pyplot as plt

    names = names or {}
    order = result._topological_order()
    row = dict.fromkeys(order, 0)
    for value in reversed(order):  # an operand stands one row above whatever uses it first
        for parent, _ in value._parents:
            row[parent] = max(row[parent], row[value] + 1)
    rows = [[v for v in order if row[v] == r] for r in range(max(row.values()) + 1)]
    width = max(map(len, rows))
    place = {
        v: (width / 2 + i - (len(group) - 1) / 2, r)
        for r, group in enumerate(rows)
        for i, v in enumerate(group)
    }
    if ax is None:
        ax = plt.subplots(figsize=(max(3.0, 1.7 * width), 0.85 * len(rows) + 0.2))[1]
    boxes = {}
    for value, (x, y) in place.items():
        text = f"{value.data:.3g}\ngrad {value.grad:.3g}"
        text = f"{names[value]} = {text}" if value in names else text
        color = BASELINE if not value._parents else MARKED if value is result else _NEURON
        box = {"boxstyle": "round", "facecolor": color, "alpha": 0.35, "edgecolor": "none"}
        label = ax.text(x, y, text, ha="center", va="center", fontsize=11, bbox=box)
        boxes[value] = label.get_bbox_patch()
    for value in order:
        for i, (parent, slope) in enumerate(value._parents):
            ends = {"patchA": boxes[parent], "patchB": boxes[value], "shrinkA": 2, "shrinkB": 2}
            arrow = {"arrowstyle": "->", "color": BASELINE, **ends}
            ax.annotate("", place[value], place[parent], arrowprops=arrow)
            (x, y), (x_to, y_to) = place[parent], place[value]
            along = 0.5 + 0.08 * (i - 0.5)  # two arrows between the same boxes: not on one spot
            spot = x + along * (x_to - x), y + along * (y_to - y)
            white = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
            ax.text(*spot, f"×{slope:.3g}", ha="center", va="center", fontsize=9, bbox=white)
    ax.set_xlim(0, width)
    ax.set_ylim(-0.5, len(rows) - 0.5)
    ax.axis("off")
    return ax
