"""What the symbols of the page "Mathematics in pictures" stand for."""

from itertools import product

import numpy as np

from equations import Chapter, draws

chapter = Chapter("mathematics")
A, X, U, V, S = r"\mathbf{A}", r"\mathbf{X}", r"\mathbf{U}", r"\mathbf{V}", r"\mathbf{s}"


@chapter.evaluates("eq-math-eigenvector", "eq-math-spectral")
def eigenvectors(rng):
    half = rng.normal(size=(4, 4))
    symmetric = half + half.T
    values, vectors = np.linalg.eigh(symmetric)
    k = int(rng.integers(4))
    return {
        A: symmetric,
        r"\mathbf{v}": vectors[:, k],
        "c": values[k],
        V: vectors,
        r"\mathbf{c}": values,
    }


@chapter.evaluates("eq-math-svd", "eq-math-svd-eigen")
def singular_values(rng):
    x = rng.normal(size=(7, 3))
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return {X: x, U: u, S: s, V: vt.T}


@chapter.evaluates("eq-math-svd-sum")
def sum_of_simple_tables(rng):
    x = rng.normal(size=(7, 3))
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return {X: x, S: s, U: u.T, V: vt, "d": 3}  # here rows are the vectors


@chapter.evaluates("eq-math-taylor", "eq-math-central")
def taylor(rng, h=0.05):
    shift = rng.uniform(0.3, 0.6)
    return {
        "f": lambda x: np.exp(0.7 * x) + np.sin(x + shift),
        "a": rng.uniform(0.2, 0.5),
        "h": h,
    }


@chapter.evaluates("eq-math-four-points")
def four_points(rng):
    return taylor(rng, h=0.2)  # smaller, and the remainder hides in the tolerance


def _all_pairs(rng):
    """Return two quantities that are independent to the last digit: all pairs of their values."""
    x, y = rng.normal(1, 2, size=5), rng.normal(-2, 3, size=7)
    return np.repeat(x, 7), np.tile(y, 5)


@chapter.evaluates("eq-math-expectation")
def expectation(rng):
    values, times = rng.normal(2, 1, size=4), np.array([1, 2, 3, 4])
    return {
        "x": draws(np.repeat(values, times)),
        r"\mathbf{x}": values,
        r"\mathbf{p}": times / times.sum(),
    }


chapter.equivalent(
    "eq-math-sums",
    "flip sign 3",
    "A difference has the variance of the sum: the square of -1 is 1.",
)


@chapter.evaluates("eq-math-variance", "eq-math-sums")
def variance(rng):
    x, y = _all_pairs(rng)
    return {
        "x": draws(x),
        "y": draws(y),
        "a": rng.uniform(2, 3),
        r"\operatorname{Var}": lambda samples: np.mean(samples**2) - np.mean(samples) ** 2,
    }


@chapter.evaluates("eq-math-mean")
def mean(rng):
    x = rng.normal(size=4)
    means = [np.mean(three) for three in product(x, repeat=3)]
    return {"x": draws(np.tile(x, 16)), "m": draws(means), "n": 3}
