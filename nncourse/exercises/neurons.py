"""Checks for the exercises of chapter 01."""

import numpy as np

from .core import Exercise, Mistake


def _neuron_cases(rng):
    sizes = ((4, 2), (6, 3), (8, 5), (12, 5))
    random = [(rng.normal(size=(n, d)), rng.normal(size=d), rng.normal()) for n, d in sizes]
    fixed = np.array([[1.0, 3.0], [3.0, 1.0], [-1.0, 2.0]]), np.array([2.0, -1.0]), -1.0
    return [fixed, (np.zeros((2, 3)), rng.normal(size=3), 1.5), *random]


NEURON = Exercise(
    "neuron",
    answer=lambda x, w, b: np.maximum(x @ w + b, 0),
    cases=_neuron_cases,
    mistakes=(
        Mistake(
            lambda x, w, b: x @ w,
            "That is the neuron to repair: a sum and nothing else. What is it at x = 0? And can a "
            "ReLU be negative?",
        ),
        Mistake(lambda x, w, b: np.maximum(x @ w, 0), "Where does b come in? Try x = 0."),
        Mistake(
            lambda x, w, b: np.maximum(x * w, 0).sum(axis=1) + b,
            "ReLU comes too early: you cut off each product. It is the whole sum that it acts on.",
        ),
        Mistake(lambda x, w, b: x @ w + b, "The sum is right. What does ReLU do to it?"),
        Mistake(
            lambda x, w, b: np.maximum(x @ w, 0) + b,
            "The bias comes too late: it shifts the threshold only inside of the sum.",
        ),
        Mistake(
            lambda x, w, b: np.maximum(x * w + b, 0),
            "One number for each example, shape (n,). Who adds up the products?",
        ),
        Mistake(
            lambda x, w, b: (x @ w + b >= 0).astype(int),
            "That is a step neuron. A ReLU passes a positive sum on as it is.",
        ),
        Mistake(
            lambda x, w, b: 1 / (1 + np.exp(-(x @ w + b))),
            "That is a sigmoid neuron. Look up ReLU: it has a kink, and no exponential.",
        ),
        Mistake(
            lambda x, w, b: np.maximum(x @ w - b, 0),
            "The bias is added. What you subtract is the threshold of 1943.",
        ),
        Mistake(
            lambda x, w, b: np.abs(x @ w + b),
            "ReLU makes negative sums 0; it does not turn their sign.",
        ),
        Mistake(
            lambda x, w, b: np.maximum((x * w).sum() + b, 0),
            "You add up all examples, too. Each row has a sum of its own.",
        ),
        Mistake(
            lambda x, w, b: np.where(x @ w + b > 0, x @ w + b, 0.01 * (x @ w + b)),
            "That is a leaky ReLU. A ReLU gives 0 for a negative sum.",
        ),
    ),
    points=1,
)


def _majority_cases(rng):
    votes = [(rng.random((20, d)) < 0.5).astype(int) for d in (4, 5, 6, 7, 12)]
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
        Mistake(
            lambda x: (2 * x.sum(axis=1) < x.shape[1]).astype(int),
            "Your neuron answers 1 where the zeros have won: its signs are turned.",
        ),
        Mistake(
            lambda x: int(2 * x.sum() > x.size),
            "You count all rows together. Each row is a vote of its own.",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) > 2).astype(int),
            "Your threshold is a fixed number. How many votes are a majority depends on d.",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) >= x.shape[1] // 2).astype(int),
            "Half of 5 voters, rounded down, is 2 for you: no majority. Nor is it half of 4.",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) > 1.5).astype(int),
            "With you, two votes are always a majority. That is right for three voters.",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) > x.shape[1] / 2 + 1).astype(int),
            "Your threshold is one vote too high: 3 of 4 are a majority.",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) > -(-x.shape[1] // 2)).astype(int),
            "Right where d is even. How many of five voters are more than half?",
        ),
    ),
    points=1,
)


def _exactly_cases(rng):
    random = [((rng.random((12, d)) < 1.5 / d).astype(int),) for d in (5, 6, 8)]
    for (x,) in random:
        x[rng.integers(12)] = 1  # OR is not a threshold that is too high
    fixed = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    return [(np.array(fixed),), (np.array([[0, 0], [0, 1], [1, 0], [1, 1]]),), *random]


EXACTLY_ONE = Exercise(
    "exactly_one",
    answer=lambda x: (x.sum(axis=1) == 1).astype(int),
    cases=_exactly_cases,
    mistakes=(
        Mistake(
            lambda x: x.sum(axis=1) % 2,
            "Three ones give 1 with you: that is parity, a chain of XORs. Three ones are too many.",
        ),
        Mistake(
            lambda x: x.any(axis=1).astype(int),
            "That is OR: one or more. Which neuron notices that there is more than one?",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) >= 2).astype(int),
            "You have found the rows with several ones. They are the ones to exclude.",
        ),
        Mistake(
            lambda x: (x.sum(axis=1) <= 1).astype(int),
            "A row without any 1 passes, too. Which neuron notices that there is one at all?",
        ),
        Mistake(
            lambda x: ((x.sum(axis=1) >= 1).astype(int) - (x.sum(axis=1) >= 2) >= 0).astype(int),
            "The second layer's bias: for a row of zeros both facts are 0, so the sum is exactly "
            "the bias, and a step of 0 is 1.",
        ),
        Mistake(
            lambda x: (x.sum(axis=0) == 1).astype(int),
            "Examples are rows: you counted the ones of each column.",
        ),
        Mistake(
            lambda x: x.sum(axis=1),
            "That counts the ones. Two thresholds turn the count into an answer of 0 or 1.",
        ),
        Mistake(
            lambda x: (x[:, 0] != x[:, 1]).astype(int),
            "You look at two inputs only. There are d of them.",
        ),
        Mistake(
            lambda x: ((x.sum(axis=1) == 1) | (x.sum(axis=1) == 2)).astype(int),
            "Two ones pass with you. From how many on must the second neuron speak?",
        ),
        Mistake(
            lambda x: (x.any(axis=1) & ~x.all(axis=1)).astype(int),
            "That is “some, but not all”: two of three pass. From how many on must the second "
            "neuron speak?",
        ),
    ),
    points=2,
)


def _change_cases(rng):
    fixed = (np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 2.0]]), np.array([3.0, 4.0]), 5.0)
    below = (np.array([[-2.0, 0.0], [1.0, -3.0], [4.0, 1.0]]), np.array([2.0, 1.0]), -1.0)
    sizes = ((5, 2), (4, 3), (6, 5))
    random = [(rng.normal(size=(n, d)), 2 * rng.normal(size=d), rng.normal()) for n, d in sizes]
    return [fixed, below, *random]


def _change(x, w, b, *, sign=-1.0, bias=1.0, power=2, absolute=False):
    z = x @ w + bias * b
    z = np.abs(z) if absolute else z
    return sign * z[:, None] * w / np.linalg.norm(w) ** power


SMALLEST_CHANGE = Exercise(
    "smallest_change",
    answer=_change,
    cases=_change_cases,
    mistakes=(
        Mistake(
            lambda x, w, b: _change(x, w, b, sign=1.0),
            "You walk away from the boundary: z grows where it should become 0.",
        ),
        Mistake(
            lambda x, w, b: _change(x, w, b, power=1),
            "The direction is right, the length is not: w is not a unit vector. Add your step to "
            "x, and compute z again: it should be 0.",
        ),
        Mistake(
            lambda x, w, b: _change(x, w, b, power=0),
            "The direction is right, the length is not. Adding s·w changes z by s·(w·w).",
        ),
        Mistake(
            lambda x, w, b: _change(x, w, b, bias=0.0),
            "Your boundary passes through the origin. Where does b come in?",
        ),
        Mistake(
            lambda x, w, b: _change(x, w, b, absolute=True),
            "Half of your steps go the wrong way: an absolute value does not know on which side "
            "of the boundary x lies.",
        ),
        Mistake(
            lambda x, w, b: _change(x, w, b, absolute=True, sign=1.0),
            "You step along w everywhere. Right where z is negative; and where it is positive?",
        ),
        Mistake(
            lambda x, w, b: np.abs(x @ w + b) / np.linalg.norm(w),
            "That is the distance, one number for each example. A change of x has d numbers: "
            "which way does it go?",
        ),
        Mistake(
            lambda x, w, b: x + _change(x, w, b),
            "That is the point on the boundary. The step toward it is asked for.",
        ),
        Mistake(
            lambda x, w, b: -(x @ w + b)[:, None] / np.ones_like(x) / np.linalg.norm(w),
            "That changes all features alike. The shortest way is along w.",
        ),
        Mistake(
            lambda x, w, b: -np.sign(x @ w + b)[:, None] * w / np.linalg.norm(w),
            "All your steps have length 1. How long must they be? The formula for D says it.",
        ),
        Mistake(
            lambda x, w, b: -(x @ w + b)[:, None] / w,
            "Each of your d numbers alone would reach the boundary. Together they go too far, and "
            "not along w.",
        ),
    ),
    points=2,
)


def _average(x, t, when, n, *, off=1, signed=True, bias_signed=True, scale=None, late=False):
    lived = when - 1 + off if late else n + off - when
    signs = t if signed else np.ones_like(t)
    w = (lived * signs) @ x
    b = np.sum(lived * (signs if bias_signed else 1))
    scale = n if scale is None else scale
    return w / scale, b / scale


def _last(x, t, when, n):
    return t @ x, np.sum(t)


def _average_cases(rng):
    def case(m, d, n):
        when = np.sort(rng.choice(np.arange(1, n + 1), size=m, replace=False))
        return rng.normal(size=(m, d)), rng.choice([-1, 1], size=m), when, n

    one = (np.array([[2.0, 1.0], [0.0, -3.0]]), np.array([1, -1]), np.array([1, 4]), 4)
    two = (np.array([[1.0, 0.0, 2.0], [3.0, 1.0, 1.0]]), np.array([-1, 1]), np.array([2, 3]), 10)
    return [one, two, case(3, 2, 12), case(5, 3, 20), case(6, 4, 50)]


AVERAGE_FROM_MISTAKES = Exercise(
    "average_from_mistakes",
    answer=_average,
    cases=_average_cases,
    mistakes=(
        Mistake(
            _last,
            "Those are the last weights: each mistake counted once. An early mistake is "
            "contained in more of the n neurons than a late one.",
        ),
        Mistake(
            lambda x, t, when, n: tuple(v / n for v in _last(x, t, when, n)),
            "Each mistake counts alike with you. An early one is contained in more of the n "
            "neurons than a late one.",
        ),
        Mistake(
            lambda x, t, when, n: tuple(v / len(t) for v in _last(x, t, when, n)),
            "That is the mean over the mistakes. The mean over all n neurons is asked for.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, off=0),
            "One too few: a mistake at the last example, number n, is in one of the n neurons, "
            "the one after it.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, scale=1),
            "That is the sum of all n neurons, not their mean.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, scale=len(t)),
            "There are n neurons to average over, not as many as mistakes.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, signed=False),
            "What does the rule add after a mistake with t = −1?",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, bias_signed=False),
            "The weights are right. After a mistake the bias changes by t, not by 1.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, late=True),
            "Late mistakes count most with you. How many neurons come after an early one?",
        ),
        Mistake(
            lambda x, t, when, n: (np.cumsum(t[:, None] * x, 0).mean(0), np.cumsum(t).mean()),
            "That is the mean over the neurons after each mistake. A neuron that lasted for many "
            "examples counts once for each of them.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n, scale=n + 1),
            "You divide by n + 1. The neuron before the first example is not counted, so there "
            "are n.",
        ),
        Mistake(
            lambda x, t, when, n: _average(x, t, when, n)[0],
            "The weights are right. Return the pair (w, b).",
        ),
    ),
    points=2,
)


def _repeat(
    x, t, *, start=True, sign=False, latest=False, bias=True, count=0, ties=True, stops=True
):
    w, b = np.zeros(x.shape[1]), 0

    def state():
        return (*w, b) if bias else tuple(w)

    seen = [state()] if start else []
    for epoch in range(1, 60):
        mistakes = 0
        for row, target in zip(x, t, strict=True):
            z = row @ w + b
            wrong = np.sign(z) != target if sign else (z >= 0 if ties else z > 0) != (target > 0)
            if wrong:
                w, b, mistakes = w + target * row, b + target, mistakes + 1
        if mistakes == 0 and stops:
            return 0
        if state() in (seen[-1:] if latest else seen):
            return epoch + count
        seen.append(state())
    return -1


def _repeated(x, t):
    """Return the earlier epoch instead of the later one."""
    w, b, seen = np.zeros(x.shape[1]), 0, []
    for _ in range(_repeat(x, t)):
        seen.append((*w, b))
        for row, target in zip(x, t, strict=True):
            if (row @ w + b >= 0) != (target > 0):
                w, b = w + target * row, b + target
    return seen.index((*w, b)) if seen else 0


def _repeat_cases(rng):
    def case():
        n, d = int(rng.integers(3, 6)), int(rng.integers(2, 4))
        return rng.integers(-1, 2, size=(n, d)), rng.choice([-1, 1], size=n)

    corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    fixed = [
        (corners, [-1, 1, 1, -1]),  # XOR
        (corners, [-1, -1, -1, 1]),  # AND
        ([corners[i] for i in (1, 2, 0, 3)], [1, 1, -1, -1]),
        ([corners[i] for i in (3, 0, 1, 2)], [-1, -1, 1, 1]),
        ([[1, 1], [1, 1]], [-1, 1]),  # back at the start after one epoch
        ([[-1, 1], [2, -2], [0, 0]], [1, 1, -1]),  # a circle of several epochs
        ([[-2, 2], [0, 0]], [1, -1]),  # the weights come back, the bias does not
        ([[-1, 0], [2, -1]], [1, -1]),
    ]
    return [*((np.array(x), np.array(t)) for x, t in fixed), *(case() for _ in range(2))]


FIRST_REPEAT = Exercise(
    "first_repeat",
    answer=_repeat,
    cases=_repeat_cases,
    mistakes=(
        Mistake(
            lambda x, t: _repeat(x, t, latest=True),
            "You compare with the epoch before only: a circle may take several epochs.",
        ),
        Mistake(
            lambda x, t: _repeat(x, t, start=False),
            "It may also come back to where it started: zero weights and a zero bias.",
        ),
        Mistake(
            lambda x, t: _repeat(x, t, bias=False),
            "The weights are the same, but is the bias, too? If not, it will go another way.",
        ),
        Mistake(
            lambda x, t: _repeat(x, t, count=-1),
            "One too small: the first epoch has the number 1.",
        ),
        Mistake(
            lambda x, t: _repeat(x, t, ties=False),
            "What does your neuron answer where z is exactly 0? A step of 0 is 1.",
        ),
        Mistake(
            lambda x, t: _repeat(x, t) - _repeated(x, t),
            "That is how many epochs the circle takes. The epoch that closes it is asked for.",
        ),
        Mistake(
            lambda x, t: _repeat(x, t, sign=True),
            "np.sign(0) is 0, neither target: with you a sum of 0 is always a mistake. It counts "
            "as +1.",
        ),
        Mistake(
            lambda x, t: max(_repeat(x, t, latest=True), 0),
            "You compare with the epoch before only: a circle may take several epochs. Go on.",
        ),
    ),
    points=3,
)

EXERCISES = (
    NEURON,
    MAJORITY,
    EXACTLY_ONE,
    SMALLEST_CHANGE,
    AVERAGE_FROM_MISTAKES,
    FIRST_REPEAT,
)
