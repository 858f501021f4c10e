"""The functions and constants that need no binding."""

from functools import reduce
from math import erf

import numpy as np

from .environment import Draws, EquationError


def _extremum(operation):
    def function(*values):
        if len(values) == 1:
            return operation.reduce(np.ravel(values[0]))
        return reduce(operation, values)

    return function


def _mean(value):
    return np.asarray(_samples(value).mean(axis=0))


def _variance(value):
    return np.asarray(_samples(value).var(axis=0, ddof=1))


def _samples(value):
    if not isinstance(value, Draws):
        raise EquationError("an expectation needs a random quantity: bind one with `draws`")
    return np.asarray(value)


FUNCTIONS = {
    r"\log": np.log,
    r"\ln": np.log,
    r"\exp": np.exp,
    r"\sin": np.sin,
    r"\cos": np.cos,
    r"\tan": np.tan,
    r"\tanh": np.tanh,
    r"\sinh": np.sinh,
    r"\cosh": np.cosh,
    r"\arctan": np.arctan,
    r"\det": np.linalg.det,
    r"\max": _extremum(np.maximum),
    r"\min": _extremum(np.minimum),
    r"\mathrm{sech}": lambda x: 1 / np.cosh(x),
    r"\mathrm{sign}": np.sign,
    r"\mathrm{sgn}": np.sign,
    r"\mathrm{erf}": np.vectorize(erf, otypes=[float]),
    r"\mathrm{Im}": np.imag,
    r"\mathrm{Re}": np.real,
    r"\mathrm{tr}": np.trace,
    r"\mathrm{diag}": np.diag,
    r"\mathbb{E}": _mean,
    r"\mathrm{E}": _mean,
    r"\mathrm{Var}": _variance,
    "O": lambda _: np.float64(0),  # the order of what it stands for is measured in `check`
    r"\mathcal{O}": lambda _: np.float64(0),
}
CONSTANTS = {
    r"\mathrm{i}": np.complex128(1j),
    "e": np.float64(np.e),
    r"\pi": np.float64(np.pi),
    r"\infty": np.float64(np.inf),
    r"\mathbf{0}": np.float64(0),
}
