"""Checks for the exercises of chapter 07, "Images"."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. Which filter was it?


def _recover(x, z, k, *, ones=True):
    """Return kernel and bias by least squares over all windows."""
    windows = sliding_window_view(x, (k, k)).reshape(-1, k * k)
    rows = np.column_stack([windows, np.ones(len(windows))]) if ones else windows
    solution = np.linalg.lstsq(rows, z.ravel())[0]
    return solution[: k * k].reshape(k, k), float(solution[-1]) if ones else 0.0


def _recover_flipped(x, z, k):
    kernel, bias = _recover(x, z, k)
    return kernel[::-1, ::-1], bias


def _recover_transposed(x, z, k):
    kernel, bias = _recover(x, z, k)
    return kernel.T, bias


def _recover_mean(x, z, k):
    return _recover(x, z, k)[0], float(z.mean())


def _recover_flat(x, z, k):
    kernel, bias = _recover(x, z, k)
    return kernel.ravel(), bias


def _recover_misordered(x, z, k):
    """List the windows column by column, and what came out of them row by row."""
    windows = sliding_window_view(x, (k, k)).swapaxes(0, 1).reshape(-1, k * k)
    rows = np.column_stack([windows, np.ones(len(windows))])
    solution = np.linalg.lstsq(rows, z.ravel())[0]
    return solution[:-1].reshape(k, k), float(solution[-1])


def _recover_without_bias(x, z, k):
    return _recover(x, z, k, ones=False)


def _recover_cases(rng):
    cases = []
    for height, width, k in (8, 9, 3), (7, 6, 2), (12, 11, 4):
        x, kernel = rng.normal(1, 1, size=(height, width)), rng.normal(size=(k, k))
        windows = sliding_window_view(x, (k, k))
        cases.append((x, np.tensordot(windows, kernel, axes=2) + rng.uniform(1, 2), k))
    return cases


RECOVER_KERNEL = Exercise(
    "recover_kernel",
    answer=_recover,
    cases=_recover_cases,
    mistakes=(
        Mistake(
            _recover_flipped,
            "Your kernel is turned around in both axes. z is a cross-correlation, as in "
            "libraries: the first weight meets the first pixel of the window.",
        ),
        Mistake(
            _recover_transposed,
            "Your kernel is transposed. In which order do your windows list their pixels?",
        ),
        Mistake(
            _recover_without_bias,
            "Your equations have no room for a bias, so the weights make up for it. Which column "
            "of the matrix would the bias be multiplied by?",
        ),
        Mistake(
            _recover_mean,
            "The kernel is right. The mean of z is not the bias: the windows have a mean, too.",
        ),
        Mistake(_recover_flat, "The kernel is right, but it should have the shape (k, k)."),
        Mistake(
            _recover_misordered,
            "Your windows go through the map column by column, the numbers of z row by row. Each "
            "equation needs a window and the number that came out of it.",
        ),
    ),
    points=2,
)


# 2. What a network costs


def _cost(
    shape, layers, *, bias=1, at_input=False, keep_channels=False, pool_weights=False, floor=False,
    one_bias=False, apart=False,
):  # fmt: skip
    """Return parameters, multiplications and output shape; the options make the mistakes."""
    height, width, channels = shape
    parameters = multiplications = 0
    for kind, k, s, filters in layers:
        before = height * width
        if kind == "conv":
            height, width = (
                (height // s, width // s) if floor else (-(-height // s), -(-width // s))
            )
        else:
            s = k if apart else s
            height, width = (height - k) // s + 1, (width - k) // s + 1
        if kind == "conv" or pool_weights:
            filters = filters if kind == "conv" else channels
            places = before if at_input else height * width
            parameters += k * k * channels * filters + (1 if one_bias else bias * filters)
            multiplications += places * k * k * channels * filters
            channels = channels if keep_channels else filters
    return parameters, multiplications, (height, width, channels)


def _cost_with(**options):
    return lambda shape, layers: _cost(shape, layers, **options)


def _cost_cases(rng):
    lenet = [("conv", 5, 1, 8), ("pool", 2, 2, 0), ("conv", 5, 1, 24), ("pool", 2, 2, 0)]
    odd = [("conv", 3, 2, 16), ("pool", 3, 2, 0), ("conv", 1, 1, 4)]
    k, s, filters = (int(v) for v in rng.integers((2, 2, 3), (6, 4, 9)))
    some = [("conv", k, s, filters), ("pool", 2, 1, 0), ("conv", 3, 1, filters + 1)]
    size = [int(v) for v in 2 * rng.integers(8, 15, size=2) + 1]
    return [((28, 28, 1), lenet), ((33, 47, 3), odd), ((*size, 2), some), ((9, 9, 5), [])]


NETWORK_COST = Exercise(
    "network_cost",
    answer=_cost,
    cases=_cost_cases,
    mistakes=(
        Mistake(_cost_with(bias=0), "How many biases has a layer? They are parameters, too."),
        Mistake(
            _cost_with(at_input=True),
            "A window is multiplied once for each *output*. How many outputs are left after a "
            "stride?",
        ),
        Mistake(
            _cost_with(keep_channels=True),
            "How many channels does the second convolution see? As many as the first had filters.",
        ),
        Mistake(
            _cost_with(pool_weights=True),
            "A pooling has nothing to learn and multiplies no weights. What does it change?",
        ),
        Mistake(
            _cost_with(floor=True),
            "With padding 'same' and stride s, an incomplete last group gets an output, too.",
        ),
        Mistake(_cost_with(one_bias=True), "Each filter has a bias of its own, not each layer."),
        Mistake(
            _cost_with(apart=True),
            "Pooling windows are s pixels apart, not k: with s < k they overlap.",
        ),
    ),
    points=2,
)


# 3. A backward pass with two mistakes


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


def _half_flipped(axis):
    """Turn the kernel around along one axis only."""

    def answer(grad, x, w):
        dx, _, db = _backward(grad, x, np.flip(w, axis))
        return dx, _backward(grad, x, w)[1], db

    return answer


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
            _with(bias=np.mean), "The bias serves at every place: do derivatives average or add up?"
        ),
        Mistake(_with(bias=np.copy), "One filter has one bias, so db is one number, not a map."),
        Mistake(
            _half_flipped(1),
            "dw is right. In dx, your kernel is turned around along its rows, but not along the "
            "other axis.",
        ),
        Mistake(
            _half_flipped(0),
            "dw is right. In dx, your kernel is turned around along its columns, but not along the "
            "other axis.",
        ),
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


def _strides_forgotten(grad, x, k, s):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(grad.shape):
        window = x[i * k : (i + 1) * k, j * k : (j + 1) * k]
        if window.size:
            u, v = np.unravel_index(window.argmax(), window.shape)
            dx[i * k + u, j * k + v] += grad[i, j]
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
            "A pixel can be the largest of several windows. How do several paths to the loss "
            "combine?",
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
        Mistake(
            _strides_forgotten,
            "Where does the window of grad[i, j] begin? The windows are s apart, not k.",
        ),
    ),
    points=3,
    without=("nncourse.MaxPool2D",),
)

EXERCISES = (RECOVER_KERNEL, NETWORK_COST, FIXED_CONVOLUTION_BACKWARD, MAX_POOL_BACKWARD)
