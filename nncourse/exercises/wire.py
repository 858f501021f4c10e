"""Plain data between two processes that do not trust each other: a JSON header, then raw arrays.

Nothing that arrives can run code (there is no pickle), and everything is limited before memory is
spent on it: bytes, depth, number of items. The same file is used on both sides of the sandbox.
"""

import itertools
import json
import math
import struct

import numpy as np

from .calling import Other

__all__ = ["Other", "WireError", "pack", "unpack"]

HEADER_BYTES, ARRAY_BYTES, DEPTH, ITEMS = 1 << 20, 1 << 25, 12, 20_000
DTYPES = {np.dtype(code).str for code in "?bBhHiIqQefdFD"}
PREFIX = struct.Struct("<II")


class WireError(Exception):
    """What should be sent, or what has arrived, is not plain data within the limits.

    Examples
    --------
    >>> WireError("the result is too large")
    WireError('the result is too large')
    """


def pack(value):
    """Return the bytes of a number, string, array, or a list, tuple or dict of these.

    Raises
    ------
    WireError
        If it is too large, or nested too deeply.

    Examples
    --------
    >>> import io
    >>> unpack(io.BytesIO(pack({"x": (1.5, np.arange(3))})).read)
    {'x': (1.5, array([0, 1, 2]))}
    """
    arrays = []
    header = json.dumps(_encode(value, arrays, DEPTH)).encode()
    size = sum(map(len, arrays))
    if len(header) > HEADER_BYTES or size > ARRAY_BYTES:
        raise WireError(f"the result is too large: {len(header) + size:,} bytes")
    return PREFIX.pack(len(header), size) + header + b"".join(arrays)


def _encode(value, arrays, depth):
    if depth == 0:
        raise WireError("the result is nested too deeply")
    if value is None or type(value) in (bool, str, float):
        return value
    if type(value) is int and abs(value) < 1 << 63:
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.str in DTYPES:
        array = np.asarray(value)
        arrays.append(array.tobytes())
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: [array.dtype.str, list(array.shape)]}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encode(item, arrays, depth - 1) for item in value]}
    if type(value) is dict:
        items = [[_encode(x, arrays, depth - 1) for x in item] for item in value.items()]
        return {"dict": items}
    if value is Ellipsis:
        return {"ellipsis": True}
    description = (
        repr(value) if type(value) is Other else f"an object of type {type(value).__name__}"
    )
    return {"other": description[:100]}


def unpack(read):
    """Return the value whose bytes ``read(n)`` delivers, n at a time.

    Raises
    ------
    WireError
        If the bytes are not what :func:`pack` would have written.

    Examples
    --------
    >>> import io
    >>> unpack(io.BytesIO(pack([1, "a"])).read)
    [1, 'a']
    """
    header_size, array_size = PREFIX.unpack(read(PREFIX.size))
    if header_size > HEADER_BYTES or array_size > ARRAY_BYTES:
        raise WireError(f"the reply is too large: {header_size + array_size:,} bytes")
    header, arrays = read(header_size), memoryview(read(array_size))
    try:
        decoder = _Decoder(arrays)
        value = decoder.decode(json.loads(header), DEPTH)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise WireError(f"the reply is malformed: {type(error).__name__}") from None
    if decoder.position != len(arrays):
        raise WireError("the reply is malformed: bytes are left over")
    return value


class _Decoder:
    def __init__(self, arrays):
        self.arrays, self.position, self.count = arrays, 0, itertools.count(1)

    def decode(self, node, depth):
        if depth == 0 or next(self.count) > ITEMS:
            raise WireError("the reply is nested too deeply or has too many items")
        if node is None or isinstance(node, (bool, str, float)):
            return node
        if isinstance(node, int):
            return node if abs(node) < 1 << 63 else Other("a huge integer")
        ((kind, content),) = node.items() if isinstance(node, dict) else ((None, None),)
        if kind in ("list", "tuple"):
            items = [self.decode(item, depth - 1) for item in content]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            pairs = [(self.decode(k, depth - 1), self.decode(v, depth - 1)) for k, v in content]
            return dict(pairs)
        if kind in ("array", "scalar"):
            array = self._array(*content)
            return array if kind == "array" else array[()]
        if kind == "ellipsis":
            return Ellipsis
        if kind == "other" and isinstance(content, str):
            return Other(content[:100])
        raise WireError("the reply is malformed: unknown kind of value")

    def _array(self, dtype, shape):
        if dtype not in DTYPES or len(shape) > 16 or {type(n) for n in shape} - {int}:
            raise WireError("the reply is malformed: bad array")
        dtype, count = np.dtype(dtype), math.prod(shape)
        end = self.position + count * dtype.itemsize
        if min(shape, default=0) < 0 or end > len(self.arrays):
            raise WireError("the reply is malformed: bad shape")
        data, self.position = self.arrays[self.position : end], end
        return np.frombuffer(data, dtype).reshape(shape).copy()
