"""Drift: noticing that a model's inputs are no longer those that it was made for.

Labels come late or never, so a monitor watches what is there with each request: a feature, or how
sure the model is. Two measures compare a window of requests with a reference; a CUSUM adds up small
departures from request to request and raises an alarm when their sum is large.
"""

from math import expm1, inf
from statistics import NormalDist

import numpy as np

from .._checks import as_floats, check_positive, finite_numbers, in_order
from .._numbers import positive

__all__ = ["Cusum", "false_alarm_interval", "kolmogorov_smirnov", "population_stability"]


def population_stability(reference, sample, bins=10):
    """Return the population stability index (PSI) of a sample.

    The reference is cut into ``bins`` parts of equal size; with p and q the parts' proportions of
    reference and sample, ``PSI = sum over bins of (q - p) log(q / p)``. It is never negative.
    Without any drift it is about ``(bins - 1) (1 / n + 1 / m)`` for n and m numbers: rules of thumb
    such as "more than 0.1" forget this. Source: Yurdakul (2018).

    Parameters
    ----------
    reference, sample : arrays of numbers
    bins : int
        Half a number is added to each count, so that no logarithm is infinite.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are fewer numbers in the reference than bins, none in the sample, one is not
        finite, or ``bins`` is not a whole number from 2.

    Examples
    --------
    >>> reference = np.arange(1000)
    >>> bool(population_stability(reference, reference[::5]) < 1e-3)
    True
    >>> bool(population_stability(reference, reference[:200]) > 2)
    True
    """
    (bins,) = check_positive(bins=bins)
    if bins < 2:
        raise ValueError("expected two bins or more, got 1: all numbers lie in it, drift or not")
    reference, sample = (as_floats(x).ravel() for x in (reference, sample))
    if len(reference) < bins or not len(sample):
        raise ValueError(
            f"expected at least {bins} numbers for {bins} bins and one to compare, got "
            f"{len(reference)} and {len(sample)}"
        )
    reference, sample = finite_numbers("reference", reference), finite_numbers("sample", sample)
    edges = np.quantile(reference, np.arange(1, bins) / bins)
    counts = (np.bincount(np.searchsorted(edges, x), minlength=bins) for x in (reference, sample))
    p, q = ((c + 0.5) / (c.sum() + 0.5 * bins) for c in counts)
    return float(np.sum((q - p) * np.log(q / p)))


def kolmogorov_smirnov(a, b):
    """Return the largest distance between the distribution functions of two samples.

    ``D = max over x of |F_a(x) - F_b(x)|``, with F(x) the proportion of numbers up to x. Without
    drift, D exceeds ``1.36 sqrt(1 / n + 1 / m)`` in about 5 % of large samples.
    Source: Smirnov (1948).

    Raises
    ------
    ValueError
        If one of the samples is empty, or a number is NaN.

    Examples
    --------
    >>> kolmogorov_smirnov([1, 2, 3, 4], [3, 4, 5, 6])
    0.5
    """
    a, b = np.sort(in_order("a", a)), np.sort(in_order("b", b))
    if not len(a) or not len(b):
        raise ValueError(f"expected numbers in both samples, got {len(a)} and {len(b)}")
    x = np.concatenate([a, b])
    below = (np.searchsorted(each, x, side="right") / len(each) for each in (a, b))
    return float(np.max(np.abs(np.subtract(*below))))


class Cusum:
    """Watch one number from request to request; say when it has become too small.

    Each value is turned into ``z = -Φ⁻¹(u)``, with u its rank among the reference values: without
    drift z is a standard normal variable, whatever the model. Then
    ``S ← max(0, S + z - allowance)``, and S above ``threshold`` is an alarm. Source: Page (1954).

    Parameters
    ----------
    reference : array of numbers
        Values from before, from data that the model was *not* trained on.
    allowance : float
        What z may exceed its mean by without being counted: half of the shift that matters.
    threshold : float
        See :func:`false_alarm_interval`.

    Attributes
    ----------
    sum : float
        S.

    Raises
    ------
    ValueError
        If there are fewer than 10 reference values, a value is NaN, or a setting is not positive.

    Examples
    --------
    >>> monitor = Cusum(np.arange(1000), allowance=0.5, threshold=5)
    >>> [monitor.update(value) for value in (500, 20, 10, 5, 1)]
    [False, False, False, True, True]
    """

    def __init__(self, reference, *, allowance=0.5, threshold=8.0):
        self.allowance = positive("allowance", allowance)
        self.threshold, self.sum = positive("threshold", threshold), 0.0
        self._sorted = np.sort(in_order("reference", reference))
        if len(self._sorted) < 10:
            raise ValueError(
                f"expected at least 10 reference values to rank among, got {len(self._sorted)}"
            )

    def score(self, value):
        """Return z: large for values that are small among the reference's."""
        values = in_order("a request", value)
        if len(values) != 1:
            raise ValueError(
                f"expected the one number of one request, got {len(values)}. Several requests? "
                "[monitor.update(value) for value in values]"
            )
        both = (np.searchsorted(self._sorted, values[0], side=side) for side in ("left", "right"))
        return -NormalDist().inv_cdf((sum(map(int, both)) + 1) / (2 * len(self._sorted) + 2))

    def update(self, value):
        """Take the value of one more request; return whether S is above the threshold."""
        self.sum = max(0.0, self.sum + self.score(value) - self.allowance)
        return self.sum > self.threshold


def false_alarm_interval(allowance, threshold):
    """Return after how many requests, on average, a :class:`Cusum` gives a false alarm.

    ``(exp(2 k b) - 2 k b - 1) / (2 k²)`` with k the allowance and b = threshold + 1.166, good to a
    few percent. Source: Siegmund (1985), equation 2.57.

    Raises
    ------
    ValueError
        If a setting is not positive.

    Examples
    --------
    >>> round(false_alarm_interval(0.5, 5))
    938
    """
    allowance, threshold = positive("allowance", allowance), positive("threshold", threshold)
    bound = threshold + 1.166
    exponent = 2 * allowance * bound
    if exponent < 1e-5:  # exp(x) - x - 1, for x² / 2 (1 + x / 3), would lose its digits
        return bound * bound * (1 + exponent / 3)
    try:
        return (expm1(exponent) - exponent) / (2 * allowance**2)
    except OverflowError:
        return inf
