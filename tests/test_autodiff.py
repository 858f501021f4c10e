"""The scalar tape: against calculus, against the layers, on deep graphs, called twice."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nncourse as nn
from nncourse import Value

number = st.floats(-3, 3).filter(lambda x: abs(x) > 0.1)


@given(a=number, b=number, c=number)
def test_gradients_equal_finite_differences(a, b, c):
    def expression(a, b, c):
        inner = (a * b - c / b + 2) * 0.5 - 1 / (a * a + 1)
        if isinstance(a, Value):
            return inner.tanh() + (b * b).log() + (-c).exp() + (a * 2).sigmoid() + b.relu() ** 3
        positive = max(b, 0.0)
        return (
            math.tanh(inner) + math.log(b * b) + math.exp(-c) + 1 / (1 + math.exp(-2 * a))
        ) + positive**3

    leaves = [Value(a), Value(b), Value(c)]
    result = expression(*leaves)
    result.backward()
    assert result.data == pytest.approx(expression(a, b, c))
    numerical = nn.numerical_gradient(lambda v: expression(*v), [a, b, c])
    derived = np.array([v.grad for v in leaves])
    np.testing.assert_allclose(derived, numerical, atol=1e-6 * max(1, *np.abs(numerical)))


def test_a_second_backward_adds_exactly_once():
    """A widely read implementation counts the numbers in between twice."""
    x = Value(3.0)
    y = x * x
    z = y * 2
    z.backward()
    assert (x.grad, y.grad) == (12.0, 2.0)
    z.backward()
    assert (x.grad, y.grad) == (24.0, 2.0)


def test_two_results_accumulate_in_their_common_leaf():
    x = Value(2.0)
    (x * 3).backward()
    (x**2).backward()
    assert x.grad == 3.0 + 4.0


def test_a_leaf_can_be_its_own_result():
    x = Value(2.0)
    x.backward()
    assert x.grad == 1.0


def test_a_number_used_many_times_and_a_very_deep_graph():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    assert x.grad == 100_001


def test_python_numbers_on_either_side():
    x = Value(4.0)
    for result, derivative in (
        (2 + x, 1), (2 - x, -1), (x - 2, 1), (2 * x, 2), (2 / x, -1 / 8), (x / 2, 1 / 2), (x**0, 0),
    ):  # fmt: skip
        x.grad = 0.0
        result.backward()
        assert x.grad == derivative


def test_a_power_of_values_is_refused():
    with pytest.raises(TypeError, match=r"\(exponent \* x.log\(\)\).exp\(\)"):
        Value(2) ** Value(3)


@pytest.mark.parametrize("exponent", [0.5, np.float64(1 / 3)])
def test_a_root_of_zero_is_vertical_and_one_of_less_is_refused(exponent):
    x = Value(0)
    y = x**exponent
    y.backward()
    assert (y.data, x.grad) == (0, math.inf)
    with pytest.raises(ValueError, match=r"\(-8\) \*\* 0\.\d+ is no real number"):
        Value(-8) ** exponent


def test_powers_where_the_base_is_zero_or_less():
    for base, exponent, slope in ((0, 1, 1), (0, 2, 0), (0, 0, 0), (-2, 3.0, 12), (-2, -1, -0.25)):
        x = Value(base)
        y = x**exponent
        y.backward()
        assert (y.data, x.grad) == (base**exponent, slope)


@pytest.mark.parametrize("divide", [lambda x: 1 / x, lambda x: x / 0, lambda x: x**-2.5])
def test_division_by_zero_says_by_what(divide):
    with pytest.raises(ZeroDivisionError, match="division by a Value of 0"):
        divide(Value(0))


def test_agrees_with_the_layers_on_the_same_network():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Dense(3, 4, rng=rng, dtype=float), nn.Tanh(), nn.Dense(4, 1, rng=rng, dtype=float)
    )
    x, target = rng.normal(size=(2, 3)), rng.normal(size=(2, 1))
    loss, grad = nn.losses.mean_squared_error(model(x), target)
    model.backward(grad)

    w1, b1, w2, b2 = (np.vectorize(Value)(p.value) for p in model.parameters())
    hidden = np.vectorize(Value.tanh)(x @ w1 + b1)
    errors = hidden @ w2 + b2 - target
    tape_loss = (errors**2).sum() / 2
    tape_loss.backward()
    assert tape_loss.data == pytest.approx(loss, rel=1e-14)
    for p, values in zip(model.parameters(), (w1, b1, w2, b2), strict=True):
        np.testing.assert_allclose(p.grad, np.vectorize(lambda v: v.grad)(values), rtol=1e-12)
