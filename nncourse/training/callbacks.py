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
        """Run before the first epoch; an error here leaves the model as it is."""

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
        Name in the history.
    patience : int
        At least 1.
    min_delta : float
        What counts as an improvement.
    restore_best : bool
        Whether the model gets back the weights of its best epoch.
    higher_is_better : bool, optional
        If None, True for names that end in ``accuracy`` alone.

    Attributes
    ----------
    best_epoch : int
        Counted from 1; 0 before there is one.

    Raises
    ------
    ValueError
        If ``patience`` or ``min_delta`` is out of range; before training, if a name that starts
        with ``val_`` is to be watched without validation data; after the first epoch, if the
        history has no such name.

    Examples
    --------
    >>> EarlyStopping("val_accuracy", patience=3).patience
    3
    """

    def __init__(
        self,
        monitor="val_loss",
        *,
        patience=5,
        min_delta=0.0,
        restore_best=True,
        higher_is_better=None,
    ):
        if patience < 1 or not min_delta >= 0:
            raise ValueError(
                "EarlyStopping expects patience >= 1 and min_delta >= 0, got "
                f"patience={patience}, min_delta={min_delta}"
            )
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.restore_best = restore_best
        if higher_is_better is None:
            higher_is_better = monitor.endswith("accuracy")
        self._sign = -1 if higher_is_better else 1
        self._start_afresh()

    def _start_afresh(self):
        self.best, self.best_epoch, self._weights = inf, 0, None

    def on_train_begin(self, trainer):
        if self.monitor.startswith("val_") and not trainer.validates:
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, but fit() got no validation_data. Give "
                "it some, or watch 'loss'."
            )
        self._start_afresh()

    def on_epoch_end(self, trainer, history):
        if self.monitor not in history:
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, but the history has {list(history)}. "
                "Give fit() validation_data, or watch one of these."
            )
        values = history[self.monitor]
        value = self._sign * values[-1]
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, len(values)
            if self.restore_best:
                self._weights = copy.deepcopy(state(trainer.model))
        return len(values) - self.best_epoch >= self.patience

    def on_train_end(self, trainer, history):
        if self._weights is not None:
            for name, array in state(trainer.model).items():
                array[...] = self._weights[name]
