"""Training: the loop around forward, loss, backward and step."""

import os
import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from math import isfinite

import numpy as np

from .history import History
from .masks import checked_mask, real_steps, spread

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
        callbacks : sequence of Callback
        progress : bool
            Whether to show a progress bar, where tqdm is installed; TQDM_DISABLE=1 forbids it.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite, or the mask does not fit.
            Nothing is changed then.
        TrainingError
            If the loss, the penalty or a gradient stops being finite. The model is as it was
            before that step.
        """
        data = self._checked(x, y, mask)
        if epochs < 1 or batch_size < 1:
            raise ValueError(
                f"expected positive epochs and batch_size, got {epochs} and {batch_size}"
            )
        if validation_data is not None:
            if len(validation_data) not in (2, 3):
                raise ValueError(
                    f"validation_data is (x, y) or (x, y, mask), got {len(validation_data)} parts"
                )
            validation_data = self._checked(*validation_data)
            self._rehearse(*validation_data)
        self._rehearse(*data)
        callbacks, history = list(callbacks), History()
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
        for start in range(0, len(y), batch_size):
            targets, real = _part((y, mask), slice(start, start + batch_size))
            zeros = np.zeros((len(targets), *output.shape[1:]), output.dtype)
            with np.errstate(all="ignore"):
                for function in (self.loss, *self.metrics.values()):
                    function(*real_steps(zeros, targets, real))

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
        for start in range(0, len(order), batch_size):
            batch = _part(data, order[start : start + batch_size])
            where = f"epoch {epoch}, step {start // batch_size + 1}"
            logs, weight = self._train_step(*batch, where)
            count += weight
            for name, value in logs.items():
                totals[name] = totals.get(name, 0.0) + value * weight
            bar.update()
        return {name: total / count for name, total in totals.items()}

    def _train_step(self, x, y, mask, where):
        parameters = self.model.parameters()
        buffers = {name: array.copy() for name, array in self.model.buffers().items()}
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
            for name, array in self.model.buffers().items():
                array[...] = buffers[name]
            raise TrainingError(
                f"{bad[0]} in {where}; the weights are those before this step. Try a lower "
                f"learning rate than {self.optimizer.learning_rate}, scale the inputs, or clip the "
                "gradients."
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
        _check_batch_size(batch_size)
        return self._evaluate(*self._checked(x, y, mask), batch_size)

    def _evaluate(self, x, y, mask, batch_size=1024):
        functions = {"loss": lambda p, t: self.loss(p, t)[0]} | self.metrics
        totals, count = dict.fromkeys(functions, 0.0), 0
        for start in range(0, len(x), batch_size):
            inputs, target, real = _part((x, y, mask), slice(start, start + batch_size))
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
        _check_batch_size(batch_size)
        x = self._cast(_checked_data("x", x))
        data = x, self._checked_mask(mask, x)
        batches = [slice(i, i + batch_size) for i in range(0, len(x), batch_size)]
        return np.concatenate([self._forward(*_part(data, batch)) for batch in batches])

    def _forward(self, x, mask, **options):
        if mask is not None:
            options["mask"] = mask
        return self.model.forward(x, **options)

    def _checked(self, x, y, mask=None):
        x, y = _checked_data("x", x), _checked_data("y", y)
        if len(x) != len(y):
            raise ValueError(
                "expected as many examples as targets, got x of shape "
                f"{x.shape} and y of shape {y.shape}"
            )
        return self._cast(x), y, self._checked_mask(mask, x)

    def _checked_mask(self, mask, x):
        if mask is None:
            return None
        if not self.model.takes_mask:
            raise ValueError("a mask was given, but no layer of the model uses one")
        mask = checked_mask(mask, x.shape[:2], "the model")
        empty = np.flatnonzero(~mask.any(axis=1))
        if len(empty):
            raise ValueError(
                f"the mask leaves {len(empty)} of {len(mask)} sequences without a step, first "
                f"number {empty[0]}. Remove them."
            )
        return mask

    def _cast(self, x):
        """Give floating-point inputs the type of the parameters; integers stay as they are."""
        parameters = self.model.parameters()
        if x.dtype.kind != "f" or not parameters:
            return x
        return x.astype(parameters[0].value.dtype, copy=False)


def _part(arrays, index):
    """Return the same examples of each array; a missing one (the mask) stays None."""
    return tuple(None if array is None else array[index] for array in arrays)


def _check_batch_size(batch_size):
    if batch_size < 1:
        raise ValueError(f"expected a positive batch_size, got {batch_size}")


def _checked_data(name, values):
    """Return at least one example, all numbers finite, or explain."""
    array = np.asarray(values)
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(f"expected at least one example, got {name} of shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} should hold numbers, got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = np.unique(np.nonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"{name} has NaN or infinite values in {len(bad)} of {len(array)} examples, first in "
            f"number {bad[0]}. Remove or fill them."
        )
    return array


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
