"""Losses and metrics over batches: each step counts once, with all its digits."""

import numpy as np
import pytest
from test_trainer import make

import nncourse as nn


class Steps(nn.Layer):
    """One score for each class and step: the number itself, and its negative."""

    def forward(self, x, *, training=False):
        return self.remember(True, np.stack([x, -x], axis=-1))

    def backward(self, grad):
        return grad[..., 0] - grad[..., 1]


def test_every_step_counts_once_in_batches_of_several_lengths():
    """By hand: one batch of 2 steps, both wrong, and one of 6, all right; 1 of 4 is a mistake."""
    model = nn.Sequential(Steps(), nn.Dense(2, 2, rng=0))
    model[1].kernel.value[...] = np.eye(2)
    metrics = [nn.metrics.accuracy, nn.metrics.recall]
    optimizer = nn.SGD(model.parameters())
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, optimizer, metrics=metrics)
    batches = [
        (np.float32([[1.0, 1.0]]), np.array([[1, 1]])),
        (np.float32([[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]]), np.array([[0, 1, 0, 1, 0, 1]])),
    ]
    found = trainer.evaluate(batches)
    right = np.log1p(np.exp(-2))
    assert found["loss"] == pytest.approx(right + 2 / 4, rel=1e-6)
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["recall"] == pytest.approx((3 / 3 + 3 / 5) / 2)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_a_metric_of_few_digits_is_averaged_with_many(kind):
    def share(prediction, target):
        return kind(0.7)

    share.is_mean = True
    trainer = make(metrics=share)
    found = trainer.evaluate(np.ones((200_000, 1), np.float32), np.ones((200_000, 1)))
    assert found["share"] == pytest.approx(float(kind(0.7)), rel=1e-12)


def test_steps_train_and_scores_do_not():
    class Told(nn.Layer):
        def forward(self, x, *, training=False):
            told.append(training)
            return self.remember(x, x)

        def backward(self, grad):
            return grad

    told, x = [], np.ones((8, 1))
    model = nn.Sequential(Told(), nn.Dense(1, 1, rng=0))
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))
    trainer.fit(x, x, epochs=3, batch_size=4, progress=False)
    assert told.count(True) == 6
    told.clear()
    trainer.evaluate(x, x), trainer.predict(x)
    assert told and not any(told)
