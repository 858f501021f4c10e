"""The same jobs on a cluster: a worker is killed, and the gradebook stays the same."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from classroom.notebooks import MAJORITY, NEURON, hand_in, notebook

from nncourse.classroom import cluster as cluster_module
from nncourse.classroom.__main__ import main

pytest.importorskip("distributed")
ONLY = ["--chapter", "01_neurons", "--exercise", "neuron", "--exercise", "majority", "--seed", "7"]
SLOW = "import time\ntime.sleep({seconds})"
ROOT = Path(__file__).resolve().parents[2]


def started(folder, *words):
    """Start a part of the cluster, with nothing but this package on its path."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
            stdout=log, stderr=log, cwd=folder, env=environment,
        )  # fmt: skip


@pytest.fixture
def cluster(tmp_path):
    """Yield the address of a scheduler, and its two workers' processes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    alone = ("--host", "127.0.0.1", "--no-dashboard")
    parts = [started(tmp_path, "dask_scheduler", *alone, "--port", address.rpartition(":")[2])]
    alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path))
    parts += [started(tmp_path, "dask_worker", address, *alone) for _ in range(2)]
    client = f"from distributed import Client\nclient = Client({address!r}, timeout=1200)\n"
    ready = [sys.executable, "-W", "ignore", "-c", client + "client.wait_for_workers(2, 1200)"]
    subprocess.run(ready, check=True)
    yield address, parts[1:]
    for part in reversed(parts):
        part.kill()
        part.wait()


@pytest.mark.usefixtures("sandboxed")
def test_a_killed_worker_changes_nothing(tmp_path, cluster):
    """The first worker that is seen to grade is killed while it waits for a slow notebook."""
    address, workers = cluster
    slow = [SLOW.format(seconds=1.5)]
    hand_in(tmp_path / "class", {
        "ada.ipynb": notebook(*slow, NEURON, MAJORITY), "bob.ipynb": notebook(*slow, MAJORITY),
        "eve.ipynb": notebook("import os\nos._exit(1)", NEURON), "joe.ipynb": notebook(NEURON),
    })  # fmt: skip
    quiz = "from nncourse.exercises import Exercise\nEXERCISES = (Exercise('quiz.one', abs, "
    quiz += "lambda rng: [(rng.normal(),)], points=2), Exercise('quiz.two', abs, "
    quiz += "lambda rng: [(-2,)]))"
    hand_in(tmp_path, {"checks/own.py": quiz, "class/kim.ipynb": notebook("quiz = abs")})
    given = ["grade", str(tmp_path / "class"), *ONLY, "--exercise", "quiz", "--extra-checks",
             str(tmp_path / "checks"), "-o"]  # fmt: skip
    command = [sys.executable, "-m", "nncourse.classroom", *given, str(tmp_path / "there")]
    grading = subprocess.Popen([*command, "--cluster", address], stderr=subprocess.DEVNULL)
    victim = None
    while victim is None and grading.poll() is None:
        busy = [w for w in workers if Path(f"/proc/{w.pid}/task").exists() and _children(w.pid)]
        victim = busy[0] if busy else None
        time.sleep(0.02)
    assert victim is not None
    os.kill(victim.pid, signal.SIGKILL)
    assert main([*given, str(tmp_path / "here"), "--jobs", "2"]) == 0
    assert grading.wait(1200) == 0
    names = ["gradebook.csv", "details.csv", "report.html", "results/ada.json"]
    for name in names:
        here, there = tmp_path / "here" / name, tmp_path / "there" / name
        assert here.read_bytes() == there.read_bytes(), name
    assert "kim,,,kim,,0,3" in (tmp_path / "here" / "gradebook.csv").read_text(encoding="utf-8")
    assert _children(victim.pid) == []


def _children(pid):
    """Return the processes that a process has forked, from any of its threads."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += path.read_text().split()
        except OSError:
            pass
    return found


def test_the_threads_of_a_worker_take_turns(monkeypatch):
    """They share its sandbox: the user of the next submission, and what a fork inherits."""
    seen = []

    def grade(jobs, rounds, sandbox, **limits):
        seen.append(cluster_module.TURNS.locked())
        return [(jobs[0].key, "results")]

    plan = SimpleNamespace(rounds=None)
    monkeypatch.setattr(cluster_module, "_prepared", lambda setup: (plan, None, {}))
    monkeypatch.setattr(cluster_module, "grade_all", grade)
    assert cluster_module._judged("setup", SimpleNamespace(key=7)) == "results"
    assert seen == [True] and not cluster_module.TURNS.locked()


def test_a_cluster_that_is_not_there_is_said(tmp_path, capsys, monkeypatch):
    import dask

    hand_in(tmp_path / "class", {"ada.ipynb": notebook(NEURON)})
    with dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}):
        out = ["-o", str(tmp_path / "out"), "--cluster", "tcp://127.0.0.1:9"]
        assert main(["grade", str(tmp_path / "class"), *ONLY, *out]) == 2
    said = capsys.readouterr().err
    assert "grade: " in said and "127.0.0.1:9" in said and "Traceback" not in said
    assert "start `dask scheduler`" in said and not (tmp_path / "out").exists()
