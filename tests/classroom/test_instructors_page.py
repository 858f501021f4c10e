"""Each command on the page for instructors does what the page says."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from classroom.attacks import ATTACKS
from classroom.attacks_between import BOMBS, FURTHER, TALK
from classroom.notebooks import BOOK, CHAPTERS, graded_tasks, hand_in, notebook, own_words

from nncourse.classroom.submissions import find
from nncourse.exercises import all_exercises

ROOT = BOOK.parent
SLOPE = 0.08  # Jane, whose number is 1, with the seed of the page
PAGE = (BOOK / "instructors.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def ran(sandboxed, tmp_path_factory):
    """Run all commands of the page, in order, in a copy of the repository."""
    top = tmp_path_factory.mktemp("fork")
    listed = ["_config.yml", "pyproject.toml", "constraints.txt", "Makefile", "CITATION.cff",
              "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]  # fmt: skip
    for name in listed:
        shutil.copy(ROOT / name, top)
    without = shutil.ignore_patterns("__pycache__", "*.npz")
    shutil.copytree(ROOT / "book", top / "book", ignore=without)
    shutil.copytree(
        ROOT / "nncourse", top / "nncourse", ignore=shutil.ignore_patterns("__pycache__")
    )
    # Stands for the environment that `make env` makes: this one.
    programs = top / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    real = Path(sys.executable).parent
    (programs / "activate").write_text(f'PATH="{programs}:{real}:$PATH"\n')
    (top / ".venv" / ".made").touch()
    os.utime(top / ".venv" / ".made", (2**32, 2**32))
    answers = [own_words(task) for task in graded_tasks("04_backpropagation")]
    leaky = "def leaky(x):\n    return np.where(x > 0, x, 0.1 * x)"
    damped = f"def damped(x):\n    return np.where(x > 0, x, {SLOPE} * x)"
    hand_in(top / "submissions", {
        "doejane_1_2_04_backpropagation.ipynb": notebook(*answers, leaky, damped),
        "roejoe_LATE_3_4_04_backpropagation.ipynb": notebook(*answers[:2]),
    })  # fmt: skip
    hand_in(top, {
        "roster.csv": "Student,ID,SIS User ID,Section,Homework 4 (9)\n    Points Possible,,,,18\n"
                      "Doe Jane,1,,A,\nRoe Joe,3,,A,\nPoe Ann,5,,A,\n",
        "extensions.csv": "student,until\n3,\n",
        "overrides.csv": "student,exercise,points,reason\nroejoe,softmax_backward,1.5,good\n",
    })  # fmt: skip
    files = re.findall(r"A file `(\w+/\w+\.py)`:", PAGE)
    hand_in(top, dict(zip(files, blocks("python"), strict=True)))
    environment = os.environ | {"PYTHONPATH": str(top), "HOME": str(top), "TQDM_DISABLE": "1"}
    done = subprocess.run(["bash", "-eu", "-c", "".join(blocks("sh"))], cwd=top, text=True,
                          env=environment, capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return top


def grades(folder):
    with open(folder / "gradebook.csv", encoding="utf-8", newline="") as file:
        return [row[5:] for row in csv.reader(file)]


def test_the_copy_has_its_own_address(ran):
    for path in (ran / "_config.yml", ran / "dist" / "04_backpropagation.ipynb"):
        assert "https://github.com/you/fork" in path.read_text(encoding="utf-8")


def test_notebooks_are_released(ran):
    released = {str(path.relative_to(ran / "dist")) for path in (ran / "dist").rglob("*.ipynb")}
    quiz = "quiz/04_backpropagation.ipynb"
    assert released == {
        "04_backpropagation.ipynb", "05_gradient_descent.ipynb", "quiz.ipynb", quiz,
        "final/Doe Jane.ipynb", "final/Roe Joe.ipynb", "final/Poe Ann.ipynb",
    }  # fmt: skip
    assert (ran / "dist" / quiz).read_text(encoding="utf-8").count("exercises.check(") == 2


def test_the_class_is_graded(ran):
    assert grades(ran / "grades") == [["04_backpropagation"], ["10"], ["10"], ["3"]]
    assert grades(ran / "grades-again") == grades(ran / "grades")
    assert grades(ran / "grades-exam") == [
        ["04_backpropagation", "quiz"], ["10", "2"], ["10", "2"], ["3", "0"],
    ]  # fmt: skip
    assert grades(ran / "grades-final-exam") == [
        ["04_backpropagation", "final"], ["10", "1"], ["10", "1"], ["3", "0"],
    ]  # fmt: skip
    assert grades(ran / "grades-final")[1:] == [["10"], ["10"], ["2.5"]]
    with open(ran / "grades-final" / "upload.csv", encoding="utf-8", newline="") as file:
        assert [row[-1] for row in csv.reader(file)] == ["Homework 4 (9)", "18", "18", "4.5", ""]
    assert (ran / "grades-final" / "similar.html").exists()
    assert {p.name for p in (ran / "grades" / "feedback").glob("doejane*")} == {
        "doejane_1.html", "doejane_1.ipynb",
    }  # fmt: skip
    table = re.findall(r"^\| ([^|]+) \| (?!Holds|:)", PAGE.split("| File in")[1], re.MULTILINE)[:5]
    for name in re.findall(r"`([\w./-]+)`", "".join(table)):
        assert (ran / "grades" / name).exists()


def test_nbgrader_makes_the_version_for_students(ran):
    student = ran / "release" / "04_backpropagation" / "04_backpropagation.ipynb"
    assert "YOUR CODE HERE" in student.read_text(encoding="utf-8")


def test_the_plan_lists_chapters_exercises_and_points():
    row = r"^\| (?:\d+ )?\| \{doc\}`(\w+)` \| (\d+) \| (\d+) \|$"
    rows = re.findall(row, PAGE, re.MULTILINE)
    points = {name: exercise.points for name, exercise in all_exercises().items()}
    for chapter, count, total in rows:
        names = [task.name for task in graded_tasks(chapter)]
        assert (int(count), int(total)) == (len(names), sum(points[name] for name in names))
    assert [row[0] for row in rows] == CHAPTERS
    weeks = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert weeks == [str(week) for week in range(1, 16)] and "Fifteen weeks" in PAGE


def test_the_layouts_are_recognized(tmp_path):
    table = PAGE.split("| From |")[1].split("\n\n")[0]
    files = re.findall(r"`([^`]+\.ipynb)`", table)
    assert len(files) == 9
    for i, name in enumerate(files):
        (one,) = find(hand_in(tmp_path / str(i), {name: notebook("1")})).submissions
        assert one.student in {"doejane", "Jane Doe", "jane", "submission_71"}


def test_the_limits_are_those_of_the_page():
    from nncourse.classroom import files, notebooks, submissions

    megabytes = files.MAXIMUM_BYTES // 10**6
    for text in (f"at most {submissions.MAXIMUM_NOTEBOOKS} notebooks",
                 f"{submissions.MAXIMUM_FILES:,} files",
                 f"{submissions.MAXIMUM_BYTES // 10**6} MB are read",
                 f"{megabytes} MB and {notebooks.MAXIMUM_CELLS:,} code cells"):  # fmt: skip
        assert text in PAGE.replace("\n", " ")


def test_the_page_names_every_option_and_no_other():
    from nncourse.classroom.__main__ import _parser

    commands = _parser()._subparsers._group_actions[0].choices
    known = {option for parser in commands.values() for option in parser._option_string_actions}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named <= known
    assert {k for k in known if k.startswith("--")} - named == {"--help", "--output"}


def test_what_the_page_says_of_the_attacks_and_the_switch():
    assert "more than a hundred ways" in PAGE and len(ATTACKS | BOMBS | FURTHER | TALK) > 100
    (switch,) = blocks("yaml")
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert switch.strip().replace("true", "false") in config
