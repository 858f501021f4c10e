"""Metrics: what people care about, where losses are what gradients can use.

A metric takes ``(prediction, target)``, the same pair as a loss, and returns a number. A trainer
gives it all predictions at once. Those that are means over examples say so by an attribute,
``accuracy.is_mean = True``: a trainer then takes them batch by batch and need not keep the
predictions. ``higher_is_better`` tells callbacks which way is up.
"""

import numpy as np

from ._checks import (
    logits_and_binary,
    same_shape,
    scores_and_classes,
    two_lists_of_classes,
)

__all__ = [
    "TopKAccuracy",
    "accuracy",
    "binary_accuracy",
    "confusion_matrix",
    "f1",
    "precision",
    "r2",
    "recall",
]


def accuracy(prediction, target):
    """Share of examples whose highest score belongs to the right class; NaN is never right.

    Parameters
    ----------
    prediction : array of shape (..., classes)
        Logits or probabilities.
    target : int array of shape (...), or array of shape (..., classes)
        Class numbers, or one row of probabilities for each example.

    Raises
    ------
    ValueError
        If the shapes or types do not fit, or there is no example.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    scores, labels = scores_and_classes("accuracy", prediction, target)
    known = ~np.isnan(scores).any(-1)
    return float(np.mean(known & (scores.argmax(-1) == labels)))


def binary_accuracy(prediction, target):
    """Share of examples for which ``logit > 0`` agrees with ``target > 0.5``; NaN never does.

    Raises
    ------
    ValueError
        If the shapes differ, a target is not between 0 and 1, or there is no example.

    Examples
    --------
    >>> binary_accuracy(np.array([-3.0, 2.0]), np.array([0, 0]))
    0.5
    """
    logits, target = logits_and_binary("binary_accuracy", prediction, target)
    return float(np.mean(~np.isnan(logits) & ((logits > 0) == (target > 0.5))))


class TopKAccuracy:
    """Share of examples whose right class is among the k highest scores; NaN is never right.

    Of equal scores the lower class number counts as higher. Keras:
    ``SparseTopKCategoricalAccuracy``. Its value in a history is called ``top_5_accuracy``.

    Parameters
    ----------
    k : int
        At least 1.

    Raises
    ------
    ValueError
        If ``k`` is not positive; on a call, as :func:`accuracy`.

    Examples
    --------
    >>> scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    >>> TopKAccuracy(2)(scores, np.array([2, 2]))
    0.5
    """

    is_mean = higher_is_better = True

    def __init__(self, k):
        if not isinstance(k, (int, np.integer)) or k < 1:
            raise ValueError(f"TopKAccuracy expects k >= 1, a whole number, got {k!r}")
        self.k, self.__name__ = k, f"top_{k}_accuracy"

    def __call__(self, prediction, target):
        scores, labels = scores_and_classes("TopKAccuracy", prediction, target)
        right = np.take_along_axis(scores, labels[..., None], -1)
        before = np.arange(scores.shape[-1]) < labels[..., None]
        rank = np.sum((scores > right) | (before & (scores == right)), axis=-1)
        return float(np.mean((rank < self.k) & ~np.isnan(scores).any(-1)))

    def __repr__(self):
        return f"TopKAccuracy({self.k})"


def precision(prediction, target):
    """Of the examples that were called a class, the share that belong to it.

    ``true positives / (true positives + false positives)``, 0 where nothing was called the class.
    With one logit for each example, the class is 1, called where ``logit > 0``. With scores
    (n, classes), it is the mean over the classes that occur among targets or predictions. An
    example with a NaN among its scores is called no class.
    scikit-learn: ``precision_score``, there with ``average="macro"`` for more than two classes.

    Raises
    ------
    ValueError
        If the shapes or types do not fit, or there is no example.

    Examples
    --------
    >>> round(precision(np.array([1.0, 2.0, 3.0, -1.0]), np.array([1, 1, 0, 1])), 4)
    0.6667
    """
    hits, called, _ = _counts("precision", prediction, target)
    return _mean_share(hits, called)


def recall(prediction, target):
    """Of the examples that belong to a class, the share that were called it.

    ``true positives / (true positives + false negatives)``, 0 where no example belongs to the
    class. For what a class is, see :func:`precision`. scikit-learn: ``recall_score``.

    Raises
    ------
    ValueError
        If the shapes or types do not fit, or there is no example.

    Examples
    --------
    >>> round(recall(np.array([1.0, 2.0, 3.0, -1.0]), np.array([1, 1, 0, 1])), 4)
    0.6667
    """
    hits, _, actual = _counts("recall", prediction, target)
    return _mean_share(hits, actual)


def f1(prediction, target):
    """Harmonic mean of precision and recall: ``2 P R / (P + R)``, low if either is low.

    Equal to ``2 hits / (called + actual)``. For more than two classes, the mean over the classes;
    see :func:`precision`. scikit-learn: ``f1_score``.

    Raises
    ------
    ValueError
        If the shapes or types do not fit, or there is no example.

    Examples
    --------
    >>> round(f1(np.array([1.0, 2.0, 3.0, -1.0]), np.array([1, 1, 0, 0])), 4)
    0.8
    """
    hits, called, actual = _counts("f1", prediction, target)
    return _mean_share(2 * hits, called + actual)


def _counts(name, prediction, target):
    """Return for each class how many were rightly called it, called it, and belong to it."""
    shape = np.shape(prediction)
    if shape == np.shape(target) and (len(shape) < 2 or shape[-1] == 1):
        logits, target = logits_and_binary(name, prediction, target)
        called, actual = logits > 0, target > 0.5
        return tuple(np.array([np.sum(a)]) for a in (called & actual, called, actual))
    scores, labels = scores_and_classes(name, prediction, target)
    calls, known = scores.argmax(-1), ~np.isnan(scores).any(-1)
    chosen = labels[known & (calls == labels)], calls[known], labels.ravel()
    counts = np.array([np.bincount(classes, minlength=scores.shape[-1]) for classes in chosen])
    return tuple(counts[:, counts.any(axis=0)])


def _mean_share(part, whole):
    return float(np.mean(part / np.maximum(whole, 1)))


def r2(prediction, target):
    """Coefficient of determination R²: the share of the target's variance that is explained.

    ``1 - sum (t - p)² / sum (t - mean(t))²`` over examples, then the mean over the outputs: 1 is
    perfect, 0 as good as the mean, below 0 worse. Where a target never changes it is 1 for a
    perfect prediction, else 0; of a single example it is NaN. scikit-learn: ``r2_score``.

    Raises
    ------
    ValueError
        If the shapes differ or there is no element.

    Examples
    --------
    >>> r2(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
    0.5
    """
    n = len(np.atleast_1d(same_shape("r2", prediction, target)[1]))
    if n < 2:
        return float("nan")
    p, t = (np.asarray(a, np.float64).reshape(n, -1) for a in (prediction, target))
    error, spread = np.sum((t - p) ** 2, axis=0), np.sum((t - t.mean(axis=0)) ** 2, axis=0)
    changes = (t != t[0]).any(axis=0) & (spread > 0)  # the mean of equal numbers is rounded
    unexplained = np.where(changes, error / np.where(changes, spread, 1), error > 0)
    return float(np.mean(1 - unexplained))


for _metric in (accuracy, binary_accuracy, precision, recall, f1, r2):
    _metric.higher_is_better = True
for _metric in (accuracy, binary_accuracy):
    _metric.is_mean = True


def confusion_matrix(prediction, target, classes=None):
    """Count how often class i was taken for class j: entry [i, j].

    Parameters
    ----------
    prediction, target : int arrays of shape (n,)
        Predicted and true class numbers.
    classes : int, optional
        Number of classes; by default the largest number that occurs, plus one.

    Returns
    -------
    int array of shape (classes, classes)
        Rows are true classes; each row sums to that class's number of examples.

    Raises
    ------
    ValueError
        If the shapes differ, there is no example, or a number is not a class number in range.

    Examples
    --------
    >>> confusion_matrix(prediction=[0, 1, 1], target=[0, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    prediction, target, classes = two_lists_of_classes(
        "confusion_matrix", prediction, target, classes
    )
    table = np.zeros((classes, classes), int)
    np.add.at(table, (target, prediction), 1)
    return table
