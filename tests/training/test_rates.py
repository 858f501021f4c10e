"""The search for a learning rate: it brackets the right one, and leaves no trace."""

import re

import numpy as np
import pytest
from test_trainer import X, Y, make

import nncourse as nn
from nncourse.training.saving import state


def test_the_rates_grow_until_the_loss_explodes():
    """On a bowl of curvature 2 gradient descent diverges beyond a rate of 1."""
    trainer = make(rate=0.1)
    test = nn.find_learning_rate(trainer, X, Y, lowest=1e-4, highest=1e4, steps=81, batch_size=50)
    np.testing.assert_allclose(np.diff(np.log10(test.rates)), 0.1, rtol=1e-9)
    assert test.rates[0] == pytest.approx(1e-4)
    assert 1 < test.rates[-1] < 1e3  # stopped before the end
    assert len(test.rates) == len(test.losses) == len(test.smooth)
    assert 0.01 < test.suggestion < 1
    history = make(rate=test.suggestion).fit(X, Y, epochs=30, progress=False)
    assert history["loss"][-1] < 0.01 * history["loss"][0]


def test_the_trainer_stays_as_it_is():
    trainer = make()
    trainer.fit(X, Y, epochs=1, progress=False)
    before = {name: array.copy() for name, array in state(trainer.model).items()}
    random, rate = trainer.rng.bit_generator.state, trainer.optimizer.learning_rate
    nn.find_learning_rate(trainer, X, Y, steps=10)
    for name, array in state(trainer.model).items():
        np.testing.assert_array_equal(array, before[name])
    assert trainer.rng.bit_generator.state == random
    assert (trainer.optimizer.learning_rate, trainer.optimizer.iterations) == (rate, 2)
    assert trainer.epoch == 1


def test_more_steps_than_an_epoch_has_and_the_running_mean():
    test = nn.find_learning_rate(make(), X, Y, lowest=1e-9, highest=1e-8, steps=7, batch_size=25)
    assert len(test.rates) == 7 and test.rates[-1] == pytest.approx(1e-8)
    weights = 0.9 ** np.arange(6, -1, -1)
    assert test.smooth[-1] == pytest.approx(np.average(test.losses, weights=weights), rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"lowest": 0},
        {"lowest": -1},
        {"highest": 1e-9},
        {"highest": 1e-6},
        {"highest": np.inf},
        {"steps": 1},
    ],
)
def test_senseless_ranges_are_refused(options):
    words = "expects 0 < lowest < highest and steps >= 2"
    with pytest.raises(ValueError, match=re.escape(words)):
        nn.find_learning_rate(make(), X, Y, **options)


def scripted(losses):
    """Return a trainer whose steps have these losses, and the sizes of the batches it saw."""
    calls, sizes = [], []

    def loss(prediction, target):
        calls.append(1)
        sizes.append(len(target))
        step = (len(calls) - 1) // 2  # before each epoch of one step, the loss is rehearsed
        return losses(step), np.zeros_like(prediction)

    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    return nn.Trainer(model, loss, nn.SGD(model.parameters())), sizes


def test_the_usual_range():
    trainer, sizes = scripted(lambda step: 1.0)
    test = nn.find_learning_rate(trainer, np.zeros((32, 1), np.float32), np.zeros((32, 1)))
    assert len(test.rates) == 100 and set(sizes) == {32}
    assert (test.rates[0], test.rates[-1]) == pytest.approx((1e-6, 10.0))


@pytest.mark.parametrize(("jump", "steps"), [(18.0, 20), (18.2, 8)])
def test_four_times_the_lowest_running_mean_is_an_explosion(jump, steps):
    """The eighth loss has a share of 0.1 / (1 - 0.9^8) of the mean: 1 + 3 / share = 18.086."""
    trainer, _ = scripted(lambda step: jump if step == 7 else 1.0)
    test = nn.find_learning_rate(trainer, X[:32], Y[:32], steps=20)
    assert len(test.losses) == steps


def test_two_steps_are_a_range():
    assert len(nn.find_learning_rate(make(), X, Y, steps=2).rates) == 2


def test_a_loss_that_is_infinite_from_the_start_is_an_error():
    trainer, _ = scripted(lambda step: np.inf)
    with pytest.raises(nn.TrainingError, match="the loss became inf"):
        nn.find_learning_rate(trainer, X, Y)


def test_the_first_number_that_is_none_ends_the_test():
    calls = []

    def penalty(parameters):
        calls.append(0)
        return float("nan") if len(calls) == 6 else 0.0

    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    optimizer = nn.SGD(model.parameters())
    loss = nn.losses.mean_squared_error
    trainer = nn.Trainer(model, loss, optimizer, regularizer=penalty)
    x = np.ones((64, 1), np.float32)
    test = nn.find_learning_rate(trainer, x, x, lowest=1e-5, highest=1e-2, batch_size=4, steps=20)
    assert len(test.losses) == len(test.rates) == 5 and len(calls) == 6
