"""What the symbols of chapter 08 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn

from .chapter import Chapter

chapter = Chapter("08_deep_networks")
BLOCKS = 3


@chapter.evaluates("eq-deep-batchnorm")
def batch_norm(rng):
    layer = nn.BatchNorm(1, momentum=0, epsilon=0.1, dtype=np.float64)
    layer.gamma.value[:], layer.beta.value[:] = rng.normal(size=(2, 1))
    x = rng.normal(1, 2, 7)
    y = layer(x.reshape(7, 1), training=True)
    return {
        "m": len(x),
        r"\mathbf{x}": x,
        r"\mu": layer.running_mean[0],  # with momentum 0, this batch's own
        "v": layer.running_variance[0],
        r"\gamma": layer.gamma.value[0],
        r"\beta": layer.beta.value[0],
        r"\epsilon": layer.epsilon,
        r"\mathbf{y}": y[:, 0],
    }


def chain(rng, wrap):
    """Three smooth layers, each inside ``wrap``; signals, gradients and Jacobians of each."""
    inner = [
        nn.Sequential(nn.Dense(4, 4, rng=rng, dtype=np.float64), nn.Tanh()) for _ in range(BLOCKS)
    ]
    blocks = [wrap(*layers.layers) for layers in inner]
    bound, x = {"K": BLOCKS}, rng.normal(size=(1, 4))
    bound[r"\mathbf{x}_0"] = x[0]
    for k, block in enumerate(blocks, start=1):
        columns = [central(inner[k - 1], x, direction) for direction in np.eye(4)]
        bound[rf"\mathbf{{J}}_{k}"] = np.stack(columns, axis=1)
        bound[f"f_{k}"] = lambda v, layers=inner[k - 1]: layers(np.asarray(v)[None])[0]
        x = block(x)
        bound[rf"\mathbf{{x}}_{k}"] = x[0]
    grad = rng.normal(size=(1, 4))
    bound[rf"\mathbf{{g}}_{BLOCKS}"] = grad[0]
    x = bound[r"\mathbf{x}_0"][None]
    for block in blocks:
        x = block(x)  # again: a Jacobian's differences have run the layers meanwhile
    for k in range(BLOCKS, 0, -1):
        grad = blocks[k - 1].backward(grad)
        bound[rf"\mathbf{{g}}_{k - 1}"] = grad[0]
    return bound


def central(layers, x, direction, h=1e-5):
    return (layers(x + h * direction) - layers(x - h * direction))[0] / (2 * h)


@chapter.evaluates("eq-deep-block")
def block(rng):
    return {"k": range(1, BLOCKS + 1)} | chain(rng, nn.Residual)


@chapter.evaluates("eq-deep-sum", "eq-deep-gradient")
def unrolled(rng):
    return chain(rng, nn.Residual)


@chapter.evaluates("eq-deep-plain")
def plain(rng):
    return {"k": range(1, BLOCKS + 1)} | chain(rng, nn.Sequential)


@chapter.evaluates("eq-deep-shortcut")
def shortcut(rng):
    return {"k": range(1, BLOCKS + 1)} | chain(rng, nn.Residual)


@chapter.evaluates("eq-deep-depthwise")
def depthwise(rng):
    """One output pixel: as many products as kernels have entries."""
    k, channels, filters = 3, 5, 7
    full = nn.Conv2D(channels, filters, k)
    steps = nn.DepthwiseConv2D(channels, k), nn.Conv2D(channels, filters, 1)
    return {
        "k": k,
        "C": channels,
        "F": filters,
        "M": full.kernel.value.size,
        "M'": sum(layer.kernel.value.size for layer in steps),
    }


@chapter.evaluates("eq-deep-strides", origin=0)
def strides(rng):
    storage = rng.normal(size=40)
    offset, s, t = 3, 2, 9
    view = np.lib.stride_tricks.as_strided(storage[offset:], (4, 3), (s * 8, t * 8))
    return {
        "o": offset,
        "s": s,
        "t": t,
        r"\mathbf{m}": storage,
        r"\mathbf{X}": view.copy(),
        "i": range(4),
        "j": range(3),
    }
