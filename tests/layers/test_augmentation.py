"""Random changes of images: what they do to known pictures."""

import numpy as np
import pytest

import nncourse as nn


def whole_pixels(n, layer):
    """Fix the random amounts at their largest: a generator that always draws the upper end."""

    class UpperEnd:
        def uniform(self, low, high, size):
            return np.full(size, float(high))

        def random(self, n):
            return np.zeros(n)

    layer.rng = UpperEnd()
    return layer(np.arange(float(n * n)).reshape(1, n, n, 1), training=True)[0, :, :, 0]


def test_a_quarter_turn_is_that_of_numpy():
    x = np.arange(25.0).reshape(5, 5)
    for degrees, expected in (90, np.rot90(x, -1)), (180, x[::-1, ::-1]):
        turned = whole_pixels(5, nn.RandomAffine(rotation=degrees))
        np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-13)


def test_a_shift_by_whole_pixels_moves_and_fills_with_zeros():
    x = np.arange(16.0).reshape(4, 4)
    expected = np.zeros((4, 4))
    expected[2:, 2:] = x[:2, :2]
    np.testing.assert_allclose(whole_pixels(4, nn.RandomAffine(shift=2)), expected)


def test_a_shift_by_half_a_pixel_averages_neighbors():
    x = np.pad(np.arange(16.0).reshape(4, 4), [(1, 0), (1, 0)])
    expected = (x[1:, 1:] + x[:-1, 1:] + x[1:, :-1] + x[:-1, :-1]) / 4
    np.testing.assert_allclose(whole_pixels(4, nn.RandomAffine(shift=0.5)), expected)


def test_zoom_enlarges_about_the_middle():
    # At zoom 1.5 output pixel q shows the input at q / 1.5: pixels 3 and -3 show 2 and -2.
    zoomed = whole_pixels(7, nn.RandomAffine(zoom=0.5))
    x = np.arange(49.0).reshape(7, 7)
    np.testing.assert_allclose(zoomed[::3, ::3], x[1::2, 1::2])


def test_without_amounts_nothing_changes():
    x = np.random.default_rng(0).normal(size=(3, 6, 5, 2))
    np.testing.assert_array_equal(nn.RandomAffine(rng=0)(x, training=True), x)


def test_each_image_is_changed_by_itself_and_only_while_training():
    x = np.repeat(np.random.default_rng(0).random((1, 8, 8, 1)), 50, axis=0)
    layer = nn.RandomAffine(shift=2, rng=0)
    assert layer(x) is x
    assert len(np.unique(layer(x, training=True).reshape(50, -1).round(6), axis=0)) == 50


def test_flip_mirrors_about_half():
    x = np.random.default_rng(0).random((400, 3, 4, 1))
    y = nn.RandomFlip(rng=0)(x, training=True)
    mirrored = (y == x[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (y == x).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / np.sqrt(400)


@pytest.mark.parametrize("shift", [0.3, 1.7, 100])
def test_pixels_from_far_outside_are_zero(shift):
    x = np.ones((20, 4, 4, 1), np.float32)
    y = nn.RandomAffine(shift=shift, rng=0)(x, training=True)
    assert y.min() >= 0 and y.max() <= 1 + 1e-6


def test_whole_numbers_are_refused_with_advice():
    photographs = np.full((2, 8, 8, 3), 200, np.uint8)
    with pytest.raises(ValueError, match=r"got uint8. Try x.astype\(np.float32\) / 255"):
        nn.RandomAffine(rotation=10)(photographs, training=True)
