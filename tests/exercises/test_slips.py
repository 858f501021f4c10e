"""Slips that nobody registered: what the reference gives after one small change."""

import copy
import functools
import threading

import numpy as np
import pytest

from nncourse.exercises import Exercise, Mistake, all_exercises, compare
from nncourse.exercises.as_if import as_if, first_explained
from nncourse.exercises.calling import plain
from nncourse.exercises.diagnoses import diagnosis
from nncourse.exercises.one_change import one_change, two_slips
from nncourse.exercises.recorded import record, recorded

LINE = Exercise(
    "line",
    answer=lambda x, w, b: x @ w + b,
    cases=lambda rng: [(*_drawn(rng, n), float(rng.normal())) for n in (2, 3, 4, 5)],
)


def _drawn(rng, n):
    return rng.normal(size=(n, 3)), rng.normal(size=3)


def spread(x, w, b):
    return np.sqrt((w**2 * (x - b) ** 2).mean(axis=1)) / 3 + np.abs(x[:, 0])


SPREAD = Exercise("spread", answer=spread, cases=LINE.cases)


def said(exercise, answer, **options):
    return exercise.check(answer, 0, **options).message.partition("\n")[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, w, b: x @ w - b, "plus and minus are exchanged before a term with `b`"),
        (lambda x, w, b: x @ w, "a term with `b` is left out"),
        (lambda x, w, b: x @ w * 2 + b, "Is a factor of 2 lost, or too much?"),
        (lambda x, w, b: x @ w[::-1] + b, "would be right if `w` came in the opposite order"),
        (lambda x, w, b: np.abs(x) @ w + b, "would be right if no `x` were negative"),
    ],
)
def test_a_slip_is_named(answer, words):
    assert words in said(LINE, answer)
    assert words in said(LINE, answer, reveal=False)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            lambda x, w, b: np.sqrt((w * (x - b) ** 2).clip(0).mean(axis=1)) / 3,
            "",
        ),
        (
            lambda x, w, b: (w**2 * (x - b) ** 2).mean(axis=1) / 3 + np.abs(x[:, 0]),
            "`sqrt` with `b` and `w` and `x` is left out",
        ),
        (
            lambda x, w, b: np.sqrt((w**2 * (x - b) ** 2).sum(axis=1)) / 3 + np.abs(x[:, 0]),
            "`sum` stands where `mean` belongs",
        ),
        (
            lambda x, w, b: np.sqrt((w**2 * (x - b) ** 2).mean(axis=1)) + np.abs(x[:, 0]),
            "a division by something is left out",
        ),
        (
            lambda x, w, b: np.sqrt((w**2 * (x - b) ** 2).mean(axis=1)) / 3 + np.abs(x[:, 1]),
            "a whole number is off by one somewhere",
        ),
    ],
)
def test_one_change_of_the_reference(answer, words):
    message = said(SPREAD, answer)
    assert words in message if words else "Your result" not in message


def test_two_arguments_exchanged():
    minus = Exercise("minus", lambda x, y: x - 2 * y, lambda rng: _pairs(rng))
    assert said(minus, lambda x, y: y - 2 * x).startswith(
        "Your result would be right if `x` and `y` were exchanged."
    )


def _pairs(rng):
    return [tuple(rng.normal(size=(2, 4))) for _ in range(3)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda e: np.roll(e, 1, axis=0), "shifted by one place"),
        (lambda e: np.where(e == 0, 1.0, 0.0), "0 just where it should not be"),
        (lambda e: e * np.arange(1, 5)[:, None], "each row is off by a factor of its own"),
        (lambda e: np.vstack([e[:3], e[3:] + 0.3]), "only the last row is wrong"),
    ],
)
def test_where_the_wrong_numbers_stand(wrong, words):
    def case(seed):
        e = np.random.default_rng(seed).uniform(1, 2, size=(4, 3))
        if "just" in words:
            e[0, 1] = e[2, 2] = 0
        r = wrong(e)
        if "shifted" in words:
            r[0] = 7.0
        return (e,), r, e

    assert words in diagnosis([case(0), case(1)]).lower()


def test_parts_in_another_order():
    cases = [((), (2.0, x), (x, 2.0)) for x in (3.0, 4.0)]
    assert diagnosis(cases).startswith("The parts are right, but in another order")
    cases = [((), (x, 5.0 + x**2), (x, 5.0 * x)) for x in (3.0, 4.0)]
    assert diagnosis(cases) == "Part 1 of the result is wrong; the rest is right."


def test_a_factor_that_is_an_argument():
    cases = [((2.0, 0.3 + i / 10), i * (0.3 + i / 10), float(i)) for i in (1, 2, 3)]
    assert (
        diagnosis([(a, float(r), e) for a, r, e in cases])
        == "It is too large by a factor that is argument 2."
    )


def test_one_number_stands_in_some_ratio_to_any_other():
    assert diagnosis([((), 200, 422), ((), 200, 422)]) == ""
    assert diagnosis([((), 200, 422), ((), 200, 400), ((), 200, 422)]) == ""
    rows = np.array([422, 0]), np.array([0, 422])
    assert diagnosis([((), row * 200 // 422, row) for row in rows]) == ""
    assert diagnosis([((), row + 1, row) for row in rows]) == "It is 1 more than it should be."
    assert all_exercises()["body_status"].check(lambda b, f: 200).message.startswith("For example")


def test_a_threshold_that_is_too_high_is_no_or():
    exactly_one = all_exercises()["exactly_one"]
    for most in ([1, 2, 3], [1, 2, 3, 4]):
        assert "OR" not in said(exactly_one, lambda x, n=most: np.isin(x.sum(axis=1), n))
    assert "OR" in said(exactly_one, lambda x: x.any(axis=1))


def _unlike(value):
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unlike, value))
    if isinstance(value, dict):
        return {key: _unlike(part) for key, part in value.items()}
    return value * 1.2345 + 0.777 if compare.numbers(value) is not None else value


def test_the_searches_end_where_no_call_can_be_stopped(recwarn):
    """In the browser there are no signals, as in a thread."""
    ended = []

    def search():
        for exercise in all_exercises().values():
            cases = [(c, exercise.answer(*copy.deepcopy(c))) for c in exercise.cases(drawn)]
            trials = [(c, _unlike(plain(e)), e, "?") for c, e in cases]
            for look in (one_change, as_if):
                look(exercise.answer, trials, exercise.tolerance)
            if len(ended) % 5 == 0:
                two_slips(exercise.mistakes, trials, exercise.tolerance)
            ended.append(exercise.name)

    drawn = np.random.default_rng(0)
    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    thread.join(1200)
    assert ended == [exercise.name for exercise in all_exercises().values()]
    assert not recwarn.list


def test_a_search_takes_a_few_seconds(monkeypatch):
    monkeypatch.setattr("nncourse.exercises.as_if._TOTAL", 0)
    trials = [((x,), 2.0 * x, x, "?") for x in (1.0, 2.0)]
    changes = [("none", lambda x: x), ("double", lambda x: 2 * x)]
    assert first_explained(changes, trials, None) == ""
    assert first_explained(changes[::-1], trials, None) == "double"


def test_a_change_may_give_what_is_no_data():
    trials = [((x,), 2.0 * x, x, "?") for x in (1.0, 2.0)]
    changes = [("a function", lambda x: len), ("double", lambda x: 2 * x)]
    assert first_explained(changes, trials, None) == "double"


def _any_number(*arguments):
    return arguments[0] * arguments[1]


@pytest.mark.parametrize(
    "answer", [_any_number, functools.partial(np.multiply, dtype=float), _any_number.__call__]
)
def test_a_reference_that_names_no_arguments(answer):
    product = Exercise("product", answer, lambda rng: _pairs(rng))
    assert said(product, lambda x, y: np.sin(x) + y).startswith("For example, product(")
    played = recorded(record(product))
    assert said(played, lambda x, y: np.sin(x) + y).startswith("For example, product(")


def test_keys_that_are_missing_are_named():
    wrong = compare.difference({"b": 1, "a": 2}, {"a": 2, "c": 1})
    assert wrong == "the result lacks the keys 'c', but has 'b'"
    assert "'c'" not in compare.difference({"b": 1}, {"c": 1}, reveal=False)


def test_a_printed_result_is_not_returned():
    def printing(x, w, b):
        print(x @ w + b)

    assert "It prints: that shows a result, but hands nothing back." in said(LINE, printing)


def test_what_must_not_overflow_does_in_both_orders():
    def one_sided(y1, m1, z1, y2, m2, z2):
        ratio = z2 * np.exp(m2 - m1)
        return (z1 * y1 + ratio * y2) / (z1 + ratio)

    merged = all_exercises()["merged_halves"]
    with np.errstate(all="ignore"):
        assert "overflows" in said(merged, one_sided)


# A cause is stated only where it is the cause -------------------------------------------------


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
