"""Checks for the exercises of chapter 01."""

import numpy as np

from .core import Exercise, Mistake


def _neuron_cases(rng):
    sizes = ((1, 1), (4, 2), (6, 3), (8, 5), (12, 5))
    return [(rng.normal(size=(n, d)), rng.normal(size=d), rng.normal()) for n, d in sizes] + [
        (np.zeros((2, 3)), rng.normal(size=3), 1.5)
    ]


NEURON = Exercise(
    "neuron",
    answer=lambda x, w, b: np.maximum(x @ w + b, 0),
    cases=_neuron_cases,
    mistakes=(
        Mistake(
            lambda x, w, b: x @ w,
            "That is the published neuron: a sum and nothing else. What is it at x = 0? And can "
            "a ReLU be negative?",
        ),
        Mistake(lambda x, w, b: np.maximum(x @ w, 0), "Where does b come in? Try x = 0."),
        Mistake(lambda x, w, b: x @ w + b, "The sum is right. What does ReLU do to it?"),
        Mistake(
            lambda x, w, b: np.maximum(x @ w, 0) + b,
            "The bias comes too late: it shifts the threshold only inside of the sum.",
        ),
        Mistake(
            lambda x, w, b: np.maximum(x * w + b, 0),
            "One number for each example, shape (n,). Who adds up the products?",
        ),
    ),
    points=1,
)


def _majority_cases(rng):
    votes = [(rng.random((20, d)) < 0.5).astype(int) for d in (4, 5, 6, 7)]
    ties = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0]])
    return [(v,) for v in votes] + [(ties,), (np.zeros((1, 5), int),), (np.ones((1, 5), int),)]


MAJORITY = Exercise(
    "majority",
    answer=lambda x: (2 * x.sum(axis=1) > x.shape[1]).astype(int),
    cases=_majority_cases,
    mistakes=(
        Mistake(
            lambda x: (2 * x.sum(axis=1) >= x.shape[1]).astype(int),
            "Two of four votes are no majority. On which side of your threshold is a tie?",
        ),
        Mistake(
            lambda x: x.any(axis=1).astype(int),
            "One vote is enough for your neuron: its bias is too high.",
        ),
        Mistake(
            lambda x: x.all(axis=1).astype(int),
            "Your neuron waits for every vote: its bias is too low.",
        ),
        Mistake(
            lambda x: x.sum(axis=1) - x.shape[1] / 2,
            "That is the weighted sum. The neuron's answer is 0 or 1.",
        ),
        Mistake(
            lambda x: (2 * x.sum(axis=0) > x.shape[0]).astype(int),
            "Examples are rows: you counted the votes of each column.",
        ),
    ),
    points=1,
)


def _elu(forward=True, derivative=True):
    """Build ELU and its derivative; what is not true ignores alpha."""

    def answer(x, alpha):
        below = np.exp(np.minimum(x, 0))
        y = np.where(x > 0, x, (alpha if forward else 1) * (below - 1))
        return y, np.where(x > 0, 1.0, (alpha if derivative else 1) * below)

    return answer


def _elu_below(x, alpha):
    y, _ = _elu()(x, alpha)
    return y, np.where(x > 0, 1.0, y)


def _elu_cases(rng):
    moderate = [(rng.normal(size=9) * 2, alpha) for alpha in (0.25, 0.5, 1.0, 2.0)]
    return [*moderate, (np.array([-800.0, -3.0, 2.0, 900.0]), 1.5)]


ELU = Exercise(
    "elu_and_slope",
    answer=_elu(),
    cases=_elu_cases,
    mistakes=(
        Mistake(
            _elu(forward=False, derivative=False),
            "Both ignore alpha. A gradient check cannot see that: your slope belongs to your "
            "function, but the function is not the ELU. Compare with the definition at alpha = 2.",
        ),
        Mistake(
            _elu(forward=False),
            "That is the published bug. Far below zero, where should the curve level off?",
        ),
        Mistake(
            _elu(derivative=False),
            "The function is right, its slope is not. Check it with finite differences, alpha = 2.",
        ),
        Mistake(
            _elu_below, "Your slope below zero is negative, but the curve rises. What is missing?"
        ),
    ),
    points=2,
    without=(
        "nncourse.activations.elu",
        "nncourse.activations.elu_vjp",
    ),
)


def _epoch(x, t, w, b, *, step=1.0, bias=1.0, always=False, frozen=False):
    mistakes, start = 0, (w, b)
    for row, sign in zip(x, t, strict=True):
        weights, offset = start if frozen else (w, b)
        wrong = (1 if row @ weights + offset >= 0 else -1) != sign
        mistakes += int(wrong)
        if wrong or always:
            w, b = w + step * sign * row, b + step * bias * sign
    return w, b, mistakes


def _epoch_cases(rng):
    def case(n, d):
        w, b = 0.3 * rng.normal(size=d), 0.3 * rng.normal()
        return rng.normal(size=(n, d)), rng.choice([-1, 1], size=n), w, b

    from_zero = (rng.normal(size=(9, 2)), np.array([-1, 1, 1] * 3), np.zeros(2), 0.0)
    return [case(12, 2), case(15, 3), case(20, 5), from_zero]


PERCEPTRON_EPOCH = Exercise(
    "perceptron_epoch",
    answer=_epoch,
    cases=_epoch_cases,
    mistakes=(
        Mistake(
            lambda x, t, w, b: _epoch(x, t, w, b, bias=0.0),
            "The weights move. What else has to move with every mistake?",
        ),
        Mistake(
            lambda x, t, w, b: _epoch(x, t, w, b, always=True),
            "Your neuron also learns from the examples that it got right.",
        ),
        Mistake(
            lambda x, t, w, b: _epoch(x, t, w, b, frozen=True),
            "You decide with the weights from before the epoch. The rule uses the newest ones.",
        ),
        Mistake(
            lambda x, t, w, b: _epoch(x, t, w, b, step=-1.0),
            "Your weights move away. After a mistake with t = 1, should z grow or shrink?",
        ),
    ),
    points=2,
)


def _bound(x, t, w, b, *, constant=1.0, count_bias=True, normalize=True, power=2, longest=np.max):
    radius = longest(np.sqrt(np.sum(x * x, axis=1) + constant))
    length = np.sqrt(w @ w + (b * b if count_bias else 0)) if normalize else 1.0
    return (radius * length / np.min(t * (x @ w + b))) ** power


def _bound_cases(rng):
    def case(n, d):
        x, w, b = rng.normal(size=(n, d)), 2 * rng.normal(size=d), 1 + rng.random()
        z = x @ w + b
        x = x[np.abs(z) > 0.2]
        return x, np.where(x @ w + b >= 0, 1, -1), w, b

    return [case(20, 2), case(30, 3), case(30, 6)]


CONVERGENCE_BOUND = Exercise(
    "convergence_bound",
    answer=_bound,
    cases=_bound_cases,
    mistakes=(
        Mistake(
            lambda x, t, w, b: _bound(x, t, w, b, constant=0.0),
            "The bias is the weight of a constant input 1. Does your R count it?",
        ),
        Mistake(
            lambda x, t, w, b: _bound(x, t, w, b, count_bias=False),
            "The unit vector is (w, b) together: its length is not that of w alone.",
        ),
        Mistake(
            lambda x, t, w, b: _bound(x, t, w, b, normalize=False),
            "Double w and b: the line stays where it is, but your bound changes.",
        ),
        Mistake(lambda x, t, w, b: _bound(x, t, w, b, power=1), "Read the last step of the proof."),
        Mistake(
            lambda x, t, w, b: _bound(x, t, w, b, longest=np.mean),
            "R must cover every input, not the typical one.",
        ),
    ),
    points=3,
)


EXERCISES = (
    NEURON,
    MAJORITY,
    ELU,
    PERCEPTRON_EPOCH,
    CONVERGENCE_BOUND,
)
