"""A class of made-up notebooks, graded: how long it takes.

    python benchmarks/classroom.py 400

Each answers four exercises; one in ten has an endless loop in one of them.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from nncourse.classroom.__main__ import main
from nncourse.exercises.tasks import read, tasks

BOOK = Path(__file__).resolve().parents[1] / "book"
CHAPTER = "01_neurons"
LOOP = "def {name}(*arguments):\n    while True:\n        pass"


def hand_in(folder, count):
    """Write as many notebooks as there are students."""
    graded = [task for task in tasks(read(CHAPTER, BOOK)) if task.name][:4]
    answers = {task.name: task.solution.replace("### BEGIN SOLUTION", "") for task in graded}
    for i in range(count):
        cells = list(answers.values())
        if i % 10 == 0:
            cells[i // 10 % 4] = LOOP.format(name=list(answers)[i // 10 % 4])
        code = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
        book = {"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path = folder / f"student{i:03}_{i + 1}_{i + 1}_work.ipynb"
        path.write_text(json.dumps(book), encoding="utf-8")
    return list(answers)


if __name__ == "__main__":
    students = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        submissions, out = Path(folder, "submissions"), Path(folder, "grades")
        submissions.mkdir()
        only = [f"--exercise={name}" for name in hand_in(submissions, students)]
        start = time.perf_counter()
        arguments = ["grade", str(submissions), "-o", str(out), "--chapter", CHAPTER, *only]
        code = main([*arguments, "--jobs", "2", "--seed", "1"])
        seconds = time.perf_counter() - start
    print(f"{students} notebooks with 4 answers each: {seconds:.0f} s; exit {code}")
