"""Try an exercise before students do: its own answer, and the mistakes that it knows."""

import copy
import keyword
from dataclasses import replace

import numpy as np

from . import wire

__all__ = ["problems"]

TRIALS = 5


def problems(exercise):
    """Return what is wrong with an exercise, a list of sentences that is empty if all is well.

    The reference must be right, and each mistake must be told its own hint, on several inputs.

    Examples
    --------
    >>> from nncourse.exercises import Exercise
    >>> problems(Exercise("odd", lambda x: x / 0, lambda rng: [(1.0,)]))
    ['the reference answer fails: ZeroDivisionError: float division by zero']
    """
    function = exercise.name.partition(".")[0]
    if not function.isidentifier() or keyword.iskeyword(function):
        return [f"no function can be called {function!r}"]
    exercise = replace(exercise, without=())  # the reference may use what answers may not
    try:
        cases = exercise.cases(np.random.default_rng(0))
        if not cases:
            return ["it has no case"]
        answers = [exercise.answer(*copy.deepcopy(case)) for case in cases]
        wire.pack([tuple(case) for case in cases])
        if all(answer is None for answer in answers):
            return ["the reference answer fails: it returns nothing"]
        verdicts = [exercise.check(exercise.answer, seed) for seed in range(TRIALS)]
        failed = [v.message for v in verdicts if not v.passed]
    except Exception as error:
        return [f"the reference answer fails: {type(error).__name__}: {error}"]
    if failed:
        return [f"the reference answer fails: {failed[0]}"]
    found = []
    for mistake in exercise.mistakes:
        said = [exercise.check(mistake.answer, seed) for seed in range(TRIALS)]
        first = [v.message.partition("\n")[0] for v in said]  # an example may follow
        other = [text for text in first if text != mistake.hint]
        if any(v.passed for v in said):
            found.append(f"the mistake {mistake.hint!r} passes")
        elif other:
            found.append(f"the mistake {mistake.hint!r} is told {other[0]!r}")
    return found
