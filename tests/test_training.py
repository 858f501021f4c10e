"""The trainer: it learns, it reports the truth, and it fails early and clearly."""

import re

import numpy as np
import pytest

import nncourse as nn

X = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
Y = 2 * X + 1


def make(rate=0.3, **options):
    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    optimizer = nn.SGD(model.parameters(), rate)
    return nn.Trainer(model, nn.losses.mean_squared_error, optimizer, **options)


def fit(trainer, x=X, y=Y, **options):
    options = {"epochs": 3, "batch_size": 16, "progress": False} | options
    return trainer.fit(x, y, **options)


def test_two_moons_are_learned():
    x, y = nn.datasets.make_moons(400, noise=0.1, rng=0)
    model = nn.Sequential(nn.Dense(2, 32, rng=1), nn.ReLU(), nn.Dense(32, 2, rng=2))
    trainer = nn.Trainer(
        model,
        nn.losses.softmax_cross_entropy,
        nn.Adam(model.parameters(), 0.01),
        metrics=[nn.metrics.accuracy],
    )
    history = fit(trainer, x, y, epochs=60, batch_size=32)
    assert history["accuracy"][-1] > 0.98 > history["accuracy"][0]
    test_x, test_y = nn.datasets.make_moons(400, noise=0.1, rng=9)
    assert trainer.evaluate(test_x, test_y)["accuracy"] > 0.97


def test_one_full_batch_step_is_gradient_descent():
    trainer = make(rate=0.1)
    w, b = (p.value.copy() for p in trainer.model.parameters())
    error = X @ w + b - Y
    history = fit(trainer, epochs=1, batch_size=len(X))
    kernel, bias = trainer.model.parameters()
    assert history["loss"][0] == pytest.approx(np.mean(error**2), rel=1e-6)
    np.testing.assert_allclose(kernel.value, w - 0.1 * 2 * X.T @ error / 50, rtol=1e-5)
    np.testing.assert_allclose(bias.value, b - 0.1 * 2 * error.mean(0), rtol=1e-5)


def mean_error(prediction, target):
    return float(np.mean(np.abs(prediction - target)))


def test_short_last_batches_count_by_their_size():
    trainer = make(rate=0.0, metrics=[mean_error])
    history = fit(trainer, epochs=1, batch_size=16, validation_data=(X, Y))
    prediction = trainer.predict(X, batch_size=7)
    assert history["loss"][0] == pytest.approx(np.mean((prediction - Y) ** 2), rel=1e-6)
    assert history["val_loss"][0] == pytest.approx(history["loss"][0], rel=1e-6)
    assert history["val_mean_error"][0] == pytest.approx(mean_error(prediction, Y), rel=1e-6)
    whole, parts = trainer.evaluate(X, Y), trainer.evaluate(X, Y, batch_size=7)
    assert whole == pytest.approx(parts, rel=1e-6)


def test_same_seed_same_history():
    assert fit(make(rng=1)) == fit(make(rng=1)) != fit(make(rng=2))


def test_evaluation_and_prediction_are_not_training():
    model = nn.Sequential(nn.Dropout(0.5, rng=0), nn.BatchNorm(1), nn.Dense(1, 1, rng=0))
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))
    first, scores = trainer.predict(X), trainer.evaluate(X, Y)
    np.testing.assert_array_equal(first, trainer.predict(X))
    assert scores == trainer.evaluate(X, Y)
    assert not model.buffers()["1.running_mean"].any()


def test_the_penalty_is_reported_by_itself_and_shrinks_the_kernel():
    free, priced = make(), make(regularizer=nn.L2(1.0))
    fit(free, epochs=200, batch_size=50)
    history = fit(priced, epochs=200, batch_size=50)
    w = float(priced.model[0].kernel.value[0, 0])
    # The minimum of mean((w - 2)² x²) + w² lies at w = 2 m / (m + 1) with m = mean(x²).
    m = float(np.mean(X**2))
    assert w == pytest.approx(2 * m / (m + 1), abs=1e-3)
    assert history["penalty"][-1] == pytest.approx(w**2, rel=1e-3)
    assert float(free.model[0].kernel.value[0, 0]) == pytest.approx(2, abs=1e-3)


def test_first_input_gradient_is_not_asked_for():
    class First(nn.Dense):
        def backward(self, grad, *, input_grad=True):
            asked.append(input_grad)
            return super().backward(grad, input_grad=input_grad)

    asked = []
    model = nn.Sequential(nn.Flatten(), First(1, 1, rng=0), nn.ReLU())
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))
    fit(trainer, epochs=1, batch_size=50)
    assert asked == [False]


class Recorder(nn.Callback):
    def __init__(self, stop_after=None):
        self.events, self.stop_after = [], stop_after

    def on_train_begin(self, trainer):
        self.events.append("begin")

    def on_epoch_end(self, trainer, history):
        self.events.append(len(history["loss"]))
        return len(history["loss"]) == self.stop_after

    def on_train_end(self, trainer, history):
        self.events.append("end")


def test_callbacks_are_all_called_and_can_stop():
    a, b = Recorder(stop_after=2), Recorder()
    history = fit(make(), epochs=5, callbacks=[a, b])
    assert a.events == b.events == ["begin", 1, 2, "end"]
    assert len(history["loss"]) == 2


class Scripted(nn.Callback):
    """Write given numbers into the history and the epoch's number into the model."""

    def __init__(self, values, name):
        self.values, self.name = values, name

    def on_epoch_end(self, trainer, history):
        epoch = len(history["loss"])
        history[self.name] = self.values[:epoch]
        trainer.model[0].bias.value[...] = epoch


@pytest.mark.parametrize(
    ("name", "values", "options", "stopped", "best"),
    [
        ("val_loss", [3, 2, 2.5, 2.1, 9, 9], {"patience": 2}, 4, 2),
        ("val_loss", [3, 2, 2.5, 1, 2, 9], {"patience": 2}, 6, 4),
        ("val_accuracy", [0.5, 0.7, 0.6, 0.6, 1, 1], {"patience": 2}, 4, 2),
        ("val_loss", [3, 2.9, 2.8, 2.7, 1, 1], {"patience": 2, "min_delta": 0.5}, 3, 1),
    ],
)
def test_early_stopping(name, values, options, stopped, best):
    trainer, early = make(), nn.EarlyStopping(name, **options)
    history = fit(trainer, epochs=6, callbacks=[Scripted(values, name), early])
    assert (len(history["loss"]), early.best_epoch) == (stopped, best)
    assert trainer.model[0].bias.value[0] == best


def test_early_stopping_can_leave_the_last_weights():
    trainer, early = make(), nn.EarlyStopping(patience=1, restore_best=False)
    fit(trainer, epochs=6, callbacks=[Scripted([1, 2, 3, 4, 5, 6], "val_loss"), early])
    assert trainer.model[0].bias.value[0] == 2


def test_early_stopping_needs_something_to_watch():
    with pytest.raises(ValueError, match=r"watches 'val_loss', but the history has \['loss'\]"):
        fit(make(), callbacks=[nn.EarlyStopping()])


NAN = np.where(np.arange(50) == 17, np.nan, X[:, 0])[:, None]


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (X, Y[:49], {}, "x of shape (50, 1) and y of shape (49, 1)"),
        (X[:0], Y[:0], {}, "at least one, got x of shape (0, 1)"),
        (NAN, Y, {}, "x has NaN or infinite values in 1 of 50 examples, first in number 17"),
        (X, NAN * np.inf, {}, "y has NaN"),
        (X, Y, {"epochs": 0}, "positive epochs and batch_size, got 0 and 16"),
        (X, Y, {"batch_size": 0}, "got 3 and 0"),
        (X, Y, {"validation_data": (X, Y[:3])}, "y of shape (3, 1)"),
        (X, Y[:, 0], {}, "Reshape one of them"),
        (X.reshape(25, 2), Y[:25], {}, "Dense(1→1) expects (batch, 1), got (16, 2)"),
    ],
)
def test_wrong_data_are_explained_and_change_nothing(x, y, options, words):
    trainer = make()
    before = [p.value.copy() for p in trainer.model.parameters()]
    with pytest.raises(ValueError, match=re.escape(words)):
        fit(trainer, x, y, **options)
    for p, value in zip(trainer.model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value)
    assert trainer.optimizer.iterations == 0


def test_divergence_stops_with_advice_and_finite_weights():
    trainer = make(rate=1e6)
    words = r"the loss became (inf|nan) in epoch \d+, step \d+; .* lower learning rate than 1000000"
    with pytest.raises(nn.TrainingError, match=words):
        fit(trainer, epochs=100)
    assert all(np.isfinite(p.value).all() for p in trainer.model.parameters())


def test_an_optimizer_of_another_model_is_refused():
    old, new = nn.Dense(1, 1), nn.Dense(1, 1)
    with pytest.raises(ValueError, match="Was the model made again"):
        nn.Trainer(new, nn.losses.mean_squared_error, nn.SGD(old.parameters()))


def test_history_is_a_table():
    history = nn.History()
    history.append({"loss": 1.0, "val_accuracy": 0.25})
    history.append({"loss": 0.123456, "val_accuracy": 1.0})
    assert repr(history).splitlines() == [
        "epoch   loss  val_accuracy",
        "    1 1.0000        0.2500",
        "    2 0.1235        1.0000",
    ]
