"""Metrics, counted by hand."""

import re

import numpy as np
import pytest
import sklearn.metrics

from nncourse import metrics


def test_accuracy_counts_the_highest_score():
    scores = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [0.0, 1.0, 2.0], [9.0, 1.0, 2.0]])
    assert metrics.accuracy(scores, np.array([0, 1, 1, 0])) == 0.75
    assert metrics.accuracy(scores, np.eye(3)[[0, 1, 1, 0]]) == 0.75
    sequences = scores.reshape(2, 2, 3)
    assert metrics.accuracy(sequences, np.array([[0, 1], [1, 0]])) == 0.75


def test_nan_is_never_right():
    assert metrics.accuracy(np.full((2, 2), np.nan), np.array([0, 0])) == 0
    assert metrics.binary_accuracy([np.nan, -1.0], [0, 0]) == 0.5


def test_small_integers_do_not_overflow():
    matrix = metrics.confusion_matrix(np.uint8([19, 9]), np.uint8([20, 9]))
    assert matrix[20, 19] == matrix[9, 9] == 1 and matrix.sum() == 2


def test_binary_accuracy_compares_signs():
    assert metrics.binary_accuracy([-1.0, 2.0, 0.5, -3.0], [0, 1, 0, 0]) == 0.75


def test_on_the_boundary_the_answer_is_no():
    """As scikit-learn's and PyTorch's thresholds: greater than."""
    for metric in (metrics.binary_accuracy, metrics.recall):
        assert metric([0.0], [1]) == 0
    assert metrics.binary_accuracy([0.0, 1e-9], [0.5, 0.51]) == 1


def test_confusion_matrix_counts_pairs():
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 2, 1, 2, 2, 0])
    expected = [[1, 0, 1], [0, 1, 0], [1, 0, 2]]
    np.testing.assert_array_equal(metrics.confusion_matrix(predicted, labels), expected)
    assert metrics.confusion_matrix(predicted, labels, classes=5).shape == (5, 5)


def test_a_confusion_matrix_needs_no_integers_of_64_bits(monkeypatch):
    """Where pointers have 32 bits, NumPy's bincount refuses labels of 64."""

    def bincount(labels, *args, **options):
        raise TypeError("Cannot cast array data from int64 to int32 according to the rule 'safe'")

    monkeypatch.setattr(np, "bincount", bincount)
    labels = np.array([1, 0, 1], np.int64)
    np.testing.assert_array_equal(metrics.confusion_matrix(labels, labels), [[1, 0], [0, 2]])


RNG = np.random.default_rng(5)
SCORES, LABELS = RNG.normal(size=(60, 4)), RNG.integers(0, 3, 60)  # class 3 is only called
LOGITS, BINARY = RNG.normal(size=40), RNG.integers(0, 2, 40)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_shares_agree_with_scikit_learn(name):
    library = getattr(sklearn.metrics, f"{name}_score")
    metric, options = getattr(metrics, name), {"average": "macro", "zero_division": 0}
    expected = library(LABELS, SCORES.argmax(1), **options)
    assert metric(SCORES, LABELS) == pytest.approx(expected, rel=1e-14)
    assert metric(SCORES, np.eye(4)[LABELS]) == pytest.approx(expected, rel=1e-14)
    assert metric(LOGITS, BINARY) == pytest.approx(library(BINARY, LOGITS > 0), rel=1e-14)
    assert metric(LOGITS[:, None], BINARY[:, None]) == metric(LOGITS, BINARY)
    nobody = library([1, 0], [0, 0], zero_division=0)
    assert metric([-1, -2], [1, 0]) == nobody == 0
    rare = np.eye(4)[[0, 0, 1]]  # class 2 and 3 occur nowhere
    expected = library([0, 1, 1], [0, 0, 1], **options)
    assert metric(rare, [0, 1, 1]) == pytest.approx(expected, rel=1e-14)


def test_r2_agrees_with_scikit_learn():
    prediction, target = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 3))
    for p, t in (
        (prediction, target),
        (prediction[:, 0], target[:, 0]),
        (target, target),
        ([1, 1, 1], [1, 1, 1]),
        ([1, 2, 1], [1, 1, 1]),
        (np.uint8([3, 0, 2]), np.uint8([2, 1, 2])),
        (np.float16([300, 0, 2]), np.float16([2, 1, 300])),
    ):
        expected = sklearn.metrics.r2_score(np.asarray(t, float), np.asarray(p, float))
        assert metrics.r2(p, t) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(metrics.r2([1.0], [2.0])) and metrics.r2([2.0, 2.0], [1.0, 3.0]) == 0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_top_k_agree_with_scikit_learn(k):
    expected = sklearn.metrics.top_k_accuracy_score(LABELS, SCORES, k=k, labels=range(4))
    assert metrics.TopKAccuracy(k)(SCORES, LABELS) == pytest.approx(expected, rel=1e-14)


def test_the_top_k_of_equal_scores_and_of_nan():
    top = metrics.TopKAccuracy(2)
    assert top(np.ones((4, 4), np.uint8), [0, 1, 2, 3]) == 0.5
    assert top(np.full((1, 4), np.nan), [0]) == 0
    assert metrics.TopKAccuracy(9)(np.ones((4, 4)), [0, 1, 2, 3]) == 1
    assert (top.__name__, repr(top)) == ("top_2_accuracy", "TopKAccuracy(2)")
    for k in (0, 1.5):
        with pytest.raises(ValueError, match=f"k >= 1, a whole number, got {k}"):
            metrics.TopKAccuracy(k)


def test_metrics_know_which_way_is_up():
    names = ["accuracy", "binary_accuracy", "precision", "recall", "f1", "r2"]
    assert all(getattr(metrics, name).higher_is_better for name in names)
    assert metrics.TopKAccuracy(5).higher_is_better


@pytest.mark.parametrize(
    ("metric", "prediction", "target", "words"),
    [
        ("accuracy", np.zeros((2, 3)), np.zeros(3, int), "got (2, 3) and (3,)"),
        ("accuracy", np.zeros((0, 3)), np.zeros(0, int), "n >= 1"),
        ("accuracy", np.zeros((2, 1)), np.zeros((2, 1)), "Then use binary_accuracy."),
        ("accuracy", np.zeros(2), np.zeros(2), "Then use binary_accuracy."),
        ("confusion_matrix", [0.5, 1.0], [0, 1], "got float64 and int64"),
        ("accuracy", 0.5, 1, "class numbers, got float64 of shape () and int64 of shape ()"),
        ("accuracy", [["a", "b"]], ["a"], "got <U1 of shape (1, 2) and <U1 of shape (1,)"),
        ("binary_accuracy", np.zeros((2, 1)), np.zeros(2), "got (2, 1) and (2,)"),
        ("binary_accuracy", [1.0, -1.0], [1, -1], "between 0 and 1, got [-1, 1]. More than two"),
        ("binary_accuracy", [1.0, -1.0], ["a", "b"], "between 0 and 1, got ['a', 'b']"),
        ("recall", np.zeros((2, 1)), np.zeros(2), "Then give both one shape."),
        ("f1", [1.0, -1.0], [1, 2], "between 0 and 1, got [1, 2]"),
        ("f1", np.zeros(7), np.arange(7), "between 0 and 1, got [0, 1, 2, 3, 4]. More"),
        ("r2", np.zeros((2, 1)), np.zeros(2), "one shape, got (2, 1) and (2,)"),
        ("confusion_matrix", [0, 1], [0], "got shapes (2,) and (1,)"),
        ("confusion_matrix", 0, 1, "n >= 1 class numbers, got shapes () and ()"),
        ("confusion_matrix", [0, -1], [0, 0], "got values from -1 to 0"),
    ],
)
def test_wrong_shapes_are_explained(metric, prediction, target, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        getattr(metrics, metric)(prediction, target)


def test_a_class_beyond_the_given_number_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1, got values from 0 to 2"):
        metrics.confusion_matrix([0, 2], [0, 0], classes=2)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_nan_is_called_no_class(name):
    """By hand: of three examples of class 0 one is called so, one 1, one nothing."""
    scores = np.array([[9, 1.0], [1, 9], [np.nan, 1]])
    expected = {"precision": (1 / 1 + 0 / 1) / 2, "recall": (1 / 3 + 0) / 2, "f1": (2 / 4 + 0) / 2}
    assert getattr(metrics, name)(scores, [0, 0, 0]) == pytest.approx(expected[name], rel=1e-14)


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.TopKAccuracy(2), metrics.f1])
@pytest.mark.parametrize("labels", [[-1, 0], [0, 3], [0.0, 1.5], [0, np.nan]])
def test_labels_that_are_no_classes_are_refused(metric, labels):
    with pytest.raises(ValueError, match="expects class numbers"):
        metric(np.ones((2, 3)), labels)


def test_whole_numbers_may_come_as_floats_and_booleans():
    for metric in (metrics.accuracy, metrics.TopKAccuracy(1), metrics.f1):
        for labels in ([0.0, 1.0], np.array([False, True]), np.uint8([0, 1])):
            assert metric(np.eye(2), labels) == 1


def test_many_classes_need_no_table_of_their_pairs():
    """A vocabulary of 100,000: a table would take 80 GB."""
    scores = np.zeros((3, 100_000), np.float32)
    scores[[0, 1, 2], [99_999, 5, 7]] = 1
    for metric, expected in (
        (metrics.precision, 2 / 4),
        (metrics.recall, 2 / 4),
        (metrics.f1, 2 / 4),
    ):
        assert metric(scores, [99_999, 5, 8]) == pytest.approx(expected)


def test_r2_of_a_target_that_never_changes():
    """The mean of ten times 0.1 is not quite 0.1: the target's variance is no 1e-34."""
    for value in (0.1, 0.7, 1e8 + 0.3):
        for n in (3, 10, 1001):
            target = np.full(n, value)
            assert metrics.r2(target + 1, target) == 0 and metrics.r2(target, target) == 1


def test_r2_keeps_the_digits_of_the_target():
    """By hand: errors 7, -2, 13 against a variance of 2."""
    prediction, target = np.float32([1e8 + 8, 1e8, 1e8 + 16]), 1e8 + np.array([1.0, 2, 3])
    assert metrics.r2(prediction, target) == pytest.approx(1 - (49 + 4 + 169) / 2, rel=1e-6)
