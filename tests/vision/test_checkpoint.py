"""A file of weights is read; a file that wants more, or is damaged, is refused and runs nothing."""

import io
import pickle
from collections import OrderedDict
from typing import ClassVar

import numpy as np
import pytest

from nncourse.vision.checkpoint import MAGIC, CheckpointError, read_checkpoint


class Named:
    """What pickles as a bare name, ``module.name``, without importing it."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Writer(pickle._Pickler):
    """Write what PyTorch would write, by hand: names, calls of names, and storages."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_name(self, obj):
        self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())

    dispatch[Named] = save_name

    def persistent_id(self, obj):
        return obj[1:] if isinstance(obj, tuple) and obj[:1] == ("pid",) else None

    def save_call(self, obj):
        self.save(obj.function)
        self.save(obj.arguments)
        self.write(pickle.REDUCE)


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


Writer.dispatch[Call] = Writer.save_call
FLOAT = Named("torch", "FloatStorage")
REBUILD = Named("torch._utils", "_rebuild_tensor_v2")


def pickled(thing):
    out = io.BytesIO()
    Writer(out, protocol=2).dump(thing)
    return out.getvalue()


def array(key="1", size=6, offset=0, shape=(2, 3), strides=(3, 1), kind=FLOAT):
    storage = ("pid", "storage", kind, key, "cpu", size, None)
    return Call(
        REBUILD, storage, offset, shape, strides, False, Call(Named("collections", "OrderedDict"))
    )


def file(tmp_path, state, *, numbers=None, magic=MAGIC, version=1001, end=b"", **machine):
    parts = [magic, version, {"little_endian": True, **machine}, state, ["1"]]
    row = np.arange(6.0, dtype="<f4") if numbers is None else numbers
    content = b"".join(map(pickled, parts)) + len(row).to_bytes(8, "little") + row.tobytes()
    path = tmp_path / "weights.pth"
    path.write_bytes(content + end)
    return path


def test_strides_say_in_which_order_the_numbers_lie(tmp_path):
    state = {
        "rows": array(),
        "columns": array(strides=(1, 2)),
        "part": array(offset=2, shape=(2, 2), strides=(2, 1)),
        "number": array(offset=5, shape=(), strides=()),
    }
    arrays = read_checkpoint(file(tmp_path, state))
    assert arrays["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["columns"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert arrays["part"].tolist() == [[2, 3], [4, 5]]
    assert arrays["number"] == 5 and arrays["number"].shape == ()
    assert all(a.dtype == np.float32 and a.flags.owndata for a in arrays.values())


@pytest.mark.parametrize(
    "name",
    ["os.system", "builtins.eval", "builtins.getattr", "nncourse.datasets.load_mnist",
     "torch.HalfStorage", "collections.defaultdict", "torch._utils._rebuild_tensor"],
)  # fmt: skip
def test_other_names_are_refused_before_anything_runs(tmp_path, name):
    module, _, function = name.rpartition(".")
    command = f"touch {tmp_path}/was-here"
    state = {"w": Call(Named(module, function), command)}
    with pytest.raises(CheckpointError, match=f"wants to use {name}.*Nothing was run"):
        read_checkpoint(file(tmp_path, state))
    assert not (tmp_path / "was-here").exists()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"w": array(shape=(2, 4))}, r"w of shape \(2, 4\) with strides \(3, 1\) does not fit"),
        ({"w": array(offset=1)}, "does not fit into its 6 numbers"),
        ({"w": array(strides=(4, 1))}, "does not fit"),
        ({"w": array(shape=(10**9, 10**9), strides=(0, 0))}, "does not fit"),
        ({"w": array(offset=-1)}, "sizes that are no sizes"),
        ({"w": array(strides=(-3, 1))}, "sizes that are no sizes"),
        ({"w": array(shape=(2.0, 3))}, "sizes that are no sizes"),
        ({"w": array(shape=(1,) * 9, strides=(1,) * 9)}, "sizes that are no sizes"),
        ({"w": array(strides=(3,))}, "holds something else than arrays"),
        ({"w": array(shape=7)}, "holds something else than arrays"),
        ({"w": array(size=7)}, "is missing"),
        ({"w": array(size=10**15)}, "is missing"),
        ({"w": array(key="2")}, "list of storages is not the one"),
        ({"w": array(kind="FloatStorage")}, None),
        ({"w": array(kind=5)}, "describes a storage"),
        ({"w": array(kind=Named("torch", "LongStorage"))}, "is missing"),
        ({"w": 3}, "'w' is not an array, but int"),
        ({"w": Call(REBUILD, 1, 0, (1,), (1,))}, "'w' is not an array"),
        ([1, 2], "holds something else than arrays"),
        ({"v": array(size=9**9, shape=(9**9,), strides=(1,)), "w": array()}, "two things about"),
        ({"v": array(kind=Named("torch", "LongStorage")), "w": array()}, "two things about"),
        ({"w": array(shape=(0, 2**62), strides=(2**62, 1))}, "else than arrays|does not fit"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(tmp_path, state, words):
    path = file(tmp_path, state)
    if words is None:
        assert read_checkpoint(path)["w"].shape == (2, 3)
        return
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(path)


def test_other_formats_are_refused(tmp_path):
    for options, words in (
        ({"magic": 5}, "no checkpoint in PyTorch's legacy format"),
        ({"version": 1002}, "legacy format"),
        ({"little_endian": False}, "another order of bytes"),
        ({"end": b"more"}, "4 bytes are left over"),
        ({"numbers": np.zeros(5, "<f4")}, "is missing"),
        ({"numbers": np.zeros(7, "<f4")}, "7 numbers instead of 6"),
    ):
        with pytest.raises(CheckpointError, match=words):
            read_checkpoint(file(tmp_path, {"w": array()}, **options))
    (tmp_path / "zip.pth").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(CheckpointError, match="no checkpoint of PyTorch"):
        read_checkpoint(tmp_path / "zip.pth")


def test_every_cut_and_every_damaged_byte_is_an_error_or_harmless(tmp_path):
    """Cut anywhere: refused. One byte changed: refused, or read as arrays of the same file."""
    path = file(tmp_path, OrderedDict(w=array()))
    content = path.read_bytes()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(CheckpointError):
            read_checkpoint(path)
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 0x55]) + content[i + 1 :])
        try:
            arrays = read_checkpoint(path)
        except CheckpointError:
            continue
        assert all(a.size <= 6 for a in arrays.values())
