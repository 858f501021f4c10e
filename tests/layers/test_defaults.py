"""Constants that nobody gives: each as the paper, PyTorch's or Keras' documentation has it."""

import math

import numpy as np
import pytest

import nncourse as nn
from nncourse import activations, initializers
from nncourse.layers.embedding import sinusoids
from nncourse.layers.rotary import rotary_tables

X = np.array([[-2.0, 3.0]])


def test_slopes_and_limits_below_zero():
    # PyTorch: LeakyReLU(negative_slope=0.01), ELU(alpha=1.0)
    for leaky in (activations.leaky_relu, nn.LeakyReLU()):
        np.testing.assert_allclose(leaky(X), [[-0.02, 3]], rtol=1e-15)
    for elu in (activations.elu, nn.ELU()):
        np.testing.assert_allclose(elu(X), [[math.exp(-2) - 1, 3]], rtol=1e-15)
    one, y = np.ones_like(X), activations.elu(X)
    np.testing.assert_allclose(activations.leaky_relu_vjp(one, X, None), [[0.01, 1]])
    np.testing.assert_allclose(activations.elu_vjp(one, X, y), [[math.exp(-2), 1]])


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_epsilons_of_the_norms(shift):
    # PyTorch: LayerNorm and BatchNorm have eps=1e-5; Zhang and Sennrich leave it to the code
    x = 0.001 * np.array([[-1.0, 1.0], [1.0, -1.0]])  # variance and mean square 1e-6
    expected = x / math.sqrt(1e-6 + 1e-5)
    np.testing.assert_allclose(nn.LayerNorm(2, dtype=float)(x + shift), expected, rtol=1e-9)
    y = nn.BatchNorm(2, dtype=float)(x + shift, training=True)
    np.testing.assert_allclose(y, expected, rtol=1e-9)
    np.testing.assert_allclose(nn.RMSNorm(2, dtype=float)(x), expected, rtol=1e-9)
    assert nn.BatchNorm(2, dtype=float)(np.ones((1, 2)))[0, 0] == 1 / math.sqrt(1 + 1e-5)


def test_momentum_of_batch_norm():
    layer = nn.BatchNorm(1, dtype=float)  # PyTorch: momentum=0.1, the share of the new one
    layer(np.array([[1.0], [5.0]]), training=True)
    np.testing.assert_allclose(layer.running_mean, 0.1 * 3)
    np.testing.assert_allclose(layer.running_variance, 0.9 * 1 + 0.1 * 4)


def test_transformers_have_the_settings_of_their_papers():
    gpt, bert = (make(9, 8, 2, 1, context=4) for make in (nn.GPT, nn.BERT))
    for model, epsilon in (gpt, 1e-5), (bert, 1e-12):  # GPT-2's and BERT's published settings
        (block,) = model.blocks
        for norm in (model.norm, block.attention_norm, block.network_norm):
            assert norm.epsilon == epsilon
        assert block.network[0].kernel.value.shape == (8, 32)  # Vaswani et al.: four times dim
    x = np.array([[1.0]])
    assert bert.blocks[0][2][1](x) == activations.gelu(x, exact=True)
    assert gpt.blocks[0][1][2](x) == activations.gelu(x)


def test_waves_and_turns_have_the_base_of_their_papers():
    # Vaswani et al. (2017), section 3.5; Su et al. (2021), equation 15: 10000**(-2 i / dim)
    np.testing.assert_allclose(sinusoids(3, 4, float)[2, 2:], [math.sin(0.02), math.cos(0.02)])
    cos, sin = rotary_tables(3, 4, dtype=float)
    np.testing.assert_allclose([cos[2, 1], sin[2, 1]], [math.cos(0.02), math.sin(0.02)])


def test_starts():
    w = initializers.glorot_uniform((300, 300), rng=0, dtype=float)
    assert 0.0999 < np.abs(w).max() <= 0.1  # Glorot and Bengio: sqrt(6 / (300 + 300))
    w = initializers.he_normal((200, 500), rng=0, dtype=float)
    assert abs(w.std() - 0.1) < 1e-3  # He et al.: sqrt(2 / 200)
    w = initializers.normal((400, 300), rng=0, dtype=float)
    assert abs(w.std() - 0.05) < 1e-3  # Keras: RandomNormal(stddev=0.05)
    np.testing.assert_array_equal(nn.LSTM(2, 2).bias.value, [0, 0, 1, 1, 0, 0, 0, 0])
    assert not nn.GRU(2, 2).bias.value.any() and not nn.Dense(2, 2).bias.value.any()
    assert nn.PositionalEncoding(2, 300)(np.ones((1, 2, 300))).shape == (1, 2, 300)  # of any dim
    kernel = nn.PositionalEncoding(500, 100, learned=True, rng=0).positions.value
    assert abs(np.linalg.norm(kernel, axis=1).mean() - 1) < 0.02


def test_layers_are_float32_unless_told():
    layers = (
        nn.Dense(2, 2), nn.Conv2D(1, 1, 1), nn.LSTM(2, 2), nn.Embedding(2, 2), nn.BatchNorm(2),
        nn.LayerNorm(2), nn.RMSNorm(2), nn.MultiHeadAttention(2, 1), nn.GPT(2, 2, 1, 1, context=2),
    )  # fmt: skip
    assert {p.value.dtype.name for layer in layers for p in layer.parameters()} == {"float32"}
