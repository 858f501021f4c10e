"""Callbacks: what is to happen around the epochs of a training."""

import copy
from math import inf

from .saving import state

__all__ = ["Callback", "EarlyStopping"]


class Callback:
    """Base class for what is to happen around epochs; override what you need.

    Examples
    --------
    >>> class StopAt(Callback):
    ...     def on_epoch_end(self, trainer, history):
    ...         return history["loss"][-1] < 0.1  # True ends the training
    """

    def on_train_begin(self, trainer):
        """Run before the first epoch."""

    def on_epoch_end(self, trainer, history):
        """Run after each epoch; a true result ends the training."""

    def on_train_end(self, trainer, history):
        """Run after the last epoch, also when training was stopped early."""


class EarlyStopping(Callback):
    """Stop after ``patience`` epochs in a row without improvement; go back to the best weights.

    A value that is NaN is no improvement. Source: Prechelt (1998).

    Parameters
    ----------
    monitor : str
        Name in the history. Lower is better, unless the name ends in ``accuracy``.
    patience : int
        At least 1.
    min_delta : float
        What counts as an improvement.
    restore_best : bool
        Whether the model gets back the weights of its best epoch.

    Attributes
    ----------
    best_epoch : int
        Counted from 1; 0 before there is one.

    Raises
    ------
    ValueError
        If ``patience`` or ``min_delta`` is out of range, or the history has no such name.

    Examples
    --------
    >>> EarlyStopping("val_accuracy", patience=3).patience
    3
    """

    def __init__(self, monitor="val_loss", *, patience=5, min_delta=0.0, restore_best=True):
        if patience < 1 or not min_delta >= 0:
            raise ValueError(
                "EarlyStopping expects patience >= 1 and min_delta >= 0, got "
                f"patience={patience}, min_delta={min_delta}"
            )
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.restore_best = restore_best
        self.on_train_begin(None)

    def on_train_begin(self, trainer):
        self.best, self.best_epoch, self._weights = inf, 0, None

    def on_epoch_end(self, trainer, history):
        if self.monitor not in history:
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, but the history has {list(history)}. "
                "Give fit() validation_data, or watch one of these."
            )
        values = history[self.monitor]
        value = -values[-1] if self.monitor.endswith("accuracy") else values[-1]
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, len(values)
            if self.restore_best:
                self._weights = copy.deepcopy(state(trainer.model))
        return len(values) - self.best_epoch >= self.patience

    def on_train_end(self, trainer, history):
        if self._weights is not None:
            for name, array in state(trainer.model).items():
                array[...] = self._weights[name]
