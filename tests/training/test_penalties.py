"""Clipping and regularizers: limits and prices worked by hand."""

import numpy as np
import pytest

import nncourse as nn


def parameter(value, **options):
    return nn.Parameter(np.array(value, dtype=float), "w", **options)


def test_clipping_survives_large_and_refuses_infinite_gradients():
    p = nn.Parameter(np.zeros(2, np.float32), "w")
    p.grad[...] = 1e20
    assert nn.clip_by_global_norm([p], 1.0) == pytest.approx(2**0.5 * 1e20)
    np.testing.assert_allclose(p.grad, 2**-0.5, rtol=1e-6)
    p.grad[...] = [1, np.inf]
    with pytest.raises(ValueError, match="finite gradients"):
        nn.clip_by_global_norm([p], 1.0)
    np.testing.assert_array_equal(p.grad, [1, np.inf])


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


def test_norms_and_penalties_of_half_precision_do_not_overflow():
    """(300² + 400²) is beyond float16, and so is the sum of a hundred thousand ones."""
    p = nn.Parameter(np.array([300, -400], np.float16), "w", regularize=True)
    assert nn.L2(0.5)([p]) == 125_000
    np.testing.assert_array_equal(p.grad, [300, -400])
    assert nn.clip_by_global_norm([p], 5.0) == 500
    np.testing.assert_allclose(p.grad, [3, -4], rtol=1e-3)
    ones = nn.Parameter(np.ones(100_000, np.float16), "w", regularize=True)
    assert nn.L1(1.0)([ones]) == nn.L2(1.0)([ones]) == 100_000


@pytest.mark.parametrize("size", [300.0, 6e4])
def test_float16_is_clipped_by_a_factor_that_it_cannot_hold(size):
    """10,000 gradients of 60,000: the factor 1.7e-7 has one digit in float16."""
    p = nn.Parameter(np.zeros(10_000, np.float16), "w")
    p.grad += np.float16(size)
    assert nn.clip_by_global_norm([p], 1.0) == pytest.approx(100 * float(np.float16(size)))
    np.testing.assert_allclose(p.grad, 0.01, rtol=1e-3)
