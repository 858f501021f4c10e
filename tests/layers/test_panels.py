"""Panels: the same product in another layout, used for arrays that cannot change, and no others."""

import copy
import pickle

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.exchange import from_keras, from_pytorch
from nncourse.layers.panels import Panels, laid_out
from nncourse.training.saving import state


def frozen(units=64, inputs=48):
    """A layer as a published model has it: its kernel is read-only."""
    layer = nn.Dense(inputs, units, rng=0)
    layer.kernel.value.flags.writeable = False
    return layer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 5, 20, 21, 163])
@pytest.mark.parametrize("shape", [(384, 96), (1536, 32), (1, 32), (40_000, 32)])
def test_the_product_is_the_plain_one(shape, rows, dtype):
    rng = np.random.default_rng(0)
    x, matrix = rng.normal(size=(rows, shape[0])), rng.normal(size=shape)
    received = x.astype(dtype) @ Panels(matrix.astype(dtype))
    assert received.dtype == dtype and received.flags.c_contiguous
    size = np.abs(x) @ np.abs(matrix)
    assert (np.abs(received - x @ matrix) <= 40 * np.finfo(dtype).eps * size).all()


def test_types_are_those_of_a_product():
    assert (np.ones((2, 3)) @ Panels(np.ones((3, 32), np.float32))).dtype == np.float64


@pytest.mark.parametrize("shape", [(3, 31), (3,), (0, 32), (3, 0)])
def test_what_cannot_be_cut(shape):
    with pytest.raises(ValueError, match="multiple of 32 columns"):
        Panels(np.zeros(shape))


def test_a_layer_uses_panels_only_where_nothing_can_change():
    layer, plain = frozen(), nn.Dense(48, 64, rng=0)
    x = np.random.default_rng(1).normal(size=(5, 48)).astype(np.float32)
    assert isinstance(layer.kernel.matrix, Panels) and layer.kernel.matrix is layer.kernel.matrix
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-5, atol=1e-6)
    grad = np.ones((5, 64), np.float32)
    np.testing.assert_array_equal(layer.backward(grad), plain.backward(grad))
    assert plain.kernel.matrix is plain.kernel.value
    assert frozen(units=10).kernel.matrix.shape == (48, 10)  # no whole panels
    view = np.zeros((48, 64), np.float32)[:]
    view.flags.writeable = False  # its base can change
    layer.kernel.value = view
    assert layer.kernel.matrix is view


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_can_be_changed(copied):
    layer, x = frozen(), np.ones((5, 48), np.float32)
    layer(x)
    other = copied(layer)
    other.kernel.value = other.kernel.value.copy()
    other.kernel.value[...] = 0
    assert not other(x).any() and layer(x).any()


def test_another_value_is_another_matrix():
    layer, x = frozen(), np.ones((5, 48), np.float32)
    layer(x)
    layer.kernel.value = np.zeros((48, 64), np.float32)
    layer.kernel.value.flags.writeable = False
    assert isinstance(layer.kernel.matrix, Panels) and not layer(x).any()


@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam, nn.AdamW])
def test_an_optimizer_changes_a_copy(optimizer):
    layer, x = frozen(), np.ones((5, 48), np.float32)
    published, before = layer.kernel.value, layer(x)
    trained = optimizer(layer.parameters(), 0.1)
    layer.backward(before)
    trained.step()
    assert not np.allclose(layer(x), before)
    np.testing.assert_array_equal(published, nn.Dense(48, 64, rng=0).kernel.value)


def test_what_is_loaded_is_used(tmp_path):
    layer, other, x = frozen(), nn.Dense(48, 64, rng=1), np.ones((5, 48), np.float32)
    layer(x)
    nn.save(other, tmp_path / "other.npz")
    nn.load(layer, tmp_path / "other.npz")
    np.testing.assert_array_equal(layer(x), other(x))
    assert all(array.flags.writeable for array in state(layer).values())


def test_several_matrices_lie_in_one_piece():
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 32), (32, 96))]
    found = laid_out([matrices[0], np.asfortranarray(matrices[1])])
    assert found[0].panels.base is found[1].panels.base is not None
    for panels, matrix in zip(found, matrices, strict=True):
        assert panels.shape == matrix.shape
        x = rng.normal(size=(2, len(matrix))).astype(np.float32)
        np.testing.assert_allclose(x @ panels, x @ matrix, rtol=1e-5, atol=1e-5)


def published():
    """Fixed layers with a small change that is learned."""
    model = nn.Sequential(frozen(48), nn.ReLU(), frozen(32))
    nn.lora.add_lora(model, 2, rng=0)
    return model


def test_fixed_weights_are_saved_as_they_are_and_loaded_over(tmp_path):
    """Those inside LoRA, too, which are no parameters."""
    model, other, x = published(), published(), np.ones((5, 48), np.float32)
    model[0].b.value[...] = 1
    fixed, before = model[0].dense.kernel.value, model(x)
    nn.save(model, tmp_path / "model.npz")
    assert model[0].dense.kernel.value is fixed and not fixed.flags.writeable
    np.testing.assert_array_equal(model(x), before)
    assert np.allclose(nn.load(other, tmp_path / "model.npz")(x), before, rtol=1e-5, atol=1e-5)


def test_fixed_weights_are_fine_tuned_stopped_and_resumed(tmp_path):
    x = np.random.default_rng(0).normal(size=(20, 48)).astype(np.float32)
    for epochs in (2, 4):
        model = published()
        fixed = model[0].dense.kernel.value.copy()
        adam = nn.Adam(model.parameters(), 0.01)
        trainer = nn.Trainer(model, nn.losses.mean_squared_error, adam, rng=0)
        callbacks = [
            nn.ModelCheckpoint(tmp_path / "run.npz", resume=True),
            nn.EarlyStopping("loss", patience=9),
        ]
        losses = trainer.fit(x, x[:, :32], epochs=epochs, callbacks=callbacks, progress=False)[
            "loss"
        ]
        np.testing.assert_array_equal(model[0].dense.kernel.value, fixed)
    assert len(losses) == 4 and losses[3] < losses[0]


def test_fixed_weights_are_exchanged():
    kernel, bias = np.ones((48, 64)), np.zeros(64)
    expected, x = np.full((1, 64), 48), np.ones((1, 48), np.float32)
    given = {"weight": kernel.T, "bias": bias}
    numbered = {f"0.{name}": array for name, array in given.items()}
    for layer in (
        from_keras(frozen(), [kernel, bias]),
        from_keras(nn.Sequential(frozen()), [kernel, bias]),
        from_pytorch(frozen(), given),
        from_pytorch(nn.Sequential(frozen()), numbered),
    ):
        np.testing.assert_array_equal(layer(x), expected)
