"""Bodies of requests: from the bytes that a stranger sent to an array that a model can read.

Whatever is wrong is said in a :class:`BadInput` with the status that HTTP has for it; nothing is
guessed, repaired or rounded. JSON is read with Python's own reader, which lets a few things through
that no model should see, and NumPy's file format without its pickles.
"""

import io
import json
import threading
from itertools import chain
from math import prod

import numpy as np

__all__ = ["BadInput", "read_body"]

CODES = {"application/json": "JSON", "application/x-npy": "a NumPy file"}
# Python 3.11 counts the depth of literals for all threads together, and then says "mismatch".
LITERALS = threading.Lock()


class BadInput(ValueError):
    """What is wrong with a request, and the HTTP status that says so.

    Parameters
    ----------
    status : int
        400 for what cannot be read, 413 for too much, 415 for another format, 422 for what can be
        read but makes no sense here.
    message : str
        For the one who sent it: what was expected, what came.

    Examples
    --------
    >>> BadInput(413, "expected at most 10 bytes, got more").status
    413
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def read_body(body, content_type, shape, dtype=np.float32):
    """Return the examples in a request, as an array of this shape and type.

    Parameters
    ----------
    body : bytes
        JSON, ``{"instances": [example, ...]}``, or a NumPy file (``.npy``).
    content_type : str
        ``application/json`` (UTF-8) or ``application/x-npy``.
    shape : tuple
        That of the model's input; a name instead of a number for any length.
    dtype : data-type
        Of the model's input: floats, or integers for ids.

    Raises
    ------
    BadInput
        If there is anything else in it.

    Examples
    --------
    >>> read_body(b'{"instances": [[1, 2.5]]}', "application/json", ("batch", 2))
    array([[1. , 2.5]], dtype=float32)
    >>> read_body(b'{"instances": [[1, "2.5"]]}', "application/json", ("batch", 2))
    Traceback (most recent call last):
    ...
    nncourse.practice.bodies.BadInput: expected numbers, got a string
    """
    kind, _, options = content_type.partition(";")
    kind, options = kind.strip().lower(), options.strip().lower()
    if kind not in CODES:
        raise BadInput(415, f"expected {' or '.join(CODES)}, got {content_type[:80] or 'no type'}")
    if options and options.replace(" ", "").replace('"', "") not in ("charset=utf-8",):
        raise BadInput(415, f"expected UTF-8 and no other option, got {options[:80]}")
    if not body:
        raise BadInput(400, f"expected {CODES[kind]}, got an empty body")
    x = (_from_json if kind == "application/json" else _from_npy)(body, shape, np.dtype(dtype))
    if x.dtype.kind == "f" and not (np.abs(x) <= np.finfo(dtype).max).all():
        raise BadInput(422, f"expected finite numbers of {np.dtype(dtype)}, got NaN or too large")
    return x.astype(dtype)


def _from_json(body, shape, dtype):
    try:
        content = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except BadInput:
        raise
    except RecursionError:
        raise BadInput(
            400, "expected JSON of few levels, got one that is nested too deep"
        ) from None
    except ValueError as error:  # no UTF-8, no JSON, a number of thousands of digits
        raise BadInput(400, f"expected JSON, got something else: {str(error)[:120]}") from None
    if not isinstance(content, dict) or list(content) != ["instances"]:
        raise BadInput(422, 'expected {"instances": [...]} and nothing beside it')
    sizes, level = [], [content["instances"]]
    for axis, wanted in enumerate(shape):
        _all_of(level, {list}, f"expected {len(shape)} levels of lists")
        lengths = set(map(len, level))
        if len(lengths) > 1:
            raise BadInput(
                422, f"expected lists of one length on level {axis + 1}, got ragged ones"
            )
        sizes.append(_right_length(lengths.pop(), wanted, axis, shape))
        level = list(chain.from_iterable(level))
    _all_of(level, {int, float} if dtype.kind == "f" else {int}, "expected numbers")
    try:
        return np.array(level, np.float64 if dtype.kind == "f" else np.int64).reshape(sizes)
    except OverflowError:
        raise BadInput(422, "expected numbers of 64 bits, got a larger one") from None


def _once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise BadInput(400, "expected each key once, got one twice")
    return dict(pairs)


def _no_number(name):
    raise BadInput(400, f"expected JSON's numbers, got {name}, which is none of them")


NAMES = {
    str: "a string", bool: "a boolean", dict: "an object", list: "a list", type(None): "null",
    int: "a number", float: "a number with a decimal point",
}  # fmt: skip


def _all_of(values, kinds, message):
    if odd := set(map(type, values)) - kinds:
        raise BadInput(422, f"{message}, got {NAMES[odd.pop()]}")


def _right_length(length, wanted, axis, shape):
    if length == 0 or (isinstance(wanted, int) and length != wanted):
        got = "at least one" if not isinstance(wanted, int) else str(wanted)
        raise BadInput(
            422, f"expected the shape {_said(shape)}, got {length} instead of {got} on axis {axis}"
        )
    return length


def _said(shape):
    return "(" + ", ".join(map(str, shape)) + ")"


def _from_npy(body, shape, dtype):
    """The header says type and shape: it is believed only if the body has just as many bytes."""
    file = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        with LITERALS:
            sizes, columns_first, kind = read(file)
    except Exception as error:  # the header is a Python literal: much can be wrong with it
        raise BadInput(400, f"expected a NumPy file, got a bad header: {str(error)[:80]}") from None
    if kind.hasobject:
        raise BadInput(415, "expected numbers, got Python objects: pickles are not read here")
    wanted = "f" if dtype.kind == "f" else "iu"
    if kind.kind not in wanted or kind.itemsize > 8 or kind.subdtype:
        raise BadInput(422, f"expected {dtype} or its like, got {str(kind)[:40]}")
    if len(sizes) != len(shape):
        raise BadInput(422, f"expected the shape {_said(shape)}, got {len(sizes)} axes")
    for axis, (length, n) in enumerate(zip(sizes, shape, strict=True)):
        _right_length(length, n, axis, shape)
    rest = len(body) - file.tell()
    if prod(sizes) * kind.itemsize != rest:
        raise BadInput(400, f"expected as many bytes as the header promises, got {rest}")
    x = np.frombuffer(body, kind, offset=file.tell())
    return x.reshape(sizes, order="F" if columns_first else "C")
