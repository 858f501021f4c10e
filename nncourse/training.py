"""Training: the loop around forward, loss, backward and step."""

import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from itertools import zip_longest
from math import isfinite

import numpy as np

__all__ = ["History", "Trainer", "TrainingError"]


class TrainingError(RuntimeError):
    """Training cannot go on: the loss, the penalty or a gradient is no longer a finite number.

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
    epoch    loss  accuracy
        1  0.9000    0.7000
        2  0.5000    0.8000
    """

    def append(self, logs):
        """Add one epoch's values, a dict from name to number."""
        for name, value in logs.items():
            self.setdefault(name, []).append(value)

    def __repr__(self):
        epochs = max(map(len, self.values()), default=0)
        columns = [["epoch", *map(str, range(1, epochs + 1))]]
        columns += [[name, *map(_cell, values)] for name, values in self.items()]
        widths = [max(map(len, column)) for column in columns]
        rows = zip_longest(*columns, fillvalue="")
        return "\n".join(
            "  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows
        )


def _cell(value):
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"


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
    metrics : sequence of functions
        Each from (prediction, target) to a number; reported under its name.
    regularizer : callable, optional
        See :mod:`nncourse.regularizers`. Its penalty is reported by itself, so that ``loss`` and
        ``val_loss`` are comparable.
    rng : int, Generator or None
        Source of the order of the examples.

    Raises
    ------
    ValueError
        If the optimizer updates parameters that are not the model's, or two metrics share a name.

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
        self.metrics = {getattr(metric, "__name__", "metric"): metric for metric in metrics}
        if len(self.metrics) < len(metrics) or {"loss", "penalty", "metric"} & set(self.metrics):
            raise ValueError(
                f"expected metrics with names of their own, got {list(self.metrics)} for "
                f"{len(metrics)} metrics. Define each with def, under another name than 'loss'."
            )
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
            (x, y), evaluated after each epoch, under names that start with ``val_``.
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
            If the loss, the penalty or a gradient stops being finite. The model is as it was
            before that step.
        """
        x, y = self._checked(x, y)
        if epochs < 1 or batch_size < 1:
            raise ValueError(
                f"expected positive epochs and batch_size, got {epochs} and {batch_size}"
            )
        if validation_data is not None:
            if len(validation_data) != 2:
                raise ValueError(f"validation_data is a pair (x, y), got {len(validation_data)}")
            validation_data = self._checked(*validation_data)
            self.evaluate(*(part[:1] for part in validation_data))  # better now than an epoch later
        callbacks, history = list(callbacks), History()
        for callback in callbacks:
            callback.on_train_begin(self)
        try:
            self._train(x, y, epochs, batch_size, validation_data, callbacks, progress, history)
        finally:  # also when the reader presses the stop button
            for callback in callbacks:
                callback.on_train_end(self, history)
        return history

    def _train(self, x, y, epochs, batch_size, validation_data, callbacks, progress, history):
        batches = -(-len(x) // batch_size)
        with _progress_bar(epochs * batches, progress) as bar:
            for epoch in range(1, epochs + 1):
                logs = self._train_epoch(x, y, batch_size, epoch, bar)
                if validation_data is not None:
                    scores = self.evaluate(*validation_data)
                    logs |= {f"val_{name}": value for name, value in scores.items()}
                history.append(logs)
                bar.set_postfix({name: _cell(value) for name, value in logs.items()})
                if any([callback.on_epoch_end(self, history) for callback in callbacks]):
                    break

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
        parameters = self.model.parameters()
        buffers = {name: array.copy() for name, array in self.model.buffers().items()}
        for p in parameters:
            p.zero_grad()
        with np.errstate(over="ignore", invalid="ignore"):
            prediction = self.model.forward(x, training=True)
            loss, grad = self.loss(prediction, y)
            logs = {"loss": loss}
            if isfinite(loss):
                self.model._accumulate(grad)
                if self.regularizer is not None:
                    logs["penalty"] = self.regularizer(parameters)
        bad = [f"the {name} became {value}" for name, value in logs.items() if not isfinite(value)]
        bad += [
            f"the gradient of {p.name} became infinite or NaN"
            for p in self.optimizer.parameters
            if not np.isfinite(p.grad).all()
        ]
        if bad:
            for name, array in self.model.buffers().items():
                array[...] = buffers[name]
            raise TrainingError(
                f"{bad[0]} in {where}; the weights are those before this step. Try a lower "
                f"learning rate than {self.optimizer.learning_rate}, scale the inputs, or clip the "
                "gradients."
            )
        logs |= {name: metric(prediction, y) for name, metric in self.metrics.items()}
        self.optimizer.step()
        return logs

    def evaluate(self, x, y, *, batch_size=1024):
        """Return loss and metrics (averages over all examples), without training.

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite, or ``batch_size`` is not
            positive.
        """
        x, y = self._checked(x, y)
        _check_batch_size(batch_size)
        functions = {"loss": lambda p, t: self.loss(p, t)[0]} | self.metrics
        totals = dict.fromkeys(functions, 0.0)
        for start in range(0, len(x), batch_size):
            target = y[start : start + batch_size]
            prediction = self.model.forward(x[start : start + batch_size])
            for name, function in functions.items():
                totals[name] += function(prediction, target) * len(target)
        return {name: total / len(x) for name, total in totals.items()}

    def predict(self, x, *, batch_size=1024):
        """Return the model's output for all of ``x``, computed in batches.

        Raises
        ------
        ValueError
            If there is no example, or ``batch_size`` is not positive.
        """
        _check_batch_size(batch_size)
        x = self._cast(np.asarray(x))
        if x.ndim == 0 or len(x) == 0:
            raise ValueError(f"expected at least one example, got x of shape {x.shape}")
        batches = range(0, len(x), batch_size)
        return np.concatenate([self.model.forward(x[i : i + batch_size]) for i in batches])

    def _checked(self, x, y):
        x, y = _checked_data(x, y)
        return self._cast(x), y

    def _cast(self, x):
        """Give floating-point inputs the type of the parameters; integers stay as they are."""
        parameters = self.model.parameters()
        if x.dtype.kind != "f" or not parameters:
            return x
        return x.astype(parameters[0].value.dtype, copy=False)


def _check_batch_size(batch_size):
    if batch_size < 1:
        raise ValueError(f"expected a positive batch_size, got {batch_size}")


def _checked_data(x, y):
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"expected as many examples as targets, at least one, got x of shape {x.shape} and y "
            f"of shape {y.shape}"
        )
    for name, array in ("x", x), ("y", y):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} should hold numbers, got {array.dtype}")
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
