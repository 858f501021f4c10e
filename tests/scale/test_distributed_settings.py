"""What the workers are told, without starting any: defaults, and the borders of each setting."""

import numpy as np
import pytest

from nncourse.scale import distributed
from nncourse.scale.distributed import WorkerError, train
from nncourse.scale.distributed_worker import write_checkpoint

USUAL = {
    "batch_size": 64, "units": 32, "learning_rate": 0.1, "momentum": 0.9, "dtype": "float32",
    "seed": 0,
}  # fmt: skip


@pytest.fixture
def told(monkeypatch):
    """Let no worker start; note what it would be told, and leave the checkpoint of a good end."""
    calls = []

    def attempt(workers, settings, folder, deadline):
        calls.append((workers, dict(settings)))
        arrays = [np.full(1, i) for i in range(8)]
        write_checkpoint(folder, settings["recipe"], [0.0] * settings["steps"], arrays)
        return []

    monkeypatch.setattr(distributed, "_attempt", attempt)
    monkeypatch.setattr(distributed.importlib.util, "find_spec", lambda name: name)
    return calls


def test_two_workers_share_64_examples_unless_told(told):
    run = train()
    ((workers, settings),) = told
    assert workers == 2 and settings["recipe"] == USUAL
    assert {name: settings[name] for name in USUAL} == USUAL
    others = {"steps": 20, "kill": None, "checkpoint_every": 5, "timeout": 1200}
    assert {name: settings[name] for name in others} == others
    assert run.losses == [0.0] * 20 and [w.item() for w in run.weights] == [0, 1, 2, 3]
    assert run.events == ["2 workers start at step 1", "step 20 is done"] and run.seconds >= 0
    train(workers=1, steps=1, checkpoint_every=1, units=1, batch_size=1)
    assert told[-1][0] == 1 and told[-1][1]["steps"] == 1


@pytest.mark.parametrize(("options", "starts"), [({}, 3), ({"max_restarts": 0}, 1)])
def test_workers_are_started_three_times_at_most_unless_told(monkeypatch, told, options, starts):
    given = []

    def fail(workers, settings, folder, deadline):
        given.append(settings["kill"])
        return ["worker 0 was killed"]

    monkeypatch.setattr(distributed, "_attempt", fail)
    with pytest.raises(WorkerError, match=f"failed {starts} times, the last time after step 0"):
        train(kill=(0, 1), **options)
    assert given == [(0, 1)] + [None] * (starts - 1)  # a fault made on purpose is made once


def test_a_finished_training_is_gone_on_with(told, tmp_path):
    train(steps=3, folder=tmp_path)
    assert train(steps=3, folder=tmp_path).events == ["step 3 is done"] and len(told) == 1
    train(steps=4, folder=tmp_path)
    with pytest.raises(ValueError, match="checkpoint after 4 steps, more than steps=3"):
        train(steps=3, folder=tmp_path)
    with pytest.raises(ValueError, match="checkpoint of another recipe"):
        train(steps=4, folder=tmp_path, seed=1)


ALLOWED = [
    {"momentum": 0}, {"batch_size": 10_000}, {"kill": (1, 20)}, {"kill": [0, 1]},
    {"dtype": "float64"}, {"seed": 7}, {"learning_rate": 1e-9}, {"timeout": 0.1},
]  # fmt: skip
REFUSED = [
    ({"momentum": 99}, "momentum"),
    ({"momentum": -99}, "momentum"),
    ({"batch_size": 99_998}, "at most 10000, got 99998"),
    ({"kill": (99, 1)}, "kill is a pair"),
    ({"kill": (0, 99)}, "kill is a pair"),
    ({"kill": (0, -99)}, "kill is a pair"),
    ({"kill": (0,)}, "kill is a pair"),
    ({"kill": "01"}, "kill is a pair"),
    ({"seed": -99}, "seed"),
    ({"workers": -99}, "workers"),
    ({"max_restarts": -99}, "max_restarts"),
    ({"momentum": 1}, "momentum is a number from 0 to below 1, got 1"),
    ({"momentum": -1e-9}, "momentum"),
    ({"batch_size": 10_002}, "at most 10000, got 10002"),
    ({"batch_size": 63}, "a multiple of workers=2"),
    ({"kill": (2, 1)}, "a worker from 0 to 1 and a step from 1 to 20"),
    ({"kill": (-1, 1)}, "kill is a pair"),
    ({"kill": (0, 0)}, "kill is a pair"),
    ({"kill": (0, 21)}, "kill is a pair"),
    ({"kill": (0, 1, 2)}, "kill is a pair"),
    ({"seed": -1}, "seed is a whole number of at least 0, got -1"),
    ({"workers": 0}, "workers is a whole number of at least 1, got 0"),
    ({"steps": 0}, "steps is a whole number of at least 1"),
    ({"units": 0}, "units is a whole number of at least 1"),
    ({"checkpoint_every": 0}, "checkpoint_every is a whole number of at least 1"),
    ({"max_restarts": -1}, "max_restarts is a whole number of at least 0"),
    ({"learning_rate": 0}, "learning_rate is a number > 0, got 0"),
    ({"timeout": 0}, "timeout is a number of seconds > 0, got 0"),
    ({"timeout": -1}, "timeout is a number of seconds > 0, got -1"),
    ({"learning_rate": -1}, "learning_rate is a number > 0, got -1"),
    ({"dtype": "float16"}, '"float32" or "float64"'),
]


@pytest.mark.parametrize("options", ALLOWED, ids=str)
def test_settings_at_their_borders(told, options):
    train(**options)
    assert len(told) == 1


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=str)
def test_settings_beyond_their_borders(told, options, words):
    with pytest.raises(ValueError, match=words):
        train(**options)
    assert not told


def test_who_was_killed_is_named_first():
    """The others failed because of it, or did not notice."""
    found = distributed._explain([1, 0, -9, None, -15])
    assert found == [
        "worker 2 was killed", "worker 4 was killed", "worker 0 stopped with an error",
        "worker 3 did not notice: ended",
    ]  # fmt: skip


def test_fifteen_lines_of_each_log_are_shown(tmp_path):
    (tmp_path / "worker-0.log").write_text("\n".join(f"line {i}" for i in range(40)))
    said = distributed._logs(tmp_path, 2).splitlines()
    assert said == ["--- worker 0:", *(f"line {i}" for i in range(25, 40)), "--- worker 1:"]


def test_ports_are_free_and_below_those_of_the_system():
    ports = distributed._free_ports(5)
    assert len(set(ports)) == 5 and all(20_000 <= port < 32_000 for port in ports)
