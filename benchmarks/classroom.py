"""A class of made-up notebooks, graded: how long it takes, and how much memory.

    python benchmarks/classroom.py 400

Each answers four exercises; one in ten has an endless loop in one of them. The memory is that of
all processes together, those in sandboxes included, sampled several times a second: each page that
several share counts once (Linux's proportional set size). Run it alone.
"""

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from _measure import keep

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


def family():
    """Return the numbers of this process and of all below it."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (
                (process / "stat")
                .read_text(encoding="utf-8", errors="replace")
                .rpartition(")")[2]
                .split()
            )
        except OSError:  # it has ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(process.name))
    found = [os.getpid()]
    for number in found:
        found += parents.get(number, [])
    return found


def memory():
    """Return the bytes that all these processes hold, and how many could not be read."""
    total, unread = 0, 0
    for number in family():
        try:
            text = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii")
            total += sum(int(x.split()[1]) for x in text.splitlines() if x.startswith("Pss:"))
        except PermissionError:  # another user's: that needs root
            unread += 1
        except OSError:  # it has ended
            pass
    return total * 1024, unread


class Peak(threading.Thread):
    """Keeps the largest memory that it has seen."""

    def __init__(self):
        super().__init__(daemon=True)
        self.largest, self.unread, self.samples, self.over = 0, 0, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            total, unread = memory()
            self.largest, self.samples = max(self.largest, total), self.samples + 1
            self.unread = max(self.unread, unread)


if __name__ == "__main__":
    students = next((int(text) for text in sys.argv[1:] if text.isdecimal()), 40)
    with tempfile.TemporaryDirectory() as folder:
        submissions, out = Path(folder, "submissions"), Path(folder, "grades")
        submissions.mkdir()
        only = [f"--exercise={name}" for name in hand_in(submissions, students)]
        start, peak = time.perf_counter(), Peak()
        peak.start()
        arguments = ["grade", str(submissions), "-o", str(out), "--chapter", CHAPTER, *only]
        code = main([*arguments, "--jobs", "2", "--seed", "1"])
        seconds = time.perf_counter() - start
        peak.over.set()
    unread = f"; without {peak.unread} processes that only root can read" if peak.unread else ""
    megabytes = f"{peak.largest / 1e6:.0f} MB{unread}"
    print(f"{students} notebooks with 4 answers each: {seconds:.0f} s, {megabytes}; exit {code}")
    keep("numbers", f"{students} notebooks with 4 answers each: seconds", seconds)
    keep("numbers", f"{students} notebooks with 4 answers each: megabytes", peak.largest / 1e6)
