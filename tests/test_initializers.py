"""Initializers: variances that theory gives, within five standard errors."""

import numpy as np
import pytest

from nncourse import initializers

# For n independent draws, the standard error of the sample variance is variance * sqrt(k / n),
# with k = 2 for a normal and k = 0.8 for a uniform distribution (kurtosis minus one).
N = 400 * 300


@pytest.mark.parametrize(
    ("initializer", "variance", "k"),
    [
        (initializers.glorot_uniform, 2 / 700, 0.8),
        (initializers.he_normal, 2 / 400, 2),
        (initializers.normal, 0.05**2, 2),
    ],
)
def test_mean_and_variance(initializer, variance, k):
    w = initializer((400, 300), rng=0, dtype=np.float64)
    assert abs(w.mean()) < 5 * np.sqrt(variance / N)
    assert abs(w.var() - variance) < 5 * variance * np.sqrt(k / N)


def test_convolution_kernels_count_their_receptive_field():
    shape = (5, 5, 16, 48)
    w = initializers.he_normal(shape, rng=0, dtype=np.float64)
    assert w.var() == pytest.approx(2 / (25 * 16), rel=5 * np.sqrt(2 / w.size))
    assert np.abs(initializers.glorot_uniform(shape, rng=0)).max() <= np.sqrt(6 / (25 * 64))


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 2, 3, 5)])
def test_orthogonal(shape):
    w = initializers.orthogonal(shape, rng=0, dtype=np.float64)
    matrix = w.reshape(-1, shape[-1])
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    assert w.shape == shape
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-12)


@pytest.mark.parametrize("name", initializers.__all__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_seed_and_type(name, dtype):
    initializer = getattr(initializers, name)
    a, b = (initializer((8, 6), rng=3, dtype=dtype) for _ in range(2))
    assert a.dtype == dtype and np.array_equal(a, b)
    assert name == "zeros" or not np.array_equal(a, initializer((8, 6), rng=4, dtype=dtype))


def test_a_vector_has_no_fans():
    with pytest.raises(ValueError, match=r"at least 2 dimensions .* got shape \(3,\)"):
        initializers.he_normal((3,))
