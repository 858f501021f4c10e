"""What an exercise is, and how an answer to it is checked.

An answer is a function of plain data: numbers, arrays, strings, lists of these. It is run on random
inputs that are new each time and compared with the reference answer. A common mistake is stored as
*code that makes it*, together with a hint: an answer that agrees with that code gets that hint.
"""

import copy
import html
import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .as_if import as_if
from .calling import TimeUp, called, plain, where
from .compare import difference, few_values, finite, numbers, other_parts, tells
from .diagnoses import diagnosis, vague
from .examples import call_text, changed, literal, rounded, rows, size
from .one_change import one_change, two_slips

__all__ = ["Exercise", "Mistake", "Verdict"]

_SECONDS = 10  # for one call in a notebook
_Trial = namedtuple("_Trial", "arguments received expected problem")


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
        style = f"border-left: 4px solid {color}; padding: 0.4em 0.8em; margin: 0.2em 0; "
        style += "white-space: pre-wrap"
        return f'<div class="nncourse-verdict" style="{style}">{html.escape(repr(self))}</div>'


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
    without : tuple of str
        Ready-made functions that are not there while an answer is judged, because they would be the
        answer: see :func:`~nncourse.exercises.calling.absent`. The statement says so, too.

    Examples
    --------
    >>> square = Exercise(
    ...     "square",
    ...     answer=lambda x: x * x,
    ...     cases=lambda rng: [(rng.normal(size=3),)],
    ...     mistakes=(Mistake(lambda x: 2 * x, "That doubles."),),
    ... )
    >>> square.check(lambda x: x + x, 0)
    ✗ square: That doubles.
    For example, square(np.array([0.13, -0.13, 0.64])) should give
    np.array([0.0169, 0.0169, 0.4096]), but gives np.array([0.26, -0.26, 1.28]).
    >>> square.check(lambda x: x**2).passed
    True
    """

    name: str
    answer: Callable
    cases: Callable
    mistakes: tuple = ()
    points: int = 1
    tolerance: float | None = None
    without: tuple = ()

    def check(self, function, rng=None, *, run=None, reveal=True):
        """Run ``function`` on new random inputs and return a :class:`Verdict`.

        ``run(function, arguments)`` returns the result, or the exception, and the arguments as they
        are afterwards. With ``reveal=False`` the message says nothing about what is expected.
        """
        rng, run = np.random.default_rng(rng), run or self._run
        message = self._what_is_wrong(function, rng, run, reveal)
        return Verdict(self.name, 0 if message else self.points, self.points, message or "")

    def _run(self, function, arguments):
        return called(function, arguments, without=self.without, seconds=_SECONDS), arguments

    def _what_is_wrong(self, function, rng, run, reveal):
        if not callable(function):
            kind = type(function).__name__
            return f"expected your function itself, got {kind}. Leave out the ()."
        trials = []
        for arguments in self.cases(rng):
            trial, after = self._trial(function, arguments, run, reveal)
            if isinstance(trial.received, NotImplementedError):
                return "not solved yet."
            if isinstance(trial.received, TimeUp):
                said = (
                    f"your function was stopped: {trial.received}. Does every loop come to an end?"
                )
                return "\n".join([said, self._example(trial, reveal)])
            if difference(after, arguments, tolerance=0):
                which = changed(self.answer, arguments, after)
                said = (
                    f"your function changes its input{which}. Work on a copy, or make a new array."
                )
                return f"{said}\nIt was {call_text(self.name, arguments)}."
            trials.append(trial)
        failing = [trial for trial in trials if trial.problem]
        if not failing:
            return None
        if all(t.received is None or t.received is Ellipsis for t in trials):
            prints = "print" in getattr(getattr(function, "__code__", None), "co_names", ())
            more = " It prints: that shows a result, but hands nothing back." if prints else ""
            return f"not solved yet: your function returns nothing.{more}"
        passing = [trial for trial in trials if not trial.problem]
        hint = self._hint(failing, passing) or self._general(failing, trials, reveal)
        smallest = self._smallest(function, failing, run, reveal)
        form = "should have shape", "should be a sequence of", "keys", "should be one number"
        if not hint and reveal and any(words in smallest.problem for words in form):
            hint = f"{smallest.problem}."
        return "\n".join(filter(None, [hint, self._example(smallest, reveal)]))

    def _trial(self, function, arguments, run, reveal):
        received, after = run(function, copy.deepcopy(arguments))
        expected = self.answer(*copy.deepcopy(arguments))
        if isinstance(received, Exception):
            problem = f"it stops with {type(received).__name__}: {received}"
        else:
            problem = difference(received, expected, tolerance=self.tolerance, reveal=reveal)
        return _Trial(arguments, received, expected, problem), after

    def _smallest(self, function, failing, run, reveal):
        """Return the failing case with the fewest numbers, made smaller if it can be."""
        best = min(failing, key=lambda trial: size(trial.arguments))
        for smaller in (rows, lambda arguments: [rounded(arguments)]):
            for arguments in smaller(best.arguments):
                try:
                    with np.errstate(all="ignore"):
                        trial, _ = self._trial(function, arguments, run, reveal)
                except Exception:
                    continue  # the reference does not take it
                same = type(trial.received) is type(best.received)
                if trial.problem and same and finite(trial.expected):
                    best = trial
                    break
        return best

    def _example(self, trial, reveal):
        """Say what was called, what should come out, and what does."""
        call = call_text(self.name, trial.arguments)
        if isinstance(trial.received, TimeUp):
            return f"It was {call}."
        if isinstance(trial.received, Exception):
            return f"For example, {call} {trial.problem.removeprefix('it ')}"
        if not reveal:
            return trial.problem
        expected, received = literal(trial.expected), literal(plain(trial.received))
        if expected == received or "<" in expected + received:
            return f"For example, in {call}, {trial.problem}."
        return f"For example, {call} should give\n{expected}, but gives {received}."

    def _general(self, failing, trials, reveal):
        """Return what can be said without knowing the exercise."""
        errors = [t.received for t in failing if isinstance(t.received, Exception)]
        if errors:
            if "not there while your answer is judged" in str(errors[0]):
                return f"{errors[0]}."
            place = getattr(errors[0], "place", None) or where(errors[0])
            said = f"your function stops with {type(errors[0]).__name__}: {errors[0]}"
            return f"{said}\nin {place}" if place else said
        if any(t.received is None for t in trials):
            return (
                "your function returns nothing in some cases. Does every branch end with a return?"
            )
        found = diagnosis([trial[:3] for trial in failing]) if reveal else ""
        if found and not vague(found):
            return found
        looks = (one_change, self.answer), (as_if, self.answer), (two_slips, self.mistakes)
        slips = (look(known, trials, self.tolerance) for look, known in looks)
        return next(filter(None, slips), found)

    def _hint(self, failing, passing):
        """Return the hint that explains most failing cases: half of them, and at least two.

        Of two that explain as many, the one that gives right results where the answer does. Whole
        numbers and errors agree by chance: if nothing else does, all cases must.
        """
        best, most = "", (0, 0)
        for mistake in self.mistakes:
            explained = [self._explains(mistake, trial) for trial in failing]
            count = np.count_nonzero(explained)
            if 2 * count >= len(failing) and (count >= 2 or all(explained)):
                also = sum(self._explains(mistake, trial) == 1 for trial in passing)
                every = sum(explained) + also == len(failing) + len(passing)
                telling = (_telling(t) for t, half in zip(failing, explained, strict=True) if half)
                if not every and not any(telling):
                    continue
                if (score := (sum(explained), also)) > most:
                    best, most = mistake.hint, score
        return best

    def _explains(self, mistake, trial):
        """Return 1 if a mistake gives just this result, 1/2 if it explains half of its errors."""
        try:
            with np.errstate(all="ignore"):
                wrong = mistake.answer(*copy.deepcopy(trial.arguments))
        except Exception as error:
            return int(type(trial.received) is type(error))
        if isinstance(trial.received, Exception):
            return 0
        received, wrong = plain(trial.received), plain(wrong)
        if difference(received, wrong, tolerance=self.tolerance) is None:
            return 1
        praises = re.search(r"\bright\b", mistake.hint, re.IGNORECASE)
        if other_parts(received, wrong, trial.expected, right=praises, tolerance=self.tolerance):
            return 0
        return self._alike(received, wrong, trial.expected) / 2

    def _alike(self, received, wrong, expected):
        """Say whether two results agree in at least half of what is wrong with the first."""
        parts = (received, wrong, expected)
        if (
            all(isinstance(part, (tuple, list)) for part in parts)
            and len(set(map(len, parts))) == 1
        ):
            triples = [t for t in zip(*parts, strict=True) if difference(t[0], t[2])]
            alike = [
                not few_values(e) and (not difference(r, w) or self._alike(r, w, e))
                for r, w, e in triples
            ]
            return any(alike) and 2 * sum(alike) >= len(alike)
        r, w, e = map(numbers, parts)
        if (
            any(x is None for x in (r, w, e))
            or e.dtype.kind != "f"
            or not r.size == w.size == e.size
        ):
            return False
        r, w, e = (x.ravel().astype(float) for x in (r, w, e))
        with np.errstate(invalid="ignore"):
            at = np.isfinite(r) & np.isfinite(w) & (np.abs(r - e) > 1e-9)
        several = np.unique(w[at]).size >= 2
        return several and difference(r[at], w[at], tolerance=self.tolerance) is None


def _telling(trial):
    """Say whether a wrong result is unlikely to come from another mistake: text, or a fraction."""
    return not isinstance(trial.received, Exception) and tells(plain(trial.received))
