"""Saved models come back bit for bit; damaged or foreign files change nothing."""

import re

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
    words = re.escape("parameter.0.kernel: expected (3, 4) float32, found (3, 5) float32")
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
