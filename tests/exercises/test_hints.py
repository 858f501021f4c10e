"""What a wrong answer is told: a hint that fits in part, a general diagnosis, the failing case."""

import importlib
import re

import numpy as np
import pytest

from nncourse import activations
from nncourse.exercises import Exercise, Mistake, all_exercises, core, difference
from nncourse.exercises.calling import absent
from nncourse.exercises.tasks import find_book, read, tasks

EXERCISES = all_exercises()
ROWS = Exercise(
    "rows",
    answer=lambda x: (x**2).mean(axis=1),
    cases=lambda rng: [(rng.normal(size=shape),) for shape in ((3, 2), (4, 6), (5, 3), (2, 2))],
    mistakes=(
        Mistake(lambda x: x.mean(axis=1), "Squared?"),
        Mistake(lambda x: (x**2).mean(axis=0), "Which axis?"),
    ),
)


def right(x):
    return (x**2).mean(axis=1)


def said(answer, exercise=ROWS, **options):
    return exercise.check(answer, 0, **options).message


def test_the_smallest_failing_case_can_be_typed():
    for answer in (lambda x: x.mean(axis=1), lambda x: right(x) + 0.3):
        call, shown, got = re.search(
            r"For example, (.*) should give\n(.*), but gives (.*)\.$", said(answer)
        ).groups()
        assert len(call) < 60
        expected, received = (eval(text, {"np": np}) for text in (shown, got))
        assert difference(eval(call, {"np": np, "rows": right}), expected, tolerance=1e-8) is None
        assert difference(eval(call, {"np": np, "rows": answer}), received, tolerance=1e-8) is None
        assert difference(received, expected)


def test_a_hint_may_miss_some_cases():
    def second_slip(x):
        return x.mean(axis=1) if len(x) < 5 else x[:1]

    def one_nan(x):
        y = x.mean(axis=1)
        y[0] = np.nan
        return y

    def once(x):
        return x.mean(axis=1) if len(x) == 3 else x[0]

    assert said(second_slip).startswith("Squared?\n")
    assert said(one_nan).startswith("Squared?\n")
    assert "Squared?" not in said(once)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: -right(x), "It has the opposite sign."),
        (lambda x: 2 * right(x), "It is 2 times what it should be."),
        (lambda x: right(x) / np.log(2), "It is 1/ln 2 times what it should be."),
        (lambda x: (x**2).sum(axis=1), "the size of axis 1 of argument 1. Sum or mean?"),
        (lambda x: right(x) + 1, "It is 1 more than it should be."),
        (lambda x: right(x)[::-1], "The same numbers, but in another order."),
        (lambda x: right(x)[:, None], "The numbers are right, their shape is not."),
        (lambda x: right(x) + 3e-7, "differs by 3e-07 at most. Did you add a small number"),
        (lambda x: right(x) ** 2, "It is the square of what it should be. Is a root missing?"),
        (lambda x: np.sqrt(right(x)), "It is the square root of what it should be."),
        (lambda x: np.round(right(x)), "It is rounded to whole numbers."),
        (lambda x: 1 - right(x), "It is 1 minus what it should be."),
        (lambda x: right(x) * np.nan, "There is nan or inf where a number should be"),
        (lambda x: None if len(x) == 2 else right(x), "Does every branch end with a return?"),
        (lambda x: right(x) if len(x) == 2 else x.typo, "in line"),
    ],
)
def test_general_diagnoses(answer, words):
    message = said(answer)
    if words == "in line":
        assert re.search(
            r"in line \d+: \(lambda x: right\(x\) if len\(x\) == 2 else x\.typo", message
        )
    else:
        assert words in message
    assert "For example, rows(" in message


def test_a_part_and_a_matrix_are_named():
    both = Exercise(
        "both",
        answer=lambda x: (x + 1, x @ x.T @ x),
        cases=lambda rng: [(rng.normal(size=(n, 2)),) for n in (2, 2, 3)],
    )
    assert said(lambda x: (x + 1, -x @ x.T @ x), both).startswith(
        "Part 1 of the result: it has the opposite sign."
    )
    square = Exercise(
        "square", answer=lambda x: x, cases=lambda rng: [(rng.normal(size=(3, 3)),)] * 2
    )
    assert said(lambda x: x.T.copy(), square).startswith("It is transposed")


def test_private_checks_reveal_nothing():
    assert said(lambda x: x.mean(axis=1), reveal=False).startswith("Squared?\n")
    for answer in (lambda x: -right(x), lambda x: {"a": 1}, lambda x: [1] * 7):
        message = said(answer, reveal=False)
        assert "should" not in message.replace("what it should be", "").replace(
            "that it should have", ""
        )
    keys = difference({"a": 1}, {"secret": 1, "other": 2}, reveal=False)
    length = difference([1], [1, "x", 3], reveal=False)
    assert "secret" not in keys and "3" not in length


def test_an_endless_loop_is_stopped(monkeypatch):
    monkeypatch.setattr(core, "_SECONDS", 0.1)

    def loop(x):
        while True:
            pass

    assert said(loop).startswith("your function was stopped: it did not end within 0.1 seconds.")


def test_whole_numbers_compare_exactly():
    count = 124_439_808
    assert difference(count, count) is None and difference(float(count), count) is None
    assert difference(np.float32(count + 100), count)
    assert difference(count + 1, count)
    assert difference(2.9999999, 3) == "the result should be 3, but is 2.9999999"
    assert difference(np.array([2**62 + 1]), np.array([2**62]))


# What is ready-made is not there --------------------------------------------------------------


def _in_a_helper(x):
    return np.asarray(x).imag


class _Called:
    def __call__(self, *arguments):
        return _in_a_helper(arguments[0])


COMPLEX = [
    lambda *arguments: np.exp(arguments[1] + 1e-30j).imag / 1e-30,
    lambda *arguments: _in_a_helper(arguments[0]),
    lambda *arguments: [np.zeros(3, np.complex128) for _ in range(2)],
    _Called(),
]


def found(name):
    """Return what a dotted name stands for; of a class the first of its methods."""
    first, *rest = name.split(".")
    thing = importlib.import_module(first)
    for i, part in enumerate(rest, 2):
        if not hasattr(thing, part):
            importlib.import_module(".".join(name.split(".")[:i]))
        thing = getattr(thing, part)
    if isinstance(thing, type):
        thing = next(f for f in vars(thing).values() if hasattr(f, "__code__"))
    return thing


@pytest.mark.parametrize("name", [n for n, e in EXERCISES.items() if e.without])
def test_ready_made_answers_are_not_there(name):
    for ready in EXERCISES[name].without:
        for answer in COMPLEX if ready == "complex" else [found(ready)]:
            message = said(answer, EXERCISES[name])
            assert "not there while your answer is judged: write it yourself." in message


@pytest.mark.parametrize("name", [n for n, e in EXERCISES.items() if e.without])
def test_the_statement_says_what_is_switched_off(name):
    book = find_book()
    stated = (task for path in book.glob("[0-9]*.ipynb") for task in tasks(read(path.stem, book)))
    body = next(task.body for task in stated if task.name == name)
    assert "witched off while your answer is judged" in body
    for ready in EXERCISES[name].without:
        kind = ready.rpartition(".")[2]
        assert ("complex numbers" if ready == "complex" else f"{kind}`") in body


def test_they_are_back_afterwards():
    elu = activations.elu
    with pytest.raises(ZeroDivisionError), absent(["nncourse.activations.elu"]):
        with pytest.raises(NameError, match="elu is not there while your answer is judged"):
            elu(np.array([1.0]))
        raise ZeroDivisionError
    assert elu(np.array([1.0])) == [1.0]
    with pytest.raises(TypeError, match="not written in Python"), absent(["numpy.sqrt"]):
        pass
