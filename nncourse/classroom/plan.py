"""What is graded: the chapters that were handed in, their exercises, and checks of one's own."""

import re
import textwrap
from collections import Counter

from ..exercises import all_exercises
from ..exercises.tasks import find_book, graded_names
from .own import for_student

__all__ = ["Plan", "defined", "make_plan"]

DEFINED = re.compile(r"^(?:>>> )?(?:(?:async +)?(?:def|class) +(\w+)|(\w+) *=(?!=))", re.MULTILINE)


class Plan:
    """What is graded.

    ``points`` are by chapter and name. ``checks`` has for each name the list of its criteria: pairs
    (label, exercises). Each criterion has its own points, those of its first exercise; an answer
    must pass all of its exercises. An exercise is known by its module, "" for the book's, and its
    name or its number there. ``modules`` are the instructor's own.
    """

    def __init__(self, checks, points, modules):
        self.checks, self.points, self.modules = checks, points, modules
        own = [name for name, found in checks.items() for _, keys in found if any(dict(keys))]
        self.own = set(own)

    def exercise(self, key, variant=None):
        """Return an exercise of the book, or of the instructor's own: in a student's variant."""
        title, which = key
        if not title:
            return all_exercises()[which]
        module = self.modules[title]
        return (for_student(module, variant) if variant else module).EXERCISES[which]

    def rounds(self, job):
        """Return the checks to run together: the first criterion of each, then the next ones."""
        found = [{} for _ in range(max(len(self.checks[name]) for name in job.names))]
        for name in job.names:
            for checks, (_, keys) in zip(found, self.checks[name], strict=False):
                checks[name] = [self.exercise(key, job.variant) for key in keys]
        return found


def defined(cells):
    r"""Return the names that cells define at the left margin.

    Examples
    --------
    >>> sorted(defined(["def f(x):\\n    y = 1", "# def g(x):", "h = f"]))
    ['f', 'h']
    """
    return {a or b for cell in cells for a, b in DEFINED.findall(textwrap.dedent(cell))}


def make_plan(options, own, notebooks):
    """Return the plan, and what was seen but is not graded.

    Parameters
    ----------
    options : namespace
        ``chapter`` and ``exercise``: lists of names, empty for what was handed in.
    own : dict
        Modules with checks of the instructor's own, by name.
    notebooks : callable
        Returns, for each student, a list with the set of names that each notebook defines. It is
        called only if no chapter is given.
    """
    known, book = all_exercises(), find_book()
    names = {path.stem: graded_names(path) for path in sorted(book.glob("[0-9]*.ipynb"))}
    if unknown := set(options.chapter) - set(names):
        raise ValueError(f"there is no chapter {sorted(unknown)}; there are {list(names)}")
    wanted, remarks = options.chapter, []
    if not wanted:
        wanted, remarks = _handed_in(names, list(notebooks()))
    points = {c: {n: known[n].points for n in names[c]} for c in wanted}
    checks = {name: {"": [("", name)]} for chapter in points.values() for name in chapter}
    for title, module in own.items():
        for i, exercise in enumerate(module.EXERCISES):
            name, _, label = exercise.name.partition(".")
            criteria = checks.setdefault(name, {})
            if label not in criteria:
                where = next((c for c, names in points.items() if name in names), title)
                worth = points.setdefault(where, {})
                worth[name] = worth.get(name, 0) + exercise.points
            criteria.setdefault(label, []).append((title, i))
    checks = {name: list(criteria.items()) for name, criteria in checks.items()}
    if missing := set(options.exercise) - set(checks):
        raise ValueError(f"there is no exercise {sorted(missing)}; there are {list(checks)}")
    chosen = options.exercise or list(checks)
    points = {c: {n: p for n, p in names.items() if n in chosen} for c, names in points.items()}
    points = {chapter: names for chapter, names in points.items() if names}
    if not points:
        raise ValueError("these notebooks answer no exercise of the book; name it: --chapter NAME")
    checks = {name: checks[name] for names in points.values() for name in names}
    return Plan(checks, points, own), remarks


def _handed_in(names, students):
    """Return the chapters that enough students answer, and remarks on those that few do.

    A notebook answers the chapter of which it defines the most names, so that a helper with the
    name of another chapter's exercise counts for nothing. One student alone decides nothing.
    """
    counts = Counter()
    for notebooks in students:
        answered = set()
        for words in notebooks:
            found = {c: len(words.intersection(graded)) for c, graded in names.items()}
            answered |= {c for c, count in found.items() if 0 < count == max(found.values())}
        counts.update(answered)
    enough = max(len(students) / 5, min(2, len(students)))
    wanted = [c for c in names if counts[c] >= enough]
    few = [
        f"{c} is not graded: {counts[c]} of {len(students)} students answer it (--chapter {c})"
        for c in names
        if 0 < counts[c] < enough
    ]
    return wanted, few
