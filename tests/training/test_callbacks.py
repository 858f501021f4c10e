"""Callbacks: each is called in its turn, and may end the training."""

import numpy as np
import pytest
from test_trainer import X, Y, fit, make

import nncourse as nn


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


class Scripted(nn.Callback):
    """Write given numbers into the history and the epoch's number into the model."""

    def __init__(self, values, name):
        self.values, self.name = values, name

    def on_epoch_end(self, trainer, history):
        epoch = len(history["loss"])
        history[self.name] = self.values[:epoch]
        trainer.model[0].bias.value[...] = epoch


def test_callbacks_are_all_called_and_can_stop():
    a, b = Recorder(stop_after=2), Recorder()
    history = fit(make(), epochs=5, callbacks=[a, b])
    assert a.events == b.events == ["begin", 1, 2, "end"]
    assert len(history["loss"]) == 2


@pytest.mark.parametrize(
    ("name", "values", "options", "stopped", "best"),
    [
        ("val_loss", [3, 2, 2.5, 2.1, 9, 9], {"patience": 2}, 4, 2),
        ("val_loss", [3, 2, 2.5, 1, 2, 9], {"patience": 2}, 6, 4),
        ("val_accuracy", [0.5, 0.7, 0.6, 0.6, 1, 1], {"patience": 2}, 4, 2),
        ("val_loss", [3, 2.9, 2.8, 2.7, 1, 1], {"patience": 2, "min_delta": 0.5}, 3, 1),
        ("kappa", [0.5, 0.7, 0.6, 0.6, 1, 1], {"patience": 2, "higher_is_better": True}, 4, 2),
        ("f1", [0.5, 0.7, 0.6, 0.6, 1, 1], {"patience": 2}, 4, 2),
        ("val_r2", [-0.5, 0.7, 0.6, 0.6, 1, 1], {"patience": 2}, 4, 2),
        ("val_rmse", [3, 2, 2.5, 2.1, 9, 9], {"patience": 2}, 4, 2),
        ("loss", [float("nan"), 2, 2.5, 2.1, 9, 9], {"patience": 2}, 4, 2),
        ("inaccuracy", [3, 2, 2.5, 2, 9, 9], {"patience": 2, "higher_is_better": False}, 4, 2),
    ],
)
def test_early_stopping(name, values, options, stopped, best):
    trainer, early = make(), nn.EarlyStopping(name, **options)
    scripted = Scripted(values, name)
    history = fit(trainer, epochs=6, validation_data=(X, Y), callbacks=[scripted, early])
    assert (len(history["loss"]), early.best_epoch) == (stopped, best)
    assert early.best == values[best - 1]
    assert trainer.model[0].bias.value[0] == best


def test_early_stopping_can_leave_the_last_weights():
    trainer, early = (
        make(),
        nn.EarlyStopping("price", patience=1, restore_best=False, higher_is_better=False),
    )
    fit(trainer, epochs=6, callbacks=[Scripted([1, 2, 3, 4, 5, 6], "price"), early])
    assert trainer.model[0].bias.value[0] == 2


def test_early_stopping_needs_something_to_watch():
    with pytest.raises(ValueError, match=r"watches 'accuracy', but the history has \['loss'\]"):
        fit(make(), callbacks=[nn.EarlyStopping("accuracy")])


def test_missing_validation_data_are_found_before_the_first_epoch():
    trainer, early = make(), nn.EarlyStopping("val_accuracy")
    fit(
        trainer,
        epochs=2,
        validation_data=(X, Y),
        callbacks=[Scripted([1, 2], "val_accuracy"), early],
    )
    before, steps = trainer.predict(X), trainer.optimizer.iterations
    with pytest.raises(ValueError, match=r"watches 'val_accuracy', but fit\(\) got no valid"):
        fit(trainer, callbacks=early)
    np.testing.assert_array_equal(trainer.predict(X), before)
    assert (trainer.optimizer.iterations, early.best_epoch) == (steps, 2)


def test_an_interrupt_still_restores_the_best_weights():
    class Stop(nn.Callback):
        def on_epoch_end(self, trainer, history):
            if len(history["loss"]) == 3:
                raise KeyboardInterrupt

    trainer, early = make(), nn.EarlyStopping("price", patience=9, higher_is_better=False)
    with pytest.raises(KeyboardInterrupt):
        fit(trainer, epochs=6, callbacks=[Scripted([2, 1, 3], "price"), early, Stop()])
    assert (early.best_epoch, trainer.model[0].bias.value[0]) == (2, 2)


@pytest.mark.parametrize("options", [{"patience": 0}, {"min_delta": -1}])
def test_senseless_patience_is_refused(options):
    with pytest.raises(ValueError, match="patience >= 1 and min_delta >= 0"):
        nn.EarlyStopping(**options)


def test_callbacks_may_come_from_a_generator_or_alone():
    recorder, alone = Recorder(), Recorder()
    fit(make(), epochs=1, callbacks=(callback for callback in [recorder]))
    fit(make(), epochs=1, callbacks=alone)
    assert recorder.events == alone.events == ["begin", 1, "end"]


def test_a_name_that_nobody_knows_needs_a_direction():
    trainer, early = make(), nn.EarlyStopping("inaccuracy")
    with pytest.raises(ValueError, match="whether a higher 'inaccuracy' is better or worse"):
        fit(trainer, callbacks=early)
    assert trainer.optimizer.iterations == 0


def test_a_metric_may_say_its_direction_itself():
    def skill(prediction, target):
        return -float(np.mean(np.abs(prediction - target)))

    skill.higher_is_better = True
    trainer, early = make(metrics=skill), nn.EarlyStopping("skill", patience=2)
    history = fit(trainer, epochs=4, callbacks=early)
    assert early.best == max(history["skill"]) == history["skill"][-1]


def test_early_stopping_waits_five_epochs_for_any_improvement():
    early = nn.EarlyStopping()
    assert (early.monitor, early.patience, early.min_delta) == ("val_loss", 5, 0.0)
    assert early.restore_best and early.best is None


def test_callbacks_stand_around_every_step():
    class Steps(nn.Callback):
        def on_batch_begin(self, trainer):
            events.append(trainer.optimizer.iterations)

        def on_batch_end(self, trainer, losses):
            events.append((trainer.optimizer.iterations, *losses))
            return trainer.optimizer.iterations == 3

        def on_epoch_end(self, trainer, history):
            events.append("epoch")

    events, trainer = [], make(regularizer=nn.L2(0.1))
    history = fit(trainer, epochs=9, batch_size=25, callbacks=Steps())  # 2 steps each
    steps = [[t, (t + 1, "loss", "penalty")] for t in range(3)]
    assert events == [*steps[0], *steps[1], "epoch", *steps[2], "epoch"]
    assert trainer.stopping and trainer.epoch == len(history["loss"]) == 2


@pytest.mark.parametrize("up", [True, False])
def test_what_a_metric_says_of_itself_counts_more_than_its_name(up):
    """A user's own: rmse turned around, a loss of accuracy."""
    for name in ("rmse", "mae", "accuracy", "f1"):

        def metric(prediction, target):
            return 0.5

        metric.__name__, metric.higher_is_better = name, up
        model = nn.Sequential(nn.Dense(1, 1, rng=0))
        loss, optimizer = nn.losses.mean_squared_error, nn.SGD(model.parameters())
        trainer = nn.Trainer(model, loss, optimizer, metrics=metric)
        x, improved = np.ones((4, 1), np.float32), []
        stopping = nn.EarlyStopping(name, patience=9)
        trainer.fit(x, x, epochs=1, callbacks=stopping, progress=False)
        for value in (0.4, 0.6):
            stopping.on_epoch_end(trainer, nn.History({name: [0.5, value]}))
            improved.append(stopping.best == value)
            stopping.best = 0.5
        assert improved == [not up, up]
