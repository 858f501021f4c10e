"""Weights go to Keras and back, and come from PyTorch: the outputs are then the same."""

from math import sqrt

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.exchange import from_keras, from_pytorch, to_keras

IMAGE, TEXT, ROW = (4, 6, 5, 3), (4, 7, 3), (4, 3)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def randomized(layer, seed=1):
    """Different numbers everywhere, so that nothing can be mistaken for anything else."""
    rng = np.random.default_rng(seed)
    for array in [p.value for p in layer.parameters()]:
        array[...] = rng.normal(size=array.shape) / 2
    for array in layer.buffers().values():
        array[...] = rng.uniform(0.5, 2, array.shape)
    return layer


CASES = {  # name: (ours, Keras's, its input)
    "Dense": (lambda: nn.Dense(3, 4), lambda k: k.Dense(4), ROW),
    "Conv2D": (lambda: nn.Conv2D(3, 4, (2, 3)), lambda k: k.Conv2D(4, (2, 3)), IMAGE),
    "BatchNorm": (
        lambda: nn.BatchNorm(3, epsilon=1e-3), lambda k: k.BatchNormalization(epsilon=1e-3), IMAGE
    ),
    "LayerNorm": (
        lambda: nn.LayerNorm(3, epsilon=1e-3), lambda k: k.LayerNormalization(epsilon=1e-3), TEXT
    ),
    "RMSNorm": (
        lambda: nn.RMSNorm(3, epsilon=1e-3), lambda k: k.RMSNormalization(epsilon=1e-3), TEXT
    ),
    "Embedding": (lambda: nn.Embedding(9, 4), lambda k: k.Embedding(9, 4), None),
    "SimpleRNN": (lambda: nn.SimpleRNN(3, 4), lambda k: k.SimpleRNN(4), TEXT),
    "LSTM": (lambda: nn.LSTM(3, 4), lambda k: k.LSTM(4), TEXT),
    "GRU": (lambda: nn.GRU(3, 4), lambda k: k.GRU(4, reset_after=False), TEXT),
    "GRU, reset after": (lambda: nn.GRU(3, 4, reset_after=True), lambda k: k.GRU(4), TEXT),
    "MultiHeadAttention": (
        lambda: nn.MultiHeadAttention(6, 2), lambda k: k.MultiHeadAttention(2, 3), (4, 7, 6)
    ),
    "Sequential": (
        lambda: nn.Sequential(nn.Conv2D(3, 4, 3), nn.BatchNorm(4, epsilon=1e-3), nn.ReLU(),
                              nn.Flatten(), nn.Dropout(0.5), nn.Dense(48, 2)),
        lambda k: __import__("keras").Sequential([
            k.Conv2D(4, 3), k.BatchNormalization(), k.ReLU(), k.Flatten(), k.Dropout(0.5),
            k.Dense(2)]),
        IMAGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_keras_computes_the_same_with_the_same_weights(name):
    keras = pytest.importorskip("keras", reason="TensorFlow is not installed")
    make, theirs, shape = CASES[name]
    rng, theirs = np.random.default_rng(0), theirs(keras.layers)
    x = rng.integers(0, 9, (4, 7)) if shape is None else rng.normal(size=shape).astype("f4")
    inputs = (x, x) if name == "MultiHeadAttention" else (x,)
    theirs(*inputs)  # makes its weights
    ours = randomized(make())
    theirs.set_weights(to_keras(ours))
    expected = np.asarray(theirs(*inputs))
    np.testing.assert_allclose(ours(x), expected, atol=1e-5)

    theirs.set_weights([w + np.float32(0.25) for w in theirs.get_weights()])
    again = from_keras(make(), theirs.get_weights())
    changed = np.asarray(theirs(*inputs))
    assert np.abs(changed - expected).max() > 1e-3
    np.testing.assert_allclose(again(x), changed, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_there_and_back_nothing_changes(name):
    layer, other = randomized(CASES[name][0]()), CASES[name][0]()
    assert from_keras(other, to_keras(layer)) is other
    pairs = zip(layer.parameters(), other.parameters(), strict=True)
    assert all((a.value == b.value).all() and a.value is not b.value for a, b in pairs)
    given = to_keras(layer)
    given[0][...] = 99
    assert not (layer.parameters()[0].value == 99).any()


def gates(state, x, h, combine):
    """A recurrent layer of PyTorch, step by step, as its documentation writes it."""
    W, U, b, c = (
        state[name] for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    carry = None
    for t in range(x.shape[1]):
        h, carry = combine(x[:, t] @ W.T + b, h @ U.T + c, h, carry)
    return h


def rnn(a, s, h, carry):
    return np.tanh(a + s), None


def lstm(a, s, h, c):
    i, f, g, o = np.split(a + s, 4, axis=1)
    c = sigmoid(f) * (0 if c is None else c) + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(a, s, h, carry):
    (a_r, a_z, a_n), (s_r, s_z, s_n) = np.split(a, 3, axis=1), np.split(s, 3, axis=1)
    r, z = sigmoid(a_r + s_r), sigmoid(a_z + s_z)
    return (1 - z) * np.tanh(a_n + r * s_n) + z * h, None


@pytest.mark.parametrize(
    ("layer", "blocks", "combine"),
    [(nn.SimpleRNN(3, 4), 1, rnn), (nn.LSTM(3, 4), 4, lstm),
     (nn.GRU(3, 4, reset_after=True), 3, gru)],
)  # fmt: skip
def test_recurrent_layers_of_pytorch(layer, blocks, combine):
    rng = np.random.default_rng(0)
    state = {
        "weight_ih_l0": rng.normal(size=(4 * blocks, 3)), "bias_ih_l0": rng.normal(size=4 * blocks),
        "weight_hh_l0": rng.normal(size=(4 * blocks, 4)), "bias_hh_l0": rng.normal(size=4 * blocks),
    }  # fmt: skip
    x = rng.normal(size=TEXT)
    y = from_pytorch(layer, state)(x.astype("f4"))
    np.testing.assert_allclose(y, gates(state, x, np.zeros((4, 4)), combine), atol=1e-5)


def test_attention_of_pytorch():
    rng, d, heads = np.random.default_rng(0), 6, 2
    state = {
        "in_proj_weight": rng.normal(size=(3 * d, d)), "in_proj_bias": rng.normal(size=3 * d),
        "out_proj.weight": rng.normal(size=(d, d)), "out_proj.bias": rng.normal(size=d),
    }  # fmt: skip
    x = rng.normal(size=(2, 5, d))
    q, k, v = np.split(x @ state["in_proj_weight"].T + state["in_proj_bias"], 3, axis=-1)
    mixed = np.empty_like(x)
    for part in np.split(np.arange(d), heads):
        scores = np.exp(q[..., part] @ k[..., part].swapaxes(1, 2) / sqrt(d / heads))
        mixed[..., part] = scores / scores.sum(axis=-1, keepdims=True) @ v[..., part]
    expected = mixed @ state["out_proj.weight"].T + state["out_proj.bias"]
    layer = from_pytorch(nn.MultiHeadAttention(d, heads, dtype=float), state)
    np.testing.assert_allclose(layer(x), expected, atol=1e-12)


def test_a_convolution_of_pytorch():
    rng = np.random.default_rng(0)
    state = {"weight": rng.normal(size=(4, 3, 2, 3)), "bias": rng.normal(size=4)}
    x = rng.normal(size=IMAGE)
    y = from_pytorch(nn.Conv2D(3, 4, (2, 3), dtype=float), state)(x)
    patch = x[1, 2:4, 1:4].transpose(2, 0, 1)  # (channels, height, width)
    np.testing.assert_allclose(y[1, 2, 1], (state["weight"] * patch).sum((1, 2, 3)) + state["bias"])


def test_a_stack_of_pytorch():
    rng = np.random.default_rng(0)
    state = {
        "0.weight": rng.normal(size=(4, 3)), "0.bias": rng.normal(size=4),
        "1.weight": rng.normal(size=4), "1.bias": rng.normal(size=4),
        "1.running_mean": rng.normal(size=4), "1.running_var": rng.uniform(1, 2, 4),
        "1.num_batches_tracked": np.array(7),
        "3.weight": rng.normal(size=(2, 4)), "3.bias": rng.normal(size=2),
    }  # fmt: skip
    x = rng.normal(size=ROW)
    h = x @ state["0.weight"].T + state["0.bias"]
    h = (h - state["1.running_mean"]) / np.sqrt(state["1.running_var"] + 1e-5)
    h = np.maximum(0, h * state["1.weight"] + state["1.bias"])
    model = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.ReLU(), nn.Dense(4, 2))
    y = from_pytorch(model, state)(x.astype("f4"))
    np.testing.assert_allclose(y, h @ state["3.weight"].T + state["3.bias"], atol=1e-5)


def test_the_reset_gate_after_the_product_makes_a_difference():
    x = np.random.default_rng(0).normal(size=TEXT).astype("f4")
    before, after = nn.GRU(3, 4, rng=0), nn.GRU(3, 4, reset_after=True, rng=0)
    assert repr(after) == "GRU(3→4, reset_after=True)"
    assert np.abs(before(x) - after(x)).max() > 1e-3
    assert [p.name for p in after.parameters()][-1] == "recurrent_bias"


DENSE = {"weight": np.zeros((4, 3)), "bias": np.zeros(4)}
IMAGES = nn.Sequential(nn.Conv2D(1, 2, 3), nn.Flatten(), nn.Dense(8, 2))
MISTAKES = {
    "no such layer": (lambda: to_keras(nn.GPT(5, 4, 2, 1, context=3)), "no layer like GPT"),
    "too few": (lambda: from_keras(nn.Dense(3, 4), [np.zeros((3, 4))]), r"\(4,\)\], got \[\(3, 4"),
    "a shape": (lambda: from_keras(nn.Dense(3, 4), [np.zeros((4, 3)), np.zeros(4)]), "shapes"),
    "a name": (lambda: from_pytorch(nn.Dense(3, 4), {"weight": 0}), "the names .*'bias'"),
    "not turned": (lambda: from_pytorch(nn.Dense(4, 3), DENSE), r"\(4, 3\).*got \[\(3, 4\)"),
    "another form": (
        lambda: from_pytorch(nn.GRU(3, 4), dict.fromkeys(
            ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"], 0)),
        "resets after the product",
    ),
    "another order": (lambda: from_pytorch(IMAGES, {}), "PyTorch flattens images in another order"),
    "one too many": (
        lambda: from_pytorch(nn.Sequential(nn.ReLU()), {"1.weight": 0}), r"no layer for 1\.weight"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "words"), MISTAKES.values(), ids=MISTAKES)
def test_what_does_not_fit_is_explained(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()
