"""The wire carries plain data exactly, and refuses everything else."""

import io
import json
import struct

import numpy as np
import pytest

from nncourse.exercises import all_exercises
from nncourse.exercises.wire import WireError, pack, unpack


def sent(value):
    return unpack(io.BytesIO(pack(value)).read)


def same(a, b):
    """Say whether two values are equal in type, shape, dtype and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return repr(a) == repr(b)


@pytest.mark.parametrize("name", all_exercises())
def test_inputs_and_answers_of_every_exercise_travel(name):
    exercise = all_exercises()[name]
    for arguments in exercise.cases(np.random.default_rng(0)):
        assert same(sent(arguments), arguments)
        answer = exercise.answer(*arguments)
        assert same(sent(answer), answer)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, -(2**62), 0.1, float("nan"), float("-inf"), "ü\ud800", [], (), {}, ...,
        [1, (2.0, [None])], {"a": [1], 2: "b"}, np.float32(0.1), np.int64(3), np.bool_(True),
        np.zeros((0, 3)), np.arange(6.0).reshape(2, 3).T, np.array(1 + 2j), np.array(5),
    ],
    ids=repr,
)  # fmt: skip
def test_plain_data_travels(value):
    expected = np.ascontiguousarray(value) if getattr(value, "ndim", 0) else value
    assert same(sent(value), expected)


@pytest.mark.parametrize(
    "value", [len, object(), {1, 2}, 2**70, np.array([len]), np.array("text"), np.longdouble(1)]
)
def test_of_other_things_only_the_type_travels(value):
    assert repr(sent([value])[0]) == f"an object of type {type(value).__name__}"


def test_limits_hold_on_the_way_out():
    deep = []
    for _ in range(20):
        deep = [deep]
    for value in (deep, np.zeros(10**7), "x" * 10**7):
        with pytest.raises(WireError, match="too"):
            pack(value)


def forged(header, arrays=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<II", len(header), len(arrays)) + header + arrays


@pytest.mark.parametrize(
    "data",
    [
        forged(b"{"), forged(b"\xff"), forged(b"[" * 10**5), forged(b"9" * 10**5), forged([1]),
        forged({}), forged({"list": 1}), forged({"list": [], "tuple": []}), forged({"no": 1}),
        forged({"list": [1] * 30_000}), forged({"dict": [[{"list": []}, 1]]}),
        forged({"dict": [1]}), forged({"other": []}),
        forged({"array": ["<f8", [1]]}), forged({"array": ["<f8", [-1]]}, b"x" * 8),
        forged({"array": ["<f8", [-1, -1]]}, b"x" * 8), forged({"array": ["|O", [1]]}, b"x" * 8),
        forged({"array": ["<f8", [1.0]]}, b"x" * 8), forged({"array": ["<f8", [True]]}, b"x" * 8),
        forged({"array": ["<f8", "1"]}, b"x" * 8), forged({"array": ["<f8"]}, b"x" * 8),
        forged({"array": ["<f8", [2**62, 2**62]]}, b"x" * 8),
        forged({"array": ["<f8", [1] * 99]}, b"x" * 8), forged(1, b"left over"),
        struct.pack("<II", 2**31, 0), struct.pack("<II", 0, 2**31),
    ],
)  # fmt: skip
def test_forged_replies_are_refused(data):
    with pytest.raises(WireError, match=r"too|malformed"):
        unpack(io.BytesIO(data).read)
