"""The trainer: it learns, it reports the truth, and it fails early and clearly."""

import re
from unittest.mock import MagicMock

import numpy as np
import pytest

import nncourse as nn
from nncourse.training import trainer
from nncourse.training.saving import state

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


def test_the_progress_bar_can_be_switched_off_for_all(monkeypatch):
    bars = MagicMock()
    monkeypatch.setattr("tqdm.auto.tqdm", bars)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    fit(make(), progress=True)
    bars.assert_called_once_with(total=12, unit="step")  # 3 epochs of 4 batches
    monkeypatch.setenv("TQDM_DISABLE", "1")
    fit(make(), progress=True)
    bars.assert_called_once()


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


NAN = np.where(np.arange(50) == 17, np.nan, X[:, 0])[:, None]


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (X, Y[:49], {}, "x of shape (50, 1) and y of shape (49, 1)"),
        (X[:0], Y[:0], {}, "at least one example, got x of shape (0, 1)"),
        (NAN, Y, {}, "x has NaN or infinite values in 1 of 50 examples, first in number 17"),
        (X, NAN * np.inf, {}, "y has NaN"),
        (X.astype(str), Y, {}, "x should hold numbers, got <U"),
        (X, Y, {"epochs": 0}, "positive epochs and batch_size, got 0 and 16"),
        (X, Y, {"batch_size": 0}, "got 3 and 0"),
        (X, Y, {"validation_data": (X, Y[:3])}, "y of shape (3, 1)"),
        (X, Y, {"epochs": 2.5}, "whole and positive epochs and batch_size, got 2.5 and 16"),
        (X, Y, {"batch_size": "16"}, "got 3 and '16'"),
        ([[1.0], [1.0, 2.0]], Y[:2], {}, "the examples of x differ in shape. Sequences of unequal"),
        (X, Y, {"validation_data": (X,)}, "or an iterable of these, got 1 parts"),
        (
            X,
            Y,
            {"validation_data": 0.2},
            "got 0.2. To hold out a share of the examples: nn.datasets",
        ),
        (X, Y, {"validation_data": (np.ones((5, 3)), Y[:5])}, "expects (batch, 1), got (1, 3)"),
        (X, Y[:, 0], {}, "Reshape one of them"),
        (X.reshape(25, 2), Y[:25], {}, "Dense(1→1) expects (batch, 1), got (1, 2)"),
    ],
)
def test_wrong_data_are_explained_and_change_nothing(x, y, options, words):
    model = nn.Sequential(nn.Dense(1, 1, rng=0), nn.BatchNorm(1))
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters()))
    before = {name: array.copy() for name, array in state(model).items()}
    with pytest.raises(ValueError, match=re.escape(words)):
        fit(trainer, x, y, **options)
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, before[name])
    assert trainer.optimizer.iterations == 0


def test_a_label_out_of_range_is_found_before_the_first_step():
    model = nn.Sequential(nn.Dense(1, 3, rng=0), nn.BatchNorm(3))
    trainer = nn.Trainer(model, nn.losses.softmax_cross_entropy, nn.SGD(model.parameters()))
    before = {name: array.copy() for name, array in state(model).items()}
    labels = np.zeros(5000, int)
    labels[-1] = 3  # far behind the first batch
    x = np.ones((5000, 1))
    for data in (x, labels, None), (x, labels * 0, (x, labels)):
        with pytest.raises(ValueError, match="class numbers from 0 to 2, got values from 0 to 3"):
            fit(trainer, *data[:2], validation_data=data[2])
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, before[name])
    assert trainer.optimizer.iterations == 0


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_evaluation_and_prediction_refuse_senseless_batches(method):
    arguments = (X, Y) if method == "evaluate" else (X,)
    for batch_size in (0, -1):
        with pytest.raises(ValueError, match="positive batch_size"):
            getattr(make(), method)(*arguments, batch_size=batch_size)
    with pytest.raises(ValueError, match="at least one"):
        getattr(make(), method)(*(array[:0] for array in arguments))
    with pytest.raises(ValueError, match="x has NaN or infinite values in 1 of 50 examples"):
        getattr(make(), method)(NAN, *arguments[1:])


def test_float64_data_are_cast_to_the_type_of_the_model():
    trainer = make()
    fit(trainer, X.astype(np.float64), Y, epochs=1)
    assert trainer.model[0].kernel.value.dtype == np.float32
    assert trainer.predict([[0.5]]).dtype == np.float32


def diverge(stop_at):
    """Train with a far too large rate; return the model after ``stop_at`` steps, or its error."""
    model = nn.Sequential(nn.Dense(1, 1, rng=0), nn.BatchNorm(1), nn.Dense(1, 1, rng=1))
    optimizer = nn.SGD(model.parameters(), 1e12)
    trainer = nn.Trainer(model, nn.losses.mean_squared_error, optimizer, rng=3)
    error = None
    try:
        fit(trainer, epochs=stop_at, batch_size=len(X))
    except nn.TrainingError as raised:
        error = str(raised)
    return {name: a.copy() for name, a in state(model).items()}, optimizer.iterations, error


def test_divergence_stops_with_advice_and_the_weights_before_that_step():
    arrays, steps, error = diverge(stop_at=100)
    words = r" became \S+( or NaN)? in epoch \d+, step 1; .* lower learning rate than 1000000000000"
    assert re.search(words, error) and "nn.Trainer(…, clip_norm=1.0)" in error
    expected, same, no_error = diverge(stop_at=steps)
    assert (same, no_error) == (steps, None)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name])


def test_an_infinite_penalty_or_gradient_stops_training():
    trainer = make(regularizer=nn.L2(1e308))
    trainer.model[0].kernel.value[...] = 1e10
    with pytest.raises(nn.TrainingError, match="the penalty became inf in epoch 1, step 1"):
        fit(trainer)

    def steep(prediction, target):
        return 1.0, np.full_like(prediction, np.inf)

    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    trainer = nn.Trainer(model, steep, nn.SGD(model.parameters()))
    with pytest.raises(nn.TrainingError, match="the gradient of kernel became infinite or NaN"):
        fit(trainer)


def test_a_failing_metric_leaves_the_weights():
    def broken(prediction, target):
        raise KeyError("no such thing")

    trainer = make(metrics=[broken])
    before = trainer.model[0].kernel.value.copy()
    with pytest.raises(KeyError):
        fit(trainer)
    np.testing.assert_array_equal(trainer.model[0].kernel.value, before)


@pytest.mark.parametrize("metrics", [[lambda p, t: 0, lambda p, t: 1], [type("loss", (), {})]])
def test_metrics_need_names_of_their_own(metrics):
    with pytest.raises(ValueError, match="names of their own"):
        make(metrics=metrics)


def test_a_layer_that_knows_only_the_plain_contract_can_be_trained():
    class Scale(nn.Layer):
        def __init__(self):
            self.factor = nn.Parameter(np.ones(1), "factor")

        def forward(self, x, *, training=False):
            return self.remember(x, x * self.factor.value)

        def backward(self, grad):
            self.factor.grad += np.sum(grad * self.recall(grad))
            return grad * self.factor.value

        def parameters(self):
            return [self.factor]

    for model in (Scale(), nn.Sequential(Scale())):
        nn.check_layer(model, X[:4])
        trainer = nn.Trainer(model, nn.losses.mean_squared_error, nn.SGD(model.parameters(), 0.5))
        fit(trainer, X, 3 * X, epochs=40)
        assert model.parameters()[0].value[0] == pytest.approx(3, abs=1e-3)


def test_an_optimizer_of_another_model_is_refused():
    old, new = nn.Dense(1, 1), nn.Dense(1, 1)
    with pytest.raises(ValueError, match="Was the model made again"):
        nn.Trainer(new, nn.losses.mean_squared_error, nn.SGD(old.parameters()))


LOSS = nn.losses.mean_squared_error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": "mean_squared_error"}, "loss is a function such as nn.losses.mean_squared_error"),
        ({"loss": None, "optimizer": LOSS}, "loss is a function such as"),
        (
            {"optimizer": nn.Adam},
            "optimizer is one such as nn.Adam(model.parameters()), got <class",
        ),
        ({"optimizer": "adam"}, "optimizer is one such as nn.Adam(model.parameters()), got 'adam'"),
        ({"metrics": ["accuracy"]}, "metric is a function such as nn.metrics.accuracy, got 'accur"),
        (
            {"metrics": "accuracy"},
            "metric is a function such as nn.metrics.accuracy, got 'accuracy'",
        ),
        ({"regularizer": 0.01}, "regularizer is a function such as nn.L2(0.001), got 0.01"),
        ({"regularizer": 0}, "regularizer is a function such as nn.L2(0.001), got 0"),
    ],
)
def test_what_a_trainer_is_not_made_of_is_explained(change, words):
    model = nn.Dense(1, 1, rng=0)
    parts = {"loss": LOSS, "optimizer": nn.SGD(model.parameters())} | change
    with pytest.raises(TypeError, match=re.escape(words)):
        nn.Trainer(model, **parts)


def test_a_single_metric_needs_no_list():
    assert set(fit(make(metrics=mean_error))) == {"loss", "mean_error"}


@pytest.mark.parametrize(
    "loss",
    [lambda p, t: 0.5, lambda p, t: (0.5, 1.0), lambda p, t: LOSS(p, t)[1]],
    ids=["no gradient", "another shape", "gradient alone"],
)
def test_a_loss_without_a_gradient_is_found_before_the_first_step(loss):
    trainer = make()
    trainer.loss = loss
    before = trainer.model[0].kernel.value.copy()
    with pytest.raises(
        TypeError, match=r"a loss returns \(loss, gradient by the prediction\), got"
    ):
        fit(trainer)
    np.testing.assert_array_equal(trainer.model[0].kernel.value, before)


def test_a_metric_may_be_undefined_for_predictions_of_zero():
    def inverse(prediction, target):
        return 1 / float(np.abs(prediction).max())

    assert np.isfinite(fit(make(metrics=[inverse]))["inverse"]).all()


def test_a_step_keeps_copies_of_what_it_may_change_alone():
    model = nn.Sequential(nn.Dense(1, 3, rng=0), nn.BatchNorm(3), nn.Dense(3, 1, rng=1))
    nn.layers.lora.add_lora(model, 1)
    kept = trainer._moving(model)
    assert [id(a) for a in kept] == [id(model[1].running_mean), id(model[1].running_variance)]
