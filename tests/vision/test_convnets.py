"""Deep networks with and without shortcuts: the same layers, and what shortcuts change."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.vision.convnets import ReLU6, ResidualBlock, plain_net, residual_net


def shapes(net):
    return sorted(p.value.shape for p in net.parameters())


@pytest.mark.parametrize("depth", [4, 8, 32])
def test_plain_and_residual_nets_have_the_same_layers(depth):
    """Depth layers with weights: all convolutions and one Dense."""
    plain, residual = plain_net(depth, 4, norm=True, rng=0), residual_net(depth, 4, rng=0)
    assert shapes(plain) == shapes(residual)
    kernels = [p for p in plain.parameters() if p.name.endswith("kernel")]
    assert len(kernels) == depth
    x = np.random.default_rng(0).normal(size=(5, 7, 7, 1)).astype(np.float32)
    assert plain(x).shape == residual(x).shape == (5, 10)
    assert not np.allclose(plain(x), residual(x))


@pytest.mark.parametrize("norm", [True, False])
def test_a_block_is_the_identity_plus_its_layers(norm):
    block = ResidualBlock(3, 3, norm=norm, rng=0, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(4, 5, 5, 3))
    np.testing.assert_allclose(block(x), x + nn.Sequential(*block.layers)(x))
    if not norm:  # its last kernel starts at zero: the block starts as the identity
        np.testing.assert_array_equal(block(x), x)


def test_a_block_that_changes_the_shape_has_a_convolution_on_its_shortcut():
    block = ResidualBlock(2, 3, stride=2, rng=0)
    assert list(block.named_parameters())[-2:] == ["shortcut.kernel", "shortcut.bias"]
    assert "shortcut.kernel" not in ResidualBlock(3, 3, rng=0).named_parameters()
    assert block(np.ones((2, 7, 5, 2), np.float32)).shape == (2, 4, 3, 3)


def test_running_averages_inside_blocks_are_buffers():
    net = residual_net(6, 4, rng=0)
    assert len(net.buffers()) == 2 * (2 * 2 + 1)
    before = {name: array.copy() for name, array in net.buffers().items()}
    net(np.random.default_rng(0).normal(size=(8, 7, 7, 1)).astype(np.float32), training=True)
    assert all(not np.array_equal(before[name], array) for name, array in net.buffers().items())


@pytest.mark.parametrize("depth", [2, 5, 0])
def test_depth_is_even_and_at_least_four(depth):
    with pytest.raises(ValueError, match="even depth of at least 4"):
        plain_net(depth, 4)


def test_small_steps_of_training_lower_the_loss():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 7, 7, 1)).astype(np.float32)
    y = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    net = residual_net(6, 4, classes=2, rng=0)
    optimizer, losses = nn.Adam(net.parameters(), 0.01), []
    for _ in range(30):
        loss, grad = nn.losses.softmax_cross_entropy(net(x, training=True), y)
        optimizer.zero_grad()
        net.backward(grad, input_grad=False)
        optimizer.step()
        losses.append(loss)
    assert losses[-1] < 0.3 * losses[0]


def test_a_ceiling_has_no_slope_at_its_ends():
    """PyTorch's ReLU6: the gradient is 1 strictly between 0 and 6."""
    layer = ReLU6()
    np.testing.assert_array_equal(
        layer(np.array([-1.0, 0, 0.5, 5.5, 6, 7])), [0, 0, 0.5, 5.5, 6, 6]
    )
    np.testing.assert_array_equal(layer.backward(np.ones(6)), [0, 0, 1, 1, 0, 0])


@pytest.mark.parametrize("make", [plain_net, residual_net])
def test_networks_read_gray_digits_unless_told(make):
    """By hand: 3×3 kernels from 1 channel to 4, then 4 to 4, and 4 features to 10 classes."""
    net = make(4, 4, rng=0)
    sizes = [p.value.shape for p in net.parameters() if p.name.endswith("kernel")]
    assert sizes == [(3, 3, 1, 4), (3, 3, 4, 4), (3, 3, 4, 4), (4, 10)]
    assert bool(net.buffers()) == (make is residual_net)  # batch normalization
    x = np.ones((2, 6, 5, 1), np.float32)
    assert net[:1](x).shape == (2, 6, 5, 4)
    other = make(4, 4, channels=2, classes=3, stride=2, norm=make is plain_net, rng=0)
    assert bool(other.buffers()) == (make is plain_net)
    assert other[:2](np.ones((2, 6, 5, 2), np.float32)).shape == (2, 3, 3, 4)
    assert other(np.ones((2, 6, 5, 2), np.float32)).shape == (2, 3)
    again = make(4, 4, rng=0)
    pairs = zip(net.parameters(), again.parameters(), strict=True)
    assert all((p.value == q.value).all() for p, q in pairs)
    drawn = [p.value for p in net.parameters() if p.name.endswith("kernel")]
    assert not np.array_equal(drawn[1], drawn[2])  # one generator for all of them


def test_blocks_say_their_sizes_and_normalize_unless_told():
    assert repr(ResidualBlock(2, 3, stride=2)) == "ResidualBlock(2→3, stride=2)"
    assert repr(ResidualBlock(3, 3)) == "ResidualBlock(3→3)" and ResidualBlock(3, 3).buffers()
    assert ResidualBlock(3, 3, stride=2).shortcut is not None
    assert ResidualBlock(3, 3).shortcut is None
    with pytest.raises(ValueError, match="even depth of at least 4"):
        residual_net(3, 4)
