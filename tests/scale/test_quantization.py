"""Quantization and the GGUF file: the bytes of llama.cpp's own library, and errors from theory."""

import struct

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nncourse.language.gguf import GGUFFile
from nncourse.scale.quantization import (
    BLOCKS,
    bits_per_weight,
    dequantize,
    quantize,
    relative_error,
)

FORMATS = ("Q8_0", "Q4_0", "Q4_1")
STEPS = {"Q8_0": 254, "Q4_0": 16, "Q4_1": 15}  # of the range that a block spans
LARGEST = {"Q8_0": 127, "Q4_0": 8, "Q4_1": 15}  # q
TYPES = {name: gguf.GGMLQuantizationType[name] for name in BLOCKS}

blocks = arrays(
    np.float32, (3, 64), elements=st.floats(-1000, 1000, width=32, allow_subnormal=False)
)


def normal(shape=(50, 320), scale=1.0):
    return np.random.default_rng(0).normal(0, scale, shape).astype(np.float32)


@pytest.mark.parametrize("format", BLOCKS)
@given(data=st.data())
def test_reading_any_bytes_equals_the_gguf_library_bit_by_bit(format, data):
    size = 4 * BLOCKS[format].itemsize
    content = data.draw(arrays(np.uint8, (2, size)))
    with np.errstate(invalid="ignore", over="ignore"):
        expected = gguf.quants.dequantize(content, TYPES[format]).view(np.float32)
        received = dequantize(content, format)
    np.testing.assert_array_equal(received, expected)
    assert received.dtype == np.float32


@pytest.mark.parametrize("format", BLOCKS)
def test_writing_equals_the_gguf_library_bit_by_bit(format):
    for scale in (1e-3, 0.02, 1.0, 300.0):
        x = normal(scale=scale)
        expected = gguf.quants.quantize(x, TYPES[format]).view(np.uint8)
        np.testing.assert_array_equal(quantize(x, format), expected)


@pytest.mark.parametrize("format", FORMATS)
@given(x=blocks)
def test_each_weight_is_off_by_half_a_step_at_most(format, x):
    """And by what the 16 bits of scale and minimum add: half of the last of 11 digits, or 2⁻²⁵.

    (A whole step for Q4_0, which has -8 but not 8.)
    """

    def rounding(value):
        return np.maximum(value * 2**-11, 2**-25)

    rows = x.reshape(3, 2, 32).astype(float)
    largest = np.abs(rows).max(axis=-1, keepdims=True)
    span = np.ptp(rows, axis=-1, keepdims=True) if format == "Q4_1" else 2 * largest
    step = span / STEPS[format]
    bound = step * (1.0 if format == "Q4_0" else 0.5) + LARGEST[format] * rounding(step)
    bound += rounding(largest) * (format == "Q4_1") + largest * 1e-6
    error = np.abs(dequantize(quantize(x, format), format).reshape(rows.shape) - rows)
    assert (error <= bound).all()


def test_error_falls_by_half_for_each_bit():
    """Rounding is off by s / sqrt(12); a normal block of 32 reaches 2.07 deviations on average."""
    x = normal((2000, 320))
    error = {format: relative_error(x, format) for format in BLOCKS}
    assert error["F32"] == 0 and error["F16"] < 2**-11
    for format, step in {"Q8_0": 2.45 / 127, "Q4_1": 2 * 2.07 / 15}.items():
        assert abs(error[format] / (step / np.sqrt(12)) - 1) < 0.12
    assert error["Q8_0"] < error["Q4_1"] < error["Q4_0"]


@pytest.mark.parametrize(
    ("format", "bits"), [("F32", 32), ("F16", 16), ("Q8_0", 8.5), ("Q4_0", 4.5), ("Q4_1", 5)]
)
def test_bits(format, bits):
    assert bits_per_weight(format) == bits
    assert 8 * quantize(normal((4, 64)), format).size / (4 * 64) == bits


def test_q4_1_by_hand():
    """32 weights 0 … 3.1: the minimum 0, the scale 3.1 / 15, two weights a byte: i and i + 16."""
    x = np.arange(32, dtype=np.float32) / 10
    data = quantize(x, "Q4_1")
    assert data[:4].view(np.float16).tolist() == [np.float16(3.1 / 15), 0]
    q = np.floor(x * 15 / 3.1 + 0.5).astype(int)
    np.testing.assert_array_equal(data[4:], q[:16] + 16 * q[16:])


@pytest.mark.parametrize("format", BLOCKS)
@pytest.mark.parametrize("value", [0.0, 1e-30, -1e-12])
def test_blocks_of_nothing(format, value):
    x = np.full((1, 32), value, np.float32)
    assert np.abs(dequantize(quantize(x, format), format)).max() <= abs(value)
    assert relative_error(np.zeros((1, 32)), format) == 0


@pytest.mark.parametrize(
    ("x", "format", "message"),
    [
        (np.ones((2, 31)), "Q8_0", r"multiple of 32 weights, got \(2, 31\)"),
        (np.float32(1), "F32", "rows"),
        (np.full(32, np.nan), "Q4_0", "finite"),
        (np.full(32, np.inf), "F16", "finite"),
        (np.full(32, 1e30), "Q8_0", r"Q8_0 cannot hold numbers as large as 1e\+30"),
        (np.full(32, 1e6), "F16", "F16 cannot hold"),
        (np.full(32, -1e6), "Q4_1", "Q4_1 cannot hold"),
        (np.ones(32), "Q2_K", "format must be one of F32, F16, Q8_0, Q4_0, Q4_1, got 'Q2_K'"),
    ],
)
def test_what_cannot_be_quantized(x, format, message):
    with pytest.raises(ValueError, match=message):
        quantize(x, format)


@pytest.mark.parametrize(
    "data", [np.zeros(33, np.uint8), np.zeros(34, np.int8), np.array(3, np.uint8)]
)
def test_what_cannot_be_dequantized(data):
    with pytest.raises(ValueError, match="Q8_0 is read from rows of uint8"):
        dequantize(data, "Q8_0")


# ------------------------------------------------------------------ the file


@pytest.fixture
def written(tmp_path):
    """A file written by the gguf library, with a value of each type and a tensor of each format."""
    writer = gguf.GGUFWriter(tmp_path / "tiny.gguf", "llama")
    for name in "uint8 int8 uint16 int16 uint32 int32 uint64 int64".split():
        getattr(writer, f"add_{name}")(f"a.{name}", 7)
    writer.add_float32("a.float32", 0.5)
    writer.add_float64("a.float64", 0.1)
    writer.add_bool("a.bool", True)
    writer.add_string("a.string", "naïve 神")
    writer.add_array("a.strings", ["b", "", "c"])
    writer.add_array("a.numbers", [1, 2, 3])
    tensors = {}
    for name in BLOCKS:
        x = normal((3, 64))
        data = quantize(x, name)
        tensors[f"w.{name}"] = dequantize(data, name)
        if BLOCKS[name].names:
            writer.add_tensor(f"w.{name}", data, raw_dtype=TYPES[name])
        else:
            writer.add_tensor(f"w.{name}", x.astype(BLOCKS[name]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "tiny.gguf", tensors


def test_reads_what_the_library_writes(written):
    path, tensors = written
    file = GGUFFile(path)
    numbers = {key[2:]: value for key, value in file.metadata.items() if "int" in key}
    assert set(numbers.values()) == {7} and len(numbers) == 8
    meta = file.metadata
    assert (meta["a.float32"], meta["a.float64"], meta["a.bool"]) == (0.5, 0.1, True)
    assert (meta["a.string"], meta["a.strings"]) == ("naïve 神", ["b", "", "c"])
    assert meta["a.numbers"] == [1, 2, 3] and meta["general.architecture"] == "llama"
    assert set(file.shapes) == set(tensors)
    for name, expected in tensors.items():
        assert file.shapes[name] == (3, 64) and file.formats[name] == name[2:]
        np.testing.assert_array_equal(file[name], expected)
    with pytest.raises(KeyError, match="no tensor 'v'"):
        file["v"]


def test_a_file_cut_off_anywhere(written):
    path, _ = written
    content = path.read_bytes()  # ends with 3 rows of 40 bytes, and 8 to fill up
    for length in [*range(0, len(content) - 9, 97), len(content) - 9]:
        path.with_name("cut.gguf").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"cut\.gguf is damaged or no GGUF file"):
            GGUFFile(path.with_name("cut.gguf"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 a zip file", "no GGUF file: it begins with b'PK"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "versions 2 and 3 can be read, it has 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "is damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63 - 1), "is damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"\xff" * 20, "damaged"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"a", 99), "unknown type 99"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"a", 9, 0, 2**61), "damaged"),
        (
            b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"w", 1, 32, 12, 0),
            "tensor 'w' has the unknown type 12; known: F32, F16",
        ),
    ],
)
def test_damaged_files(tmp_path, content, message):
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        GGUFFile(tmp_path / "bad.gguf")


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        GGUFFile(tmp_path / "none.gguf")
