"""The smallest failing case of an answer, written as a call that can be typed."""

import copy
import inspect

import numpy as np

from .compare import difference

__all__ = ["call_text", "changed", "literal", "rounded", "rows", "size"]

LONGEST = 300


def size(value):
    """Return how many numbers there are in plain data.

    Examples
    --------
    >>> size((np.zeros((2, 3)), [1, 2.5], "ab"))
    10
    """
    if isinstance(value, (list, tuple)):
        return sum(map(size, value))
    if isinstance(value, dict):
        return sum(map(size, value.values()))
    return (
        np.size(value) if isinstance(value, np.ndarray) else len(value) if type(value) is str else 1
    )


def rounded(value, decimals=2):
    """Return a copy of plain data with its floating-point numbers rounded.

    Examples
    --------
    >>> rounded((0.126, [1, np.array([2.718])]))
    (np.float64(0.13), [1, array([2.72])])
    """
    if isinstance(value, (list, tuple)):
        return type(value)(rounded(item, decimals) for item in value)
    if isinstance(value, dict):
        return {key: rounded(item, decimals) for key, item in value.items()}
    if (
        isinstance(value, (float, np.floating))
        or getattr(value, "dtype", np.dtype(int)).kind == "f"
    ):
        return np.round(value, decimals) + 0.0  # not -0.0
    return copy.deepcopy(value)


def rows(arguments, most=6):
    """Yield the arguments with one row of each array that has as many as the first.

    Examples
    --------
    >>> [x.tolist() for x, _ in rows((np.arange(14).reshape(2, 7), 0.5))]
    [[[0, 1, 2, 3, 4, 5, 6]], [[7, 8, 9, 10, 11, 12, 13]]]
    """
    arrays = [a for a in arguments if isinstance(a, np.ndarray) and a.ndim]
    count = len(arrays[0]) if arrays else 0
    if size(arguments) > 12 and count > 1:
        for i in range(min(count, most)):
            yield tuple(
                a[i : i + 1].copy()
                if isinstance(a, np.ndarray) and len(np.shape(a)) and len(a) == count
                else a
                for a in arguments
            )


def literal(value):
    """Return plain data as Python; where that is too long, a description.

    Examples
    --------
    >>> literal((np.array([[1.0, 2.5]]), np.float64(0.1), "a"))
    "(np.array([[1.0, 2.5]]), 0.1, 'a')"
    """
    text = _literal(value)
    if len(text) <= LONGEST:
        return text
    if isinstance(value, np.ndarray):
        return f"<array of shape {value.shape}>"
    return f"<{type(value).__name__} of {len(value)}>" if hasattr(value, "__len__") else text[:60]


def _literal(value):
    if isinstance(value, np.ndarray):
        if value.size > LONGEST:
            return f"<array of shape {value.shape}>"
        kind = (
            f", dtype=np.{value.dtype.name}"
            if value.dtype.char in "efBbHhi" or not value.size
            else ""
        )
        return f"np.array({_list(value.tolist())}{kind})"
    if isinstance(value, (tuple, list)):
        items = ", ".join(map(_literal, value[: LONGEST + 1]))
        comma = "," if len(value) == 1 else ""
        return f"({items}{comma})" if isinstance(value, tuple) else f"[{items}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_literal(v)}" for k, v in value.items()) + "}"
    return _list(value.item() if isinstance(value, np.generic) else value)


def _list(value):
    if isinstance(value, list):
        return f"[{', '.join(map(_list, value))}]"
    if isinstance(value, float):
        if not np.isfinite(value):
            return f"np.{value}"
        short = float(f"{value:.10g}")
        return repr(short)
    return repr(value)[: LONGEST + 1]


def call_text(name, arguments):
    """Return a call with its arguments; long ones are described.

    Examples
    --------
    >>> call_text("f", (1, np.zeros(1000)))
    'f(1, <array of shape (1000,)>)'
    """
    return f"{name}({', '.join(map(literal, arguments))})"


def changed(answer, before, after):
    """Name the arguments that are no longer what they were, as the reference calls them.

    Examples
    --------
    >>> changed(lambda x, w: 0, ([1], [2]), ([1], [3]))
    ', `w`'
    """
    try:
        named = inspect.signature(answer).parameters.values()
    except ValueError:
        return ""
    names = [f"`{p.name}`" for p in named if p.kind == p.POSITIONAL_OR_KEYWORD]
    triples = zip(names, before, after, strict=False)
    found = [name for name, old, new in triples if difference(new, old, tolerance=0)]
    return f", {' and '.join(found)}" if found else ""
