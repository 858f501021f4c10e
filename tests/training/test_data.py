"""Data for the trainer: iterables of batches, weights, sizes of batches, and what metrics see."""

import re
from unittest.mock import MagicMock

import numpy as np
import pytest
from sklearn.metrics import r2_score, root_mean_squared_error
from test_trainer import X, Y, fit, make

import nncourse as nn


def rmse(prediction, target):
    return float(np.sqrt(np.mean((prediction - target) ** 2)))


class Batches:
    """The examples in order, in batches of 16."""

    def __iter__(self):
        for start in range(0, 50, 16):
            yield X[start : start + 16], Y[start : start + 16]


def test_metrics_see_all_predictions_at_once():
    """A root of a mean is no mean of roots: with batches of one, it would be the mean error."""
    trainer = make(metrics=[rmse, nn.metrics.r2], rate=0.0)
    prediction = trainer.predict(X)
    expected = {"rmse": root_mean_squared_error(Y, prediction), "r2": r2_score(Y, prediction)}
    history = fit(trainer, epochs=1, batch_size=7, validation_data=(X, Y))
    scores = trainer.evaluate(X, Y, batch_size=1)
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, rel=1e-6)
        assert history[name][0] == pytest.approx(value, rel=1e-6)
        assert history[f"val_{name}"][0] == pytest.approx(value, rel=1e-6)
    assert list(scores) == ["loss", "rmse", "r2"]


def test_a_metric_that_is_a_mean_keeps_no_predictions():
    def mean(prediction, target):
        sizes.append(len(target))
        return float(np.mean(prediction - target))

    mean.is_mean, sizes = True, []
    trainer = make(metrics=[rmse, mean])
    scores = trainer.evaluate(X, Y, batch_size=20)
    assert sizes == [20, 20, 10]
    assert scores["mean"] == pytest.approx(float(np.mean(trainer.predict(X) - Y)), rel=1e-5)
    assert list(scores) == ["loss", "rmse", "mean"]


def test_nothing_in_fit_is_larger_than_a_batch():
    class Recorded(nn.Dense):
        def forward(self, x, *, training=False):
            sizes.add(len(x))
            return super().forward(x, training=training)

    def loss(prediction, target):
        sizes.add(len(prediction))
        return nn.losses.mean_squared_error(prediction, target)

    sizes, model = set(), nn.Sequential(Recorded(1, 1, rng=0))
    trainer = nn.Trainer(model, loss, nn.SGD(model.parameters()))
    fit(trainer, epochs=1, batch_size=8, validation_data=(X, Y))
    assert sizes == {1, 2, 8}


@pytest.mark.parametrize("form", [Batches, lambda: list(Batches())])
def test_any_iterable_of_batches_is_trained_on(form):
    by_batches, data = make(metrics=[rmse]), form()
    history = by_batches.fit(data, epochs=2, validation_data=form(), progress=False)
    kernel, bias = make().model.parameters()
    w, b = kernel.value.astype(float), bias.value.astype(float)
    for _ in range(2):
        for x, y in Batches():
            error = x @ w + b - y
            w, b = w - 0.3 * 2 * x.T @ error / len(x), b - 0.3 * 2 * error.mean(0)
    np.testing.assert_allclose(by_batches.model[0].kernel.value, w, rtol=1e-5)
    assert list(history) == ["loss", "rmse", "val_loss", "val_rmse"]
    assert by_batches.evaluate(data) == pytest.approx(by_batches.evaluate(X, Y), rel=1e-6)


def tensors():
    """The same batches as TensorFlow makes them; the pipeline starts anew each epoch."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).prefetch(1)


class Loader:
    """What PyTorch's DataLoader gives: a length, and lists of tensors, which become arrays."""

    class Tensor:
        def __init__(self, values):
            self.values = values

        def __len__(self):
            return len(self.values)

        def __array__(self, dtype=None, copy=None):
            return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self):
        return 4

    def __iter__(self):
        return ([self.Tensor(x), self.Tensor(y)] for x, y in Batches())


@pytest.mark.parametrize("form", [tensors, Loader])
def test_what_other_libraries_call_batches_is_trained_on_alike(form):
    other, expected = make(metrics=[rmse]), make(metrics=[rmse])
    history = other.fit(form(), epochs=2, validation_data=form(), progress=False)
    assert history == expected.fit(Batches(), epochs=2, validation_data=Batches(), progress=False)
    for p, q in zip(other.model.parameters(), expected.model.parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)
    assert other.evaluate(form()) == expected.evaluate(Batches())


def test_batches_may_have_masks():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(8, 5, 2)).astype(np.float32), rng.random((8, 5)) < 0.7
    mask[:, 0] = True
    y = rng.integers(0, 3, (8, 5))
    model = nn.Sequential(nn.LSTM(2, 4, return_sequences=True, rng=0), nn.Dense(4, 3, rng=1))
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, nn.SGD(model.parameters()))
    parts = [(x[:4], y[:4], mask[:4]), (x[4:], y[4:], mask[4:])]
    assert trainer.evaluate(parts) == pytest.approx(trainer.evaluate(x, y, mask=mask), rel=1e-6)
    trainer.fit(parts, epochs=1, validation_data=parts, progress=False)


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (X, {}, "expected arrays x and y, or one iterable of batches (x, y), got ndarray alone"),
        (5, {}, "got int alone"),
        (iter(Batches()), {}, "more than once, which a generator does not allow. Give a list"),
        ([], {}, "expected at least one batch, got none"),
        ([X], {}, "a batch is (x, y) or (x, y, mask), got array("),
        ([(X, Y[:3])], {}, "x of shape (50, 1) and y of shape (3, 1)"),
        (Batches(), {"sample_weight": np.ones(50)}, "masks and weights belong in the batches"),
    ],
)
def test_data_that_are_no_batches_are_refused(data, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make().fit(data, epochs=1, progress=False, **options)


def test_a_weight_counts_an_example_that_often():
    """Weights 0 and 2 train like leaving out and doubling, at the same number of examples."""
    weight = np.tile([0.0, 2.0], 25)
    doubled = np.repeat(np.arange(1, 50, 2), 2)
    weighted, other = make(), make()
    history = fit(weighted, batch_size=50, sample_weight=weight, validation_data=(X, Y))
    expected = fit(other, X[doubled], Y[doubled], batch_size=50, validation_data=(X, Y))
    for name, values in expected.items():
        assert history[name] == pytest.approx(values, rel=1e-5), name
    scores = weighted.evaluate(X, Y, sample_weight=weight, batch_size=7)
    assert scores == pytest.approx(other.evaluate(X[doubled], Y[doubled]), rel=1e-5)


def test_the_weight_of_a_sequence_is_that_of_its_steps():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5, 2)).astype(np.float32), rng.integers(0, 3, (6, 5))
    mask, weight = np.arange(5) < rng.integers(1, 6, 6)[:, None], rng.random(6)
    model = nn.Sequential(nn.LSTM(2, 4, return_sequences=True, rng=0), nn.Dense(4, 3, rng=1))
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, nn.SGD(model.parameters()))
    logits = trainer.predict(x, mask=mask).astype(float)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    picked = -np.take_along_axis(log_p, y[..., None], -1)[..., 0] * weight[:, None]
    scores = trainer.evaluate(x, y, mask=mask, sample_weight=weight)
    assert scores["loss"] == pytest.approx(picked[mask].mean(), rel=1e-5)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"as many examples as weights, got x of shape \(50, 1\)"):
        fit(make(), sample_weight=np.ones(49))
    with pytest.raises(ValueError, match="sample_weight >= 0"):
        fit(make(), sample_weight=-np.ones(50))


def test_clipping_limits_a_step():
    free, held = make(rate=1.0), make(rate=1.0, clip_norm=0.25)
    before = [p.value.copy() for p in held.model.parameters()]
    for trainer in (free, held):
        fit(trainer, epochs=1, batch_size=50)
    steps = [
        np.concatenate(
            [(p.value - b).ravel() for p, b in zip(model.parameters(), before, strict=True)]
        )
        for model in (free.model, held.model)
    ]
    assert np.linalg.norm(steps[0]) > 0.25
    np.testing.assert_allclose(steps[1], steps[0] * 0.25 / np.linalg.norm(steps[0]), rtol=1e-5)
    with pytest.raises(ValueError, match="clip_norm > 0, got 0"):
        make(clip_norm=0)


def test_a_frozen_parameter_stays():
    trainer = make(regularizer=nn.L2(0.1))
    kernel, bias = trainer.model.parameters()
    kernel.trainable = False
    before = kernel.value.copy()
    history = fit(trainer)
    np.testing.assert_array_equal(kernel.value, before)
    assert bias.value[0] != 0 and history["penalty"] == [0, 0, 0]


def test_batches_have_32_examples_in_training_and_1024_elsewhere():
    sizes = []

    class Recorded(nn.Dense):
        def forward(self, x, *, training=False):
            sizes.append(len(x))
            return super().forward(x, training=training)

    model, x = nn.Sequential(Recorded(1, 1, rng=0)), np.zeros((1100, 1), np.float32)
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))
    trainer.fit(x[:40], x[:40], epochs=1, progress=False)
    trainer.evaluate(x, x)
    trainer.predict(x)
    assert sizes == [1, 32, 8, 1024, 76, 1024, 76]


def test_the_order_is_that_of_generator_0():
    seen, trainer = [], make()
    trainer.loss = lambda p, t: (seen.extend(t[:, 0]), (0.0, np.zeros_like(p)))[1]
    fit(trainer, epochs=1)
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(seen[50:], Y[order, 0])  # the first 50 were the rehearsal


def test_weights_may_come_with_batches_and_validation_data():
    weight = np.linspace(0, 2, 50)
    trainer = make(rate=0.0)
    expected = trainer.evaluate(X, Y, sample_weight=weight)["loss"]
    whole = (X, Y, None, weight)
    assert trainer.evaluate([whole])["loss"] == pytest.approx(expected, rel=1e-6)
    for validation in (whole, [whole]):
        history = fit(trainer, epochs=1, validation_data=validation)
        assert history["val_loss"][0] == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="got 5 parts"):
        fit(trainer, validation_data=(*whole, None))
    with pytest.raises(ValueError, match="a batch is"):
        trainer.evaluate([(*whole, None)])


@pytest.mark.parametrize(("data", "total"), [(Batches(), None), (list(Batches()), 8)])
def test_the_bar_knows_how_many_steps_there_are_if_somebody_does(data, total, monkeypatch):
    bars = MagicMock()
    monkeypatch.setattr("tqdm.auto.tqdm", bars)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    make().fit(data, epochs=2)
    bars.assert_called_once_with(total=total, unit="step")
