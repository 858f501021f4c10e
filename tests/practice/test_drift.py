"""Drift measures against SciPy, against published run lengths, and on data without drift."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import stats

from nncourse.practice.drift import (
    Cusum,
    false_alarm_interval,
    kolmogorov_smirnov,
    population_stability,
)


@pytest.mark.parametrize("seed", range(5))
def test_kolmogorov_smirnov_is_scipys(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 30, 40), rng.normal(12, 5, 33).round()
    assert kolmogorov_smirnov(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)


def test_population_stability_of_two_bins_by_hand():
    """Counts 2 and 2 against 3 and 1, half a number added to each."""
    p, q = np.array([2.5, 2.5]) / 5, np.array([3.5, 1.5]) / 5
    expected = (0.7 - 0.5) * np.log(0.7 / 0.5) + (0.3 - 0.5) * np.log(0.3 / 0.5)
    assert sum((q - p) * np.log(q / p)) == pytest.approx(expected)
    assert population_stability([1, 2, 3, 4], [1, 1, 2, 9], bins=2) == pytest.approx(expected)


def test_without_drift_the_index_has_the_mean_that_is_stated():
    rng = np.random.default_rng(0)
    found = [population_stability(*np.split(rng.normal(size=1200), [1000])) for _ in range(300)]
    assert np.mean(found) == pytest.approx(9 * (1 / 1000 + 1 / 200), rel=0.1)


@pytest.mark.parametrize("threshold, published", [(4, 335.4), (5, 930.9)])
def test_the_interval_between_false_alarms_is_the_published_one(threshold, published):
    """Run lengths of one-sided CUSUM charts with k = 0.5 (Montgomery; Hawkins and Olwell)."""
    assert false_alarm_interval(0.5, threshold) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize("allowance", [1e-200, 1e-9, 8e-7, 9e-7, 1e-3, 0.5, 50, 57, 59])
def test_the_interval_has_its_digits_for_any_allowance(allowance):
    """Against the formula in 600 digits; what is too large for a float is infinite."""
    with localcontext(prec=600):
        k, b = Decimal(allowance), Decimal(5) + Decimal("1.166")
        expected = float(((2 * k * b).exp() - 2 * k * b - 1) / (2 * k * k))
    assert false_alarm_interval(allowance, 5) == pytest.approx(expected, rel=1e-9)
    assert (expected == float("inf")) == (allowance == 59)


def test_scores_without_drift_are_normal():
    rng = np.random.default_rng(0)
    monitor = Cusum(rng.exponential(size=4000))
    z = [monitor.score(value) for value in rng.exponential(size=4000)]
    assert abs(np.mean(z)) < 0.06 and np.std(z) == pytest.approx(1, abs=0.05)
    assert monitor.score(-1) > 3 and monitor.score(1e9) < -3


def test_a_shift_is_noticed_soon():
    rng = np.random.default_rng(0)
    monitor = Cusum(rng.normal(size=2000), threshold=8)
    alarms = [monitor.update(value) for value in rng.normal(-1.5, 1, 60)]
    assert alarms.index(True) < 25


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: population_stability([1, 2], [1], bins=3),
        lambda: population_stability(range(9), []),
        lambda: kolmogorov_smirnov([], [1]),
        lambda: Cusum(range(9)),
        lambda: Cusum(range(99), allowance=0),
        lambda: Cusum(range(99), threshold=-1),
    ],
)
def test_wrong_settings_are_explained(wrong):
    with pytest.raises(ValueError, match=r"expected|positive number, got (0|-1)"):
        wrong()


def test_half_a_standard_deviation_and_eight_are_the_usual_settings():
    """A false alarm in about 19,000 requests; ten bins, ten values to rank among."""
    monitor = Cusum(range(10))
    assert (monitor.allowance, monitor.threshold, monitor.sum) == (0.5, 8.0, 0.0)
    a, b = np.arange(1000.0), np.arange(300.0, 1100)
    assert population_stability(a, b) == population_stability(a, b, bins=10)
    assert population_stability(a, b) != population_stability(a, b, bins=11)
    for _ in range(4):  # smaller than all ten: u = 1 / 22
        alarm = monitor.update(-1)
    assert monitor.sum == pytest.approx(4 * (stats.norm.isf(1 / 22) - 0.5)) and not alarm
