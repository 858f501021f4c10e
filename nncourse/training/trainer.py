"""Training: the loop around forward, loss, backward and step."""

from contextlib import suppress
from math import isfinite

import numpy as np

from .._checks import check_callable, check_positive
from ..layers.core import _walk
from ..layers.masks import spread
from ._batches import ArrayBatches, inputs, judged, training_batches, validation_batches
from ._progress import progress_bar
from ._scores import Scores
from .callbacks import Callback
from .clipping import clip_by_global_norm
from .history import History
from .optimizers import Optimizer
from .resuming import ModelCheckpoint

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
        Each from (prediction, target) to a number; reported under its name. A metric sees all
        predictions at once, unless it has an attribute ``is_mean = True`` like
        :func:`nncourse.metrics.accuracy`: then its values for the batches are averaged.
    regularizer : callable, optional
        See :mod:`nncourse.training.regularizers`. Its penalty is reported by itself, so that
        ``loss`` and ``val_loss`` are comparable.
    clip_norm : float, optional
        Largest length of all gradients together; see :mod:`nncourse.training.clipping`.
    rng : int, Generator or None
        Source of the order of the examples.

    Attributes
    ----------
    epoch : int
        Epochs done in the latest :meth:`fit`.
    history : History
        Its record so far.
    stopping : bool
        Whether a callback has ended it.
    callbacks : list of Callback
        Those that it was given.
    validates : bool
        Whether it was given validation data.

    Raises
    ------
    TypeError
        If a loss, a metric or a regularizer is no function, or the optimizer is none.
    ValueError
        If the optimizer updates parameters that are not the model's, two metrics share a name, or
        ``clip_norm`` is not positive.

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

    def __init__(
        self, model, loss, optimizer, *, metrics=(), regularizer=None, clip_norm=None, rng=0
    ):
        one = callable(metrics) or isinstance(metrics, str)
        metrics = [metrics] if one else list(metrics)
        check_callable("loss", loss, "nn.losses.mean_squared_error")
        for metric in metrics:
            check_callable("metric", metric, "nn.metrics.accuracy")
        if regularizer is not None:
            check_callable("regularizer", regularizer, "nn.L2(0.001)")
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
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"Trainer expects clip_norm > 0, got {clip_norm}")
        self.regularizer, self.clip_norm = regularizer, clip_norm
        self.rng = np.random.default_rng(rng)
        self._begin(None, [])

    def _begin(self, validation, callbacks):
        self.history, self.epoch, self.stopping = History(), 0, False
        self.validates, self.callbacks = validation is not None, callbacks

    def fit(
        self,
        x,
        y=None,
        *,
        epochs,
        batch_size=32,
        mask=None,
        sample_weight=None,
        validation_data=None,
        callbacks=(),
        progress=True,
    ):
        """Train for some epochs.

        Parameters
        ----------
        x, y : array of shape (n, ...)
            Examples and their targets. Or ``x`` alone: any iterable of batches (x, y),
            (x, y, mask) or (x, y, mask, sample_weight) that can be gone through once per epoch.
        epochs, batch_size : int
            Batches that are given as such have their own size and order.
        mask : bool array of shape (n, time), optional
            For sequences of unequal lengths: True at the real steps, False at the padding. A model
            with one output for each step is then judged at the real steps alone.
        sample_weight : array of shape (n,), optional
            How much each example's loss counts; see :mod:`nncourse.losses`. Metrics do not use it.
        validation_data : tuple of arrays, or iterable of batches, optional
            (x, y), (x, y, mask) or (x, y, mask, sample_weight), evaluated after each epoch, under
            names that start with ``val_``.
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
            changed then. Batches of an iterable are checked as they come.
        TypeError
            If the loss does not return a gradient, too. Nothing is changed then.
        TrainingError
            If the loss, the penalty or a gradient stops being finite. That step is not made;
            callbacks end their work as usual, so EarlyStopping brings back its best weights.
        """
        epochs, batch_size = check_positive(epochs=epochs, batch_size=batch_size)
        data = training_batches(self.model, x, y, mask, sample_weight, batch_size)
        validation = None
        if validation_data is not None:
            validation = validation_batches(self.model, validation_data, batch_size)
            self._rehearse(validation)
        self._rehearse(data)
        callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        callbacks.sort(key=lambda callback: isinstance(callback, ModelCheckpoint))  # they go last
        self._begin(validation, callbacks)
        for callback in callbacks:
            callback.on_train_begin(self)
        try:
            self._train(data, epochs, validation, progress)
        finally:  # also when the reader presses the stop button
            for callback in callbacks:
                callback.on_train_end(self, self.history)
        return self.history

    def _rehearse(self, data):
        """Score predictions of zero: a target that does not fit is found before training starts."""
        x, y, mask, weight = data.example()
        output = self._forward(x, mask)
        batches = data.in_order() if isinstance(data, ArrayBatches) else [(x, y, mask, weight)]
        for _, y, mask, weight in batches:
            zeros = np.zeros((len(y), *output.shape[1:]), output.dtype)
            prediction, target, weight = judged(zeros, y, mask, weight)
            with np.errstate(all="ignore"):
                result = self._loss(prediction, target, weight)
                pair = isinstance(result, tuple) and len(result) == 2
                if not pair or np.shape(result[1]) != prediction.shape:
                    raise TypeError(
                        f"a loss returns (loss, gradient by the prediction), got {result!r:.60}"
                    )
                for metric in self.metrics.values():
                    with suppress(ZeroDivisionError):  # of zeros, a share may be undefined
                        metric(prediction, target)

    def _train(self, data, epochs, validation, progress):
        with progress_bar((epochs - self.epoch) * len(data) or None, progress) as bar:
            while self.epoch < epochs and not self.stopping:
                logs = self._train_epoch(data, bar)
                if validation is not None:
                    scores = self._evaluate(validation)
                    logs |= {f"val_{name}": value for name, value in scores.items()}
                self.epoch += 1
                self.history.append(logs)
                bar.set_postfix(self.history.latest())
                for callback in self.callbacks:
                    if callback.on_epoch_end(self, self.history):
                        self.stopping = True

    def _train_epoch(self, data, bar):
        scores = Scores(self.metrics)
        for step, batch in enumerate(data.shuffled(self.rng), 1):
            for callback in self.callbacks:
                callback.on_batch_begin(self)
            losses, prediction, target = self._train_step(
                *batch, f"epoch {self.epoch + 1}, step {step}"
            )
            scores.add(losses, prediction, target)
            self.optimizer.step()
            bar.update()
            for callback in self.callbacks:
                if callback.on_batch_end(self, losses):
                    self.stopping = True
            if self.stopping:
                break
        return scores.results()

    def _train_step(self, x, y, mask, weight, where):
        """Fill the gradients; return the losses, and what they judged."""
        parameters = self.model.parameters()
        buffers = [(array, array.copy()) for array in _moving(self.model)]
        for p in parameters:
            p.zero_grad()
        with np.errstate(over="ignore", invalid="ignore"):
            output = self._forward(x, mask, training=True)
            prediction, target, weight = judged(output, y, mask, weight)
            loss, grad = self._loss(prediction, target, weight)
            losses = {"loss": loss}
            if isfinite(loss):
                self.model._accumulate(spread(grad, output, mask))
                if self.regularizer is not None:
                    losses["penalty"] = self.regularizer(parameters)
        bad = [f"the {name} became {v}" for name, v in losses.items() if not isfinite(v)]
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
                f"{self.optimizer.learning_rate}, scale the inputs, or clip the gradients: "
                "nn.Trainer(…, clip_norm=1.0)."
            )
        if self.clip_norm is not None:
            clip_by_global_norm(self.optimizer.parameters, self.clip_norm)
        return losses, prediction, target

    def evaluate(self, x, y=None, *, mask=None, sample_weight=None, batch_size=1024):
        """Return loss and metrics over all examples, without training.

        For ``mask``, ``sample_weight`` and iterables of batches, see :meth:`fit`.

        Raises
        ------
        ValueError
            If the data are empty, of different lengths, or not finite, the mask does not fit, or
            ``batch_size`` is not positive.
        """
        (batch_size,) = check_positive(batch_size=batch_size)
        data = training_batches(self.model, x, y, mask, sample_weight, batch_size)
        return self._evaluate(data)

    def _evaluate(self, data):
        scores = Scores(self.metrics)
        for x, y, mask, weight in data.in_order():
            prediction, target, weight = judged(self._forward(x, mask), y, mask, weight)
            loss, _ = self._loss(prediction, target, weight)
            scores.add({"loss": loss}, prediction, target)
        return scores.results()

    def predict(self, x, *, mask=None, batch_size=1024):
        """Return the model's output for all of ``x``, computed in batches.

        For ``mask``, see :meth:`fit`.

        Raises
        ------
        ValueError
            If there is no example, a value is not finite, the mask does not fit, or ``batch_size``
            is not positive.
        """
        (batch_size,) = check_positive(batch_size=batch_size)
        batches = ArrayBatches(inputs(self.model, x, mask), batch_size).in_order()
        return np.concatenate([self._forward(*batch) for batch in batches])

    def _forward(self, x, mask, **options):
        if mask is not None:
            options["mask"] = mask
        return self.model.forward(x, **options)

    def _loss(self, prediction, target, weight):
        options = {} if weight is None else {"sample_weight": weight}
        return self.loss(prediction, target, **options)


def _moving(model):
    """Return the arrays that a forward pass may change: buffers, apart from frozen weights."""
    buffers = model.buffers().values()
    frozen = {id(p.value) for layer in _walk(model) for p in layer.parameters()} if buffers else ()
    return [array for array in buffers if id(array) not in frozen]
