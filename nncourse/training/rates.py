"""Learning rates: a short test that finds a good one before training starts."""

import copy
from dataclasses import dataclass, field

import numpy as np

from .._checks import check_positive
from .callbacks import Callback
from .trainer import TrainingError

__all__ = ["RateTest", "find_learning_rate"]

_MEMORY = 0.9  # how much of the smoothed loss is kept from step to step
_DIVERGED = 4  # times the lowest smoothed loss


def find_learning_rate(
    trainer, x, y=None, *, lowest=1e-6, highest=10.0, steps=100, batch_size=32, mask=None
):
    """Raise the learning rate from step to step until the loss explodes, and see where it fell.

    The rates grow by a constant factor. A copy of the trainer makes the steps: the trainer, its
    model and its optimizer stay as they are. Source: Smith (2017), section 3.3.

    Parameters
    ----------
    trainer : Trainer
        As it would be used for training.
    x, y, mask, batch_size
        As for :meth:`~nncourse.training.trainer.Trainer.fit`.
    lowest, highest : float
        The first and the last rate.
    steps : int
        How many there are, at least 2.

    Returns
    -------
    RateTest

    Raises
    ------
    ValueError
        If not ``0 < lowest < highest``, there are less than 2 steps, or the data do not fit.
    TrainingError
        If the first loss or gradient is not finite.

    Examples
    --------
    >>> import nncourse as nn
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> model = nn.Sequential(nn.Dense(1, 1, rng=0))
    >>> optimizer = nn.SGD(model.parameters())
    >>> trainer = nn.Trainer(model, nn.losses.mean_squared_error, optimizer)
    >>> test = find_learning_rate(trainer, x, 3 * x + 1, lowest=1e-4, highest=100)
    >>> 0.01 < test.suggestion < 1
    True
    """
    (steps,) = check_positive(steps=steps)
    if not 0 < lowest < highest < np.inf or steps < 2:
        raise ValueError(
            "find_learning_rate expects 0 < lowest < highest and steps >= 2, got "
            f"{lowest}, {highest} and {steps}"
        )
    rates = np.geomspace(lowest, highest, steps).tolist()
    trial = copy.deepcopy(trainer)
    trial.metrics = {}
    done = trial.optimizer.iterations
    trial.optimizer.learning_rate = lambda step: rates[min(step - done, steps - 1)]
    record = _Record(steps)
    options = {"batch_size": batch_size, "mask": mask, "callbacks": record, "progress": False}
    with np.errstate(all="ignore"):
        while len(record.losses) < steps and not record.diverged:
            try:
                trial.fit(x, y, epochs=1, **options)
            except TrainingError:
                if not record.losses:
                    raise
                break
    return RateTest(rates[: len(record.losses)], record.losses, record.smooth)


class _Record(Callback):
    """Keep the losses of a number of steps and their running mean, until they explode."""

    def __init__(self, steps):
        self.steps, self.losses, self.smooth, self.diverged = steps, [], [], False
        self._mean = 0.0

    def on_batch_end(self, trainer, losses):
        self.losses.append(losses["loss"])
        self._mean = _MEMORY * self._mean + (1 - _MEMORY) * losses["loss"]
        self.smooth.append(self._mean / (1 - _MEMORY ** len(self.losses)))
        self.diverged = self.smooth[-1] > _DIVERGED * min(self.smooth)
        return self.diverged or len(self.losses) == self.steps


@dataclass(frozen=True)
class RateTest:
    """What :func:`find_learning_rate` found.

    Attributes
    ----------
    rates, losses : list of float
        The rate of each step, and the loss of its batch before the step.
    smooth : list of float
        The losses' running mean.

    Examples
    --------
    >>> RateTest([0.01, 0.1, 1.0], [5.0, 3.0, 9.0], [5.0, 4.0, 6.0]).suggestion
    0.01
    """

    rates: list
    losses: list = field(repr=False)
    smooth: list = field(repr=False)

    @property
    def suggestion(self):
        """A tenth of the rate at which the smoothed loss is lowest: there it still falls fast."""
        return self.rates[int(np.argmin(self.smooth))] / 10
