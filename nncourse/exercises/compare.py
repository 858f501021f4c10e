"""Comparison of answers: plain data against plain data, with a sentence on what differs."""

import numpy as np

__all__ = ["difference"]

_TOLERANCE = {"e": 1e-2, "f": 1e-4, "d": 1e-8}  # by type code: float16, float32, float64


def difference(received, expected, *, tolerance=None, name="the result", reveal=True):
    """Say how ``received`` differs from ``expected``, or return None if it does not.

    Parameters
    ----------
    received, expected : number, string, bool, None, array, or a list, tuple or dict of these
        Integers and floats are compared as numbers; lists of numbers count as arrays.
    tolerance : float, optional
        Largest difference allowed, relative to the largest expected entry (or to 1 if that is
        smaller). By default 1e-8 in float64 and 1e-4 in float32, whichever of the two is coarser.
    name : str
        What to call it in the answer.
    reveal : bool
        Whether the sentence may state the expected value (its shape it always may).

    Examples
    --------
    >>> difference([1.0, 2.0], np.array([1.0, 2.0]))
    >>> difference(np.zeros((2, 3)), np.zeros((3, 2)))
    'the result should have shape (3, 2), but has (2, 3)'
    >>> difference((1.0, 5.0), (1.0, 4.0))
    'the result[1] should be 4, but is 5'
    >>> difference(5.0, 4.0, reveal=False)
    'the result is not what it should be, but 5'
    """
    if isinstance(expected, dict):
        if not isinstance(received, dict) or received.keys() != expected.keys():
            return (
                f"{name} should be a dict with the keys {list(expected)}, but is {_say(received)}"
            )
        parts = [(f"{name}[{k!r}]", received[k], expected[k]) for k in expected]
        return _first_difference(parts, tolerance, reveal)
    if isinstance(expected, (tuple, list)):
        if isinstance(received, np.ndarray) and received.ndim:
            received = list(received)
        if not isinstance(received, (tuple, list)) or len(received) != len(expected):
            return f"{name} should have {len(expected)} parts, but is {_say(received)}"
        pairs = enumerate(zip(received, expected, strict=True))
        parts = [(f"{name}[{i}]", r, e) for i, (r, e) in pairs]
        return _first_difference(parts, tolerance, reveal)
    if expected is None or isinstance(expected, str):
        same = type(received) is type(expected) and received == expected
        return None if same else _unequal(name, repr(expected), _say(received), reveal)
    return _array_difference(received, np.asarray(expected), tolerance, name, reveal)


def _first_difference(parts, tolerance, reveal):
    found = (
        difference(r, e, tolerance=tolerance, name=name, reveal=reveal) for name, r, e in parts
    )
    return next((text for text in found if text), None)


def _unequal(name, expected, received, reveal):
    if reveal:
        return f"{name} should be {expected}, but is {received}"
    return f"{name} is not what it should be, but {received}"


def _array_difference(given, expected, tolerance, name, reveal):
    try:
        received = np.asarray(given)
    except (ValueError, TypeError):
        received = np.asarray(None)
    if received.dtype.kind not in "biuf":
        wanted = _say(expected) if expected.ndim else "one number"
        return f"{name} should be {wanted}, but is {_say(given)}"
    if received.shape != expected.shape:
        if expected.shape == ():
            return f"{name} should be one number, but has shape {received.shape}"
        return f"{name} should have shape {expected.shape}, but has {received.shape}"
    if tolerance is None:
        own, wanted = (_TOLERANCE.get(a.dtype.char, 1e-8) for a in (received, expected))
        tolerance = max(wanted, min(own, 1e-4))  # casting to float16 excuses nothing
    received, expected = received.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected[finite]), initial=0)))
    with np.errstate(invalid="ignore"):
        close = np.abs(received - expected) <= tolerance * scale
    same = np.where(
        finite, close, (received == expected) | (np.isnan(received) & np.isnan(expected))
    )
    if same.all():
        return None
    where = tuple(map(int, np.argwhere(~same)[0]))
    entry = f" at {list(where)}" if where else ""
    values = f"{expected[where]:.6g}", f"{received[where]:.6g}"
    return _unequal(f"{name}{entry}", *values, reveal)


def _say(value):
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
