"""A cause is stated only where it is one; what was wrongly accepted, or refused, once is not."""

import numpy as np
import pytest
from exercises.test_slips import LINE, said

from nncourse.exercises import Exercise, Mistake, all_exercises
from nncourse.exercises.diagnoses import diagnosis
from nncourse.exercises.one_change import two_slips


def test_counts_stand_in_no_ratio():
    cases = [((), r, e) for r, e in ((5, 3), (10, 6), (15, 9))]
    assert diagnosis(cases) == ""
    assert diagnosis([((), 2 * e, e) for _, _, e in cases]) == "It is 2 times what it should be."
    assert diagnosis([*[((), 2 * e, e) for _, _, e in cases], ((), 1, 7)]) == ""


@pytest.mark.parametrize("wrong", [lambda e: 1.7 * e, lambda e: 0.0])
def test_small_numbers_are_neither_rounded_nor_nearly_right(wrong):
    message = diagnosis([((), wrong(e) + 1e-5 * e**2, e) for e in (1e-5, 0.3e-5, 0.02e-5)])
    assert "round" not in message


POSITIVE = Exercise(
    "positive",
    answer=lambda x: int((x > 0).sum()),
    cases=lambda rng: [(np.array(x),) for x in ([1, -1, 2], [3, 1, -2], [0, 4, 4], [-1, -1, 0])],
    mistakes=(
        Mistake(lambda x: int((x < 0).sum()), "Those are negative."),
        Mistake(lambda x: len(x), "Those are all."),
    ),
)


def test_a_mistake_of_a_count_agrees_in_all_cases():
    assert said(POSITIVE, lambda x: int((x < 0).sum())) == "Those are negative."
    assert not said(POSITIVE, lambda x: 1 if x[2] < 4 else 0).startswith("Those are")
    assert not said(POSITIVE, lambda x: x[7]).startswith("Those are")


def test_an_error_of_the_same_kind_is_no_mistake_of_the_same_kind():
    first = Exercise(
        "first",
        answer=lambda x: x[0] / 3,
        cases=lambda rng: [(rng.normal(size=n),) for n in (3, 4, 5, 9)],
        mistakes=(Mistake(lambda x: x[4] / 3, "That is entry 4."),),
    )
    assert said(first, lambda x: x[4] / 3) == "That is entry 4."
    assert not said(first, lambda x: x[8] + 1.0).startswith("That")
    assert not said(all_exercises()["strided"], lambda s, o, n, t: s[[99]]).startswith("You add")


def test_the_same_slip_in_all_places():
    both = Exercise("both", _both, lambda rng: [(a, b) for a, b in rng.uniform(1, 2, (4, 2))])
    assert said(both, lambda a, b: 3 * a - b - 1) == (
        "Your result comes out if `sqrt` is left out, in 2 places alike."
    )


def _both(a, b):
    return 3 * np.sqrt(a - 0.5) - np.sqrt(b - 0.5)


def _pair(x):
    return np.sqrt(x + 3) * x, x**2 - x


def test_one_part_of_a_result_is_explained_alone():
    pair = Exercise("pair", _pair, lambda rng: [(float(x),) for x in rng.uniform(1, 2, 3)])
    assert said(pair, lambda x: (np.cos(x), x**2 + x)) == (
        "Part 1 of your result comes out if plus and minus are exchanged before a term with `x`."
    )


def _root(x, w, *, squared=True):
    return np.sqrt((w * x**2 if squared else w * x).sum()) / len(x)


def test_a_known_mistake_with_a_slip():
    root = Exercise(
        "root",
        answer=_root,
        cases=lambda rng: [tuple(rng.uniform(1, 2, (2, n))) for n in (3, 4, 5)],
        mistakes=(Mistake(lambda *given: _root(*given, squared=False), "Squared?"),),
    )
    assert said(root, lambda x, w: np.sqrt((w * x).sum())) == (
        "Squared? That is not all: your result comes out if, besides, "
        "a division by something with `x` is left out."
    )
    whole = [((2,), 7, 4, "?"), ((3,), 12, 9, "?")]
    assert two_slips((Mistake(lambda n: n * n + 1, "One more?"),), whole) == ""


def _dropped_points(false, true, delta):
    pairs = [(t - delta, f) for f, t in zip(false, true, strict=True) if f > 0 and t < 1]
    pairs += [(1 - f - delta, 1 - t) for f, t in zip(false, true, strict=True) if f > 0 and t < 1]
    return max([0.0, *(np.log(top / bottom) for top, bottom in pairs if top > 0)])


def _one_end(ids, answer, end):
    steps = np.arange(ids.shape[1])
    first = [(ids == token).argmax(axis=1)[:, None] for token in (answer, end)]
    return ((steps > first[0]) & (steps <= first[1]))[:, 1:]


def _divided_jump(x, v, now, then):
    clean = np.sqrt(now) * x - np.sqrt(1 - now) * v
    noise = (x - np.sqrt(now) * clean) / np.sqrt(1 - now)
    return np.sqrt(then) * clean + np.sqrt(1 - then) * noise


def _cut_shares(x):
    order, shares = np.argsort(x), np.zeros_like(x)
    shares[order] = np.cumsum(np.diff(x[order], prepend=0) / np.arange(len(x), 0, -1))
    return shares


ONCE_ACCEPTED = [
    ("fleet", lambda r, ms, u, p, h: ((m := int(r * ms / 1000 / u) + 1), m * p * h)),
    ("fleet", lambda r, ms, u, p, h: ((m := int(np.ceil(r * ms / 1000 / u))), m * p * h)),
    ("largest_rank", lambda s, n: min(n // sum(map(sum, s)), min(b for _, b in s))),
    ("largest_rank", lambda s, n: min(n // sum(map(sum, s)), *s[0])),
    ("largest_rank", lambda s, n: max(0, min((n - 1) // sum(map(sum, s)), *map(min, s)))),
    (
        "draft_worth",
        lambda p, q, k: ((a := np.minimum(p, q).sum()), (1 - a ** (k + 1)) / (1 - a)),
    ),
    ("counted", _one_end),
    ("max_shares", _cut_shares),
    ("refuted_epsilon", _dropped_points),
    ("jump", _divided_jump),
]


@pytest.mark.parametrize(("name", "slip"), ONCE_ACCEPTED)
def test_what_was_once_accepted(name, slip):
    with np.errstate(all="ignore"):
        for seed in range(20):
            verdict = all_exercises()[name].check(slip, seed)
            assert not verdict.passed, seed


def test_what_rounds_like_a_reader_is_not_refused():
    """A load that fills whole machines is not drawn: 0.6 is no binary fraction."""
    fleet = all_exercises()["fleet"]
    for seed in range(300):
        rates = [(rate, ms) for rate, ms, limit, *_ in fleet.cases(np.random.default_rng(seed))]
        assert (rates[-1][0] * rates[-1][1]) % 600


LOOPED = [Mistake(lambda x, k=k: k * np.sqrt(x + 1), f"{k} roots?") for k in (3, 5)]


def test_a_mistake_may_take_a_default_from_a_loop():
    root = Exercise(
        "root", lambda x: np.sqrt(x), lambda rng: [(float(x),) for x in (2, 3, 5)], (*LOOPED,)
    )
    assert said(root, lambda x: np.cos(x)).startswith("For example, root(")


# A hint that praises or blames a part is given only where it is so -----------------------------

PARTS = Exercise(
    "parts",
    answer=lambda x: (x.sum(), 3 * x, x**2),
    cases=lambda rng: [(rng.normal(size=n),) for n in (3, 4, 5)],
    mistakes=(
        Mistake(lambda x: (x.sum(), 3 * x, x**3), "Part 1 is right. Is part 2 a cube?"),
        Mistake(lambda x: (x.sum(), x, x**4), "Both are still wrong."),
    ),
)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: (x.sum(), 3 * x, x**3), "Part 1 is right"),
        (lambda x: (x.sum(), x - 1, x**3), ""),
        (lambda x: (x.sum(), x, x**4), "Both"),
        (lambda x: (x.sum(), 3 * x, x**4), ""),
        (lambda x: (x.sum(), x, np.cos(x)), "Both"),
    ],
)
def test_a_hint_about_a_part_holds(answer, hint):
    message = said(PARTS, answer)
    assert message.startswith(hint) if hint else not message.startswith(("Part 1 is", "Both"))


def _twice(x):
    half = np.sqrt(x + 3)
    return half * x, half - x


def test_a_slip_that_would_spoil_a_right_part_is_not_named():
    twice = Exercise("twice", _twice, lambda rng: [(float(x),) for x in rng.uniform(1, 2, 3)])
    assert said(twice, lambda x: ((x + 3) * x, x + 3 - x)).startswith("Your result comes out if")
    assert said(twice, lambda x: ((x + 3) * x, np.sqrt(x + 3) - x)).startswith("Part 0 of")


def test_the_changed_argument_is_named():
    def in_place(x, w, b):
        w *= 2
        return x @ (w / 2) + b

    message = LINE.check(in_place, 0).message
    assert message.startswith("your function changes its input, `w`.") and "It was line(" in message
