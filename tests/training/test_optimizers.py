"""Optimizers: rules worked by hand."""

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


def test_adam_in_place_is_adam_as_printed_in_its_docstring():
    lines = [line.strip() for line in nn.Adam.__doc__.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("m = "))
    printed = "\n".join(lines[start : start + 3])
    rng = np.random.default_rng(0)
    p = parameter(rng.normal(size=5))
    names = {"w": p.value.copy(), "m": 0, "v": 0, "np": np, "rate": 0.1}
    names |= {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4}
    optimizer = nn.Adam([p], 0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-4)
    for t in range(1, 8):
        p.grad[...] = g = rng.normal(size=5) * 1e-3
        optimizer.step()
        exec(printed, names | {"g": g, "t": t}, values := {})
        names |= values
        np.testing.assert_allclose(p.value, names["w"], rtol=1e-13)
        for slot in "mv":
            np.testing.assert_allclose(optimizer.state[0][slot], names[slot], rtol=1e-13)


@each
def test_half_precision_keeps_its_state_in_single(name):
    """Squares of small gradients, and Adam's epsilon, underflow in float16."""
    rng = np.random.default_rng(0)
    start, gradient = rng.normal(size=50), rng.normal(0, 1e-4, 50).astype(np.float16)
    results = []
    for dtype in (np.float16, np.float64):
        p = nn.Parameter(start.astype(np.float16).astype(dtype), "w")
        optimizer = MAKERS[name]([p])
        for _ in range(3):
            p.grad[...] = gradient
            optimizer.step()
        results.append(p.value)
        assert all(
            a.dtype == np.promote_types(dtype, np.float32) for a in optimizer.state[0].values()
        )
    assert results[0].dtype == np.float16
    np.testing.assert_allclose(results[0], results[1], rtol=2e-3, atol=1e-4)


def test_adam_leaves_half_precision_alone_where_there_is_no_gradient():
    p = nn.Parameter(np.ones(2, np.float16), "w")
    nn.Adam([p]).step()
    np.testing.assert_array_equal(p.value, 1)


@each
def test_a_frozen_parameter_is_left_alone(name):
    frozen, free = parameter([1.0], regularize=True), parameter([1.0], regularize=True)
    frozen.trainable = False
    frozen.grad += 3
    free.grad += 4
    assert nn.clip_by_global_norm([frozen, free], 2) == 4
    assert nn.L1L2(l1=1.0, l2=1.0)([frozen, free]) == 2
    MAKERS[name]([frozen, free]).step()
    nn.AdamW([frozen], 0.1, weight_decay=0.5).step()
    assert (frozen.value[0], frozen.grad[0], free.grad[0]) == (1, 3, 5)
    assert free.value[0] < 1


@pytest.mark.parametrize(
    ("optimizer", "defaults"),
    [
        (nn.SGD, {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False}),
        (nn.RMSprop, {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7}),  # Keras
        (nn.Adam, {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
        (nn.AdamW, {"weight_decay": 0.01, "beta_1": 0.9}),  # PyTorch
    ],
)
def test_defaults_are_those_of_the_papers_and_libraries(optimizer, defaults):
    made = optimizer([parameter([1.0])])
    assert {name: getattr(made, name) for name in defaults} == defaults
