"""What an exercise is, and how an answer to it is checked.

An answer is a function of plain data: numbers, arrays, strings, lists of these. It is run on random
inputs that are new each time and compared with the reference answer. A common mistake is stored as
*code that makes it*, together with a hint: an answer that agrees with that code gets that hint.
"""

import copy
import html
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .compare import difference

__all__ = ["Exercise", "Mistake", "Verdict"]


@dataclass(frozen=True)
class Mistake:
    """A common wrong answer.

    Parameters
    ----------
    answer : callable
        Code that makes the mistake, with the arguments of the right answer.
    hint : str
        Says where to look, not what to write.

    Examples
    --------
    >>> Mistake(lambda x: x, "Is it squared?").hint
    'Is it squared?'
    """

    answer: Callable
    hint: str


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check; a box in a notebook, plain text elsewhere.

    Examples
    --------
    >>> Verdict("square", points=0, possible=2, message="Is it squared?")
    ✗ square: Is it squared?
    >>> Verdict("square", points=2, possible=2)
    ✓ square: 2 of 2 points
    """

    exercise: str
    points: int
    possible: int
    message: str = ""

    @property
    def passed(self):
        """Whether the answer is right."""
        return self.points == self.possible

    def __bool__(self):
        return self.passed

    def __repr__(self):
        if self.passed:
            return f"✓ {self.exercise}: {self.points} of {self.possible} points"
        return f"✗ {self.exercise}: {self.message}"

    def _repr_html_(self):
        color = "#1a7f37" if self.passed else "#b35900"
        style = f"border-left: 4px solid {color}; padding: 0.4em 0.8em; margin: 0.2em 0"
        return f'<div class="nncourse-verdict" style="{style}">{html.escape(repr(self))}</div>'


def _run(function, arguments):
    try:
        return function(*arguments), arguments
    except Exception as error:
        return error, arguments


@dataclass(frozen=True)
class Exercise:
    """One graded exercise.

    Parameters
    ----------
    name : str
        Unique in the whole book.
    answer : callable
        The reference.
    cases : callable
        From a random generator to a list of argument tuples, new ones at each call. They must be
        rich enough that every mistake shows.
    mistakes : tuple of Mistake
        At least three, most specific first.
    points : int
        1 for ★, 2 for ★★, 3 for ★★★.
    tolerance : float, optional
        See :func:`~nncourse.exercises.compare.difference`.

    Examples
    --------
    >>> square = Exercise(
    ...     "square",
    ...     answer=lambda x: x * x,
    ...     cases=lambda rng: [(rng.normal(size=3),)],
    ...     mistakes=(Mistake(lambda x: 2 * x, "That doubles."),),
    ... )
    >>> square.check(lambda x: x + x)
    ✗ square: That doubles.
    >>> square.check(lambda x: x**2).passed
    True
    """

    name: str
    answer: Callable
    cases: Callable
    mistakes: tuple = ()
    points: int = 1
    tolerance: float | None = None

    def check(self, function, rng=None, *, run=_run, reveal=True):
        """Run ``function`` on new random inputs and return a :class:`Verdict`.

        ``run(function, arguments)`` returns the result, or the exception, and the arguments as they
        are afterwards. With ``reveal=False`` the message names no expected value.
        """
        message = self._what_is_wrong(function, np.random.default_rng(rng), run, reveal)
        return Verdict(self.name, 0 if message else self.points, self.points, message or "")

    def _what_is_wrong(self, function, rng, run, reveal):
        if not callable(function):
            return (
                f"expected your function itself, got {type(function).__name__}. Leave out the ()."
            )
        cases = self.cases(rng)
        received = []
        for arguments in cases:
            result, after = run(function, copy.deepcopy(arguments))
            if isinstance(result, NotImplementedError):
                return "not solved yet."
            if difference(after, arguments, tolerance=0):
                return "your function changes its input. Work on a copy, or make a new array."
            received.append(result)
        expected = [self.answer(*copy.deepcopy(arguments)) for arguments in cases]
        problems = [self._problem(r, e, reveal) for r, e in zip(received, expected, strict=True)]
        problem = next((text for text in problems if text), None)
        if problem is None:
            return None
        if all(r is None or r is Ellipsis for r in received):
            return "not solved yet: your function returns nothing."
        return self._hint(cases, received) or problem

    def _problem(self, received, expected, reveal):
        if isinstance(received, Exception):
            return f"your function stops with {type(received).__name__}: {received}"
        return difference(received, expected, tolerance=self.tolerance, reveal=reveal)

    def _hint(self, cases, received):
        """The hint of the first known mistake that gives the same results in every case."""
        for mistake in self.mistakes:
            if all(self._same(mistake, a, r) for a, r in zip(cases, received, strict=True)):
                return mistake.hint
        return None

    def _same(self, mistake, arguments, received):
        try:
            wrong = mistake.answer(*copy.deepcopy(arguments))
        except Exception as error:
            return type(received) is type(error)
        if isinstance(received, Exception):
            return False
        return difference(received, wrong, tolerance=self.tolerance) is None
