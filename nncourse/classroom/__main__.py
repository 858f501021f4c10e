"""Hand out exercises, and grade what comes back, safely."""

import argparse
import contextlib
import math
import os
import sys
import traceback
from pathlib import Path

from .command import grade_class, release
from .policy import moment, penalty
from .sandbox import SandboxError
from .writing import write


def _expected(what, convert, allowed=lambda value: True):
    """Return what argparse calls to read an argument."""

    def read(text):
        with contextlib.suppress(ValueError):
            if allowed(value := convert(text)):
                return value
        raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}")

    return read


FOLDER = _expected("a folder", Path, Path.is_dir)
OUTPUT = _expected("a folder", Path, lambda path: path.is_dir() or not path.exists())
FILE = _expected("a file", Path, Path.is_file)
PENALTY = _expected("20 or 10/day (percent)", penalty, lambda found: 0 <= found[0] <= 100)
TIME = _expected("a time such as 2026-11-28T23:59", moment)
NATURAL = _expected("a whole number of at least 0", int, lambda number: number >= 0)
COUNT = _expected("a whole number of at least 1", int, lambda number: number >= 1)
ADDRESS = _expected("an address such as tcp://10.0.0.1:8786", str, lambda text: "://" in text)
SECONDS = _expected("a positive number of seconds", float, lambda number: 0 < number < math.inf)


def _parser():
    parser = argparse.ArgumentParser("python -m nncourse.classroom", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("release", help="write notebooks for students, without solutions")
    one.set_defaults(run=release)
    one.add_argument("chapter", nargs="+", help="for example 04_backpropagation")
    one.add_argument("--format", choices=("student", "nbgrader"), default="student")
    two = commands.add_parser("grade", help="grade a folder of notebooks")
    two.set_defaults(run=grade_class)
    two.add_argument("submissions", type=Path, help="a download of your learning platform")
    two.add_argument("--chapter", action="append", default=[], help="default: those handed in")
    for each in (one, two):
        each.add_argument("-o", "--output", type=OUTPUT, required=True, help="folder to write to")
        each.add_argument("--exercise", action="append", default=[], help="only this; repeatable")
        own = "your own checks: Python files, some of which define EXERCISES"
        each.add_argument("--extra-checks", type=FOLDER, metavar="DIR", help=own)
        each.add_argument("--roster", type=FILE, metavar="CSV", help="the class")
        seed = "fixes the inputs, and each student's variant; default: new, and kept"
        each.add_argument("--seed", type=NATURAL, help=seed)
    add = two.add_argument
    add("--layout", choices=("folders", "files"), help="each of these is a student's")
    add("--column", default="", help="column of the roster that takes the points: upload.csv")
    add("--late-penalty", type=PENALTY, default=(0, False), metavar="PERCENT[/day]", help="if late")
    add("--deadline", type=TIME, metavar="TIME", help="where names of files tell times")
    add("--extensions", type=FILE, metavar="CSV", help="columns student, until")
    add("--overrides", type=FILE, metavar="CSV", help="columns student, exercise, points, reason")
    add("--similar", action="store_true", help="list answers that look alike: similar.html")
    add("--regrade", action="append", default=[], metavar="EXERCISE", help="once more; repeatable")
    add("--own-inputs", action="store_true", help="other inputs for each student and version")
    add("--jobs", type=COUNT, default=os.cpu_count() or 1, help="at the same time")
    add("--cluster", type=ADDRESS, metavar="ADDRESS", help="a Dask cluster that grades")
    add("--cell-seconds", type=SECONDS, default=10, help="for one cell; half of it for a call")
    add("--total-seconds", type=SECONDS, default=300, help="for a whole submission")
    risk = "run students' code with all your rights (only if you trust every line)"
    add("--unsafe-no-sandbox", action="store_true", help=risk)
    return parser


def main(arguments=None):
    """Run the command line; return the exit code.

    0: all is well. 1: done, but something was not understood. 2: refused. 130: stopped.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError, SandboxError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
    except Exception as error:
        path = options.output / "error.txt"
        write(path, traceback.format_exc())
        print(f"{options.command}: {type(error).__name__}: {error}; see {path}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
