"""Normalization: over the batch, feature by feature, or over the features of each example.

:class:`LayerNorm` and :class:`RMSNorm` need no other examples, so they do the same in training and
afterwards, for a batch of one, and for sequences of any length.
"""

import numpy as np

from .._checks import as_floats
from .core import Layer, Parameter, _check_sizes, _total
from .masks import checked_mask

__all__ = ["BatchNorm", "LayerNorm", "RMSNorm"]


class _Norm(Layer):
    """What all three share: settings and checks. Squares are taken in float32 or wider."""

    skips_input_grad = True

    def __init__(self, features, *, epsilon, dtype):
        (features,) = _check_sizes(self, features=features)
        if not epsilon > 0:
            raise ValueError(f"{type(self).__name__} expects epsilon > 0, got {epsilon!r}")
        self.epsilon = float(epsilon)
        self.gamma = Parameter(np.ones(features, dtype), "gamma")

    def _checked(self, x):
        """Return the input in float32 or wider, and the type of the output."""
        features = len(self.gamma.value)
        if x.ndim < 2 or x.shape[-1] != features or x.size == 0:
            raise ValueError(f"{self!r} expects (batch, ..., {features}), got {x.shape}")
        x = as_floats(x, self.gamma.value.dtype)
        kind = np.result_type(x, self.gamma.value)
        return x.astype(np.result_type(x, np.float32), copy=False), kind

    def __repr__(self):
        return f"{type(self).__name__}({len(self.gamma.value)})"


class LayerNorm(_Norm):
    """Standardize the features of each example, then scale by gamma and shift by beta.

    ``x̂ = (x - mean) / sqrt(variance + epsilon)`` and ``y = gamma * x̂ + beta``, with mean and
    (biased) variance over the last axis. With g = gamma * dL/dy,
    ``dL/dx = (g - mean(g) - x̂ * mean(g * x̂)) / sqrt(variance + epsilon)``: what g would do to the
    mean and to the length of x is taken out. ``dL/dgamma = sum of dL/dy * x̂`` and
    ``dL/dbeta = sum of dL/dy``, over all axes but the last.
    PyTorch: ``nn.LayerNorm``. Source: Ba, Kiros and Hinton (2016), equation 3.

    Parameters
    ----------
    features : int
        Length of the last axis.
    epsilon : float
        Added to the variance.
    dtype : data-type
        Of the parameters.

    Attributes
    ----------
    gamma, beta : Parameter of shape (features,)

    Raises
    ------
    ValueError
        If a setting is out of range, the last axis is not that long, or the input is empty.

    Examples
    --------
    >>> LayerNorm(3, dtype=float)(np.array([[1.0, 2.0, 3.0]])).round(3)
    array([[-1.225,  0.   ,  1.225]])
    """

    def __init__(self, features, *, epsilon=1e-5, dtype=np.float32):
        super().__init__(features, epsilon=epsilon, dtype=dtype)
        self.beta = Parameter(np.zeros(features, dtype), "beta")

    def forward(self, x, *, training=False):
        x, kind = self._checked(x)
        normalized = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(normalized).mean(axis=-1, keepdims=True)
        inverse_std = 1 / np.sqrt(variance + self.epsilon)
        normalized *= inverse_std
        y = self.gamma.value * normalized
        y += self.beta.value
        return self.remember((normalized, inverse_std), y.astype(kind, copy=False))

    def backward(self, grad, *, input_grad=True):
        normalized, inverse_std = self.recall(grad)
        self.gamma.grad += _total(grad * normalized)
        self.beta.grad += _total(grad)
        if not input_grad:
            return None
        g = grad * self.gamma.value
        g = g.astype(np.result_type(g, normalized), copy=False)
        along = np.mean(g * normalized, axis=-1, keepdims=True)
        g -= g.mean(axis=-1, keepdims=True)
        g -= normalized * along
        g *= inverse_std
        return g.astype(grad.dtype, copy=False)


class RMSNorm(_Norm):
    """Divide the features of each example by their root mean square, then scale by gamma.

    ``x̂ = x / sqrt(mean(x²) + epsilon)`` and ``y = gamma * x̂``: a :class:`LayerNorm` that leaves
    the mean alone. With g = gamma * dL/dy, ``dL/dx = (g - x̂ * mean(g * x̂)) / sqrt(mean(x²) +
    epsilon)`` and ``dL/dgamma = sum of dL/dy * x̂``, over all axes but the last.
    PyTorch: ``nn.RMSNorm``. Source: Zhang and Sennrich (2019), equation 4.

    Parameters
    ----------
    features : int
        Length of the last axis.
    epsilon : float
        Added to the mean square.
    dtype : data-type
        Of the parameter.

    Attributes
    ----------
    gamma : Parameter of shape (features,)

    Raises
    ------
    ValueError
        If a setting is out of range, the last axis is not that long, or the input is empty.

    Examples
    --------
    >>> RMSNorm(2, dtype=float)(np.array([[3.0, 4.0]])).round(3)
    array([[0.849, 1.131]])
    """

    def __init__(self, features, *, epsilon=1e-5, dtype=np.float32):
        super().__init__(features, epsilon=epsilon, dtype=dtype)

    def forward(self, x, *, training=False):
        x, kind = self._checked(x)
        inverse_rms = 1 / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + self.epsilon)
        normalized = x * inverse_rms
        y = self.gamma.value * normalized
        return self.remember((normalized, inverse_rms), y.astype(kind, copy=False))

    def backward(self, grad, *, input_grad=True):
        normalized, inverse_rms = self.recall(grad)
        self.gamma.grad += _total(grad * normalized)
        if not input_grad:
            return None
        g = grad * self.gamma.value
        g = g - normalized * np.mean(g * normalized, axis=-1, keepdims=True)
        g *= inverse_rms
        return g.astype(grad.dtype, copy=False)


class BatchNorm(_Norm):
    """Standardize each feature over the batch, then scale by gamma and shift by beta.

    ``x̂ = (x - mean) / sqrt(variance + epsilon)`` and ``y = gamma * x̂ + beta``, with mean and
    (biased) variance over all axes but the last. While training they are the batch's own, and
    running averages are kept; otherwise the running averages are used. With g = gamma * dL/dy, in
    training, ``dL/dx = (g - mean(g) - x̂ * mean(g * x̂)) / sqrt(variance + epsilon)``.
    ``dL/dgamma = sum of dL/dy * x̂`` and ``dL/dbeta = sum of dL/dy``, over all axes but the last.
    The running variance is the biased one, as in Keras; PyTorch and the paper's algorithm 2 use
    n/(n - 1) times it. PyTorch: ``nn.BatchNorm1d/2d``, whose momentum is one minus this one.
    Source: Ioffe and Szegedy (2015), algorithm 1.

    Parameters
    ----------
    features : int
        Length of the last axis.
    momentum : float
        Share of the old running average that is kept at each training step.
    epsilon : float
        Added to the variance.
    dtype : data-type
        Of the parameters; of the running averages, too, but these have at least 32 bits.

    Attributes
    ----------
    gamma, beta : Parameter of shape (features,)

    Raises
    ------
    ValueError
        If a setting is out of range, the last axis is not that long, the input is empty, the mask
        does not fit, or training sees fewer than two values a feature.

    Notes
    -----
    ``forward(x, mask=mask)`` with a mask (batch, time) takes mean and variance over the real steps
    alone; what comes out at the others means nothing.

    Examples
    --------
    >>> layer = BatchNorm(1, dtype=np.float64)
    >>> layer(np.array([[1.0], [3.0]]), training=True).round(3)
    array([[-1.],
           [ 1.]])
    """

    takes_mask = True

    def __init__(self, features, *, momentum=0.9, epsilon=1e-5, dtype=np.float32):
        super().__init__(features, epsilon=epsilon, dtype=dtype)
        if not 0 <= momentum < 1:
            raise ValueError(f"BatchNorm expects 0 <= momentum < 1, got {momentum}")
        self.momentum = float(momentum)
        self.beta = Parameter(np.zeros(features, dtype), "beta")
        wide = np.result_type(dtype, np.float32)
        self.running_mean, self.running_variance = np.zeros(features, wide), np.ones(features, wide)

    def forward(self, x, *, training=False, mask=None):
        x, kind = self._checked(x)
        real = ...  # all of x, or the real steps of sequences
        if mask is not None and x.ndim > 2:
            real = checked_mask(mask, x.shape[:2], repr(self))
        if training:
            n = x[real].size // x.shape[-1]
            if n < 2:
                raise ValueError(
                    f"{self!r} needs at least two examples to train on, got {x.shape}. "
                    "Choose a batch size that does not leave one example over, or a larger batch."
                )
            mean = _total(x[real]) / n
            centered = x - mean
            variance = _total(np.square(centered[real])) / n
            for average, new in (self.running_mean, mean), (self.running_variance, variance):
                average *= self.momentum
                average += (1 - self.momentum) * new
        else:
            centered, variance = x - self.running_mean, self.running_variance
        inverse_std = 1 / np.sqrt(variance + self.epsilon)
        normalized = centered * inverse_std
        y = self.gamma.value * normalized + self.beta.value
        saved = normalized, inverse_std, real if training else None
        return self.remember(saved, y.astype(kind, copy=False))

    def backward(self, grad, *, input_grad=True):
        normalized, inverse_std, real = self.recall(grad)
        along, total = _total(grad * normalized), _total(grad)
        self.gamma.grad += along
        self.beta.grad += total
        if not input_grad:
            return None
        dx = grad.astype(normalized.dtype)  # a copy
        if real is not None:
            n = normalized[real].size // normalized.shape[-1]
            dx[real] -= (total + normalized[real] * along) / n
        dx *= self.gamma.value * inverse_std
        return dx.astype(grad.dtype, copy=False)

    def buffers(self):
        return {"running_mean": self.running_mean, "running_variance": self.running_variance}
