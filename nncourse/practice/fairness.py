"""Fairness between groups: what a decision does to each, with intervals, and what cannot be had.

A decision is 1 (granted) or 0; the outcome is 1 (would have been good) or 0. A group's
*selection rate* is how many are granted, its *base rate* how many are good. Two rates condition on
the outcome (true and false positives), one on the decision (precision). Where base rates differ,
they cannot all be equal: :func:`implied_false_positives`.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .._checks import in_order
from .._numbers import number, share

__all__ = [
    "Rate",
    "group_rates",
    "implied_false_positives",
    "rate_difference",
    "threshold_for",
]


@dataclass(frozen=True)
class Rate:
    """A proportion ``part / whole`` with its Wilson interval of 95 %.

    ``(p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)`` with z = 1.96: unlike
    ``p ± z sqrt(p (1 - p) / n)`` it is right for small n, and never leaves [0, 1].
    Source: Wilson (1927).

    Attributes
    ----------
    value, low, high : float
        NaN, 0 and 1 if the whole is empty.

    Raises
    ------
    ValueError
        If a count is negative or no number, or the part is larger than the whole.

    Examples
    --------
    >>> Rate(9, 10)
    90% (60–98%)
    """

    part: int
    whole: int
    z: float = 1.96

    def __post_init__(self):
        whole = number("the whole of a rate", self.whole, "a count, 0 or more", lambda n: n >= 0)
        wanted = f"a count from 0 to the whole, {whole:g}"
        number("the part of a rate", self.part, wanted, lambda k: 0 <= k <= whole)

    @property
    def value(self):
        return float(self.part) / float(self.whole) if self.whole else float("nan")

    @property
    def low(self):
        return self._ends()[0]

    @property
    def high(self):
        return self._ends()[1]

    def _ends(self):
        if not self.whole:
            return 0.0, 1.0
        n, p, z = float(self.whole), self.value, self.z  # np.uint8 would overflow
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        middle, scale = p + z * z / (2 * n), 1 + z * z / n
        return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)

    def __repr__(self):
        return f"{self.value:.0%} ({100 * self.low:.0f}–{self.high:.0%})"


def group_rates(decision, outcome, groups):
    """Return five rates of each group.

    Parameters
    ----------
    decision, outcome : arrays of 0 and 1, of shape (n,)
    groups : array of shape (n,)
        The name of each one's group.

    Returns
    -------
    dict
        From a group's name to its rates: ``base`` (of all, how many are good), ``selected`` (of
        all, how many are granted), ``true_positive`` (of the good), ``false_positive`` (of the
        others), ``precision`` (of the granted, how many are good).

    Raises
    ------
    ValueError
        If the shapes differ, or something is neither 0 nor 1.

    Examples
    --------
    >>> rates = group_rates([1, 1, 0, 0], [1, 0, 1, 1], ["a", "a", "b", "b"])
    >>> rates["a"]["precision"].value, rates["b"]["true_positive"].value
    (0.5, 0.0)
    """
    decision, outcome, groups = (np.asarray(a) for a in (decision, outcome, groups))
    if not decision.shape == outcome.shape == groups.shape or decision.ndim != 1:
        raise ValueError(
            f"expected three arrays (n,), got {decision.shape}, {outcome.shape}, {groups.shape}"
        )
    for name, values in (("decision", decision), ("outcome", outcome)):
        if not np.isin(values, (0, 1)).all():
            raise ValueError(f"expected a {name} of 0 or 1, got {np.unique(values)[:5]}")
    decision, outcome = decision.astype(bool), outcome.astype(bool)
    found = {}
    for group in np.unique(groups).tolist():
        d, y = decision[groups == group], outcome[groups == group]
        found[group] = {
            "base": Rate(int(y.sum()), len(y)),
            "selected": Rate(int(d.sum()), len(d)),
            "true_positive": Rate(int(d[y].sum()), int(y.sum())),
            "false_positive": Rate(int(d[~y].sum()), int((~y).sum())),
            "precision": Rate(int(y[d].sum()), int(d.sum())),
        }
    return found


def rate_difference(a, b):
    """Return the difference of two rates, and its interval of 95 %: ``(value, low, high)``.

    ``low = d - sqrt((a - a.low)² + (b.high - b)²)``, and the other way round for the high end.
    Source: Newcombe (1998), method 10.

    Raises
    ------
    TypeError
        If one is no :class:`Rate`: a number alone does not say of how many.

    Examples
    --------
    >>> [round(end, 3) for end in rate_difference(Rate(56, 70), Rate(48, 80))]
    [0.2, 0.052, 0.334]
    """
    for rate in (a, b):
        if not isinstance(rate, Rate):
            raise TypeError(f"expected two rates, Rate(part, whole), got {rate!r:.60}")
    d = a.value - b.value
    low = d - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = d + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return d, low, high


def implied_false_positives(base, precision, true_positive):
    """Return the false-positive rate that a base rate, a precision and a recall leave no choice of.

    ``FPR = TPR * p / (1 - p) * (1 - PPV) / PPV`` with p the base rate. Source: Chouldechova (2017),
    equation 2.6. Above 1, no decision has this precision and this recall at once.

    Raises
    ------
    ValueError
        If a rate is not between 0 and 1; base rate 1 and precision 0 leave nothing to divide by.

    Examples
    --------
    >>> round(implied_false_positives(0.5, 0.8, 0.6), 6)
    0.15
    """
    base = number("base", base, "a number from 0 to below 1", lambda v: 0 <= v < 1)
    precision = number("precision", precision, "a number from above 0 to 1", lambda v: 0 < v <= 1)
    recall = share("true_positive", true_positive)
    return recall * base / (1 - base) * (1 - precision) / precision


def threshold_for(scores, outcome, true_positive):
    """Return the highest threshold at which at least this proportion of the good are granted.

    Granted is who has ``score >= threshold``. Used for each group by itself it makes their
    true-positive rates equal ("equal opportunity", Hardt, Price and Srebro, 2016).

    Raises
    ------
    ValueError
        If nobody is good, the shapes differ, a score is NaN, an outcome is neither 0 nor 1, or the
        rate is not in [0, 1].

    Examples
    --------
    >>> threshold_for(np.array([0.9, 0.2, 0.6, 0.4]), np.array([1, 0, 1, 1]), 0.6)
    0.6
    """
    scores, outcome = in_order("scores", scores), np.ravel(outcome)
    true_positive = share("true_positive", true_positive)
    if scores.shape != outcome.shape or not np.isin(outcome, (0, 1)).all():
        raise ValueError(
            f"expected an outcome of 0 or 1 for each score, got {scores.size} scores and "
            f"{outcome.size} outcomes, {np.unique(outcome)[:5]}"
        )
    good = np.sort(scores[outcome == 1])[::-1]
    if not len(good):
        raise ValueError(f"expected somebody whose outcome is 1, got {outcome.size} times 0")
    needed = max(int(np.ceil(true_positive * len(good) - 1e-9)), 1)
    return float(good[needed - 1])
