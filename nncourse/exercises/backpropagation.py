"""Checks for the exercises of chapter 04, "Where gradients come from"."""

import numpy as np

from ..activations import sigmoid, softmax
from .core import Exercise, Mistake


def _weight_decay(x, y, w, b, strength):
    delta = 2 * (x @ w + b - y) / len(y)
    return x.T @ delta + 2 * strength * w, delta.sum()


def _without_two(x, y, w, b, strength):
    dw, db = _weight_decay(x, y, w, b, 0.5 * strength)
    return dw, db


def _bias_decayed(x, y, w, b, strength):
    dw, db = _weight_decay(x, y, w, b, strength)
    return dw, db + 2 * strength * b


def _decay_averaged(x, y, w, b, strength):
    return _weight_decay(x, y, w, b, strength / len(y))


def _error_summed(x, y, w, b, strength):
    dw, db = _weight_decay(x, y, w, b, 0)
    return dw * len(y) + 2 * strength * w, db * len(y)


def _error_reversed(x, y, w, b, strength):
    dw, db = _weight_decay(x, y, w, b, 0)
    return 2 * strength * w - dw, -db


def _error_without_two(x, y, w, b, strength):
    dw, db = _weight_decay(x, y, w, b, 0)
    return dw / 2 + 2 * strength * w, db / 2


def _weight_decay_cases(rng):
    return [
        (rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d), rng.normal(), strength)
        for n, d, strength in ((6, 3, 0.3), (1, 2, 1.5), (9, 4, 0.0))
    ]


WEIGHT_DECAY = Exercise(
    "weight_decay_gradient",
    answer=_weight_decay,
    cases=_weight_decay_cases,
    mistakes=(
        Mistake(
            lambda x, y, w, b, strength: _weight_decay(x, y, w, b, 0),
            "The error's part is right. Where is the penalty's?",
        ),
        Mistake(
            _without_two, "Differentiate the square in the penalty once more: a factor is lost."
        ),
        Mistake(
            _bias_decayed, "Look at the penalty again: which of the parameters does it contain?"
        ),
        Mistake(_decay_averaged, "Which of the two terms of the loss is a mean over the examples?"),
        Mistake(
            _error_summed, "The error's part is too large by n: the loss is a mean, not a sum."
        ),
        Mistake(
            _error_reversed,
            "The error's part has the wrong sign: does a larger prediction make the error larger?",
        ),
        Mistake(
            _error_without_two,
            "The penalty's part is right; in the error's part a factor of the square is lost.",
        ),
        Mistake(
            lambda x, y, w, b, strength: _weight_decay(x, y, w, b, -strength),
            "The penalty is added to the loss: which sign has its gradient?",
        ),
    ),
    points=1,
    without=("complex",),
)


def _softmax_backward(grad, x):
    p = softmax(x)
    return p * (grad - np.sum(grad * p, axis=1, keepdims=True))


def _overflowing(grad, x):
    with np.errstate(over="ignore", invalid="ignore"):
        p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return p * (grad - np.sum(grad * p, axis=1, keepdims=True))


def _one_maximum(grad, x):
    with np.errstate(all="ignore"):
        p = np.exp(x - x.max())
        p = p / p.sum(axis=1, keepdims=True)
        return p * (grad - np.sum(grad * p, axis=1, keepdims=True))


def _one_softmax(grad, x):
    p = softmax(x.reshape(1, -1)).reshape(x.shape)
    return p * (grad - np.sum(grad * p, axis=1, keepdims=True))


def _down_the_columns(grad, x):
    return _softmax_backward(grad.T, x.T).T


def _softmax_cases(rng):
    shapes = (4, 3), (1, 5), (6, 2), (3, 1)
    cases = [(rng.normal(size=shape), rng.normal(size=shape)) for shape in shapes]
    large = 1000 + rng.normal(size=(3, 4))
    mixed = np.array([[1000.0, 999.0, 998.0], [0.5, 0.0, 1.0]])
    return [*cases, (rng.normal(size=(3, 4)), large), (rng.normal(size=(2, 3)), mixed)]


SOFTMAX_BACKWARD = Exercise(
    "softmax_backward",
    answer=_softmax_backward,
    cases=_softmax_cases,
    mistakes=(
        Mistake(
            lambda grad, x: grad * softmax(x) * (1 - softmax(x)),
            "You follow one path only: each score also changes the probabilities of all others.",
        ),
        Mistake(
            lambda grad, x: softmax(x) * (grad - np.sum(grad * softmax(x))),
            "Rows are separate examples; your sum mixes them.",
        ),
        Mistake(
            lambda grad, x: softmax(x) * (grad - np.sum(grad, axis=1, keepdims=True)),
            "In the sum over paths, each entry of grad comes with the probability it belongs to.",
        ),
        Mistake(
            lambda grad, x: softmax(x) - grad,
            "Prediction minus target is for softmax with cross-entropy. Here grad is any gradient.",
        ),
        Mistake(
            lambda grad, x: grad * softmax(x),
            "That multiplies by p and stops: what does each score do to the other probabilities?",
        ),
        Mistake(_down_the_columns, "Each row is one softmax: along which axis do your p sum to 1?"),
        Mistake(
            _one_softmax,
            "Your p sum to 1 over the whole array; each row is a softmax of its own.",
        ),
        Mistake(
            _one_maximum,
            "One maximum for all rows: exp(-1000) is 0, and a row of small numbers becomes 0/0. "
            "Each row has a maximum of its own.",
        ),
        Mistake(_overflowing, "exp(1000) is infinite. What may you subtract from a row first?"),
        Mistake(
            lambda grad, x: softmax(x) * (grad - np.sum(grad * softmax(x), axis=0)),
            "Your probabilities are right. The sum over paths runs along a row: which axis?",
        ),
    ),
    points=2,
    without=(
        "nncourse.activations.softmax_vjp",
        "complex",
    ),
)


def _network_gradients(
    x, y, w1, b1, w2, b2, *, output=True, hidden=True, incoming=True, scale=None
):
    """Return the four gradients, each formula right or with a mistake in it."""
    a1 = sigmoid(x @ w1 + b1)
    a2 = sigmoid(a1 @ w2 + b2)
    delta2 = 2 * (a2 - y) / (scale or y.size)
    delta2 = delta2 * a2 * (1 - a2) if output else delta2
    delta1 = delta2 @ w2.T
    delta1 = delta1 * a1 * (1 - a1) if hidden else delta1
    dw2 = a1.T @ delta2 if incoming else delta2
    return x.T @ delta1, delta1.sum(axis=0), dw2, delta2.sum(axis=0)


def _sigmoid_twice(x, y, w1, b1, w2, b2):
    a1 = sigmoid(x @ w1 + b1)
    a2 = sigmoid(a1 @ w2 + b2)
    delta2 = 2 * (a2 - y) / y.size * sigmoid(a2) * (1 - sigmoid(a2))
    delta1 = delta2 @ w2.T * sigmoid(a1) * (1 - sigmoid(a1))
    return x.T @ delta1, delta1.sum(axis=0), a1.T @ delta2, delta2.sum(axis=0)


def _sigmoid_twice_inside(x, y, w1, b1, w2, b2):
    a1 = sigmoid(x @ w1 + b1)
    a2 = sigmoid(a1 @ w2 + b2)
    delta2 = 2 * (a2 - y) / y.size * a2 * (1 - a2)
    delta1 = delta2 @ w2.T * sigmoid(a1) * (1 - sigmoid(a1))
    return x.T @ delta1, delta1.sum(axis=0), a1.T @ delta2, delta2.sum(axis=0)


def _biases_averaged(x, *rest):
    dw1, db1, dw2, db2 = _network_gradients(x, *rest)
    return dw1, db1 / len(x), dw2, db2 / len(x)


def _network_cases(rng):
    sizes = (5, 3, 4, 5), (1, 2, 3, 2), (7, 2, 6, 3)
    return [
        (
            rng.normal(size=(n, d)), rng.random((n, k)), rng.normal(size=(d, m)),
            rng.normal(size=m), rng.normal(size=(m, k)), rng.normal(size=k),
        )
        for n, d, m, k in sizes
    ]  # fmt: skip


def _mistaken(**changes):
    return lambda *arguments: _network_gradients(*arguments, **changes)


FIXED_BACKPROPAGATION = Exercise(
    "fixed_backpropagation",
    answer=_network_gradients,
    cases=_network_cases,
    mistakes=(
        Mistake(
            _mistaken(output=False, hidden=False, incoming=False),
            "These are still the formulas of the statement. Begin with the gradient of w2: "
            "does it have the shape of w2?",
        ),
        Mistake(
            _mistaken(output=False, hidden=False),
            "Weights and biases are fixed; both deltas still lack something that each neuron has.",
        ),
        Mistake(
            _mistaken(output=False),
            "a - y is not enough at the output: which function stands between z2 and a2?",
        ),
        Mistake(
            _mistaken(hidden=False),
            "Check the hidden delta: how fast does a1 move when z1 moves?",
        ),
        Mistake(
            _mistaken(incoming=False),
            "Check the gradient of w2: what came in, times the blame of where it went.",
        ),
        Mistake(
            lambda x, y, *rest: _network_gradients(x, y, *rest, scale=len(y)),
            "Your gradients are too large by the number of outputs: over what is the mean taken?",
        ),
        Mistake(
            lambda *arguments: tuple(-g for g in _network_gradients(*arguments)),
            "The size is right, the sign is not: return the gradient, not the step.",
        ),
        Mistake(
            lambda *arguments: tuple(g / 2 for g in _network_gradients(*arguments)),
            "All four are half of what they should be: differentiate the square.",
        ),
        Mistake(
            _sigmoid_twice,
            "You apply the sigmoid to an activation. Its derivative is a * (1 - a) with the "
            "activation that you have already.",
        ),
        Mistake(
            _biases_averaged,
            "The weights are right. A bias is a weight whose input is always 1: sum or mean?",
        ),
        Mistake(
            _sigmoid_twice_inside,
            "The output layer is right. In the hidden delta you apply the sigmoid to an "
            "activation: a * (1 - a) is the derivative already.",
        ),
    ),
    points=2,
)


def _leaky_cases(rng):
    drawn = [(int(rng.integers(2, 60)), float(a)) for a in rng.uniform(0.1, 0.9, 6)]
    return [*drawn, (8, 0.5), (100, 0.0), (10, 1.0)]


def _less_comes_through(inputs, alpha):
    with np.errstate(divide="ignore"):
        return 2 / ((1 - np.square(alpha)) * inputs)


LEAKY_RELU_VARIANCE = Exercise(
    "leaky_relu_variance",
    answer=lambda inputs, alpha: 2 / ((1 + alpha**2) * inputs),
    cases=_leaky_cases,
    mistakes=(
        Mistake(
            lambda inputs, alpha: 2 / inputs,
            "That is He's rule for ReLU, where nothing comes through below zero.",
        ),
        Mistake(
            lambda inputs, alpha: 2 / ((1 + alpha) * inputs),
            "Below zero the output is alpha * z. What happens to its square?",
        ),
        Mistake(
            lambda inputs, alpha: 2 / ((1 + alpha) ** 2 * inputs),
            "The two halves add up as squares: the square of each, not the square of their sum.",
        ),
        Mistake(
            lambda inputs, alpha: np.sqrt(2 / ((1 + alpha**2) * inputs)),
            "That is the standard deviation; the variance is asked for.",
        ),
        Mistake(
            lambda inputs, alpha: (1 + alpha**2) / (2 * inputs),
            "The more power comes through, the smaller the weights must be. Yours grow.",
        ),
        Mistake(
            lambda inputs, alpha: 1 / ((1 + alpha**2) * inputs),
            "z is negative half of the time only. Set alpha = 1, where the layer is linear: "
            "your weights should then have variance 1 / inputs.",
        ),
        Mistake(
            _less_comes_through,
            "Below zero something comes through as well, so the weights must be smaller than by "
            "He's rule. Yours are larger.",
        ),
        Mistake(
            lambda inputs, alpha: 2 / (1 + alpha**2),
            "How many terms does the weighted sum have? Each of them adds its variance.",
        ),
    ),
    points=2,
)


def _normalized(x):
    s = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return (x - x.mean(axis=1, keepdims=True)) / s, s


def _normalize_backward(grad, x):
    y, s = _normalized(x)
    along = y * np.mean(grad * y, axis=1, keepdims=True)
    return (grad - grad.mean(axis=1, keepdims=True) - along) / s


def _constant_statistics(grad, x):
    return grad / _normalized(x)[1]


def _constant_deviation(grad, x):
    return (grad - grad.mean(axis=1, keepdims=True)) / _normalized(x)[1]


def _constant_mean(grad, x):
    y, s = _normalized(x)
    return (grad - y * np.mean(grad * y, axis=1, keepdims=True)) / s


def _over_the_batch(grad, x):
    return _normalize_backward(grad.T, x.T).T


def _other_deviation(deviation):
    def answer(grad, x):
        s = deviation(x)
        y = (x - x.mean(axis=1, keepdims=True)) / s
        along = y * np.mean(grad * y, axis=1, keepdims=True)
        return (grad - grad.mean(axis=1, keepdims=True) - along) / s

    return answer


def _deviation_without_one(x):
    return np.sqrt(x.var(axis=1, ddof=1, keepdims=True) + 1e-5)


def _normalize_cases(rng):
    shapes = (4, 3), (1, 5), (6, 4)
    cases = [(rng.normal(size=shape), rng.normal(2, 3, shape)) for shape in shapes]
    return [*cases, (rng.normal(size=(2, 3)), 1e-3 * rng.normal(size=(2, 3)))]


NORMALIZE_BACKWARD = Exercise(
    "normalize_backward",
    answer=_normalize_backward,
    cases=_normalize_cases,
    mistakes=(
        Mistake(
            _constant_statistics, "That is the direct path. Mean and deviation move with x, too."
        ),
        Mistake(
            _constant_deviation, "Direct path and mean are right; the deviation moves with x, too."
        ),
        Mistake(_constant_mean, "Direct path and deviation are right; the mean moves with x, too."),
        Mistake(_over_the_batch, "Each row is normalized by itself: look at your axis."),
        Mistake(
            _other_deviation(lambda x: x.std(axis=1, keepdims=True)),
            "Look at rows that hardly vary: where is the small number under the root?",
        ),
        Mistake(
            _other_deviation(_deviation_without_one),
            "Your variance divides by d - 1; this layer's divides by d.",
        ),
        Mistake(
            _other_deviation(lambda x: x.std(axis=1, keepdims=True) + 1e-5),
            "The small number is added to the variance, under the root.",
        ),
    ),
    points=3,
    without=(
        "nncourse.LayerNorm",
        "nncourse.BatchNorm",
        "complex",
    ),
)

EXERCISES = (
    WEIGHT_DECAY,
    SOFTMAX_BACKWARD,
    FIXED_BACKPROPAGATION,
    LEAKY_RELU_VARIANCE,
    NORMALIZE_BACKWARD,
)
