"""Resuming: checkpoints hold all that a training needs to go on after it was interrupted."""

import json
from glob import escape
from pathlib import Path

import numpy as np

from ..layers.core import _walk
from .callbacks import Callback
from .saving import _read, _write, state

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(Callback):
    """After each epoch, write a file from which the training can go on as if nothing had happened.

    It holds the architecture and the model's numbers, so :func:`~nncourse.training.saving.load`
    reads it, too; the optimizer's state; the states of the random generators, of the trainer's and
    of the model's layers; the history; and what other callbacks keep. An epoch that was interrupted
    begins again. The file appears whole or not at all: whenever the process is killed, the older
    one is left. Keras: ``BackupAndRestore``.

    Parameters
    ----------
    path : str or Path
        Of the file, usually with the ending ``.npz``.
    resume : bool
        Whether :meth:`~nncourse.training.trainer.Trainer.fit` goes on from the file if there is
        one. The script must make the same model, optimizer, trainer and callbacks as before, and
        give the same data; ``epochs`` is the number in all, and may be larger.

    Raises
    ------
    FileNotFoundError
        Before training, if the folder does not exist.
    ValueError
        Before training, if the file is damaged or belongs to something else. The model is not
        changed then.

    Examples
    --------
    >>> import nncourse as nn
    >>> from tempfile import TemporaryDirectory
    >>> def train(epochs, path):
    ...     model = nn.Dense(1, 1, rng=0)
    ...     optimizer = nn.Adam(model.parameters(), learning_rate=0.1)
    ...     trainer = nn.Trainer(model, nn.losses.mean_squared_error, optimizer)
    ...     x = np.arange(8, dtype=np.float32)[:, None]
    ...     checkpoint = nn.ModelCheckpoint(path, resume=True)
    ...     return trainer.fit(x, x, epochs=epochs, callbacks=checkpoint, progress=False)
    >>> with TemporaryDirectory() as folder:
    ...     history = train(2, f"{folder}/run.npz")
    ...     more = train(4, f"{folder}/run.npz")  # does two more
    >>> len(more["loss"]), more["loss"][:2] == history["loss"]
    (4, True)
    """

    def __init__(self, path, *, resume=False):
        self.path, self.resume = Path(path).expanduser(), resume

    def on_train_begin(self, trainer):
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {self.path.parent} for {self.path.name}")
        if self.resume:
            for part in self.path.parent.glob(f".{escape(self.path.name)}-*.part"):
                part.unlink(missing_ok=True)  # of a write that was killed
        if self.resume and self.path.exists():
            self._restore(trainer)

    def on_epoch_end(self, trainer, history):
        _write(trainer.model, self.path, _training_state(trainer))

    def _restore(self, trainer):
        numbers, kept = _read(trainer.model, self.path)
        own = _training_state(trainer)
        record, here = (json.loads(str(each.get("record", "{}"))) for each in (kept, own))
        for key in ("optimizer", "callbacks", "sources of randomness"):
            if record.get(key) != here[key]:
                raise ValueError(
                    f"{self.path} belongs to another training: its {key}: {record.get(key)}, "
                    f"here: {here[key]}"
                )
        slots = dict(_slots(trainer.optimizer))
        if any(np.shape(kept.get(name)) != array.shape for name, array in slots.items()):
            raise ValueError(f"{self.path} belongs to an optimizer with other settings")
        for name, array in (state(trainer.model) | slots).items():
            array[...] = numbers[name] if name in numbers else kept[name]
        trainer.optimizer.iterations = record["iterations"]
        for generator, its_state in zip(_generators(trainer), record["random"], strict=True):
            generator.bit_generator.state = its_state
        trainer.history.update(record["history"])
        trainer.epoch, trainer.stopping = record["epoch"], record["stopping"]
        for i, callback in enumerate(trainer.callbacks):
            begin = f"callback/{i}/"
            callback.restore(
                {n.removeprefix(begin): a for n, a in kept.items() if n.startswith(begin)}
            )


def _training_state(trainer):
    """Return arrays that hold all but the model: the optimizer, callbacks, and a record as JSON."""
    generators = _generators(trainer)
    record = {
        "optimizer": type(trainer.optimizer).__name__,
        "callbacks": [type(callback).__name__ for callback in trainer.callbacks],
        "sources of randomness": len(generators),
        "random": [generator.bit_generator.state for generator in generators],
        "iterations": trainer.optimizer.iterations,
        "epoch": trainer.epoch,
        "stopping": trainer.stopping,
        "history": trainer.history,
    }
    kept = {
        f"callback/{i}/{name}": value
        for i, callback in enumerate(trainer.callbacks)
        for name, value in callback.state().items()
    }
    record = json.dumps(record, default=lambda number: number.tolist())
    return dict(_slots(trainer.optimizer)) | kept | {"record": np.array(record)}


def _slots(optimizer):
    for i, slots in enumerate(optimizer.state):
        for name, array in slots.items():
            yield f"optimizer/{i}/{name}", array


def _generators(trainer):
    """Return the trainer's random generator and those of the model's layers, each once."""
    layers = [vars(layer).values() for layer in _walk(trainer.model)]
    found = [trainer.rng, *(v for values in layers for v in values)]
    return list({id(v): v for v in found if isinstance(v, np.random.Generator)}.values())
