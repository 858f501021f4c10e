"""Resuming: checkpoints hold all that a training needs to go on after it was interrupted."""

import copy
import json
from glob import escape
from pathlib import Path

import numpy as np

from ..layers.core import _walk
from .callbacks import Callback
from .saving import _kinds, _read, _write, state

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
        try:
            record = json.loads(str(kept.get("record", "{}")))
            self._check(trainer, record, kept)
            for i, callback in enumerate(trainer.callbacks):
                begin = f"callback/{i}/"
                callback.restore(
                    {n.removeprefix(begin): a for n, a in kept.items() if n.startswith(begin)}
                )
        except _Other as error:
            raise ValueError(f"{self.path} belongs to {error}") from None
        except Exception as error:  # a damaged record can fail anywhere, and in many ways
            raise ValueError(f"{self.path} is damaged: {error!r:.200}") from error
        slots = dict(_slots(trainer.optimizer))
        for name, array in (state(trainer.model) | slots).items():
            array[...] = numbers[name] if name in numbers else kept[name]
        trainer.optimizer.iterations = record["iterations"]
        for generator, its_state in zip(_generators(trainer), record["random"], strict=True):
            generator.bit_generator.state = its_state
        trainer.history.update(record["history"])
        trainer.epoch, trainer.stopping = record["epoch"], record["stopping"]

    @staticmethod
    def _check(trainer, record, kept):
        """Raise if a record is damaged or of another training; nothing is changed."""
        here = json.loads(str(_training_state(trainer)["record"]))
        for key in ("optimizer", "callbacks", "sources of randomness"):
            if record.get(key) != here[key]:
                raise _Other(f"another training: its {key}: {record.get(key)}, here: {here[key]}")
        counts, history = [record["iterations"], record["epoch"]], record["history"]
        if any(type(n) is not int or n < 0 for n in counts) or type(record["stopping"]) is not bool:
            raise ValueError(f"iterations and epochs are no such numbers: {counts}")
        for name, values in history.items():
            if not 0 < len(values) <= counts[1] or not all(type(v) in (int, float) for v in values):
                raise ValueError(f"{name!r} has no number for each of {counts[1]} epochs")
        for generator, its_state in zip(_generators(trainer), record["random"], strict=True):
            copy.deepcopy(generator).bit_generator.state = its_state
        found = {name: array for name, array in kept.items() if name.startswith("optimizer/")}
        if _kinds(found) != _kinds(dict(_slots(trainer.optimizer))):
            raise _Other("an optimizer with other settings")


class _Other(ValueError):
    """What a file belongs to that is not this training."""


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
