"""Training: the loop around forward, loss, backward and step."""

import os
import warnings
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from math import isfinite

import numpy as np

from ..layers.core import _walk
from ..layers.masks import real_steps, spread
from .batches import _check_positive, _examples, _inputs, _part, _slices, _validation
from .callbacks import Callback
from .history import History
from .optimizers import Optimizer

__all__ = ["Trainer", "TrainingError"]


class TrainingError(RuntimeError):
    """Training cannot go on: the loss, the penalty or a gradient is no longer a finite number.

    Examples
    --------
    >>> issubclass(TrainingError, RuntimeError)
    True
    """


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
    metrics : function or sequence of functions
        Each from (prediction, target) to a number; reported under its name.
    regularizer : callable, optional
        See :mod:`nncourse.training.regularizers`. Its penalty is reported by itself, so that
        ``loss`` and ``val_loss`` are comparable.
    rng : int, Generator or None
        Source of the order of the examples.

    Attributes
    ----------
    validates : bool
        Whether the latest :meth:`fit` was given validation data.

    Raises
    ------
    TypeError
        If a loss, a metric or a regularizer is no function, or the optimizer is none.
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
        one = callable(metrics) or isinstance(metrics, str)
        metrics = [metrics] if one else list(metrics)
        _check_callable("loss", loss, "nn.losses.mean_squared_error")
        for metric in metrics:
            _check_callable("metric", metric, "nn.metrics.accuracy")
        if regularizer is not None:
            _check_callable("regularizer", regularizer, "nn.L2(0.001)")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"optimizer is one such as nn.Adam(model.parameters()), got {optimizer!r:.60}"
            )
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
        self.validates = False

    def fit(
        self,
        x,
        y,
        *,
        epochs,
        batch_size=32,
        mask=None,
        validation_data=None,
        callbacks=(),
        progress=True,
    ):
        """Train for some epochs.

        Parameters
        ----------
        x, y : array of shape (n, ...)
            Examples and their targets.
        epochs, batch_size : int
        mask : bool array of shape (n, time), optional
            For sequences of unequal lengths: True at the real steps, False at the padding. A model
            with one output for each step is then judged at the real steps alone.
        validation_data : tuple of arrays, optional
            (x, y) or (x, y, mask), evaluated after each epoch, under names that start with
            ``val_``.
        callbacks : Callback or sequence of them
        progress : bool
            Whether to show a progress bar, where tqdm is installed; TQDM_DISABLE=1 forbids it.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite, the mask does not fit, a
            number is not positive and whole, or EarlyStopping has nothing to watch. Nothing is
            changed then.
        TypeError
            If the loss does not return a gradient, too. Nothing is changed then.
        TrainingError
            If the loss, the penalty or a gradient stops being finite. That step is not made;
            callbacks end their work as usual, so EarlyStopping brings back its best weights.
        """
        data = _examples(self.model, x, y, mask)
        _check_positive(epochs=epochs, batch_size=batch_size)
        if validation_data is not None:
            validation_data = _validation(self.model, validation_data)
            self._rehearse(*validation_data)
        self._rehearse(*data)
        callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        history, self.validates = History(), validation_data is not None
        for callback in callbacks:
            callback.on_train_begin(self)
        try:
            self._train(data, epochs, batch_size, validation_data, callbacks, progress, history)
        finally:  # also when the reader presses the stop button
            for callback in callbacks:
                callback.on_train_end(self, history)
        return history

    def _rehearse(self, x, y, mask, batch_size=1024):
        """Score predictions of zero: a target that does not fit is found before training starts."""
        output = self._forward(*_part((x, mask), slice(1)))
        for rows in _slices(len(y), batch_size):
            targets, real = _part((y, mask), rows)
            zeros = np.zeros((len(targets), *output.shape[1:]), output.dtype)
            judged = real_steps(zeros, targets, real)
            with np.errstate(all="ignore"):
                result = self.loss(*judged)
                pair = isinstance(result, tuple) and len(result) == 2
                if not pair or np.shape(result[1]) != judged[0].shape:
                    raise TypeError(
                        f"a loss returns (loss, gradient by the prediction), got {result!r:.60}"
                    )
                for metric in self.metrics.values():
                    with suppress(ZeroDivisionError):  # of zeros, a share may be undefined
                        metric(*judged)

    def _train(self, data, epochs, batch_size, validation_data, callbacks, progress, history):
        batches = -(-len(data[0]) // batch_size)
        with _progress_bar(epochs * batches, progress) as bar:
            for epoch in range(1, epochs + 1):
                logs = self._train_epoch(data, batch_size, epoch, bar)
                if validation_data is not None:
                    scores = self._evaluate(*validation_data)
                    logs |= {f"val_{name}": value for name, value in scores.items()}
                history.append(logs)
                bar.set_postfix(history.latest())
                if any([callback.on_epoch_end(self, history) for callback in callbacks]):
                    break

    def _train_epoch(self, data, batch_size, epoch, bar):
        order = self.rng.permutation(len(data[0]))
        totals, count = {}, 0
        for step, rows in enumerate(_slices(len(order), batch_size), 1):
            batch = _part(data, order[rows])
            where = f"epoch {epoch}, step {step}"
            logs, weight = self._train_step(*batch, where)
            count += weight
            for name, value in logs.items():
                totals[name] = totals.get(name, 0.0) + value * weight
            bar.update()
        return {name: total / count for name, total in totals.items()}

    def _train_step(self, x, y, mask, where):
        parameters = self.model.parameters()
        buffers = [(array, array.copy()) for array in _moving(self.model)]
        for p in parameters:
            p.zero_grad()
        with np.errstate(over="ignore", invalid="ignore"):
            output = self._forward(x, mask, training=True)
            prediction, target = real_steps(output, y, mask)
            loss, grad = self.loss(prediction, target)
            logs = {"loss": loss}
            if isfinite(loss):
                self.model._accumulate(spread(grad, output, mask))
                if self.regularizer is not None:
                    logs["penalty"] = self.regularizer(parameters)
        bad = [f"the {name} became {value}" for name, value in logs.items() if not isfinite(value)]
        bad += [
            f"the gradient of {p.name} became infinite or NaN"
            for p in self.optimizer.parameters
            if not np.isfinite(p.grad).all()
        ]
        if bad:
            for array, before in buffers:
                array[...] = before
            raise TrainingError(
                f"{bad[0]} in {where}; this step was not made. Try a lower learning rate than "
                f"{self.optimizer.learning_rate}, scale the inputs, or clip the gradients in a "
                "loop of your own (nn.clip_by_global_norm)."
            )
        logs |= {name: metric(prediction, target) for name, metric in self.metrics.items()}
        self.optimizer.step()
        return logs, len(target)

    def evaluate(self, x, y, *, mask=None, batch_size=1024):
        """Return loss and metrics (averages over all examples), without training.

        For ``mask``, see :meth:`fit`.

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite, the mask does not fit, or
            ``batch_size`` is not positive.
        """
        _check_positive(batch_size=batch_size)
        return self._evaluate(*_examples(self.model, x, y, mask), batch_size)

    def _evaluate(self, x, y, mask, batch_size=1024):
        functions = {"loss": lambda p, t: self.loss(p, t)[0]} | self.metrics
        totals, count = dict.fromkeys(functions, 0.0), 0
        for rows in _slices(len(x), batch_size):
            inputs, target, real = _part((x, y, mask), rows)
            prediction, target = real_steps(self._forward(inputs, real), target, real)
            count += len(target)
            for name, function in functions.items():
                totals[name] += function(prediction, target) * len(target)
        return {name: total / count for name, total in totals.items()}

    def predict(self, x, *, mask=None, batch_size=1024):
        """Return the model's output for all of ``x``, computed in batches.

        For ``mask``, see :meth:`fit`.

        Raises
        ------
        ValueError
            If there is no example, a value is not finite, the mask does not fit, or ``batch_size``
            is not positive.
        """
        _check_positive(batch_size=batch_size)
        data = _inputs(self.model, x, mask)
        batches = _slices(len(data[0]), batch_size)
        return np.concatenate([self._forward(*_part(data, rows)) for rows in batches])

    def _forward(self, x, mask, **options):
        if mask is not None:
            options["mask"] = mask
        return self.model.forward(x, **options)


def _moving(model):
    """Return the arrays that a forward pass may change: buffers, apart from frozen weights."""
    buffers = model.buffers().values()
    frozen = {id(p.value) for layer in _walk(model) for p in layer.parameters()} if buffers else ()
    return [array for array in buffers if id(array) not in frozen]


def _check_callable(what, given, example):
    if not callable(given):
        raise TypeError(f"{what} is a function such as {example}, got {given!r:.60}")


class _NoProgressBar:
    def update(self):
        pass

    def set_postfix(self, values):
        pass


def _progress_bar(total, show):
    # The last is tqdm's own switch, which its bar for notebooks does not obey.
    if not show or find_spec("tqdm") is None or os.environ.get("TQDM_DISABLE"):
        return nullcontext(_NoProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns where notebook widgets are not installed
        from tqdm.auto import tqdm
    return tqdm(total=total, unit="step")
