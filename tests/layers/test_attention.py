"""Embedding, normalization, positions and attention against their definitions."""

import math
import re

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.embedding import sinusoids
from nncourse.layers.rotary import rotary_tables, rotate


def batch(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def attend_alone(layer, x, real):
    """One sequence, one head, one step at a time, as the formula says it."""
    q, k, v = (x @ d.kernel.value + d.bias.value for d in (layer.query, layer.key, layer.value))
    size = layer.dim // layer.heads
    result = np.zeros_like(x)
    for h in range(layer.heads):
        part = slice(h * size, (h + 1) * size)
        for i in range(len(x)):
            seen = [j for j in range(len(x)) if real[j] and (j <= i or not layer.causal)]
            scores = [q[i, part] @ k[j, part] / math.sqrt(size) for j in seen]
            shares = [math.exp(s) / sum(math.exp(s) for s in scores) for s in scores]
            result[i, part] = sum(a * v[j, part] for a, j in zip(shares, seen, strict=True))
    return result @ layer.output.kernel.value + layer.output.bias.value


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_its_formula(causal):
    layer, x = nn.MultiHeadAttention(6, 2, causal=causal, rng=0, dtype=float), batch(3, 5, 6)
    for p in layer.parameters():  # biases too
        p.value[...] = np.random.default_rng(1).normal(size=p.value.shape)
    real = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0]], bool)
    y = layer(x, mask=real)
    for n in range(3):
        np.testing.assert_allclose(y[n], attend_alone(layer, x[n], real[n]), atol=1e-12)
    np.testing.assert_allclose(layer.weights.sum(axis=-1), 1)
    assert not layer.weights[1, :, :, 3:].any()


def test_a_step_alone_takes_its_own_value():
    """Its weight is 1, whatever the scores: two products are left of the layer."""
    layer = nn.MultiHeadAttention(1, 1, rng=0, dtype=float)
    value, output = layer.value, layer.output
    expected = (0.5 * value.kernel.value + value.bias.value) @ output.kernel.value
    y = layer(np.array([[[0.5]]]))
    np.testing.assert_allclose(y[0], expected + output.bias.value, rtol=1e-14)


def test_a_later_step_changes_nothing_before_it():
    layer, x = nn.MultiHeadAttention(6, 3, causal=True, rotary=True, rng=0, dtype=float), None
    x = batch(2, 7, 6)
    y = layer(x)
    x[:, 4] += 1
    changed = (layer(x) != y).any(axis=(0, 2))
    np.testing.assert_array_equal(changed, [False] * 4 + [True] * 3)


class Masked(nn.Layer):
    """Attention that is always called with the same mask, for the gradient check."""

    def __init__(self, layer, mask):
        self.layer, self.mask = layer, mask

    def forward(self, x, *, training=False):
        return self.layer.forward(x, mask=self.mask)

    def backward(self, grad):
        return self.layer.backward(grad)

    def parameters(self):
        return self.layer.parameters()


@pytest.mark.parametrize("causal", [False, True])
def test_gradients_with_a_mask(causal):
    """Also where, padded on the left, the first queries see no real step at all."""
    layer = nn.MultiHeadAttention(4, 2, causal=causal, rng=0)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]], bool)
    nn.check_layer(Masked(layer, mask), batch(3, 4, 4), tolerance=1e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(causal, side):
    padded, alone = (
        nn.MultiHeadAttention(6, 2, causal=causal, rng=0, dtype=float) for _ in range(2)
    )
    x, lengths = batch(4, 6, 6), [6, 1, 4, 3]
    real = np.array(lengths)[:, None] > np.arange(6)
    real = real if side == "right" else real[:, ::-1]
    x[~real] = 1e3  # what the padding is made of does not matter
    y = padded(x, mask=real)
    assert np.isfinite(y).all()
    grad = batch(*y.shape, seed=4)
    grad[~real] = 0  # a loss looks at real steps
    dx = padded.backward(grad)
    assert not dx[~real].any()
    for n in range(4):
        np.testing.assert_allclose(y[n, real[n]], alone(x[n, real[n]][None])[0], rtol=1e-12)
        dx_n = alone.backward(grad[n, real[n]][None])
        np.testing.assert_allclose(dx[n, real[n]], dx_n[0], rtol=1e-10, atol=1e-12)
    for mine, other in zip(padded.parameters(), alone.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad, other.grad, rtol=1e-10, atol=1e-10)


def test_without_positions_attention_sees_a_bag():
    x, order = batch(2, 6, 8), np.random.default_rng(1).permutation(6)
    plain = nn.MultiHeadAttention(8, 2, rng=0, dtype=float)
    np.testing.assert_allclose(plain(x[:, order]), plain(x)[:, order], atol=1e-12)
    turned = nn.MultiHeadAttention(8, 2, rotary=True, rng=0, dtype=float)
    assert np.abs(turned(x[:, order]) - turned(x)[:, order]).max() > 1e-3


def test_turned_products_depend_on_the_distance_alone():
    cos, sin = rotary_tables(50, 6, dtype=float)
    q, k = batch(2, 6)
    q, k = (rotate(np.tile(v, (50, 1)), cos, sin) for v in (q, k))
    products = q @ k.T
    for distance in range(-20, 21):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-12)
    assert np.ptp(products) > 0.1


def test_turning_is_a_rotation_in_each_plane():
    cos, sin = rotary_tables(5, 4, base=100.0, dtype=float)
    turned = rotate(np.tile([1.0, 0.0, 1.0, 0.0], (5, 1)), cos, sin)
    angles = np.arange(5)[:, None] / [1, 10]  # 100**(2 i / 4)
    np.testing.assert_allclose(turned[:, 0::2], np.cos(angles), atol=1e-15)
    np.testing.assert_allclose(turned[:, 1::2], np.sin(angles), atol=1e-15)
    np.testing.assert_allclose(rotate(turned, cos, -sin)[:, 1::2], 0, atol=1e-15)


def test_a_shift_turns_the_sinusoids():
    """Position t + 3 is a rotation of position t, the same for every t."""
    p = sinusoids(40, 8, float)
    shift, *_ = np.linalg.lstsq(p[:-3], p[3:], rcond=None)
    np.testing.assert_allclose(p[:-3] @ shift, p[3:], atol=1e-10)
    np.testing.assert_allclose(np.square(p).sum(axis=1), 4)
    assert sinusoids(3, 5).shape == (3, 5)


def test_embedding_gathers_the_gradient_of_equal_tokens():
    layer, ids = nn.Embedding(6, 3, rng=0, dtype=float), np.array([[5, 0, 5], [2, 5, 2]])
    np.testing.assert_array_equal(layer(ids)[1, 1], layer.table.value[5])
    grad = batch(2, 3, 3)
    layer.backward(grad)
    one_hot = (ids.reshape(-1, 1) == np.arange(6)).astype(float)
    np.testing.assert_allclose(layer.table.grad, one_hot.T @ grad.reshape(-1, 3), atol=1e-14)


def test_norms_of_large_and_constant_features():
    x = np.stack([np.full(4, 7.0), 1e4 + np.array([-3.0, -1.0, 1.0, 3.0])]).astype(np.float32)
    y = nn.LayerNorm(4)(x)
    np.testing.assert_array_equal(y[0], 0)
    np.testing.assert_allclose(y[1], np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-4)
    np.testing.assert_allclose(nn.RMSNorm(4)(x)[0], 1, rtol=1e-5)


def test_layer_norm_ignores_scale_and_shift():
    x = batch(3, 5, 8)
    norm = nn.LayerNorm(8, epsilon=1e-12, dtype=float)
    np.testing.assert_allclose(norm(3 * x + 2), norm(x), atol=1e-9)
    norm = nn.RMSNorm(8, epsilon=1e-12, dtype=float)
    np.testing.assert_allclose(norm(3 * x), norm(x), atol=1e-9)


SEQUENCE = np.zeros((2, 3, 6))


@pytest.mark.parametrize("first", [nn.Embedding(9, 4, rng=0), nn.GPT(9, 4, 2, 1, context=5, rng=0)])
def test_a_network_that_begins_with_tokens_takes_input_grad(first):
    units = 4 if isinstance(first, nn.Embedding) else 9
    model, ids = nn.Sequential(first, nn.Dense(units, 2, rng=1)), np.array([[1, 2, 1]])
    found = []
    for options in ({}, {"input_grad": False}):
        for p in model.parameters():
            p.zero_grad()
        assert model.backward(np.ones_like(model(ids)), **options) is None
        found.append([p.grad.copy() for p in model.parameters()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [nn.BatchNorm, nn.LayerNorm, nn.RMSNorm])
def test_norms_of_large_numbers_do_not_overflow_in_float16(make):
    x = (1000 * batch(64, 8)).astype(np.float16)
    layer, precise = make(8, dtype=np.float16), make(8, dtype=float)
    for training in (True, False):
        y = layer(x, training=training)
        expected = precise(x.astype(float), training=training)
        assert y.dtype == np.float16 and 0.3 < np.abs(expected).max()
        np.testing.assert_allclose(y, expected, rtol=5e-3, atol=5e-3)
    dx = layer.backward(np.ones_like(y))
    assert dx.dtype == np.float16 and np.isfinite(dx).all()


@pytest.mark.parametrize("make", [nn.BatchNorm, nn.LayerNorm, nn.RMSNorm])
def test_norms_take_whole_numbers(make):
    x = np.random.default_rng(0).integers(100, 256, (9, 4)).astype(np.uint8)
    expected = make(4)(x.astype(np.float32), training=True)
    np.testing.assert_allclose(make(4)(x, training=True), expected, rtol=1e-4, atol=1e-4)


MISTAKES = {
    "flat": (lambda: nn.MultiHeadAttention(6, 2)(SEQUENCE[0]), "(batch, time, 6), got (3, 6)"),
    "features": (lambda: nn.MultiHeadAttention(4, 2)(SEQUENCE), "(batch, time, 4), got (2, 3, 6)"),
    "heads": (lambda: nn.MultiHeadAttention(6, 4), "divides dim, got dim=6, heads=4"),
    "odd": (lambda: nn.MultiHeadAttention(6, 2, rotary=True), "got dim / heads = 3"),
    "mask": (
        lambda: nn.MultiHeadAttention(6, 2)(SEQUENCE, mask=np.ones((2, 4), bool)),
        "heads=2) expects a mask of booleans (batch, time) = (2, 3), got bool (2, 4)",
    ),
    "float ids": (lambda: nn.Embedding(5, 2)(SEQUENCE), "expects whole numbers"),
    "no steps": (lambda: nn.MultiHeadAttention(1, 1)(np.zeros((1, 0, 1))), "got (1, 0, 1)"),
    "large id": (lambda: nn.Embedding(5, 2)(np.array([[0, 5]])), "from 0 to 4, got 0 to 5"),
    "negative id": (lambda: nn.Embedding(5, 2)(np.array([[-1, 2]])), "got -1 to 2. Were they"),
    "no ids": (lambda: nn.Embedding(5, 2)(np.zeros((0, 3), int)), "at least one id, got (0, 3)"),
    "sizes": (lambda: nn.Embedding(0, 2), "vocabulary=0, dim=2"),
    "too long": (lambda: nn.PositionalEncoding(2, 6)(SEQUENCE), "2 positions, got a sequence of 3"),
    "no time": (
        lambda: nn.PositionalEncoding(2, 6)(np.ones((2, 6))),
        "(batch, time, 6), got (2, 6)",
    ),
    "norm": (lambda: nn.LayerNorm(5)(SEQUENCE), "LayerNorm(5) expects (batch, ..., 5), got (2, 3"),
    "epsilon": (lambda: nn.RMSNorm(5, epsilon=0), "expects epsilon > 0, got 0"),
    "pairs": (lambda: rotary_tables(3, 5), "an even number of features, got context=3 and dim=5"),
}


@pytest.mark.parametrize(("call", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_explained(call, words):
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        call()


def test_a_norm_does_not_train_unless_it_is_told():
    layer, x = nn.BatchNorm(3), np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(layer.forward(x), layer(x, training=False))
    assert not layer.running_mean.any()
