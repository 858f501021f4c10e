"""Checks of an instructor's own: loaded from Python files, and tested before anybody is graded."""

import hashlib
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..exercises import Exercise
from ..exercises.trial import problems

__all__ = ["PACKAGE", "digest", "for_student", "load_own", "loaded", "number", "seeds", "unfair"]

PACKAGE = Path(__file__).parents[1]
TRIALS = 5  # variants that are tried before anybody is graded


def digest(folder):
    """Return a digest of the Python files in a folder."""
    texts = [path.read_bytes() for path in sorted(Path(folder).rglob("*.py"))]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def number(text):
    """Return a number that is made of a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def seeds(seed, key):
    """Return the seeds of a student's variant: the class's, and one made of what stands for him."""
    return [seed, number(key)]


def for_student(module, seeds):
    """Return what a file defines, with what its ``variants(rng)`` makes for one student.

    Raises
    ------
    ValueError
        If ``variants`` fails, or if something is not what it should be.
    """
    try:
        made = module.variants(np.random.default_rng(seeds)) if hasattr(module, "variants") else {}
        found = SimpleNamespace(**vars(module) | made)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{module.__file__}: {type(error).__name__}: {error}") from None
    own, texts = getattr(found, "EXERCISES", ()), getattr(found, "STATEMENTS", {})
    if not (isinstance(own, tuple) and all(isinstance(e, Exercise) for e in own)):
        wrong = "EXERCISES, a tuple of nncourse.exercises.Exercise"
    elif not (isinstance(texts, dict) and all(isinstance(t, str) for t in texts.values())):
        wrong = "STATEMENTS, a dict of texts"
    elif not isinstance(getattr(found, "DATA", {}), dict):
        wrong = "DATA, a dict"
    else:
        return found
    raise ValueError(f"{module.__file__} must define {wrong}")


def loaded(path):
    """Run a Python file that is in no package; return what it defines."""
    return SimpleNamespace(**runpy.run_path(str(path), run_name=f"_own_{path.stem}"))


def load_own(folder):
    """Return what the Python files of a folder define: from a file's name to its module.

    Files without ``EXERCISES`` are helpers, which the others may import. A file with ``variants``
    has its ``EXERCISES`` from there, a variant that is nobody's.

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
            try:
                module = loaded(path)
            except (Exception, SystemExit) as error:
                raise ValueError(f"{path}: {type(error).__name__}: {error}") from None
            vars(module).update(vars(for_student(module, 0)))
            if getattr(module, "EXERCISES", ()):
                modules[path.stem] = module
    finally:
        sys.path.remove(str(folder))
    for name, module in modules.items():
        trials = range(TRIALS if hasattr(module, "variants") else 0)
        for each in [module, *(for_student(module, seeds(0, str(trial))) for trial in trials)]:
            wrong += unfair(name, each, module)
    if wrong:
        found = "\n  ".join(dict.fromkeys(wrong))
        raise ValueError(f"these checks would not be fair:\n  {found}")
    if not modules:
        raise ValueError(f"no Python file in {folder} defines EXERCISES")
    return modules


def unfair(name, module, first):
    """Return what is wrong with a file's exercises, or with how they differ from the first ones."""
    own = module.EXERCISES
    if [(e.name, e.points) for e in own] != [(e.name, e.points) for e in first.EXERCISES]:
        return [f"{name}.py: its variants have other exercises, or other points"]
    return [f"{name}.py, {e.name}: {text}" for e in own for text in problems(e)]
