"""Checks for the exercises of chapter 03."""

from itertools import pairwise

import numpy as np

from ..activations import relu, sigmoid, softmax
from .core import Exercise, Mistake


def _parameter_count(sizes):
    return sum((inputs + 1) * units for inputs, units in pairwise(sizes))


def _size_cases(rng):
    random = [rng.integers(2, 40, size=length).tolist() for length in (2, 3, 4, 6)]
    return [([784, 256, 128, 10],), ([2, 2, 1],), *((sizes,) for sizes in random)]


def _mlp_forward(x, weights, biases, *, hidden=relu, last=lambda z: z):
    a = x
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        a = hidden(a @ w + b)
    return last(a @ weights[-1] + biases[-1])


def _without_biases(x, weights, biases):
    return _mlp_forward(x, weights, [0 * b for b in biases])


def _same_input_everywhere(x, weights, biases):
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        relu(x @ w + b)
    return x @ weights[-1] + biases[-1]


def _network_cases(rng):
    def case(n, *sizes):
        weights = [rng.normal(size=pair) for pair in pairwise(sizes)]
        return rng.normal(size=(n, sizes[0])), weights, [rng.normal(size=d) for d in sizes[1:]]

    return [case(6, 4, 3), case(8, 3, 7, 2), case(5, 2, 6, 5, 3), case(1, 5, 4, 6, 2, 1)]


def _relu_and_gradient(z, grad):
    return relu(z), grad * (z > 0)


def _relu_cases(rng):
    shapes = [(4, 5), (3, 2, 4), (6,)]
    cases = [(rng.normal(0, 2, size=s), rng.normal(size=s)) for s in shapes]
    return [*cases, (np.array([-3.0, 0.0, 0.5, 3.0]), rng.uniform(1, 2, size=4))]


def _worst_mistakes(probabilities, labels, count):
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = probabilities[wrong, predicted[wrong]]
    return wrong[np.argsort(-confidence)][:count]


def _right_ones_too(probabilities, labels, count):
    return np.argsort(-probabilities.max(axis=1))[:count]


def _least_certain(probabilities, labels, count):
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(probabilities[wrong].max(axis=1))][:count]


def _by_the_true_class(probabilities, labels, count):
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(probabilities[wrong, labels[wrong]])][:count]


def _positions_among_the_wrong(probabilities, labels, count):
    wrong = probabilities[probabilities.argmax(axis=1) != labels]
    return np.argsort(-wrong.max(axis=1))[:count]


def _prediction_cases(rng):
    def case(n, classes, count):
        labels = rng.integers(0, classes, size=n)
        labels[-1] = (scores := rng.normal(size=(n, classes)))[-1].argmax()
        labels[:-1:2] = (scores[:-1:2].argmax(axis=1) + 1) % classes
        return softmax(scores), labels, count

    return [case(40, 10, 8), case(60, 4, 5), case(30, 3, 12), case(6, 5, 20)]


def _relu_interpolant(knots, values):
    slopes = np.diff(values) / np.diff(knots)
    return float(values[0]), np.diff(slopes, prepend=0)


def _interpolant_with(changes, offset=None):
    """Return an answer whose coefficients are ``changes(knots, values)``."""

    def answer(knots, values):
        return float(values[0]) if offset is None else offset, changes(knots, values)

    return answer


def _knot_cases(rng):
    pieces = (1, 2, 5, 9)
    knots = [np.cumsum(rng.uniform(0.2, 1.5, size=k + 1)) - 2 for k in pieces]
    return [(t, rng.normal(1, 2, size=len(t))) for t in knots]


EXERCISES = (
    Exercise(
        "parameter_count",
        answer=_parameter_count,
        cases=_size_cases,
        mistakes=(
            Mistake(
                lambda sizes: sum(a * b for a, b in pairwise(sizes)),
                "you count the weights. What else does a neuron learn?",
            ),
            Mistake(
                lambda sizes: sum(a * b + 1 for a, b in pairwise(sizes)),
                "one bias for each layer is too few. Which part of a layer owns a bias?",
            ),
            Mistake(
                lambda sizes: sum(a * (b + 1) for a, b in pairwise(sizes)),
                "the biases belong to the neurons of a layer, not to what comes in.",
            ),
            Mistake(
                lambda sizes: _parameter_count(sizes) + sizes[0],
                "do the inputs have biases? Layer 0 only hands the data on.",
            ),
        ),
    ),
    Exercise(
        "mlp_forward",
        answer=_mlp_forward,
        cases=_network_cases,
        mistakes=(
            Mistake(
                lambda x, weights, biases: _mlp_forward(x, weights, biases, last=relu),
                "the outputs are never negative. Does the last layer have an activation here?",
            ),
            Mistake(
                lambda x, weights, biases: _mlp_forward(x, weights, biases, hidden=lambda z: z),
                "this network is one linear layer in disguise. What stands between two layers?",
            ),
            Mistake(_without_biases, "look at the biases: with x = 0, what should come out?"),
            Mistake(
                _same_input_everywhere,
                "each layer sees x itself. What does the second layer receive?",
            ),
            Mistake(
                lambda x, weights, biases: _mlp_forward(x, weights, biases, hidden=sigmoid),
                "the hidden layers use another activation than the one that is asked for.",
            ),
        ),
        points=2,
    ),
    Exercise(
        "mend_relu",
        answer=_relu_and_gradient,
        cases=_relu_cases,
        mistakes=(
            Mistake(
                lambda z, grad: (np.maximum(1, z), grad * (np.maximum(1, z) > 0)),
                "both halves are still broken. What should the activation be at z = -3?",
            ),
            Mistake(
                lambda z, grad: (np.maximum(1, z), grad * (z > 1)),
                "the two halves agree now, but on another function. Compute it at z = -3.",
            ),
            Mistake(
                lambda z, grad: (relu(z), grad),
                "the activation is right. Now the slope: what is it for negative z?",
            ),
            Mistake(
                lambda z, grad: (relu(z), (z > 0).astype(float)),
                "you return the slope of ReLU. Where has the incoming gradient gone?",
            ),
            Mistake(
                lambda z, grad: (relu(z), grad * relu(z)),
                "you multiply the gradient by the activation. By what should it be multiplied?",
            ),
            Mistake(
                lambda z, grad: (relu(z), grad * (z >= 0)),
                "only z = 0 is off: which of the two slopes does the statement ask for there?",
            ),
        ),
        points=2,
        without=("nncourse.activations.relu_vjp",),
    ),
    Exercise(
        "worst_mistakes",
        answer=_worst_mistakes,
        cases=_prediction_cases,
        mistakes=(
            Mistake(_right_ones_too, "some of these examples were classified correctly."),
            Mistake(_least_certain, "these are mistakes, but the mildest ones come first."),
            Mistake(
                _by_the_true_class,
                "you sort by the probability of the true class. Whose confidence was asked for?",
            ),
            Mistake(
                _positions_among_the_wrong,
                "these are positions in the list of mistakes. Where are they in the whole data?",
            ),
        ),
        points=2,
    ),
    Exercise(
        "relu_interpolant",
        answer=_relu_interpolant,
        cases=_knot_cases,
        mistakes=(
            Mistake(
                _interpolant_with(lambda t, y: np.diff(y) / np.diff(t)),
                "these are the slopes of the pieces. Earlier ReLUs go on rising: what must the "
                "next one add?",
            ),
            Mistake(
                _interpolant_with(lambda t, y: np.diff(np.diff(y), prepend=0)),
                "a slope is a rise divided by something. The knots need not be 1 apart.",
            ),
            Mistake(
                _interpolant_with(
                    lambda t, y: np.diff(np.diff(y) / np.mean(np.diff(t)), prepend=0)
                ),
                "this is right for evenly spaced knots. These are not.",
            ),
            Mistake(
                lambda t, y: (float(y[0]), np.diff(s := np.diff(y) / np.diff(t), prepend=s[0])),
                "the first piece comes out flat. What is the slope before the first knot?",
            ),
            Mistake(
                lambda t, y: (0.0, _relu_interpolant(t, y)[1]),
                "all coefficients are right. Where does the curve start?",
            ),
        ),
        points=3,
    ),
)
