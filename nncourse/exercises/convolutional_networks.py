"""Checks for the exercises of chapter 07, "Images"."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. The receptive field


def _field(layers, *, start=1, reach=1, own_stride=0):
    """Return the width of the field; the options make the common mistakes."""
    field, step = start, 1
    for k, s in layers:
        field += (k - reach) * step * (s if own_stride else 1)
        step *= s
    return field


def _added_strides(layers):
    field, step = 1, 1
    for k, s in layers:
        field, step = field + (k - 1) * step, step + s - 1
    return field


def _field_cases(rng):
    def some(depth):
        return [tuple(map(int, pair)) for pair in rng.integers((2, 2), (7, 4), size=(depth, 2))]

    fixed = [(5, 1), (2, 2), (5, 1), (2, 2)], [], [(3, 2)]
    return [(layers,) for layers in (*fixed, some(2), some(3), some(4))]


RECEPTIVE_FIELD = Exercise(
    "receptive_field",
    answer=_field,
    cases=_field_cases,
    mistakes=(
        Mistake(
            lambda layers: _field([(k, 1) for k, _ in layers]),
            "Where do the strides come in? After one of 2, a step to the side is two pixels.",
        ),
        Mistake(
            lambda layers: _field(layers, own_stride=1),
            "Is the stride of a layer already at work in its own window, or only behind it?",
        ),
        Mistake(
            lambda layers: _field(layers, reach=0),
            "Too wide: a window of k pixels that starts on one of them reaches how many further?",
        ),
        Mistake(
            lambda layers: _field(layers, start=0),
            "Too narrow by one. What does a neuron of no layer at all see, a pixel itself?",
        ),
        Mistake(_added_strides, "Two strides of 3, one after the other: how many pixels a step?"),
    ),
    points=1,
)


# 2. Windows as rows


def _im2col(x, k, s, *, order=(0, 1, 3, 4, 2)):
    windows = sliding_window_view(x, (k, k), (0, 1))[::s, ::s]
    return windows.transpose(order).reshape(-1, k * k * x.shape[2])


def _channels_first(x, k, s):
    return _im2col(x, k, s, order=(0, 1, 2, 3, 4))


def _columns_first(x, k, s):
    return _im2col(x, k, s, order=(1, 0, 3, 4, 2))


def _transposed_windows(x, k, s):
    return _im2col(x, k, s, order=(0, 1, 4, 3, 2))


def _one_step(x, k, s):
    return _im2col(x, k, 1)


def _windows_as_columns(x, k, s):
    return _im2col(x, k, s).T


def _im2col_cases(rng):
    sizes = (5, 7, 2, 3, 1), (6, 5, 3, 2, 2), (8, 9, 2, 3, 3), (4, 6, 1, 3, 1), (7, 8, 2, 3, 2)
    return [(rng.normal(size=(h, w, c)), k, s) for h, w, c, k, s in sizes]


IM2COL = Exercise(
    "im2col",
    answer=_im2col,
    cases=_im2col_cases,
    mistakes=(
        Mistake(
            _channels_first,
            "The windows are right; the order inside a row is not. sliding_window_view puts its "
            "new axes last: where are the channels then?",
        ),
        Mistake(_columns_first, "The rows are right, but in another order: reading order, please."),
        Mistake(
            _transposed_windows, "Inside each row, the pixels go down the columns of the window."
        ),
        Mistake(_one_step, "Are the windows s pixels apart, in both directions?"),
        Mistake(_windows_as_columns, "Your windows stand in the columns. Which axis comes first?"),
    ),
    points=2,
)


# 3. The published backward pass


def _backward(grad, x, w, *, swapped=False, unflipped=False, bias=np.sum):
    """Return dx, dw, db; the options make the mistakes."""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for u, v in np.ndindex(w.shape):
        here = slice(u, u + grad.shape[0]), slice(v, v + grad.shape[1])
        dw[(v, u) if swapped else (u, v)] = np.sum(x[here] * grad)
        dx[here] += (w[::-1, ::-1] if unflipped else w)[u, v] * grad
    return dx, dw, bias(grad)


def _with(**options):
    return lambda grad, x, w: _backward(grad, x, w, **options)


def _transposed_kernel(grad, x, w):
    """Transpose the kernel where it should be flipped."""
    dx, _, db = _backward(grad, x, w[::-1, ::-1].T)
    return dx, _backward(grad, x, w)[1], db


def _backward_cases(rng):
    sizes = (6, 7, 3), (5, 4, 2), (9, 8, 5), (3, 3, 3)
    return [
        (rng.normal(size=(h - k + 1, w - k + 1)), rng.normal(size=(h, w)), rng.normal(size=(k, k)))
        for h, w, k in sizes
    ]


FIXED_CONVOLUTION_BACKWARD = Exercise(
    "fixed_convolution_backward",
    answer=_backward,
    cases=_backward_cases,
    mistakes=(
        Mistake(
            _with(swapped=True, unflipped=True),
            "These are still the two mistakes. Begin with dw: which weight saw the pixels that "
            "start at (u, v)?",
        ),
        Mistake(
            _with(unflipped=True),
            "dw is right now. For dx, follow one number of grad: over which pixels did the window "
            "spread, and which weight met the first of them?",
        ),
        Mistake(
            _with(swapped=True),
            "dx is right now. Which weight saw the pixels that start at (u, v)?",
        ),
        Mistake(
            _transposed_kernel,
            "dw is right. In dx, both axes must be turned around, not exchanged.",
        ),
        Mistake(
            _with(bias=np.mean), "The bias serves at every place: do slopes average or add up?"
        ),
        Mistake(_with(bias=np.copy), "One filter has one bias, so db is one number, not a map."),
    ),
    points=2,
    without=("nncourse.Conv2D",),
)


# 4. Back through overlapping windows


def _pool_backward(grad, x, k, s, *, add=True, last=False, share=False):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(grad.shape):
        window = x[s * i : s * i + k, s * j : s * j + k]
        place = k * k - 1 - window[::-1, ::-1].argmax() if last else window.argmax()
        u, v = divmod(int(place), k)
        if share:
            dx[s * i : s * i + k, s * j : s * j + k] += grad[i, j] / k**2
        else:
            pixel = s * i + u, s * j + v
            dx[pixel] = grad[i, j] + (dx[pixel] if add else 0)
    return dx


def _every_maximum(grad, x, k, s):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(grad.shape):
        here = slice(s * i, s * i + k), slice(s * j, s * j + k)
        dx[here] += grad[i, j] * (x[here] == x[here].max())
    return dx


def _pool_cases(rng):
    cases = []
    for height, width, k, s in (7, 9, 3, 2), (6, 5, 3, 1), (8, 7, 2, 2), (9, 9, 2, 3):
        shape = (height - k) // s + 1, (width - k) // s + 1
        cases.append((rng.normal(size=shape), rng.normal(size=(height, width)), k, s))
    ties = rng.integers(0, 2, size=(6, 6)).astype(float)
    ties[:3, :3] = 1
    return [*cases, (rng.normal(size=(4, 4)), ties, 3, 1)]


MAX_POOL_BACKWARD = Exercise(
    "max_pool_backward",
    answer=_pool_backward,
    cases=_pool_cases,
    mistakes=(
        Mistake(
            lambda grad, x, k, s: _pool_backward(grad, x, k, s, add=False),
            "A pixel can be the largest of several windows. What do slopes do over several paths?",
        ),
        Mistake(
            lambda grad, x, k, s: _pool_backward(grad, x, k, s, share=True),
            "That is average pooling. Which pixels can move the largest value at all?",
        ),
        Mistake(_every_maximum, "At a tie several pixels get the gradient. Only the first should."),
        Mistake(
            lambda grad, x, k, s: _pool_backward(grad, x, k, s, last=True),
            "At a tie you choose the last pixel of the window, not the first in reading order.",
        ),
    ),
    points=3,
    without=("nncourse.MaxPool2D",),
)

EXERCISES = (RECEPTIVE_FIELD, IM2COL, FIXED_CONVOLUTION_BACKWARD, MAX_POOL_BACKWARD)
