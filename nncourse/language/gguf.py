"""GGUF: the file in which llama.cpp keeps a language model, read in place.

A header, then metadata (key, type, value), then for each tensor its name, shape, format and
offset, then the tensors' bytes. Nothing is copied until it is asked for: the file is mapped into
memory, and the system reads the pages that are touched.
"""

import struct
from pathlib import Path

import numpy as np

from ..scale.quantization import BLOCKS, SIZE, dequantize

__all__ = ["GGUFFile"]

_NUMBERS = dict(enumerate("B b H h I i f ?".split())) | {10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_FORMATS = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 8: "Q8_0"}


class GGUFFile:
    """The metadata and tensors of one GGUF file, version 2 or 3.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    metadata : dict
        From keys such as ``"llama.block_count"`` to numbers, strings and lists.
    formats, shapes : dict
        Of each tensor, by its name. The last axis is the one that is contiguous, as in NumPy.

    Raises
    ------
    ValueError
        If the file is no GGUF file, is cut off, contradicts itself, or has tensors of a format not
        known here.
    KeyError
        If a tensor asked for does not exist.

    Examples
    --------
    A file by hand, with one number and one tensor of two rows:

    >>> import os, tempfile
    >>> name = lambda text: struct.pack("<Q", len(text)) + text.encode()
    >>> content = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)  # version, tensors, keys
    >>> content += name("answer") + struct.pack("<II", 4, 42)  # type 4: uint32
    >>> content += name("w") + struct.pack("<IQQIQ", 2, 3, 2, 0, 0)  # 2 axes of 3 and 2, F32, at 0
    >>> content += bytes(-len(content) % 32) + np.arange(6, dtype="<f4").tobytes()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tiny.gguf")
    ...     _ = Path(path).write_bytes(content)
    ...     file = GGUFFile(path)
    >>> file
    GGUFFile(tiny.gguf: 1 tensor in F32)
    >>> file.metadata
    {'answer': 42}
    >>> file["w"]
    array([[0., 1., 2.],
           [3., 4., 5.]], dtype=float32)
    """

    def __init__(self, path):
        self.path = Path(path)
        self._bytes = np.memmap(self.path, np.uint8, "r") if self.path.stat().st_size else b""
        self._buffer, self._position = memoryview(self._bytes), 0
        try:
            self._read_header()
        except (struct.error, ValueError, OverflowError, MemoryError, RecursionError) as error:
            raise ValueError(f"{self.path.name} is damaged or no GGUF file: {error}.") from None
        finally:
            del self._buffer

    def __repr__(self):
        names = ", ".join(sorted(set(self.formats.values())))
        count = f"{len(self.shapes)} tensor{'s' if len(self.shapes) != 1 else ''}"
        return f"GGUFFile({self.path.name}: {count} in {names})"

    def __getitem__(self, name):
        """Read a tensor as an array of float32, dequantized."""
        return dequantize(self.raw(name), self.formats[name]).reshape(self.shapes[name])

    def raw(self, name):
        """Return the bytes of a tensor as they are in the file."""
        if name not in self.shapes:
            raise KeyError(f"{self.path.name} has no tensor {name!r}; it has {list(self.shapes)}")
        start, size = self._offsets[name], _size(self.shapes[name], self.formats[name])
        return np.asarray(self._bytes[start : start + size])

    def _read_header(self):
        magic = bytes(self._buffer[:4])
        if magic != b"GGUF":
            raise ValueError(f"it begins with {magic!r}, not b'GGUF'")
        self._position = 4
        version, tensors, keys = self._take("IQQ")
        if version not in (2, 3):
            raise ValueError(f"versions 2 and 3 can be read, it has {version}")
        self.metadata = {}
        for _ in range(keys):
            key = self._new_name(self.metadata)
            self.metadata[key] = self._value(*self._take("I"))
        self.shapes, self.formats, self._offsets = {}, {}, {}
        for _ in range(tensors):
            name, (axes,) = self._new_name(self.shapes), self._take("I")
            if not 1 <= axes <= 4:
                raise ValueError(f"tensor {name!r} has {axes} axes, expected 1 to 4")
            *shape, code, self._offsets[name] = self._take(f"{axes}QIQ")
            if code not in _FORMATS:
                known = ", ".join(BLOCKS)
                raise ValueError(f"tensor {name!r} has the unknown type {code}; known: {known}")
            self.shapes[name], self.formats[name] = tuple(shape[::-1]), _FORMATS[code]
            if min(shape) < 1 or (BLOCKS[_FORMATS[code]].names and shape[0] % SIZE):
                raise ValueError(
                    f"tensor {name!r} has the shape {self.shapes[name]}: rows of {_FORMATS[code]} "
                    f"are whole blocks of {SIZE} weights"
                )
        self._place_tensors(self.metadata.get("general.alignment", 32))

    def _place_tensors(self, alignment):
        """Check that one tensor follows the other, each at a multiple of the alignment."""
        if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
            raise ValueError(f"general.alignment is a power of two, got {alignment!r:.80}")
        start, expected = self._position + -self._position % alignment, 0
        for name, shape in self.shapes.items():
            if self._offsets[name] != expected:
                raise ValueError(
                    f"tensor {name!r} should be at offset {expected}, is at {self._offsets[name]}"
                )
            self._offsets[name] += start
            end = self._offsets[name] + _size(shape, self.formats[name])
            if end > len(self._bytes):
                raise ValueError(
                    f"it is cut off: tensor {name!r} ends at byte {end:,}, the file at "
                    f"{len(self._bytes):,}. Delete it, and load it again"
                )
            expected = end - start + -(end - start) % alignment

    def _new_name(self, known):
        name = self._string()
        if name in known:
            raise ValueError(f"{name!r} occurs twice")
        return name

    def _take(self, layout):
        """Read numbers, in the codes of :mod:`struct`."""
        values = struct.unpack_from("<" + layout, self._buffer, self._position)
        self._position += struct.calcsize("<" + layout)
        return values

    def _string(self):
        (length,) = self._take("Q")
        (text,) = self._take(f"{length}s")
        return text.decode()

    def _value(self, kind):
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            kind, length = self._take("IQ")
            if kind in _NUMBERS:
                return list(self._take(f"{length}{_NUMBERS[kind]}"))
            return [self._value(kind) for _ in range(length)]
        if kind in _NUMBERS:
            return self._take(_NUMBERS[kind])[0]
        raise ValueError(f"metadata of the unknown type {kind}")


def _size(shape, format):
    """Bytes of a tensor."""
    weights = int(np.prod(shape, dtype=object))
    return weights // (SIZE if BLOCKS[format].names else 1) * BLOCKS[format].itemsize
