"""Settings of few bits are computed with as floats: np.float16 and np.uint8 change no result."""

import numpy as np
import pytest

import nncourse as nn


def trained(build, **settings):
    p = nn.Parameter(np.array([1.0, -2.0]), "w", regularize=True)
    optimizer = build([p], 0.1, **settings)
    for g in (3.0, -1.0, 0.5):
        p.grad = np.full(2, g)
        optimizer.step()
    return p.value.tolist()


def penalized(strength):
    p = nn.Parameter(np.full(100, 1e4), "w", regularize=True)
    return nn.L1L2(strength, strength)([p]), p.grad.tolist()


def clipped(maximum):
    p = nn.Parameter(np.zeros(1000), "w")
    p.grad += 1e6
    return nn.clip_by_global_norm([p], maximum), p.grad.tolist()


def raised(exponent):
    x = nn.Value(3.0)
    y = x**exponent
    y.backward()
    return y.data, float(x.grad)


C, P = nn.counting, nn.privacy
CALLS = {
    "momentum": (lambda v: trained(nn.SGD, momentum=v), 0.9),
    "rho": (lambda v: trained(nn.RMSprop, rho=v), 0.9),
    "beta_1": (lambda v: trained(nn.Adam, beta_1=v), 0.9),
    "beta_2": (lambda v: trained(nn.Adam, beta_2=v), 0.999),
    "epsilon of Adam": (lambda v: trained(nn.Adam, epsilon=v), 1e-4),
    "weight_decay": (lambda v: trained(nn.AdamW, weight_decay=v), 0.01),
    "a penalty": (penalized, 0.01),
    "a norm": (clipped, 1.0),
    "an exponent": (raised, 0.1),
    "smoothing": (lambda v: nn.losses.smooth_labels([1], 50_000, v, float).tolist(), 0.1),
    "noise": (lambda v: P.epsilon(v, 0.01, 200, 1e-5), 1.1),
    "a rate": (lambda v: P.epsilon(1.1, v, 200, 1e-5), 0.01),
    "delta": (lambda v: P.epsilon(1.1, 0.01, 200, v), 1e-3),
    "steps": (lambda v: P.epsilon(1.1, 0.01, v, 1e-5), 200),
    "an order": (lambda v: P.renyi_divergence(2.0, 0.5, v), 8),
    "whole noise": (lambda v: P.renyi_divergence(v, 0.5, 8), 20),
    "seconds": (lambda v: nn.cards.energy(v, watts=v), 200),
    "overhead": (lambda v: nn.cards.energy(1e9, overhead=v), 1.135),
    "allowance": (lambda v: nn.drift.false_alarm_interval(v, 5), 0.6),
    "threshold": (lambda v: nn.drift.false_alarm_interval(0.5, v), 6),
    "equal opportunity": (
        lambda v: nn.fairness.threshold_for(np.arange(99_999), np.ones(99_999), v), 0.9
    ),
    "utilization": (
        lambda v: C.run_seconds(1e18, devices=2, peak_flops_per_second=1e15, utilization=v), 0.4
    ),
    "a building": (
        lambda v: C.run_energy(1e9, devices=9, watts_per_device=500, overhead=v), 1.3
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_setting_of_few_bits_is_the_number_that_it_is(name):
    call, value = CALLS[name]
    kinds = [np.float16, np.float32] + [np.uint8, np.int16] * isinstance(value, int)
    for kind in kinds:
        assert call(kind(value)) == call(float(kind(value)))
