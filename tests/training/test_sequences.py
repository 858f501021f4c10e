"""Training on sequences of unequal lengths, with a mask."""

import re

import numpy as np
import pytest

import nncourse as nn
from nncourse.training.saving import state


def fit(trainer, x, y, **options):
    return trainer.fit(x, y, **{"epochs": 3, "batch_size": 16, "progress": False, **options})


def sequences():
    """Sequences of unequal lengths, padded at the end with numbers that must not matter."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6, 2)).astype(np.float32)
    lengths = rng.integers(1, 7, 40)
    return x, np.arange(6) < lengths[:, None]


def sequence_trainer(return_sequences):
    model = nn.Sequential(
        nn.LSTM(2, 4, return_sequences=return_sequences, rng=0), nn.Dense(4, 3, rng=1)
    )
    optimizer = nn.Adam(model.parameters(), learning_rate=0.01)
    return nn.Trainer(
        model, nn.losses.softmax_cross_entropy, optimizer, metrics=[nn.metrics.accuracy]
    )


@pytest.mark.parametrize("return_sequences", [False, True])
def test_what_stands_at_masked_steps_does_not_matter(return_sequences):
    x, mask = sequences()
    y = np.random.default_rng(1).integers(0, 3, mask.shape if return_sequences else len(x))
    other_x = np.where(mask[..., None], x, 9).astype(np.float32)
    other_y = np.where(mask, y, 0) if return_sequences else y
    results = []
    for inputs, targets in (x, y), (other_x, other_y):
        trainer = sequence_trainer(return_sequences)
        history = fit(trainer, inputs, targets, mask=mask, validation_data=(inputs, targets, mask))
        scores = trainer.evaluate(inputs, targets, mask=mask)
        results.append((dict(history), scores, trainer.predict(inputs[:, :6], mask=mask)[:, -1]))
    assert results[0][:2] == results[1][:2]
    if not return_sequences:
        np.testing.assert_array_equal(results[0][2], results[1][2])


def test_with_a_mask_the_averages_are_over_real_steps():
    x, mask = sequences()
    y = np.random.default_rng(1).integers(0, 3, mask.shape)
    trainer = sequence_trainer(True)
    scores = trainer.evaluate(x, y, mask=mask, batch_size=7)
    prediction = trainer.predict(x, mask=mask)
    right = [p.argmax() == t for p, t, m in zip(prediction[mask], y[mask], mask[mask], strict=True)]
    assert scores["accuracy"] == pytest.approx(sum(right) / mask.sum())
    expected, _ = nn.losses.softmax_cross_entropy(prediction[mask], y[mask])
    assert scores["loss"] == pytest.approx(expected, rel=1e-6)


def test_a_masked_step_is_the_gradient_of_the_masked_loss():
    x, mask = sequences()
    y = np.random.default_rng(1).integers(0, 3, mask.shape)
    trainer = sequence_trainer(True)
    model = trainer.model
    before = model[1].kernel.value.astype(float)
    trainer.optimizer = nn.SGD(model.parameters(), learning_rate=0.5)

    def loss(kernel):
        hidden = model[0](x, mask=mask).astype(float)
        logits = hidden @ kernel + model[1].bias.value
        return nn.losses.softmax_cross_entropy(logits[mask], y[mask])[0]

    slope = nn.numerical_gradient(loss, before)
    fit(trainer, x, y, mask=mask, epochs=1, batch_size=40)
    np.testing.assert_allclose(model[1].kernel.value, before - 0.5 * slope, atol=1e-6)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((40, 6), int), "a mask of booleans (batch, time) = (40, 6), got int64 (40, 6)"),
        (np.ones((40, 5), bool), "(batch, time) = (40, 6), got bool (40, 5)"),
        (
            np.arange(40)[:, None] * np.ones(6) > 1,
            "2 of 40 sequences without a step, first number 0.",
        ),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask, words):
    x, y = sequences()[0], np.zeros(40, int)
    trainer = sequence_trainer(False)
    before = {name: array.copy() for name, array in state(trainer.model).items()}
    with pytest.raises(ValueError, match=re.escape(words)):
        fit(trainer, x, y, mask=mask)
    with pytest.raises(ValueError, match=re.escape(words)):
        trainer.evaluate(x, y, mask=mask)
    with pytest.raises(ValueError, match=re.escape(words)):
        trainer.predict(x, mask=mask)
    for name, array in state(trainer.model).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_mask_that_no_layer_uses_is_refused():
    x, y, mask = np.ones((5, 1)), np.ones((5, 1)), np.ones((5, 1), bool)
    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))
    with pytest.raises(ValueError, match="no layer of the model uses one"):
        fit(trainer, x, y, mask=mask)
    with pytest.raises(ValueError, match="no layer here uses a mask"):
        model(x, mask=mask)


@pytest.mark.parametrize("shape", [(40,), (40, 5), (40, 1)])
def test_outputs_for_each_step_need_targets_for_each_step(shape):
    x, mask = sequences()
    trainer = sequence_trainer(True)
    before = {name: array.copy() for name, array in state(trainer.model).items()}
    for use, batch in (fit, 16), (nn.Trainer.evaluate, 40):
        words = f"= ({batch}, 6), but the targets are {(batch, *shape[1:])}"
        with pytest.raises(ValueError, match=re.escape(words)):
            use(trainer, x, np.zeros(shape, int), mask=mask)
    for name, array in state(trainer.model).items():
        np.testing.assert_array_equal(array, before[name])
