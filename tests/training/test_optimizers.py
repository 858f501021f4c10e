"""Optimizers, schedules, clipping, regularizers: rules worked by hand."""

import pickle
import re

import numpy as np
import pytest

import nncourse as nn
from nncourse import optimizers

MAKERS = {
    "SGD": lambda p: nn.SGD(p, 0.05),
    "momentum": lambda p: nn.SGD(p, 0.02, momentum=0.9),
    "Nesterov": lambda p: nn.SGD(p, 0.02, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: nn.RMSprop(p, 0.02),
    "Adam": lambda p: nn.Adam(p, 0.1),
    "AdamW": lambda p: nn.AdamW(p, 0.1, weight_decay=0.0),
}
each = pytest.mark.parametrize("name", MAKERS)


def parameter(value, **options):
    return nn.Parameter(np.array(value, dtype=float), "w", **options)


@each
def test_finds_the_bottom_of_a_bowl(name):
    p = parameter([3.0, -2.0])
    curvature, bottom = np.array([1.0, 5.0]), np.array([1.0, 1.0])
    optimizer = MAKERS[name]([p])
    for _ in range(600):
        optimizer.zero_grad()
        p.grad += curvature * (p.value - bottom)
        optimizer.step()
    np.testing.assert_allclose(p.value, bottom, atol=0.02)


@each
def test_blocks_change_nothing(name, monkeypatch):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(7, 5)), rng.normal(size=(3, 7, 5))
    results = []
    for block in (4, 1000):
        monkeypatch.setattr(optimizers, "_BLOCK", block)
        p = parameter(start, regularize=True)
        optimizer = MAKERS[name]([p])
        for g in gradients:
            p.grad[...] = g
            optimizer.step()
        results.append(p.value)
    np.testing.assert_array_equal(*results)


@each
def test_updates_in_place_and_keeps_the_type(name):
    p = nn.Parameter(np.ones((2, 3), np.float32), "w")
    value = p.value
    p.grad += 1
    MAKERS[name]([p]).step()
    assert p.value is value and value.dtype == np.float32
    assert (value < 1).all()
    np.testing.assert_array_equal(p.grad, 1)


@each
def test_survives_pickling(name):
    p = parameter([1.0, 2.0])
    optimizer = MAKERS[name]([p])
    p.grad += 1
    optimizer.step()
    again = pickle.loads(pickle.dumps(optimizer))
    optimizer.step()
    again.step()
    np.testing.assert_array_equal(again.parameters[0].value, p.value)


@each
def test_an_unused_weight_leaves_no_denormal_numbers_behind(name):
    p = nn.Parameter(np.ones(3, np.float32), "w")
    optimizer = MAKERS[name]([p])
    p.grad += 1
    optimizer.step()
    p.grad.fill(0)
    for _ in range(1000):
        optimizer.step()
        for array in optimizer.state[0].values():
            assert not np.any((array != 0) & (np.abs(array) < np.finfo(np.float32).tiny))


@each
def test_column_order_parameters_are_updated_too(name):
    start, results = np.arange(6.0).reshape(2, 3), []
    for order in (np.ascontiguousarray, np.asfortranarray):
        p = parameter(start)
        p.value = order(p.value)
        optimizer = MAKERS[name]([p])
        for _ in range(2):
            p.grad[...] = 1
            optimizer.step()
        results.append(p.value)
    np.testing.assert_array_equal(*results)
    assert (results[0] < start).all()


def test_a_parameter_listed_twice_is_updated_once():
    p = parameter([1.0])
    p.grad += 1
    nn.SGD([p, p], 0.1).step()
    assert p.value[0] == 0.9


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (lambda model: model, "Sequential"),
        (lambda model: model.parameters, "method"),
        (lambda model: model.layers, "Dense"),
        (lambda model: [p.value for p in model.parameters()], "ndarray"),
        (lambda model: model.parameters()[0], "Parameter"),
    ],
)
def test_what_is_no_list_of_parameters_is_refused(given, name):
    model = nn.Sequential(nn.Dense(2, 2, rng=0))
    for owner, call in {"Adam": nn.Adam, "L1L2(l1=0.0, l2=0.1)": nn.L2(0.1)}.items():
        words = f"{owner} expects a list of parameters, got {name}. Write {owner}(model.parameters"
        with pytest.raises(TypeError, match=re.escape(words)):
            call(given(model))
    assert not model[0].kernel.grad.any()


def test_a_parameter_that_is_one_number_stays_one():
    p = parameter(3.0)
    optimizer = nn.SGD([p], 0.5)
    p.grad += 2.0
    optimizer.step()
    assert p.value.shape == () and p.value == 2.0


def test_clipping_survives_large_and_refuses_infinite_gradients():
    p = nn.Parameter(np.zeros(2, np.float32), "w")
    p.grad[...] = 1e20
    assert nn.clip_by_global_norm([p], 1.0) == pytest.approx(2**0.5 * 1e20)
    np.testing.assert_allclose(p.grad, 2**-0.5, rtol=1e-6)
    p.grad[...] = [1, np.inf]
    with pytest.raises(ValueError, match="finite gradients"):
        nn.clip_by_global_norm([p], 1.0)
    np.testing.assert_array_equal(p.grad, [1, np.inf])


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


def test_momentum_by_hand():
    p = parameter([0.0])
    optimizer, path = nn.SGD([p], 0.1, momentum=0.5), []
    for _ in range(3):
        p.grad[...] = 1
        optimizer.step()
        path.append(p.value[0])
    # v = -0.1, -0.15, -0.175
    np.testing.assert_allclose(path, [-0.1, -0.25, -0.425])


def test_adam_moves_by_the_rate_under_a_constant_gradient():
    """With a constant gradient both corrected averages are exact: every step is the rate."""
    p = parameter([0.0, 0.0])
    optimizer = nn.Adam([p], 0.01)
    for step in range(1, 6):
        p.grad[...] = [3.0, -500.0]
        optimizer.step()
        np.testing.assert_allclose(p.value, [-0.01 * step, 0.01 * step], rtol=1e-7)


def test_adamw_decays_kernels_only():
    kernel, bias = parameter([1.0], regularize=True), parameter([1.0])
    nn.AdamW([kernel, bias], 0.1, weight_decay=0.5).step()
    assert (kernel.value[0], bias.value[0]) == (0.95, 1.0)


def test_a_schedule_is_asked_for_each_step():
    p, asked = parameter([0.0]), []

    def schedule(step):
        asked.append(step)
        return 1.0 / (step + 1)

    optimizer = nn.SGD([p], schedule)
    for _ in range(3):
        p.grad[...] = 1
        optimizer.step()
    assert asked[1:] == [0, 1, 2]
    assert p.value[0] == pytest.approx(-(1 + 1 / 2 + 1 / 3))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda p: nn.SGD([], 0.1), "expects parameters, got none"),
        (lambda p: nn.SGD(p, -0.1), "finite and not negative, got -0.1"),
        (lambda p: nn.Adam(p, float("nan")), "got nan"),
        (lambda p: nn.Adam(p, float("inf")), "got inf"),
        (lambda p: nn.Adam(p, beta_2=1.0), "beta_2 must be at least 0 and below 1, got 1.0"),
        (lambda p: nn.RMSprop(p, rho=-0.1), "rho must be"),
        (lambda p: nn.SGD(p, "0.1"), "must be a number, finite and not negative, got '0.1'"),
        (lambda p: nn.SGD(p, [0.1]), "got [0.1]"),
        (lambda p: nn.SGD(p, lambda step: None), "got None"),
        (lambda p: nn.Adam(p, epsilon=0), "epsilon must be positive and finite, got 0"),
        (lambda p: nn.AdamW(p, epsilon=-1e-8), "epsilon must be positive and finite, got -1e-08"),
        (lambda p: nn.RMSprop(p, epsilon=float("nan")), "epsilon must be positive and finite"),
        (lambda p: nn.SGD(p, nesterov=True), "Nesterov needs momentum > 0"),
        (lambda p: nn.AdamW(p, weight_decay=-1), "weight_decay >= 0, got -1"),
    ],
)
def test_wrong_settings_are_explained(build, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        build([parameter([1.0])])


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


def test_clipping_keeps_the_direction():
    a, b = parameter([0.0, 0.0]), parameter([0.0])
    a.grad[...], b.grad[...] = [2.0, 1.0], [2.0]  # length 3
    assert nn.clip_by_global_norm([a, b], 10) == pytest.approx(3)
    np.testing.assert_array_equal(a.grad, [2, 1])
    nn.clip_by_global_norm([a, b], 1.5)
    np.testing.assert_allclose([*a.grad, *b.grad], [1, 0.5, 1])
    with pytest.raises(ValueError, match="maximum > 0, got 0"):
        nn.clip_by_global_norm([a, b], 0)


def test_regularizers_price_kernels_only():
    kernel, bias = parameter([2.0, 0.0, -1.0], regularize=True), parameter([5.0])
    kernel.grad += 1
    assert nn.L1(0.5)([kernel, bias]) == 1.5
    np.testing.assert_array_equal(kernel.grad, [1.5, 1.0, 0.5])
    assert nn.L2(0.5)([kernel, bias]) == 2.5
    np.testing.assert_array_equal(kernel.grad, [3.5, 1.0, -0.5])
    assert not bias.grad.any()
    with pytest.raises(ValueError, match="must not be negative, got l1=-1"):
        nn.L1(-1)
