"""What students get: everything to work with, nothing that answers. What nbgrader makes of it."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from book_rules import Chapter
from classroom.notebooks import BOOK, CHAPTERS, graded_tasks, secret_lines
from plain_rules import broken

from nncourse.classroom.__main__ import main
from nncourse.classroom.chapters import tasks
from nncourse.classroom.notebooks import as_python
from nncourse.exercises import Verdict, all_exercises

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS)
PICTURE = re.compile(r"!\[(.+)\]\(data:image/png;base64,([\w+/=]+)\)")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    assert main(["release", *CHAPTERS, "-o", str(folder)]) == 0
    return folder


@each_chapter
def test_every_chapter_has_enough_exercises(chapter):
    notebook = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    every = tasks(notebook)
    graded = [task for task in every if task.name]
    assert len(every) >= 4 and len(graded) >= 3


@each_chapter
def test_a_bug_to_be_found_is_a_graded_exercise(chapter):
    """The section "Find the bug" leads to it, or its statement says so."""
    read = Chapter.read(BOOK / f"{chapter}.ipynb")
    bugs = set(re.findall(r"ex-[\w-]+", read.section("Find the bug")))
    for text in re.findall(r"\{exercise\}.*?\n```", "\n".join(read.prose), re.DOTALL):
        label, graded = re.search(r":label: (\S+)", text)[1], "heck name: `" in text
        if graded and (label in bugs or re.search(r"\b[Bb]ug\b|published|Mend", text)):
            return
    raise AssertionError("no graded exercise repairs a bug")


@each_chapter
def test_the_student_notebook_has_statements_stubs_and_checks(released, chapter):
    notebook = nbformat.read(released / f"{chapter}.ipynb", as_version=4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells]
    bootstrap = (BOOK / "bootstrap.ipy").read_text(encoding="utf-8").strip()
    assert sources[1].startswith("# @title ") and sources[1].endswith(f"\n{bootstrap}")
    assert f"/book/{chapter}.html" in sources[0]
    for task in graded_tasks(chapter):
        assert task.stub in sources
        assert any(source.startswith(f"## {task.title}\n") for source in sources)
    prose = "".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert broken(PICTURE.sub("", prose)) == []  # GitHub alone does not show these pictures


@each_chapter
def test_the_plot_to_be_explained_comes_along(released, chapter):
    notebook = nbformat.read(released / f"{chapter}.ipynb", as_version=4)
    asked = [cell.source for cell in notebook.cells if "Explain this plot:" in cell.source]
    pictures = PICTURE.findall(asked[0])
    assert len(asked) == len(pictures) == 1
    alt, data = pictures[0]
    drawn = {
        "".join(output["data"]["image/png"]).replace("\n", "")
        for cell in nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4).cells
        if alt in str(cell.metadata.get("mystnb", {}))
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    }
    assert data in drawn


@each_chapter
def test_the_student_notebook_holds_no_answer_anywhere(released, chapter):
    text = (released / f"{chapter}.ipynb").read_text(encoding="utf-8")
    read = nbformat.reads(text, as_version=4).cells
    assert not any(cell.get("outputs") for cell in read)
    cells = "\n".join(cell["source"] for cell in read)
    for everything in (text, cells):
        assert "SOLUTION" not in everything
        for task in graded_tasks(chapter):
            assert [line for line in secret_lines(task) if line in everything] == []
            hints = (mistake.hint for mistake in all_exercises()[task.name].mistakes)
            assert [hint for hint in hints if hint in everything] == []


@each_chapter
def test_the_student_notebook_runs_and_says_what_is_missing(released, chapter, capsys):
    namespace, verdicts = {}, []
    for cell in nbformat.read(released / f"{chapter}.ipynb", as_version=4).cells[2:]:
        if cell.cell_type == "code":
            lines = as_python(cell.source).splitlines()
            if lines and lines[-1].startswith("nn.exercises.check"):
                lines[-1] = f"verdict = {lines[-1]}"
            exec("\n".join(lines), namespace)
            verdicts.append(namespace.pop("verdict", None))
    verdicts = [verdict for verdict in verdicts if isinstance(verdict, Verdict)]
    assert len(verdicts) == len(graded_tasks(chapter))
    assert all("not solved yet" in verdict.message for verdict in verdicts)


def test_single_exercises_can_be_chosen(tmp_path, capsys):
    assert main(["release", "01_neurons", "-o", str(tmp_path), "--exercise", "majority"]) == 0
    text = (tmp_path / "01_neurons.ipynb").read_text(encoding="utf-8")
    assert "def majority" in text and "def neuron" not in text
    arguments = ["-o", str(tmp_path), "--exercise", "majorty"]
    assert main(["release", "01_neurons", *arguments]) == 2
    assert "no exercise ['majorty']; it has ['neuron', 'majority'" in capsys.readouterr().err
    assert main(["release", "../01_neurons", "-o", str(tmp_path)]) == 2
    assert "there is no chapter '../01_neurons'; there are 01_neurons, " in capsys.readouterr().err


# nbgrader itself ------------------------------------------------------------------------------


def nbgrader(folder, *arguments):
    """Run nbgrader as an instructor would; it needs its own programs on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {
        "PATH": path,
        "HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder),
    }
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nbgrader_accepts_the_metadata_of_every_chapter(tmp_path):
    source = str(tmp_path / "source")
    assert main(["release", *CHAPTERS, "-o", source, "--format", "nbgrader"]) == 0
    program = """
import sys, nbformat
from nbgrader.nbgraderformat import MetadataValidator
for path in sys.argv[1:]:
    notebook = nbformat.read(path, as_version=4)
    MetadataValidator().validate_nb(notebook)
    print(sum("nbgrader" in cell.metadata for cell in notebook.cells))
"""
    paths = [str(path) for path in sorted((tmp_path / "source").rglob("*.ipynb"))]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True
    )
    expected = [2 * len(graded_tasks(chapter)) for chapter in CHAPTERS]
    assert list(map(int, done.stdout.split())) == expected


def test_nbgrader_hands_out_and_grades(tmp_path):
    """Its student version has no solution; it gives full points to solutions and none to stubs."""
    name = "01_neurons"
    arguments = ["--exercise", "neuron", "--exercise", "smallest_change"]
    source = str(tmp_path / "source")
    assert main(["release", name, "-o", source, "--format", "nbgrader", *arguments]) == 0
    nbgrader(tmp_path, "generate_assignment", name)
    released = tmp_path / "release" / name / f"{name}.ipynb"
    student = nbformat.read(released, as_version=4)
    task = next(task for task in graded_tasks(name) if task.name == "neuron")
    assert not [line for line in secret_lines(task) if line in json.dumps(student)]
    solved = nbformat.read(tmp_path / "source" / name / f"{name}.ipynb", as_version=4)
    for who in ("ada", "bob"):
        answers = nbformat.read(released, as_version=4)
        for cell, answer in zip(answers.cells, solved.cells, strict=True):
            if who == "ada" and cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = answer.source
        (folder := tmp_path / "submitted" / who / name).mkdir(parents=True)
        nbformat.write(answers, folder / f"{name}.ipynb")
    nbgrader(tmp_path, "autograde", name, "--create")
    nbgrader(tmp_path, "export")
    with open(tmp_path / "grades.csv", encoding="utf-8") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"ada": 3.0, "bob": 0.0}
