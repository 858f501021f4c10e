"""Schedules: learning rates worked by hand."""

import re

import numpy as np
import pytest

import nncourse as nn


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.StepDecay(0.1, 0.5, every=0),
        lambda: nn.ExponentialDecay(0.1, 0.5, every=-1),
        lambda: nn.CosineDecay(0.1, steps=0),
        lambda: nn.Warmup(0.1, steps=0),
    ],
)
def test_schedules_need_positive_lengths(build):
    with pytest.raises(ValueError, match=r"expects (every|steps) > 0, got"):
        build()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: nn.StepDecay(0.1, -0.5, every=9),
            "StepDecay expects factor, a number >= 0, got -0",
        ),
        (
            lambda: nn.StepDecay("0.1", 0.5, every=9),
            "StepDecay expects initial, a number >= 0, got '",
        ),
        (lambda: nn.StepDecay(0.1, 0.5, every="9"), "StepDecay expects every > 0, got '9'"),
        (lambda: nn.ExponentialDecay(0.1, -1), "ExponentialDecay expects factor, a number >= 0"),
        (lambda: nn.ExponentialDecay(-0.1, 1), "ExponentialDecay expects initial, a number >= 0"),
        (
            lambda: nn.CosineDecay(0.1, 9, final=-1),
            "CosineDecay expects final, a number >= 0, got -1",
        ),
        (
            lambda: nn.CosineDecay(float("nan"), 9),
            "CosineDecay expects initial, a number >= 0, got n",
        ),
        (lambda: nn.Warmup("0.1", 9), "Warmup expects schedule, a number >= 0, got '0.1'"),
        (lambda: nn.Warmup(0.1, None), "Warmup expects steps > 0, got None"),
    ],
)
def test_schedules_check_their_settings(build, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        build()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (nn.StepDecay(1.0, factor=0.5, every=2), [1, 1, 0.5, 0.5, 0.25]),
        (nn.ExponentialDecay(1.0, factor=0.5, every=2), [1, 2**-0.5, 0.5, 2**-1.5, 0.25]),
        (nn.CosineDecay(2.0, steps=4), [2, 1 + 2**-0.5, 1, 1 - 2**-0.5, 0]),
        (nn.CosineDecay(2.0, steps=2, final=1.0), [2, 1.5, 1, 1, 1]),
        (nn.Warmup(0.8, steps=4), [0.2, 0.4, 0.6, 0.8, 0.8]),
        (nn.Warmup(nn.StepDecay(1.0, 0.5, 1), steps=2), [0.5, 1, 1, 0.5, 0.25]),
    ],
)
def test_schedules_by_hand(schedule, expected):
    np.testing.assert_allclose([schedule(step) for step in range(5)], expected, atol=1e-15)


def test_schedules_start_and_end_by_default_where_the_docstrings_say():
    assert nn.CosineDecay(1.0, steps=4)(4) == 0
    assert nn.ExponentialDecay(1.0, 0.5)(1) == 0.5
    assert nn.L1L2() == nn.L1L2(l1=0.0, l2=0.0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (nn.StepDecay(1.0, 0.5, 2), "every"),
        (nn.ExponentialDecay(1.0, 0.5), "factor"),
        (nn.CosineDecay(1.0, steps=4), "final"),
        (nn.Warmup(1.0, steps=4), "steps"),
        (nn.L2(1.0), "l2"),
        (nn.RateTest([1.0], [1.0], [1.0]), "rates"),
    ],
)
def test_settings_that_were_checked_cannot_be_changed_unchecked(settings, name):
    with pytest.raises(AttributeError, match="cannot assign to field"):
        setattr(settings, name, -1)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int32"])
@pytest.mark.parametrize(
    "schedule",
    [
        nn.StepDecay(1.0, 0.5, 1000),
        nn.ExponentialDecay(1.0, 0.5, 1000),
        nn.CosineDecay(1.0, 1000),
        nn.Warmup(1.0, 1000),
        nn.Warmup(nn.CosineDecay(1.0, 1000), 100),
    ],
)
def test_steps_may_be_small_integers(schedule, kind):
    step = np.iinfo(kind).max
    assert schedule(np.array([step], kind)[0]) == schedule(step)


def test_settings_of_few_digits_are_computed_with_many():
    half, one = np.float16(0.5), np.float16(1)
    assert nn.ExponentialDecay(one, half, 100)(3000) == 2**-30
    assert nn.StepDecay(one, half, np.uint8(100))(3000) == 2**-30
    assert nn.CosineDecay(one, 1000)(1) == nn.CosineDecay(1.0, 1000)(1)
    assert nn.Warmup(one, np.int8(100))(0) == 0.01
