"""Schedules: learning rates that change while training.

A schedule is a function from the number of steps already done (mini-batches, not epochs) to the
rate of the next step. Give it to an optimizer in place of the number:
``nn.SGD(parameters, nn.CosineDecay(0.1, steps=1000))``.
"""

from dataclasses import dataclass
from math import cos, inf, pi
from numbers import Real

import numpy as np

__all__ = ["CosineDecay", "ExponentialDecay", "StepDecay", "Warmup"]


def _plain(number):
    """Return Python's own number, which neither overflows nor has three digits alone."""
    return number.item() if isinstance(number, np.generic) else number


def _keep_plain(schedule):
    for name, value in vars(schedule).items():
        object.__setattr__(schedule, name, _plain(value))


def _positive(schedule, /, **settings):
    for name, value in settings.items():
        if not isinstance(value, Real) or not 0 < value < inf:
            raise ValueError(f"{schedule} expects {name} > 0, got {value!r}")


def _not_negative(schedule, /, **settings):
    for name, value in settings.items():
        if not isinstance(value, Real) or not 0 <= value < inf:
            raise ValueError(f"{schedule} expects {name}, a number >= 0, got {value!r}")


@dataclass(frozen=True)
class StepDecay:
    """Schedule: multiply the rate by ``factor`` every ``every`` steps.

    PyTorch: ``StepLR``.

    Raises
    ------
    ValueError
        If ``every`` is not positive, or another setting is negative or no number.

    Examples
    --------
    >>> schedule = StepDecay(1.0, factor=0.1, every=100)
    >>> schedule(99), schedule(100)
    (1.0, 0.1)
    """

    initial: float
    factor: float
    every: int

    def __post_init__(self):
        _not_negative("StepDecay", initial=self.initial, factor=self.factor)
        _positive("StepDecay", every=self.every)
        _keep_plain(self)

    def __call__(self, step):
        return self.initial * self.factor ** (_plain(step) // self.every)


@dataclass(frozen=True)
class ExponentialDecay:
    """Schedule: ``initial * factor ** (step / every)``, smoothly.

    PyTorch: ``ExponentialLR``, with one step each.

    Raises
    ------
    ValueError
        If ``every`` is not positive, or another setting is negative or no number.

    Examples
    --------
    >>> ExponentialDecay(1.0, factor=0.25, every=100)(50)
    0.5
    """

    initial: float
    factor: float
    every: float = 1

    def __post_init__(self):
        _not_negative("ExponentialDecay", initial=self.initial, factor=self.factor)
        _positive("ExponentialDecay", every=self.every)
        _keep_plain(self)

    def __call__(self, step):
        return self.initial * self.factor ** (_plain(step) / self.every)


@dataclass(frozen=True)
class CosineDecay:
    """Schedule: half a cosine from ``initial`` down to ``final`` in ``steps`` steps.

    ``final + (initial - final) * (1 + cos(pi * step / steps)) / 2``, and ``final`` ever after.
    PyTorch: ``CosineAnnealingLR``. Source: Loshchilov and Hutter (2017), equation 5, without
    restarts.

    Raises
    ------
    ValueError
        If ``steps`` is not positive, or a rate is negative or no number.

    Examples
    --------
    >>> schedule = CosineDecay(1.0, steps=100)
    >>> [round(schedule(step), 3) for step in (0, 50, 100, 999)]
    [1.0, 0.5, 0.0, 0.0]
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self):
        _not_negative("CosineDecay", initial=self.initial, final=self.final)
        _positive("CosineDecay", steps=self.steps)
        _keep_plain(self)

    def __call__(self, step):
        progress = min(_plain(step) / self.steps, 1)
        return self.final + (self.initial - self.final) * (1 + cos(pi * progress)) / 2


@dataclass(frozen=True)
class Warmup:
    """Schedule: rise in a straight line for ``steps`` steps, then follow ``schedule``.

    ``schedule`` may also be a number. PyTorch: ``LinearLR`` and ``SequentialLR``.

    Raises
    ------
    ValueError
        If ``steps`` is not positive, or ``schedule`` neither a function nor a number.

    Examples
    --------
    >>> schedule = Warmup(CosineDecay(1.0, steps=100), steps=4)
    >>> [schedule(step) for step in (0, 1, 2, 3, 4)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    schedule: object
    steps: int

    def __post_init__(self):
        if not callable(self.schedule):
            _not_negative("Warmup", schedule=self.schedule)
        _positive("Warmup", steps=self.steps)
        _keep_plain(self)

    def __call__(self, step):
        step = _plain(step)
        if step < self.steps:
            first = self.schedule(0) if callable(self.schedule) else self.schedule
            return first * (step + 1) / self.steps
        return self.schedule(step - self.steps) if callable(self.schedule) else self.schedule
