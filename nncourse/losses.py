"""Losses: one number that says how wrong the predictions are, and its gradient.

Each loss takes ``(prediction, target)`` and returns ``(loss, grad)``: a Python float and an array
of the shape and type of ``prediction`` that holds dL/dprediction. Losses average over *all*
elements (or, for softmax, over all examples), so the learning rate need not change with the batch.
Shapes must agree exactly: a silent broadcast of (n,) against (n, 1) is a published bug.

Each takes ``sample_weight``, too: one number for each example, by which its errors are multiplied
before the mean is taken, as in Keras. A weight of 2 counts like the example twice, 0 like none.
Whole numbers and lists are computed with as float64, float16 as float32.
"""

import numpy as np

from ._checks import (
    between_0_and_1,
    class_numbers,
    example_weights,
    logits_and_classes,
    same_shape,
)
from .activations import sigmoid

__all__ = [
    "huber",
    "mean_absolute_error",
    "mean_squared_error",
    "sigmoid_binary_cross_entropy",
    "smooth_labels",
    "softmax_cross_entropy",
]


def _mean(errors, grad, prediction, sample_weight):
    """Return the mean of the errors, weighted if asked, and its gradient in prediction's type."""
    if sample_weight is not None:
        weight = example_weights(sample_weight, errors.shape)
        errors = errors * weight
        grad = grad * weight.reshape(weight.shape + (1,) * (grad.ndim - weight.ndim))
    dtype = getattr(prediction, "dtype", grad.dtype)
    return float(np.mean(errors)), grad.astype(
        dtype if dtype.kind == "f" else grad.dtype, copy=False
    )


def mean_squared_error(prediction, target, *, sample_weight=None):
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
    p, t = same_shape("mean_squared_error", prediction, target)
    error = p - t
    return _mean(error * error, error * (2 / error.size), prediction, sample_weight)


def mean_absolute_error(prediction, target, *, sample_weight=None):
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
    p, t = same_shape("mean_absolute_error", prediction, target)
    error = p - t
    return _mean(np.abs(error), np.sign(error) / error.size, prediction, sample_weight)


def huber(prediction, target, delta=1.0, *, sample_weight=None):
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
    p, t = same_shape("huber", prediction, target)
    error = p - t
    clipped = np.clip(error, -delta, delta)
    loss = clipped * (error - 0.5 * clipped)
    return _mean(loss, clipped / error.size, prediction, sample_weight)


def sigmoid_binary_cross_entropy(prediction, target, *, sample_weight=None):
    """Binary cross-entropy of ``sigmoid(prediction)`` against targets between 0 and 1.

    With logits z, targets t and ``p = sigmoid(z)``, the mean of ``softplus(z) - t * z``, which
    equals ``-t log p - (1 - t) log(1 - p)`` and cannot overflow. Its derivative is
    ``(p - t) / size``. An infinite logit costs nothing where it is right. PyTorch:
    ``BCEWithLogitsLoss``.

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
    z, t = same_shape("sigmoid_binary_cross_entropy", prediction, target)
    t = between_0_and_1("sigmoid_binary_cross_entropy", t)
    with np.errstate(invalid="ignore"):
        loss = np.logaddexp(z, 0) - t * z
    loss = np.where(np.isinf(z), np.where(t == (z > 0), 0, np.inf), loss)  # not infinity - infinity
    return _mean(loss, (sigmoid(z) - t) / z.size, prediction, sample_weight)


def softmax_cross_entropy(prediction, target, *, sample_weight=None):
    """Cross-entropy of ``softmax(prediction)`` against classes or class probabilities.

    The mean over examples of ``-sum_k t_k * log p_k`` with ``p = softmax(z)``, z the logits. Its
    derivative is ``(p - t) / n``. A logit of minus infinity says that a class is impossible.
    PyTorch: ``CrossEntropyLoss``. Source: Bridle (1990).

    Parameters
    ----------
    prediction : array of shape (..., classes)
        Logits: scores *before* softmax. All axes but the last count as examples.
    target : int array of shape (...), or array of shape (..., classes)
        Class numbers from 0, or one probability for each class (rows that sum to 1).
    sample_weight : array of shape (...), optional

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
    logits, target = logits_and_classes("softmax_cross_entropy", prediction, target)
    z = logits.reshape(-1, logits.shape[-1])  # (n, classes)
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    if target.dtype.kind == "i":
        right = np.arange(len(z)), target.reshape(-1)
        score = z[right]
        p[right] -= 1
    else:
        t = target.reshape(z.shape).astype(z.dtype, copy=False)
        score = (t * np.where(t > 0, z, 0)).sum(axis=1)  # not 0 * -infinity
        p -= t
    p /= len(z)
    loss = np.log(total[:, 0]) - score
    shape = logits.shape[:-1] or (1,)
    return _mean(loss.reshape(shape), p.reshape(logits.shape), prediction, sample_weight)


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
    if not 0 <= amount <= 1:
        raise ValueError(f"smooth_labels expects 0 <= amount <= 1, got {amount}")
    labels, amount = class_numbers("smooth_labels", np.asarray(labels), classes), float(amount)
    target = np.full((*labels.shape, classes), amount / classes, dtype)
    np.put_along_axis(target, labels[..., None], 1 - amount + amount / classes, -1)
    return target
