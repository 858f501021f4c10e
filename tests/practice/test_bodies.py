"""Bodies without a server: what each is refused for, and what is read at the borders."""

import json

import numpy as np
import pytest
from bad_inputs import BAD, JSON, NPY, claimed, instances, npy

from nncourse.practice.bodies import BadInput, read_body

SHAPE = ("batch", 4)
OF_THE_SERVER = {"too many examples", "1,025 rows", "overflow inside the model"}


@pytest.mark.parametrize("name", sorted(BAD.keys() - OF_THE_SERVER))
def test_every_bad_body_is_explained(name):
    body, kind, status, word = BAD[name]
    with pytest.raises(BadInput) as error:
        read_body(body, kind, SHAPE)
    assert error.value.status == status and word in str(error.value)


def refusal(body, kind, shape=SHAPE, dtype=np.float32):
    with pytest.raises(BadInput) as error:
        read_body(body, kind, shape, dtype)
    return str(error.value)


def test_eighty_letters_of_what_came_are_shown():
    assert refusal(b"{}", 99 * "x").endswith(f"got {80 * 'x'}")
    assert refusal(b"{}", f"{JSON};{99 * 'x'}").endswith(f"got {80 * 'x'}")
    assert refusal(b"{}", "").endswith("got no type")
    assert refusal(b"", NPY) == "expected a NumPy file, got an empty body"
    assert refusal(b"", JSON) == "expected JSON, got an empty body"


@pytest.mark.parametrize("shape", [(None, 2, 3), ("batch", 2, 3), ("batch", "steps", 3)])
def test_levels_and_axes_are_named_from_1(shape):
    x = np.arange(12.0, dtype=np.float32).reshape(2, 2, 3)
    for body, kind in ((instances(x.tolist()), JSON), (npy(x), NPY), (npy(x.T.copy().T), NPY)):
        found = read_body(body, kind, shape)
        np.testing.assert_array_equal(found, x)
        assert found.dtype == np.float32
    ragged = [[[1, 2, 3]], [[1, 2, 3], [4, 5, 6]]]
    assert "on level 2, got ragged ones" in refusal(instances(ragged), JSON, shape)
    assert "on level 3, got ragged" in refusal(instances([[[1, 2, 3], [4]]]), JSON, shape)
    assert "3 levels of lists, got a number" in refusal(instances([1, 2]), JSON, shape)
    assert "4 instead of 3" in refusal(instances([[[1, 2, 3, 4]] * 2]), JSON, shape)
    assert "at least one" in refusal(instances([[]]), JSON, (None, None, 3))
    assert "2 axes" in refusal(npy(x[0]), NPY, shape) and "4 axes" in refusal(
        npy(x[None]), NPY, shape
    )


def test_numbers_at_the_ends_of_their_types():
    largest = float(np.finfo(np.float32).max)
    found = read_body(instances([[largest, -largest, 5e-46, 1]]), JSON, SHAPE)
    assert found.tolist() == [[largest, -largest, 0, 1]]
    assert "finite numbers of float32" in refusal(instances([[3.5e38, 0, 0, 0]]), JSON)
    assert "finite numbers of float16" in refusal(
        instances([[65_520, 0, 0, 0]]), JSON, dtype=np.float16
    )
    for end in (2**63 - 1, -(2**63)):
        found = read_body(instances([[end, 0, 1, 2]]), JSON, SHAPE, np.int64)
        assert found.dtype == np.int64 and found[0, 0] == end
    assert "64 bits" in refusal(instances([[2**63, 0, 1, 2]]), JSON, dtype=np.int64)
    assert "decimal point" in refusal(instances([[1.0, 0, 1, 2]]), JSON, dtype=np.int64)
    assert "a boolean" in refusal(instances([[True, 0, 1, 2]]), JSON, dtype=np.int64)


def test_as_many_numbers_as_the_header_promises():
    header, row = claimed(), np.ones(4, "<f4").tobytes()
    assert read_body(header + row, NPY, SHAPE).tolist() == [[1, 1, 1, 1]]
    for rest in (row[:-1], row + b"\0", b""):
        assert f"header promises, got {len(rest)}" in refusal(header + rest, NPY)
    turned = claimed(shape=(2, 4), fortran_order=True) + np.arange(8, dtype="<f4").tobytes()
    assert read_body(turned, NPY, SHAPE).tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f8", "<i2", "|u1", "|b1", "<c8"])
@pytest.mark.parametrize("wanted", [np.float32, np.int64])
def test_files_hold_numbers_of_the_models_kind(kind, wanted):
    """Floating-point numbers for such a model, whole ones for ids; no others."""
    body, kinds = npy(np.ones((1, 4), kind)), "iu" if wanted is np.int64 else "f"
    if np.dtype(kind).kind in kinds:
        found = read_body(body, NPY, SHAPE, wanted)
        assert found.dtype == wanted and found.tolist() == [[1, 1, 1, 1]]
    else:
        assert f"expected {np.dtype(wanted)}" in refusal(body, NPY, dtype=wanted)


def test_a_document_holds_its_key_alone():
    for content in ({"instances": [[1, 2, 3, 4]], "more": 0}, {"more": 0}, {}, []):
        assert "nothing beside it" in refusal(json.dumps(content).encode(), JSON)
