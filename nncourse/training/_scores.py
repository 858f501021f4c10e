"""Scores: what an epoch's batches amount to, each example counted once."""

import numpy as np


class Scores:
    """The loss and the metrics over all examples that were added, batch by batch.

    Losses, and metrics that are means over examples (``is_mean``), are averaged as they come. The
    others, such as R², are no mean of the batches' values: the predictions are kept for them.
    """

    def __init__(self, metrics):
        self.metrics, self.totals, self.count, self.kept = metrics, {}, 0, []

    def add(self, losses, prediction, target):
        """Add a batch: its losses by name, its predictions and targets."""
        means = {n: m(prediction, target) for n, m in self.metrics.items() if _is_mean(m)}
        judged = prediction[..., 0].size if prediction.ndim > 1 else prediction.size
        for name, value in (losses | means).items():  # as Python's floats: float16 is full at 65504
            self.totals[name] = self.totals.get(name, 0.0) + float(value) * judged
        self.count += judged
        if len(means) < len(self.metrics):
            self.kept.append((prediction, target))

    def results(self):
        """Return the values by name: losses first, then the metrics in their order."""
        values = {name: total / self.count for name, total in self.totals.items()}
        if self.kept:
            prediction, target = map(_together, zip(*self.kept, strict=True))
        losses = {name: value for name, value in values.items() if name not in self.metrics}
        return losses | {
            name: values[name] if name in values else metric(prediction, target)
            for name, metric in self.metrics.items()
        }


def _together(parts):
    """Put batches behind each other; if their sequences differ in length, step behind step."""
    if len({array.shape[1:] for array in parts}) > 1:
        parts = [a.reshape(-1, a.shape[-1]) if a.ndim > 2 else a.ravel() for a in parts]
    return np.concatenate(parts)


def _is_mean(metric):
    return getattr(metric, "is_mean", False)
