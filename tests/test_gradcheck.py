"""The gradient check itself: it must catch what it is there to catch."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nncourse as nn
from nncourse.gradcheck import GradientError, _replay


@given(x=arrays(np.float64, 3, elements=st.floats(-2, 2)))
def test_numerical_gradient_of_known_functions(x):
    np.testing.assert_allclose(
        nn.numerical_gradient(lambda x: np.sum(np.sin(x) * x), x),
        np.cos(x) * x + np.sin(x),
        atol=1e-8,
    )


def test_numerical_gradient_changes_nothing_and_takes_integers():
    x = np.array([[1, 2], [3, 4]])
    np.testing.assert_allclose(nn.numerical_gradient(lambda x: x[0, 1] ** 2, x), [[0, 4], [0, 0]])
    np.testing.assert_array_equal(x, [[1, 2], [3, 4]])


class BrokenDense(nn.Dense):
    """Dense with one published mistake in its backward pass."""

    def __init__(self, mistake):
        super().__init__(3, 2, rng=0)
        self.mistake = mistake

    def backward(self, grad, *, input_grad=True):
        x, mistake = self.recall(grad), self.mistake
        self.kernel.grad += {"indices swapped": (grad.T @ x).T[::-1]}.get(mistake, x.T @ grad)
        if mistake == "sign":
            self.kernel.grad *= -1
        self.bias.grad += grad.mean(axis=0) if mistake == "mean" else grad.sum(axis=0)
        if mistake == "overwrites":
            self.bias.grad[...] = grad[0]
        return grad if mistake == "no product" else grad @ self.kernel.value.T


@pytest.mark.parametrize(
    ("mistake", "culprit"),
    [
        ("indices swapped", "kernel"),
        ("sign", r"kernel.*\(their ratio is -1\)"),
        ("mean", r"bias.*\(their ratio is 0.25\)"),
        ("overwrites", "bias"),
        ("no product", r"x: the derived gradient has shape \(4, 2\)"),
    ],
)
def test_catches_published_mistakes(mistake, culprit):
    x = np.random.default_rng(0).normal(size=(4, 3))
    nn.check_layer(BrokenDense(None), x)
    with pytest.raises(GradientError, match=culprit):
        nn.check_layer(BrokenDense(mistake), x)


def test_catches_a_missing_activation_derivative():
    class Tanh(nn.Tanh):
        def backward(self, grad):
            return grad

    with pytest.raises(GradientError, match="x: relative error"):
        nn.check_layer(Tanh(), np.array([[0.5, -1.0]]))


def test_leaves_the_layer_alone():
    layer = nn.Sequential(nn.Dense(3, 2, rng=0), nn.Dropout(0.5, rng=0), nn.BatchNorm(2))
    layer[0].kernel.grad += 7
    kept = [p.grad.copy() for p in layer.parameters()] + [
        a.copy() for a in layer.buffers().values()
    ]
    nn.check_layer(layer, np.random.default_rng(0).normal(size=(5, 3)), training=True)
    now = [p.grad for p in layer.parameters()] + list(layer.buffers().values())
    for before, after in zip(kept, now, strict=True):
        np.testing.assert_array_equal(before, after)
    assert layer[0].kernel.value.dtype == np.float32
    with pytest.raises(RuntimeError):
        layer.backward(np.ones((5, 2)))


def test_it_counts_in_float64_and_does_not_train_unless_asked():
    class Asked(nn.Layer):
        def forward(self, x, *, training=False):
            assert not training
            return self.remember(x, x)

        def backward(self, grad):
            return grad

    single = nn.Sequential(nn.Dense(3, 2, rng=0), Asked())  # weights in float32
    errors = nn.check_layer(single, np.random.default_rng(0).normal(size=(5, 3)))
    assert max(errors.values()) < 1e-8  # by rounding to 24 bits it would be some 6e-8


def test_each_forward_pass_starts_from_the_same_state():
    """Else y = (calls + average + noise) · x would differ from one pass to the next."""

    class Restless(nn.Layer):
        def __init__(self):
            self.rng, self.calls, self.average = np.random.default_rng(0), 1, np.ones(2)

        def forward(self, x, *, training=False):
            self.calls += 1
            self.average += x.mean(axis=0)
            factor = self.calls + self.average.sum() + self.rng.normal()
            return self.remember(factor, factor * x)

        def backward(self, grad):
            raise NotImplementedError

    layer, x = nn.Sequential(Restless()), np.array([[1.0, 2.0], [3.0, 4.0]])
    first, second = (_replay(layer, x, training=True) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert layer[0].calls == 1 and layer[0]._saved is None
    np.testing.assert_array_equal(layer[0].average, 1)


def test_a_function_with_several_results_is_refused():
    with pytest.raises(ValueError, match=r"one number, got an array of shape \(2,\). Add it up"):
        nn.numerical_gradient(lambda x: x**2, np.ones(2))


def test_nan_is_not_agreement():
    words = re.escape("gradient: NaN or infinity")
    with pytest.raises(GradientError, match=words):
        nn.check_function(lambda x: np.sum(x), lambda x: x * np.nan, np.ones(2))


def test_a_tiny_wrong_gradient_is_still_wrong():
    with pytest.raises(GradientError):
        nn.check_function(lambda x: 1e-6 * np.sum(x), np.zeros(2), np.ones(2))


def test_a_millionth_is_the_tolerance_unless_told():
    """Relative to the largest entry, and to a thousandth where all are smaller."""

    def off_by(error, slope, **options):
        derived = slope * np.array([1.0, 1.0]) + np.array([0.0, error])
        return nn.check_function(lambda x: slope * np.sum(x), derived, np.zeros(2), **options)

    assert off_by(0.9e-6, 1.0) == pytest.approx(0.9e-6, rel=1e-3)
    assert off_by(0.9e-9, 1e-5) == pytest.approx(0.9e-6, rel=1e-3)
    assert off_by(1.9e-3, 1.0, tolerance=2e-3) > 1.8e-3
    for error, slope in ((1.1e-6, 1.0), (1.1e-9, 1e-5)):
        with pytest.raises(GradientError, match=r"relative error 1\.1e-06 > 1\.0e-06"):
            off_by(error, slope)


def test_steps_are_a_millionth_unless_told_and_directions_repeat():
    """The central difference of x³ is off by h²."""
    for h, options in ((1e-6, {}), (0.5, {"h": 0.5})):
        found = nn.numerical_gradient(lambda x: x[0] ** 3, [0.0], **options)
        assert found == pytest.approx(h**2, rel=1e-9)
    assert nn.check_function(lambda x: x[0] ** 3, np.zeros(1), np.zeros(1)) < 1e-8
    layer, x = nn.Sequential(nn.Dense(3, 2, rng=0), nn.Tanh()), np.ones((2, 3))
    first, second, other = (nn.check_layer(layer, x, **o) for o in ({}, {"rng": 0}, {"rng": 1}))
    assert first == second != other
    with pytest.raises(ValueError, match=r"at least one number in x, got shape \(0, 3\)"):
        nn.check_layer(layer, x[:0])
