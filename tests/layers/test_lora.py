"""LoRA: it starts as the layer it adapts, learns low-rank changes only, and can be merged."""

import copy
import re

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers import LoRA
from nncourse.layers.lora import add_lora, merge_lora


def trained(rank=2, alpha=3.0):
    """A layer whose B has been changed, as training does."""
    layer = LoRA(nn.Dense(6, 5, rng=0, dtype=float), rank, alpha=alpha, rng=1)
    layer.dense.bias.value += np.arange(5)
    layer.b.value += np.random.default_rng(2).normal(size=(rank, 5))
    return layer


def test_at_first_it_computes_what_the_dense_layer_does():
    dense = nn.Dense(6, 5, rng=0)
    x = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    np.testing.assert_array_equal(LoRA(dense, 2, alpha=64, rng=2)(x), dense(x))


def test_it_computes_the_formula_of_the_paper():
    """Hu et al. (2021), equation 3, with examples as columns: h = W0 x + (alpha / r) B A x."""
    layer, x = trained(rank=2, alpha=3.0), np.random.default_rng(3).normal(size=(4, 6))
    w0, a, b = layer.dense.kernel.value.T, layer.a.value.T, layer.b.value.T
    h = w0 @ x.T + 3.0 / 2 * b @ (a @ x.T) + np.arange(5)[:, None]
    np.testing.assert_allclose(layer(x), h.T, rtol=1e-12)


def test_a_is_normal_with_variance_one_over_inputs():
    a = LoRA(nn.Dense(400, 200, rng=0), 100, rng=1).a.value
    assert a.var() == pytest.approx(1 / 400, rel=5 * np.sqrt(2 / a.size))
    assert abs(a.mean()) < 5 / np.sqrt(400 * a.size)


def test_merging_changes_nothing_but_the_form():
    layer, x = trained(), np.random.default_rng(3).normal(size=(4, 6))
    kept = layer.dense.kernel.value.copy()
    merged = layer.merge()
    assert type(merged) is nn.Dense and merged.kernel.regularize
    np.testing.assert_allclose(merged(x), layer(x), rtol=1e-12)
    np.testing.assert_array_equal(layer.dense.kernel.value, kept)
    change = merged.kernel.value - kept
    assert np.linalg.matrix_rank(change) == 2
    merged.kernel.value += 1
    np.testing.assert_array_equal(layer.dense.kernel.value, kept)


def test_the_frozen_layer_gathers_no_gradient_and_is_not_trained():
    layer, x = trained(), np.random.default_rng(3).normal(size=(4, 6))
    before = copy.deepcopy(layer.dense)
    optimizer = nn.SGD(layer.parameters(), learning_rate=0.1)
    layer(x, training=True)
    layer.backward(np.ones((4, 5)))
    optimizer.step()
    for p, old in zip(layer.dense.parameters(), before.parameters(), strict=True):
        assert not p.grad.any()
        np.testing.assert_array_equal(p.value, old.value)


def test_it_learns_a_low_rank_change_exactly():
    """The target is the frozen layer plus a matrix of rank 2: the loss goes to zero, not before."""
    rng = np.random.default_rng(0)
    dense = nn.Dense(6, 5, rng=1, dtype=float)
    x = rng.normal(size=(200, 6))
    y = dense(x) + x @ rng.normal(size=(6, 2)) @ rng.normal(size=(2, 5))
    losses = {}
    for rank in 1, 2:
        layer = LoRA(dense, rank, rng=2)
        optimizer = nn.Adam(layer.parameters(), learning_rate=0.02)
        for _ in range(1500):
            loss, grad = nn.losses.mean_squared_error(layer(x, training=True), y)
            optimizer.zero_grad()
            layer.backward(grad)
            optimizer.step()
        losses[rank] = loss
    assert losses[2] < 1e-8
    assert losses[1] > 1e-2


def test_saving_keeps_the_frozen_weights_too(tmp_path):
    layer, x = trained(), np.random.default_rng(3).normal(size=(4, 6))
    model = nn.Sequential(layer, nn.Tanh())
    nn.save(model, tmp_path / "model.npz")
    other = nn.Sequential(LoRA(nn.Dense(6, 5, rng=7, dtype=float), 2, alpha=3.0, rng=8), nn.Tanh())
    nn.load(other, tmp_path / "model.npz")
    np.testing.assert_array_equal(other(x), model(x))


def network():
    return nn.Sequential(
        nn.Dense(6, 6, rng=0, dtype=float),
        nn.Residual(nn.Dense(6, 6, rng=1, dtype=float), nn.Tanh()),
        nn.MultiHeadAttention(6, 2, rng=2, dtype=float),
    )


def test_adapting_a_network_reaches_every_dense_layer():
    model, x = network(), np.random.default_rng(3).normal(size=(4, 3, 6))
    expected = model(x)
    added = add_lora(model, 2, rng=4)
    assert [type(layer) for layer in added] == [LoRA] * 6
    assert model[0] is added[0] and model[1][0] is added[1]
    attention = model[2]
    assert attention.layers == (attention.query, attention.key, attention.value, attention.output)
    assert attention.layers == tuple(added[2:])
    np.testing.assert_array_equal(model(x), expected)
    ours = {id(p) for layer in added for p in layer.parameters()}
    assert {id(p) for p in model.parameters()} == ours
    for layer in added:
        layer.b.value += 0.1
    nn.check_layer(model, x)

    changed = model(x)
    merge_lora(model)
    assert type(model[0]) is type(attention.query) is type(attention.layers[0]) is nn.Dense
    np.testing.assert_allclose(model(x), changed, rtol=1e-10)


def test_adapting_chosen_layers_of_a_gpt_trains_these_alone():
    model = nn.GPT(7, 8, 2, 2, context=6, rng=0)
    ids = np.random.default_rng(1).integers(0, 7, (3, 6))
    before = [p.value.copy() for p in model.parameters()]
    expected = model(ids)
    added = add_lora(model, 2, names=("query", "value"), rng=2)
    assert len(added) == 4
    np.testing.assert_array_equal(model(ids), expected)
    optimizer = nn.Adam([p for layer in added for p in layer.parameters()], learning_rate=0.05)
    losses = []
    for _ in range(30):
        logits = model(ids, training=True)
        loss, grad = nn.losses.softmax_cross_entropy(logits.reshape(-1, 7), ids.reshape(-1))
        optimizer.zero_grad()
        model.backward(grad.reshape(logits.shape))
        optimizer.step()
        losses.append(loss)
    assert losses[-1] < losses[0]
    frozen = nn.GPT(7, 8, 2, 2, context=6, rng=0)
    for layer in added:
        layer.b.value[...] = 0  # without the changes, it is the old model to the last bit
    merge_lora(model)
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, old)
    np.testing.assert_array_equal(model(ids), frozen(ids))


def test_saving_keeps_the_frozen_weights_of_a_gpt(tmp_path):
    ids = np.array([[0, 3, 5, 1]])
    model, other = (nn.GPT(7, 8, 2, 2, context=6, rng=seed) for seed in (0, 1))
    for layer in [*add_lora(model, 2, rng=2), *add_lora(other, 2, rng=3)]:
        layer.b.value += 0.1
    nn.save(model, tmp_path / "model.npz")
    nn.load(other, tmp_path / "model.npz")
    np.testing.assert_array_equal(other(ids), model(ids))


def test_nothing_is_adapted_twice():
    model = nn.Sequential(nn.Dense(3, 3, rng=0), nn.Tanh())
    add_lora(model, 1)
    with pytest.raises(ValueError, match="expected Dense layers inside the model, found none"):
        add_lora(model, 1)


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: LoRA(nn.Tanh(), 1), TypeError, "expects a Dense layer to adapt, got Tanh()"),
        (lambda: LoRA(nn.Dense(5, 3), 4), ValueError, "rank from 1 to 3 for Dense(5→3), got 4"),
        (lambda: LoRA(nn.Dense(5, 3), 0), ValueError, "got 0"),
        (lambda: LoRA(nn.Dense(5, 3), 2.0), ValueError, "a whole rank from 1 to 3 for Dense(5→3)"),
        (lambda: LoRA(nn.Dense(5, 3), 1, alpha=0), ValueError, "positive alpha, got 0"),
        (
            lambda: add_lora(network(), 1, names=("Query",)),
            ValueError,
            "expected Dense layers named Query inside the model, found none",
        ),
        (lambda: add_lora(nn.Dense(3, 3), 1), ValueError, "found none in Dense(3→3)"),
    ],
)
def test_bad_use_is_explained(build, error, words):
    with pytest.raises(error, match=re.escape(words)):
        build()


def test_a_rank_that_does_not_fit_changes_nothing():
    model = nn.Sequential(nn.Dense(6, 6, rng=0), nn.Dense(6, 2, rng=1))
    with pytest.raises(ValueError, match="rank from 1 to 2"):
        add_lora(model, 3)
    assert [type(layer) for layer in model] == [nn.Dense, nn.Dense]
