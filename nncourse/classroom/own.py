"""Checks of an instructor's own: loaded from Python files, and tested before anybody is graded."""

import hashlib
import importlib.util
import sys
from pathlib import Path

from ..exercises import Exercise
from ..exercises.trial import problems

__all__ = ["PACKAGE", "digest", "load_own"]

PACKAGE = Path(__file__).parents[1]


def digest(folder):
    """Return a digest of the Python files in a folder."""
    found = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


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
