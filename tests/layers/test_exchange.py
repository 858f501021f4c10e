"""Weights go to Keras and back, and come from PyTorch: the outputs are then the same."""

from pathlib import Path

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.exchange import from_keras, from_pytorch, to_keras

GOLDEN = Path(__file__).parents[1] / "golden"
IMAGE, TEXT, ROW = (4, 6, 5, 3), (4, 7, 3), (4, 3)


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
    "DepthwiseConv2D": (
        lambda: nn.DepthwiseConv2D(3, (2, 3)), lambda k: k.DepthwiseConv2D((2, 3)), IMAGE
    ),
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
    "Bidirectional": (
        lambda: nn.Bidirectional(nn.LSTM(3, 4), nn.LSTM(3, 4)),
        lambda k: k.Bidirectional(k.LSTM(4)), TEXT,
    ),
    "Bidirectional, steps": (
        lambda: nn.Bidirectional(
            *(nn.GRU(3, 4, reset_after=True, return_sequences=True) for _ in "ab")
        ),
        lambda k: k.Bidirectional(k.GRU(4, return_sequences=True)), TEXT,
    ),
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


OURS = {
    "Dense": lambda: nn.Dense(3, 4),
    "Conv2D": lambda: nn.Conv2D(3, 4, (2, 3)),
    "DepthwiseConv2D": lambda: nn.DepthwiseConv2D(3, (2, 3)),
    "BatchNorm": lambda: nn.BatchNorm(3),
    "LayerNorm": lambda: nn.LayerNorm(3),
    "RMSNorm": lambda: nn.RMSNorm(3),
    "Embedding": lambda: nn.Embedding(9, 4),
    "SimpleRNN": lambda: nn.SimpleRNN(3, 4, return_sequences=True),
    "LSTM": lambda: nn.LSTM(3, 4, return_sequences=True),
    "GRU": lambda: nn.GRU(3, 4, reset_after=True, return_sequences=True),
    "MultiHeadAttention": lambda: nn.MultiHeadAttention(6, 2),
    "Sequential": lambda: nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 2)),
}


@pytest.mark.parametrize("name", OURS)
def test_pytorch_computed_the_same_with_the_same_weights(name):
    """Golden values, see golden/exchange.py: every weight is random, the running averages too."""
    with np.load(GOLDEN / "exchange.npz") as golden:
        start = f"{name}/state/"
        state = {key.removeprefix(start): golden[key] for key in golden if key.startswith(start)}
        x, y = golden[f"{name}/x"], golden[f"{name}/y"]
    np.testing.assert_allclose(from_pytorch(OURS[name](), state)(x), y, atol=1e-5)


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


def test_both_directions_come_from_pytorch():
    """Each direction's names are those of one layer; the second's end in _reverse."""
    with np.load(GOLDEN / "exchange.npz") as golden:
        start = "LSTM/state/"
        state = {key.removeprefix(start): golden[key] for key in golden if key.startswith(start)}
    second = {name: array[::-1] for name, array in state.items()}
    both = {f"0.{n}": a for n, a in state.items()}
    both |= {f"0.{n}_reverse": a for n, a in second.items()}
    layer = nn.Sequential(nn.Bidirectional(nn.LSTM(3, 4), nn.LSTM(3, 4)))
    assert from_pytorch(layer, both) is layer
    for part, given in (layer[0].first, state), (layer[0].second, second):
        alone = from_pytorch(nn.LSTM(3, 4), given)
        for p, q in zip(part.parameters(), alone.parameters(), strict=True):
            np.testing.assert_array_equal(p.value, q.value)
    del both["0.bias_hh_l0_reverse"]
    with pytest.raises(ValueError, match="bias_hh_l0"):
        from_pytorch(layer, both)


@pytest.mark.parametrize("wrong", [{"1.weight": np.ones((9, 9))}, {"2.weight": np.ones(3)}])
def test_what_does_not_fit_in_the_end_changes_nothing_in_the_beginning(wrong):
    model = nn.Sequential(nn.Dense(3, 4, rng=0), nn.Dense(4, 2, rng=1))
    before = [p.value.copy() for p in model.parameters()]
    state = {f"{i}.weight": np.ones(p.shape[::-1]) for i, p in enumerate(before[::2])}
    state |= {f"{i}.bias": np.ones(p.shape) for i, p in enumerate(before[1::2])}
    with pytest.raises(ValueError, match=r"expects|no layer for"):
        from_pytorch(model, state | wrong)
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, old)
