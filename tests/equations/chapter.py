"""The bindings of one page: what its equations' symbols are, which equations only define."""

import importlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from .check import count_comparisons
from .environment import Environment, EquationError
from .latex import LatexError, clean, parse
from .mutate import mutants

SEEDS = range(5)


@dataclass(frozen=True)
class Binding:
    """How one equation is evaluated."""

    symbols: object  # rng → {LaTeX: value}
    rtol: float = 1e-6
    origin: int = 1
    seeds: tuple = tuple(SEEDS)

    def environments(self):
        return [_environment(self.symbols, self.origin, seed) for seed in self.seeds]


@cache
def _environment(symbols, origin, seed):
    """Draw once; all equations and their damaged versions see the same values."""
    return Environment(symbols(np.random.default_rng(seed)), origin)


@dataclass
class Chapter:
    """What is known of the equations of one page; modules ch*.py and page_*.py make one each."""

    page: str
    bindings: dict[str, Binding] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    equivalents: dict[str, dict[str, str]] = field(default_factory=dict)

    def evaluates(self, *labels, rtol=1e-6, because="", origin=1, seeds=SEEDS):
        """Decorate a function rng → symbols that serves these labels.

        A tolerance other than the default needs a reason.
        """
        if rtol != 1e-6 and not because:
            raise ValueError(f"{labels}: a tolerance of {rtol} needs because='…'")

        def register(symbols):
            for label in labels:
                self._once(label)
                self.bindings[label] = Binding(symbols, rtol, origin, tuple(seeds))
            return symbols

        return register

    def defines(self, label, reason):
        """Say that an equation claims nothing that could be computed, and why."""
        if len(reason.split()) < 4:
            raise ValueError(f"{label}: give the reason in a sentence, not {reason!r}")
        self._once(label)
        self.definitions[label] = reason

    def equivalent(self, label, mutant, reason):
        """Say that a damaged version, named as the failing test does, is right as well, and why."""
        if len(reason.split()) < 4:
            raise ValueError(f"{label}: give the reason in a sentence, not {reason!r}")
        self.equivalents.setdefault(label, {})[mutant] = reason

    def _once(self, label):
        if label in self.bindings or label in self.definitions:
            raise ValueError(f"{label} is bound twice in {self.page}")


def chapters():
    """Import every module of bindings and return {page: chapter}."""
    here = Path(__file__).parent
    names = sorted(p.stem for pattern in ("ch[0-9]*.py", "page_*.py") for p in here.glob(pattern))
    found = [importlib.import_module(f"{__package__}.{name}").chapter for name in names]
    return {chapter.page: chapter for chapter in found}


def verify(latex, binding):
    """Raise EquationError unless the equation holds for every draw."""
    _verify(clean(latex), binding, binding.environments())


def survivors(latex, binding):
    """Return {name: LaTeX} of the damaged versions that hold as well; there should be none."""
    text, environments = clean(latex), binding.environments()
    return {
        name: damaged
        for name, damaged in mutants(text, parse(text))
        if _holds(damaged, binding, environments)
    }


def _holds(text, binding, environments):
    try:
        _verify(text, binding, environments)
    except (EquationError, LatexError, np.linalg.LinAlgError):
        return False
    return True


def _verify(text, binding, environments):
    counts = [count_comparisons(text, env, binding.rtol) for env in environments]
    if not np.all(np.sum(counts, axis=0)):
        raise EquationError("no draw fulfils the condition, so nothing was compared")
