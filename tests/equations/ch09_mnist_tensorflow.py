"""What the symbols of chapter 09 are bound to. None of them needs TensorFlow."""

import numpy as np

import nncourse as nn
from equations import Chapter, given
from nncourse.exercises.mnist_tensorflow import conv_layer, r2_against_baseline

chapter = Chapter("09_mnist_tensorflow")


@chapter.evaluates("eq-conv")
def convolution(rng):
    k, channels, filters = 2, 2, 3
    x, w = rng.normal(size=(5, 4, channels)), rng.normal(size=(k, k, channels, filters))
    b = rng.normal(size=filters)
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))
    return {
        r"\mathbf{X}": x,
        r"\mathbf{W}": w,
        r"\mathbf{b}": b,
        r"\mathbf{Z}": np.einsum("ijcuv,uvcm->ijm", windows, w) + b,
    }


@chapter.evaluates("eq-conv-size", seeds=range(20))
def conv_size(rng):
    d, k, s = int(rng.integers(9, 40)), int(rng.integers(2, 7)), int(rng.integers(2, 5))
    return {"d": d, "k": k, "s": s, "d'": len(range(0, d - k + 1, s))}


@chapter.evaluates("eq-conv-parameters")
def conv_parameters(rng):
    k, channels, filters = (int(n) for n in rng.integers(2, 9, size=3))
    kernel, bias = np.zeros((k, k, channels, filters)), np.zeros(filters)
    p = conv_layer(20, 20, channels, filters, k, 1, "valid")[3]
    assert p == kernel.size + bias.size
    return {"k": k, "C": channels, "F": filters, "p": p}


@chapter.evaluates("eq-loss-scale")
def loss_scale(rng):
    x, y = rng.normal(size=2)
    return {
        "w": rng.normal(),
        "S": 32.0,
        "L": given(lambda v: (v["w"] * x - y) ** 2),
    }


@chapter.evaluates("eq-standard-error")
def standard_error(rng):
    right = rng.permutation(np.repeat([1.0, 0.0], [37, 13]))
    n = len(right)
    return {
        "n": n,
        "p": right.mean(),
        r"\operatorname{SE}": right.std() / np.sqrt(n),
    }


@chapter.evaluates("eq-cosine")
def cosine(rng):
    rate, steps, t = rng.uniform(0.1, 1), 97, int(rng.integers(1, 90))
    return {
        r"\eta_0": rate,
        r"\eta_t": nn.CosineDecay(rate, steps)(t),
        "t": t,
        "T": steps,
    }


@chapter.evaluates("eq-intensity")
def intensity(rng):
    n, inputs, units = (int(size) for size in rng.integers(2, 90, size=3))
    images, layer = np.zeros((n, inputs), np.float32), nn.Dense(inputs, units)
    moved = images.nbytes + layer.kernel.value.nbytes + layer(images).nbytes
    operations = sum(2 * images.shape[1] for _ in range(n * units))
    return {
        "n": n,
        "d_0": inputs,
        "d_1": units,
        "s": images.itemsize,
        "I": operations / moved,
    }


@chapter.evaluates("eq-roofline", seeds=range(20))
def roofline(rng):
    peak, bandwidth, operations, moved = rng.uniform(1, 4, size=4)
    # The slower of the two, computing and moving, decides the time.
    seconds = max(operations / peak, moved / bandwidth)
    return {
        r"P_{\max}": peak,
        "B": bandwidth,
        "I": operations / moved,
        "P": operations / seconds,
    }


@chapter.evaluates("eq-all-reduce")
def all_reduce(rng):
    parts = (5, 3, 11)
    x, y, w = rng.normal(size=(sum(parts), 4)), rng.normal(size=sum(parts)), rng.normal(size=4)

    def gradient(rows):
        _, grad = nn.losses.mean_squared_error(x[rows] @ w, y[rows])
        return x[rows].T @ grad

    ends = np.cumsum((0, *parts))
    symbols = {r"\mathbf{g}": gradient(slice(None)), "n": sum(parts), "K": len(parts)}
    for k, size in enumerate(parts, 1):
        symbols[f"n_{k}"] = size
        symbols[rf"\mathbf{{g}}_{k}"] = gradient(slice(ends[k - 1], ends[k]))
    return symbols


@chapter.evaluates("eq-r2")
def r_squared(rng):
    y_train, y_test = rng.normal(3, 1, size=9), rng.normal(4, 2, size=6)
    prediction = y_test + 0.3 * rng.normal(size=6)
    return {
        r"\mathbf{y}": y_test,
        r"\hat{\mathbf{y}}": prediction,
        "m": y_train.mean(),
        "R": np.sqrt(r2_against_baseline(y_train, y_test, prediction)),  # the page squares it
    }
