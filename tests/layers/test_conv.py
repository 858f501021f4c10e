"""Convolution and pooling against plain loops over their definitions."""

import numpy as np
import pytest

import nncourse as nn


def loop_convolution(x, kernel, bias, stride, before, shape):
    """Sum over the window, for each output number by itself; zeros lie outside the image."""
    y = np.zeros(shape)
    for n, i, j, k in np.ndindex(shape):
        y[n, i, j, k] = bias[k]
        for (u, v, c), weight in np.ndenumerate(kernel[..., k]):
            row, column = i * stride[0] + u - before[0], j * stride[1] + v - before[1]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                y[n, i, j, k] += x[n, row, column, c] * weight
    return y


def loop_gradients(x, kernel, grad, stride, before):
    """Every product of the sum above sends its share to its weight and to its pixel."""
    dx, dw = np.zeros_like(x), np.zeros_like(kernel)
    for (n, i, j, k), g in np.ndenumerate(grad):
        for u, v, c in np.ndindex(kernel.shape[:3]):
            row, column = i * stride[0] + u - before[0], j * stride[1] + v - before[1]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                dw[u, v, c, k] += g * x[n, row, column, c]
                dx[n, row, column, c] += g * kernel[u, v, c, k]
    return dx, dw, grad.sum(axis=(0, 1, 2))


@pytest.mark.parametrize(
    ("image", "size", "stride", "padding", "before", "out"),
    [
        # The output's size and the padding before the image, both worked out by hand.
        ((5, 6), (3, 3), (1, 1), "valid", (0, 0), (3, 4)),
        ((6, 6), (3, 2), (2, 3), "valid", (0, 0), (2, 2)),
        ((3, 2), (3, 2), (1, 1), "valid", (0, 0), (1, 1)),
        ((5, 6), (1, 1), (1, 1), "valid", (0, 0), (5, 6)),
        ((5, 6), (3, 3), (1, 1), "same", (1, 1), (5, 6)),
        ((5, 6), (2, 4), (1, 1), "same", (0, 1), (5, 6)),
        ((5, 6), (3, 3), (2, 2), "same", (1, 0), (3, 3)),
        ((5, 6), (2, 1), (3, 4), "same", (0, 0), (2, 2)),
        ((2, 2), (5, 5), (1, 1), "same", (2, 2), (2, 2)),
    ],
)
def test_convolution_equals_the_loops(image, size, stride, padding, before, out):
    rng = np.random.default_rng(0)
    layer = nn.Conv2D(2, 3, size, stride=stride, padding=padding, rng=1, dtype=np.float64)
    layer.bias.value[...] = rng.normal(size=3)
    kernel, bias = layer.kernel.value, layer.bias.value
    x, grad = rng.normal(size=(2, *image, 2)), rng.normal(size=(2, *out, 3))
    y = layer(x)
    assert y.shape == grad.shape
    expected = loop_convolution(x, kernel, bias, stride, before, grad.shape)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    received = layer.backward(grad), layer.kernel.grad, layer.bias.grad
    for r, e in zip(received, loop_gradients(x, kernel, grad, stride, before), strict=True):
        np.testing.assert_allclose(r, e, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, (3, 2)])
@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
def test_pooling_equals_the_loops(size, stride):
    rng = np.random.default_rng(0)
    x = rng.permutation(2 * 7 * 6 * 2).reshape(2, 7, 6, 2).astype(float)  # no two are equal
    layers = nn.MaxPool2D(size, stride=stride), nn.AveragePool2D(size, stride=stride)
    (height, width), (down, right) = layers[0].size, layers[0].stride
    largest, mean = (layer(x) for layer in layers)
    assert largest.shape == (2, (7 - height) // down + 1, (6 - width) // right + 1, 2)
    grad = rng.normal(size=largest.shape)
    expected_max, expected_mean = np.zeros_like(x), np.zeros_like(x)
    for n, i, j, c in np.ndindex(largest.shape):
        here = (n, slice(i * down, i * down + height), slice(j * right, j * right + width), c)
        window = x[here]
        assert largest[n, i, j, c] == window.max()
        np.testing.assert_allclose(mean[n, i, j, c], window.mean())
        expected_max[here] += grad[n, i, j, c] * (window == window.max())
        expected_mean[here] += grad[n, i, j, c] / window.size
    for layer, expected in zip(layers, (expected_max, expected_mean), strict=True):
        np.testing.assert_allclose(layer.backward(grad), expected, atol=1e-12)


def test_of_equal_maxima_the_first_gets_the_gradient():
    x = np.array([[2.0, 5.0], [5.0, 5.0]]).reshape(1, 2, 2, 1)
    layer = nn.MaxPool2D(2)
    layer(x)
    dx = layer.backward(np.full((1, 1, 1, 1), 3.0))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 3], [0, 0]])


def test_a_valid_convolution_moves_with_its_input():
    layer = nn.Conv2D(1, 4, 3, rng=0, dtype=float)
    x = np.zeros((1, 12, 12, 1))
    x[:, 3:8, 3:8] = np.random.default_rng(0).normal(size=(1, 5, 5, 1))
    moved = np.roll(x, (2, 1), axis=(1, 2))
    np.testing.assert_allclose(layer(moved), np.roll(layer(x), (2, 1), axis=(1, 2)), atol=1e-14)


def test_a_failed_call_leaves_what_was_remembered():
    layer, x = nn.Conv2D(1, 2, 3, rng=0, dtype=float), np.ones((2, 5, 5, 1))
    y = layer(x)
    with pytest.raises(ValueError, match="at least 3×3 pixels"):
        layer(np.ones((2, 2, 2, 1)))
    assert layer.backward(np.ones_like(y)).shape == x.shape
    assert not any(p.grad.any() for p in nn.Conv2D(1, 2, 3).parameters())


def test_a_small_network_of_all_image_layers_learns():
    """Bars, lying or standing, anywhere: the sum of the pixels cannot tell them apart."""
    rng = np.random.default_rng(0)
    x, labels = np.zeros((200, 9, 9, 1), np.float32), rng.integers(0, 2, 200)
    for image, label in zip(x, labels, strict=True):
        row, column = rng.integers(0, 5, 2)
        image[row, column : column + 5] = 1
        if label:
            image[...] = image.swapaxes(0, 1).copy()
    model = nn.Sequential(
        nn.Conv2D(1, 4, 3, padding="same", rng=1),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Conv2D(4, 8, 3, rng=2),
        nn.ReLU(),
        nn.AveragePool2D(1),
        nn.GlobalAveragePool2D(),
        nn.Dense(8, 2, rng=3),
    )
    trainer = nn.Trainer(
        model,
        nn.losses.softmax_cross_entropy,
        nn.Adam(model.parameters(), learning_rate=0.01),
        metrics=[nn.metrics.accuracy],
    )
    trainer.fit(x[:150], labels[:150], epochs=30, batch_size=25, progress=False)
    assert trainer.evaluate(x[150:], labels[150:])["accuracy"] > 0.95


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_convolution_of_whole_numbers(dtype, padding):
    layer = nn.Conv2D(1, 2, 3, padding=padding, rng=0)
    x = np.random.default_rng(1).integers(0, 2, (2, 5, 5, 1)).astype(dtype)
    y = layer(x)
    np.testing.assert_allclose(y, layer(x.astype(np.float32)), rtol=1e-5, atol=1e-6)
    expected = layer.backward(np.ones_like(y))
    layer(x)
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), expected)


def test_pooling_of_whole_numbers_neither_overflows_nor_cuts_gradients():
    x = np.full((1, 2, 2, 1), 200, np.uint8)
    assert nn.AveragePool2D(2)(x) == nn.GlobalAveragePool2D()(x) == 200
    for layer, share in (nn.MaxPool2D(2), 0.5), (nn.AveragePool2D(2), 0.125):
        layer(x)
        assert layer.backward(np.full((1, 1, 1, 1), 0.5))[0, 0, 0, 0] == share
