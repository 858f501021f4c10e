"""Depthwise convolution: each channel has a filter of its own, and sees no other channel.

A step of :class:`~nncourse.layers.conv.Conv2D` mixes pixels and channels at once. This one mixes
pixels alone; a 1×1 convolution after it mixes channels alone. The two together need a fraction of
the numbers and products (Howard et al., 2017).
"""

import numpy as np

from .. import initializers
from .conv import _check_images, _pair
from .core import Layer, Parameter, _check_sizes, _initial, _total

__all__ = ["DepthwiseConv2D"]


class DepthwiseConv2D(Layer):
    """A convolution in which each channel is filtered by itself.

    With windows x[n, i·s + u, j·s + v, c], for stride s,
    ``y[n, i, j, c] = b[c] + sum over u, v of x[n, i·s + u, j·s + v, c] * W[u, v, c]``.
    With G = dL/dy,
    ``dL/dW[u, v, c] = sum over n, i, j of x[n, i·s + u, j·s + v, c] * G[n, i, j, c]``,
    ``dL/db = sum over n, i, j of G``, and dL/dx adds up, pixel by pixel, ``G * W`` of all windows
    the pixel lies in. PyTorch: ``nn.Conv2d(channels, channels, ..., groups=channels)``; Keras:
    ``DepthwiseConv2D``, whose kernel has one more axis of length one. Source: Sifre (2014), section
    6.2; Howard et al. (2017), equation 3.

    Parameters
    ----------
    channels : int
        Of the input and of the output.
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int
        Pixels from one window to the next.
    padding : {"valid", "same"}
        As in :class:`~nncourse.layers.conv.Conv2D`.
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the kernel; see :mod:`nncourse.initializers`. An
        output sees height × width numbers.
    rng : int, Generator or None
        Source of the random kernel.
    dtype : data-type
        Of both parameters.

    Attributes
    ----------
    kernel : Parameter of shape (height, width, channels)
    bias : Parameter of shape (channels,)

    Raises
    ------
    ValueError
        If a setting is out of range, the input is not (batch, height, width, channels), it is
        empty, or the kernel is larger than the image.
    TypeError
        If the initializer is no function.

    Examples
    --------
    >>> layer = DepthwiseConv2D(32, 3, padding="same", rng=0)
    >>> layer
    DepthwiseConv2D(32, 3×3, padding='same')
    >>> layer(np.ones((5, 14, 14, 32), np.float32)).shape
    (5, 14, 14, 32)
    >>> layer.count_parameters()
    320
    """

    skips_input_grad = True

    def __init__(
        self,
        channels,
        kernel_size,
        *,
        stride=1,
        padding="valid",
        initializer=initializers.he_normal,
        rng=None,
        dtype=np.float32,
    ):
        (channels,) = _check_sizes(self, channels=channels)
        if padding not in ("valid", "same"):
            raise ValueError(f"DepthwiseConv2D expects padding 'valid' or 'same', got {padding!r}")
        size = _pair("kernel_size", kernel_size)
        self.stride, self.padding = _pair("stride", stride), padding
        kernel = _initial(initializer, (*size, 1, channels), rng, dtype)  # one input a filter
        self.kernel = Parameter(kernel[:, :, 0], "kernel", regularize=True)
        self.bias = Parameter(np.zeros(channels, dtype), "bias")

    def forward(self, x, *, training=False):
        kernel = self.kernel.value
        *size, channels = kernel.shape
        _check_images(self, x, size if self.padding == "valid" else (1, 1), channels)
        if x.dtype.kind != "f":  # whole numbers: dL/dx has the type of what is kept
            x = x.astype(kernel.dtype)
        pads, (rows, columns) = self._geometry(x.shape)
        phases = self._phases(np.pad(x, pads) if np.any(pads) else x, columns)
        tiled, bias = np.tile(kernel, columns), np.tile(self.bias.value, columns)
        y = np.empty((len(x), rows, columns * channels), kernel.dtype)
        for part in _parts(y.shape, 2**15):
            out, product = y[part], np.empty_like(y[part])
            out[...] = bias
            for (u, v), pixels in self._offsets(phases, y.shape):
                np.multiply(pixels[part], tiled[u, v], out=product)
                out += product
        return self.remember((phases, x.shape), y.reshape(len(x), rows, columns, channels))

    def backward(self, grad, *, input_grad=True):
        phases, shape = self.recall(grad)
        kernel, channels = self.kernel.value, shape[3]
        pads, (rows, columns) = self._geometry(shape)
        grad = grad.reshape(len(grad), rows, columns * channels)
        slopes = [np.zeros_like(phase) for phase in phases] if input_grad else []
        dw, tiled = np.zeros(kernel.shape), np.tile(kernel, columns)  # summed in float64
        for part in _parts(grad.shape):
            g, product = grad[part], np.empty_like(grad[part])
            for (u, v), pixels in self._offsets(phases, grad.shape):
                np.multiply(pixels[part], g, out=product)
                dw[u, v] += product.sum(axis=(0, 1)).reshape(columns, channels).sum(axis=0)
            for (u, v), pixels in self._offsets(slopes, grad.shape) if input_grad else ():
                np.multiply(g, tiled[u, v], out=product)
                pixels[part] += product
        self.kernel.grad += dw
        self.bias.grad += _total(grad.reshape(len(grad), rows, columns, channels))
        return self._joined(slopes, pads, shape) if input_grad else None

    def _geometry(self, shape):
        """Return the zeros to put before and after each axis, and the rows and columns of y."""
        sizes = list(zip(shape[1:3], self.kernel.value.shape, self.stride, strict=False))
        if self.padding == "valid":
            return [(0, 0)] * 4, [(n - k) // s + 1 for n, k, s in sizes]
        out = [-(-n // s) for n, _, s in sizes]
        totals = [max((o - 1) * s + k - n, 0) for o, (n, k, s) in zip(out, sizes, strict=True)]
        return [(0, 0), *((total // 2, total - total // 2) for total in totals), (0, 0)], out

    def _phases(self, padded, columns):
        """Deal the columns out by their place within a stride; then a row is one run of numbers.

        The pixels that one kernel entry meets in a row of windows lie side by side in one of them.
        """
        s = self.stride[1]
        parts = (padded[:, :, phase::s] for phase in range(min(s, padded.shape[2])))
        return [np.ascontiguousarray(part).reshape(*padded.shape[:2], -1) for part in parts]

    def _joined(self, phases, pads, shape):
        """Put the columns back in order, and take the padding off."""
        (top, _), (left, right) = pads[1:3]
        s, channels = self.stride[1], shape[3]
        x = np.empty((*phases[0].shape[:2], left + shape[2] + right, channels), phases[0].dtype)
        for i, phase in enumerate(phases):
            x[:, :, i::s] = phase.reshape(*phase.shape[:2], -1, channels)
        return x[:, top : top + shape[1], left : left + shape[2]]

    def _offsets(self, phases, shape):
        """Yield each place (u, v) in a window, and the pixels there: rows of numbers, as in y."""
        height, width, channels = self.kernel.value.shape
        (down, across), (_, rows, length) = self.stride, shape
        for u in range(height):
            for v in range(width):
                start = v // across * channels
                lines = slice(u, u + down * (rows - 1) + 1, down)
                yield (u, v), phases[v % across][:, lines, start : start + length]

    def __repr__(self):
        height, width, channels = self.kernel.value.shape
        stride = "" if self.stride == (1, 1) else f", stride={self.stride}"
        padding = "" if self.padding == "valid" else f", padding={self.padding!r}"
        return f"DepthwiseConv2D({channels}, {height}×{width}{stride}{padding})"


def _parts(shape, numbers=2**14):
    """Yield slices of a few images, or of a few rows of one image, that fit into a fast cache."""
    images, rows, length = shape
    at_once = max(1, numbers // length)
    for i in range(0, images, many := max(1, at_once // rows)):
        for j in range(0, rows, at_once if many == 1 else rows):
            yield slice(i, i + many), slice(j, j + (at_once if many == 1 else rows))
