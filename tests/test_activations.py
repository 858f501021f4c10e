"""Activations: values that can be said in advance, derivatives, and extreme inputs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nncourse import activations

NAMES = sorted(name for name in activations.__all__ if not name.endswith("_vjp"))
finite = arrays(np.float64, (3, 4), elements=st.floats(-30, 30))


def function_and_vjp(name):
    return getattr(activations, name), getattr(activations, f"{name}_vjp")


# At x = 1, by hand, with e = exp(1) and s = 1 / (1 + 1/e).
S = 1 / (1 + math.exp(-1))
AT_ONE = {
    "relu": 1,
    "leaky_relu": 1,
    "elu": 1,
    "sigmoid": S,
    "tanh": (math.e - 1 / math.e) / (math.e + 1 / math.e),
    "softplus": math.log(1 + math.e),
    "gelu": 0.5 * (1 + math.tanh(math.sqrt(2 / math.pi) * 1.044715)),
    "silu": S,
    "softmax": 1,
}


@pytest.mark.parametrize("name", NAMES)
def test_value_at_one(name):
    function, _ = function_and_vjp(name)
    assert function(np.array([1.0]))[0] == pytest.approx(AT_ONE[name], rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_inputs_stay_finite(name, dtype):
    function, vjp = function_and_vjp(name)
    x = np.array([-1e20, -1e4, -100, -1e-30, 0, 1e-30, 100, 1e4, 1e20], dtype)
    y = function(x)
    assert np.isfinite(y).all()
    assert np.isfinite(vjp(np.ones_like(x), x, y)).all()


@pytest.mark.parametrize("name", NAMES)
@given(x=finite, grad=finite)
def test_derivative_equals_complex_step_or_difference(name, x, grad):
    function, vjp = function_and_vjp(name)
    x = np.where(np.abs(x) < 1e-4, 1e-4, x)  # off the kinks of ReLU, leaky ReLU and ELU
    h = 1e-6
    direction = np.random.default_rng(0).normal(size=x.shape)
    numerical = np.sum(grad * (function(x + h * direction) - function(x - h * direction))) / (2 * h)
    derived = np.sum(vjp(grad, x, function(x)) * direction)
    assert derived == pytest.approx(numerical, rel=1e-5, abs=1e-5)


@given(x=finite, shift=st.floats(-50, 50))
def test_softmax_is_a_distribution_and_ignores_shifts(x, shift):
    y = activations.softmax(x)
    np.testing.assert_allclose(y.sum(axis=-1), 1)
    assert (y >= 0).all()
    np.testing.assert_allclose(activations.softmax(x + shift), y, rtol=1e-6, atol=1e-12)


@given(x=finite)
def test_identities_between_activations(x):
    relu, sigmoid = activations.relu, activations.sigmoid
    np.testing.assert_allclose(relu(x) - relu(-x), x)
    np.testing.assert_allclose(sigmoid(x) + sigmoid(-x), 1)
    np.testing.assert_allclose(activations.softplus(x) - activations.softplus(-x), x, atol=1e-12)
    np.testing.assert_allclose(activations.leaky_relu(x, 0), relu(x))
    np.testing.assert_allclose(activations.silu(x), x * sigmoid(x), atol=1e-12)


def test_gelu_is_close_to_the_exact_one():
    x = np.linspace(-5, 5, 1001)
    exact = x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    assert np.max(np.abs(activations.gelu(x) - exact)) < 5e-4


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu", "silu"])
def test_lists_and_whole_numbers_are_computed_in_floating_point(name):
    function, vjp = function_and_vjp(name)
    x = np.array([[0, 1, 200]], np.uint8)
    y = function(x.astype(float))
    for given_x in (x, x.tolist()):
        np.testing.assert_array_equal(function(given_x), y)
    np.testing.assert_array_equal(vjp(np.ones_like(y), x, y), vjp(np.ones_like(y), x * 1.0, y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exact", [False, True])
def test_gelu_hands_on_nan(dtype, exact):
    y = activations.gelu(np.array([np.nan, -1, 1], dtype), exact=exact)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [np.nan, -0.1587, 0.8413], atol=2e-4)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, -20), (np.float64, -38)])
def test_the_sigmoid_vanishes_where_its_logarithm_does_not(dtype, limit):
    x = np.array([limit - 1, limit + 3], dtype)
    np.testing.assert_array_equal(activations.sigmoid(x) == 0, [True, False])
    np.testing.assert_allclose(-activations.softplus(-x), x, rtol=1e-6)
