"""Checks for the exercises of chapter 08, "Deep, and real"."""

import math

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. Find the bug: an array out of a row of numbers


def _entries(storage, shape, strides, offset=0):
    out = np.empty(shape)
    for place in np.ndindex(*shape):
        at = offset + sum(i * s for i, s in zip(place, strides, strict=True))
        out[place] = storage[at % len(storage)]
    return out


def _strided(storage, offset, shape, strides):
    return _entries(storage, shape, strides, offset)


def _reshaped(storage, offset, shape, strides):
    return storage[offset : offset + math.prod(shape)].reshape(shape)


def _fortran(storage, offset, shape, strides):
    return storage[offset : offset + math.prod(shape)].reshape(shape, order="F")


def _no_offset(storage, offset, shape, strides):
    return _entries(storage, shape, strides)


def _backward_strides(storage, offset, shape, strides):
    return _entries(storage, shape, strides[::-1], offset)


def _offset_for_each_axis(storage, offset, shape, strides):
    steps = [s * np.arange(n) for s, n in zip(strides, shape, strict=True)]
    return storage[sum(np.ix_(*(offset + step for step in steps)))]


def _bytes(storage, offset, shape, strides):
    return _entries(storage, shape, [s // 4 for s in strides], offset)


def _strided_cases(rng):
    def case(shape, strides, offset, size):
        return rng.normal(size=size), offset, shape, strides

    return [
        case((2, 3), (1, 2), 1, 8),
        case((4, 3), (1, 4), 2, 15),
        case((3, 2, 2, 2), (1, 3, 12, 6), 2, 26),
        case((5,), (2,), 3, 12),
        case((4, 2), (3, 1), 1, 14),
        case((2, 2, 3), (1, 6, 2), 4, 17),
    ]


STRIDED = Exercise(
    "strided",
    answer=_strided,
    cases=_strided_cases,
    mistakes=(
        Mistake(
            _reshaped,
            "That is the bug of this page: reshape takes the numbers in the order in which they "
            "lie. Where does entry [i, j] lie? "
            "The strides say it.",
        ),
        Mistake(
            _fortran,
            "Columns first is right for some of these arrays only. Which numbers say in what order "
            "an array's entries lie?",
        ),
        Mistake(_no_offset, "Where does the array begin? Not always at the row's first number."),
        Mistake(_backward_strides, "Which stride belongs to which axis? The first to the first."),
        Mistake(
            _offset_for_each_axis,
            "You add the offset once for each axis. The array begins at one place.",
        ),
        Mistake(_bytes, "These strides count numbers, not bytes as NumPy's own do."),
    ),
    points=2,
)


# 2. One layer instead of two


def _folded(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, beta + (bias - mean) * scale


def _forgot_bias(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, beta - mean * scale


def _no_root(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / (variance + epsilon)
    return kernel * scale, beta + (bias - mean) * scale


def _outside(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / (np.sqrt(variance) + epsilon)
    return kernel * scale, beta + (bias - mean) * scale


def _unscaled(kernel, bias, gamma, beta, mean, variance, epsilon):
    return kernel * gamma / np.sqrt(variance + epsilon), beta + bias - mean


def _kernel_kept(kernel, bias, gamma, beta, mean, variance, epsilon):
    return kernel, _folded(kernel, bias, gamma, beta, mean, variance, epsilon)[1]


def _scaled_beta(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, (bias - mean + beta) * scale


def _wrong_axis(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    channels = kernel.shape[2]
    rows = np.resize(scale, channels)[:, None]
    return kernel * rows, beta + (bias - mean) * scale


def _folded_cases(rng):
    def case(size, channels, filters, epsilon):
        return (
            rng.normal(size=(size, size, channels, filters)),
            *rng.normal(size=(3, filters)),
            rng.normal(size=filters),
            rng.uniform(0.2, 3, filters),
            epsilon,
        )

    return [case(3, 2, 4, 1e-3), case(1, 5, 3, 0.1), case(2, 3, 3, 0.5), case(3, 1, 6, 1e-5)]


FOLDED = Exercise(
    "folded",
    answer=_folded,
    cases=_folded_cases,
    mistakes=(
        Mistake(_forgot_bias, "And the convolution's own bias? It, too, is added before the mean."),
        Mistake(_no_root, "Is it divided by the variance or by the standard deviation?"),
        Mistake(_outside, "ε stands inside the root, beside the variance."),
        Mistake(_unscaled, "The mean is taken off before the division: what happens to it then?"),
        Mistake(_kernel_kept, "Your bias is right. The division reaches the kernel, too."),
        Mistake(_scaled_beta, "β is added after the division. Why is it divided here?"),
        Mistake(_wrong_axis, "One factor a filter: on which axis of the kernel are the filters?"),
        Mistake(
            lambda kernel, bias, gamma, beta, mean, variance, epsilon: (
                _folded(kernel, bias, gamma, beta, mean, variance, epsilon)[0],
                bias + beta - mean * gamma / np.sqrt(variance + epsilon),
            ),
            "The kernel is right. The bias goes through the normalization, too: it is scaled.",
        ),
    ),
    points=2,
)


# 3. What a picture costs


def _products(
    size, channels, blocks, *, narrow=True, dense=False, always=False, late=False, down=False
):
    total = 0
    for kernel, stride, expand, filters in blocks:
        hidden = channels * expand
        new = size // stride if down else -(-size // stride)
        if expand > 1 or always:
            total += (new if late else size) ** 2 * channels * hidden
        total += new**2 * kernel**2 * hidden * (hidden if dense else 1)
        if narrow:
            total += new**2 * hidden * filters
        size, channels = new, filters
    return total


def _products_with(**options):
    return lambda size, channels, blocks: _products(size, channels, blocks, **options)


def _one_map_less(size, channels, blocks):
    total = 0
    for kernel, stride, expand, filters in blocks:
        hidden = channels * expand
        total += size**2 * channels * hidden * (expand > 1)
        total += size**2 * (kernel**2 * hidden + hidden * filters)
        size, channels = -(-size // stride), filters
    return total


def _early(size, channels, blocks):
    extra = 0
    inputs = channels
    for (k, stride, expand, filters), here in zip(blocks, _map_sizes(size, blocks), strict=True):
        extra += (here**2 - math.ceil(here / stride) ** 2) * k * k * inputs * expand
        inputs = filters
    return _products(size, channels, blocks) + extra


def _map_sizes(size, blocks):
    sizes = [size]
    for _, stride, _, _ in blocks[:-1]:
        sizes.append(math.ceil(sizes[-1] / stride))
    return sizes


def _products_cases(rng):
    def blocks(count):
        return [
            (
                int(rng.choice([3, 5])), int(rng.integers(1, 3)), int(rng.choice([1, 4, 6])),
                int(rng.integers(4, 20)),
            )
            for _ in range(count)
        ]  # fmt: skip

    fixed = [(3, 2, 1, 8), (5, 2, 6, 12), (3, 1, 6, 12), (3, 2, 4, 10)]
    return [(15, 6, fixed), (7, 4, fixed[1:]), (int(rng.integers(9, 40)), 8, fixed + blocks(2))]


PRODUCTS = Exercise(
    "products",
    answer=_products,
    cases=_products_cases,
    mistakes=(
        Mistake(_products_with(dense=True), "Does a depthwise filter see all channels, or one?"),
        Mistake(_products_with(always=True), "With expand = 1, is there anything to widen?"),
        Mistake(_products_with(late=True), "The stride comes after the widening: on which map?"),
        Mistake(_one_map_less, "Behind a stride of 2, the maps are smaller in the same block."),
        Mistake(_products_with(down=True), "Of 15 pixels with “same” padding, a stride of 2 …?"),
        Mistake(_products_with(narrow=False), "Three convolutions a block. Is the last one there?"),
        Mistake(
            _early, "The depthwise convolution has the stride: at how many places is it computed?"
        ),
    ),
    points=2,
)


# 4. Pictures prepared for another family


def _renormalized(x, mean, std):
    return ((x * std + mean) * 255 - 127) / 128


def _no_std(x, mean, std):
    return ((x + mean) * 255 - 127) / 128


def _no_mean(x, mean, std):
    return (x * std * 255 - 127) / 128


def _twice(x, mean, std):
    return (((x - mean) / std) * 255 - 127) / 128


def _not_undone(x, mean, std):
    return (x * 255 - 127) / 128


def _small(x, mean, std):
    return (x * std + mean - 127) / 128


def _whole_pixels(x, mean, std):
    return (np.floor((x * std + mean) * 255) - 127) / 128


def _unit(x, mean, std):
    return x * std + mean


def _renormalized_cases(rng):
    def case(*shape):
        mean, std = rng.uniform(0.3, 0.6, 3), rng.uniform(0.15, 0.3, 3)
        return (rng.uniform(0, 1, (*shape, 3)) - mean) / std, mean, std

    return [case(4, 5), case(3, 3), case(1, 6)]


RENORMALIZED = Exercise(
    "renormalized",
    answer=_renormalized,
    cases=_renormalized_cases,
    mistakes=(
        Mistake(_no_std, "The mean is back. What had been done after it was taken off?"),
        Mistake(_no_mean, "The scale is back. What had been taken off before?"),
        Mistake(_twice, "You have standardized a second time. Undo the first one."),
        Mistake(_not_undone, "x is no picture yet: undo its standardization first."),
        Mistake(_small, "127 and 128 belong to pixels from 0 to 255. Are yours?"),
        Mistake(
            _whole_pixels,
            "You cut the pixels down to whole numbers. A network takes what lies between, too.",
        ),
        Mistake(_unit, "This is the picture, from 0 to 1. What does the network want to see?"),
        Mistake(
            lambda x, mean, std: (255 * (x + mean) * std - 127) / 128,
            "Undo the two steps in the opposite order: which came last?",
        ),
        Mistake(
            lambda x, mean, std: (np.round((x * std + mean) * 255) - 127) / 128,
            "You round the pixels to whole numbers. A network takes what lies between, too.",
        ),
    ),
    points=1,
)

EXERCISES = (STRIDED, FOLDED, PRODUCTS, RENORMALIZED)
