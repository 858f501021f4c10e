"""Checks of an instructor's own: loaded from Python files, and tested before anybody is graded."""

import importlib.util
import inspect
import sys
from pathlib import Path

from nbformat import v4

from ..exercises import Exercise
from ..exercises.recorded import record
from ..exercises.trial import problems
from .chapters import assembled, opening

__all__ = ["load_own", "own_notebook"]

COMMENT = '# What check("…") needs here: inputs, results and hints. Grading uses other inputs.\n'
EMBED = "nn.exercises.add(\n    {text}\n)"


def load_own(folder):
    """Return what the Python files of a folder define: from a file's name to its module.

    Files without ``EXERCISES`` are helpers, which the others may import.

    Raises
    ------
    ValueError
        If a file does not run, or an exercise is unfair: see :mod:`nncourse.exercises.trial`.
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


def own_notebook(name, module, book, only=()):
    """Return a notebook for students with statement, stub and check of each exercise.

    The check is a recording: inputs, and what the answer and each mistake make of them. No code of
    the instructor's goes along, and grading uses other inputs.
    """
    statements, known = getattr(module, "STATEMENTS", {}), {}
    for exercise in module.EXERCISES:
        known.setdefault(exercise.name.partition(".")[0], []).append(exercise)
    if unknown := (set(only) | set(statements)) - set(known):
        raise ValueError(f"{name} has no exercise {sorted(unknown)}; it has {list(known)}")
    cells = opening(getattr(module, "TITLE", name), name, book)
    for function in only or known:
        arguments = ", ".join(inspect.signature(known[function][0].answer).parameters)
        text = statements.get(function, f"Write a function `{function}({arguments})`.")
        embedded = [EMBED.format(text=_wrapped(record(each))) for each in known[function]]
        stub = f"def {function}({arguments}):\n    ...\n\n"
        stub += "".join(f'\nnn.exercises.check("{e.name}", {function})' for e in known[function])
        cells += [
            v4.new_markdown_cell(f"## {function}\n\n{inspect.cleandoc(text)}"),
            v4.new_code_cell(COMMENT + "\n".join(embedded)),
            v4.new_code_cell(stub, metadata={"nncourse": {"exercise": function}}),
        ]
    return assembled(name, cells)


def _wrapped(text, width=90):
    return "\n    ".join(f'"{text[i : i + width]}"' for i in range(0, len(text), width))
