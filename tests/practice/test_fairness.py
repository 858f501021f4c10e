"""Group rates and intervals against published examples; the impossibility."""

import numpy as np
import pytest

from nncourse.practice import fairness
from nncourse.practice.fairness import Rate


def test_wilson_intervals_of_the_literature():
    """Newcombe (1998), Statistics in Medicine 17, 857–872, table I, method 3."""
    for part, whole, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        rate = Rate(part, whole, z=1.959964)
        assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)
    assert np.isnan(Rate(0, 0).value) and (Rate(0, 0).low, Rate(0, 0).high) == (0, 1)


def test_intervals_of_differences_of_the_literature():
    """Newcombe (1998), Statistics in Medicine 17, 873–890, table II, method 10."""
    for a, b, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ):
        found = fairness.rate_difference(Rate(*a, z=1.959964), Rate(*b, z=1.959964))
        np.testing.assert_allclose(found[1:], (low, high), atol=6e-5)


def test_intervals_cover_what_they_promise():
    rng = np.random.default_rng(0)
    for n, p in ((30, 0.1), (190, 0.58)):
        rates = [Rate(int(k), n) for k in rng.binomial(n, p, 3000)]
        assert 0.93 < np.mean([r.low <= p <= r.high for r in rates]) < 0.975


def test_group_rates_by_hand():
    decision = [1, 1, 1, 0, 0, 1, 0, 0]
    outcome = [1, 1, 0, 1, 0, 1, 0, 0]
    rates = fairness.group_rates(decision, outcome, list("aaaaabbb"))
    a = {name: (r.part, r.whole) for name, r in rates["a"].items()}
    assert a == {
        "base": (3, 5), "selected": (3, 5), "true_positive": (2, 3), "false_positive": (1, 2),
        "precision": (2, 3),
    }  # fmt: skip
    assert (rates["b"]["false_positive"].part, rates["b"]["false_positive"].whole) == (0, 2)


def test_impossibility_holds_of_every_group():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 4, 2000)
    outcome = (rng.random(2000) < 0.2 + 0.2 * groups).astype(int)
    decision = (rng.random(2000) < 0.3 + 0.4 * outcome).astype(int)
    for rates in fairness.group_rates(decision, outcome, groups).values():
        implied = fairness.implied_false_positives(
            rates["base"].value, rates["precision"].value, rates["true_positive"].value
        )
        assert implied == pytest.approx(rates["false_positive"].value)


def test_thresholds_reach_their_rate_and_no_more():
    rng = np.random.default_rng(0)
    scores, outcome = rng.random(101), rng.integers(0, 2, 101)
    for wanted in (0.01, 0.5, 0.73, 1.0):
        found = fairness.threshold_for(scores, outcome, wanted)
        good = scores[outcome == 1]
        assert np.mean(good >= found) >= wanted > np.mean(good > found)
    with pytest.raises(ValueError, match="somebody whose outcome"):
        fairness.threshold_for([0.5], [0], 0.5)


@pytest.mark.parametrize(
    ("decision", "outcome", "groups", "words"),
    [
        ([1, 0], [1], ["a", "b"], "three arrays"),
        ([0.7, 0], [1, 0], ["a", "b"], "a decision of 0 or 1"),
        ([1, 0], [2, 1], ["a", "b"], "an outcome of 0 or 1|a outcome of 0 or 1"),
    ],
)
def test_what_are_no_decisions(decision, outcome, groups, words):
    with pytest.raises(ValueError, match=words):
        fairness.group_rates(decision, outcome, groups)


def test_shapes_and_shares_at_their_borders():
    scores, outcome = [0.9, 0.1, 0.5, 0.7], [0, 1, 1, 1]
    for wanted, threshold in ((0, 0.7), (1 / 3, 0.7), (0.34, 0.5), (2 / 3, 0.5), (1, 0.1)):
        assert fairness.threshold_for(scores, outcome, wanted) == threshold
    for shape in ((), (1, 1)):
        with pytest.raises(ValueError, match=r"three arrays \(n,\), got"):
            fairness.group_rates(*[np.ones(shape, int)] * 3)
    assert Rate(0, 5).low == 0 and Rate(5, 5).high == 1 and Rate(0, 5).value == 0
    assert fairness.implied_false_positives(0, 1, 1) == 0
    for wrong in ((-0.1, 0.5, 0.5), (1, 0.5, 0.5), (0.5, -0.1, 0.5), (0.5, 1.1, 0.5), (0.5, 1, 2)):
        with pytest.raises(ValueError, match="is a number from"):
            fairness.implied_false_positives(*wrong)
    assert Rate(3, 4) == Rate(3, 4, z=1.96)  # 95 %: scipy.stats.norm.ppf(0.975)
