"""Checks of an instructor's own: loaded from Python files, and tested before anybody is graded."""

import base64
import copy
import importlib.util
import inspect
import sys
import zlib
from pathlib import Path

import numpy as np
from nbformat import v4

from ..exercises import Exercise
from . import wire
from .chapters import assembled, opening

__all__ = ["load_own", "own_notebook", "problems"]

TRIALS = 5
EMBED = """# What check("…") needs here: inputs, results and hints. Grading uses other inputs.
nn.exercises.add(
    {text}
)"""


def load_own(folder):
    """Return what the Python files of a folder define: from a file's name to its module.

    Files without ``EXERCISES`` are helpers, which the others may import.

    Raises
    ------
    ValueError
        If a file does not run, or an exercise would not be fair: see :func:`problems`.
    """
    folder = Path(folder).resolve()
    modules, wrong = {}, []
    sys.path.insert(0, str(folder))
    try:
        for path in sorted(folder.glob("*.py")):
            spec = importlib.util.spec_from_file_location(f"_own_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except (Exception, SystemExit) as error:
                raise ValueError(f"{path}: {type(error).__name__}: {error}") from None
            if hasattr(module, "EXERCISES"):
                modules[path.stem] = module
    finally:
        sys.path.remove(str(folder))
    for name, module in modules.items():
        own = module.EXERCISES
        if not isinstance(own, tuple) or not all(isinstance(e, Exercise) for e in own):
            raise ValueError(
                f"{folder / name}.py must define EXERCISES, a tuple of nncourse.exercises.Exercise"
            )
        wrong += [f"{name}.py, {e.name}: {text}" for e in own for text in problems(e)]
    if wrong:
        raise ValueError("these checks would not be fair:\n  " + "\n  ".join(wrong))
    if not modules:
        raise ValueError(f"no Python file in {folder} defines EXERCISES")
    return modules


def problems(exercise):
    """Return what is wrong with an exercise: its own answer and its mistakes are tried.

    Examples
    --------
    >>> problems(Exercise("odd", lambda x: x / 0, lambda rng: [(1.0,)]))
    ['the reference answer fails: ZeroDivisionError: float division by zero']
    """
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
        first = [v.message.partition("\n")[0] for v in said]
        other = [text for text in first if text != mistake.hint]
        if any(v.passed for v in said):
            found.append(f"the mistake {mistake.hint!r} passes")
        elif other:
            found.append(f"the mistake {mistake.hint!r} is told {other[0]!r}")
    return found


def own_notebook(name, module, book, only=()):
    """Return a notebook for students with statement, stub and check of each exercise.

    The check is a recording: inputs, and what the answer and each mistake make of them. No code of
    the instructor's goes along, and grading uses other inputs.
    """
    statements = getattr(module, "STATEMENTS", {})
    known = {exercise.name: exercise for exercise in module.EXERCISES}
    if unknown := (set(only) | set(statements)) - set(known):
        raise ValueError(f"{name} has no exercise {sorted(unknown)}; it has {list(known)}")
    cells = opening(getattr(module, "TITLE", name), name, book)
    for exercise in (known[each] for each in only or known):
        call = f"{exercise.name}({', '.join(inspect.signature(exercise.answer).parameters)})"
        text = statements.get(exercise.name, f"Write a function `{call}`.")
        stub = f"def {call}:\n    ...\n\n\n"
        stub += f'nn.exercises.check("{exercise.name}", {exercise.name})'
        cells += [
            v4.new_markdown_cell(f"## {exercise.name}\n\n{inspect.cleandoc(text)}"),
            v4.new_code_cell(EMBED.format(text=_wrapped(_recorded(exercise)))),
            v4.new_code_cell(stub, metadata={"nncourse": {"exercise": exercise.name}}),
        ]
    return assembled(name, cells)


def _recorded(exercise):
    """Return a recording of a check as text."""
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


def _wrapped(text, width=90):
    return "\n    ".join(f'"{text[i : i + width]}"' for i in range(0, len(text), width))
