"""Whole numbers, small floats, long sums, infinities: the type must not change the value."""

import copy

import numpy as np
import pytest
from layer_cases import CASES, READS_IDS, make

import nncourse as nn
from nncourse import activations
from nncourse.layers.embedding import sinusoids
from nncourse.layers.rotary import rotary_tables, rotate

FUNCTIONS = [name for name in activations.__all__ if not name.endswith("_vjp")]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", ["uint8", "int8", "int32", "int64", "bool", list])
def test_activations_take_whole_numbers_and_lists(name, kind):
    f, vjp = getattr(activations, name), getattr(activations, f"{name}_vjp")
    numbers = [[5, 3, 0], [1, 100, 1]]
    x = numbers if kind is list else np.array(numbers).astype(kind)
    floats = np.array(x, float)
    y = f(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, f(floats))
    grad = x if kind is list else (floats > 1).astype(kind)
    back = vjp(grad, x, y.tolist() if kind is list else y)
    assert back.dtype == np.float64
    np.testing.assert_array_equal(back, vjp(np.array(grad, float), floats, y))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations_keep_float16_and_its_accuracy(name):
    f = getattr(activations, name)
    x = np.array([-11.0, -1.5, 0.0, 0.25, 3.0], np.float16)
    assert f(x).dtype == np.float16
    np.testing.assert_allclose(f(x), f(x.astype(float)), rtol=2e-3, atol=1e-3)


def test_softmax_of_whole_numbers_is_what_it_should_be():
    np.testing.assert_allclose(activations.softmax(np.uint8([5, 3])), [0.880797, 0.119203], 1e-5)
    np.testing.assert_allclose(nn.Softmax()(np.uint8([[5, 3]]))[0], [0.880797, 0.119203], 1e-5)


@pytest.mark.parametrize("name", sorted(set(CASES) - READS_IDS - {"RandomAffine"}))
@pytest.mark.parametrize("kind", ["uint8", "int8", "int64", "bool"])
def test_layers_take_whole_numbers(name, kind):
    layer, x = make(name, np.float32)
    whole = np.random.default_rng(3).integers(0, 2 if kind == "bool" else 120, x.shape).astype(kind)
    again = copy.deepcopy(layer)
    y = layer(whole, training=True)
    floats = whole.astype(y.dtype if y.dtype.kind == "f" else np.float64)
    expected = again(floats, training=True)
    np.testing.assert_array_equal(y, expected)
    assert y.dtype == kind or y.dtype == expected.dtype
    if layer.parameters():
        assert y.dtype == np.float32
    grad = np.random.default_rng(4).normal(size=y.shape).astype(expected.dtype)
    np.testing.assert_allclose(layer.backward(grad), again.backward(grad), rtol=1e-6)


def test_positions_turn_whole_numbers():
    tables = rotary_tables(3, 4)
    x = np.random.default_rng(0).integers(0, 9, (2, 3, 4))
    for whole in x, x > 4:
        turned = rotate(whole.astype(float), *tables)
        np.testing.assert_allclose(rotate(whole, *tables), turned, rtol=1e-6)
    layer = nn.PositionalEncoding(3, 4)
    assert layer(x).dtype == np.float32
    np.testing.assert_allclose(layer(x), x + sinusoids(3, 4))


@pytest.mark.parametrize("shape", [(1, 2), (4, 2), (3, 1), (3, 4)])
def test_a_turn_needs_a_row_for_each_step(shape):
    table = np.ones(shape)
    with pytest.raises(ValueError, match="a row for each step"):
        rotate(np.ones((2, 3, 4)), table, table)
    with pytest.raises(ValueError, match="a row for each step"):
        rotate(np.ones(4), table, table)


@pytest.mark.parametrize("name", sorted(set(CASES) - READS_IDS))
def test_layers_keep_float16_and_its_accuracy(name):
    layer, x = make(name, np.float16)
    precise, _ = make(name, np.float64)
    for p, q in zip(precise.parameters(), layer.parameters(), strict=True):
        p.value[...] = q.value
    y = layer(x, training=True)
    assert y.dtype == np.float16
    expected = precise(x.astype(float), training=True)
    np.testing.assert_allclose(y, expected, rtol=0.02, atol=0.02)
    grad = np.random.default_rng(4).normal(size=y.shape).astype(np.float16)
    dx, expected = layer.backward(grad), precise.backward(grad.astype(float))
    assert dx.dtype == np.float16
    np.testing.assert_allclose(dx, expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("norm", [nn.BatchNorm, nn.LayerNorm, nn.RMSNorm])
def test_a_small_epsilon_does_not_vanish_in_float16(norm):
    layer = norm(4, epsilon=1e-12, dtype=np.float16)
    x = np.zeros((3, 4), np.float16)
    np.testing.assert_array_equal(layer(x, training=True), 0)
    if norm is not nn.RMSNorm:  # whose true gradient here is a million, and no float16
        np.testing.assert_array_equal(layer.backward(np.ones_like(x)), 0)


def test_attention_of_large_float16_does_not_overflow():
    layer = nn.MultiHeadAttention(64, 1, rng=0, dtype=np.float16)
    x = np.full((1, 3, 64), 60.0, np.float16)
    for part in (layer.query, layer.key):
        part.kernel.value[...] = 0.01
    np.testing.assert_allclose(layer(x), layer(x[:, :1])[:, [0, 0, 0]], rtol=0.01)


def test_pools_of_large_float16_do_not_overflow():
    x = np.full((1, 64, 64, 1), 30000.0, np.float16)
    assert (nn.AveragePool2D(2)(x) == 30000).all() and (nn.GlobalAveragePool2D()(x) == 30000).all()


@pytest.mark.parametrize("seed", range(3))
def test_batch_norm_far_from_zero_is_as_exact_as_float32_allows(seed):
    """Keras errs by 2.4e-3 here; half a unit in the last place of 1000 is 3e-5."""
    x = np.random.default_rng(seed).normal(1000, 1, (100_000, 4)).astype(np.float32)
    wide = x.astype(float)
    expected = (wide - wide.mean(axis=0)) / np.sqrt(wide.var(axis=0) + 1e-5)
    layer = nn.BatchNorm(4)
    assert np.abs(layer(x, training=True) - expected).max() < 1e-4
    np.testing.assert_allclose(layer.running_mean, 0.1 * wide.mean(axis=0), rtol=1e-6)


def test_sums_over_many_rows_are_exact():
    """In float32, row by row, a million times 0.1 is 100,958."""
    grad = np.full((1, 1_000_000, 2), 0.1, np.float32)
    exact = 1_000_000 * float(np.float32(0.1))
    x = np.ones_like(grad)
    for layer in (nn.Dense(2, 2, rng=0), nn.LayerNorm(2), nn.BatchNorm(2)):
        layer(x)
        layer.backward(grad)
        np.testing.assert_allclose(layer.parameters()[-1].grad, exact, rtol=1e-6)
    image = np.full((1, 1000, 1000, 2), 0.1, np.float32)
    np.testing.assert_allclose(nn.GlobalAveragePool2D()(image), np.float32(0.1), rtol=1e-6)
    for layer in nn.Conv2D(2, 2, 1, rng=0), nn.DepthwiseConv2D(2, 1, rng=0):
        layer(image)
        layer.backward(image, input_grad=False)
        np.testing.assert_allclose(layer.bias.grad, exact, rtol=1e-6)
    np.testing.assert_allclose(layer.kernel.grad, exact * float(np.float32(0.1)), rtol=1e-4)
    layer = nn.GRU(2, 2, reset_after=True, rng=0)
    for p in layer.parameters():
        p.value[...] = 0
    layer(x.swapaxes(0, 1))  # all gates are open by half: dL/dh is halved twice
    layer.backward(grad[0])
    np.testing.assert_allclose(layer.recurrent_bias.grad, exact / 4, rtol=1e-6)


def test_scores_of_minus_infinity_have_no_share():
    inf = np.inf
    x = np.array([[0, 1, -inf], [-inf, 2, -inf]])
    share = 1 / (1 + np.exp(-1))
    expected = [[1 - share, share, 0], [0, 1, 0]]
    for dtype in (np.float64, np.float32, np.float16):
        y = activations.softmax(x.astype(dtype))
        np.testing.assert_allclose(y, expected, rtol=2e-3 if dtype == np.float16 else 1e-6)
        back = activations.softmax_vjp(np.ones_like(y), None, y)
        np.testing.assert_allclose(back, 0, atol=1e-3)
    np.testing.assert_allclose(nn.Softmax()(x), expected)
    assert activations.sigmoid(-inf) == activations.softplus(-inf) == activations.relu(-inf) == 0
    assert activations.elu(-inf) == -1 and activations.tanh(-inf) == -1


def test_ids_of_eight_bits_count_beyond_255():
    layer = nn.Embedding(200, 3, rng=0, dtype=float)
    ids = np.arange(200, dtype=np.uint8).repeat(2)[None]
    layer(ids)
    layer.backward(np.ones((1, 400, 3)))
    np.testing.assert_array_equal(layer.table.grad, 2)


def test_softmax_of_many_float16_sums_to_one():
    y = activations.softmax(np.zeros((1, 70_000), np.float16))
    np.testing.assert_allclose(y.astype(float), 1 / 70_000, rtol=0.01)


@pytest.mark.parametrize("x", [np.array([[1, 2]], object), np.array([["a", "b"]])])
@pytest.mark.parametrize(
    "layer", [nn.Dense(2, 2), nn.ReLU(), nn.Softmax(), nn.LayerNorm(2), nn.BatchNorm(2)], ids=repr
)
def test_what_is_no_number_is_refused(layer, x):
    with pytest.raises(TypeError, match="expected numbers, got"):
        layer(x)
