"""Work is done in parts that fit a cache: all of it, once, and in as few as the limit allows."""

from itertools import chain

import numpy as np
import pytest

import nncourse as nn
from nncourse import activations
from nncourse.layers import conv, depthwise, panels, recurrent


@pytest.mark.parametrize("numbers", [1, 11, 12, 13, 24, 35, 36, 1000])
@pytest.mark.parametrize("images", [1, 2, 5])
def test_images_in_parts(images, numbers):
    """An image of 2 windows of 5 numbers has outputs of 2: 12 in all."""
    parts = conv._parts(np.zeros((images, 2, 5)), np.zeros((images, 2)), numbers)
    each = max(1, numbers // 12)
    assert parts == [slice(i, i + each) for i in range(0, images, each)]


@pytest.mark.parametrize(("time", "numbers"), [(1, 5), (9, 5), (9, 40), (10, 20), (3, 41)])
def test_steps_in_parts(time, numbers):
    parts = recurrent._parts(time, numbers, 40)
    each = max(1, 40 // numbers)
    steps = [list(range(part.start, part.stop)) for part in parts]
    assert [*chain.from_iterable(steps)] == [*range(time)]
    assert all(len(s) == each for s in steps[:-1])


@pytest.mark.parametrize("numbers", [1, 6, 7, 12, 17, 18, 35, 36, 54, 1000])
@pytest.mark.parametrize("shape", [(1, 3, 6), (4, 3, 6), (2, 1, 6)])
def test_images_or_rows_in_parts(shape, numbers):
    """Several whole images, or some rows of one."""
    counted, images, rows = np.zeros(shape), *shape[:2]
    each = max(1, numbers // 6)  # rows
    for part in depthwise._parts(shape, numbers):
        counted[part] += 1
        size = counted[part].shape
        assert size[0] == 1 or (size[1] == rows and size[0] * rows <= each)
        assert size[0] * size[1] <= max(each, 1)
    assert (counted == 1).all()
    many = max(1, each // rows)
    expected = -(-images // many) if many > 1 else images * -(-rows // min(each, rows))
    assert len(list(depthwise._parts(shape, numbers))) == expected


@pytest.mark.parametrize("rows", [1, 7, 100])
@pytest.mark.parametrize("inputs", [3, 1000, 40_000])
def test_products_in_parts(monkeypatch, rows, inputs):
    """At most a million multiplications a panel, which is what OpenBLAS does without a copy."""
    sizes, matmul = [], np.matmul

    def spy(a, b, out):
        sizes.append(len(a))
        return matmul(a, b, out=out)

    x, matrix = np.ones((rows, inputs), np.float32), panels.Panels(np.ones((inputs, 64), "f4"))
    monkeypatch.setattr(np, "matmul", spy)
    y = x @ matrix
    monkeypatch.undo()
    most = max(1, 1_000_000 // (inputs * 32))
    assert (y == inputs).all() and sum(sizes) == rows
    assert max(sizes) <= most and len(sizes) == -(-rows // most)
    assert max(sizes) - min(sizes) <= max(sizes) / 2 or len(sizes) == 2  # about alike


@pytest.mark.parametrize("entries", [1, 4, 5, 6, 7, 100])
def test_entries_in_blocks(entries):
    seen = []
    x = np.arange(12.0).reshape(2, 6)[:, :5]
    y = activations._in_blocks(lambda part: seen.append(len(part)) or part**2, x, entries)
    np.testing.assert_array_equal(y, x**2)
    assert seen == [min(entries, 10 - i) for i in range(0, 10, entries)]


@pytest.mark.parametrize(
    "layer", [nn.GlobalAveragePool2D(), nn.RandomFlip(rng=0), nn.RandomAffine(rng=0)], ids=repr
)
@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 1, 5, 1), (2, 5, 1, 2)])
def test_a_row_a_column_or_a_pixel_is_an_image(layer, shape):
    y = layer(np.ones(shape), training=True)
    assert layer.backward(np.ones(y.shape)).shape == shape and (y == 1).all()
