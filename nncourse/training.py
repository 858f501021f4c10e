"""Training: the loop around forward, loss, backward and step."""

import copy
import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from math import inf, isfinite

import numpy as np

from .saving import state

__all__ = ["Callback", "EarlyStopping", "History", "Trainer", "TrainingError"]


class TrainingError(RuntimeError):
    """Training cannot go on: the loss or a gradient is no longer a finite number.

    Examples
    --------
    >>> issubclass(TrainingError, RuntimeError)
    True
    """


class History(dict):
    """What happened in each epoch: from a name (``"loss"``, ``"val_loss"``, …) to a list.

    Printed, it is a table with one line for each epoch.

    Examples
    --------
    >>> History({"loss": [0.9, 0.5], "accuracy": [0.7, 0.8]})
    epoch   loss  accuracy
        1  0.9000    0.7000
        2  0.5000    0.8000
    """

    def append(self, logs):
        """Add one epoch's values, a dict from name to number."""
        for name, value in logs.items():
            self.setdefault(name, []).append(value)

    def __repr__(self):
        widths = {name: max(len(name) + 1, 7) for name in self}
        lines = ["epoch" + "".join(f"{name:>{w}} " for name, w in widths.items()).rstrip()]
        for epoch, values in enumerate(zip(*self.values(), strict=True), 1):
            cells = zip(values, widths.values(), strict=True)
            lines.append(f"{epoch:5d}" + "".join(f"{v:{w}.4f} " for v, w in cells).rstrip())
        return "\n".join(lines)


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
    """Stop when a value has not improved for ``patience`` epochs, and go back to the best weights.

    Parameters
    ----------
    monitor : str
        Name in the history. Lower is better, unless the name ends in ``accuracy``.
    patience : int
        Epochs without improvement that are allowed.
    min_delta : float
        What counts as an improvement.
    restore_best : bool
        Whether the model gets back the weights of its best epoch.

    Attributes
    ----------
    best_epoch : int
        Counted from 1.

    Examples
    --------
    >>> EarlyStopping("val_accuracy", patience=3).patience
    3
    """

    def __init__(self, monitor="val_loss", *, patience=5, min_delta=0.0, restore_best=True):
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.restore_best = restore_best

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


class Trainer:
    """Fits a model to data by mini-batch gradient descent.

    Parameters
    ----------
    model : Layer
        Usually a :class:`~nncourse.layers.core.Sequential`.
    loss : callable
        From (prediction, target) to (loss, gradient); see :mod:`nncourse.losses`.
    optimizer : Optimizer
        Made with ``model.parameters()``.
    metrics : sequence of callables
        Each from (prediction, target) to a number; reported under its ``__name__``.
    regularizer : callable, optional
        See :mod:`nncourse.regularizers`. Its penalty is reported by itself, so that ``loss`` and
        ``val_loss`` are comparable.
    rng : int, Generator or None
        Source of the order of the examples.

    Raises
    ------
    ValueError
        If the optimizer updates parameters that are not the model's.

    Examples
    --------
    >>> import nncourse as nn
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> model = nn.Sequential(nn.Dense(1, 1, rng=0))
    >>> optimizer = nn.SGD(model.parameters(), learning_rate=0.5)
    >>> trainer = nn.Trainer(model, nn.losses.mean_squared_error, optimizer)
    >>> history = trainer.fit(x, 3 * x + 1, epochs=20, batch_size=16, progress=False)
    >>> model[0].kernel.value.round(3), model[0].bias.value.round(3)
    (array([[3.]], dtype=float32), array([1.], dtype=float32))
    """

    def __init__(self, model, loss, optimizer, *, metrics=(), regularizer=None, rng=0):
        own = {id(p) for p in model.parameters()}
        if not all(id(p) in own for p in optimizer.parameters):
            raise ValueError(
                "the optimizer updates parameters that are not the model's. Was the model made "
                "again? Then make the optimizer again too, with model.parameters()."
            )
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.metrics = {metric.__name__: metric for metric in metrics}
        self.regularizer = regularizer
        self.rng = np.random.default_rng(rng)

    def fit(
        self, x, y, *, epochs, batch_size=32, validation_data=None, callbacks=(), progress=True
    ):
        """Train for some epochs.

        Parameters
        ----------
        x, y : array of shape (n, ...)
            Examples and their targets.
        epochs, batch_size : int
        validation_data : pair of arrays, optional
            Evaluated after each epoch, under names that start with ``val_``.
        callbacks : sequence of Callback
        progress : bool
            Whether to show a progress bar, where tqdm is installed.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite. Nothing is changed then.
        TrainingError
            If the loss stops being finite. The weights are those before that step.
        """
        x, y = _checked_data(x, y)
        if epochs < 1 or batch_size < 1:
            raise ValueError(
                f"expected positive epochs and batch_size, got {epochs} and {batch_size}"
            )
        if validation_data is not None:
            validation_data = _checked_data(*validation_data)
        for callback in callbacks:
            callback.on_train_begin(self)
        history = History()
        batches = -(-len(x) // batch_size)
        with _progress_bar(epochs * batches, progress) as bar:
            for epoch in range(1, epochs + 1):
                logs = self._train_epoch(x, y, batch_size, epoch, bar)
                if validation_data is not None:
                    scores = self.evaluate(*validation_data)
                    logs |= {f"val_{name}": value for name, value in scores.items()}
                history.append(logs)
                bar.set_postfix({name: f"{value:.4f}" for name, value in logs.items()})
                if any([callback.on_epoch_end(self, history) for callback in callbacks]):
                    break
        for callback in callbacks:
            callback.on_train_end(self, history)
        return history

    def _train_epoch(self, x, y, batch_size, epoch, bar):
        order = self.rng.permutation(len(x))
        totals = {}
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            where = f"epoch {epoch}, step {start // batch_size + 1}"
            for name, value in self._train_step(x[batch], y[batch], where).items():
                totals[name] = totals.get(name, 0.0) + value * len(batch)
            bar.update()
        return {name: total / len(x) for name, total in totals.items()}

    def _train_step(self, x, y, where):
        with np.errstate(over="ignore", invalid="ignore"):
            prediction = self.model.forward(x, training=True)
            loss, grad = self.loss(prediction, y)
        if not isfinite(loss):
            raise TrainingError(
                f"the loss became {loss} in {where}; the weights are those before this step. Try a "
                f"lower learning rate than {self.optimizer.learning_rate}, scale the inputs, or "
                "clip the gradients."
            )
        self.optimizer.zero_grad()
        self.model.backward(grad, input_grad=False)
        logs = {"loss": loss}
        if self.regularizer is not None:
            logs["penalty"] = self.regularizer(self.model.parameters())
        self.optimizer.step()
        return logs | {name: metric(prediction, y) for name, metric in self.metrics.items()}

    def evaluate(self, x, y, *, batch_size=1024):
        """Return loss and metrics (averages over all examples), without training.

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite.
        """
        x, y = _checked_data(x, y)
        functions = {"loss": lambda p, t: self.loss(p, t)[0]} | self.metrics
        totals = dict.fromkeys(functions, 0.0)
        for start in range(0, len(x), batch_size):
            target = y[start : start + batch_size]
            prediction = self.model.forward(x[start : start + batch_size])
            for name, function in functions.items():
                totals[name] += function(prediction, target) * len(target)
        return {name: total / len(x) for name, total in totals.items()}

    def predict(self, x, *, batch_size=1024):
        """Return the model's output for all of ``x``, computed in batches."""
        batches = range(0, len(x), batch_size)
        return np.concatenate([self.model.forward(x[i : i + batch_size]) for i in batches])


def _checked_data(x, y):
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"expected as many examples as targets, at least one, got x of shape {x.shape} and y "
            f"of shape {y.shape}"
        )
    for name, array in ("x", x), ("y", y):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = np.unique(np.nonzero(~np.isfinite(array))[0])
            raise ValueError(
                f"{name} has NaN or infinite values in {len(bad)} of {len(array)} examples, first "
                f"in number {bad[0]}. Remove or fill them."
            )
    return x, y


class _NoProgressBar:
    def update(self):
        pass

    def set_postfix(self, values):
        pass


def _progress_bar(total, show):
    if not show or find_spec("tqdm") is None:
        return nullcontext(_NoProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns where notebook widgets are not installed
        from tqdm.auto import tqdm
    return tqdm(total=total, unit="step")
