"""Metrics: what people care about, where losses are what gradients can use.

A metric takes ``(prediction, target)``, the same pair as a loss, and returns a number.
"""

import numpy as np

__all__ = ["accuracy", "binary_accuracy", "confusion_matrix"]


def accuracy(scores, target):
    """Share of examples whose highest score belongs to the right class; NaN is never right.

    Parameters
    ----------
    scores : array of shape (..., classes)
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
    scores, target = np.asarray(scores), np.asarray(target)
    if scores.ndim == 0 or scores.dtype.kind not in "biuf" or target.dtype.kind not in "biuf":
        raise ValueError(
            f"accuracy expects scores (n, classes) and class numbers, got {scores.dtype} of shape "
            f"{scores.shape} and {target.dtype} of shape {target.shape}"
        )
    if target.shape == scores.shape and scores.ndim > 1:
        target = target.argmax(-1)
    if target.shape != scores.shape[:-1] or target.size == 0 or scores.shape[-1] < 2:
        raise ValueError(
            "accuracy expects scores (n, classes) of two or more classes and n >= 1 class numbers, "
            f"got {scores.shape} and {target.shape}. One logit for each example, and "
            "targets 0 and 1? Use binary_accuracy. Class numbers? Give the scores themselves."
        )
    known = ~np.isnan(scores).any(-1)
    return float(np.mean(known & (scores.argmax(-1) == target)))


def binary_accuracy(logits, target):
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
    logits, target = np.asarray(logits), np.asarray(target)
    if logits.shape != target.shape or target.size == 0:
        raise ValueError(
            f"binary_accuracy expects logits and targets of one shape, got {logits.shape} and "
            f"{target.shape}"
        )
    if target.dtype.kind not in "biuf" or not (target.min() >= 0 and target.max() <= 1):
        raise ValueError(
            "binary_accuracy expects targets between 0 and 1, got "
            f"{np.unique(target)[:5].tolist()}. More than two classes? Use accuracy."
        )
    return float(np.mean(~np.isnan(logits) & ((logits > 0) == (target > 0.5))))


def confusion_matrix(labels, predicted, classes=None):
    """Count how often class i was taken for class j: entry [i, j].

    Parameters
    ----------
    labels, predicted : int arrays of shape (n,)
        True and predicted class numbers.
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
    >>> confusion_matrix([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.dtype.kind not in "biu" or predicted.dtype.kind not in "biu":
        raise ValueError(
            f"confusion_matrix expects class numbers, got {labels.dtype} and {predicted.dtype}. "
            "Scores? Use scores.argmax(-1)."
        )
    labels, predicted = labels.astype(np.int64), predicted.astype(np.int64)  # uint8 would overflow
    if labels.shape != predicted.shape or labels.ndim != 1 or labels.size == 0:
        raise ValueError(
            "confusion_matrix expects two arrays of n >= 1 class numbers, got shapes "
            f"{labels.shape} and {predicted.shape}"
        )
    lowest = min(labels.min(), predicted.min())
    highest = max(labels.max(), predicted.max())
    classes = int(highest) + 1 if classes is None else classes
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"confusion_matrix expects class numbers from 0 to {classes - 1}, "
            f"got values from {lowest} to {highest}"
        )
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
