"""A check that travels with a notebook: inputs, and the results that are right or known mistakes.

Instructors embed it where students have no code of theirs; it holds data only.
"""

import base64
import builtins
import copy
import io
import zlib

import numpy as np

from . import wire
from .core import Exercise, Mistake

__all__ = ["record", "recorded"]

TRIALS = 5


def record(exercise):
    """Return a recording of a check as text: what its answer and each mistake make of some inputs.

    Examples
    --------
    >>> square = Exercise("square", lambda x: x * x, lambda rng: [(rng.normal(),)])
    >>> recorded(record(square)).check(lambda x: x**2).passed
    True
    """
    generators = [np.random.default_rng([7, trial]) for trial in range(TRIALS)]
    cases = [tuple(case) for generator in generators for case in exercise.cases(generator)]
    answers = [exercise.answer, *(mistake.answer for mistake in exercise.mistakes)]
    data = {
        "name": exercise.name,
        "points": exercise.points,
        "tolerance": exercise.tolerance,
        "cases": cases,
        "hints": [mistake.hint for mistake in exercise.mistakes],
        "results": [[_result(answer, case) for case in cases] for answer in answers],
    }
    return base64.b64encode(zlib.compress(wire.pack(data), 9)).decode()


def _result(answer, arguments):
    try:
        return {"is": answer(*copy.deepcopy(arguments))}
    except Exception as error:
        return {"raises": type(error).__name__, "says": str(error)}


def recorded(text):
    """Return the :class:`Exercise` in a recording that ``nncourse.classroom release`` has made.

    Raises
    ------
    ValueError
        If the text is damaged.

    Examples
    --------
    >>> recorded("eA==")
    Traceback (most recent call last):
    ...
    ValueError: this recording of a check is damaged: ...
    """
    try:
        data = wire.unpack(io.BytesIO(zlib.decompress(base64.b64decode(text))).read)
        right, *wrong = (_playback(data["cases"], results) for results in data["results"])
        mistakes = tuple(map(Mistake, wrong, data["hints"]))
        return Exercise(
            data["name"],
            right,
            lambda rng: list(data["cases"]),
            mistakes,
            data["points"],
            data["tolerance"],
        )
    except (ValueError, KeyError, TypeError, zlib.error, wire.WireError) as error:
        raise ValueError(f"this recording of a check is damaged: {error}") from None


def _playback(cases, results):
    """Return a function that knows its results for these cases only."""
    known = dict(zip(map(wire.pack, cases), results, strict=True))

    def answer(*arguments):
        result = known[wire.pack(arguments)]
        if "raises" in result:
            raise getattr(builtins, result["raises"], Exception)(result["says"])
        return result["is"]

    return answer
