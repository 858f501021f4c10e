"""Data-parallel training on several processes: starts the workers, watches them, restarts them.

The workers are real: separate processes that share nothing and exchange gradients over the network,
here the loopback interface 127.0.0.1. What a worker does stands in
:mod:`nncourse.scale.distributed_worker`; this module plays the part of a cluster's job scheduler.
"""

import importlib.util
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._numbers import number
from .architectures import _whole
from .distributed_worker import read_checkpoint

__all__ = ["DistributedRun", "WorkerError", "train"]

GRACE = 30  # seconds in which the others should notice that a worker died
EXAMPLES = 10_000  # in the embedded sample of MNIST


class WorkerError(RuntimeError):
    """The workers failed again and again; the message ends with what they last wrote.

    Examples
    --------
    >>> issubclass(WorkerError, RuntimeError)
    True
    """


@dataclass(frozen=True, eq=False)
class DistributedRun:
    """What :func:`train` returns.

    Attributes
    ----------
    losses : list of float
        The loss of each step's whole batch, before the step.
    weights : list of ndarray
        At the end, as the chief has them: kernel (784, units), bias (units,), kernel (units, 10),
        bias (10,).
    events : list of str
        What happened, in order.
    seconds : float
        Wall-clock time, with the start of the processes.

    Examples
    --------
    See :func:`train`.
    """

    losses: list
    weights: list
    events: list
    seconds: float


def train(
    *,
    workers=2,
    steps=20,
    batch_size=64,
    units=32,
    learning_rate=0.1,
    momentum=0.9,
    dtype="float32",
    seed=0,
    folder=None,
    checkpoint_every=5,
    kill=None,
    max_restarts=2,
    timeout=1200,
):
    """Train a small network on MNIST with several processes that share each batch.

    The network, 784 → ``units`` (ReLU) → 10, learns the embedded sample with softmax
    cross-entropy and SGD. With K workers, worker k computes the gradient G_k of its part of the
    batch, ``L_k = (1/n) sum of the losses of its n/K examples``; all get ``G = G_1 + ... + G_K``.
    As L is the sum of the L_k, G is the gradient of the whole batch: up to rounding, the result
    does not depend on K. TensorFlow's MultiWorkerMirroredStrategy does the communication.
    PyTorch: ``DistributedDataParallel`` with the ``gloo`` backend.

    Parameters
    ----------
    workers : int
        Number of processes; they run on the CPU. 1 is ordinary training, by the same program.
    steps, batch_size : int
        Steps in all, and examples of a step in all; a multiple of ``workers``.
    units, learning_rate, momentum, dtype, seed
        The recipe: size of the hidden layer, SGD, "float32" or "float64", weights and batches.
    folder : path or None
        Where the checkpoint and the workers' logs are kept. A checkpoint found there is resumed.
        Without one, a temporary folder is used and removed.
    checkpoint_every : int
        Steps between checkpoints.
    kill : (worker, step) or None
        For the demonstration of a failure: this worker kills itself before it starts this step,
        once.
    max_restarts : int
        How often all workers are started again after one has failed.
    timeout : float
        Seconds for everything; then all workers are ended.

    Returns
    -------
    DistributedRun

    Raises
    ------
    ImportError
        If TensorFlow or Keras is missing.
    RuntimeError
        On Windows and in browsers.
    ValueError
        If an argument is out of range, or the folder's checkpoint belongs to another recipe.
    WorkerError
        If workers failed more than ``max_restarts`` times.
    TimeoutError
        If it took too long.

    Notes
    -----
    While it runs, TensorFlow listens on one port per worker, on all network interfaces and without
    a password: use it on machines and in networks that you trust. The workers end when this process
    ends, however it does. Linux and macOS.

    Keras rounds momentum and learning rate to float32 even when the weights are float64. Numbers
    such as 0.875 and 0.125 stay what they are, and a NumPy model then agrees to the last digits.

    Examples
    --------
    >>> run = train(workers=2, steps=4)  # doctest: +SKIP
    >>> run.events  # doctest: +SKIP
    ['2 workers start at step 1', 'step 4 is done']
    >>> train(workers=3, batch_size=64)
    Traceback (most recent call last):
    ...
    ValueError: batch_size is a multiple of workers=3 and at most 10000, got 64: each worker takes \
an equal part of each batch
    """
    recipe = {
        "batch_size": batch_size,
        "units": units,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "dtype": str(np.dtype(dtype)),
        "seed": seed,
    }
    _check(recipe, workers, steps, checkpoint_every, kill, max_restarts, timeout)
    start, events = time.monotonic(), []
    with ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nncourse-"))
        folder = Path(folder).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        settings = recipe | {"recipe": recipe, "steps": steps, "folder": str(folder), "kill": kill}
        settings |= {"checkpoint_every": checkpoint_every, "timeout": timeout}
        starts = 0
        while (done := _steps_done(folder, recipe, steps)) < steps:
            if starts > max_restarts:
                raise WorkerError(
                    f"the workers failed {starts} times, the last time after step {done} of "
                    f"{steps}: {'; '.join(events)}.\n{_logs(folder, workers)}"
                )
            events.append(f"{workers} worker{'s' * (workers > 1)} start at step {done + 1}")
            events += _attempt(workers, settings, folder, start + timeout)
            settings["kill"], starts = None, starts + 1
        events.append(f"step {steps} is done")
        checkpoint = read_checkpoint(folder)
    losses, weights = checkpoint["losses"], checkpoint["variables"][:4]
    return DistributedRun(losses, weights, events, time.monotonic() - start)


def _attempt(workers, settings, folder, deadline):
    """Run all workers until they have ended; return what went wrong, as a list of sentences."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
    processes = []
    try:
        for rank in range(workers):
            task = {"type": "worker", "index": rank}
            config = {"cluster": {"worker": addresses}, "task": task}
            processes.append(_start(config, settings, folder / f"worker-{rank}.log"))
        codes = _wait(processes, deadline)
    finally:
        for process in processes:
            process.kill()  # does nothing to one that has ended
            process.wait()
            process.stdin.close()
    if None in codes and not any(codes):
        raise TimeoutError(
            f"training took more than the {settings['timeout']} s allowed; a larger timeout or "
            f"fewer steps may help.\n{_logs(folder, workers)}"
        )
    return _explain(codes)


def _wait(processes, deadline):
    """Return all exit codes, None for those still running at the deadline.

    Once one has failed, the deadline is near: the others have to notice it by themselves.
    """
    while True:
        codes = [process.poll() for process in processes]
        if None not in codes or time.monotonic() > deadline:
            return codes
        if any(codes):
            deadline = min(deadline, time.monotonic() + GRACE)
        time.sleep(0.05)


def _explain(codes):
    """Say who failed and how; first those killed, since the others failed because of them."""
    killed = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGALRM}
    ends = {
        rank: "was killed" if code in killed
        else "stopped with an error" if code else "did not notice: ended"
        for rank, code in enumerate(codes) if code != 0
    }  # fmt: skip
    first = sorted(ends, key=lambda rank: ends[rank] != "was killed")
    return [f"worker {rank} {ends[rank]}" for rank in first]


def _start(config, settings, log):
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    } | {
        "TF_CONFIG": json.dumps(config),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "nncourse.scale.distributed_worker", json.dumps(settings)]
    with open(log, "ab") as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output
        )


def _free_ports(count):
    """Ports that nobody uses, below those which the system hands out by itself (from 32768)."""
    ports = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        if len(ports) == count:
            break
        try:
            socket.create_server(("", port)).close()
            ports.append(port)
        except OSError:
            pass  # taken
    return ports


def _logs(folder, workers, lines=15):
    """Return the last lines that the workers wrote."""
    tails = []
    for rank in range(workers):
        log = folder / f"worker-{rank}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        tails.append("\n".join([f"--- worker {rank}:", *text.splitlines()[-lines:]]))
    return "\n".join(tails)


def _steps_done(folder, recipe, steps):
    checkpoint = read_checkpoint(folder)
    if checkpoint is None:
        return 0
    done = len(checkpoint["losses"])
    if checkpoint["recipe"] != recipe:
        raise ValueError(
            f"{folder} holds a checkpoint of another recipe: expected {recipe}, found "
            f"{checkpoint['recipe']}. Choose another folder."
        )
    if done > steps:
        raise ValueError(
            f"{folder} holds a checkpoint after {done} steps, more than steps={steps}. "
            "Choose another folder, or train longer."
        )
    return done


def _check(recipe, workers, steps, checkpoint_every, kill, max_restarts, timeout):
    batch_size = recipe["batch_size"]
    sizes = {"workers": workers, "steps": steps, "checkpoint_every": checkpoint_every}
    sizes |= {"batch_size": batch_size, "units": recipe["units"]}
    for name, size in sizes.items():
        _whole(name, size, 1)
    _whole("seed", recipe["seed"], 0)
    if batch_size % workers or batch_size > EXAMPLES:
        raise ValueError(
            f"batch_size is a multiple of workers={workers} and at most {EXAMPLES}, got "
            f"{batch_size}: each worker takes an equal part of each batch"
        )
    if recipe["dtype"] not in ("float32", "float64"):
        raise ValueError(f'dtype is "float32" or "float64", got {recipe["dtype"]!r}')
    number("learning_rate", recipe["learning_rate"], "a number > 0", lambda v: v > 0)
    number("momentum", recipe["momentum"], "a number from 0 to below 1", lambda v: 0 <= v < 1)
    number("timeout", timeout, "a number of seconds > 0", lambda v: v > 0)
    _whole("max_restarts", max_restarts, 0)
    pair = isinstance(kill, (tuple, list)) and len(kill) == 2
    fits = pair and kill[0] in range(workers) and kill[1] in range(1, steps + 1)
    if kill is not None and not fits:
        raise ValueError(
            f"kill is a pair (worker, step) with a worker from 0 to {workers - 1} and a step from "
            f"1 to {steps}, got {kill!r}"
        )
    if not (hasattr(os, "fork") and hasattr(signal, "SIGKILL")):
        raise RuntimeError(
            "training on several processes needs Linux or macOS; use WSL, Colab or Binder"
        )
    for package in "tensorflow", "keras":
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"training on several processes needs {package}, which is not installed. "
                'Try pip install "nncourse[tensorflow]".'
            )
