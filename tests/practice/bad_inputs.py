"""What strangers send: a body, its type, the status it deserves, and a word of the message."""

import io
import json
import struct

import numpy as np

JSON, NPY = "application/json", "application/x-npy"


def instances(value, **options):
    return json.dumps({"instances": value}, **options).encode()


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def header(text, version=(1, 0)):
    """A NumPy file with any header, and nothing behind it."""
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text.encode("latin1")


def claimed(**changes):
    said = {"descr": "<f4", "fortran_order": False, "shape": (1, 4)} | changes
    return header(str(said).ljust(100) + "\n")


good = [[0.5, 1, -2, 3e-3]]
ok = np.ones((1, 4), np.float32)
BAD = {
    "nothing": (b"", JSON, 400, "empty"),
    "no JSON": (b"hello", JSON, 400, "expected JSON"),
    "half of it": (instances(good)[:-3], JSON, 400, "expected JSON"),
    "two documents": (instances(good) * 2, JSON, 400, "Extra data"),
    "no UTF-8": (b'{"instances": "\xff\xfe"}', JSON, 400, "utf-8"),
    "UTF-16": (json.dumps({"instances": good}).encode("utf-16"), JSON, 400, "utf-8"),
    "a byte-order mark": (b"\xef\xbb\xbf" + instances(good), JSON, 400, "BOM"),
    "NaN": (b'{"instances": [[NaN, 1, 2, 3]]}', JSON, 400, "NaN"),
    "Infinity": (b'{"instances": [[1, -Infinity, 2, 3]]}', JSON, 400, "-Infinity"),
    "a number that is infinite": (b'{"instances": [[1e999, 1, 2, 3]]}', JSON, 422, "finite"),
    "too large for float32": (b'{"instances": [[1e39, 1, 2, 3]]}', JSON, 422, "finite"),
    "an enormous integer": (instances([[10**400, 1, 2, 3]]), JSON, 422, "larger"),
    "too many digits": (b'{"instances": [[' + b"9" * 5000 + b"]]}", JSON, 400, "JSON"),
    "a list without a name": (json.dumps(good).encode(), JSON, 422, "instances"),
    "a number": (b"1", JSON, 422, "instances"),
    "null": (b"null", JSON, 422, "instances"),
    "another name": (json.dumps({"inputs": good}).encode(), JSON, 422, "instances"),
    "a second name": (b'{"instances": [[1,2,3,4]], "x": 1}', JSON, 422, "nothing beside"),
    "a name twice": (b'{"instances": [[1,2,3,4]], "instances": []}', JSON, 400, "twice"),
    "a name twice inside": (b'{"instances": [{"a": 1, "a": 2}]}', JSON, 400, "twice"),
    "no examples": (instances([]), JSON, 422, "at least one"),
    "an empty example": (instances([[]]), JSON, 422, "instead of 4"),
    "one example without a batch": (instances(good[0]), JSON, 422, "levels of lists"),
    "a level too many": (instances([good]), JSON, 422, "instead of 4"),
    "lists for numbers": (instances([[[1], [2], [3], [4]]]), JSON, 422, "a list"),
    "three features": (instances([[1, 2, 3]]), JSON, 422, "3 instead of 4"),
    "ragged": (instances([[1, 2, 3, 4], [1, 2, 3]]), JSON, 422, "ragged"),
    "strings": (instances([["a", "b", "c", "d"]]), JSON, 422, "a string"),
    "numbers as strings": (instances([["1", "2", "3", "4"]]), JSON, 422, "a string"),
    "a string for a list": (instances(["1234"]), JSON, 422, "a string"),
    "booleans": (instances([[True, False, True, True]]), JSON, 422, "a boolean"),
    "one boolean": (instances([[1, 2, 3, True]]), JSON, 422, "a boolean"),
    "a hole": (instances([[1, 2, 3, None]]), JSON, 422, "null"),
    "an object": (instances([{"a": 1}]), JSON, 422, "an object"),
    "deep nesting": (b'{"instances": ' + b"[" * 200_000, JSON, 400, "JSON"),
    "deep and closed": (b"[" * 100_000 + b"]" * 100_000, JSON, 400, "deep"),
    "too many examples": (instances([[0, 0, 0, 0]] * 1025), JSON, 413, "1,024 examples"),
    "no type": (instances(good), "", 415, "no type"),
    "a wrong type": (instances(good), "text/csv", 415, "text/csv"),
    "a long type": (instances(good), 99 * "x", 415, f"got {80 * 'x'}"),
    "a form": (b"instances=1", "application/x-www-form-urlencoded", 415, "urlencoded"),
    "a wrong charset": (instances(good), JSON + "; charset=latin-1", 415, "UTF-8"),
    "another option": (instances(good), JSON + "; boundary=x", 415, "no other option"),
    "JSON for a NumPy file": (instances(good), NPY, 400, "bad header"),
    "a NumPy file for JSON": (npy(ok), JSON, 400, "expected JSON"),
    "no NumPy file": (b"\x00" * 200, NPY, 400, "bad header"),
    "a pickle": (b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.", NPY, 400, "bad header"),
    "a pickled array": (
        npy(np.array([[{}, 1, 2, 3]], object), allow_pickle=True), NPY, 415, "pickles",
    ),
    "a zip of arrays": (b"PK\x03\x04" + b"\x00" * 100, NPY, 400, "bad header"),
    "a header that is cut off": (npy(ok)[:40], NPY, 400, "bad header"),
    "a header of 60,000 bytes": (header("{" + " " * 60_000 + "}"), NPY, 400, "bad header"),
    "a header of 4 GB": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 90, NPY, 400, "bad header"),
    "a deep header": (header("(" * 9000 + ")" * 9000), NPY, 400, "bad header"),
    "a program for a header": (header("__import__('os').abort()"), NPY, 400, "bad header"),
    "another version": (b"\x93NUMPY\x09\x00" + npy(ok)[8:], NPY, 400, "bad header"),
    "a petabyte, it says": (claimed(shape=(2**48, 4)), NPY, 400, "promises"),
    "an overflowing shape": (claimed(shape=(2**70, 4)), NPY, 400, "promises"),
    "a negative shape": (claimed(shape=(-1, 4)), NPY, 400, "promises"),
    "numbers that are missing": (npy(ok)[:-4], NPY, 400, "promises"),
    "numbers too many": (npy(ok) + b"1234", NPY, 400, "promises"),
    "no rows": (npy(ok[:0]), NPY, 422, "at least one"),
    "a single number": (npy(np.float32(1)), NPY, 422, "0 axes"),
    "one axis": (npy(ok[0]), NPY, 422, "1 axes"),
    "five features": (npy(np.ones((2, 5), np.float32)), NPY, 422, "5 instead of 4"),
    "integers": (npy(np.ones((1, 4), np.uint8)), NPY, 422, "uint8"),
    "booleans in NumPy": (npy(np.ones((1, 4), bool)), NPY, 422, "bool"),
    "complex numbers": (npy(np.ones((1, 4), complex)), NPY, 422, "complex"),
    "strings in NumPy": (npy(np.full((1, 4), "1")), NPY, 422, "<U1"),
    "dates": (npy(np.zeros((1, 4), "M8[s]")), NPY, 422, "datetime"),
    "records": (npy(np.zeros((1, 4), [("a", "f4")])), NPY, 422, "expected float32"),
    "long doubles": (npy(np.ones((1, 4), np.longdouble)), NPY, 422, "float128"),
    "NaN in NumPy": (npy(ok * np.nan), NPY, 422, "finite"),
    "infinity in NumPy": (npy(ok * np.inf), NPY, 422, "finite"),
    "float64 too large for float32": (npy(np.full((1, 4), 1e39)), NPY, 422, "finite"),
    "1,025 rows": (npy(np.ones((1025, 4), np.float32)), NPY, 413, "1,024 examples"),
    "overflow inside the model": (npy(np.full((1, 4), 3e38, np.float32)), NPY, 422, "overflow"),
}  # fmt: skip
