"""Calling an answer: what it gives, as plain data; what it raises, and in which of its lines.

The notebook's check and the grader's sandbox both call answers through this module, so what the one
accepts, the other accepts, too. It holds no answer and needs NumPy alone.
"""

import importlib
import linecache
import os
import signal
import threading
from contextlib import contextmanager
from types import CodeType, FunctionType

import numpy as np

__all__ = ["Other", "TimeUp", "absent", "called", "plain", "stoppable", "where"]

DEPTH, ITEMS = 12, 100_000
NATIVE = "?bBhHiIqQlLefdFD"
NOT_OWN = ("nncourse", "numpy", "cells", "importlib")  # modules, by the beginnings of their names
LIBRARY = os.path.dirname(os.__file__)
GONE = "{} not there while your answer is judged: write it yourself"
COMPLEX = {"complex", "complex64", "complex128", "csingle", "cdouble", "imag"}


class TimeUp(Exception):
    """A call was stopped because it took too long.

    Examples
    --------
    >>> TimeUp("it did not end within 10 seconds")
    TimeUp('it did not end within 10 seconds')
    """


class Other:
    """Stands for a value that is not plain data; only its description is kept.

    Examples
    --------
    >>> Other("a function")
    a function
    """

    def __init__(self, description):
        self.description = description

    def __repr__(self):
        return self.description


def plain(value):
    """Return a value as plain data: None, bool, int, float, str, array, list, tuple, dict of these.

    Subclasses become what they are a kind of: a namedtuple a tuple, a matrix an array. Arrays get
    the machine's byte order and at most double precision. Whatever NumPy reads as numbers becomes
    an array. Of anything else only the type is kept, in an :class:`Other`.

    Examples
    --------
    >>> from array import array
    >>> from collections import deque
    >>> plain((deque([1, 2]), array("d", [0.5]), np.longdouble(2), len))
    ([1, 2], array([0.5]), np.float64(2.0), an object of type builtin_function_or_method)
    """
    return _plain(value, DEPTH, [ITEMS])


def _plain(value, depth, left):
    left[0] -= 1
    if depth == 0 or left[0] < 0:
        return Other("something nested too deeply" if depth == 0 else "something too long")
    if value is None or value is Ellipsis or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return _array(value, depth, left)
    for kind, exact in ((int, int.__int__), (float, float.__float__), (str, str.__str__)):
        if isinstance(value, kind):
            return exact(value)
    if isinstance(value, complex):
        return np.complex128(value)
    if isinstance(value, dict):
        pairs = list(dict.items(value))[: ITEMS + 1]
        return {_key(k): _plain(v, depth - 1, left) for k, v in pairs}
    sequence = type(value).__name__ in ("deque", "UserList")
    if isinstance(value, (list, tuple)) or sequence:
        items = [_plain(item, depth - 1, left) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return _read_by_numpy(value)


def _key(key):
    key = plain(key)
    return key if isinstance(key, (str, int, float, tuple, np.generic)) else repr(key)


def _array(value, depth, left):
    array = np.asarray(value)
    scalar = isinstance(value, np.generic)
    if array.dtype.kind in "OUSM":
        return (
            _plain(array.tolist(), depth - 1, left) if array.dtype.kind in "OU" else _other(value)
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.char in "gG":
        array = array.astype("d" if array.dtype.char == "g" else "D")
    if array.dtype.char not in NATIVE:
        return _other(value)
    return array[()] if scalar else array


def _read_by_numpy(value):
    try:
        array = np.asarray(value)
    except Exception:
        return _other(value)
    return array if array.dtype.char in NATIVE else _other(value)


def _other(value):
    return Other(f"an object of type {type(value).__name__}"[:100])


def where(error):
    """Return the place in the answer's own code where an exception comes from, or ''.

    That is the deepest line outside Python's library, NumPy and the package.

    Examples
    --------
    >>> where(ValueError())
    ''
    """
    found, step = "", error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        module = str(step.tb_frame.f_globals.get("__name__", ""))
        if not module.startswith(NOT_OWN) and not code.co_filename.startswith(LIBRARY):
            line = linecache.getline(code.co_filename, step.tb_lineno).strip()
            cell = f"{code.co_filename}, " if code.co_filename.startswith("code cell") else ""
            found = f"{cell}line {step.tb_lineno}: {line}"[:200] if line else found
        step = step.tb_next
    return found


def called(function, arguments, *, without=(), seconds=None):
    """Call an answer; return its result as plain data, or the exception that it raises.

    Parameters
    ----------
    function : callable
    arguments : tuple
    without : tuple of str
        Ready-made functions that are not there meanwhile: see :func:`absent`.
    seconds : float, optional
        The call is stopped after that time, where this is possible: in the main thread of a
        system that has signals.

    Examples
    --------
    >>> called(lambda x: x / 2, (3.0,)), called(lambda x: x / 0, (3.0,))
    (1.5, ZeroDivisionError('float division by zero'))
    """
    try:
        if "complex" in without and _mentions_complex(function):
            return NameError(GONE.format("complex numbers are"))
        with absent(without), _no_longer_than(seconds):
            return plain(function(*arguments))
    except Exception as error:
        return error


def stoppable():
    """Say whether a call can be stopped here: in the main thread, where there are signals.

    Examples
    --------
    >>> isinstance(stoppable(), bool)
    True
    """
    main = threading.current_thread() is threading.main_thread()
    return main and hasattr(signal, "setitimer")


@contextmanager
def _no_longer_than(seconds):
    if not seconds or not stoppable():
        yield
        return

    def stop(*_):
        raise TimeUp(f"it did not end within {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def absent(names):
    """Take functions away for a while, under whatever name they were imported.

    Parameters
    ----------
    names : iterable of str
        Like ``"nncourse.losses.softmax"`` or ``"nncourse.Dense.backward"``: functions and methods
        written in Python, or classes, of which every method goes. ``"complex"`` is left to
        :func:`called`: an answer that mentions complex numbers, itself or in a helper, is not
        called (the complex step gives derivatives that nobody has derived).

    Notes
    -----
    They are gone for all threads of the process: judge an answer while no other thread uses them.

    Examples
    --------
    >>> from nncourse.activations import relu
    >>> with absent(["nncourse.activations.relu"]):
    ...     relu(1.0)
    Traceback (most recent call last):
    ...
    NameError: relu is not there while your answer is judged: write it yourself
    """
    taken = []
    try:
        for name in set(names) - {"complex"}:
            for function in _functions(_found(name)):
                taken.append((function, function.__code__))
                function.__code__ = _refusal(name.rsplit(".", 1)[1], function.__code__)
        yield
    finally:
        for function, code in reversed(taken):
            function.__code__ = code


def _found(name):
    parts = name.split(".")
    thing = importlib.import_module(parts[0])
    for i, part in enumerate(parts[1:], 2):
        if not hasattr(thing, part):
            importlib.import_module(".".join(parts[:i]))
        thing = getattr(thing, part)
    return thing


def _functions(thing):
    if isinstance(thing, type):
        inside = [getattr(f, "__func__", f) for f in vars(thing).values()]
        return [f for f in inside if hasattr(f, "__code__")]
    while hasattr(thing, "__wrapped__"):
        thing = thing.__wrapped__
    thing = getattr(thing, "__func__", thing)
    if not hasattr(thing, "__code__"):
        raise TypeError(f"{thing!r} is not written in Python; it cannot be taken away")
    return [thing]


def _refusal(name, code):
    message = GONE.format(f"{name} is")
    inside = f"def refused(*a, **k): raise NameError({message!r})"
    if free := code.co_freevars:  # the code of a closure must have its variables
        inside = f"def made({', '.join(free)}):\n def refused(*a, **k):\n  ({', '.join(free)},)\n"
        inside += f"  raise NameError({message!r})\n return refused"
    namespace = {}
    exec(inside, namespace)
    function = namespace["made"](*free) if free else namespace["refused"]
    return function.__code__


def _mentions_complex(function):
    """Say whether a function, or a helper of its author's, mentions complex numbers."""
    waiting, seen = [function], set()
    while waiting:
        thing = waiting.pop()
        if not isinstance(thing, FunctionType):
            thing = getattr(thing, "__func__", vars(type(thing)).get("__call__"))
        own = isinstance(thing, FunctionType) and not str(thing.__module__).startswith(NOT_OWN)
        if not own or thing in seen:
            continue
        seen.add(thing)
        codes = [thing.__code__]
        for code in codes:
            codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
            if any(type(constant) is complex for constant in code.co_consts):
                return True
            if COMPLEX & {*code.co_names}:
                return True
            known = thing.__globals__
            waiting += [known[name] for name in code.co_names if callable(known.get(name))]
    return False
