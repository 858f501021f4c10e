"""Checks for the exercises of chapter 17, "Whose data, whose decision?"."""

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


def _with(function, **options):
    return lambda *arguments: function(*arguments, **options)


# 1. Find the bug: an honest bill for shuffled batches


def _honest(
    noise, epochs, delta, orders, *, squared=True, halved=True, refined=True, once=False,
    sign=1, pick=np.min, floor=True, divergence_of=lambda a: a,
):  # fmt: skip
    a = np.asarray(orders, float)
    spread = noise**2 if squared else noise
    divergence = (1 if once else epochs) * divergence_of(a) / ((2 if halved else 1) * spread)
    found = divergence - sign * np.log(delta * a) / (a - 1)
    if refined:
        found = found + np.log(1 - 1 / a)
    return max(pick(found), 0.0) if floor else pick(found)


def _plain_delta(noise, epochs, delta, orders):
    a = np.asarray(orders, float)
    return max((epochs * a / (2 * noise**2) + np.log(1 / delta) / (a - 1)).min(), 0.0)


def _honest_cases(rng):
    def case(noise, epochs, delta, orders):
        return float(noise), epochs, delta, np.array(orders)

    return [
        case(0.7, 2, 1e-5, [1.5, 2.0, 3.0, 5.0]),
        case(rng.uniform(3, 5), 8, 1e-6, [2.0, 4.0, 8.0, 16.0, 32.0]),
        case(40.0, 3, 0.3, [2.0, 3.0, 9.0]),
        case(rng.uniform(1, 2), int(rng.integers(2, 6)), 1e-4, np.arange(1.1, 12, 0.1)),
    ]


HONEST = Exercise(
    "honest_epsilon",
    answer=_honest,
    cases=_honest_cases,
    mistakes=(
        Mistake(_with(_honest, once=True), "That is one epoch. Divergences add up over epochs."),
        Mistake(_with(_honest, squared=False), "The divergence has the variance below, σ²."),
        Mistake(_with(_honest, halved=False), "α/(2σ²): where is the 2?"),
        Mistake(
            _with(_honest, refined=False), "The conversion has two terms besides the divergence."
        ),
        Mistake(_plain_delta, "That is an older conversion. Use the one of this page."),
        Mistake(_with(_honest, sign=-1), "log(δα) is negative: does a smaller δ cost less?"),
        Mistake(_with(_honest, pick=np.max), "Every order gives a true ε. Which one is stated?"),
        Mistake(
            _with(_honest, pick=np.mean), "Every order gives a true ε; no need to average them."
        ),
        Mistake(_with(_honest, floor=False), "An ε below 0 promises no more than 0 does."),
        Mistake(
            _with(_honest, divergence_of=lambda a: a - 1),
            "α/(2σ²): the divergence already is divided by α − 1.",
        ),
    ),
    points=2,
)


# 2. What an attack refutes


def _refuted(
    false, true, delta, *,
    other=True, use_delta=True, log=True, floor=True, only=False, pick=np.max,
):  # fmt: skip
    d = delta if use_delta else 0.0
    top, bottom = true - d, false
    if other:
        top = np.concatenate([top, 1 - false - d])
        bottom = np.concatenate([bottom, 1 - true])
    if only:
        top, bottom = 1 - false - d, 1 - true
    keep = (top > 0) & (bottom > 0)
    ratio = top[keep] / bottom[keep]
    found = pick(np.log(ratio) if log else ratio, initial=-np.inf if pick is np.max else np.inf)
    found = 0.0 if found == np.inf else found
    return float(max(found, 0.0) if floor else found)


def _turned(false, true, delta):
    return _refuted(true, false, delta)


def _first_best(false, true, delta):
    k = int(np.argmax(true - false))
    return _refuted(false[k : k + 1], true[k : k + 1], delta)


def _whole_points_dropped(false, true, delta):
    whole = (false > 0) & (true < 1)
    return _refuted(false[whole], true[whole], delta)


def _exchanged_verdict(false, true, delta):
    ways = (
        _refuted(false, true, delta, other=False),
        _refuted(1 - false, 1 - true, delta, other=False),
    )
    return max(ways)


def _refuted_cases(rng):
    middle = np.sort(rng.uniform(0.3, 0.6, 3))
    return [
        (np.array([0.001, 0.05, 0.5]), np.array([0.06, 0.2, 0.7]), 1e-2),
        (np.array([0.0, 0.1, 0.4]), np.array([0.0, 0.12, 0.97]), 1e-3),
        (np.array([0.3, 0.6]), np.array([0.2, 0.5]), 1e-5),
        (np.array([0.0, 0.4]), np.array([0.6, 0.5]), 1e-5),
        (np.array([0.0, 0.2, 1.0]), np.array([0.3, 0.5, 1.0]), 1e-5),
        (middle, np.minimum(middle + rng.uniform(0.1, 0.3), 0.95), 0.02),
    ]


REFUTED = Exercise(
    "refuted_epsilon",
    answer=_refuted,
    cases=_refuted_cases,
    mistakes=(
        Mistake(_with(_refuted, other=False), "Acquitting is an attack, too: see 1 − f and 1 − t."),
        Mistake(_with(_refuted, only=True), "That is acquitting alone. And accusing?"),
        Mistake(_with(_refuted, use_delta=False), "A δ of the members may be found for nothing."),
        Mistake(_with(_refuted, log=False), "That is e to the power of ε."),
        Mistake(_with(_refuted, floor=False), "If nothing is refuted, the answer is 0."),
        Mistake(
            _with(_refuted, pick=np.min),
            "That is the smallest of the refuted values. A claim falls by the largest.",
        ),
        Mistake(_turned, "Which rate is the larger one of a good attack?"),
        Mistake(
            _first_best, "The point with the largest advantage is not the one that refutes most."
        ),
        Mistake(
            _whole_points_dropped,
            "Where f is 0, only the first logarithm is left out. What does the second one say?",
        ),
        Mistake(
            _exchanged_verdict,
            "The opposite verdict finds 1 − f of the others: which rate stands above the line?",
        ),
    ),
    points=2,
)


# 3. Lengths without gradients


def _lengths(inputs, deltas, *, bias=True, root=True, per_layer=False, kernel_only=False):
    parts = []
    for a, d in zip(inputs, deltas, strict=True):
        squares = np.sum(a**2, axis=1) + (1 if bias else 0)
        parts.append(squares * np.sum(d**2, axis=1))
    if per_layer:
        return np.sum(np.sqrt(parts), axis=0)
    total = parts[-1] if kernel_only else np.sum(parts, axis=0)
    return np.sqrt(total) if root else total


def _over_examples(inputs, deltas):
    each = [np.sum(a.T @ d) for a, d in zip(inputs, deltas, strict=True)]
    return np.full(len(inputs[0]), np.sqrt(np.sum(np.square(each))))


def _sum_not_square(inputs, deltas):
    total = 0.0
    for a, d in zip(inputs, deltas, strict=True):
        total = total + (1 + np.sum(a, axis=1) ** 2) * np.sum(d, axis=1) ** 2
    return np.sqrt(total)


def _bias_as_sum(inputs, deltas):
    total = 0.0
    for a, d in zip(inputs, deltas, strict=True):
        total = total + np.sum(a**2, axis=1) * np.sum(d**2, axis=1) + np.sum(d, axis=1) ** 2
    return np.sqrt(total)


def _lengths_cases(rng):
    def case(n, *sizes):
        inputs = [rng.normal(size=(n, size)) for size in sizes[:-1]]
        deltas = [rng.normal(size=(n, size)) for size in sizes[1:]]
        return inputs, deltas

    return [case(3, 2, 3), case(4, 5, 3, 2), case(2, 4, 6, 5, 3)]


LENGTHS = Exercise(
    "gradient_lengths",
    answer=_lengths,
    cases=_lengths_cases,
    mistakes=(
        Mistake(_with(_lengths, bias=False), "The biases have gradients, too: which?"),
        Mistake(_with(_lengths, root=False), "That is the squared length."),
        Mistake(_with(_lengths, per_layer=True), "Squares add up over layers, lengths do not."),
        Mistake(_with(_lengths, kernel_only=True), "That is the last layer. All of them together."),
        Mistake(_over_examples, "That mixes the examples. One length for each."),
        Mistake(_sum_not_square, "The sum of the squares, not the square of the sum."),
        Mistake(_bias_as_sum, "The bias's gradient is δ itself, a vector: what is its length?"),
        Mistake(
            lambda inputs, deltas: np.sqrt(
                sum(
                    (np.sum(a**2) + 1) * np.sum(d**2, axis=1)
                    for a, d in zip(inputs, deltas, strict=True)
                )
            ),
            "You add up the inputs of all examples. Each example has its own.",
        ),
    ),
    points=2,
)


# 4. The same test, elsewhere


def _precision_of(true, false, bases):
    return true * bases / (true * bases + false * (1 - bases))


def _no_base(true, false, bases):
    return np.full(len(bases), true / (true + false))


def _mean_accused(true, false, bases):
    return true * bases / np.mean(true * bases + false * (1 - bases))


def _false_of_all(true, false, bases):
    return true * bases / (true * bases + false)


def _complement(true, false, bases):
    return 1 - _precision_of(true, false, bases)


def _found_only(true, false, bases):
    return true * bases


def _swapped(true, false, bases):
    return _precision_of(true, false, 1 - bases)


def _one_minus_false(true, false, bases):
    return true * bases / (true * bases + (1 - false) * (1 - bases))


def _precision_cases(rng):
    return [
        (0.9, 0.1, np.array([0.5, 0.01])),
        (0.07, 0.001, np.array([0.01, 0.2, 0.7])),
        (float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.05, 0.3)), rng.uniform(0.05, 0.4, 4)),
    ]


ELSEWHERE = Exercise(
    "precision_of",
    answer=_precision_of,
    cases=_precision_cases,
    mistakes=(
        Mistake(_no_base, "That is right where half of all have it. Where fewer do?"),
        Mistake(_false_of_all, "Wrongly accused are only those who do not have it."),
        Mistake(
            _mean_accused,
            "The accused of one place are divided by those of all places. Each place has its own.",
        ),
        Mistake(_complement, "That is how many of the accused do not have it."),
        Mistake(_found_only, "That is a part of everybody. Of the accused?"),
        Mistake(_swapped, "Which proportion of a place has it?"),
        Mistake(_one_minus_false, "Those who are left alone are not among the accused."),
        Mistake(
            lambda true, false, bases: true * bases + false * (1 - bases),
            "That is how many are accused. What proportion of them has it?",
        ),
        Mistake(
            lambda true, false, bases: true * bases / (true * bases + (1 - true) * (1 - bases)),
            "1 − true are members that are missed. Who is accused wrongly?",
        ),
        Mistake(
            lambda true, false, bases: true * bases + (1 - false) * (1 - bases),
            "That is how often the test is right about everybody. And about the accused?",
        ),
    ),
    points=1,
)


# 5. How many people?


def _people(
    rate_a, rate_b, base_a, base_b, *, z=1.96, power=2, of_good=True, rounding=np.ceil, both=True
):
    spread_a, spread_b = rate_a * (1 - rate_a), rate_b * (1 - rate_b)
    if of_good:
        spread_a, spread_b = spread_a / base_a, spread_b / base_b
    spread = spread_a + spread_b if both else spread_a
    return int(rounding((z * np.sqrt(spread) / abs(rate_a - rate_b)) ** power))


def _times_base(rate_a, rate_b, base_a, base_b):
    spread = rate_a * (1 - rate_a) * base_a + rate_b * (1 - rate_b) * base_b
    return int(np.ceil(1.96**2 * spread / (rate_a - rate_b) ** 2))


def _each_alone(rate_a, rate_b, base_a, base_b):
    root = np.sqrt(rate_a * (1 - rate_a) / base_a) + np.sqrt(rate_b * (1 - rate_b) / base_b)
    return int(np.ceil((1.96 * root / (rate_a - rate_b)) ** 2))


def _people_cases(rng):
    return [
        (0.48, 0.70, 0.58, 0.73),
        (0.3, 0.33, 0.1, 0.4),
        (0.9, 0.8, 0.25, 0.5),
        tuple(float(v) for v in (*rng.uniform([0.2, 0.6], [0.4, 0.8]), *rng.uniform(0.2, 0.5, 2))),
    ]


PEOPLE = Exercise(
    "people_needed",
    answer=_people,
    cases=_people_cases,
    mistakes=(
        Mistake(
            _with(_people, of_good=False),
            "That counts those in the denominators. How many people for so many good ones?",
        ),
        Mistake(_times_base, "Fewer good people in a group: are more or fewer people needed?"),
        Mistake(_with(_people, power=1), "The standard error falls like one over the *root* of n."),
        Mistake(_with(_people, z=1.0), "1.96 standard errors, not one."),
        Mistake(_with(_people, rounding=np.floor), "Rounded down, it is not quite enough."),
        Mistake(_with(_people, both=False), "Both groups' rates are uncertain."),
        Mistake(_each_alone, "Variances add up, standard errors do not."),
        Mistake(
            lambda rate_a, rate_b, base_a, base_b: _people(rate_a, rate_b, 1 - base_a, 1 - base_b),
            "True-positive rates are of those who are positive: base rate times people.",
        ),
        Mistake(
            _with(_people, z=1.96**0.5),
            "Square both sides: the 1.96, too.",
        ),
    ),
    points=2,
)

EXERCISES = (HONEST, REFUTED, LENGTHS, ELSEWHERE, PEOPLE)
