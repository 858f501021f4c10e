"""Checks of single numbers, such as a rate or a threshold: they say what was expected of them."""

from numbers import Integral, Real


def number(name, value, expected, fits):
    """Return Python's own number, which cannot overflow, if it ``fits``, or explain.

    >>> number("a rate", 50, "a number from 0 to 1, not a percentage", lambda v: 0 <= v <= 1)
    Traceback (most recent call last):
    ...
    ValueError: a rate is a number from 0 to 1, not a percentage, got 50
    """
    if not isinstance(value, Real) or isinstance(value, bool) or not fits(value):
        raise ValueError(f"{name} is {expected}, got {value!r:.60}")
    return int(value) if isinstance(value, Integral) else float(value)


def positive(name, value):
    """Return a positive, finite number as Python's own, or explain."""
    return number(name, value, "a positive number", lambda v: 0 < v < float("inf"))


def share(name, value):
    """Return a number from 0 to 1 as Python's own, or explain."""
    return number(name, value, "a number from 0 to 1, not a percentage", lambda v: 0 <= v <= 1)
