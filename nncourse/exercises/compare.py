"""Comparison of answers: plain data against plain data, with a sentence on what differs."""

import reprlib

import numpy as np

from .calling import plain

__all__ = ["difference", "few_values", "finite", "numbers", "other_parts", "tells"]

_TOLERANCE = {"e": 1e-2, "f": 1e-4, "d": 1e-8}  # by type code: float16, float32, float64
_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 8
_SHORT.maxstring = _SHORT.maxother = 60


def difference(received, expected, *, tolerance=None, name="the result", reveal=True):
    """Say how ``received`` differs from ``expected``, or return None if it does not.

    Parameters
    ----------
    received : anything
        Taken as :func:`~nncourse.exercises.calling.plain` data.
    expected : number, string, bool, None, array, or a list, tuple or dict of these
        Lists of numbers count as arrays. Whole numbers are compared exactly, other numbers within
        a tolerance.
    tolerance : float, optional
        Largest difference allowed, relative to the largest expected entry (or to 1 if that is
        smaller). By default 0 for whole numbers, 1e-8 in float64 and 1e-4 in float32, whichever of
        the two is coarser.
    name : str
        What to call it in the answer.
    reveal : bool
        Whether the sentence may say what is expected: value, shape, length or keys.

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
    return _difference(plain(received), expected, tolerance, name, reveal)


def _difference(received, expected, tolerance, name, reveal):
    if isinstance(expected, dict):
        if isinstance(received, dict) and (missing := expected.keys() - received.keys()):
            has = sorted(map(repr, received.keys() - expected.keys()))
            if reveal:
                instead = f", but has {', '.join(has)}" if has else ""
                return f"{name} lacks the keys {', '.join(sorted(map(repr, missing)))}{instead}"
        if not isinstance(received, dict) or received.keys() != expected.keys():
            return _unequal(name, f"a dict with the keys {list(expected)}", _say(received), reveal)
        parts = [(f"{name}[{k!r}]", received[k], expected[k]) for k in expected]
        return _first_difference(parts, tolerance, reveal)
    if isinstance(expected, (tuple, list)):
        array = isinstance(received, np.ndarray) and received.ndim > 0
        sequence = array or isinstance(received, (tuple, list))
        if not sequence or len(received) != len(expected):
            count = f"a sequence of {len(expected)} parts"
            return _unequal(name, count, _say(received), reveal)
        pairs = enumerate(zip(received, expected, strict=True))
        parts = [(f"{name}[{i}]", r, e) for i, (r, e) in pairs]
        return _first_difference(parts, tolerance, reveal)
    if expected is None or isinstance(expected, str):
        same = type(received) is type(expected) and received == expected
        return None if same else _unequal(name, _say(expected), _say(received), reveal)
    return _array_difference(received, np.asarray(expected), tolerance, name, reveal)


def _first_difference(parts, tolerance, reveal):
    found = (_difference(r, e, tolerance, name, reveal) for name, r, e in parts)
    return next((text for text in found if text), None)


def _unequal(name, expected, received, reveal):
    if reveal:
        return f"{name} should be {expected}, but is {received}"
    return f"{name} is not what it should be, but {received}"


def numbers(value):
    """Return plain data as an array of real numbers, or None; strings are never copied.

    Examples
    --------
    >>> numbers([1, 2.5]), numbers(["1", 2])
    (array([1. , 2.5]), None)
    """
    if isinstance(value, (list, tuple)) and not _numeric(value):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "biuf" else None


def finite(value):
    """Say whether plain data holds neither nan nor inf.

    Examples
    --------
    >>> finite([1.0, "a"]), finite((1.0, np.nan))
    (True, False)
    """
    if isinstance(value, (tuple, list)):
        return all(map(finite, value))
    array = numbers(value)
    return array is None or bool(np.isfinite(array).all())


def _numeric(value):
    if isinstance(value, (list, tuple)):
        return all(map(_numeric, value))
    return isinstance(value, (bool, int, float, np.generic, np.ndarray))


def _array_difference(given, expected, tolerance, name, reveal):
    received = numbers(given)
    if received is None:
        wanted = _say(expected) if expected.ndim else "one number"
        return _unequal(name, wanted, _say(given), reveal)
    if received.shape != expected.shape:
        if not reveal:
            return f"{name} does not have the shape that it should have, but {received.shape}"
        if expected.shape == ():
            return f"{name} should be one number, but has shape {received.shape}"
        return f"{name} should have shape {expected.shape}, but has {received.shape}"
    same = _same(received, expected, tolerance)
    if same.all():
        return None
    where = tuple(map(int, np.argwhere(~same)[0]))
    entry = f" at {list(where)}" if where else ""
    values = _digits(expected[where], received[where])
    return _unequal(f"{name}{entry}", *values, reveal)


def _same(received, expected, tolerance):
    """Say of each entry whether it is as it should be."""
    whole = expected.dtype.kind in "biu"
    if whole and received.dtype.kind in "biu" and tolerance is None:
        return np.asarray(received.astype(object) == expected.astype(object), dtype=bool)
    if tolerance is None:
        own, wanted = (_TOLERANCE.get(a.dtype.char, 1e-8) for a in (received, expected))
        # Casting to float16 excuses nothing; a count is right or wrong.
        tolerance = 0.0 if whole else max(wanted, min(own, 1e-4))
    received, expected = received.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected[finite]), initial=0)))
    with np.errstate(invalid="ignore"):
        close = np.abs(received - expected) <= tolerance * scale
    both = (received == expected) | (np.isnan(received) & np.isnan(expected))
    return np.where(finite, close, both)


def _digits(*values):
    """Return numbers as texts with as many digits as it takes to tell them apart."""
    texts = [f"{value:.6g}" for value in values]
    return texts if len(set(texts)) > 1 else [str(value.item()) for value in values]


def _say(value):
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    try:
        text = _SHORT.repr(value)
    except ValueError:  # a number with thousands of digits
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def other_parts(received, wrong, expected, *, right, tolerance=None):
    """Say whether a part is right that a mistake spoils; if ``right``, or the other way around.

    Examples
    --------
    >>> other_parts((1.0, 5.0), (2.0, 5.0), (1.0, 4.0), right=False)
    True
    >>> [other_parts((2.0, 5.0), (1.0, 5.0), (1.0, 4.0), right=r) for r in (False, True)]
    [False, True]
    """
    results = received, wrong, expected
    if not all(isinstance(r, (tuple, list)) for r in results) or len(set(map(len, results))) > 1:
        return False
    for r, w, e in zip(*results, strict=True):
        bad, spoiled = (difference(x, e, tolerance=tolerance) for x in (r, w))
        if (spoiled and not bad) or (right and bad and not spoiled):
            return True
    return False


def tells(value):
    """Say whether a result can hardly come about by chance: it has text, or a fraction.

    Examples
    --------
    >>> tells([3, 4.0]), tells([3, 4.5]), tells("red")
    (False, True, True)
    """
    if isinstance(value, (tuple, list)):
        return any(map(tells, value))
    array = numbers(value)
    if array is None or array.dtype.kind != "f":
        return isinstance(value, (str, dict))
    array = array[np.isfinite(array)]
    return bool((array != np.round(array)).any())


def few_values(value):
    """Say whether a result is a single whole number, a verdict or a word.

    Examples
    --------
    >>> few_values(3), few_values("red"), few_values(3.5)
    (True, True, False)
    """
    array = numbers(value)
    return array is None or (array.size <= 1 and array.dtype.kind != "f")
