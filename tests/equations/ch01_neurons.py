"""What the symbols of chapter 01's equations stand for."""

import numpy as np

import nncourse as nn
from equations import Chapter, given, row

A = nn.activations
chapter = Chapter("01_neurons")


def dense(w, b):
    layer = nn.Dense(*w.shape, dtype=np.float64)
    layer.kernel.value, layer.bias.value = w, np.ravel(b)
    return layer


# A neuron


@chapter.evaluates("eq-neuron", "eq-activation")
def neuron(rng):
    d = 5
    x, w, b = rng.normal(size=d), rng.normal(size=d), rng.normal()
    z = dense(w[:, None], [b])(x[None])
    return {
        r"\mathbf{x}": x,
        r"\mathbf{w}": w,
        "b": b,
        "d": d,
        "z": z[0, 0],
        "f": A.tanh,
        "a": nn.Tanh()(z)[0, 0],
    }


@chapter.evaluates("eq-step", seeds=range(20))
def step(rng):
    return {
        "z": rng.normal(),
        r"\operatorname{step}": lambda z: nn.McCullochPitts([1.0], 0).predict([[z]])[0],
    }


@chapter.evaluates("eq-distance")
def distance(rng):
    x, w, b = rng.normal(size=3), rng.normal(size=3), rng.normal()
    # The foot of the perpendicular solves: x + s w on the plane.
    s = np.linalg.solve([[w @ w]], [-(w @ x + b)])[0]
    return {r"\mathbf{x}": x, r"\mathbf{w}": w, "b": b, "D": np.linalg.norm(s * w)}


# The perceptron


def _mistake(rng):
    """Weights and bias before a mistake, the example, its target, and both after it."""
    while True:
        x, y = rng.normal(size=(9, 3)), rng.integers(0, 2, size=9)
        before, after = (nn.Perceptron(max_epochs=1).fit(x[:n], y[:n]) for n in (8, 9))
        if after.mistakes[0] > before.mistakes[0]:
            return before, x[8], 2 * y[8] - 1, after


@chapter.evaluates("eq-perceptron", "eq-perceptron-gain")
def perceptron(rng):
    before, x, t, after = _mistake(rng)
    return {
        r"\mathbf{w}": before.weights,
        "b": before.bias,
        r"\leftarrow\mathbf{w}": after.weights,
        r"\leftarrow b": after.bias,
        r"\mathbf{x}": x,
        "t": t,
    }


@chapter.evaluates(
    "eq-margin", "eq-novikoff-turn", "eq-novikoff-grow", "eq-novikoff-squeeze", "eq-novikoff"
)
def novikoff(rng):
    u = rng.normal(size=3)
    u /= np.linalg.norm(u)
    x = np.column_stack([rng.normal(size=(40, 2)), np.ones(40)])
    x = x[np.abs(x @ u) > 0.1]
    t = np.where(x @ u > 0, 1, -1)
    fitted = nn.Perceptron(max_epochs=1000).fit(x[:, :2], (t + 1) // 2)
    assert fitted.mistakes[-1] == 0
    return {
        r"\mathbf{u}": u,
        r"\mathbf{X}": x,
        r"\mathbf{x}": x[0],
        r"\mathbf{t}": t,
        "t": t[0],
        r"\mathbf{w}": np.append(fitted.weights, fitted.bias),
        "k": sum(fitted.mistakes),
        r"\gamma": np.abs(x @ u).min(),  # u separates, so no example is on the wrong side
        "R": np.sqrt((x**2).sum(axis=1).max()),
    }


@chapter.evaluates("eq-average")
def average(rng):
    """The weights after each example, and what the exercise's answer makes of the mistakes."""
    x, t = rng.normal(size=(7, 3)), rng.choice([-1, 1], size=7)
    w, b, weights, biases, when = np.zeros(3), 0.0, [], [], []
    for k, (row_, sign) in enumerate(zip(x, t, strict=True), 1):
        if (row_ @ w + b >= 0) != (sign > 0):
            w, b = w + sign * row_, b + sign
            when.append(k)
        weights.append(w)
        biases.append(b)
    at = np.array(when, dtype=int) - 1
    answer = nn.exercises.all_exercises()["average_from_mistakes"].answer
    mean_w, mean_b = answer(x[at], t[at], at + 1, 7)
    return {
        "N": 7,
        r"\mathbf{W}": np.array(weights),
        r"\mathbf{b}": np.array(biases),
        r"\bar{\mathbf{w}}": mean_w,
        r"\bar b": mean_b,
    }


@chapter.evaluates("eq-xor")
def xor(rng):
    return {r"\mathbf{w}": rng.normal(size=2), "b": rng.normal()}


# Adaline


@chapter.evaluates("eq-adaline", "eq-adaline-gradient", "eq-adaline-step")
def adaline(rng):
    n, d, rate = 7, 3, 0.05
    x, y = rng.normal(size=(n, d)), np.array([0, 1, 1, 0, 1, 0, 0])
    fitted = nn.Adaline(rate, epochs=4).fit(x, y)
    longer = nn.Adaline(rate, epochs=5).fit(x, y)
    return {
        "n": n,
        r"\mathbf{X}": x,
        r"\mathbf{t}": 2.0 * y - 1,
        r"\mathbf{w}": fitted.weights,
        "b": fitted.bias,
        r"\mathbf{z}": given(lambda v: v[r"\mathbf{X}"] @ v[r"\mathbf{w}"] + v["b"]),
        "L": given(lambda v: nn.losses.mean_squared_error(v[r"\mathbf{z}"], v[r"\mathbf{t}"])[0]),
        r"\eta": rate,
        r"\leftarrow\mathbf{w}": longer.weights,
    }


# Activations


def scalar(name, f):
    def symbols(rng):
        return {
            "z": rng.normal() * 1.5,
            r"\alpha": 0.3,
            name: f,
            r"\sigma": A.sigmoid,
            r"\tanh": A.tanh,
        }

    return symbols


chapter.evaluates("eq-sigmoid", "eq-sigmoid-slope")(scalar(r"\sigma", A.sigmoid))
chapter.evaluates("eq-tanh", "eq-tanh-slope")(scalar(r"\tanh", A.tanh))
chapter.evaluates("eq-relu", "eq-relu-slope", seeds=range(20))(
    scalar(r"\operatorname{ReLU}", A.relu)
)


@chapter.evaluates("eq-softmax", "eq-softmax-slope")
def softmax(rng):
    return {
        r"\mathbf{z}": rng.normal(size=4),
        "m": 4,
        r"\operatorname{softmax}": A.softmax,
        r"\mathbf{a}": given(lambda v: A.softmax(v[r"\mathbf{z}"])),
    }


# A layer


@chapter.evaluates("eq-layer-shapes", "eq-layer-element", "eq-one-layer")
def layer(rng):
    n, d0, d1 = 7, 5, 3
    x, w, b = rng.normal(size=(n, d0)), rng.normal(size=(d0, d1)), rng.normal(size=d1)
    z = dense(w, b)(x)
    return {
        "n": n,
        "d_0": d0,
        "d_1": d1,
        r"\mathbf{X}": x,
        r"\mathbf{W}": w,
        r"\mathbf{b}": b,
        r"\mathbf{Z}": z,
        "f": A.tanh,
        r"\mathbf{A}": nn.Tanh()(z),
    }


@chapter.evaluates("eq-collapse")
def collapse(rng):
    return {
        r"\mathbf{X}": rng.normal(size=(7, 5)),
        r"\mathbf{W}^{(1)}": rng.normal(size=(5, 3)),
        r"\mathbf{b}^{(1)}": row(rng.normal(size=3)),
        r"\mathbf{W}^{(2)}": rng.normal(size=(3, 2)),
        r"\mathbf{b}^{(2)}": row(rng.normal(size=2)),
    }
