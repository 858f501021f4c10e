"""Slips that nobody registered: what the reference gives after one small change."""

import copy
import functools
import threading

import numpy as np
import pytest

from nncourse.exercises import Exercise, all_exercises, compare
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
