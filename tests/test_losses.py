"""Losses: hand-worked values, gradients, and the silent broadcast that must not happen."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nncourse import losses
from nncourse.gradcheck import check_function

ELEMENTWISE = ["mean_squared_error", "mean_absolute_error", "huber", "sigmoid_binary_cross_entropy"]
numbers = arrays(np.float64, (4, 3), elements=st.floats(-20, 20))


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "expected"),
    [
        (losses.mean_squared_error, [1.0, 2.0, 4.0], [0.0, 0.0, 0.0], 7.0),
        (losses.mean_absolute_error, [1.0, -2.0, 3.0], [0.0, 0.0, 0.0], 2.0),
        (losses.huber, [0.5, -3.0], [0.0, 0.0], (0.125 + 2.5) / 2),
        (losses.sigmoid_binary_cross_entropy, [math.log(3.0)], [1.0], -math.log(0.75)),
        (losses.softmax_cross_entropy, [[math.log(3.0), 0.0]], [1], math.log(4.0)),
        (losses.softmax_cross_entropy, [[0.0, 0.0]], [[0.5, 0.5]], math.log(2.0)),
    ],
)
def test_hand_worked_values(loss, prediction, target, expected):
    assert loss(np.array(prediction), np.array(target))[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(prediction=numbers, target=arrays(np.float64, (4, 3), elements=st.floats(0, 1)))
def test_gradients_of_element_wise_losses(name, prediction, target):
    error = prediction - target
    near_kink = np.minimum(np.abs(error), np.abs(np.abs(error) - 1)) < 1e-3
    prediction = np.where(near_kink, target + 0.5, prediction)
    loss = getattr(losses, name)
    value, grad = loss(prediction, target)
    assert value >= 0
    check_function(lambda p: loss(p, target)[0], grad, prediction, tolerance=1e-5)


@given(logits=numbers, labels=arrays(np.int64, 4, elements=st.integers(0, 2)))
def test_softmax_cross_entropy_of_classes_and_of_their_one_hot_rows(logits, labels):
    value, grad = losses.softmax_cross_entropy(logits, labels)
    same, same_grad = losses.softmax_cross_entropy(logits, np.eye(3)[labels])
    assert value == pytest.approx(same, abs=1e-12)
    np.testing.assert_allclose(grad, same_grad, atol=1e-15)
    np.testing.assert_allclose(grad.sum(axis=1), 0, atol=1e-15)
    check_function(
        lambda z: losses.softmax_cross_entropy(z, labels)[0], grad, logits, tolerance=1e-5
    )


def test_all_axes_but_the_last_are_examples():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(2, 5, 3)), rng.integers(0, 3, (2, 5))
    value, grad = losses.softmax_cross_entropy(logits, labels)
    flat, flat_grad = losses.softmax_cross_entropy(logits.reshape(10, 3), labels.reshape(10))
    assert value == flat
    np.testing.assert_array_equal(grad.reshape(10, 3), flat_grad)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_do_not_overflow(dtype):
    value, grad = losses.softmax_cross_entropy(np.array([[1e4, -1e4]], dtype), np.array([1]))
    assert value == 2e4 and np.isfinite(grad).all() and grad.dtype == dtype
    logits, target = np.array([-1e4, 1e4], dtype), np.array([0, 1])
    value, grad = losses.sigmoid_binary_cross_entropy(logits, target)
    assert value == 0 and not grad.any() and grad.dtype == dtype


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_column_against_vector_is_refused(name):
    """A published program subtracts (100,) from (100, 1) and trains on a 100 × 100 table."""
    words = re.escape("got (100, 1) and (100,). Reshape one of them")
    with pytest.raises(ValueError, match=words):
        getattr(losses, name)(np.zeros((100, 1)), np.zeros(100))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_no_element_is_refused(name):
    with pytest.raises(ValueError, match="at least one element"):
        getattr(losses, name)(np.zeros((0, 1)), np.zeros((0, 1)))


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("logits", "target", "words"),
    [
        (
            LOGITS,
            np.array([0, 3]),
            "from 0 to 2, got values from 0 to 3. Do the labels start at 0?",
        ),
        (LOGITS, np.array([-1, 0]), "got values from -1 to 0"),
        (LOGITS, np.ones((2, 3), int), "rows that are not negative and sum to 1"),
        (LOGITS, np.array([0.0, 1.0]), "Integer classes stored as floats?"),
        (LOGITS, np.array([0, 1, 2]), "class numbers of shape (2,)"),
        (LOGITS, np.array([[0], [1]]), "A column of labels? Use target[:, 0]."),
        (LOGITS, np.full((2, 3), "a"), "got <U1"),
        (LOGITS, np.full((2, 3), 0.5), "sums from 1.5 to 1.5"),
        (LOGITS, np.array([[2.0, -1, 0], [1, 0, 0]]), "a minimum of -1"),
        (np.zeros((0, 3)), np.zeros(0, int), "at least one example"),
        (np.array(0.5), np.array(0), "at least one example, got float64 of shape ()"),
        (np.zeros((2, 3), complex), np.array([0, 1]), "real numbers, with at least one example"),
    ],
)
def test_wrong_targets_of_softmax_cross_entropy(logits, target, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        losses.softmax_cross_entropy(logits, target)


def test_labels_of_minus_one_and_one_are_refused():
    with pytest.raises(ValueError, match=r"values from -1.0 to 1.0. Map labels"):
        losses.sigmoid_binary_cross_entropy(np.zeros(2), np.array([-1, 1]))


@pytest.mark.parametrize("delta", [0, -1, math.nan])
def test_huber_needs_a_positive_delta(delta):
    with pytest.raises(ValueError, match=f"delta > 0, got {delta}"):
        losses.huber(np.zeros(1), np.zeros(1), delta=delta)


def test_smoothed_labels_by_hand():
    rows = losses.smooth_labels(np.array([[0], [2]]), 3, amount=0.3, dtype=float)
    np.testing.assert_allclose(rows, [[[0.8, 0.1, 0.1]], [[0.1, 0.1, 0.8]]], rtol=1e-15)


def test_the_loss_with_smoothed_labels_is_least_at_the_smoothed_odds():
    target = losses.smooth_labels(np.array([1]), 4, amount=0.2, dtype=float)
    _, grad = losses.softmax_cross_entropy(np.log(target), target)
    np.testing.assert_allclose(grad, 0, atol=1e-15)


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        ([3], {}, "class numbers from 0 to 2, got values from 3 to 3"),
        ([-1], {}, "got values from -1 to -1"),
        ([1.0], {}, "whole and from 0, got float64"),
        ([1], {"amount": 1.5}, "0 <= amount <= 1, got 1.5"),
        ([1], {"amount": float("nan")}, "got nan"),
    ],
)
def test_labels_that_cannot_be_smoothed_are_refused(labels, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        losses.smooth_labels(np.array(labels), 3, **options)


ALL = [*ELEMENTWISE, "softmax_cross_entropy"]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", [list, np.uint8, np.int8, np.int64])
def test_whole_numbers_and_lists_count_as_floats(name, kind):
    prediction, target = [[5, 3], [0, 2]], [[0, 1], [1, 0]]
    loss = getattr(losses, name)
    expected, expected_grad = loss(np.array(prediction, float), np.array(target, float))
    given = (prediction, target) if kind is list else (kind(prediction), kind(target))
    value, grad = loss(*given)
    assert value == expected
    np.testing.assert_array_equal(grad, expected_grad)


@pytest.mark.parametrize("name", ALL)
def test_half_precision_is_summed_in_more(name):
    """Squares beyond 65,504 and ten thousand small terms: float16 holds neither."""
    rng = np.random.default_rng(0)
    prediction = rng.normal(0, 300, (10_000, 2)).astype(np.float16)
    target = np.eye(2)[rng.integers(0, 2, 10_000)]
    loss = getattr(losses, name)
    value, grad = loss(prediction, target)
    expected, expected_grad = loss(prediction.astype(float), target)
    assert value == pytest.approx(expected, rel=1e-5)
    assert grad.dtype == np.float16
    np.testing.assert_allclose(grad, expected_grad, rtol=1e-3, atol=6e-8)


INF = math.inf


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("logits", "target", "loss", "grad"),
    [
        ([0.0, 1.0, -INF], 1, math.log(1 + math.exp(-1)), [0.26894142, -0.26894142, 0]),
        ([0.0, 1.0, -INF], [0, 1, 0], math.log(1 + math.exp(-1)), [0.26894142, -0.26894142, 0]),
        ([0.0, 0.0, -INF], [0.5, 0.5, 0], math.log(2), [0, 0, 0]),
        ([0.0, 0.0, -INF], 2, INF, [0.5, 0.5, -1]),
        ([0.0, 0.0, -INF], [0.5, 0, 0.5], INF, [0, 0.5, -0.5]),
    ],
)
def test_an_impossible_class(logits, target, loss, grad, dtype):
    value, found = losses.softmax_cross_entropy(np.array([logits], dtype), np.array([target]))
    assert value == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(found, [grad], atol=2e-4 if dtype == np.float16 else 1e-7)


@pytest.mark.parametrize(
    ("logit", "target", "loss", "grad"),
    [
        (-INF, 0, 0, 0),
        (INF, 1, 0, 0),
        (INF, 0, INF, 1),
        (-INF, 1, INF, -1),
        (INF, 0.25, INF, 0.75),
        (-INF, 0.25, INF, -0.25),
    ],
)
def test_a_binary_answer_without_doubt(logit, target, loss, grad):
    value, found = losses.sigmoid_binary_cross_entropy([logit], [target])
    assert (value, found[0]) == (loss, grad)


@pytest.mark.parametrize("name", ALL)
def test_a_weight_counts_an_example_that_often(name):
    """Twice an example, or weight 2: the same sum, over the number of examples that were given."""
    rng = np.random.default_rng(1)
    prediction, target = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 1]]
    weight = np.array([2, 0, 1, 1])
    loss = getattr(losses, name)
    value, grad = loss(prediction, target, sample_weight=weight)
    rows = [0, 0, 2, 3]
    assert value == pytest.approx(loss(prediction[rows], target[rows])[0], rel=1e-12)
    check_function(lambda p: loss(p, target, sample_weight=weight)[0], grad, prediction)
    assert not grad[1].any()


def test_weights_of_classes_and_of_steps():
    logits, labels = np.random.default_rng(3).normal(size=(2, 5, 3)), np.ones((2, 5), int)
    weight = np.arange(10.0).reshape(2, 5)
    value, grad = losses.softmax_cross_entropy(logits, labels, sample_weight=weight)
    flat, flat_grad = losses.softmax_cross_entropy(
        logits.reshape(10, 3), labels.ravel(), sample_weight=weight.ravel()
    )
    assert value == flat
    np.testing.assert_array_equal(grad.reshape(10, 3), flat_grad)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ([1, 2], "one sample_weight for each example, (3,), got (2,)"),
        (1.0, "got ()"),
        ([1, -1, 0], "sample_weight >= 0, all finite, got values from -1.0 to 1.0"),
        ([1, np.nan, 0], "all finite"),
        ([1, np.inf, 0], "all finite"),
    ],
)
def test_senseless_weights_are_refused(weight, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        losses.mean_squared_error(np.zeros(3), np.zeros(3), sample_weight=weight)


def test_huber_bends_at_one():
    """Keras and PyTorch have the same default."""
    assert losses.huber([1.0], [0.0])[0] == 0.5 and losses.huber([3.0], [0.0])[0] == 2.5


def test_labels_are_smoothed_by_a_tenth():
    """The amount of Szegedy et al. (2016), section 7."""
    np.testing.assert_allclose(losses.smooth_labels([0], 2), [[0.95, 0.05]], rtol=1e-6)
    assert losses.smooth_labels([0], 2).dtype == np.float32


def test_rows_may_miss_1_by_a_thousandth():
    losses.softmax_cross_entropy(np.zeros((1, 2)), [[0.5, 0.5009]])
    with pytest.raises(ValueError, match=r"sums from 1 to 1"):
        losses.softmax_cross_entropy(np.zeros((1, 2)), [[0.5, 0.5012]])


def test_many_classes_are_smoothed_without_a_table_of_their_pairs():
    y = losses.smooth_labels(np.array([99_999, 0]), 100_000, amount=0.5)
    assert y.shape == (2, 100_000) and y.sum() == pytest.approx(2, rel=1e-4)
    assert y[0, 99_999] == y[1, 0] == np.float32(0.5 + 0.5 / 100_000)


@pytest.mark.parametrize("weight", [np.array([1, 2], object), ["1", "2"]])
def test_weights_that_are_no_numbers_are_refused(weight):
    with pytest.raises(TypeError, match="expected numbers, got"):
        losses.mean_squared_error([1.0, 2.0], [1.0, 3.0], sample_weight=weight)
