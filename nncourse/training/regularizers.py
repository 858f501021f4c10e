"""Regularizers: a price on large weights.

A regularizer acts on the parameters with ``regularize=True``: kernels, never biases, and none that
is frozen. It is called with the list of parameters, *adds* the penalty's gradient to each ``grad``
and returns the penalty.
"""

from dataclasses import dataclass

import numpy as np

from .._checks import floating
from ..layers.parameter import _checked_parameters

__all__ = ["L1", "L1L2", "L2"]


@dataclass(frozen=True)
class L1L2:
    """The sum of both penalties: ``l1 * sum |w| + l2 * sum w²``.

    The gradient is ``l1 * sign(w) + 2 * l2 * w``, with sign(0) = 0. PyTorch has no such object; its
    optimizers' ``weight_decay`` is ``2 * l2``, added to every parameter's gradient.
    Source: Zou and Hastie (2005).

    Parameters
    ----------
    l1, l2 : float
        Strengths, not negative.

    Raises
    ------
    ValueError
        If a strength is negative.
    TypeError
        If it is called with something other than parameters, for instance a model.

    Examples
    --------
    >>> import nncourse as nn
    >>> p = nn.Parameter(np.array([3.0, -4.0]), "kernel", regularize=True)
    >>> L1L2(l1=1.0, l2=0.5)([p])
    19.5
    >>> p.grad
    array([ 4., -5.])
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self):
        if not (self.l1 >= 0 and self.l2 >= 0):
            raise ValueError(f"penalties must not be negative, got l1={self.l1}, l2={self.l2}")

    def __call__(self, parameters):
        penalty, l1, l2 = 0.0, float(self.l1), float(self.l2)
        for p in _checked_parameters(repr(self), parameters):
            if not (p.regularize and p.trainable):
                continue
            w = floating(p.value)
            if l1:
                penalty += l1 * float(np.sum(np.abs(w), dtype=np.float64))
                p.grad += l1 * np.sign(w)
            if l2:
                penalty += l2 * float(np.sum(np.square(w, dtype=np.float64)))
                p.grad += 2 * l2 * w
        return penalty


def L1(strength):
    """The penalty ``strength * sum |w|``: its best solutions have weights that are exactly zero.

    Its gradient is ``strength * sign(w)``. Source: Tibshirani (1996).

    Examples
    --------
    >>> L1(0.1)
    L1L2(l1=0.1, l2=0.0)
    """
    return L1L2(l1=strength)


def L2(strength):
    """The penalty ``strength * sum w²``: gradient descent takes the same share off every weight.

    Its gradient is ``2 * strength * w``. Other books write ``strength / 2``; check before you
    compare numbers. Source: Hoerl and Kennard (1970).

    Examples
    --------
    >>> L2(0.1)
    L1L2(l1=0.0, l2=0.1)
    """
    return L1L2(l2=strength)
