"""Reading a PyTorch checkpoint without PyTorch, and without running it.

A pickle is a program: it names functions, and loading it calls them. ``pickle.load`` of a
stranger's file runs what the stranger wrote. The reader below knows four names, which is all that a
file of weights needs, and refuses the rest. The *legacy* format (until 2020) is five pickles, one
after the other: a magic number, a version, facts about the machine, the *state* that says how each
array lies in a storage, and the storages' keys; then, for each key, a count and the raw numbers.
"""

import math
import os
import pickle
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

__all__ = ["CheckpointError", "read_checkpoint"]

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class CheckpointError(ValueError):
    """A file of weights is damaged, of another format, or wants to run something.

    Examples
    --------
    >>> issubclass(CheckpointError, ValueError)
    True
    """


def read_checkpoint(path):
    """Read all arrays of a PyTorch file in the legacy format: ``{name: array}``.

    An array is a storage (a row of numbers), an offset, a shape and *strides*: how many numbers
    further the next entry along each axis lies, ``x[i, j] = storage[offset + i * s + j * t]``.
    Strides say in which order the numbers lie; the shape alone does not.

    Parameters
    ----------
    path : str or path
        Of a file of float32 and int64 arrays, written on a little-endian machine.

    Returns
    -------
    dict of str to array
        Each with the shape and the type it had in PyTorch; a copy.

    Raises
    ------
    CheckpointError
        If the file is cut short, is of another format, names anything but the four names
        of a file of weights, or describes arrays that do not fit into their storages.
    TypeError
        If ``path`` is none.

    Examples
    --------
    >>> arrays = read_checkpoint("efficientnet-lite0-57934424.pth")  # doctest: +SKIP
    >>> arrays["_fc.weight"].shape  # doctest: +SKIP
    (1000, 1280)
    """
    with open(os.fspath(path), "rb") as file:  # a number would be a file that is open already
        try:
            magic, version, machine, state, keys = (_Reader(file).load() for _ in range(5))
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        except Exception as error:  # a damaged pickle can raise nearly anything
            raise CheckpointError(f"{path} is no checkpoint of PyTorch: {error!r}") from None
        if (magic, version) != (MAGIC, VERSION):
            raise CheckpointError(f"{path} is no checkpoint in PyTorch's legacy format.")
        if not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise CheckpointError(f"{path} was written on a machine with another order of bytes.")
        try:
            arrays = {name: _checked(name, array) for name, array in dict(state).items()}
            storages = _storages(file, _wanted(arrays.values()), keys)
            return {name: _strided(a, storages[a.storage.key]) for name, a in arrays.items()}
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{path} holds something else than arrays: {error}") from None


@dataclass(frozen=True)
class _Storage:
    kind: np.dtype
    key: str
    size: int


@dataclass(frozen=True)
class _Array:
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


class _Reader(pickle.Unpickler):
    """An unpickler that knows four names, and PyTorch's function only notes what it is told."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Array(
                storage, offset, shape, strides
            )
        if module == "torch" and name in TYPES:
            return name
        raise CheckpointError(
            f"it wants to use {module}.{name}, which no file of weights needs. Nothing was run."
        )

    def persistent_load(self, identity):
        word, kind, key, _, size, *_ = identity
        if word != "storage" or kind not in TYPES or not isinstance(key, str):
            raise CheckpointError(f"it describes a storage as {identity!r:.80}.")
        return _Storage(TYPES[kind], key, size)


def _checked(name, array):
    """Return an array's description, once it is found to lie within its storage."""
    if not isinstance(array, _Array) or not isinstance(array.storage, _Storage):
        raise CheckpointError(f"{name!r:.80} is not an array, but {type(array).__name__}.")
    numbers = (array.offset, array.storage.size, *array.shape, *array.strides)
    if any(type(n) is not int or n < 0 for n in numbers) or len(array.shape) > 8:
        raise CheckpointError(f"{name} has sizes that are no sizes: {array!r:.200}.")
    steps = [(n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)]
    last = array.offset + sum(steps)
    if math.prod(array.shape) > array.storage.size or last >= array.storage.size:
        raise CheckpointError(
            f"{name} of shape {array.shape} with strides {array.strides} does not fit into its "
            f"{array.storage.size} numbers."
        )
    return array


def _wanted(arrays):
    """Return the storages by their keys; whoever names one must say the same of it."""
    wanted = {}
    for storage in (array.storage for array in arrays):
        if wanted.setdefault(storage.key, storage) != storage:
            raise CheckpointError(f"it says two things about storage {storage.key}.")
    return wanted


def _storages(file, wanted, keys):
    """Read the raw numbers behind the pickles: for each key a count, then as many numbers."""
    if not isinstance(keys, list) or sorted(wanted) != sorted(keys):
        raise CheckpointError("its list of storages is not the one that its arrays need.")
    left, read = os.fstat(file.fileno()).st_size - file.tell(), {}
    for key in keys:
        kind, size = wanted[key].kind, wanted[key].size
        left -= 8 + size * kind.itemsize
        if left < 0:
            raise CheckpointError(f"it ends before storage {key}: a part of it is missing.")
        if (count := int.from_bytes(file.read(8), "little")) != size:
            raise CheckpointError(f"storage {key} holds {count} numbers instead of {size}.")
        read[key] = np.frombuffer(file.read(size * kind.itemsize), kind)
    if left:
        raise CheckpointError(f"{left} bytes are left over at its end.")
    return read


def _strided(array, storage):
    """Return the entries of an array in the order of its axes; every step is within the storage."""
    steps = [s * storage.itemsize for s in array.strides]
    view = np.lib.stride_tricks.as_strided(storage[array.offset :], array.shape, steps)
    return view.copy()
