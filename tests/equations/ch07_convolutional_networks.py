"""What the symbols of chapter 07 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn

from .chapter import Chapter
from .environment import given, row

chapter = Chapter("07_convolutional_networks")


def convolution(kernel, bias=0.0, *, stride=1, padding="valid"):
    """Make the package's layer with these weights, in float64."""
    *size, channels, filters = kernel.shape
    layer = nn.Conv2D(
        channels, filters, size, stride=stride, padding=padding, dtype=np.float64
    )  # fmt: skip
    layer.kernel.value[...] = kernel
    layer.bias.value[...] = bias
    return layer


@chapter.evaluates("eq-cnn-slide")
def slide(rng):
    x, w = rng.normal(size=11), rng.normal(size=3)
    layer = convolution(w.reshape(1, 3, 1, 1))
    return {
        "k": len(w),
        r"\mathbf{x}": x,
        r"\mathbf{w}": w,
        r"\mathbf{z}": layer(x.reshape(1, 1, 11, 1)).ravel(),
    }


@chapter.evaluates("eq-cnn-convolution")
def true_convolution(rng):
    x, w = rng.normal(size=11), rng.normal(size=4)
    return {
        "k": len(w),
        "i": range(len(w), len(x) + 1),  # wherever the window fits
        r"\mathbf{x}": x,
        r"\mathbf{w}": w,
        r"\mathbf{y}": np.convolve(x, w),
    }


@chapter.evaluates("eq-cnn-size", seeds=range(20))
def size(rng):
    d, k, s, before, after = (int(n) for n in rng.integers((9, 2, 2, 0, 0), (30, 7, 5, 4, 4)))
    image = np.pad(np.zeros((1, d, d, 1)), [(0, 0), (before, after), (before, after), (0, 0)])
    layer = convolution(np.zeros((k, k, 1, 1)), stride=s)
    return {"d": d, "k": k, "s": s, "p": before + after, "d'": layer(image).shape[1]}


@chapter.evaluates("eq-cnn-layer")
def layer(rng):
    x, kernel = rng.normal(size=(5, 6, 2)), rng.normal(size=(3, 2, 2, 4))
    bias, s = rng.normal(size=4), 2
    return {
        "s": s,
        r"\mathbf{x}": x,
        r"\mathbf{w}": kernel,
        r"\mathbf{b}": bias,
        r"\mathbf{z}": convolution(kernel, bias, stride=s)(x[None])[0],
    }


@chapter.evaluates("eq-cnn-parameters")
def parameters(rng):
    k, channels, filters = (int(n) for n in rng.integers(2, 9, size=3))
    made = nn.Conv2D(channels, filters, k, rng=rng).parameters()
    return {"k": k, "C": channels, "F": filters, "P": sum(p.value.size for p in made)}


@chapter.evaluates("eq-cnn-rows")
def rows(rng):
    x, kernel, bias = rng.normal(size=(5, 4, 2)), rng.normal(size=(2, 3, 2, 7)), rng.normal(size=7)
    windows = [x[i : i + 2, j : j + 3].ravel() for i in range(4) for j in range(2)]
    return {
        r"\mathbf{R}": np.array(windows),
        r"\mathbf{W}": kernel.reshape(12, 7),
        r"\mathbf{b}": row(bias),
        r"\mathbf{Z}": convolution(kernel, bias)(x[None]).reshape(8, 7),
    }


@chapter.evaluates("eq-cnn-rows-backward")
def rows_backward(rng):
    """Bind the loss to the formula's own forward pass, the deltas to the loss's gradient."""
    target = rng.normal(size=(7, 3))

    def loss(z):
        return nn.losses.mean_squared_error(z, target)

    z = given(lambda v: v[r"\mathbf{R}"] @ v[r"\mathbf{W}"] + v[r"\mathbf{b}"])
    return {
        r"\mathbf{R}": rng.normal(size=(7, 5)),
        r"\mathbf{W}": rng.normal(size=(5, 3)),
        r"\mathbf{b}": row(rng.normal(size=3)),
        r"\mathbf{1}": np.ones(7),
        r"\mathbf{Z}": z,
        "L": given(lambda v: loss(v[r"\mathbf{Z}"])[0]),
        r"\boldsymbol{\Delta}": given(lambda v: loss(v[r"\mathbf{Z}"])[1]),
    }


def one_image(rng):
    """Bind a convolution of the package with stride 1, a loss on its output, and the deltas."""
    target = rng.normal(size=(4, 3, 2))

    def loss(z):
        return nn.losses.mean_squared_error(z, target)

    def z(v):
        return convolution(v[r"\mathbf{w}"], v[r"\mathbf{b}"])(v[r"\mathbf{x}"][None])[0]

    return {
        r"\mathbf{x}": rng.normal(size=(5, 5, 3)),
        r"\mathbf{w}": rng.normal(size=(2, 3, 3, 2)),
        r"\mathbf{b}": rng.normal(size=2),
        r"\mathbf{z}": given(z),
        "L": given(lambda v: loss(v[r"\mathbf{z}"])[0]),
        r"\boldsymbol{\delta}": given(lambda v: loss(v[r"\mathbf{z}"])[1]),
    }


@chapter.evaluates("eq-cnn-weights-backward")
def weights_backward(rng):
    return one_image(rng)


@chapter.evaluates("eq-cnn-input-backward")
def input_backward(rng):
    """Bind pixels so far inside that every delta of the sum exists."""
    target = rng.normal(size=(4, 5, 3))

    def loss(v):
        z = convolution(v[r"\mathbf{w}"])(v[r"\mathbf{x}"][None])[0]
        return nn.losses.mean_squared_error(z, target)

    return {
        r"\mathbf{x}": rng.normal(size=(5, 7, 2)),
        r"\mathbf{w}": rng.normal(size=(2, 3, 2, 3)),
        "L": given(lambda v: loss(v)[0]),
        r"\boldsymbol{\delta}": given(lambda v: loss(v)[1]),
        "p": range(3, 5),
        "q": range(4, 6),
    }


@chapter.evaluates("eq-cnn-pool")
def pool(rng):
    x, k, s = rng.normal(size=(7, 5, 2)), 3, 2
    return {
        "k": k,
        "s": s,
        r"\mathbf{x}": x,
        r"\mathbf{y}": nn.MaxPool2D(k, stride=s)(x[None])[0],
        r"\bar{\mathbf{y}}": nn.AveragePool2D(k, stride=s)(x[None])[0],
    }


@chapter.evaluates("eq-cnn-field")
def field(rng):
    """Measure the fields: count the pixels that the gradient of one neuron reaches."""
    windows, strides = rng.integers(2, 6, size=3), rng.integers(2, 4, size=3)
    symbols = {r"\ell": range(1, 4), "r_0": 1}
    layers = []
    for number, (k, s) in enumerate(zip(windows, strides, strict=True), 1):
        layers.append(convolution(np.ones((k, 1, 1, 1)), stride=(int(s), 1)))
        model = nn.Sequential(*layers)
        grad = np.zeros_like(model(np.zeros((1, 150, 1, 1))))
        grad[0, 1] = 1
        reached = np.count_nonzero(model.backward(grad))
        symbols |= {f"k_{number}": int(k), f"s_{number}": int(s), f"r_{number}": reached}
    return symbols


@chapter.evaluates("eq-cnn-equivariance")
def equivariance(rng):
    """Bind images with a frame of zeros, so that a roll is a shift."""
    image = np.zeros((12, 13))
    image[4:8, 4:8] = rng.normal(size=(4, 4))
    layer = convolution(rng.normal(size=(3, 3, 1, 1)), rng.normal(), padding="same")
    return {
        r"\mathbf{X}": image,
        "S": lambda x: np.roll(x, 1, axis=1),
        "g": lambda x: layer(x[None, :, :, None])[0, :, :, 0],
    }
