"""Normalization inside each example: what :class:`BatchNorm` does over the batch, over features.

Neither layer needs other examples, so both do the same in training and afterwards, for a batch of
one, and for sequences of any length.
"""

import numpy as np

from .core import Layer, Parameter, _check_sizes

__all__ = ["BatchNorm", "LayerNorm", "RMSNorm"]


class _Norm(Layer):
    """What both share: settings, checks, and sums over all axes but the last."""

    skips_input_grad = True

    def __init__(self, features, *, epsilon=1e-5, dtype=np.float32):
        _check_sizes(self, features=features)
        if not epsilon > 0:
            raise ValueError(f"{type(self).__name__} expects epsilon > 0, got {epsilon!r}")
        self.epsilon = float(epsilon)
        self.gamma = Parameter(np.ones(features, dtype), "gamma")

    def _check(self, x):
        features = len(self.gamma.value)
        if x.ndim < 2 or x.shape[-1] != features or x.size == 0:
            raise ValueError(f"{self!r} expects (batch, ..., {features}), got {x.shape}")

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
        self._check(x)
        normalized = x - x.mean(axis=-1, keepdims=True)
        wide = np.result_type(normalized, np.float32)  # squares overflow in float16
        variance = np.square(normalized, dtype=wide).mean(axis=-1, keepdims=True)
        inverse_std = (1 / np.sqrt(variance + self.epsilon)).astype(normalized.dtype)
        normalized *= inverse_std
        y = self.gamma.value * normalized
        y += self.beta.value
        return self.remember((normalized, inverse_std), y)

    def backward(self, grad, *, input_grad=True):
        normalized, inverse_std = self.recall(grad)
        axes = tuple(range(grad.ndim - 1))
        self.gamma.grad += np.sum(grad * normalized, axes)
        self.beta.grad += np.sum(grad, axes)
        if not input_grad:
            return None
        g = grad * self.gamma.value
        along = np.mean(g * normalized, axis=-1, keepdims=True)
        g -= g.mean(axis=-1, keepdims=True)
        g -= normalized * along
        g *= inverse_std
        return g


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

    def forward(self, x, *, training=False):
        self._check(x)
        x = x if x.dtype.kind == "f" else x.astype(np.float64)
        wide = np.result_type(x, np.float32)  # squares overflow in float16
        mean_square = np.square(x, dtype=wide).mean(axis=-1, keepdims=True)
        inverse_rms = (1 / np.sqrt(mean_square + self.epsilon)).astype(x.dtype)
        normalized = x * inverse_rms
        return self.remember((normalized, inverse_rms), self.gamma.value * normalized)

    def backward(self, grad, *, input_grad=True):
        normalized, inverse_rms = self.recall(grad)
        self.gamma.grad += np.sum(grad * normalized, tuple(range(grad.ndim - 1)))
        if not input_grad:
            return None
        g = grad * self.gamma.value
        g -= normalized * np.mean(g * normalized, axis=-1, keepdims=True)
        g *= inverse_rms
        return g


class BatchNorm(Layer):
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
        If a setting is out of range, the last axis is not that long, or training sees fewer than
        two values a feature.

    Examples
    --------
    >>> layer = BatchNorm(1, dtype=np.float64)
    >>> layer(np.array([[1.0], [3.0]]), training=True).round(3)
    array([[-1.],
           [ 1.]])
    """

    skips_input_grad = True

    def __init__(self, features, *, momentum=0.9, epsilon=1e-5, dtype=np.float32):
        _check_sizes(self, features=features)
        if not (0 <= momentum < 1 and epsilon > 0):
            raise ValueError(
                "BatchNorm expects 0 <= momentum < 1 and epsilon > 0, got "
                f"momentum={momentum}, epsilon={epsilon}"
            )
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.gamma = Parameter(np.ones(features, dtype), "gamma")
        self.beta = Parameter(np.zeros(features, dtype), "beta")
        wide = np.result_type(dtype, np.float32)
        self.running_mean, self.running_variance = np.zeros(features, wide), np.ones(features, wide)

    def forward(self, x, *, training=False):
        features = len(self.gamma.value)
        axes = tuple(range(x.ndim - 1))
        if x.ndim < 2 or x.shape[-1] != features:
            raise ValueError(f"{self!r} expects (batch, ..., {features}), got {x.shape}")
        if training:
            if x.size < 2 * features:
                raise ValueError(
                    f"{self!r} needs at least two examples to train on, got {x.shape}. "
                    "Choose a batch size that does not leave one example over, or a larger batch."
                )
            wide = np.result_type(x, np.float32)  # squares overflow in float16
            mean, variance = x.mean(axes), x.var(axes, dtype=wide)
            for average, new in (self.running_mean, mean), (self.running_variance, variance):
                average *= self.momentum
                average += (1 - self.momentum) * new
        else:
            mean, variance = self.running_mean, self.running_variance
        kind = np.result_type(x, self.gamma.value)
        inverse_std = (1 / np.sqrt(variance + self.epsilon)).astype(kind)
        normalized = (x - mean.astype(kind)) * inverse_std
        y = self.gamma.value * normalized + self.beta.value
        return self.remember((normalized, inverse_std, training, axes), y)

    def backward(self, grad, *, input_grad=True):
        normalized, inverse_std, training, axes = self.recall(grad)
        self.gamma.grad += np.sum(grad * normalized, axes)
        self.beta.grad += np.sum(grad, axes)
        if not input_grad:
            return None
        g = grad * self.gamma.value
        if training:
            g = g - np.mean(g, axes) - normalized * np.mean(g * normalized, axes)
        return g * inverse_std

    def buffers(self):
        return {"running_mean": self.running_mean, "running_variance": self.running_variance}

    def __repr__(self):
        return f"BatchNorm({len(self.gamma.value)})"
