"""Membership inference: scores and rates against hand computation and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from nncourse import activations
from nncourse.practice import membership


def test_confidence_is_the_log_odds_and_does_not_saturate():
    z, y = np.random.default_rng(0).normal(size=(20, 5)), np.arange(20) % 5
    p = activations.softmax(z)[np.arange(20), y]
    np.testing.assert_allclose(membership.confidence(z, y), np.log(p / (1 - p)), atol=1e-12)
    sure = np.array([[200.0, 0.0], [300.0, 0.0]])  # both probabilities are 1.0
    np.testing.assert_array_equal(membership.confidence(sure, np.array([0, 0])), [200, 300])
    np.testing.assert_array_equal(z, np.random.default_rng(0).normal(size=(20, 5)))


def test_rates_equal_the_roc_curve():
    rng = np.random.default_rng(0)
    members = rng.random(500) < 0.4
    scores = np.round(rng.normal(size=500) + members, 1)  # with ties
    false, true = membership.operating_points(scores, members)
    expected = roc_curve(members, scores, drop_intermediate=False)
    np.testing.assert_allclose(false, expected[0])
    np.testing.assert_allclose(true, expected[1])
    advantage, rates = membership.attack_rates(scores, members, at=(0.0, 0.05, 1.0))
    assert advantage == pytest.approx(np.max(expected[1] - expected[0]))
    assert rates == [pytest.approx(true[false <= a].max()) for a in (0.0, 0.05, 1.0)]


def test_equal_scores_give_no_power():
    advantage, rates = membership.attack_rates(np.ones(10), np.arange(10) < 5)
    assert (advantage, rates) == (0.0, [0.0, 0.0])


@pytest.mark.parametrize("members", [[1, 1], [0, 0]])
def test_both_kinds_are_needed(members):
    with pytest.raises(ValueError, match="members and of others"):
        membership.operating_points([1.0, 2.0], members)


def test_likelihood_ratio_by_hand():
    c = np.array([[5.0], [4.0], [6.0], [1.0], [3.0]])
    inside = np.array([[True], [True], [True], [False], [False]])
    # Model 0: others in 4 and 6 (mean 5, variance 2), out 1 and 3 (mean 2, variance 2).
    expected = -0.0 / 4 + (5 - 2) ** 2 / 4
    assert membership.likelihood_ratios(c, inside)[0, 0] == pytest.approx(expected)


def test_likelihood_ratios_beat_the_plain_score_when_examples_differ_in_difficulty():
    rng = np.random.default_rng(0)
    members = rng.random((30, 400)) < 0.5
    c = rng.normal(size=(30, 400)) + rng.normal(0, 4, 400) + 2.5 * members
    plain, (rare, _) = membership.attack_rates(c, members)
    ratio, (often, _) = membership.attack_rates(membership.likelihood_ratios(c, members), members)
    assert ratio > plain + 0.3 and often > 10 * rare


def test_chance_stays_chance():
    rng = np.random.default_rng(0)
    members = rng.random((20, 1000)) < 0.5
    scores = membership.likelihood_ratios(rng.normal(size=(20, 1000)), members)
    advantage, (rare, _) = membership.attack_rates(scores, members)
    assert advantage < 0.03 and rare < 0.004


def test_tables_that_do_not_fit():
    with pytest.raises(ValueError, match="two tables"):
        membership.likelihood_ratios(np.ones((3, 4)), np.ones((4, 3), bool))
    with pytest.raises(ValueError, match="never in, or never out"):
        membership.likelihood_ratios(np.ones((3, 4)), np.ones((3, 4), bool))


def test_rates_are_told_at_a_thousandth_and_a_hundredth():
    """Carlini et al. (2022) ask for the true-positive rate at 0.1 % and at 1 %."""
    scores = np.concatenate([np.arange(1000) + 0.5, [999, 998.9, 989, 500]])
    members = np.arange(1004) >= 1000
    # Above 999 lies one of 1,000 others, above 989 lie eleven of them.
    assert membership.attack_rates(scores, members)[1] == [0.5, 0.5]
    scores[-2] = 990
    assert membership.attack_rates(scores, members)[1] == [0.5, 0.75]


def test_likelihood_ratios_with_one_model_on_a_side_and_a_wrong_shape():
    c = np.array([[1.0, 2.0], [3.0, 1.0], [0.5, 4.0], [2.0, 2.5]])
    inside = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
    found = membership.likelihood_ratios(c, inside)
    assert found.shape == (4, 2) and np.isfinite(found).all()
    for shape in ((4,), (2, 2, 2)):
        with pytest.raises(ValueError, match="two tables"):
            membership.likelihood_ratios(np.ones(shape), np.ones(shape, bool))
    for logits, labels in ((np.zeros(3), [0, 0, 0]), (np.zeros((2, 3)), [0]), (0.0, 0)):
        with pytest.raises(ValueError, match=r"logits \(n, classes\) and n labels"):
            membership.confidence(logits, labels)
