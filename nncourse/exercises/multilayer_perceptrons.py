"""Checks for the exercises of chapter 03."""

from itertools import pairwise

import numpy as np

from ..activations import relu
from .core import Exercise, Mistake


def _parameters(sizes):
    return sum((inputs + 1) * units for inputs, units in pairwise(sizes))


def _widest_by(count):
    """Return an answer that takes the largest width for which ``count(...)`` fits the budget."""

    def answer(inputs, classes, depth, budget):
        width = 0
        while count(inputs, classes, depth, width + 1) <= budget:
            width += 1
        return width

    return answer


def _count(inputs, classes, depth, width):
    return _parameters([inputs, *[width] * depth, classes])


def _count_weights(inputs, classes, depth, width):
    return _count(inputs, classes, depth, width) - depth * width - classes


_widest = _widest_by(_count)


def _budget_cases(rng):
    fixed = [
        (2, 3, 1, 603),
        (2, 3, 1, 602),
        (2, 3, 2, 594),
        (784, 10, 3, 235_146),
        (50, 5, 2, 20),
        (3, 2, 4, 300),
    ]
    depths = rng.permutation([1, 2, 3, 4])
    more = [
        (*map(int, rng.integers(2, 30, 2)), int(d), int(rng.integers(500, 9000))) for d in depths
    ]
    return [*fixed, *more]


def _neuron_states(x, w, b):
    on = x @ w + b > 0
    dead, always = int(np.sum(~on.any(axis=0))), int(np.sum(on.all(axis=0)))
    return dead, always, on.shape[1] - dead - always


def _states_by_mean(x, w, b):
    z = np.mean(x @ w + b, axis=0)
    return int(np.sum(z <= 0)), int(np.sum(z > 0)), 0


def _on_in_the_mean(x, w, b):
    z = x @ w + b
    dead, always = (z <= 0).all(axis=0), z.mean(axis=0) > 0
    return int(dead.sum()), int(always.sum()), int((~dead & ~always).sum())


def _states_of_pairs(x, w, b):
    on = x @ w + b > 0
    return int(np.sum(~on)), int(np.sum(on)), 0


def _any_for_all(x, w, b):
    on = x @ w + b > 0
    return int(np.sum(~on.all(axis=0))), int(np.sum(on.any(axis=0))), on.shape[1]


def _any_for_all_with_rest(x, w, b):
    dead, always, neurons = _any_for_all(x, w, b)
    return dead, always, neurons - dead - always


def _zero_is_alive(x, w, b):
    z = x @ w + b
    dead, always = int(np.sum((z < 0).all(axis=0))), int(np.sum((z > 0).all(axis=0)))
    return dead, always, z.shape[1] - dead - always


def _zero_is_on(x, w, b):
    z = x @ w + b
    dead, always = int(np.sum((z < 0).all(axis=0))), int(np.sum((z >= 0).all(axis=0)))
    return dead, always, z.shape[1] - dead - always


def _zero_is_both(x, w, b):
    z = x @ w + b
    dead, always = int(np.sum((z <= 0).all(axis=0))), int(np.sum((z >= 0).all(axis=0)))
    return dead, always, z.shape[1] - dead - always


def _states_of_examples(x, w, b):
    on = x @ w + b > 0
    dead, always = int(np.sum(~on.any(axis=1))), int(np.sum(on.all(axis=1)))
    return dead, always, len(x) - dead - always


def _states_of_examples_and_rest(x, w, b):
    dead, always, _ = _states_of_examples(x, w, b)
    return dead, always, w.shape[1] - dead - always


def _layer_cases(rng):
    # On these two examples, sums of (0, -1), (0, 1), (2, 3), (-2, -3), (-1, 2), (3, -1), (-3, 1).
    w = np.array([[0.0, 0.0, 2.0, -2.0, -1.0, 3.0, -3.0], [-1.0, 1.0, 3.0, -3.0, 2.0, -1.0, 1.0]])
    fixed = (np.eye(2), w, np.zeros(7))
    shifted = (np.eye(2), w, np.array([-0.5, -1.5, -4.0, 4.0, 2.0, 2.0, -2.0]))

    def case(n, d, m):
        return rng.normal(size=(n, d)), rng.normal(size=(d, m)), rng.normal(0, 4, size=m)

    return [fixed, shifted, case(12, 3, 20), case(30, 1, 32), case(5, 4, 9)]


def _relu_and_gradient(z, grad):
    return relu(z), grad * (z > 0)


def _relu_cases(rng):
    fixed = np.array([-3.0, 0.0, 0.5, 3.0]), np.array([1.5, 2.0, -1.0, 1.0])
    shapes = [(4, 5), (3, 2, 4), (6,)]
    return [fixed, *((rng.normal(0, 2, size=s), rng.normal(size=s)) for s in shapes)]


def _local_map(x, weights, biases, *, where=lambda z, number, last: number < last):
    """With ``where``, a mistake: which sums are masked, given layer and number of the last."""
    a, c = np.eye(len(x)), np.zeros(len(x))
    for number, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        a, c = a @ w, c @ w + b
        if where(x, number, len(weights)):
            on = x @ a + c > 0
            a, c = a * on, c * on
    return a, c


def _vector_unmasked(x, weights, biases):
    a, c = np.eye(len(x)), np.zeros(len(x))
    for number, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        a, c = a @ w, c @ w + b
        if number < len(weights):
            a = a * (x @ a + c > 0)
    return a, c


def _output_as_vector(x, weights, biases):
    a, c = _local_map(x, weights, biases)
    return a, x @ a + c


def _last_bias_alone(x, weights, biases):
    return _local_map(x, weights, biases)[0], biases[-1]


def _without_biases(x, weights, biases):
    a, _ = _local_map(x, weights, [0 * b for b in biases])
    return a, _local_map(x, weights, biases)[1]


def _transposed(x, weights, biases):
    a, c = _local_map(x, weights, biases)
    return a.T, c


def _map_cases(rng):
    def case(rng, *sizes):
        weights = [rng.normal(size=pair) for pair in pairwise(sizes)]
        return rng.normal(size=sizes[0]), weights, [rng.normal(size=d) for d in sizes[1:]]

    fixed = [case(np.random.default_rng(seed), 3, 8, 7, 4) for seed in (1, 2, 3)]
    return [*fixed, case(rng, 4, 3), case(rng, 2, 6, 3), case(rng, 3, 6, 6, 5, 2)]


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
    fixed = np.array([-1.0, 0.5, 1.0, 3.0]), np.array([2.0, 5.0, 1.0, 1.5])
    return [fixed, *((t, rng.normal(1, 2, size=len(t))) for t in knots)]


EXERCISES = (
    Exercise(
        "widest",
        answer=_widest,
        cases=_budget_cases,
        mistakes=(
            Mistake(
                _widest_by(_count_weights),
                "you count the weights. What else does a neuron learn?",
            ),
            Mistake(
                _widest_by(
                    lambda i, o, depth, width: _count_weights(i, o, depth, width) + depth + 1
                ),
                "one bias for each layer is too few. Which part of a layer owns a bias?",
            ),
            Mistake(
                _widest_by(lambda i, o, depth, width: _count(i, o, depth, width) - o),
                "do the output neurons have biases?",
            ),
            Mistake(
                _widest_by(lambda i, o, depth, width: _count(i, o, depth, width) + i),
                "do the inputs have biases? Layer 0 only hands the data on.",
            ),
            Mistake(
                lambda i, o, depth, budget: _widest(i, o, 1, budget),
                "right for one hidden layer. What lies between two hidden layers?",
            ),
            Mistake(
                lambda i, o, depth, budget: _widest(i, o, depth + 1, budget),
                "you count one matrix between hidden layers too many. How many gaps do they have?",
            ),
            Mistake(
                lambda i, o, depth, budget: _widest(i, o, depth, budget - 1),
                "at most the budget: may a network use all of it?",
            ),
            Mistake(
                lambda i, o, depth, budget: _widest(i, o, depth, budget) + 1,
                "this width is one too large: the first that no longer fits.",
            ),
            Mistake(
                lambda i, o, depth, budget: max(1, _widest(i, o, depth, budget)),
                "what is to come out where not even a width of 1 fits?",
            ),
        ),
        points=2,
    ),
    Exercise(
        "neuron_states",
        answer=_neuron_states,
        cases=_layer_cases,
        mistakes=(
            Mistake(
                _states_of_examples,
                "you look for examples. A neuron is a column: along which axis do its sums lie?",
            ),
            Mistake(
                _on_in_the_mean,
                "dead is right. Always on means on each example: a sum whose mean is positive may "
                "be negative somewhere.",
            ),
            Mistake(
                _states_of_pairs,
                "you count single outputs. How many neurons are there?",
            ),
            Mistake(
                _any_for_all,
                "one example below zero does not make a neuron dead. For how many must it hold?",
            ),
            Mistake(
                _any_for_all_with_rest,
                "for one example, or for all? The three numbers should add up, none negative.",
            ),
            Mistake(
                _states_by_mean,
                "a mean over the examples hides what single ones do. Which neurons bend?",
            ),
            Mistake(
                lambda x, w, b: _neuron_states(x, w, 0 * b),
                "look at the biases: they move the bend.",
            ),
            Mistake(
                _zero_is_alive,
                "what does ReLU give where the sum is exactly 0? Such an output is not positive.",
            ),
            Mistake(
                _zero_is_on,
                "a sum of exactly 0 gives the output 0: is that positive?",
            ),
            Mistake(
                lambda x, w, b: (lambda s: (s[1], s[0], s[2]))(_neuron_states(x, w, b)),
                "dead and always on have changed places.",
            ),
            Mistake(
                lambda x, w, b: (*_neuron_states(x, w, b)[:2], w.shape[1]),
                "the third number is for the neurons that are neither dead nor always on.",
            ),
            Mistake(
                _states_of_examples_and_rest,
                "You ask of each example whether all neurons are on. Ask of each neuron: the other "
                "axis.",
            ),
            Mistake(
                _zero_is_both,
                "dead is right. Always on asks for a positive output: is that of 0 positive?",
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
                "the activation is right. Now its derivative: what is it for negative z?",
            ),
            Mistake(
                lambda z, grad: (relu(z), (z > 0).astype(float)),
                "you return the derivative of ReLU. Where has the incoming gradient gone?",
            ),
            Mistake(
                lambda z, grad: (relu(z), grad * relu(z)),
                "you multiply the gradient by the activation. By what should it be multiplied?",
            ),
            Mistake(
                lambda z, grad: (relu(z), np.maximum(grad, 0)),
                "the second half asks for the sign of the gradient. Whose sign decides?",
            ),
            Mistake(
                lambda z, grad: (relu(z), grad * z),
                "you multiply the gradient by z. By what should it be multiplied?",
            ),
            Mistake(
                lambda z, grad: (relu(z), -grad * (z > 0)),
                "the sign of the gradient is turned around. That is the step's business.",
            ),
            Mistake(
                lambda z, grad: (np.maximum(1, z), grad * (z > 0)),
                "the gradient is right. Now the activation: what should it be at z = -3?",
            ),
            Mistake(
                lambda z, grad: (relu(z), grad * (z >= 0)),
                "only z = 0 is off: which derivative does the statement ask for there?",
            ),
        ),
        points=2,
        without=("nncourse.activations.relu_vjp",),
    ),
    Exercise(
        "local_map",
        answer=_local_map,
        cases=_map_cases,
        mistakes=(
            Mistake(
                lambda x, w, b: _local_map(x, w, b, where=lambda z, number, last: False),
                "you multiply all layers together. What do the neurons contribute that are off?",
            ),
            Mistake(
                lambda x, w, b: _local_map(x, w, b, where=lambda z, number, last: True),
                "does the last layer have a ReLU? It must not be masked.",
            ),
            Mistake(
                lambda x, w, b: _local_map(
                    x, w, b, where=lambda z, number, last: number == 1 < last
                ),
                "the first hidden layer is right. Are neurons switched off in the others, too?",
            ),
            Mistake(
                _vector_unmasked,
                "the matrix leaves the dead neurons out, the vector does not.",
            ),
            Mistake(
                _output_as_vector,
                "your vector is the output itself. What is left of it once x @ a is taken away?",
            ),
            Mistake(
                _last_bias_alone,
                "the matrix is right. The biases of the hidden layers reach the output, too.",
            ),
            Mistake(
                lambda x, w, b: _local_map(x, w, [0 * v for v in b]),
                "look at the biases: they decide which neurons are on, and they reach the output.",
            ),
            Mistake(
                _without_biases,
                "the vector is right. Which neurons are on depends on the biases, too.",
            ),
            Mistake(_transposed, "the matrix is transposed: x @ a must be possible."),
        ),
        points=3,
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
                lambda t, y: (float(y[0]), np.diff(np.diff(y) / np.diff(t))),
                "one coefficient is missing. What happens at the first knot?",
            ),
            Mistake(
                lambda t, y: (float(y[0]), np.diff(y)),
                "these are rises from point to point. What does one ReLU add, and for how long?",
            ),
            Mistake(
                lambda t, y: (float(y[0]), -_relu_interpolant(t, y)[1]),
                "all coefficients have the wrong sign: the new slope minus the old one.",
            ),
            Mistake(
                lambda t, y: (
                    float(y[0] - t[0] * (y[1] - y[0]) / (t[1] - t[0])),
                    _relu_interpolant(t, y)[1],
                ),
                "the offset is where the first piece would meet x = 0. But which ReLUs are on at "
                "the first knot?",
            ),
            Mistake(
                lambda t, y: (0.0, _relu_interpolant(t, y)[1]),
                "all coefficients are right. Where does the curve start?",
            ),
            Mistake(
                lambda t, v: (v[0], np.diff(np.diff(v) / (t[1] - t[0]), prepend=0.0)),
                "The knots have different distances: each piece has its own.",
            ),
        ),
        points=3,
    ),
)
