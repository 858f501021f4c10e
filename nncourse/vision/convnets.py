"""Deep networks for small images: residual blocks, and networks with and without shortcuts.

``plain_net`` and ``residual_net`` have the same convolutions; they differ in the shortcuts alone.
"""

import numpy as np

from .. import initializers
from .._checks import as_floats
from ..layers import (
    BatchNorm,
    Conv2D,
    Dense,
    GlobalAveragePool2D,
    Layer,
    ReLU,
    Sequential,
)

__all__ = ["ReLU6", "ResidualBlock", "plain_net", "residual_net"]


class ReLU6(Layer):
    """``min(max(0, x), 6)``: a ReLU with a ceiling, which 8-bit arithmetic can represent.

    Its derivative is 1 between 0 and 6, else 0. PyTorch: ``nn.ReLU6``.
    Source: Krizhevsky (2010); Howard et al. (2017).

    Examples
    --------
    >>> ReLU6()(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """

    def forward(self, x, *, training=False):
        y = np.clip(as_floats(x), 0, 6)
        return self.remember(y, y)

    def backward(self, grad):
        y = self.recall(grad)
        return grad * ((y > 0) & (y < 6))


class ResidualBlock(Sequential):
    """Two convolutions and a shortcut around them: ``y = S x + f(x)``.

    ``f`` is twice batch normalization, ReLU, 3×3 convolution. S is the identity; where the shape
    changes, a 1×1 convolution with the same stride. ``dL/dx = S^T dL/dy + J_f^T dL/dy``.
    Source: He et al. (2016b), "pre-activation": nothing stands on the shortcut.

    Parameters
    ----------
    channels, filters : int
        Channels of the input and of the output.
    stride : int
        Of the first convolution and of the shortcut.
    norm : bool
        With batch normalization, or without.
    rng, dtype
        As in :class:`~nncourse.layers.conv.Conv2D`.

    Raises
    ------
    ValueError
        If a setting is out of range, or the input has another number of channels.

    Examples
    --------
    >>> ResidualBlock(16, 16, rng=0)
    ResidualBlock(16→16)
    >>> ResidualBlock(16, 32, stride=2, rng=0)(np.ones((5, 14, 14, 16), np.float32)).shape
    (5, 7, 7, 32)
    """

    def __init__(self, channels, filters, *, stride=1, norm=True, rng=None, dtype=np.float32):
        rng = np.random.default_rng(rng)
        options = {"initializer": initializers.he_normal, "rng": rng, "dtype": dtype}
        super().__init__(
            *_before(channels, norm, dtype),
            Conv2D(channels, filters, 3, stride=stride, padding="same", **options),
            *_before(filters, norm, dtype),
            Conv2D(filters, filters, 3, padding="same", **options),
        )
        if not norm:  # without it, blocks that add up must start small: the last kernel at zero
            self[-1].kernel.value[...] = 0
        changes = stride != 1 or channels != filters
        self.shortcut = Conv2D(channels, filters, 1, stride=stride, **options) if changes else None
        self._sizes = f"{channels}→{filters}" + (f", stride={stride}" if stride != 1 else "")

    def forward(self, x, *, training=False):
        inner = super().forward(x, training=training)
        plain = self.shortcut is None
        straight = as_floats(x, inner.dtype) if plain else self.shortcut.forward(x)
        return self.remember(True, straight + inner)

    def backward(self, grad, *, input_grad=True):
        self.recall(grad)
        inner = super().backward(grad, input_grad=input_grad)
        if self.shortcut is None:
            return grad + inner if input_grad else None
        straight = self.shortcut.backward(grad, input_grad=input_grad)
        return straight + inner if input_grad else None

    def __repr__(self):
        return f"ResidualBlock({self._sizes})"


def plain_net(
    depth, filters, *, channels=1, classes=10, stride=1, norm=False, rng=None, dtype=np.float32
):
    """Stack ``depth`` layers with weights: 3×3 convolutions, then a mean over all pixels, a Dense.

    Parameters
    ----------
    depth : int
        Even, at least 4: a first convolution, ``depth - 2`` in the middle, a Dense layer.
    filters : int
        Of each convolution.
    channels, classes : int
        Of the input, of the output.
    stride : int
        Of the first convolution.
    norm : bool
        Batch normalization before each ReLU in the middle.
    rng, dtype
        As in :class:`~nncourse.layers.conv.Conv2D`; kernels start as He et al. (2015) say.

    Returns
    -------
    Sequential

    Raises
    ------
    ValueError
        If the depth is not even or too small.

    Examples
    --------
    >>> net = plain_net(8, 16, rng=0)
    >>> sum(type(layer).__name__ == "Conv2D" for layer in net.layers)
    7
    """
    rng = np.random.default_rng(rng)
    options = {"initializer": initializers.he_normal, "padding": "same", "rng": rng, "dtype": dtype}
    middle = []
    for _ in range(2 * _blocks(depth)):
        middle += _before(filters, norm, dtype)
        middle.append(Conv2D(filters, filters, 3, **options))
    ends = channels, filters, classes, stride
    return _net(middle, *ends, norm, rng, dtype)


def residual_net(
    depth, filters, *, channels=1, classes=10, stride=1, norm=True, rng=None, dtype=np.float32
):
    """Stack the layers of :func:`plain_net`, with a shortcut around every two of them.

    Parameters, result and errors are those of :func:`plain_net`.

    Examples
    --------
    >>> residual_net(8, 16, rng=0)[1]
    ResidualBlock(16→16)
    """
    rng = np.random.default_rng(rng)
    options = {"norm": norm, "rng": rng, "dtype": dtype}
    middle = [ResidualBlock(filters, filters, **options) for _ in range(_blocks(depth))]
    ends = channels, filters, classes, stride
    return _net(middle, *ends, norm, rng, dtype)


def _before(channels, norm, dtype):
    """Return what stands before a convolution: batch normalization, if any, and a ReLU."""
    return [BatchNorm(channels, dtype=dtype), ReLU()] if norm else [ReLU()]


def _blocks(depth):
    if not isinstance(depth, (int, np.integer)) or depth < 4 or depth % 2:
        raise ValueError(f"expected a whole, even depth of at least 4, got {depth!r}")
    return (depth - 2) // 2


def _net(middle, channels, filters, classes, stride, norm, rng, dtype):
    options = {"initializer": initializers.he_normal, "rng": rng, "dtype": dtype}
    return Sequential(
        Conv2D(channels, filters, 3, stride=stride, padding="same", **options),
        *middle,
        *_before(filters, norm, dtype),
        GlobalAveragePool2D(),
        Dense(filters, classes, **options),
    )
