"""Grading: honest notebooks of all kinds get what they deserve, and nothing is ever lost."""

import csv
import inspect
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alternatives import ALTERNATIVES
from classroom.notebooks import (
    BOOK,
    CHAPTERS,
    MAJORITY,
    NEURON,
    grade,
    graded_tasks,
    hand_in,
    notebook,
    own_words,
    read_chapter,
)

from nncourse.classroom import running
from nncourse.classroom import sandbox as sandbox_module
from nncourse.classroom.__main__ import main
from nncourse.classroom.notebooks import amounts, printed
from nncourse.classroom.sandbox import Sandbox, SandboxError
from nncourse.exercises import all_exercises

EXERCISES = all_exercises()
TWO = {name: [EXERCISES[name]] for name in ("neuron", "majority")}


def points(results):
    return {name: result["points"] for name, result in results["exercises"].items()}


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# Every exercise, through the sandbox ----------------------------------------------------------


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_solutions_get_everything_and_stubs_nothing(sandbox, chapter):
    tasks = graded_tasks(chapter)
    checks = {task.name: [EXERCISES[task.name]] for task in tasks}
    solved = grade([task.solution for task in tasks], checks, sandbox, seed=1)
    assert points(solved) == {name: EXERCISES[name].points for name in checks}, solved
    empty = grade([task.stub for task in tasks], checks, sandbox, seed=1)
    assert set(points(empty).values()) == {0}
    messages = [result["message"] for result in empty["exercises"].values()]
    assert all(message.startswith("not solved yet") for message in messages)


def test_alternative_answers_get_everything(sandbox):
    checks = {name: [exercise] for name, exercise in EXERCISES.items()}
    modules = {inspect.getmodule(answer) for answer in ALTERNATIVES.values()}
    graded = grade(list(map(inspect.getsource, modules)), checks, sandbox, seed=2)
    assert points(graded) == {name: e.points for name, e in EXERCISES.items()}, graded


def test_hints_arrive_and_expected_values_do_not(sandbox):
    wrong = "def neuron(x, w, b):\n    return np.maximum(x @ w, 0)\n"
    odd = "def majority(x):\n    return np.arange(len(x)) + 7\n"
    graded = grade([wrong, odd], TWO, sandbox, seed=3)["exercises"]
    hint, *example = graded["neuron"]["message"].splitlines()
    assert hint in {m.hint for m in EXERCISES["neuron"].mistakes}
    assert example[0].startswith("For example, neuron(np.array(") and "should give" in example[0]
    private = {"majority": [replace(EXERCISES["majority"], points=1)]}
    graded = grade([odd], private, sandbox, seed=3)["exercises"]
    assert graded["majority"]["message"] == "the result at [0] is not what it should be, but 7"


# Notebooks as students write them -------------------------------------------------------------

HONEST = {
    "helpers in cells of their own": [
        "def product(x, w):\n    return x @ w", "bound = 0",
        "def neuron(x, w, b):\n    return np.maximum(product(x, w) + b, bound)",
    ],
    "its own imports": ["import numpy as xp", NEURON.replace("np.", "xp.")],
    "an import that fails": ["import seaborn\nimport numpy as xp", NEURON.replace("np.", "xp.")],
    "a cell that fails": ["1 / 0", NEURON],
    "a statement that fails above the answer": ["1 / 0\n" + NEURON],
    "a cell that is no Python": ["not Python at all", NEURON],
    "magics": ["%matplotlib inline\n!pip install x\nnp?\n" + NEURON, "%%bash\nls\n"],
    "a timed cell": ["%%time\n" + NEURON],
    "checks left in": [NEURON + '\nv = nn.exercises.check("neuron", neuron)\nassert v.passed'],
    "a cell that takes too long": ["while True:\n    pass", NEURON],
    "a slow line after the answer": [NEURON + "\nwhile True:\n    pass"],
    "a cell that leaves": ["import sys\nsys.exit()", "exit()", NEURON],
    "the last definition counts": ["def neuron(x, w, b):\n    return 1", NEURON],
    "the package": ["def neuron(x, w, b):\n    return nn.activations.relu(x @ w + b)"],
    "lines in a list": [NEURON.splitlines(keepends=True)],
    "a class": [
        "class Unit:\n    def __call__(self, x, w, b):\n        return np.maximum(x @ w + b, 0)",
        "neuron = Unit()",
    ],
    "input": ["name = input()", NEURON],
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_notebook_gets_its_point(tmp_path, sandbox, name):
    cells = ["".join(cell) for cell in HONEST[name]]
    graded = grade([*cells, MAJORITY], TWO, sandbox, seed=4, cell_seconds=3)
    assert points(graded) == {"neuron": 1, "majority": 1}, graded


def test_a_crash_costs_its_own_exercise_only(sandbox):
    crash = "def neuron(x, w, b):\n    import os\n    os._exit(1)"
    graded = grade([crash, MAJORITY], TWO, sandbox, seed=5)
    assert points(graded) == {"neuron": 0, "majority": 1}
    assert "Python ended" in graded["exercises"]["neuron"]["message"]


def test_what_is_missing_is_said(sandbox):
    graded = grade(["neuron = 5", "1 / 0", "def majority(x): return x.bad"], TWO, sandbox, seed=6)
    said = {name: result["message"] for name, result in graded["exercises"].items()}
    assert said["neuron"].startswith("neuron is no function, but int; code cell 2 stops with Zero")
    assert "stops with AttributeError" in said["majority"]
    empty = grade([], TWO, sandbox, seed=6)["exercises"]
    assert {result["message"] for result in empty.values()} == {"nothing to run."}


@pytest.mark.parametrize("chapter", ["03_multilayer_perceptrons", "09_mnist_tensorflow"])
def test_a_whole_chapter_can_be_handed_in(sandbox, chapter):
    """Its own experiments, which take a minute, are not run; nor do its solutions count."""
    notebook = read_chapter(chapter, BOOK)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    tasks = {task.stub: task for task in graded_tasks(chapter)}
    checks = {task.name: [EXERCISES[task.name]] for task in tasks.values()}
    filled = [own_words(tasks[cell]) if cell in tasks else cell for cell in cells]
    options, known = {"seed": 6, "cell_seconds": 4}, printed(BOOK)
    graded = grade([("", filled, amounts(filled, known))], checks, sandbox, **options)
    assert points(graded) == {name: EXERCISES[name].points for name in checks}, graded
    empty = grade([("", cells, amounts(cells, known))], checks, sandbox, **options)
    assert set(points(empty).values()) == {0}
    assert empty["notes"] == [f"{len(tasks)} cells are solutions of the book; they were left out."]


# The command ----------------------------------------------------------------------------------

CLASS = {
    "adalovelace_11_1_01_neurons.ipynb": notebook(NEURON, MAJORITY),
    "blaisepascal_12_2_01_neurons.ipynb": notebook(MAJORITY, "ridge = im2col = 'words'"),
    "carlgauss_LATE_13_3_01_neurons.ipynb": notebook("def neuron(x, w, b):\n    ..."),
    "emmynoether_14_4_01_neurons.ipynb": notebook(NEURON),
}
ONLY = ["--exercise", "neuron", "--exercise", "majority"]


def run(folder, out, *arguments):
    return main(["grade", str(folder), "-o", str(out), *ONLY, *arguments])


@pytest.mark.usefixtures("sandboxed")
def test_gradebook_feedback_and_report(tmp_path, capsys):
    folder, out = hand_in(tmp_path / "class", CLASS), tmp_path / "grades"
    assert run(folder, out, "--seed", "7") == 0
    assert read_csv(out / "gradebook.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_neurons"],
        ["    Points Possible", "", "", "", "", "2"],
        ["adalovelace", "11", "", "", "", "2"],
        ["blaisepascal", "12", "", "", "", "1"],
        ["carlgauss", "13", "", "", "", "0"],
        ["emmynoether", "14", "", "", "", "1"],
    ]
    rows = read_csv(out / "details.csv")
    assert rows[3][:7] == ["carlgauss", "13", "carlgauss_13.html", "late", "0", "0", ""]
    page = (out / "feedback" / "blaisepascal_12.html").read_text(encoding="utf-8")
    assert "1 of 2 points" in page and "no neuron found" in page
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "<td>1 points</td><td>2</td>" in report and "mean 1.0" in report and "--seed 7" in report
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"|<!DOCTYPE svg[^>]*>', "", report).replace(
        "http-equiv", ""
    )


@pytest.mark.usefixtures("sandboxed")
def test_the_same_seed_gives_the_same_grades_with_any_number_of_jobs(tmp_path):
    folder = hand_in(tmp_path / "class", CLASS)
    outs = [tmp_path / "one", tmp_path / "two"]
    for out, jobs in zip(outs, ("1", "3"), strict=True):
        assert run(folder, out, "--seed", "8", "--jobs", jobs) == 0
    for path in sorted(p.relative_to(outs[0]) for p in outs[0].rglob("*") if p.is_file()):
        assert (outs[0] / path).read_bytes() == (outs[1] / path).read_bytes(), path


@pytest.mark.usefixtures("sandboxed")
def test_only_what_has_changed_is_graded_again(tmp_path, monkeypatch):
    folder, out, graded = hand_in(tmp_path / "class", CLASS), tmp_path / "grades", []
    judge = running.grade_all

    def noting(jobs, *a, **k):
        return judge((graded.append(job) or job for job in jobs), *a, **k)

    monkeypatch.setattr(running, "grade_all", noting)
    counts = []
    for change in (
        lambda: None,
        lambda: None,  # the seed of the first run is kept
        lambda: hand_in(folder, {"carlgauss_13_9_01_neurons-1.ipynb": notebook(NEURON)}),
        lambda: (out / "results" / "adalovelace_11.json").write_text("{broken"),
    ):
        change()
        assert run(folder, out) == 0
        counts.append(len(graded))
    assert counts == [4, 4, 5, 6]
    assert run(folder, out, "--seed", "1") == 0 and len(graded) == 10
    assert read_csv(out / "gradebook.csv")[4] == ["carlgauss", "13", "", "", "", "1"]


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_goes_on_where_it_ended(tmp_path, how):
    """The first result is written, then the grader is stopped while the last student loops."""
    slow = {"zenon_99_9_x.ipynb": notebook("while True:\n    pass")}
    folder, out = hand_in(tmp_path / "class", CLASS | slow), tmp_path / "grades"
    words = [sys.executable, "-m", "nncourse.classroom", "grade", str(folder), "-o", str(out)]
    words += [*ONLY, "--chapter", "01_neurons", "--seed", "9", "--jobs", "1"]
    process = subprocess.Popen(
        [*words, "--cell-seconds", "60"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    while len(list(out.glob("results/*.json"))) < 4:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    process.send_signal(how)
    said = process.communicate()[1]
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert ("the same command goes on" in said) == (how == signal.SIGINT)
    kept = {path: path.read_bytes() for path in out.glob("results/*.json")}
    assert len(kept) == 4 and all(json.loads(text)["results"] for text in kept.values())
    (folder / "zenon_99_9_x.ipynb").write_text(notebook(NEURON), encoding="utf-8")
    assert main([*words[3:], "--cell-seconds", "60"]) == 0
    assert all(path.read_bytes() == text for path, text in kept.items())
    assert [row[-1] for row in read_csv(out / "gradebook.csv")[2:]] == ["2", "1", "0", "1", "1"]


@pytest.mark.usefixtures("sandboxed")
def test_private_checks(tmp_path, capsys):
    folder = hand_in(tmp_path / "class", {"ada.ipynb": notebook(NEURON, "def twice(x): return 2*x"),
                                          "bob.ipynb": notebook(NEURON)})  # fmt: skip
    mine = tmp_path / "checks"
    hand_in(mine, {"quiz.py": """
from nncourse.exercises import Exercise
TWICE = Exercise("twice", answer=lambda x: x + x, cases=lambda rng: [(rng.normal(),)], points=4)
NEVER = Exercise("neuron", answer=lambda *a: 0.5, cases=lambda rng: [(1, 2, 3)])
EXERCISES = (TWICE, NEVER)
"""})  # fmt: skip
    assert run(folder, tmp_path / "out", "--extra-checks", str(mine), "--exercise", "twice") == 0
    rows = read_csv(tmp_path / "out" / "gradebook.csv")
    assert rows[0][5:] == ["01_neurons", "quiz"] and rows[1][5:] == ["2", "4"]
    assert [row[5:] for row in rows[2:]] == [["0", "4"], ["0", "0"]]  # NEVER is one check more
    (mine / "quiz.py").write_text("EXERCISES = 1", encoding="utf-8")
    assert run(folder, tmp_path / "out", "--extra-checks", str(mine)) == 2
    assert "must define EXERCISES" in capsys.readouterr().err


def test_wrong_names_are_told(tmp_path, capsys):
    folder = hand_in(tmp_path / "class", {"ada.ipynb": notebook("x = 1")})
    for arguments, words in (
        ([], "answer no exercise of the book; name it: --chapter NAME"),
        (["--chapter", "1"], "there is no chapter ['1']; there are ['01_neurons'"),
        (["--chapter", "01_neurons", "--exercise", "x"], "there is no exercise ['x']"),
    ):
        assert main(["grade", str(folder), "-o", str(tmp_path / "out"), *arguments]) == 2
        assert words in capsys.readouterr().err


# No sandbox, no grading -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["missing", "broken", "pretends"])
def test_without_a_sandbox_nothing_is_run(tmp_path, monkeypatch, capsys, kind):
    ran = tmp_path / "ran"
    folder = hand_in(tmp_path / "class", {"ada.ipynb": notebook(f"open({str(ran)!r}, 'w')")})
    programs = tmp_path / "bin"
    programs.mkdir()
    if ldd := shutil.which("ldd"):
        (programs / "ldd").symlink_to(ldd)
    if kind != "missing":
        script = {"broken": "exit 1", "pretends": 'while [ "$1" != -- ]; do shift; done; "$@"'}
        (programs / "bwrap").write_text(f"#!{shutil.which('bash')}\n{script[kind]}\n")
        (programs / "bwrap").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(programs))
    assert run(folder, tmp_path / "out", "--chapter", "01_neurons") == 2
    said = capsys.readouterr().err
    assert "no sandbox, so nothing was run" in said and "--unsafe-no-sandbox" in said
    assert not ran.exists() and not (tmp_path / "out").exists()


LEAKS = {
    "/etc/passwd": lambda words: [words[0], "--ro-bind", "/etc", "/etc", *words[1:]],
    "/proc/1": lambda words: [words[0], "--proc", "/proc", *words[1:]],
    "fork": lambda words: [*words[:-3], "--"],
    "write": lambda words: [word.replace("--ro-bind", "--bind") for word in words],
}


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize("leak", LEAKS)
def test_a_sandbox_that_leaks_is_refused(monkeypatch, leak):
    tight = sandbox_module.bubblewrap
    monkeypatch.setattr(sandbox_module, "bubblewrap", lambda *given: LEAKS[leak](tight(*given)))
    if leak == "write":
        monkeypatch.setattr(Path, "chmod", lambda path, mode: os.chmod(path, 0o777))
    with pytest.raises(SandboxError, match=f"it leaks: .*{leak}"):
        Sandbox()


def test_whoever_insists_can_do_without(tmp_path, monkeypatch):
    folder = hand_in(tmp_path / "class", {"ada.ipynb": notebook(NEURON)})
    monkeypatch.setenv("PATH", os.devnull)
    arguments = ["--chapter", "01_neurons", "--unsafe-no-sandbox"]
    assert run(folder, tmp_path / "out", *arguments) == 0
    assert read_csv(tmp_path / "out" / "gradebook.csv")[2][-1] == "1"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--jobs", "0", "argument --jobs: expected a whole number of at least 1, got '0'"),
        ("--jobs", "-2", "got '-2'"),
        ("--jobs", "two", "got 'two'"),
        ("--cell-seconds", "0", "--cell-seconds: expected a positive number of seconds, got '0'"),
        ("--cell-seconds", "-0.5", "got '-0.5'"),
        ("--cell-seconds", "nan", "got 'nan'"),
        ("--cell-seconds", "soon", "got 'soon'"),
    ],
)
def test_no_jobs_and_no_time_are_refused(option, value, words, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["grade", str(tmp_path), "-o", str(tmp_path / "out"), option, value])
    assert stopped.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
