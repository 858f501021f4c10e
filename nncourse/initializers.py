"""Initial weights: random, and of the right size.

A weight matrix that is too small lets signals die out from layer to layer, one that is too large
lets them explode. Each function takes a ``shape``, an ``rng`` and a ``dtype``. For a kernel of
shape ``(..., inputs, outputs)``, ``fan_in`` is the number of inputs that one output sees (for a
convolution: height × width × channels) and ``fan_out`` the reverse.
"""

from math import prod, sqrt

import numpy as np

__all__ = ["glorot_uniform", "he_normal", "normal", "orthogonal", "zeros"]


def _fans(shape):
    if len(shape) < 2:
        raise ValueError(
            f"a kernel needs at least 2 dimensions (inputs, outputs), got shape {shape}"
        )
    *window, inputs, outputs = map(int, shape)  # Python's own numbers cannot overflow
    return prod(window) * inputs, prod(window) * outputs


def zeros(shape, rng=None, dtype=np.float32):
    """All zeros, the usual start of a bias. PyTorch: ``nn.init.zeros_``.

    Examples
    --------
    >>> zeros((2,))
    array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, dtype)


def normal(shape, rng=None, dtype=np.float32, *, scale=0.05):
    """Independent normal numbers of mean 0 and standard deviation ``scale``.

    PyTorch: ``nn.init.normal_``.

    Examples
    --------
    >>> normal((3, 2), rng=0).shape
    (3, 2)
    """
    return np.random.default_rng(rng).normal(0, scale, shape).astype(dtype)


def glorot_uniform(shape, rng=None, dtype=np.float32):
    """Uniform on (-a, a) with ``a = sqrt(6 / (fan_in + fan_out))``.

    The variance, ``a**2 / 3 = 2 / (fan_in + fan_out)``, keeps the size of signals about constant
    forward and backward through tanh layers. PyTorch: ``nn.init.xavier_uniform_``.
    Source: Glorot and Bengio (2010), equation 16.

    Examples
    --------
    >>> w = glorot_uniform((200, 100), rng=0)
    >>> bool(abs(w.var() - 2 / 300) < 1e-4)
    True
    """
    fan_in, fan_out = _fans(shape)
    limit = sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng(rng).uniform(-limit, limit, shape).astype(dtype)


def he_normal(shape, rng=None, dtype=np.float32):
    """Normal with mean 0 and variance ``2 / fan_in``, made for ReLU layers.

    ReLU drops half of the signal's power; the factor 2 makes up for it. (Keras truncates the
    normal at two standard deviations; here, as in the paper, it is not.)
    PyTorch: ``nn.init.kaiming_normal_``. Source: He et al. (2015), equation 10.

    Examples
    --------
    >>> w = he_normal((200, 300), rng=0)
    >>> bool(abs(w.var() - 2 / 200) < 1e-4)
    True
    """
    fan_in, _ = _fans(shape)
    return normal(shape, rng, dtype, scale=sqrt(2 / fan_in))


def orthogonal(shape, rng=None, dtype=np.float32):
    """A random matrix with orthonormal rows or columns, whichever are fewer.

    It keeps the length of vectors exactly, so signals through many linear steps neither shrink nor
    grow. Leading dimensions are flattened into the rows. PyTorch: ``nn.init.orthogonal_``, which
    flattens the trailing ones. Source: Saxe, McClelland and Ganguli
    (2014).

    Examples
    --------
    >>> w = orthogonal((4, 3), rng=0, dtype=np.float64)
    >>> bool(np.allclose(w.T @ w, np.eye(3)))
    True
    """
    _fans(shape)
    rows, columns = prod(shape[:-1]), shape[-1]
    gaussian = np.random.default_rng(rng).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(gaussian)
    q *= np.sign(np.diag(r))  # without this, Q would not be uniformly distributed
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)
