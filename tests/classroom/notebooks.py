"""Small notebooks for the tests of the classroom."""

import json
import re
from pathlib import Path

from nncourse.classroom.chapters import read as read_chapter
from nncourse.classroom.chapters import tasks

BOOK = Path(__file__).resolve().parents[2] / "book"
CHAPTERS = [path.stem for path in sorted(BOOK.glob("[0-9]*.ipynb"))]
NEURON = "def neuron(x, w, b):\n    return np.maximum(x @ w + b, 0)\n"
MAJORITY = "def majority(x):\n    return (2 * x.sum(axis=1) > x.shape[1]).astype(int)\n"


def notebook(*cells):
    """Return the text of a notebook with these code cells."""
    cells = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def hand_in(folder, files):
    """Write files (from path to text) and return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def graded_tasks(chapter):
    """Return the graded exercises of a chapter."""
    return [task for task in tasks(read_chapter(chapter, BOOK)) if task.name]


def own_words(task):
    """Return the solution as a student might have written it, without the book's marks."""
    return re.sub(r"^ *### (BEGIN|END) SOLUTION\n", "", task.solution, flags=re.MULTILINE)


def secret_lines(task):
    """Return the lines that only the solution of an exercise has."""
    region = re.search(r"### BEGIN SOLUTION\n(.*?)### END", task.solution, re.S)[1]
    lines = [line.strip() for line in region.splitlines()]
    return [line for line in lines if len(line) > 15 and line not in task.body + task.stub]
