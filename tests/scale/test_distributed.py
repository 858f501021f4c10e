"""Two processes train as one does, to the last digits; a killed one leaves no trace.

The runs with TensorFlow are few, for each process takes seconds to import it.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import nncourse as nn
from nncourse.scale import distributed, distributed_worker
from nncourse.scale.distributed import WorkerError, train
from nncourse.scale.distributed_worker import batch_indices, initial_weights, write_checkpoint

RECIPE = {
    "batch_size": 64,
    "units": 32,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "dtype": "float32",
    "seed": 0,
}

# Keras rounds these numbers to float32, whatever the weights are: these are left as they are.
EXACT = {"learning_rate": 0.125, "momentum": 0.875, "timeout": 900}

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow"
)


def largest_difference(first, second):
    return max(np.abs(a - b).max() for a, b in zip(first, second, strict=True))


def train_in_numpy(steps, dtype):
    """The same training by other code: one process, the whole batch, layers of this package."""
    model = nn.Sequential(nn.Dense(784, 32, dtype=dtype), nn.ReLU(), nn.Dense(32, 10, dtype=dtype))
    for p, value in zip(
        model.parameters(), initial_weights(RECIPE | {"dtype": dtype}), strict=True
    ):
        p.value[...] = value
    optimizer = nn.SGD(model.parameters(), learning_rate=0.125, momentum=0.875)
    mnist = nn.datasets.load_mnist(source="sample", flatten=True, dtype=dtype, verbose=False)
    losses = []
    for step in range(1, steps + 1):
        chosen = batch_indices(0, step, 10_000, 64)
        scores = model(mnist.x_train[chosen], training=True)
        loss, grad = nn.losses.softmax_cross_entropy(scores, mnist.y_train[chosen])
        optimizer.zero_grad()
        model.backward(grad)
        optimizer.step()
        losses.append(loss)
    return losses, [p.value for p in model.parameters()]


@needs_tensorflow
def test_two_workers_of_32_equal_one_of_64_and_numpy():
    one = train(workers=1, steps=20, dtype="float64", **EXACT)
    two = train(workers=2, steps=20, dtype="float64", **EXACT)
    assert two.events == ["2 workers start at step 1", "step 20 is done"]
    assert largest_difference(two.weights, one.weights) < 1e-13
    np.testing.assert_allclose(two.losses, one.losses, rtol=1e-13)
    losses, weights = train_in_numpy(20, "float64")
    assert largest_difference(two.weights, weights) < 1e-12
    np.testing.assert_allclose(two.losses, losses, rtol=1e-12)
    assert losses[-1] < losses[0] / 2  # they did learn


@needs_tensorflow
def test_a_killed_worker_leaves_no_trace(tmp_path):
    undisturbed = train(workers=2, steps=8, checkpoint_every=3, **EXACT)
    (tmp_path / "checkpoint.part").write_bytes(b"half a checkpoint")  # as a killed chief leaves it
    options = EXACT | {"checkpoint_every": 3, "folder": tmp_path}
    killed = train(workers=2, steps=8, kill=(1, 6), **options)
    assert killed.events == [
        "2 workers start at step 1",
        "worker 1 was killed",
        "worker 0 stopped with an error",
        "2 workers start at step 4",
        "step 8 is done",
    ]
    assert largest_difference(killed.weights, undisturbed.weights) == 0
    assert killed.losses == undisturbed.losses
    assert not (tmp_path / "checkpoint.part").exists()

    losses, weights = train_in_numpy(8, "float32")
    assert largest_difference(undisturbed.weights, weights) < 1e-6
    np.testing.assert_allclose(undisturbed.losses, losses, rtol=1e-5)

    again = train(workers=2, steps=8, **options)  # nothing is left to do
    assert again.events == ["step 8 is done"]
    assert largest_difference(again.weights, killed.weights) == 0


@pytest.fixture
def broken_tensorflow(monkeypatch, tmp_path):
    """Workers (not this process) find a TensorFlow that fails at once."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for package in "tensorflow", "keras":
        (folder / f"{package}.py").write_text("raise RuntimeError('this library is broken')")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(distributed.importlib.util, "find_spec", lambda name: name)


def test_workers_that_always_fail_are_given_up(broken_tensorflow, tmp_path):
    before = psutil.Process().children()  # what other tests have left is theirs
    with pytest.raises(WorkerError) as error:
        train(workers=2, steps=2, max_restarts=1, folder=tmp_path / "run")
    message = str(error.value)
    assert "failed 2 times, the last time after step 0 of 2" in message
    assert message.count("2 workers start at step 1") == 2
    assert "--- worker 0:" in message and "this library is broken" in message
    assert set(psutil.Process().children()) <= set(before)


def sleeping_tensorflow(folder):
    """A folder whose TensorFlow takes forever to import."""
    for package in "tensorflow", "keras":
        (folder / f"{package}.py").write_text("import time\ntime.sleep(600)")
    return str(folder)


def test_time_is_limited(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", sleeping_tensorflow(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(distributed.importlib.util, "find_spec", lambda name: name)
    before = psutil.Process().children()
    with pytest.raises(TimeoutError, match=r"more than the 0\.5 s allowed"):
        train(workers=2, steps=2, timeout=0.5)
    assert set(psutil.Process().children()) <= set(before)


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path):
    code = (
        "import importlib.util as u, nncourse.scale.distributed as d\n"
        "u.find_spec = lambda name: name\n"
        f"d.train(workers=2, steps=2, timeout=600, folder={str(tmp_path)!r})"
    )
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([sleeping_tensorflow(tmp_path), *sys.path])
    }
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    workers = []
    try:
        while len(workers) < 2:
            assert parent.poll() is None
            workers = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        _, alive = psutil.wait_procs(workers, timeout=1200)
        assert not alive
    finally:
        parent.kill()
        for worker in workers:
            if worker.is_running():
                worker.kill()


@pytest.mark.parametrize("lacking", ["os.fork", "signal.SIGKILL"])
def test_it_says_where_it_does_not_run(monkeypatch, tmp_path, lacking):
    monkeypatch.delattr(lacking)
    with pytest.raises(RuntimeError, match="needs Linux or macOS; use WSL, Colab or Binder"):
        train(folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_it_says_when_tensorflow_is_missing(monkeypatch):
    monkeypatch.setattr(distributed.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs tensorflow.*nncourse\[tensorflow\]"):
        train(steps=1)


def test_a_checkpoint_that_cannot_be_written_leaves_the_older_one(monkeypatch, tmp_path):
    write_checkpoint(tmp_path, RECIPE, [2.0], [np.zeros(2)])

    def fail(file, about, *arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(distributed_worker.np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(tmp_path, RECIPE, [2.0, 1.0], [np.ones(2)])
    monkeypatch.undo()
    checkpoint = distributed_worker.read_checkpoint(tmp_path)
    assert checkpoint["losses"] == [2.0] and not checkpoint["variables"][0].any()


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    write_checkpoint(tmp_path, RECIPE | {"units": 16}, [2.0], [np.zeros(2)])
    with pytest.raises(ValueError, match=r"another recipe: .*'units': 32.*'units': 16"):
        train(folder=tmp_path)
    write_checkpoint(tmp_path, RECIPE, [2.0] * 7, [np.zeros(2)])
    with pytest.raises(ValueError, match="after 7 steps, more than steps=6"):
        train(steps=6, folder=tmp_path)


def test_batches_are_drawn_without_repetition_and_differ():
    first, second = batch_indices(0, 1, 100, 50), batch_indices(0, 2, 100, 50)
    assert len(set(first)) == 50 and set(first) <= set(range(100))
    assert set(first) != set(second)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers is a whole number of at least 1, got 0"),
        ({"steps": 1.5}, "steps is a whole number of at least 1, got 1.5"),
        ({"workers": 3}, "multiple of workers=3"),
        ({"batch_size": 20_000}, "at most 10000, got 20000"),
        ({"dtype": "float16"}, "got 'float16'"),
        ({"learning_rate": float("nan")}, "learning_rate is a number > 0, got nan"),
        ({"momentum": 1.0}, "momentum is a number from 0 to below 1, got 1.0"),
        ({"max_restarts": -1}, "max_restarts is a whole number of at least 0, got -1"),
        ({"seed": -1}, "seed is a whole number of at least 0, got -1"),
        ({"kill": (2, 1)}, r"a worker from 0 to 1 and a step from 1 to 20, got \(2, 1\)"),
        ({"kill": (0, 21)}, "a step from 1 to 20"),
        ({"timeout": 0}, "timeout is a number of seconds > 0, got 0"),
    ],
)
def test_bad_settings_are_refused_before_anything_starts(options, words, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(ValueError, match=words):
        train(folder=folder, **options)
    assert not Path(folder).exists()


def test_a_damaged_checkpoint_is_named(tmp_path):
    write_checkpoint(tmp_path, RECIPE, [2.0], [np.zeros(2)])
    path = tmp_path / "checkpoint.npz"
    content = path.read_bytes()
    strange = np.array("[1]"), np.array("{"), np.array('{"losses": [1.0]}'), np.arange(3)
    for damaged in (b"", content[:-50], b"hello", *strange):
        if isinstance(damaged, bytes):
            path.write_bytes(damaged)
        else:
            np.savez(path, damaged, np.zeros(2))
        with pytest.raises(ValueError, match=r"is damaged: .* Delete it"):
            distributed_worker.read_checkpoint(tmp_path)
