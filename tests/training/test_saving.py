"""Saved models come back bit for bit; damaged or foreign files change nothing."""

import json
import re
import warnings
import zipfile

import numpy as np
import pytest

import nncourse as nn


def make(seed, units=4):
    return nn.Sequential(
        nn.Dense(3, units, rng=seed), nn.BatchNorm(units), nn.ReLU(), nn.Dense(units, 2, rng=seed)
    )


X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def test_a_round_trip_gives_identical_predictions(tmp_path):
    model, other = make(1), make(2)
    model(X, training=True)  # moves the running averages
    nn.save(model, tmp_path / "model.npz")
    assert nn.load(other, tmp_path / "model.npz") is other
    np.testing.assert_array_equal(other(X), model(X))
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]
    (tmp_path / "other").touch()
    assert (tmp_path / "model.npz").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    nn.save(make(1), path)
    before = path.read_bytes()

    def full_disk(*args, **arrays):
        args[0].write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        nn.save(make(2), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "pickled", "one byte"])
def test_damaged_files_are_refused(tmp_path, damage):
    path, model = tmp_path / "model.npz", make(1)
    nn.save(make(2), path)
    content = bytearray(path.read_bytes())
    if damage == "one byte":
        content[len(content) // 3] ^= 0xFF
    path.write_bytes(
        {"truncated": bytes(content[:-200]), "text": b"hello", "empty": b""}.get(damage, content)
    )
    if damage == "pickled":
        np.savez(path, a=np.array([{}], dtype=object))
    before = model(X)
    with pytest.raises(ValueError, match="is not a file written by"):
        nn.load(model, path)
    np.testing.assert_array_equal(model(X), before)


def test_another_architecture_is_refused(tmp_path):
    nn.save(make(1, units=5), tmp_path / "model.npz")
    model = make(2)
    before = model(X)
    words = re.escape("0.kernel: expected (3, 4) float32, found (3, 5) float32")
    with pytest.raises(ValueError, match=words):
        nn.load(model, tmp_path / "model.npz")
    np.testing.assert_array_equal(model(X), before)


def test_any_damaged_byte_is_found_or_harmless(tmp_path):
    """Flip bytes all over the file: it is refused, or what it holds is unchanged."""
    path, saved = tmp_path / "model.npz", make(2)
    nn.save(saved, path)
    content = path.read_bytes()
    for i in range(0, len(content), 7):
        path.write_bytes(content[:i] + bytes([content[i] ^ 0xFF]) + content[i + 1 :])
        model = make(1)
        before = model(X)
        try:
            nn.load(model, path)
        except ValueError:
            np.testing.assert_array_equal(model(X), before)
        else:
            np.testing.assert_array_equal(model(X), saved(X))


def test_a_folder_may_be_the_home_and_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    nn.save(make(1), "~/model.npz")
    np.testing.assert_array_equal(nn.load(make(2), "~/model.npz")(X), make(1)(X))
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none to save model.npz in"):
        nn.save(make(1), tmp_path / "none" / "model.npz")


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.load(make(1), tmp_path / "none.npz")


def test_arrays_are_named_by_their_paths(tmp_path):
    nn.save(make(1), tmp_path / "model.npz")
    names = ["0.kernel", "0.bias", "1.gamma", "1.beta", "3.kernel", "3.bias"]
    names += ["1.running_mean", "1.running_variance", "architecture"]
    assert np.load(tmp_path / "model.npz").files == names


def test_files_of_numbered_parameters_can_still_be_read(tmp_path):
    model = make(1)
    model(X, training=True)
    numbered = {f"parameter.{i}.{p.name}": p.value for i, p in enumerate(model.parameters())}
    buffers = {f"buffer.{name}": array for name, array in model.buffers().items()}
    np.savez(tmp_path / "old.npz", **numbered, **buffers)
    np.testing.assert_array_equal(nn.load(make(2), tmp_path / "old.npz")(X), model(X))
    with pytest.raises(ValueError, match=r"0.kernel: expected \(3, 5\) float32, found \(3, 4\)"):
        nn.load(make(2, units=5), tmp_path / "old.npz")


def between(layer):
    return nn.Sequential(nn.Dense(4, 4, rng=0), layer, nn.Dense(4, 4, rng=1))


@pytest.mark.parametrize(
    ("saved", "loaded", "words"),
    [
        (between(nn.Dropout(0.5)), between(nn.ReLU()), "layer 1 is Dropout(rate=0.5) in the file"),
        (between(nn.ReLU()), between(nn.Tanh()), "is ReLU() in the file, Tanh() in the model"),
        (between(nn.LeakyReLU(0.1)), between(nn.LeakyReLU(0.2)), "layer 1 is LeakyReLU(alpha=0.1)"),
        (between(nn.GELU()), between(nn.GELU(exact=True)), "GELU(exact=True) in the model"),
        (between(nn.Residual(nn.ReLU())), between(nn.ReLU()), "layer 1 is Residual() in the file"),
        (between(nn.Residual(nn.ReLU())), between(nn.Residual(nn.Tanh())), "1.0 is ReLU() in the"),
        (nn.LayerNorm(4), nn.LayerNorm(4, epsilon=0.1), "layer outermost is LayerNorm(epsilon=1e"),
        (nn.MaxPool2D(2), nn.MaxPool2D(3), "MaxPool2D(size=(2, 2), stride=(2, 2)) in the file"),
        (nn.Conv2D(1, 2, 3), nn.Conv2D(1, 2, 3, stride=2), "(stride=(1, 1), padding=valid) in the"),
        (nn.LSTM(2, 2), nn.LSTM(2, 2, return_sequences=True), "LSTM(return_sequences=False) in th"),
        (
            nn.MultiHeadAttention(4, 2),
            nn.MultiHeadAttention(4, 2, causal=True),
            "causal=True, rotary=False) in the model",
        ),
        (
            nn.Sequential(nn.Dense(2, 2), nn.ReLU()),
            nn.Sequential(nn.Dense(2, 2)),
            "layer 1 is ReLU() in the file, none() in the model",
        ),
    ],
)
def test_the_same_arrays_in_another_architecture_are_refused(saved, loaded, words, tmp_path):
    nn.save(saved, tmp_path / "model.npz")
    nn.load(saved, tmp_path / "model.npz")
    with pytest.raises(ValueError, match=re.escape(words)):
        nn.load(loaded, tmp_path / "model.npz")


LAYERS = [
    [1], 5, None, "x", {"": 5}, {"": {"rate": 0.5}}, {"": [1, 2]}, {"": "layer"}, {"": None},
    {"": {"layer": ["a"]}}, {"": {"layer": None, "self": 1}}, {},
]  # fmt: skip


@pytest.mark.parametrize("layers", LAYERS, ids=repr)
def test_a_strange_description_of_layers_is_refused(layers, tmp_path):
    path, model = tmp_path / "model.npz", make(1)
    nn.save(make(2), path)
    arrays = dict(np.load(path)) | {"architecture": np.array(json.dumps(layers))}
    np.savez(path, **arrays)
    before = model(X)
    with pytest.raises(ValueError, match=r"is not a file written by|holds another architecture"):
        nn.load(model, path)
    np.testing.assert_array_equal(model(X), before)


@pytest.mark.parametrize("layers", [None, np.array("[" * 100_000), np.arange(3), np.array(b"\xff")])
def test_without_a_description_of_layers_a_file_is_refused(layers, tmp_path):
    """Dense, dropout, dense and dense, ReLU, dense have the same arrays."""
    path = tmp_path / "model.npz"
    nn.save(between(nn.Dropout(0.5)), path)
    arrays = dict(np.load(path)) | {"architecture": layers}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(ValueError, match="is not a file written by"):
        nn.load(between(nn.ReLU()), path)


def test_an_array_that_occurs_twice_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    nn.save(make(2), path)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("0.bias.npy", archive.read("0.bias.npy"))
    with pytest.raises(ValueError, match="occurs twice"):
        nn.load(make(1), path)
