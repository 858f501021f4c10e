"""Explaining one answer of a network: what the pixels of an input have to do with a score.

Methods that look inside ask the gradient (:func:`input_gradient`, :func:`smooth_grad`,
:func:`integrated_gradients`, :func:`grad_cam`); :func:`occlusion` only covers parts and asks again.
Two ways to doubt them: :func:`removal_curve` and :func:`scrambled`. What would have to change:
:func:`counterfactual`. What a column does over a whole table: :func:`accumulated_effects`. The
score of a class is its logit, before the softmax. Methods that switch whole regions stand in
:mod:`nncourse.practice.shapley`.
"""

import copy

import numpy as np

from .._checks import as_floats, floating

__all__ = [
    "accumulated_effects",
    "counterfactual",
    "grad_cam",
    "input_gradient",
    "integrated_gradients",
    "occlusion",
    "removal_curve",
    "scrambled",
    "smooth_grad",
]


def input_gradient(model, x, target):
    """Return the gradient of a class's score by the input: ``dz[target] / dx``.

    Its absolute value is the *saliency map*. Source: Simonyan, Vedaldi and Zisserman (2014),
    section 3. Captum: ``Saliency(abs=False)``.

    Parameters
    ----------
    model : Layer
        From (batch, ...) to logits (batch, classes). Its parameters' gradients are left alone.
    x : array of shape (batch, ...)
    target : int, or int array of shape (batch,)
        The class, or that of each example.

    Returns
    -------
    array of the shape of x

    Raises
    ------
    ValueError
        If the model's output is no table of logits, or a class does not exist.

    Examples
    --------
    A linear model's gradient is its weights, wherever it is asked:

    >>> import nncourse as nn
    >>> model = nn.Dense(3, 2, rng=0, dtype=np.float64)
    >>> slope = input_gradient(model, np.ones((1, 3)), 1)
    >>> bool(np.allclose(slope[0], model.kernel.value[:, 1]))
    True
    """
    logits = model(as_floats(x))
    grad = np.zeros_like(logits)
    grad[np.arange(len(logits)), _classes(logits, target)] = 1
    return _back(model, grad)


def _classes(logits, target):
    """Return the class of each example, or say what is wrong with it."""
    if logits.ndim != 2:
        raise ValueError(f"expected a model with logits (batch, classes), got {logits.shape}")
    targets = np.broadcast_to(target, len(logits))
    whole = targets.dtype.kind in "biu"
    if not whole or not ((targets >= 0) & (targets < logits.shape[1])).all():
        raise ValueError(f"expected a class from 0 to {logits.shape[1] - 1}, got {target!r}")
    return targets.astype(np.int64)


def _back(model, grad):
    """Hand a gradient back to the input; the parameters' gradients are left alone."""
    kept = [(p, p.grad.copy()) for p in model.parameters()]
    slope = model.backward(grad)
    for parameter, before in kept:
        parameter.grad = before
    return slope


def smooth_grad(model, x, target, *, noise=0.2, samples=25, rng=None):
    """Return the mean gradient over noisy copies of the input, ``E[dz/dx (x + noise * e)]``.

    e is standard normal. Source: Smilkov et al. (2017). Captum: ``NoiseTunnel``.

    Parameters
    ----------
    model, x, target
        As in :func:`input_gradient`.
    noise : float
        Standard deviation of the noise, in units of x.
    samples : int
    rng : int, Generator or None

    Examples
    --------
    Where the gradient is the same everywhere, noise changes nothing:

    >>> import nncourse as nn
    >>> model, x = nn.Dense(3, 2, rng=0, dtype=np.float64), np.ones((1, 3))
    >>> bool(np.allclose(smooth_grad(model, x, 0, rng=0), input_gradient(model, x, 0)))
    True
    """
    rng, x = np.random.default_rng(rng), floating(as_floats(x))
    total = np.zeros_like(x)
    for _ in range(samples):
        shaken = x + noise * rng.normal(size=x.shape).astype(x.dtype)
        total += input_gradient(model, shaken, target)
    return total / samples


def integrated_gradients(model, x, target, *, baseline=0.0, steps=32):
    """Return integrated gradients: the mean gradient between a baseline and x, times x - baseline.

    ``(x - b) * mean over k of dz/dx (b + (k - 1/2) / steps * (x - b))``, k = 1 … steps: the
    midpoint rule for the integral. They add up to ``z(x) - z(b)`` (completeness), up to the
    error of the rule. Source: Sundararajan, Taly and Yan (2017), equation 1. Captum:
    ``IntegratedGradients(method="riemann_middle")``.

    Parameters
    ----------
    model, x, target
        As in :func:`input_gradient`.
    baseline : float or array
        Where the way to x begins, *in the units of x*: what stands for "nothing".
    steps : int

    Raises
    ------
    ValueError
        If there is no step.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(3, 4, rng=0), nn.Tanh(), nn.Dense(4, 2, rng=1))
    >>> x = np.array([[1.0, -2.0, 0.5]], np.float32)
    >>> gap = integrated_gradients(model, x, 1).sum() - (model(x) - model(0 * x))[0, 1]
    >>> bool(abs(gap) < 1e-3)
    True
    """
    if steps < 1:
        raise ValueError(f"expected at least one step, got {steps!r}")
    x = floating(as_floats(x))
    way = x - np.asarray(baseline, x.dtype)
    total = np.zeros_like(x)
    for k in range(steps):
        total += input_gradient(model, x - (1 - (k + 0.5) / steps) * way, target)
    return way * total / steps


def grad_cam(model, x, target, *, layer):
    """Return Grad-CAM: which places of a layer's maps speak for a class.

    With A the maps after ``layer`` layers and ``a[c]`` the mean over all places of ``dz/dA``,
    ``relu(sum over c of a[c] A[..., c])``. Source: Selvaraju et al. (2017), equations 1 and 2.
    Captum: ``LayerGradCam``.

    Parameters
    ----------
    model : Sequential
    x, target
        As in :func:`input_gradient`.
    layer : int
        How many layers lie before the maps.

    Returns
    -------
    array of shape (batch, rows, columns)
        As large as the maps; none negative.

    Raises
    ------
    ValueError
        If there are no maps after so many layers.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(
    ...     nn.Conv2D(1, 4, 3, rng=0), nn.ReLU(), nn.GlobalAveragePool2D(), nn.Dense(4, 2, rng=1)
    ... )
    >>> grad_cam(model, np.ones((1, 8, 8, 1), np.float32), 0, layer=2).shape
    (1, 6, 6)
    """
    maps = model[:layer](as_floats(x))
    if maps.ndim != 4:
        raise ValueError(f"expected maps (batch, rows, columns, channels), got {maps.shape}")
    slope = input_gradient(model[layer:], maps, target)
    weights = slope.mean(axis=(1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0)


def occlusion(predict, x, target, *, size, stride=None, fill=0.0):
    """Return how much a class's score falls when a square of an image is covered.

    Source: Zeiler and Fergus (2014), section 4.2. Captum: ``Occlusion``.

    Parameters
    ----------
    predict : callable
        From (batch, height, width, channels) to scores (batch, classes).
    x : array of shape (height, width, channels)
        One image.
    target : int
    size, stride : int
        Of the square; from one square to the next (``size``, if not given).
    fill : float or array
        What covers: a number, a color, or another image.

    Returns
    -------
    array of shape (rows, columns)
        Positive where the covered square spoke for the class.

    Examples
    --------
    >>> image = np.zeros((4, 4, 1))
    >>> image[2:, 2:] = 1.0
    >>> occlusion(lambda batch: batch.sum(axis=(1, 2)), image, 0, size=2)
    array([[0., 0.],
           [0., 4.]])
    """
    stride, x = size if stride is None else stride, as_floats(x)
    rows = range(0, x.shape[0] - size + 1, stride)
    columns = range(0, x.shape[1] - size + 1, stride)
    other = np.broadcast_to(np.asarray(fill, x.dtype), x.shape)
    scores = []
    for i in rows:  # a row of squares at a time
        batch = np.repeat(x[None], len(columns), axis=0)
        for covered, j in zip(batch, columns, strict=True):
            covered[i : i + size, j : j + size] = other[i : i + size, j : j + size]
        scores.append(predict(batch)[:, target])
    return as_floats(predict(x[None]))[0, target] - as_floats(scores)


def removal_curve(predict, x, ranking, target, *, steps=16, fill=0.0, insert=False):
    """Delete the pixels that an explanation ranks first, more and more, and watch the score.

    A ranking that is right about the model makes it fall fast. With ``insert=True``, start from
    ``fill`` and put the pixels back; then it rises fast. Source: Petsiuk, Das and Saenko (2018).

    Parameters
    ----------
    predict, x, target, fill
        As in :func:`occlusion`.
    ranking : array of shape (height, width)
        Pixels with the largest numbers go first.
    steps : int

    Returns
    -------
    shares : array of shape (steps + 1,)
        Of the pixels that are gone (or back), from 0 to 1.
    scores : array of shape (steps + 1,)

    Raises
    ------
    ValueError
        If the ranking has not the size of the image.

    Examples
    --------
    >>> image = np.array([[3.0, 1.0], [0.0, 2.0]])[..., None]
    >>> shares, scores = removal_curve(
    ...     lambda batch: batch.sum(axis=(1, 2)), image, image[..., 0], 0, steps=4
    ... )
    >>> scores
    array([6., 3., 1., 0., 0.])
    """
    x, ranking = as_floats(x), as_floats(ranking)
    if ranking.shape != x.shape[:2]:
        raise ValueError(f"expected a ranking of shape {x.shape[:2]}, got {ranking.shape}")
    place = np.empty(ranking.size, int)
    place[np.argsort(-ranking, axis=None, kind="stable")] = np.arange(ranking.size)
    place = place.reshape(ranking.shape)
    shares = np.linspace(0, 1, steps + 1)
    gone = place[None] < np.round(shares * ranking.size)[:, None, None]
    other = np.asarray(fill, x.dtype)
    batch = np.where((~gone if insert else gone)[..., None], other, x)
    return shares, predict(batch)[:, target]


def scrambled(model, layers, rng=None):
    """Return a copy of a model in which the last ``layers`` layers have forgotten everything.

    Of the layers with parameters, the last ones get their own numbers in a random order: the same
    distribution, nothing of what was learned. An explanation that does not notice cannot be one of
    this model. Source: Adebayo et al. (2018), "cascading randomization".

    Parameters
    ----------
    model : Sequential
    layers : int
    rng : int, Generator or None

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(3, 4, rng=0), nn.ReLU(), nn.Dense(4, 2, rng=1))
    >>> other = scrambled(model, 1, rng=0)
    >>> [bool((a.value == b.value).all()) for a, b in zip(model.parameters(), other.parameters())]
    [True, True, False, True]
    """
    rng, model = np.random.default_rng(rng), copy.deepcopy(model)
    learned = [layer for layer in model.layers if layer.parameters()]
    for layer in learned[len(learned) - layers :]:
        for p in layer.parameters():
            p.value[...] = rng.permutation(p.value.ravel()).reshape(p.value.shape)
    return model


def counterfactual(
    model, x, target, *, norm=1, low=-np.inf, high=np.inf, steps=400, rate=0.5, rounds=8
):
    """Return the nearest inputs that were found for which the model says another class.

    Gradient descent on ``max(0, gap) + strength * size of the change``, where ``gap`` is the
    largest other logit minus the target's. The size is ``sum |d|`` (``norm=1``), whose part of a
    step is soft thresholding, or ``sum d²`` (``norm=2``). There are ``rounds``, with strength 1,
    1/2, 1/4 …; of all points on the way that have the target's answer, the nearest is kept. For a
    linear model with ``gap = w · x + b`` the change has the length ``gap / max |w|``, in one
    number, or ``gap / |w|``, along w. Source: Wachter, Mittelstadt and Russell (2018), equation
    2, with a hinge in place of their square.

    Parameters
    ----------
    model : Layer
        From (batch, ...) to logits (batch, classes). Its parameters' gradients are left alone.
    x : array of shape (batch, ...)
        In units that can be compared: a change by 1 counts alike everywhere.
    target : int, or int array of shape (batch,)
        The class that is wanted.
    norm : {1, 2}
        1: a few numbers change. 2: all change a little.
    low, high : float or array
        Limits of the numbers of x: nothing is looked for beyond them.
    steps, rounds : int
        Of one round; with ever less strength.
    rate : float
        The first step's learning rate; it falls to 0 in a straight line.

    Returns
    -------
    array of the shape of x
        NaN for an example for which nothing was found.

    Raises
    ------
    ValueError
        If the model's output is no table of logits, a class does not exist, or the norm is
        another one.

    Examples
    --------
    The class's logit is 2a + b, the other's 0. To turn the answer, change what counts most:

    >>> import nncourse as nn
    >>> model = nn.Dense(2, 2, rng=0, dtype=np.float64)
    >>> model.kernel.value[...] = [[0, 2], [0, 1]]
    >>> x = np.array([[-1.0, -1.0]])
    >>> np.round(counterfactual(model, x, 1), 1)
    array([[ 0.5, -1. ]])
    >>> np.round(counterfactual(model, x, 1, norm=2), 1)
    array([[ 0.2, -0.4]])
    """
    if norm not in (1, 2):
        raise ValueError(f"expected the norm 1 or 2, got {norm!r}")
    x = floating(as_floats(x))
    low, high = np.asarray(low, x.dtype), np.asarray(high, x.dtype)
    every, numbers = np.arange(len(x)), tuple(range(1, x.ndim))
    wanted = _classes(model(x), target)
    found, least = np.full_like(x, np.nan), np.full(len(x), np.inf)
    for strength in 0.5 ** np.arange(rounds):
        change = np.zeros_like(x)
        for eta in rate * np.linspace(1, 0, steps, endpoint=False):
            logits = model(x + change)
            others = logits.copy()
            others[every, wanted] = -np.inf
            rival = others.argmax(axis=1)
            short = logits[every, wanted] <= others[every, rival]
            size = (np.abs(change) ** norm).sum(axis=numbers)
            nearer = ~short & (size < least)
            found[nearer], least[nearer] = (x + change)[nearer], size[nearer]
            grad = np.zeros_like(logits)
            grad[every, rival], grad[every, wanted] = short, -short.astype(logits.dtype)
            change = change - float(eta) * _back(model, grad)
            pull = float(eta * strength)
            if norm == 1:  # soft thresholding
                change = np.sign(change) * np.maximum(np.abs(change) - pull, 0)
            else:
                change = change / (1 + 2 * pull)
            change = np.clip(change, low - x, high - x)
    return found


def accumulated_effects(predict, x, column, *, intervals=10):
    """Return the accumulated local effects (ALE) of a column: what it does, among real rows.

    The column is cut into intervals with about equally many rows, ``z[0] < z[1] < …``. For each
    row, ``predict`` is asked at both ends of its own interval, the other columns as they are; the
    mean differences of the intervals are summed up. In contrast to partial dependence, no row
    gets a value from far away. Drawn with straight lines, the effects have the mean 0 over the
    rows. Source: Apley and Zhu (2020); R: ``ALEPlot``. For ``predict = a b`` of two standard
    normal columns with correlation r, the effect of a is ``r (a² - 1) / 2``, and its partial
    dependence 0.

    Parameters
    ----------
    predict : callable
        From rows (rows, columns) to numbers (rows,).
    x : array of shape (rows, columns)
    column : int
    intervals : int
        There are fewer if values repeat.

    Returns
    -------
    edges, effects : arrays of shape (intervals + 1,)

    Raises
    ------
    ValueError
        If the column has one value only.

    Examples
    --------
    For a sum, it is the column's own part, whatever the columns have to do with one another:

    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> x[:, 1] = x[:, 0]
    >>> edges, effects = accumulated_effects(lambda rows: 3 * rows[:, 0] + rows[:, 1] ** 2, x, 0)
    >>> bool(np.allclose(np.diff(effects), 3 * np.diff(edges)))
    True
    """
    x = as_floats(x)
    places = np.linspace(0, 1, intervals + 1)
    edges = np.unique(np.quantile(x[:, column], places, method="inverted_cdf"))
    if len(edges) < 2:
        raise ValueError(f"column {column} has the value {edges[0]} only, so there is no effect")
    inside = np.maximum(np.searchsorted(edges, x[:, column]), 1)  # of the upper end
    low, high = x.copy(), x.copy()
    low[:, column], high[:, column] = edges[inside - 1], edges[inside]
    gains, rows = predict(high) - predict(low), np.bincount(inside)[1:]
    steps = np.bincount(inside, gains)[1:] / rows
    effects = np.append(0.0, np.cumsum(steps))
    return edges, effects - np.interp(x[:, column], edges, effects).mean()
