"""What the symbols of chapter 04 are bound to: as far as can be, what nncourse computes."""

from itertools import pairwise

import numpy as np

import nncourse as nn

from .chapter import Chapter
from .environment import draws, given
from .networks import network

chapter = Chapter("04_backpropagation")
sigmoid = nn.activations.sigmoid


@chapter.evaluates("eq-weight-step")
def weight_step(rng):
    w, x, eta = rng.normal(), rng.normal(), 0.3
    parameter = nn.Parameter(np.array([w]), "w")
    parameter.grad += nn.losses.mean_squared_error(parameter.value * x, np.ones(1))[1] * x
    nn.SGD([parameter], eta).step()
    return {
        "w": w,
        "L": given(lambda v: (v["w"] * x - 1) ** 2),
        r"\eta": eta,
        r"\leftarrow w": parameter.value[0],
    }


@chapter.evaluates("eq-chain-rule")
def chain_rule(rng):
    x, b = rng.normal(size=2)
    return {
        "w": rng.normal(),
        "z": given(lambda v: v["w"] * x + b),
        "a": given(lambda v: sigmoid(v["z"])),
        "L": given(lambda v: (v["a"] - 1) ** 2),
    }


@chapter.evaluates("eq-chain-paths")
def chain_paths(rng):
    y = rng.normal()
    return {
        "x": rng.normal(),
        r"\mathbf{u}": given(lambda v: np.array([v["x"] * y, v["x"] ** 2, np.sin(v["x"])])),
        "L": given(lambda v: nn.activations.softplus(v[r"\mathbf{u}"]) @ [1.0, -2.0, 3.0]),
    }


@chapter.evaluates("eq-softmax-loss", "eq-softmax-derivative", "eq-prediction-minus-target")
def output(rng):
    return {
        r"\mathbf{z}": rng.normal(size=5),
        r"\mathbf{y}": rng.dirichlet(np.ones(5)),
        r"\mathbf{p}": given(lambda v: nn.activations.softmax(v[r"\mathbf{z}"])),
        "L": given(lambda v: cross_entropy(v[r"\mathbf{p}"], v[r"\mathbf{y}"])),
    }


def cross_entropy(p, y):
    """Return the loss as a function of p, also where the p do not sum to 1."""
    return nn.losses.softmax_cross_entropy(np.log(p)[None], y[None])[0] - np.log(np.sum(p))


@chapter.evaluates("eq-hidden-delta")
def hidden_layers(rng):
    return one_example(rng) | {r"\ell": range(1, 3), "f": np.tanh}


@chapter.evaluates("eq-delta", "eq-weight-slope")
def one_example(rng):
    """Bind a network 5→3→2→4 and one example; the deltas are from the package's backward pass."""
    bound = network(rng, n=1, sizes=(5, 3, 2, 4), activations=(nn.Tanh,) * 3)
    depth = bound["M"]
    symbols = {r"\ell": range(1, depth + 1), "L": bound["L"], "f": bound["f"]}
    symbols |= {key: bound[key] for key in (r"\mathbf{X}", r"\mathbf{Y}")}
    for k in range(depth + 1):
        symbols[rf"\mathbf{{a}}^{{({k})}}"] = given(lambda v, k=k: v[rf"\mathbf{{A}}^{{({k})}}"][0])
        symbols[rf"\mathbf{{A}}^{{({k})}}"] = bound[rf"\mathbf{{A}}^{{({k})}}"]
        if k:
            symbols |= layer_of_one_example(bound, k)
    return symbols


def layer_of_one_example(bound, k):
    r"""Bind z as a vector that can be moved; \mathbf{Z} has it as its one row."""

    def tagged(symbol):
        return rf"{symbol}^{{({k})}}"

    def z(v):
        weights, bias = v[tagged(r"\mathbf{W}")], v[tagged(r"\mathbf{b}")]
        return v[rf"\mathbf{{A}}^{{({k - 1})}}"][0] @ weights + np.ravel(bias)

    return {
        tagged(r"\mathbf{W}"): bound[tagged(r"\mathbf{W}")],
        tagged(r"\mathbf{b}"): bound[tagged(r"\mathbf{b}")],
        tagged(r"\mathbf{z}"): given(z),
        tagged(r"\mathbf{Z}"): given(lambda v: v[tagged(r"\mathbf{z}")][None]),
        tagged(r"\boldsymbol{\Delta}"): bound[tagged(r"\boldsymbol{\Delta}")],
        tagged(r"\boldsymbol{\delta}"): given(lambda v: v[tagged(r"\boldsymbol{\Delta}")][0]),
    }


@chapter.evaluates("eq-batch-forward", "eq-batch-weight-sum", "eq-batch-weights")
def batch(rng):
    return network(rng)


@chapter.evaluates("eq-batch-delta")
def batch_delta(rng):
    """Bind three layers: the formula holds for the first and the second."""
    symbols = network(rng, sizes=(5, 3, 2, 4), activations=(nn.Tanh,) * 3)
    return symbols | {r"\ell": range(1, 3)}


@chapter.evaluates("eq-batch-output")
def batch_output(rng):
    targets = rng.dirichlet(np.ones(2), size=7)
    symbols = network(
        rng, activations=(nn.Tanh, None), loss=nn.losses.softmax_cross_entropy, targets=targets
    )
    return symbols | {
        r"\mathbf{P}": given(lambda v: nn.activations.softmax(v[r"\mathbf{A}^{(2)}"]))
    }


class Counting(np.ndarray):
    """An array that counts the multiplications of the matrix products it takes part in."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [np.asarray(i) for i in inputs]
        if "out" in kwargs:
            kwargs["out"] = tuple(np.asarray(o) for o in kwargs["out"])
        if ufunc is np.matmul:
            Counting.count += plain[0].shape[0] * plain[0].shape[1] * plain[1].shape[1]
        return np.asarray(getattr(ufunc, method)(*plain, **kwargs)).view(Counting)


def multiplications(function, array):
    Counting.count = 0
    function(array.view(Counting))
    return Counting.count


@chapter.evaluates("eq-cost")
def cost(rng):
    sizes, n = (5, 3, 2, 11), 7
    model = nn.Sequential(*(nn.Dense(a, b, rng=rng) for a, b in pairwise(sizes)))
    for layer in model.layers:
        layer.kernel.value = layer.kernel.value.view(Counting)
    symbols = {f"d_{k}": size for k, size in enumerate(sizes)}
    return symbols | {
        "n": n,
        "M": len(sizes) - 1,
        r"C_{\text{forward}}": multiplications(model.forward, rng.normal(size=(n, 5))),
        r"C_{\text{backward}}": multiplications(model.backward, rng.normal(size=(n, 11))),
    }


@chapter.evaluates("eq-central-difference", "eq-complex-step")
def numerical_derivatives(rng):
    return {
        "f": np.sin,
        "x": rng.uniform(0.2, 1.2),
        "h": 0.3,
    }


@chapter.evaluates("eq-total-error", "eq-best-step")
def total_error(rng):
    """Bind f to a cubic: its central difference has no further terms."""
    cubic = np.polynomial.Polynomial(rng.uniform(1, 2, 4))
    x, epsilon = rng.uniform(0.5, 1.5), 1e-3

    def error(h):
        truncation = abs((cubic(x + h) - cubic(x - h)) / (2 * h) - cubic.deriv()(x))
        return truncation + epsilon * abs(cubic(x)) / h

    return {
        "f": cubic,
        "x": x,
        r"\epsilon": epsilon,
        "h": 0.1,
        "E": error,
        "h^*": lowest(error, 1e-3, 1.0),
    }


def lowest(function, low, high):
    """Return where the function is lowest: its slope is 0 there, and bisection finds it."""
    for _ in range(60):
        middle = (low + high) / 2
        step = 1e-4 * middle
        slope = 8 * (function(middle + step) - function(middle - step))
        slope -= function(middle + 2 * step) - function(middle - 2 * step)
        low, high = (low, middle) if slope > 0 else (middle, high)
    return (low + high) / 2


@chapter.evaluates("eq-directional")
def directional(rng):
    x, y = rng.normal(size=(4, 3)), rng.normal(size=4)

    def loss(w):
        return nn.losses.mean_squared_error(np.tanh(x @ w), y)[0]

    return {
        "L": loss,
        r"\mathbf{w}": rng.normal(size=3),
        r"\mathbf{v}": rng.normal(size=3),
        "h": 0.02,
    }


# Initial weights. The variance of N draws of a normal-like number has the relative standard
# error √(2/N): 0.45 % for 100,000 draws; the tolerances are five of these and more.

SAMPLES = 100_000


@chapter.evaluates(
    "eq-variance-sum",
    rtol=0.04,
    because="100,000 draws: five standard errors are 3 %",
)
def variance_of_a_sum(rng):
    d = 3
    w, x = rng.normal(0, 0.5, (SAMPLES, d)), rng.uniform(0, 2, (SAMPLES, d))
    return {
        "d": d,
        r"\mathbf{w}": draws(w),
        r"\mathbf{x}": draws(x),
        "w": draws(rng.normal(0, 0.5, SAMPLES)),
        "x": draws(rng.uniform(0, 2, SAMPLES)),
        "z": draws(np.sum(w * x, axis=1)),
    }


@chapter.evaluates(
    "eq-relu-half",
    rtol=0.04,
    because="100,000 draws: five standard errors are 3.5 %",
)
def relu_half(rng):
    def relu(z):
        return nn.activations.relu(z).view(type(z))  # draws stay draws

    return {"z": draws(rng.normal(0, 1.7, SAMPLES)), r"\operatorname{ReLU}": relu}


@chapter.evaluates("eq-he", rtol=0.025, because="100,000 weights: five standard errors are 2.2 %")
def he(rng):
    d0 = 125
    return {"d_0": d0, "w": draws(nn.initializers.he_normal((d0, 800), rng, np.float64).ravel())}


def glorot_weights(rng):
    d0, d1 = 125, 800
    weights = nn.initializers.glorot_uniform((d0, d1), rng, np.float64)
    return {"d_0": d0, "d_1": d1, "w": draws(weights.ravel()), "c": np.abs(weights).max()}


chapter.evaluates(
    "eq-glorot", rtol=0.025, because="100,000 weights: five standard errors are 1.4 %"
)(glorot_weights)
chapter.evaluates(
    "eq-glorot-limit", rtol=1e-4, because="c is the largest of 100,000 uniform weights"
)(glorot_weights)


@chapter.evaluates(
    "eq-gradient-factor",
    rtol=0.03,
    because="q is measured in one layer of 1,000 neurons with 1,000 examples: about 0.3 % spread",
)
def gradient_factor(rng):
    size = 1_000
    layer, activation = nn.Dense(size, size, rng=rng, dtype=np.float64), nn.Tanh()
    z = rng.normal(size=(size, size))
    delta = rng.normal(size=(size, size))
    layer(activation(z))
    below = activation.backward(layer.backward(delta))
    return {
        "q": np.mean(below**2) / np.mean(delta**2),
        "d": size,
        "w": draws(layer.kernel.value.ravel()[:200_000]),
        "z": draws(z.ravel()[:200_000]),
        "f": np.tanh,
    }


chapter.equivalent(
    "eq-prediction-minus-target",
    "drop factor 7",
    "The targets sum to 1, so without their sum it reads the same; the next line says just that.",
)
