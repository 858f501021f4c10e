"""Layers for images: convolution and pooling.

Images are (batch, height, width, channels), features last. A convolution looks at one *window* of
the image for each output pixel. Written out as rows of a matrix ("im2col"), all windows meet all
filters in a single matrix product.
"""

from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .. import initializers
from .._checks import as_floats
from .core import Layer, Parameter, _check_sizes, _initial, _total
from .panels import _matmul

__all__ = ["AveragePool2D", "Conv2D", "GlobalAveragePool2D", "MaxPool2D"]


class Conv2D(Layer):
    """A convolution: the same small Dense layer applied to every window of an image.

    With windows x[n, i·s + u, j·s + v, c], for stride s,
    ``y[n, i, j, k] = b[k] + sum over u, v, c of x[n, i·s + u, j·s + v, c] * W[u, v, c, k]``,
    which mathematics calls a *cross-correlation*: the kernel is not flipped. With G = dL/dy,
    ``dL/dW[u, v, c, k] = sum over n, i, j of x[n, i·s + u, j·s + v, c] * G[n, i, j, k]``,
    ``dL/db = sum over n, i, j of G``, and dL/dx adds up, pixel by pixel, ``G @ W.T`` of all windows
    the pixel lies in. PyTorch: ``nn.Conv2d``, with axes (batch, channels, height, width) and
    kernels (filters, channels, height, width). Source: LeCun et al. (1989); im2col: Chellapilla,
    Puri and Simard (2006).

    Parameters
    ----------
    channels, filters : int
        Channels of the input and of the output.
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int
        Pixels from one window to the next.
    padding : {"valid", "same"} or int
        Without padding, ``(height - kernel) // stride + 1`` rows come out. "same" puts zeros
        around the image so that ``ceil(height / stride)`` come out; an odd one goes to the bottom
        and to the right, as in Keras. A number puts so many zeros on each side, as in PyTorch.
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the kernel; see :mod:`nncourse.initializers`.
    rng : int, Generator or None
        Source of the random kernel.
    dtype : data-type
        Of both parameters.

    Attributes
    ----------
    kernel : Parameter of shape (height, width, channels, filters)
    bias : Parameter of shape (filters,)

    Raises
    ------
    ValueError
        If a setting is out of range, the input is not (batch, height, width, channels), it is
        empty, or the kernel is larger than the image.
    TypeError
        If the initializer is no function.

    Examples
    --------
    >>> layer = Conv2D(1, 8, 3, rng=0)
    >>> layer
    Conv2D(1→8, 3×3)
    >>> layer(np.ones((5, 28, 28, 1), np.float32)).shape
    (5, 26, 26, 8)
    >>> Conv2D(1, 8, 5, stride=2, padding="same")(np.ones((5, 28, 28, 1), np.float32)).shape
    (5, 14, 14, 8)
    """

    skips_input_grad = True

    def __init__(
        self,
        channels,
        filters,
        kernel_size,
        *,
        stride=1,
        padding="valid",
        initializer=initializers.glorot_uniform,
        rng=None,
        dtype=np.float32,
    ):
        channels, filters = _check_sizes(self, channels=channels, filters=filters)
        whole = isinstance(padding, (int, np.integer)) and padding >= 0
        if padding not in ("valid", "same") and not whole:
            raise ValueError(
                f"Conv2D expects padding 'valid' or 'same', got {padding!r}; or whole zeros a side"
            )
        shape = (*_pair("kernel_size", kernel_size), channels, filters)
        self.stride, self.padding = _pair("stride", stride), int(padding) if whole else padding
        kernel = _initial(initializer, shape, rng, dtype)
        self.kernel = Parameter(kernel, "kernel", regularize=True)
        self.bias = Parameter(np.zeros(filters, dtype), "bias")

    def forward(self, x, *, training=False):
        *size, channels, filters = self.kernel.value.shape
        around = {"valid": 0, "same": max(size)}.get(self.padding, self.padding)
        _check_images(self, x, [max(n - 2 * around, 1) for n in size], channels)
        x = as_floats(x, self.kernel.value.dtype)
        padded = np.pad(x, self._pads(x.shape)) if self.padding != "valid" else x
        windows = _windows(padded, size, self.stride)  # (batch, rows, columns, *size, channels)
        matrix = self.kernel.value.reshape(-1, filters)
        y = np.empty((*windows.shape[:3], filters), matrix.dtype)
        for part in _parts(windows, y):
            out = y[part].reshape(-1, filters)  # a view
            _matmul(_rows(windows[part]), matrix, out=out)
            out += self.bias.value
        return self.remember((padded, x.shape), y)

    def backward(self, grad, *, input_grad=True):
        padded, shape = self.recall(grad)
        *size, channels, filters = self.kernel.value.shape
        windows, dx = _windows(padded, size, self.stride), np.zeros_like(padded)
        transposed = self.kernel.value.reshape(-1, channels, filters).swapaxes(1, 2).copy()
        self.bias.grad += _total(grad)
        for part in _parts(windows, grad):
            rows, flat = _rows(windows[part]), grad[part].reshape(-1, filters)
            self.kernel.grad += (rows.T @ flat).reshape(self.kernel.value.shape)
            if input_grad:
                shares = (flat @ transposed).reshape(-1, *grad[part].shape[:3], channels)
                places = _offsets(dx[part], size, self.stride, grad.shape)
                for share, (_, pixels) in zip(shares, places, strict=True):
                    pixels += share
        (top, _), (left, _) = self._pads(shape)[1:3]
        return dx[:, top : top + shape[1], left : left + shape[2]] if input_grad else None

    def _pads(self, shape):
        """Return the zeros to put before and after each axis."""
        if self.padding == "valid":
            return [(0, 0)] * 4
        if self.padding != "same":
            return [(0, 0), (self.padding,) * 2, (self.padding,) * 2, (0, 0)]
        sizes = zip(shape[1:3], self.kernel.value.shape[:2], self.stride, strict=True)
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in sizes]
        return [(0, 0), *((total // 2, total - total // 2) for total in totals), (0, 0)]

    def __repr__(self):
        height, width, channels, filters = self.kernel.value.shape
        stride = "" if self.stride == (1, 1) else f", stride={self.stride}"
        padding = "" if self.padding == "valid" else f", padding={self.padding!r}"
        return f"Conv2D({channels}→{filters}, {height}×{width}{stride}{padding})"


class _Pool2D(Layer):
    """What the pooling layers share: windows of one size, moved by one stride."""

    def __init__(self, size, *, stride=None):
        self.size = _pair("size", size)
        self.stride = self.size if stride is None else _pair("stride", stride)

    def _output_shape_for(self, x):
        _check_images(self, x, self.size)
        rows, columns = (
            (n - k) // s + 1 for n, k, s in zip(x.shape[1:3], self.size, self.stride, strict=True)
        )
        return len(x), rows, columns, x.shape[3]

    def __repr__(self):
        stride = "" if self.stride == self.size else f", stride={self.stride}"
        return f"{type(self).__name__}({self.size[0]}×{self.size[1]}{stride})"


class MaxPool2D(_Pool2D):
    """The largest value of each window, channel by channel.

    ``y[n, i, j, c] = max over u, v of x[n, i·s + u, j·s + v, c]``. The gradient goes to where the
    maximum was found, to the first of several equal ones (in reading order); all else gets zero.
    Rows and columns that fill no window are left out. PyTorch: ``nn.MaxPool2d``.
    Source: Zhou and Chellappa (1988).

    Parameters
    ----------
    size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, optional
        Pixels from one window to the next; ``size`` unless told.

    Raises
    ------
    ValueError
        If a setting is not positive, the input is not (batch, height, width, channels), it is
        empty, or the window is larger than the image.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [4.0, 3.0]]).reshape(1, 2, 2, 1)
    >>> MaxPool2D(2)(x).ravel()
    array([4.])
    """

    def forward(self, x, *, training=False):
        shape = self._output_shape_for(x)
        (_, first), *others = _offsets(x, self.size, self.stride, shape)
        y = first.copy()
        for _, pixels in others:
            np.maximum(y, pixels, out=y)
        return self.remember((x, y), y)

    def backward(self, grad):
        x, y = self.recall(grad)
        overlap = self.stride[0] < self.size[0] or self.stride[1] < self.size[1]
        tiled = self.stride == self.size and x.shape[1:3] == tuple(
            n * s for n, s in zip(y.shape[1:3], self.stride, strict=True)
        )
        dx = (np.empty if tiled else np.zeros)(x.shape, grad.dtype)  # tiled: each pixel is written
        for part in _parts(x, y):
            waiting = np.ones(y[part].shape, bool)  # windows whose maximum has not been met yet
            places = (_offsets(a[part], self.size, self.stride, y.shape) for a in (x, dx))
            for (_, pixels), (_, gradients) in zip(*places, strict=True):
                found = pixels == y[part]
                found &= waiting
                waiting ^= found
                if overlap:
                    gradients += grad[part] * found
                else:
                    np.multiply(grad[part], found, out=gradients)
        return dx


class AveragePool2D(_Pool2D):
    """The mean of each window, channel by channel.

    ``y[n, i, j, c] = mean over u, v of x[n, i·s + u, j·s + v, c]``; each pixel of a window gets an
    equal share of dL/dy. PyTorch: ``nn.AvgPool2d``. Source: LeCun et al. (1998).

    Settings and errors are those of :class:`MaxPool2D`.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [4.0, 3.0]]).reshape(1, 2, 2, 1)
    >>> AveragePool2D(2)(x).ravel()
    array([2.5])
    """

    def forward(self, x, *, training=False):
        shape = self._output_shape_for(x)
        x = as_floats(x)
        wide = x.astype(np.result_type(x, np.float32), copy=False)  # sums overflow in float16
        y = sum(pixels for _, pixels in _offsets(wide, self.size, self.stride, shape))
        y = y / (self.size[0] * self.size[1])
        return self.remember(x.shape, y.astype(x.dtype, copy=False))

    def backward(self, grad):
        dx = np.zeros(self.recall(grad), grad.dtype)
        share = grad / (self.size[0] * self.size[1])
        for _, pixels in _offsets(dx, self.size, self.stride, grad.shape):
            pixels += share
        return dx


class GlobalAveragePool2D(Layer):
    """The mean of each channel: (batch, height, width, channels) → (batch, channels).

    Each pixel gets an equal share of dL/dy. PyTorch: ``nn.AdaptiveAvgPool2d(1)``.
    Source: Lin, Chen and Yan (2014).

    Raises
    ------
    ValueError
        If the input is not (batch, height, width, channels), or it is empty.

    Examples
    --------
    >>> GlobalAveragePool2D()(np.ones((5, 7, 7, 64))).shape
    (5, 64)
    """

    def forward(self, x, *, training=False):
        _check_images(self, x)
        x = as_floats(x)
        y = x.mean(axis=(1, 2), dtype=np.float64)  # in float32, a large image's sum is not exact
        return self.remember(x.shape, y.astype(x.dtype, copy=False))

    def backward(self, grad):
        shape = self.recall(grad)
        share = grad[:, None, None] / (shape[1] * shape[2])
        return np.broadcast_to(share, shape).copy()


def _windows(x, size, stride):
    """View all windows of ``x``: (batch, rows, columns, height, width, channels)."""
    windows = sliding_window_view(x, size, axis=(1, 2))[:, :: stride[0], :: stride[1]]
    return windows.transpose(0, 1, 2, 4, 5, 3)


def _parts(windows, outputs, numbers=2**17):
    """Return slices of a few images each, whose windows and outputs fit into a fast cache."""
    images = max(1, numbers // (windows[0].size + outputs[0].size))
    return [slice(i, i + images) for i in range(0, len(windows), images)]


def _rows(windows):
    """im2col: return a matrix with one window in each row."""
    size = prod(windows.shape[3:])
    if windows.shape[5] > 1:
        return windows.reshape(-1, size)
    # Gray images: in columns of the matrix, neighboring pixels stay neighbors, which copies faster.
    return windows.transpose(3, 4, 5, 0, 1, 2).reshape(size, -1).T


def _offsets(x, size, stride, shape):
    """Yield each place (u, v) in a window, and a view of the pixels there in all windows."""
    for u in range(size[0]):
        for v in range(size[1]):
            rows = slice(u, u + stride[0] * (shape[1] - 1) + 1, stride[0])
            columns = slice(v, v + stride[1] * (shape[2] - 1) + 1, stride[1])
            yield (u, v), x[:, rows, columns]


def _pair(name, value):
    pair = tuple(value) if np.ndim(value) else (value, value)
    if len(pair) != 2 or not all(isinstance(v, (int, np.integer)) and v >= 1 for v in pair):
        raise ValueError(f"{name} is a positive whole number or a pair of them, got {value!r}")
    return tuple(map(int, pair))


def _check_images(layer, x, window=(1, 1), channels=None):
    wanted = f"(batch, height, width, {channels or 'channels'})"
    if x.ndim != 4 or x.size == 0 or (channels and x.shape[3] != channels):
        advice = ""
        if x.ndim == 3 and x.shape[2] in ({channels} if channels else {1, 3}):
            advice = " One image? Make it a batch of one: x[None]."
        elif x.ndim == 3:
            advice = " Gray images? Add the channel axis: x[..., None]."
        elif x.ndim == 2:
            advice = (
                f" Flat images? Restore their shape: x.reshape(-1, height, width, {channels or 1})."
            )
        elif x.ndim == 4 and channels and x.shape[1] == channels:
            advice = " Channels first? Move them last: x.transpose(0, 2, 3, 1)."
        elif x.size == 0:
            advice = " The batch is empty."
        raise ValueError(f"{layer!r} expects {wanted}, got {x.shape}.{advice}")
    if x.shape[1] < window[0] or x.shape[2] < window[1]:
        raise ValueError(
            f"{layer!r} needs images of at least {window[0]}×{window[1]} pixels, got "
            f"{x.shape[1]}×{x.shape[2]}. Pool less before it, or use padding='same' where there is "
            "a choice."
        )
