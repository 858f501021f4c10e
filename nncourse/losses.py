"""Losses: one number that says how wrong the predictions are, and its gradient.

Each loss takes ``(prediction, target)`` and returns ``(loss, grad)``: a Python float and an array
of the shape and type of ``prediction`` that holds dL/dprediction. Losses average over *all*
elements (or, for softmax, over all examples), so the learning rate need not change with the batch.
Shapes must agree exactly: a silent broadcast of (n,) against (n, 1) is a published bug.
"""

import numpy as np

from .activations import sigmoid

__all__ = [
    "huber",
    "mean_absolute_error",
    "mean_squared_error",
    "sigmoid_binary_cross_entropy",
    "smooth_labels",
    "softmax_cross_entropy",
]


def _checked(name, prediction, target):
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.dtype.kind not in "biuf" or target.dtype.kind not in "biuf":
        raise ValueError(f"{name} expects real numbers, got {prediction.dtype} and {target.dtype}")
    if prediction.dtype.kind != "f":
        prediction = prediction.astype(np.float64)
    if prediction.size == 0:
        raise ValueError(f"{name} needs at least one element, got shape {prediction.shape}")
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name} expects prediction and target of one shape, got {prediction.shape} and "
            f"{target.shape}. Reshape one of them, e.g. target[:, None] or prediction[:, 0]."
        )
    return prediction, target.astype(prediction.dtype, copy=False)


def mean_squared_error(prediction, target):
    """Mean squared error, the mean of ``(prediction - target)**2`` over all elements.

    Its derivative is ``2 * (prediction - target) / size``. PyTorch: ``MSELoss``.

    Raises
    ------
    ValueError
        If the shapes differ or there is no element.

    Examples
    --------
    >>> mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (2.0, array([ 0., -2.]))
    """
    prediction, target = _checked("mean_squared_error", prediction, target)
    error = prediction - target
    return float(np.mean(error * error)), error * (2 / error.size)


def mean_absolute_error(prediction, target):
    """Mean absolute error, the mean of ``|prediction - target|`` over all elements.

    Its derivative is ``sign(prediction - target) / size``, taken as 0 at the kink.
    PyTorch: ``L1Loss``.

    Raises
    ------
    ValueError
        If the shapes differ or there is no element.

    Examples
    --------
    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (1.0, array([ 0. , -0.5]))
    """
    prediction, target = _checked("mean_absolute_error", prediction, target)
    error = prediction - target
    return float(np.mean(np.abs(error))), np.sign(error) / error.size


def huber(prediction, target, delta=1.0):
    """Huber loss: squared near zero, absolute beyond ``delta``, so outliers pull less.

    With ``e = prediction - target``: ``e**2 / 2`` where ``|e| <= delta``, else
    ``delta * (|e| - delta / 2)``; the mean over all elements. Its derivative is ``e`` clipped to
    ``[-delta, delta]``, divided by the size. PyTorch: ``HuberLoss``. Source: Huber (1964).

    Raises
    ------
    ValueError
        If the shapes differ, there is no element, or ``delta`` is not positive.

    Examples
    --------
    >>> huber(np.array([0.5, 3.0]), np.zeros(2))
    (1.3125, array([0.25, 0.5 ]))
    """
    if not delta > 0:
        raise ValueError(f"huber expects delta > 0, got {delta}")
    delta = float(delta)
    prediction, target = _checked("huber", prediction, target)
    error = prediction - target
    clipped = np.clip(error, -delta, delta)
    return float(np.mean(clipped * (error - 0.5 * clipped))), clipped / error.size


def sigmoid_binary_cross_entropy(logits, target):
    """Binary cross-entropy of ``sigmoid(logits)`` against targets between 0 and 1.

    The mean of ``softplus(z) - target * z``, which equals ``-t log p - (1 - t) log(1 - p)`` with
    ``p = sigmoid(z)`` and cannot overflow. Its derivative is ``(p - target) / size``.
    PyTorch: ``BCEWithLogitsLoss``.

    Raises
    ------
    ValueError
        If the shapes differ, there is no element, or a target lies outside [0, 1].

    Examples
    --------
    >>> loss, grad = sigmoid_binary_cross_entropy(np.array([0.0, 0.0]), np.array([1, 0]))
    >>> round(loss, 6), grad
    (0.693147, array([-0.25,  0.25]))
    """
    logits, target = _checked("sigmoid_binary_cross_entropy", logits, target)
    if not (np.min(target) >= 0 and np.max(target) <= 1):
        raise ValueError(
            "sigmoid_binary_cross_entropy expects targets between 0 and 1, got values from "
            f"{np.min(target)} to {np.max(target)}. Map labels such as -1/+1 to 0/1."
        )
    loss = np.mean(np.logaddexp(logits, 0) - target * logits)
    return float(loss), (sigmoid(logits) - target) / logits.size


def softmax_cross_entropy(logits, target):
    """Cross-entropy of ``softmax(logits)`` against classes or class probabilities.

    The mean over examples of ``-sum_k t_k * log p_k`` with ``p = softmax(logits)``. Its derivative
    is ``(p - t) / n``. PyTorch: ``CrossEntropyLoss``. Source: Bridle (1990).

    Parameters
    ----------
    logits : array of shape (..., classes)
        Scores *before* softmax. All axes but the last count as examples.
    target : int array of shape (...), or float array of shape (..., classes)
        Class numbers from 0, or one probability for each class (rows that sum to 1).

    Raises
    ------
    ValueError
        If shapes do not fit, there is no example, a class number is out of range, or rows of
        probabilities are negative or do not sum to 1.

    Examples
    --------
    >>> loss, grad = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> round(loss, 6), grad
    (1.386294, array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    logits, target = np.asarray(logits), np.asarray(target)
    _check_classes(logits, target)
    rows = logits.reshape(-1, logits.shape[-1])
    rows = rows - rows.max(axis=1, keepdims=True)
    grad = np.exp(rows)
    total = grad.sum(axis=1, keepdims=True)
    grad /= total
    if target.dtype.kind in "iu":
        right = np.arange(len(rows)), target.reshape(-1)
        right_scores = rows[right]
        grad[right] -= 1
    else:
        target = target.reshape(rows.shape).astype(rows.dtype, copy=False)
        right_scores = (target * rows).sum(axis=1)
        grad -= target
    grad /= len(rows)
    loss = np.log(total[:, 0]) - right_scores
    return float(loss.mean()), grad.reshape(logits.shape)


def _check_classes(logits, target):
    if logits.dtype.kind != "f" or logits.ndim < 1 or logits.size == 0:
        raise ValueError(
            "softmax_cross_entropy expects floating-point logits (..., classes) with at least one "
            f"example, got {logits.dtype} of shape {logits.shape}"
        )
    if target.dtype.kind in "iu":
        if target.shape != logits.shape[:-1]:
            column = target.shape == (*logits.shape[:-1], 1)
            advice = (
                "A column of labels? Use target[:, 0]."
                if column
                else ("Are these one-hot rows? Give them as floats, or use target.argmax(-1).")
            )
            raise ValueError(
                f"softmax_cross_entropy expects class numbers of shape {logits.shape[:-1]} for "
                f"logits of shape {logits.shape}, got {target.shape}. {advice}"
            )
        if target.min() < 0 or target.max() >= logits.shape[-1]:
            raise ValueError(
                f"softmax_cross_entropy expects class numbers from 0 to {logits.shape[-1] - 1}, "
                f"got values from {target.min()} to {target.max()}. Do the labels start at 0?"
            )
        return
    if target.shape != logits.shape or target.dtype.kind != "f":
        raise ValueError(
            f"softmax_cross_entropy expects integer classes of shape {logits.shape[:-1]} or "
            f"probabilities of shape {logits.shape}, got {target.dtype} of shape {target.shape}. "
            "Integer classes stored as floats? Use target.astype(int)."
        )
    sums = np.sum(target, axis=-1)
    if np.min(target) < 0 or not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(
            "softmax_cross_entropy expects probabilities: rows that are not negative and sum to "
            f"1, got a minimum of {np.min(target):.3g} and sums from {sums.min():.3g} to "
            f"{sums.max():.3g}"
        )


def smooth_labels(labels, classes, amount=0.1, dtype=np.float32):
    """Return class probabilities that are not quite sure: targets of a softmax cross-entropy.

    The right class gets ``1 - amount + amount / classes``, every other one ``amount / classes``.
    PyTorch: ``CrossEntropyLoss(label_smoothing=amount)``.
    Source: Szegedy et al. (2016), section 7.

    Parameters
    ----------
    labels : int array of shape (...)
        Class numbers from 0.
    classes : int
        How many classes there are.
    amount : float
        Share of the probability to spread over all classes, at least 0 and at most 1.
    dtype : data-type
        Of the result.

    Returns
    -------
    array of shape (..., classes)

    Raises
    ------
    ValueError
        If a label is not a whole number from 0 to ``classes - 1``, or ``amount`` is out of range.

    Examples
    --------
    >>> smooth_labels(np.array([2]), 4, amount=0.2)
    array([[0.05, 0.05, 0.85, 0.05]], dtype=float32)
    """
    labels = np.asarray(labels)
    if not 0 <= amount <= 1:
        raise ValueError(f"smooth_labels expects 0 <= amount <= 1, got {amount}")
    if labels.dtype.kind not in "iu" or np.any((labels < 0) | (labels >= classes)):
        raise ValueError(
            f"smooth_labels expects whole numbers from 0 to {classes - 1}, got {labels.dtype}"
            + (f" from {labels.min()} to {labels.max()}" if labels.size else "")
        )
    return ((1 - amount) * np.eye(classes)[labels] + amount / classes).astype(dtype)
