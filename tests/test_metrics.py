"""Metrics, counted by hand."""

import re

import numpy as np
import pytest

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
    matrix = metrics.confusion_matrix(np.uint8([20, 9]), np.uint8([19, 9]))
    assert matrix[20, 19] == matrix[9, 9] == 1 and matrix.sum() == 2


def test_binary_accuracy_compares_signs():
    assert metrics.binary_accuracy([-1.0, 2.0, 0.5, -3.0], [0, 1, 0, 0]) == 0.75


def test_confusion_matrix_counts_pairs():
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 2, 1, 2, 2, 0])
    expected = [[1, 0, 1], [0, 1, 0], [1, 0, 2]]
    np.testing.assert_array_equal(metrics.confusion_matrix(labels, predicted), expected)
    assert metrics.confusion_matrix(labels, predicted, classes=5).shape == (5, 5)


@pytest.mark.parametrize(
    ("metric", "prediction", "target", "words"),
    [
        ("accuracy", np.zeros((2, 3)), np.zeros(3, int), "got (2, 3) and (3,)"),
        ("accuracy", np.zeros((0, 3)), np.zeros(0, int), "n >= 1"),
        ("accuracy", np.zeros((2, 1)), np.zeros((2, 1)), "Use binary_accuracy."),
        ("accuracy", np.zeros(2), np.zeros(2), "Use binary_accuracy."),
        ("confusion_matrix", [0.5, 1.0], [0, 1], "got float64 and int64"),
        ("accuracy", 0.5, 1, "class numbers, got float64 of shape () and int64 of shape ()"),
        ("accuracy", [["a", "b"]], ["a"], "got <U1 of shape (1, 2) and <U1 of shape (1,)"),
        ("binary_accuracy", np.zeros((2, 1)), np.zeros(2), "got (2, 1) and (2,)"),
        ("binary_accuracy", [1.0, -1.0], [1, -1], "between 0 and 1, got [-1, 1]. More than two"),
        ("binary_accuracy", [1.0, -1.0], ["a", "b"], "between 0 and 1, got ['a', 'b']"),
        ("confusion_matrix", [0, 1], [0], "got shapes (2,) and (1,)"),
        ("confusion_matrix", [0, -1], [0, 0], "got values from -1 to 0"),
    ],
)
def test_wrong_shapes_are_explained(metric, prediction, target, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        getattr(metrics, metric)(prediction, target)


def test_a_class_beyond_the_given_number_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1, got values from 0 to 2"):
        metrics.confusion_matrix([0, 2], [0, 0], classes=2)
