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


@pytest.mark.parametrize("options", [{"lowest": 0}, {"highest": 1e-9}, {"steps": 1}])
def test_senseless_ranges_are_refused(options):
    words = "expects 0 < lowest < highest and steps >= 2"
    with pytest.raises(ValueError, match=re.escape(words)):
        nn.find_learning_rate(make(), X, Y, **options)
