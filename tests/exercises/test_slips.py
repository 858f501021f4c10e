"""Slips that nobody registered: what the reference gives after one small change."""

import numpy as np
import pytest

from nncourse.exercises import Exercise, all_exercises, compare
from nncourse.exercises.diagnoses import diagnosis

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


def test_keys_that_are_missing_are_named():
    wrong = compare.difference({"b": 1, "a": 2}, {"a": 2, "c": 1})
    assert wrong == "the result lacks the keys 'c', but has 'b'"
    assert "c" not in compare.difference({"b": 1}, {"c": 1}, reveal=False).replace("lacks", "")[:40]


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
