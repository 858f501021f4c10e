"""Depthwise convolution: Keras's numbers, those of a plain convolution, and its memory."""

from pathlib import Path

import numpy as np
import pytest

import nncourse as nn

GOLDEN = Path(__file__).parents[1] / "golden" / "depthwise.npz"
SETTINGS = {
    "valid": {},
    "valid_stride": {"stride": 2},
    "same": {"padding": "same"},
    "same_stride": {"stride": 2, "padding": "same"},
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("name", SETTINGS)
def test_equals_keras(name, dtype, tolerance):
    with np.load(GOLDEN) as file:
        golden = {
            key.split("/")[-1]: file[key] for key in file if key.startswith(f"{dtype}/{name}/")
        }
        x = file[f"{dtype}/x"]
    layer = nn.DepthwiseConv2D(3, golden["kernel"].shape[:2], **SETTINGS[name], dtype=dtype)
    layer.kernel.value[...], layer.bias.value[...] = golden["kernel"], golden["bias"]
    y, dx = layer(x), layer.backward(golden["grad"])
    received = {"y": y, "dx": dx, "dw": layer.kernel.grad, "db": layer.bias.grad}
    for what, array in received.items():
        assert array.dtype == dtype and array.shape == golden[what].shape
        assert np.abs(array - golden[what]).max() <= tolerance * max(1, np.abs(golden[what]).max())


@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("shape", [(1, 40, 40, 37), (9, 5, 7, 3), (2, 3, 3, 1)])
def test_equals_a_convolution_whose_kernel_is_diagonal(shape, stride):
    """Large enough to be computed in several parts: rows of one image, and several images."""
    rng = np.random.default_rng(0)
    channels = shape[3]
    ours = nn.DepthwiseConv2D(channels, 3, stride=stride, padding="same", rng=0, dtype=float)
    plain = nn.Conv2D(channels, channels, 3, stride=stride, padding="same", dtype=float)
    plain.kernel.value[...] = ours.kernel.value[..., None] * np.eye(channels)
    x = rng.normal(size=shape)
    y = ours(x)
    np.testing.assert_allclose(y, plain(x), atol=1e-12)
    grad = rng.normal(size=y.shape)
    np.testing.assert_allclose(ours.backward(grad), plain.backward(grad), atol=1e-12)
    diagonal = np.einsum("uvcc->uvc", plain.kernel.grad)
    np.testing.assert_allclose(ours.kernel.grad, diagonal, atol=1e-11)


def test_takes_whole_numbers():
    x = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    layer = nn.DepthwiseConv2D(3, 2, rng=0)
    np.testing.assert_array_equal(layer(x), layer(x.astype(np.float32)))
    assert layer.backward(np.ones((1, 3, 3, 3), np.float32)).dtype == np.float32


def test_kernels_start_with_the_scale_of_what_one_output_sees():
    kernel = nn.DepthwiseConv2D(4000, 3, rng=0).kernel.value
    assert np.var(kernel) == pytest.approx(2 / 9, rel=0.05)  # he_normal, fan_in = 9


def test_wrong_sizes_are_explained():
    layer = nn.DepthwiseConv2D(3, 5)
    with pytest.raises(ValueError, match=r"\(batch, height, width, 3\), got \(4, 8, 8, 2\)"):
        layer(np.zeros((4, 8, 8, 2)))
    with pytest.raises(ValueError, match="needs images of at least 5×5 pixels, got 8×4"):
        layer(np.zeros((4, 8, 4, 3)))
    with pytest.raises(ValueError, match=r"positive sizes, got channels=2\.0"):
        nn.DepthwiseConv2D(2.0, 3)
    with pytest.raises(ValueError, match="'valid' or 'same', got 'x'"):
        nn.DepthwiseConv2D(2, 3, padding="x")
