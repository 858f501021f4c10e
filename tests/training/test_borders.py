"""Settings of training on both sides of their borders: just allowed, and just refused."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.training.clipping import clip_by_global_norm

NAN, INF = float("nan"), float("inf")


def weights():
    p = nn.Parameter(np.array([3.0, -4.0]), "kernel", regularize=True)
    p.grad += [0.6, 0.8]
    return [p]


def stepped(kind, *settings, **options):
    p = weights()
    optimizer = kind(p, *settings, **options)
    for _ in range(2):
        optimizer.step()
    return p[0].value


def trainer(**options):
    model = nn.Sequential(nn.Dense(1, 1, rng=0))
    loss = nn.losses.mean_squared_error
    return nn.Trainer(model, loss, nn.SGD(model.parameters()), **options)


ALLOWED = {
    "no rate": lambda: stepped(nn.SGD, 0),
    "no momentum": lambda: stepped(nn.SGD, 0.1, momentum=0.0),
    "nearly all momentum": lambda: stepped(nn.SGD, 0.1, momentum=0.9999),
    "no memory": lambda: stepped(nn.RMSprop, rho=0),
    "no memories": lambda: stepped(nn.Adam, beta_1=0, beta_2=0),
    "no decay": lambda: stepped(nn.AdamW, weight_decay=0),
    "a tiny epsilon": lambda: stepped(nn.Adam, epsilon=1e-300),
    "a schedule from zero": lambda: nn.StepDecay(0, 0, 1)(0),
    "half a step": lambda: nn.ExponentialDecay(1.0, 0.5, 0.5)(1),
    "one step of a cosine": lambda: nn.CosineDecay(1.0, 1)(1),
    "a warm-up of one step": lambda: nn.Warmup(0, 1)(0),
    "a tiny clip": lambda: clip_by_global_norm(weights(), 1e-300),
    "an infinite clip": lambda: clip_by_global_norm(weights(), INF),
    "no penalty": lambda: nn.L1L2(0, 0)(weights()),
    "no gain": lambda: nn.EarlyStopping(patience=1, min_delta=0).patience,
    "a small norm": lambda: trainer(clip_norm=1e-9).clip_norm,
}
REFUSED = {
    "a rate far below 0": lambda: stepped(nn.SGD, -99),
    "far too much momentum": lambda: stepped(nn.SGD, momentum=99),
    "momentum far below 0": lambda: stepped(nn.SGD, momentum=-99),
    "a decay far below 0": lambda: stepped(nn.AdamW, weight_decay=-99),
    "a decay of NaN": lambda: stepped(nn.AdamW, weight_decay=NAN),
    "a schedule from far below 0": lambda: nn.StepDecay(-99, 0.5, 1),
    "an infinite start": lambda: nn.CosineDecay(INF, 5),
    "a start of NaN": lambda: nn.CosineDecay(NAN, 5),
    "prices far below 0": lambda: nn.L1L2(-99, 1),
    "another price far below 0": lambda: nn.L1L2(1, -99),
    "a gain far below 0": lambda: nn.EarlyStopping(min_delta=-99),
    "a rate below 0": lambda: stepped(nn.SGD, -1e-300),
    "an infinite rate": lambda: stepped(nn.SGD, INF),
    "a rate of NaN": lambda: stepped(nn.Adam, NAN),
    "two rates": lambda: stepped(nn.SGD, np.array([0.1, 0.1])),
    "a rate in words": lambda: stepped(nn.SGD, "0.1"),
    "momentum of 1": lambda: stepped(nn.SGD, momentum=1),
    "momentum below 0": lambda: stepped(nn.SGD, momentum=-1e-9),
    "Nesterov without momentum": lambda: stepped(nn.SGD, nesterov=True),
    "a rho of 1": lambda: stepped(nn.RMSprop, rho=1),
    "a first beta of 1": lambda: stepped(nn.Adam, beta_1=1),
    "a second beta of 1": lambda: stepped(nn.Adam, beta_2=1),
    "no epsilon": lambda: stepped(nn.Adam, epsilon=0),
    "an epsilon below 0": lambda: stepped(nn.RMSprop, epsilon=-1e-9),
    "a rho below 0": lambda: stepped(nn.RMSprop, rho=-1e-9),
    "betas below 0": lambda: stepped(nn.Adam, beta_2=-1e-9),
    "an infinite epsilon": lambda: stepped(nn.RMSprop, epsilon=INF),
    "a decay below 0": lambda: stepped(nn.AdamW, weight_decay=-1e-9),
    "an infinite decay": lambda: stepped(nn.AdamW, weight_decay=INF),
    "no parameter": lambda: nn.SGD([]),
    "a schedule from below 0": lambda: nn.StepDecay(-1e-9, 0.5, 1),
    "an infinite factor": lambda: nn.ExponentialDecay(1, INF),
    "a factor in words": lambda: nn.ExponentialDecay(1, "0.5"),
    "every 0 steps": lambda: nn.StepDecay(1, 0.5, 0),
    "every -1 steps": lambda: nn.StepDecay(1, 0.5, -1),
    "a cosine of -1 steps": lambda: nn.CosineDecay(1, -1),
    "a factor below 0": lambda: nn.StepDecay(1, -0.5, 1),
    "every infinite steps": lambda: nn.ExponentialDecay(1, 0.5, INF),
    "no step of a cosine": lambda: nn.CosineDecay(1, 0),
    "an end below 0": lambda: nn.CosineDecay(1, 5, -1e-9),
    "a warm-up of no step": lambda: nn.Warmup(1, 0),
    "a warm-up to below 0": lambda: nn.Warmup(-1e-9, 5),
    "no clip": lambda: clip_by_global_norm(weights(), 0),
    "a clip below 0": lambda: clip_by_global_norm(weights(), -1e-9),
    "a clip of NaN": lambda: clip_by_global_norm(weights(), NAN),
    "a price below 0": lambda: nn.L2(-1e-9),
    "another price below 0": lambda: nn.L1(-1e-9),
    "a price of NaN": lambda: nn.L1L2(0, NAN),
    "no patience": lambda: nn.EarlyStopping(patience=0),
    "a gain below 0": lambda: nn.EarlyStopping(min_delta=-1e-9),
    "a gain of NaN": lambda: nn.EarlyStopping(min_delta=NAN),
    "no norm": lambda: trainer(clip_norm=0),
    "a norm below 0": lambda: trainer(clip_norm=-1e-9),
    "patience below 0": lambda: nn.EarlyStopping(patience=-1),
    "a norm of NaN": lambda: trainer(clip_norm=NAN),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_just_allowed(name):
    assert np.isfinite(ALLOWED[name]()).all()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_just_refused(name):
    with pytest.raises(ValueError, match=r"got|expects"):
        REFUSED[name]()


def test_schedules_at_their_first_and_last_steps():
    """By hand, each value as its docstring says."""
    assert [nn.StepDecay(8, 0.5, 3)(t) for t in (0, 2, 3, 5, 6)] == [8, 8, 4, 4, 2]
    assert [nn.ExponentialDecay(8, 0.5)(t) for t in (0, 1, 2)] == [8, 4, 2]
    assert nn.ExponentialDecay(8, 0.25, 2)(1) == 4
    cosine = nn.CosineDecay(1.0, 4)
    expected = [1, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5, 0, 0]
    assert [cosine(t) for t in (0, 1, 2, 3, 4, 9)] == pytest.approx(expected, abs=1e-15)
    assert nn.CosineDecay(3.0, 4, 1.0)(4) == 1 and nn.CosineDecay(3.0, 4, 1.0)(2) == 2
    assert [nn.Warmup(6.0, 3)(t) for t in (0, 1, 2, 3, 9)] == [2, 4, 6, 6, 6]
    warm = nn.Warmup(nn.StepDecay(8, 0.5, 1), 2)
    assert [warm(t) for t in (0, 1, 2, 3)] == [4, 8, 8, 4]


def test_penalties_and_clips_by_hand():
    for penalty, value, slope in ((nn.L1(2), 14, [2, -2]), (nn.L2(2), 50, [12, -16])):
        (p,) = weights()
        p.zero_grad()
        assert penalty([p]) == value and p.grad.tolist() == slope
    for maximum, factor in ((0.5, 0.5), (1.0, 1), (2.0, 1)):
        (p,) = weights()
        assert clip_by_global_norm([p], maximum) == pytest.approx(1)
        np.testing.assert_allclose(p.grad, [0.6 * factor, 0.8 * factor])
