"""Hand out exercises, and grade what comes back, safely."""

import argparse
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path

from .command import grade_class, release
from .policy import penalty
from .sandbox import SandboxError
from .writing import write


def _folder(text):
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return Path(text)


def _penalty(text):
    try:
        return penalty(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected 20 or 10/day (percent), got {text!r}") from None


def _time(text):
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        why = f"expected a time such as 2026-11-28T23:59, got {text!r}"
        raise argparse.ArgumentTypeError(why) from None


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
    two.add_argument("submissions", type=Path, help="a download of your learning platform")
    two.add_argument("--chapter", action="append", default=[], help="default: those handed in")
    for each in (one, two):
        each.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")
        each.add_argument("--exercise", action="append", default=[], help="only this; repeatable")
        own = "your own checks: Python files, some of which define EXERCISES"
        each.add_argument("--extra-checks", type=_folder, metavar="DIR", help=own)
    add = two.add_argument
    add("--layout", choices=("folders", "files"), help="each of these is a student's")
    add("--roster", type=Path, metavar="CSV", help="the class: says who is missing")
    add("--column", default="", help="column of the roster that takes the points: upload.csv")
    add(
        "--late-penalty", type=_penalty, default=(0, False), metavar="PERCENT[/day]", help="if late"
    )
    add("--deadline", type=_time, metavar="TIME", help="where names of files tell times")
    add("--extensions", type=Path, metavar="CSV", help="columns student, until")
    add("--overrides", type=Path, metavar="CSV", help="columns student, exercise, points, reason")
    add("--similar", action="store_true", help="list answers that look alike: similar.html")
    add("--regrade", action="append", default=[], metavar="EXERCISE", help="once more; repeatable")
    add("--seed", type=_natural, help="fixes the inputs; default: new, and kept")
    add(
        "--own-inputs", action="store_true", help="other inputs for each, new ones for each version"
    )
    add("--jobs", type=_count, default=os.cpu_count() or 1, help="at the same time")
    add("--cell-seconds", type=_seconds, default=10, help="for one cell; half of it for a call")
    add("--total-seconds", type=_seconds, default=300, help="for a whole submission")
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
