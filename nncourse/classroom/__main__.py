"""Hand out exercises, and grade what comes back, safely."""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from tqdm.auto import tqdm

from ..exercises import Exercise, all_exercises
from . import chapters, reports
from .grading import grade
from .sandbox import Sandbox, SandboxError
from .submissions import find, load


def release(options):
    """Write the student notebook, or the source notebook for nbgrader, of each chapter."""
    book = chapters.find_book()
    source = options.format == "nbgrader"
    make = chapters.nbgrader_notebook if source else chapters.student_notebook
    for name, notebook in {n: make(n, book, options.exercise) for n in options.chapter}.items():
        path = options.output / (name if source else "") / f"{name}.ipynb"
        nbformat.validate(notebook)
        reports.write(path, nbformat.writes(notebook) + "\n")
        print(path)


def grade_class(options):
    """Grade all submissions; write gradebook, feedback and report."""
    submissions = [(one, *load(one)) for one in find(options.submissions)]
    checks, points = _what_to_check(options, [cells for _, cells, _ in submissions])
    seed = _seed(options)
    print(f"{len(submissions)} submissions of {', '.join(points)}, --seed {seed}")
    results = {}
    with Sandbox(unsafe=options.unsafe_no_sandbox) as sandbox:
        work = _Work(options, checks, seed, sandbox)
        with ThreadPoolExecutor(options.jobs) as pool:
            pending = {pool.submit(work.graded, *each): each[0].id for each in submissions}
            try:
                for done in tqdm(as_completed(pending), total=len(pending), unit="submission"):
                    results[pending[done]] = done.result()
            except KeyboardInterrupt:
                print("stopped; the same command goes on where this one ended", file=sys.stderr)
                return 130
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                sandbox.stop()
    graded = [(one, results[one.id]) for one, _, _ in submissions]
    for one, result in graded:
        reports.write(options.output / "feedback" / f"{one.id}.html", reports.feedback(one, result))
    reports.write(options.output / "gradebook.csv", reports.gradebook(graded, points))
    reports.write(options.output / "details.csv", reports.details(graded, points))
    reports.write(options.output / "report.html", reports.class_report(graded, points, seed))
    print(f"{options.output}: gradebook.csv, details.csv, report.html, feedback/")
    return 0


class _Work:
    """Grades, unless the same was graded before: seed, checks, notebook and this package."""

    def __init__(self, options, checks, seed, sandbox):
        self.folder, self.checks, self.sandbox = options.output / "results", checks, sandbox
        self.settings = {"seed": seed, "cell_seconds": options.cell_seconds}
        self.printed = chapters.printed(chapters.find_book())
        self.same = hashlib.sha256(repr((self.settings, list(checks))).encode())
        for path in sorted(Path(__file__).parents[1].rglob("*.py")) + options.extra_checks:
            self.same.update(path.read_bytes())

    def graded(self, one, cells, remarks):
        """Return the results of a submission."""
        digest = hashlib.sha256(self.same.digest() + repr((cells, remarks)).encode()).hexdigest()
        kept = _read(self.folder / f"{one.id}.json")
        if isinstance(kept, dict) and kept.get("digest") == digest:
            return kept["results"]
        settings = self.settings | {"printed": self.printed}
        results = grade(cells, self.checks, self.sandbox, **settings)
        results["notes"] = remarks + results["notes"]
        text = json.dumps({"digest": digest, "results": results})
        reports.write(self.folder / f"{one.id}.json", text)
        return results


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _seed(options):
    """Return the seed that is asked for, or that of the run that is continued, or a new one."""
    path = options.output / "seed.json"
    seed = _read(path) if options.seed is None else options.seed
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    reports.write(path, json.dumps(seed))
    return seed


def _what_to_check(options, submissions):
    """Return the exercises by name, and the points by chapter and name."""
    known, book = all_exercises(), chapters.find_book()
    names = {path.stem: chapters.graded_names(path) for path in sorted(book.glob("[0-9]*.ipynb"))}
    if unknown := set(options.chapter) - set(names):
        raise ValueError(f"there is no chapter {sorted(unknown)}; there are {list(names)}")
    if not (wanted := options.chapter):  # those that at least every fifth student mentions
        answers = re.compile(r"(?:def |check\([\"'])(\w+)")
        words = [set(answers.findall("\n".join(cells))) for cells in submissions]
        shares = {c: sum(not said.isdisjoint(names[c]) for said in words) for c in names}
        wanted = [chapter for chapter, count in shares.items() if 5 * count >= len(words)]
    points = {c: {n: known[n].points for n in names[c]} for c in wanted}
    checks = {name: [known[name]] for chapter in points.values() for name in chapter}
    for path in options.extra_checks:
        for exercise in _private(path):
            if exercise.name not in checks:
                points.setdefault(path.stem, {})[exercise.name] = exercise.points
            checks.setdefault(exercise.name, []).append(exercise)
    if missing := set(options.exercise) - set(checks):
        raise ValueError(f"there is no exercise {sorted(missing)}; there are {list(checks)}")
    chosen = options.exercise or list(checks)
    points = {c: {n: p for n, p in names.items() if n in chosen} for c, names in points.items()}
    points = {chapter: names for chapter, names in points.items() if names}
    if not points:
        raise ValueError("these notebooks answer no exercise of the book; name it: --chapter NAME")
    return {name: checks[name] for names in points.values() for name in names}, points


def _private(path):
    """Return the exercises that an instructor's own file defines."""
    spec = importlib.util.spec_from_file_location(f"_private_{path.stem}", path)
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    exercises = getattr(module, "EXERCISES", None)
    if not isinstance(exercises, tuple) or not all(isinstance(e, Exercise) for e in exercises):
        raise ValueError(f"{path} must define EXERCISES, a tuple of nncourse.exercises.Exercise")
    return exercises


def _python_files(folder):
    if not (found := sorted(Path(folder).glob("*.py"))):
        raise argparse.ArgumentTypeError(f"there are no Python files in {folder}")
    return found


def _natural(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds, got {text!r}")
    return seconds


def _parser():
    parser = argparse.ArgumentParser("python -m nncourse.classroom", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("release", help="write notebooks for students, without solutions")
    one.set_defaults(run=release)
    one.add_argument("chapter", nargs="+", help="for example 04_backpropagation")
    one.add_argument("--format", choices=("student", "nbgrader"), default="student")
    two = commands.add_parser("grade", help="grade a folder of notebooks")
    two.set_defaults(run=grade_class)
    two.add_argument("submissions", type=Path, help="folder from Canvas, Moodle, nbgrader or you")
    two.add_argument("--chapter", action="append", default=[], help="default: those handed in")
    for each in (one, two):
        each.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")
        each.add_argument("--exercise", action="append", default=[], help="only this; repeatable")
    own = "your own checks: Python files that define EXERCISES"
    two.add_argument("--extra-checks", type=_python_files, default=[], metavar="DIR", help=own)
    two.add_argument("--seed", type=_natural, help="fixes the inputs; default: new, and kept")
    two.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, help="at the same time")
    two.add_argument(
        "--cell-seconds", type=_seconds, default=10, help="time for a cell or exercise"
    )
    risk = "run students' code with all your rights (only if you trust every line)"
    two.add_argument("--unsafe-no-sandbox", action="store_true", help=risk)
    return parser


def main(arguments=None):
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (ValueError, SandboxError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
