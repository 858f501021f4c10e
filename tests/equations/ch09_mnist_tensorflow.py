"""What the symbols of chapter 09 are bound to. None of them needs TensorFlow."""

import numpy as np

import nncourse as nn
from equations import Chapter, given
from nncourse.exercises.mnist_tensorflow import r2_against_baseline

chapter = Chapter("09_mnist_tensorflow")


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


@chapter.evaluates("eq-step-time", seeds=range(20))
def step_time(rng):
    layers, peak, bandwidth, size, start = 4, 3.0, 2.0, 2, rng.uniform(1, 4)
    operations, numbers = rng.uniform(1, 9, size=(2, layers))
    seconds = start
    for products, moved in zip(operations, numbers, strict=True):
        for _ in ("forward", "to the weights", "to the inputs"):
            computing, moving = products / peak, size * moved / bandwidth
            seconds += computing if computing > moving else moving
    symbols = {"t": seconds, "t_0": start, "M": layers, "s": size, "B": bandwidth}
    symbols[r"P_{\max}"] = peak
    for j in range(layers):
        symbols[f"F_{j + 1}"], symbols[f"N_{j + 1}"] = operations[j], numbers[j]
    return symbols


@chapter.evaluates("eq-batch-speed")
def batch_speed(rng):
    call, image = rng.uniform(1, 4, size=2)
    n = int(rng.integers(1, 90))
    clock = call  # one call, and then one image after the other
    for _ in range(n):
        clock += image
    return {"n": n, "t_0": call, "t_1": image, "v": n / clock}


@chapter.evaluates("eq-ring", seeds=range(5))
def ring(rng):
    """Send the pieces around: each of K devices hands its neighbor a piece, all at once."""
    devices, size, bandwidth = int(rng.integers(2, 7)), 4, 3.0
    numbers = 12 * devices
    gradients = rng.normal(size=(devices, devices, numbers // devices))  # device, piece, number
    held, clock = gradients.copy(), 0.0
    for phase in ("add", "hand out"):
        for turn in range(devices - 1):
            sent = []
            for k in range(devices):
                piece = (k - turn + (phase == "hand out")) % devices
                sent.append(((k + 1) % devices, piece, held[k, piece].copy()))
            for k, piece, numbers_sent in sent:
                if phase == "add":
                    held[k, piece] += numbers_sent
                else:
                    held[k, piece] = numbers_sent
            clock += size * (numbers // devices) / bandwidth
    assert np.allclose(held, gradients.sum(axis=0))  # everybody has the sum
    return {r"t_{\text{ring}}": clock, "K": devices, "s": size, "p": numbers, "B": bandwidth}


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
