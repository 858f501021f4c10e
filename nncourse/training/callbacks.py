"""Callbacks: what is to happen around the epochs and the batches of a training."""

import copy
from math import isnan

from .. import metrics
from ..layers.core import _arrays
from .saving import _kinds, state

__all__ = ["Callback", "EarlyStopping"]


class Callback:
    """Base class for what is to happen around epochs and batches; override what you need.

    Examples
    --------
    >>> class StopAt(Callback):
    ...     def on_epoch_end(self, trainer, history):
    ...         return history["loss"][-1] < 0.1  # True ends the training
    """

    def on_train_begin(self, trainer):
        """Run before the first epoch; an error here leaves the model as it is."""

    def on_batch_begin(self, trainer):
        """Run before each step."""

    def on_batch_end(self, trainer, losses):
        """Run after each step; ``losses`` holds the batch's loss, and the penalty if there is one.

        A true result ends the training after this step; the epoch ends as usual.
        """

    def on_epoch_end(self, trainer, history):
        """Run after each epoch; a true result ends the training."""

    def on_train_end(self, trainer, history):
        """Run after the last epoch, also when training was stopped early."""

    def state(self):
        """Return what a checkpoint is to keep of this callback: from names to arrays or numbers."""
        return {}

    def restore(self, kept):
        """Take back what :meth:`state` returned; it comes as arrays."""


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
        Needed for names that are neither losses nor from :mod:`nncourse.metrics`, unless the metric
        itself has an attribute ``higher_is_better``.

    Attributes
    ----------
    best : float or None
        The monitored value in the best epoch; None before there is one.
    best_epoch : int
        Counted from 1; 0 before there is one.

    Raises
    ------
    ValueError
        If ``patience`` or ``min_delta`` is out of range; before training, if a name that starts
        with ``val_`` is to be watched without validation data, or nobody said whether higher is
        better; after the first epoch, if the history has no such name.

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
        self.restore_best, self.higher_is_better = restore_best, higher_is_better
        self._start_afresh()

    def _start_afresh(self):
        self.best, self.best_epoch, self._weights = None, 0, None

    def on_train_begin(self, trainer):
        if self.monitor.startswith("val_") and not trainer.validates:
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, but fit() got no validation_data. Give "
                "it some, or watch 'loss'."
            )
        self._kinds = _kinds(_arrays(trainer.model))
        self._higher = _higher_is_better(self.monitor, trainer.metrics, self.higher_is_better)
        self._start_afresh()

    def on_epoch_end(self, trainer, history):
        if self.monitor not in history:
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, but the history has {list(history)}. "
                "Give fit() validation_data, or watch one of these."
            )
        values = history[self.monitor]
        if self._improves(values[-1]):
            self.best, self.best_epoch = values[-1], len(values)
            if self.restore_best:
                self._weights = copy.deepcopy(_arrays(trainer.model))
        return len(values) - self.best_epoch >= self.patience

    def _improves(self, value):
        if self.best is None:
            return not isnan(value)
        gain = value - self.best if self._higher else self.best - value
        return gain > self.min_delta

    def on_train_end(self, trainer, history):
        if self._weights is not None:
            for name, array in state(trainer.model).items():
                array[...] = self._weights[name]

    def state(self):
        if self.best is None:
            return {}
        weights = {f"weights/{name}": array for name, array in (self._weights or {}).items()}
        return {"best": self.best, "best_epoch": self.best_epoch} | weights

    def restore(self, kept):
        if kept:
            self.best, self.best_epoch = float(kept["best"]), int(kept["best_epoch"])
            weights = {n.partition("/")[2]: a for n, a in kept.items() if n.startswith("weights/")}
            if weights and _kinds(weights) != self._kinds:
                raise ValueError("the best weights are not those of this model")
            self._weights = weights or None


_LOWER = {"loss", "penalty", "mse", "mae", "rmse", "mean_squared_error", "mean_absolute_error"}


def _higher_is_better(monitor, own_metrics, told):
    """Return which way is up, or explain that nobody said."""
    name = monitor.removeprefix("val_")
    library = getattr(metrics, name, None) if name in metrics.__all__ else None
    direction = getattr(own_metrics.get(name, library), "higher_is_better", None)
    if told is not None or (direction is None and name in _LOWER):
        return bool(told)
    if direction is None:
        raise ValueError(
            f"EarlyStopping cannot know whether a higher {monitor!r} is better or worse. Say "
            "higher_is_better=True or False."
        )
    return bool(direction)
