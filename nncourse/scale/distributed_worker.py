"""One worker of data-parallel training: the program that each machine of a cluster would run.

:mod:`nncourse.scale.distributed` starts it once per worker, as
``python -m nncourse.scale.distributed_worker`` with the settings as JSON, and tells it through the
environment variable ``TF_CONFIG`` who the workers are and which of them it is. All workers hold the
same weights. At each step

1. each worker takes its own part of the batch and computes the gradient of the loss on it;
2. an *all-reduce* over the network gives every worker the sum of all gradients;
3. each worker makes the same update, so that the weights stay the same everywhere.

Worker 0, the *chief*, also writes checkpoints. A worker that dies stops the others: the next
all-reduce cannot be completed. Whoever started them starts them all again, and they go on from
the checkpoint.
"""

import io
import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from ..datasets import load_mnist
from ..layers import Dense

__all__ = ["batch_indices", "initial_weights", "read_checkpoint", "work", "write_checkpoint"]


def work(settings):
    """Train until ``settings["steps"]`` steps are done; the chief leaves a checkpoint.

    Examples
    --------
    See :func:`nncourse.scale.distributed.train`.
    """
    import keras
    import tensorflow as tf

    cluster = json.loads(os.environ["TF_CONFIG"])
    rank, workers = cluster["task"]["index"], len(cluster["cluster"]["worker"])
    batch_size, dtype = settings["batch_size"], settings["dtype"]
    mine = slice(rank * batch_size // workers, (rank + 1) * batch_size // workers)
    mnist = load_mnist(source="sample", flatten=True, dtype=np.dtype(dtype), verbose=False)

    keras.backend.set_floatx(dtype)
    tf.config.threading.set_intra_op_parallelism_threads(1)  # the same sums in the same order
    tf.config.experimental.enable_op_determinism()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # connects the workers
    with strategy.scope():
        model = keras.Sequential(
            [
                keras.Input((784,)),
                keras.layers.Dense(settings["units"], activation="relu"),
                keras.layers.Dense(10),
            ]
        )
        optimizer = keras.optimizers.SGD(settings["learning_rate"], settings["momentum"])
        optimizer.build(model.trainable_variables)
    model.set_weights(initial_weights(settings))

    variables = model.weights + optimizer.variables  # all that the future depends on
    losses = []
    if checkpoint := read_checkpoint(settings["folder"]):
        losses = checkpoint["losses"]
        for variable, array in zip(variables, checkpoint["variables"], strict=True):
            variable.assign(array)

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            each = keras.losses.sparse_categorical_crossentropy(y, scores, from_logits=True)
            loss = tf.reduce_sum(each) / batch_size  # of the whole batch: parts then add up
        weights = model.trainable_variables
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))  # all-reduce, then update
        return loss

    @tf.function
    def step(x, y):
        return strategy.reduce("SUM", strategy.run(replica_step, args=(x, y)), axis=None)

    for number in range(len(losses) + 1, settings["steps"] + 1):
        if settings["kill"] == [rank, number]:
            os.kill(os.getpid(), signal.SIGKILL)  # a fault made on purpose, without any cleanup
        chosen = batch_indices(settings["seed"], number, len(mnist.x_train), batch_size)[mine]
        loss = step(tf.constant(mnist.x_train[chosen]), tf.constant(mnist.y_train[chosen]))
        losses.append(float(loss))
        last = number == settings["steps"]
        if rank == 0 and (last or number % settings["checkpoint_every"] == 0):
            arrays = [variable.numpy() for variable in variables]
            write_checkpoint(settings["folder"], settings["recipe"], losses, arrays)


def batch_indices(seed, step, examples, batch_size):
    """Which examples make up the batch of one step: it depends on nothing that came before.

    So all workers agree without a word, and a restarted one needs no state of a generator.

    Examples
    --------
    >>> batch_indices(0, 7, 1000, 4).tolist() == batch_indices(0, 7, 1000, 4).tolist()
    True
    """
    return np.random.default_rng([seed, step]).choice(examples, batch_size, replace=False)


def initial_weights(settings):
    """Kernels and biases at the start, the same for everyone: 784 → units → 10.

    Examples
    --------
    >>> [w.shape for w in initial_weights({"units": 32, "seed": 0, "dtype": "float32"})]
    [(784, 32), (32,), (32, 10), (10,)]
    """
    rng, units, dtype = (
        np.random.default_rng(settings["seed"]),
        settings["units"],
        settings["dtype"],
    )
    layers = Dense(784, units, rng=rng, dtype=dtype), Dense(units, 10, rng=rng, dtype=dtype)
    return [p.value for layer in layers for p in layer.parameters()]


def write_checkpoint(folder, recipe, losses, variables):
    """Write the state after ``len(losses)`` steps: the file changes as a whole, or not at all.

    It is written under another name, pushed to the disk, and then renamed, which the operating
    system does in one go. A worker killed halfway leaves the older checkpoint as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_checkpoint(folder, {"units": 32}, [2.3, 2.1], [np.zeros(3)])
    ...     read_checkpoint(folder)
    {'recipe': {'units': 32}, 'losses': [2.3, 2.1], 'variables': [array([0., 0., 0.])]}
    """
    part, path = Path(folder, "checkpoint.part"), Path(folder, "checkpoint.npz")
    about = np.array(json.dumps({"recipe": recipe, "losses": losses}))
    with open(part, "wb") as file:
        np.savez(file, about, *variables)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read_checkpoint(folder):
    """Return what :func:`write_checkpoint` wrote last into a folder; None if there is nothing.

    Raises
    ------
    ValueError
        If the file is damaged.

    Examples
    --------
    See :func:`write_checkpoint`.
    """
    path = Path(folder, "checkpoint.npz")
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            about, *variables = (file[name] for name in file.files)
        about = json.loads(about.item())
        return {"recipe": dict(about["recipe"]), "losses": list(about["losses"])} | {
            "variables": variables
        }
    except Exception as error:  # a damaged file can fail anywhere, and in many ways
        raise ValueError(f"{path} is damaged: {error!r:.200}. Delete it.") from error


def _die_with_the_supervisor(timeout):
    """End this process when its standard input is closed, or after ``timeout`` seconds."""

    def watch():
        while os.read(0, 1):
            pass
        os._exit(1)  # the supervisor is gone: nobody waits for the result

    threading.Thread(target=watch, daemon=True).start()
    signal.alarm(int(timeout) + 1)  # the operating system ends the process, whatever it is doing


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    _die_with_the_supervisor(options["timeout"])
    work(options)
