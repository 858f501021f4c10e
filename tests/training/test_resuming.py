"""Checkpoints: a training that is killed and resumed ends as if nothing had happened."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nncourse as nn
from nncourse.training.saving import state

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = X[:, :2] ** 2


def train(path, epochs=6, *others, build=nn.Adam, resume=True):
    """Return a trainer, trained: with dropout and batch norm, momenta, and a schedule."""
    model = nn.Sequential(
        nn.Dense(3, 8, rng=0), nn.BatchNorm(8), nn.ReLU(), nn.Dropout(0.5, rng=1),
        nn.Dense(8, 2, rng=2),
    )  # fmt: skip
    optimizer = build(model.parameters(), nn.CosineDecay(0.05, steps=100))
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, optimizer, rng=3)
    callbacks = [nn.ModelCheckpoint(path, resume=resume), *others]
    options = {"epochs": epochs, "batch_size": 16, "validation_data": (X, Y), "progress": False}
    trainer.fit(X, Y, callbacks=callbacks, **options)
    return trainer


def all_of(trainer):
    slots = {f"{i}{k}": a for i, s in enumerate(trainer.optimizer.state) for k, a in s.items()}
    return state(trainer.model) | slots


def same(one, other):
    assert one.history == other.history
    assert one.optimizer.iterations == other.optimizer.iterations
    assert repr(one.rng.bit_generator.state) == repr(other.rng.bit_generator.state)
    for name, array in all_of(one).items():
        np.testing.assert_array_equal(array, all_of(other)[name], err_msg=name)


KILLED = """
import os, sys
sys.path.insert(0, {folder!r})
import nncourse as nn, test_resuming

class Kill(nn.Callback):
    def on_batch_end(self, trainer, losses):
        if trainer.optimizer.iterations == 10:  # in the middle of the third epoch
            os.kill(os.getpid(), 9)

test_resuming.train({path!r}, 6, nn.EarlyStopping(patience=9), Kill())
"""


def test_killed_and_resumed_it_ends_bit_for_bit_the_same(tmp_path):
    code = KILLED.format(folder=str(Path(__file__).parent), path=str(tmp_path / "run.npz"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == (9 if sys.platform == "win32" else -9), done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]

    class Kill(nn.Callback):
        """The same callbacks as before; this one lets live."""

    resumed = train(tmp_path / "run.npz", 6, nn.EarlyStopping(patience=9), Kill())
    whole = train(tmp_path / "whole.npz", 6, nn.EarlyStopping(patience=9), Kill())
    assert resumed.epoch == 6 and len(resumed.history["loss"]) == 6
    same(resumed, whole)


@pytest.mark.parametrize("build", [nn.Adam, nn.RMSprop, lambda p, r: nn.SGD(p, r, momentum=0.9)])
def test_more_epochs_go_on_where_fewer_ended(tmp_path, build):
    train(tmp_path / "run.npz", 2, build=build)
    same(train(tmp_path / "run.npz", 5, build=build), train(tmp_path / "all.npz", 5, build=build))


def test_early_stopping_goes_on_too(tmp_path):
    def early():
        return nn.EarlyStopping(patience=2, min_delta=0.03)

    whole, stops = train(tmp_path / "whole.npz", 50, first := early()), []
    for epochs in (1, 3, 50, 50):  # the last finds that all is done
        stops.append(early())
        resumed = train(tmp_path / "run.npz", epochs, stops[-1])
    assert 3 < whole.epoch < 50
    assert (resumed.epoch, resumed.history) == (whole.epoch, whole.history)
    assert (stops[-1].best, stops[-1].best_epoch) == (first.best, first.best_epoch)
    same(resumed, whole)


def test_a_checkpoint_is_a_model_file_too(tmp_path):
    trainer = train(tmp_path / "run.npz", 2)
    other = train(tmp_path / "other.npz", 1).model
    nn.load(other, tmp_path / "run.npz")
    np.testing.assert_array_equal(other(X), trainer.predict(X))


def test_without_resume_it_begins_anew(tmp_path):
    train(tmp_path / "run.npz", 2)
    trainer = train(tmp_path / "run.npz", 1, resume=False)
    assert len(trainer.history["loss"]) == 1
    assert train(tmp_path / "run.npz", 1).history == trainer.history  # the file was written anew


def test_a_failed_write_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    train(tmp_path / "run.npz", 1)
    before = (tmp_path / "run.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        train(tmp_path / "run.npz", 2)
    assert (tmp_path / "run.npz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"build": nn.RMSprop}, "another training: its optimizer: Adam, here: RMSprop"),
        ({"others": [nn.EarlyStopping()]}, "its callbacks: ['ModelCheckpoint'], here: ['Early"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, change, words):
    train(tmp_path / "run.npz", 1)
    with pytest.raises(ValueError, match=re.escape(words)):
        train(tmp_path / "run.npz", 2, *change.pop("others", ()), **change)


def test_other_files_and_folders_are_refused(tmp_path):
    model = nn.Dense(3, 2, rng=0)
    nn.save(model, tmp_path / "model.npz")
    with pytest.raises(ValueError, match="holds another architecture"):
        train(tmp_path / "model.npz")
    nn.save(train(tmp_path / "run.npz", 1).model, tmp_path / "model.npz")
    with pytest.raises(ValueError, match="belongs to another training: its optimizer: None"):
        train(tmp_path / "model.npz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        train(tmp_path / "none" / "run.npz")


def test_what_a_killed_write_left_is_cleared_away(tmp_path):
    for name in (".run.npz-0123abcd.part", ".other.npz-0123abcd.part"):
        (tmp_path / name).write_bytes(b"half")
    train(tmp_path / "run.npz", 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.npz-0123abcd.part", "run.npz"]


def changed(path, **record):
    """Write the checkpoint again with other entries in its record, or without those of None."""
    arrays = dict(np.load(path))
    known = json.loads(str(arrays["training/record"])) | record
    known = {name: value for name, value in known.items() if value is not None}
    arrays["training/record"] = np.array(json.dumps(known))
    np.savez(path, **arrays)


def with_array(path, name, change):
    arrays = dict(np.load(path))
    name = next(each for each in arrays if name in each)
    arrays[name] = change(arrays[name])
    np.savez(path, **{n: a for n, a in arrays.items() if a is not None})


STRANGE = {
    "iterations": [None, "x", -5, 1.5, True],
    "epoch": [None, "2", -1, 1e9],
    "stopping": [None, "no", 0],
    "history": [None, 5, [], {"loss": "ab"}, {"loss": [None, 1.0]}, {"loss": [1.0] * 9}, {"a": []}],
    "random": [None, 5, [1, 2, 3], [{}], [{}] * 3, [{"bit_generator": "PCG64"}] * 3],
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, vs in STRANGE.items() for v in vs])
def test_a_strange_record_is_refused_before_anything_changes(tmp_path, key, value):
    path = tmp_path / "run.npz"
    train(path, 2)
    changed(path, **{key: value})
    refused(path, "is damaged")


ARRAYS = [
    ("training/record", lambda a: np.array("[1]")),
    ("training/record", lambda a: np.array("{")),
    ("training/record", lambda a: np.array("[" * 100_000)),
    ("training/record", lambda a: np.arange(3)),
    ("optimizer/0/m", lambda a: np.full(a.shape, "a")),
    ("optimizer/0/m", lambda a: a * 1j),
    ("optimizer/0/m", lambda a: a.astype(float)),
    ("optimizer/0/m", lambda a: a.T),
    ("optimizer/0/m", lambda a: None),
    ("callback/0/best_epoch", lambda a: None),
    ("callback/0/best", lambda a: np.array("x")),
    ("callback/0/weights/0.bias", lambda a: None),
    ("callback/0/weights/0.bias", lambda a: np.ones(7, np.float32)),
    ("callback/0/weights/0.bias", lambda a: a.astype(complex)),
]


@pytest.mark.parametrize(("name", "change"), ARRAYS)
def test_a_strange_array_is_refused_before_anything_changes(tmp_path, name, change):
    path = tmp_path / "run.npz"
    train(path, 2, nn.EarlyStopping(patience=9))
    with_array(path, name, change)
    refused(path, "is damaged|belongs to", nn.EarlyStopping(patience=9))


def refused(path, words, *others):
    """Resume, and see that the model is left as it was made."""
    made = []
    original = nn.ModelCheckpoint._restore

    def restore(self, trainer):
        made.extend([trainer.model, copy.deepcopy(state(trainer.model))])
        original(self, trainer)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError, match=words):
        patch.setattr(nn.ModelCheckpoint, "_restore", restore)
        train(path, 3, *others)
    model, before = made
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("kind", ["PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_any_source_of_randomness_goes_on(tmp_path, kind):
    def run(path, epochs):
        source = np.random.Generator(getattr(np.random, kind)(3))
        model = nn.Sequential(nn.Dropout(0.5, rng=source), nn.Dense(3, 2, rng=0))
        optimizer = nn.SGD(model.parameters(), 0.1)
        trainer = nn.Trainer(model, nn.losses.mean_squared_error, optimizer, rng=source)
        checkpoint = nn.ModelCheckpoint(path, resume=True)
        trainer.fit(X, Y, epochs=epochs, callbacks=checkpoint, progress=False)
        return trainer

    run(tmp_path / "a.npz", 2)
    same(run(tmp_path / "a.npz", 4), run(tmp_path / "b.npz", 4))


def test_a_momentum_that_is_no_longer_wanted_is_not_forgotten_silently(tmp_path):
    path = tmp_path / "run.npz"
    train(path, 2, build=lambda p, rate: nn.SGD(p, rate, momentum=0.9))
    with pytest.raises(ValueError, match="belongs to an optimizer with other settings"):
        train(path, 3, build=nn.SGD)
