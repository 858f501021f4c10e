"""An instructor's decisions about points: lateness, extensions, and points given by hand.

They are applied to the results whenever these are written down, never stored with them: grading
again does not lose them, and taking one back needs no grading.
"""

import copy
import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .files import visible
from .roster import read_rows, squash

__all__ = ["Policy", "moment", "penalty", "read_decisions"]

NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?")


def penalty(text):
    """Return percent, and whether they are per day, from ``20`` or ``10/day``.

    Examples
    --------
    >>> penalty("20"), penalty("10/day")
    ((20.0, False), (10.0, True))
    """
    return float(text.removesuffix("/day").removesuffix("%")), text.endswith("/day")


def moment(text):
    """Return a time on this machine's clock, which platforms' names of files are taken to show.

    Examples
    --------
    >>> moment("2026-11-28 23:59")
    datetime.datetime(2026, 11, 28, 23, 59)
    """
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"expected a time such as 2026-11-28T23:59, got {text!r}") from None
    return time.astimezone().replace(tzinfo=None) if time.tzinfo else time


@dataclass
class Policy:
    """Late work loses a share of its points; what was decided by hand comes last."""

    percent: float = 0
    per_day: bool = False
    deadline: datetime | None = None
    extensions: list = field(default_factory=list)  # rows: student, until, reason
    overrides: list = field(default_factory=list)  # rows: student, exercise, points, reason

    def applied(self, one, results):
        """Return a copy of a student's results with the decisions, and the reason of each."""
        results = copy.deepcopy(results)
        extended = [row for row in self.extensions if is_meant(row["student"], one)]
        results["is_late"] = self._days_late(one.late, one.time, extended) > 0
        for name, result in results["exercises"].items():
            late = results["times"].get(result.get("notebook"), False)
            time = datetime.fromisoformat(late) if isinstance(late, str) else None
            days = self._days_late(late is True, time, extended)
            if days and self.percent and result["points"]:
                share = min(self.percent * (days if self.per_day else 1), 100)
                result["points"] = result["points"] * (100 - share) / 100
                result["why"] = [f"late: {share:g} % of its points are lost"]
            for row in self.overrides:
                if row["exercise"] == name and is_meant(row["student"], one):
                    result["points"] = row["points"]
                    result["why"] = [f"by hand: {row['reason'] or 'no reason is noted'}"]
        return results

    def _days_late(self, marked, time, extended):
        """Return how many days late something is, at least one; 0 if it is in time."""
        times = [row["until"] for row in extended]
        if extended and (not time or None in times):
            return 0
        until = max(filter(None, (self.deadline, *times)), default=None)
        if until and time:
            return max(0, math.ceil((time - until) / timedelta(days=1)))
        return int(marked)

    def unused(self, submissions):
        """Return a line for each decision that is about nobody, about several, or about no time."""
        untimed = sum(one.time is None for one in submissions) if self.deadline else 0
        lines = [("--deadline", f"{untimed} submissions tell no time")] * bool(untimed)
        for kind in ("extensions", "overrides"):
            for row in getattr(self, kind):
                count = sum(is_meant(row["student"], one) for one in submissions)
                if count != 1:
                    why = f"{visible(row['student'])!r} is the name of {count} students, not of one"
                    lines.append((f"--{kind}", why))
        return lines


def is_meant(text, one):
    """Say whether a text names a student: by id, number or name."""
    return text.strip() in (one.id, one.number) or squash(text) == squash(one.student)


def read_decisions(path, kind, exercises=()):
    """Return the rows of a CSV file of extensions or overrides.

    Raises
    ------
    ValueError
        If a column is missing, or a date, an exercise or a number of points is none.
    """
    needed = {"extensions": ["student", "until"], "overrides": ["student", "exercise", "points"]}
    header, *rows = read_rows(path) or [[]]
    header = [title.strip().casefold() for title in header]
    if missing := set(needed[kind]) - set(header):
        raise ValueError(f"{path} needs the columns {needed[kind]}; {sorted(missing)} missing")
    empty, found = dict.fromkeys([*header, "reason"], ""), []
    for line, row in enumerate(rows, 2):
        row = empty | dict(zip(header, map(str.strip, row), strict=False))
        try:
            if kind == "extensions":
                row["until"] = moment(row["until"]) if row["until"] else None
            elif any(row.values()):
                if row["exercise"] not in exercises or not NUMBER.fullmatch(row["points"]):
                    raise ValueError(f"expected one of {list(exercises)} and points from 0")
                row["points"] = float(row["points"].replace(",", "."))
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from None
        found += [row] * any(row.values())
    return found
