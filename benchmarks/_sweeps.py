"""Small networks whose sizes can be turned up one at a time: what growth.py and the tests measure.

Each sweep says what it must cost at most: the exponents of time and memory in the limit, and a
count of the multiplications and additions in its products, to hold the measured time against.
"""

import math
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import nncourse as nn
from nncourse.language.llama import Llama, weight_shapes
from nncourse.scale.architectures import Architecture
from nncourse.scale.counting import forward_flops


@dataclass(frozen=True)
class Sweep:
    """One size of one network: ``make(size)`` returns a function that does one step."""

    network: str
    grows: str
    sizes: tuple[int, ...]
    make: Callable
    count: Callable  # of a size: operations in the products
    time: int  # the exponent of time in the limit
    memory: int  # … and of memory


def training_step(model, x, y):
    """A step of training, loss and Adam included."""
    optimizer = nn.Adam(model.parameters())

    def step():
        _, grad = nn.losses.softmax_cross_entropy(model(x, training=True), y)
        optimizer.zero_grad()
        if isinstance(model, nn.Sequential):
            model.backward(grad, input_grad=False)
        else:
            model.backward(grad)  # its input are ids
        optimizer.step()

    return step


def mlp_sizes(width, depth):
    return (784, *[width] * depth, 10)


def mlp(batch=128, width=256, depth=2):
    rng = np.random.default_rng(0)
    layers = []
    for pair in pairwise(mlp_sizes(width, depth)):
        layers += [nn.Dense(*pair, initializer=nn.initializers.he_normal, rng=rng), nn.ReLU()]
    x = rng.random((batch, 784), np.float32)
    return training_step(nn.Sequential(*layers[:-1]), x, rng.integers(10, size=batch))


def mlp_flops(batch=128, width=256, depth=2):
    first, *others = (a * b for a, b in pairwise(mlp_sizes(width, depth)))
    return batch * (4 * first + 6 * sum(others))


def cnn(batch=16, filters=16, side=28):
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2D(1, filters, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Conv2D(filters, filters, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.GlobalAveragePool2D(),
        nn.Dense(filters, 10, rng=rng),
    )
    x = rng.random((batch, side, side, 1), np.float32)
    return training_step(model, x, rng.integers(10, size=batch))


def cnn_flops(batch=16, filters=16, side=28):
    pixels = side * side
    return batch * (4 * 9 * filters * pixels + 6 * 9 * filters**2 * pixels // 4 + 60 * filters)


def lstm(batch=16, units=64, time=32):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.LSTM(32, units, rng=rng), nn.Dense(units, 10, rng=rng))
    x = rng.random((batch, time, 32), np.float32)
    return training_step(model, x, rng.integers(10, size=batch))


def lstm_flops(batch=16, units=64, time=32):
    return batch * (time * 4 * units * (4 * 32 + 6 * units) + 60 * units)


def gpt(batch=2, dim=64, layers=2, context=64):
    rng = np.random.default_rng(0)
    model = nn.GPT(64, dim, 4, layers, context=context, rng=rng)
    x, y = rng.integers(64, size=(2, batch, context))
    return training_step(model, x, y)


def gpt_flops(batch=2, dim=64, layers=2, context=64):
    sizes = Architecture(layers=layers, dim=dim, heads=4, vocabulary=64, context=context)
    return 3 * batch * forward_flops(sizes, context)


LLAMA = Architecture.llama(
    layers=4, dim=256, heads=8, kv_heads=4, hidden=512, vocabulary=64, context=2**15
)


def llama():
    rng = np.random.default_rng(0)
    shapes = weight_shapes(LLAMA).items()
    scale = 1 / math.sqrt(LLAMA.dim)
    return Llama(LLAMA, {name: scale * rng.normal(size=shape) for name, shape in shapes})


def llama_token(past):
    """One more token, when the cache holds those before it."""
    model = llama()
    cache = model.cache(past + 1)
    cache.keys[...], cache.values[...], cache.length = 0.1, 0.1, past

    def step():
        model.logits([0], cache)
        cache.rewind(past)

    return step


def llama_prompt(tokens):
    """Read a prompt; long ones are read in pieces, so that its scores are never all there."""
    model, ids = llama(), np.zeros(tokens, int)
    return lambda: model.logits(ids)


def doublings(first, count=5):
    return tuple(first * 2**i for i in range(count))


def sweep(network, make, count, name, sizes, time, memory, grows=None):
    """A sweep over the argument ``name`` of both functions."""
    return Sweep(
        network, grows or name, sizes, lambda n: make(**{name: n}), lambda n: count(**{name: n}),
        time, memory,
    )  # fmt: skip


SWEEPS = [
    sweep("MLP", mlp, mlp_flops, "batch", doublings(128), 1, 1),
    sweep("MLP", mlp, mlp_flops, "width", doublings(128), 2, 2),
    sweep("MLP", mlp, mlp_flops, "depth", doublings(2), 1, 1),
    sweep("CNN", cnn, cnn_flops, "batch", doublings(4), 1, 1),
    sweep("CNN", cnn, cnn_flops, "filters", doublings(8), 2, 1),
    sweep("CNN", cnn, cnn_flops, "side", doublings(14, 4), 2, 2, grows="side of the image"),
    sweep("LSTM", lstm, lstm_flops, "batch", doublings(16), 1, 1),
    sweep("LSTM", lstm, lstm_flops, "units", doublings(32), 2, 2),
    sweep("LSTM", lstm, lstm_flops, "time", doublings(16), 1, 1, grows="steps of time"),
    sweep("GPT", gpt, gpt_flops, "batch", doublings(1), 1, 1),
    sweep("GPT", gpt, gpt_flops, "dim", doublings(32), 2, 2, grows="width"),
    sweep("GPT", gpt, gpt_flops, "layers", doublings(1), 1, 1, grows="depth"),
    sweep("GPT", gpt, gpt_flops, "context", doublings(64), 2, 2),
    Sweep(
        "Llama, a prompt", "tokens", doublings(64), llama_prompt,
        lambda n: forward_flops(LLAMA, n), 2, 1,
    ),
    Sweep(
        "Llama, one token", "tokens in the cache", doublings(1024), llama_token,
        lambda n: forward_flops(LLAMA, 1, past=n), 1, 1,
    ),
]  # fmt: skip


def peak_bytes(make, size):
    """Return what one step holds at most: data, weights, optimizer, activations, gradients."""
    tracemalloc.start()
    step = make(size)
    step()  # the optimizer's averages, and buffers that are kept
    tracemalloc.reset_peak()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
