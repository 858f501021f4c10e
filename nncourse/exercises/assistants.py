"""Checks for the exercises of chapter 14, "From predictor to assistant"."""

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. Find the bug: what the loss may count


def _counted(ids, answer, end, *, ends=1, shift=1, prompt=False, one=False):
    mask = np.zeros(ids.shape, bool)
    for row, tokens in zip(mask, ids, strict=True):
        start = int(np.flatnonzero(tokens == answer)[0]) + 1
        stops = np.flatnonzero(tokens[start:] == end)
        stop = start + (int(stops[0]) if len(stops) else len(tokens))
        row[0 if prompt else start - one : stop + ends] = True
    return mask[:, shift:] if shift else mask[:, :-1]


def _counted_with(**options):
    return lambda ids, answer, end: _counted(ids, answer, end, **options)


def _all_ends(ids, answer, end):
    return _counted(ids, answer, end, ends=ids.shape[1])


def _first_end(ids, answer, end):
    mask = np.zeros(ids.shape, bool)
    for row, tokens in zip(mask, ids, strict=True):
        start, stop = (int(np.flatnonzero(tokens == t)[0]) for t in (answer, end))
        row[start + 1 : stop + 1] = True
    return mask[:, 1:]


def _counted_cases(rng):
    def row(prompt, reply, size):
        middle = rng.integers(3, 40, prompt)
        if prompt > 2:
            middle[rng.integers(1, prompt)] = 0  # a turn before ends, too
        filled = [1, *middle, 2, *rng.integers(3, 40, reply)]
        return np.array(filled + [0] * (size - len(filled)))

    def case(*sizes, width):
        return np.stack([row(p, r, width) for p, r in sizes]), 2, 0

    return [
        case((3, 2), (1, 4), width=9),
        case((2, 1), (2, 3), (4, 2), width=9),
        case((2, 3), (3, 1), width=8),
        case((4, 5), (1, 1), (2, 2), width=14),
    ]


COUNTED = Exercise(
    "counted",
    answer=_counted,
    cases=_counted_cases,
    mistakes=(
        Mistake(
            _counted_with(ends=0),
            "That is the bug of this page: no end counts, so nobody learns to stop. The first end "
            "after the answer is a token like any other.",
        ),
        Mistake(
            _all_ends,
            "The padding counts, too. It looks like an end: which end is the answer's own?",
        ),
        Mistake(
            _counted_with(prompt=True),
            "The prompt counts. The model is to learn what to answer, not what will be asked.",
        ),
        Mistake(
            _counted_with(shift=0),
            "Off by one: the mask belongs to ids[:, 1:], the tokens that are predicted.",
        ),
        Mistake(
            _counted_with(one=True),
            "The token that opens the answer belongs to the prompt: it is given, not predicted.",
        ),
        Mistake(
            _first_end,
            "An end may stand in the prompt, too. Search for the answer's own after `answer`.",
        ),
    ),
    points=2,
)


# 2. Where preferences lead


def _settles(reference, preferred, beta):
    weights = reference * (preferred / (1 - preferred)) ** (1 / beta)
    return weights / weights.sum()


def _times_beta(reference, preferred, beta):
    return _settles(reference, preferred, 1 / beta)


def _no_reference(reference, preferred, beta):
    return _settles(np.ones_like(reference), preferred, beta)


def _not_normalized(reference, preferred, beta):
    return reference * (preferred / (1 - preferred)) ** (1 / beta)


def _no_odds(reference, preferred, beta):
    weights = reference * np.exp(preferred / beta)
    return weights / weights.sum()


def _odds_as_reward(reference, preferred, beta):
    weights = reference * np.exp(preferred / (1 - preferred) / beta)
    return weights / weights.sum()


def _each_against_the_first(reference, preferred, beta):
    odds = _not_normalized(reference, preferred, beta) / reference[0]
    return odds / (1 + odds)


def _settles_cases(rng):
    def case(answers, beta):
        shares = rng.uniform(0.2, 0.9, answers)
        shares[0] = 0.5
        return rng.dirichlet(np.full(answers, 4.0)), shares, beta

    fixed = (np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.9, 0.25]), 2.0)
    return [fixed, case(2, 0.7), case(4, float(rng.uniform(1.5, 3))), case(5, 0.5)]


SETTLES = Exercise(
    "settles",
    answer=_settles,
    cases=_settles_cases,
    mistakes=(
        Mistake(_times_beta, "A large β keeps near the reference. Does yours? Divide by it."),
        Mistake(_no_reference, "Where does the model start? The reference is missing."),
        Mistake(_not_normalized, "These do not sum to 1."),
        Mistake(
            _no_odds,
            "A share of preferences is no reward. Which difference of rewards gives this share "
            "after a sigmoid?",
        ),
        Mistake(_odds_as_reward, "Odds are no reward either: it is their logarithm."),
        Mistake(
            _each_against_the_first,
            "Each answer is weighed against the first alone. All of them share one Z.",
        ),
    ),
    points=2,
)


# 3. Confident, and wrong


def _confident_errors(scores, right, threshold):
    z = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = z / z.sum(axis=1, keepdims=True)
    return int(np.sum((p.argmax(axis=1) != right) & (p.max(axis=1) > threshold)))


def _all_confident(scores, right, threshold):
    z = np.exp(scores - scores.max(axis=1, keepdims=True))
    return int(np.sum((z / z.sum(axis=1, keepdims=True)).max(axis=1) > threshold))


def _all_errors(scores, right, threshold):
    return int(np.sum(scores.argmax(axis=1) != right))


def _confident_right(scores, right, threshold):
    return _all_confident(scores, right, threshold) - _confident_errors(scores, right, threshold)


def _across(scores, right, threshold):
    z = np.exp(scores - scores.max(axis=0))
    p = z / z.sum(axis=0)
    return int(np.sum((p.argmax(axis=1) != right) & (p.max(axis=1) > threshold)))


def _overflow(scores, right, threshold):
    with np.errstate(all="ignore"):
        p = np.exp(scores)
        p = p / p.sum(axis=1, keepdims=True)
        return int(np.sum((p.argmax(axis=1) != right) & (p.max(axis=1) > threshold)))


def _one_maximum(scores, right, threshold):
    with np.errstate(all="ignore"):
        return _overflow(scores - scores.max(), right, threshold)


def _of_right(scores, right, threshold):
    z = np.exp(scores - scores.max(axis=1, keepdims=True))
    of_right = (z / z.sum(axis=1, keepdims=True))[np.arange(len(right)), right]
    return int(np.sum((z.argmax(axis=1) != right) & (of_right > threshold)))


def _right_is_low(scores, right, threshold):
    z = np.exp(scores - scores.max(axis=1, keepdims=True))
    of_right = (z / z.sum(axis=1, keepdims=True))[np.arange(len(right)), right]
    return int(np.sum(of_right < 1 - threshold))


def _unscaled(scores, right, threshold):
    p = np.exp(scores)
    return int(np.sum((p.argmax(axis=1) != right) & (p.max(axis=1) > threshold)))


def _confident_cases(rng):
    sharp = np.array([[0.0, -9, -9], [-9, 0, -9], [0, -0.2, -9], [-9, -9, 0], [-8, -9, 0]])
    apart = np.array([[20], [5], [30], [12], [25]])  # questions differ in all their scores
    first = sharp - apart, np.array([0, 0, 1, 1, 2]), 0.8
    apart = 800 * np.array([2, *rng.permutation([3, 4, 5, 6])])[:, None]
    far = sharp - apart, np.array([2, 1, 1, 0, 1]), 0.9
    drawn = 4 * rng.normal(size=(40, 4)) - 3, rng.integers(0, 4, 40), 0.8
    return [first, far, drawn]


CONFIDENT = Exercise(
    "confident_errors",
    answer=_confident_errors,
    cases=_confident_cases,
    mistakes=(
        Mistake(_all_confident, "That counts all confident answers, the right ones, too."),
        Mistake(_all_errors, "That counts all errors, those with a low probability, too."),
        Mistake(_confident_right, "These are the confident answers that are right."),
        Mistake(_across, "The options of *one* question share a probability of 1: which axis?"),
        Mistake(
            _overflow,
            "exp(−1000) is 0 for a computer. Subtract the largest score of each question.",
        ),
        Mistake(
            _one_maximum,
            "One maximum for all questions: far below it, every exp is 0. Each question has a "
            "largest score of its own.",
        ),
        Mistake(
            _of_right,
            "You look at the probability of the right option. An error is confident if the option "
            "that was chosen has a high one.",
        ),
        Mistake(_unscaled, "exp(score) of the options does not sum to 1. Divide by the sum."),
        Mistake(
            _right_is_low,
            "If the right option has little, several wrong ones may share the rest. Look at the "
            "one that is chosen.",
        ),
    ),
    points=2,
)


# 4. A rank for a budget


def _largest_rank(shapes, budget, *, product=False, capped=True, up=False):
    size = sum(a * b if product else a + b for a, b in shapes)
    rank = -(-budget // size) if up else budget // size
    return min(rank, *(min(shape) for shape in shapes)) if capped else rank


def _rank_with(**options):
    return lambda shapes, budget: _largest_rank(shapes, budget, **options)


def _one_side(shapes, budget):
    rank = budget // sum(a for a, _ in shapes)
    return min(rank, *(min(shape) for shape in shapes))


def _each_alone(shapes, budget):
    return min(min(budget // (a + b), a, b) for a, b in shapes)


def _only_units(shapes, budget):
    return min(budget // sum(a + b for a, b in shapes), *(b for _, b in shapes))


def _shared(shapes, budget):
    return min((budget // len(shapes)) // max(a + b for a, b in shapes), *map(min, shapes))


def _rank_cases(rng):
    shapes = [(96, 96), (96, 384), (384, 96)]
    drawn = [(int(rng.integers(20, 90)), int(rng.integers(20, 90))) for _ in range(5)]
    return [
        (shapes, 10_000),
        ([(12, 5), (40, 30)], 5_000),
        (drawn, int(rng.integers(3_000, 6_000))),
        ([(50, 60), (70, 80)], 200),
        ([(100, 10), (10, 10)], 700),
        ([(9, 30), (40, 20)], 2_000),
        ([(40, 30), (12, 5)], 5_000),  # the first layer is not the smallest
        ([(40, 30), (12, 5)], 3 * 87),  # nothing is left over
    ]


RANK = Exercise(
    "largest_rank",
    answer=_largest_rank,
    cases=_rank_cases,
    mistakes=(
        Mistake(_rank_with(product=True), "Inputs · units is the frozen matrix. And A and B?"),
        Mistake(_rank_with(capped=False), "No rank is larger than the smaller side of a matrix."),
        Mistake(_rank_with(up=True), "Rounded up, it costs more than the budget allows."),
        Mistake(_one_side, "There are two factors: A has rank columns, and B has rank rows."),
        Mistake(_each_alone, "Each layer alone fits with you. All of them share the budget."),
        Mistake(_only_units, "Either side may be the smaller one: the units, or the inputs."),
        Mistake(
            _shared, "The budget is for all layers together; small ones leave room for others."
        ),
        Mistake(
            lambda shapes, budget: min(
                budget // sum(a + b for a, b in shapes), min(max(shape) for shape in shapes)
            ),
            "No rank is larger than the SMALLER side of a matrix.",
        ),
        Mistake(
            lambda shapes, budget: min(budget // sum(a + b for a, b in shapes), *shapes[0]),
            "You look at the sides of the first layer. The smallest side of all layers limits.",
        ),
        Mistake(
            lambda shapes, budget: max(0, _largest_rank(shapes, budget - 1)),
            "A rank that uses the budget up to its last number fits, too.",
        ),
    ),
    points=1,
)


# 5. Two answers of different lengths


def _pair_margin(chosen, rejected, beta):
    return beta * (
        sum(np.subtract(chosen[0], chosen[1])) - sum(np.subtract(rejected[0], rejected[1]))
    )


def _means(chosen, rejected, beta):
    change = [np.mean(np.subtract(*pair)) for pair in (chosen, rejected)]
    return beta * (change[0] - change[1])


def _no_margin_reference(chosen, rejected, beta):
    return beta * (sum(chosen[0]) - sum(rejected[0]))


def _added(chosen, rejected, beta):
    return beta * (sum(np.subtract(*chosen)) + sum(np.subtract(*rejected)))


def _swapped(chosen, rejected, beta):
    return -_pair_margin(chosen, rejected, beta)


def _probabilities(chosen, rejected, beta):
    one, two, three, four = (np.exp(sum(x)) for x in (*chosen, *rejected))
    return beta * ((one - two) - (three - four))


def _after_sigmoid(chosen, rejected, beta):
    return 1 / (1 + np.exp(-_pair_margin(chosen, rejected, beta)))


def _cut_to_the_shorter(chosen, rejected, beta):
    size = min(len(chosen[0]), len(rejected[0]))
    return _pair_margin([x[:size] for x in chosen], [x[:size] for x in rejected], beta)


def _margin_cases(rng):
    def answer(size):
        return -rng.uniform(0.1, 3, size), -rng.uniform(0.1, 3, size)

    return [
        (answer(int(a)), answer(int(b)), float(beta))
        for a, b, beta in ((2, 5, 0.5), (4, 1, 0.1), (3, 6, 2.0), (7, 2, 0.3))
    ]


MARGIN = Exercise(
    "pair_margin",
    answer=_pair_margin,
    cases=_margin_cases,
    mistakes=(
        Mistake(_means, "The probability of an answer is a product over its tokens: sum the logs."),
        Mistake(_no_margin_reference, "What did the reference think of the two answers?"),
        Mistake(_added, "How much *more* did the chosen answer gain? A difference."),
        Mistake(_swapped, "The sign: it is positive where the chosen answer has gained more."),
        Mistake(_probabilities, "Ratios of probabilities are differences of their logarithms."),
        Mistake(_after_sigmoid, "That is the probability of the preference; the margin is inside."),
        Mistake(
            lambda chosen, rejected, beta: np.logaddexp(0, -_pair_margin(chosen, rejected, beta)),
            "That is the loss of the pair. The margin u stands inside of it.",
        ),
        Mistake(
            _cut_to_the_shorter,
            "You cut the longer answer off. Each is summed up to its own end.",
        ),
    ),
    points=1,
)

EXERCISES = (COUNTED, SETTLES, CONFIDENT, RANK, MARGIN)
