"""Every exercise is tested itself: answer, stub, common mistakes, an alternative right answer.

The notebooks hold statement, stub and solution; nncourse.exercises holds the checks; the module
alternatives/ holds right answers that are written in another way.
"""

import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
from alternatives import ALTERNATIVES

import nncourse as nn
from nncourse.exercises import Exercise, Mistake, all_exercises, difference

BOOK = Path(__file__).resolve().parents[2] / "book"
EXERCISES = all_exercises()
SEEDS = int(os.environ.get("NNCOURSE_SEEDS", "8"))  # 200 before a release
REGION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION", re.DOTALL | re.MULTILINE)
CHECKED = re.compile(r'[\w.]*check\("(\w+)", (\w+)\)')
each = pytest.mark.parametrize("name", EXERCISES)


def cells(tag):
    """From the exercise's name to the source of its cell with this tag, over all chapters."""
    found = {}
    for path in sorted(BOOK.glob("[0-9]*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if tag in cell.metadata.get("tags", []):
                name, _ = CHECKED.search(cell.source).groups()
                assert name not in found, f"{name} appears twice"
                found[name] = cell.source
    return found


STUBS, SOLUTIONS = cells("exercise"), cells("solution")


def run(source):
    """Execute a cell as the notebook does and return the function it hands to check()."""
    namespace = {"np": np, "nn": nn}
    exec(CHECKED.sub("None", source), namespace)
    return namespace[CHECKED.search(source).group(2)]


def statements():
    """From an exercise's name to the text of its statement."""
    found = {}
    for path in BOOK.glob("[0-9]*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and "{exercise}" in cell.source:
                for name in re.findall(r"[Cc]heck name: `(\w+)`", cell.source):
                    found[name] = cell.source
    return found


def test_book_and_checks_name_the_same_exercises():
    assert set(STUBS) == set(SOLUTIONS) == set(EXERCISES) == set(statements()) == set(ALTERNATIVES)


@each
def test_the_stub_is_the_solution_without_its_solution(name):
    derived = REGION.sub(
        lambda region: f"{region[1]}# Your code here.\n{region[1]}...", SOLUTIONS[name]
    )
    assert derived != SOLUTIONS[name]
    assert STUBS[name] == derived


@each
def test_stars_and_points_agree(name):
    statement, points = statements()[name], EXERCISES[name].points
    stars = re.search(r"\{exercise\} (★+)", statement).group(1)
    assert len(stars) == points
    assert re.search(rf"\b{points} points?\b", statement)


@each
def test_the_solution_earns_all_points(name):
    solution = run(SOLUTIONS[name])
    for seed in range(SEEDS):
        verdict = EXERCISES[name].check(solution, seed)
        assert verdict.passed and verdict.points == EXERCISES[name].points, verdict


@each
def test_an_alternative_right_answer_earns_all_points(name):
    for seed in range(SEEDS):
        verdict = EXERCISES[name].check(ALTERNATIVES[name], seed)
        assert verdict.passed, verdict


@each
def test_the_stub_earns_nothing(name):
    verdict = EXERCISES[name].check(run(STUBS[name]), 0)
    assert verdict.points == 0 and "not solved yet" in verdict.message


@each
def test_every_common_mistake_gets_its_own_hint(name):
    exercise = replace(EXERCISES[name], without=())  # mistakes may use what answers may not
    mistakes = exercise.mistakes
    assert len({mistake.hint for mistake in mistakes}) == len(mistakes) >= 3
    for mistake in mistakes:
        for seed in range(SEEDS):
            verdict = exercise.check(mistake.answer, seed)
            assert verdict.points == 0
            assert verdict.message.startswith(mistake.hint + "\n"), (mistake.hint, verdict)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@each
def test_zeros_of_the_right_shape_earn_nothing(name, dtype):
    """However coarse the numbers: the tolerance is not the answer's to choose."""

    def zeros(value):
        if isinstance(value, (tuple, list)):
            return [zeros(part) for part in value]
        return np.zeros(np.shape(value), dtype)

    answer = EXERCISES[name].answer
    assert not EXERCISES[name].check(lambda *given: zeros(answer(*given)), 0).passed


# The machinery itself, on an exercise made for the purpose.
MEAN = Exercise(
    "mean",
    answer=lambda x: float(np.mean(x)),
    cases=lambda rng: [(rng.normal(size=n),) for n in (2, 5)],
    mistakes=(Mistake(lambda x: float(np.sum(x)), "Divide."),),
    points=2,
)


def test_inputs_are_new_each_time():
    seen = []
    for _ in range(2):
        MEAN.check(lambda x: seen.append(x.copy()) or float(np.mean(x)))
    assert not np.array_equal(seen[0], seen[2])


def test_an_answer_that_changes_its_input_is_told_so():
    def sorts(x):
        x.sort()
        return float(np.mean(x))

    def once(x):
        return float(np.mean(x))

    assert "changes its input" in MEAN.check(sorts, 0).message
    assert MEAN.check(once, 0).passed


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: float(np.sum(x)), "Divide."),
        (lambda x: x, "should give\n0.0, but gives np.array([0.13, -0.13])"),
        (lambda x: "1", "but gives '1'"),
        (lambda x: float("nan"), "There is nan or inf where a number should be"),
        (lambda x: None, "not solved yet: your function returns nothing"),
        (lambda x: x.maen(), "stops with AttributeError"),
        (lambda: 1.0, "stops with TypeError"),
        (3.0, "expected your function itself, got float"),
        (lambda x: 1j, "but gives 1j"),
        (lambda x: [[1.0], [1.0, 2.0]], "but gives [[1.0], [1.0, 2.0]]"),
    ],
)
def test_wrong_answers_are_explained(answer, words):
    verdict = MEAN.check(answer, 0)
    assert not verdict.passed and words in verdict.message


def test_a_verdict_shows_no_raw_html():
    verdict = MEAN.check(lambda x: "<script>", 0)
    assert "<script>" not in verdict._repr_html_() and "&lt;script&gt;" in verdict._repr_html_()


@pytest.mark.parametrize(
    ("received", "expected", "same"),
    [
        (1, 1.0, True),
        (np.float32(0.1), 0.1, True),
        (0.1 + 1e-5, 0.1, False),
        (np.float32(0.1) + np.float32(1e-5), 0.1, True),
        ([1, 2], (1, 2), True),
        ([1, 2, 3], (1, 2), False),
        (np.array([1, 2]), (1, 2), True),
        (np.array([1, 3]), (1, 2), False),
        (np.array(1), (1,), False),
        ("a", "a", True),
        (None, "a", False),
        (True, True, True),
        ({"a": 1}, {"a": 1.0}, True),
        ({"b": 1}, {"a": 1.0}, False),
        (np.array([np.inf, np.nan]), np.array([np.inf, np.nan]), True),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), False),
        (np.array([-np.inf]), np.array([np.inf]), False),
        (np.zeros((1, 2)), np.zeros(2), False),
    ],
)
def test_difference(received, expected, same):
    assert (difference(received, expected) is None) == same


def test_assert_same_reports_the_first_difference(capsys):
    def mine(x):
        return x if x < 3 else x + 1

    nn.exercises.assert_same(mine, lambda x: x, [(1,), (2,)])
    assert capsys.readouterr().out == "✓ mine agrees with the reference in 2 cases\n"
    nn.exercises.assert_same(
        nn.activations.relu, nn.activations.relu, lambda rng: [(rng.normal(size=3),)]
    )
    assert "nncourse.activations.relu in 1 case" in capsys.readouterr().out
    with pytest.raises(
        AssertionError, match="differs in case 2 of 2: the result should be 3, but is 4"
    ):
        nn.exercises.assert_same(mine, lambda x: x, [(1,), (3,)])
    with pytest.raises(ValueError, match="no case proves nothing"):
        nn.exercises.assert_same(mine, mine, [])


def test_assert_same_takes_what_has_no_name_of_its_own(capsys):
    nn.exercises.assert_same(partial(pow, 2), lambda x: 2**x, [(3,)])
    assert capsys.readouterr().out == "✓ partial agrees with the reference in 1 case\n"
    with pytest.raises(AssertionError, match="partial differs in case 1 of 1"):
        nn.exercises.assert_same(partial(pow, 2), lambda x: 2 * x, [(3,)])


def test_a_verdict_is_true_where_the_answer_is_right():
    assert MEAN.check(lambda x: float(np.mean(x)), 0)
    assert not MEAN.check(lambda x: float(np.sum(x)), 0)


def test_show_source_leaves_out_docstrings_only():
    shown = nn.exercises.show_source(nn.Dense.backward).data
    assert "self.bias.grad +=" in shown and shown.startswith("```python\ndef backward")
    whole = nn.exercises.show_source(nn.Tanh, docstring=True).data
    assert '"""Layer of' in whole and '"""' not in nn.exercises.show_source(nn.Tanh).data


def test_unknown_names_get_a_suggestion():
    name = sorted(EXERCISES)[0] if EXERCISES else "x"
    with pytest.raises(ValueError, match=re.escape(f"'{name}'")):
        nn.exercises.check(name[:-1], len)
