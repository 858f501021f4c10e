"""Activations: the functions that bend.

Each activation is a pair of pure functions: ``f(x)`` and ``f_vjp(grad, x, y)``. The second is the
*vector–Jacobian product*: given ``grad`` = dL/dy, the input ``x`` and the output ``y = f(x)``, it
returns dL/dx. For every function but softmax the Jacobian is diagonal, so this is ``grad * f'(x)``.
All of them keep the shape and the floating-point type of ``x`` and change none of their arguments;
lists and whole numbers count as float64.
"""

from functools import cache
from math import erfc, pi, sqrt

import numpy as np

from ._checks import as_floats, floating

__all__ = [
    "elu", "elu_vjp", "gelu", "gelu_vjp", "leaky_relu", "leaky_relu_vjp", "relu", "relu_vjp",
    "sigmoid", "sigmoid_vjp", "silu", "silu_vjp", "softmax", "softmax_vjp", "softplus",
    "softplus_vjp", "tanh", "tanh_vjp",
]  # fmt: skip


def relu(x):
    """Rectified linear unit, ``max(0, x)``.

    The derivative is 1 for x > 0 and 0 for x < 0; at the kink, where there is none, it is taken
    as 0.

    PyTorch: ``nn.functional.relu``. Source: Fukushima (1969); Glorot, Bordes and Bengio (2011).

    Examples
    --------
    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return np.maximum(as_floats(x), 0)


def relu_vjp(grad, x, y):
    """Gradient of :func:`relu`: ``grad`` where x > 0, else 0.

    Examples
    --------
    >>> x = np.array([-2.0, 0.0, 3.0])
    >>> relu_vjp(np.ones(3), x, relu(x))
    array([0., 0., 1.])
    """
    return as_floats(grad) * (np.asarray(y) > 0)


def leaky_relu(x, alpha=0.01):
    """Leaky ReLU: ``x`` for x > 0, ``alpha * x`` otherwise.

    Its derivative is 1 or ``alpha``. PyTorch: ``nn.functional.leaky_relu``.
    Source: Maas, Hannun and Ng (2013).

    Examples
    --------
    >>> leaky_relu(np.array([-2.0, 3.0]), alpha=0.1)
    array([-0.2,  3. ])
    """
    x = as_floats(x)
    return np.where(x > 0, x, alpha * x)


def leaky_relu_vjp(grad, x, y, alpha=0.01):
    """Gradient of :func:`leaky_relu`: ``grad`` where x > 0, else ``alpha * grad``.

    Examples
    --------
    >>> leaky_relu_vjp(np.ones(2), np.array([-2.0, 3.0]), None, alpha=0.1)
    array([0.1, 1. ])
    """
    grad = as_floats(grad)
    return np.where(np.asarray(x) > 0, grad, alpha * grad)


def elu(x, alpha=1.0):
    """Exponential linear unit: ``x`` for x > 0, ``alpha * (exp(x) - 1)`` otherwise.

    Its derivative is 1 for x > 0 and ``alpha * exp(x)`` = ``y + alpha`` otherwise.
    PyTorch: ``nn.functional.elu``. Source: Clevert, Unterthiner and Hochreiter (2016),
    equation 15.

    Examples
    --------
    >>> elu(np.array([-1.0, 2.0]), alpha=2.0).round(4)
    array([-1.2642,  2.    ])
    """
    x = as_floats(x)
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_vjp(grad, x, y, alpha=1.0):
    """Gradient of :func:`elu`: ``grad`` where x > 0, else ``grad * (y + alpha)``.

    Examples
    --------
    >>> x = np.array([0.0, 2.0])
    >>> elu_vjp(np.ones(2), x, elu(x, alpha=2.0), alpha=2.0)
    array([2., 1.])
    """
    grad, y = as_floats(grad), as_floats(y)
    return np.where(np.asarray(x) > 0, grad, grad * (y + alpha))


def sigmoid(x):
    """Logistic sigmoid, ``1 / (1 + exp(-x))``: from 0 to 1, 0.5 at zero.

    Computed as ``(1 + tanh(x / 2)) / 2``, the same function, which cannot overflow. In floats the
    result is 0 below about -38 (float32: -20); its logarithm is ``-softplus(-x)`` everywhere.
    Its derivative is ``y * (1 - y)``, at most 1/4. PyTorch: ``torch.sigmoid``.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1 + np.tanh(0.5 * as_floats(x)))


def sigmoid_vjp(grad, x, y):
    """Gradient of :func:`sigmoid`: ``grad * y * (1 - y)``.

    Examples
    --------
    >>> sigmoid_vjp(np.ones(1), np.zeros(1), np.array([0.5]))
    array([0.25])
    """
    y = as_floats(y)
    return as_floats(grad) * y * (1 - y)


def tanh(x):
    """Hyperbolic tangent, ``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``: from -1 to 1.

    Its derivative is ``1 - y**2``, at most 1. PyTorch: ``torch.tanh``.

    Examples
    --------
    >>> tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(as_floats(x))


def tanh_vjp(grad, x, y):
    """Gradient of :func:`tanh`: ``grad * (1 - y**2)``.

    Examples
    --------
    >>> tanh_vjp(np.ones(1), np.zeros(1), np.zeros(1))
    array([1.])
    """
    y = as_floats(y)
    return as_floats(grad) * (1 - y * y)


def softplus(x):
    """Softplus, ``log(1 + exp(x))``: a smooth ReLU.

    Its derivative is the sigmoid. PyTorch: ``nn.functional.softplus``. Source: Dugas et al. (2001).

    Examples
    --------
    >>> softplus(np.array([-1000.0, 0.0, 10.0])).round(4)
    array([ 0.    ,  0.6931, 10.    ])
    """
    return np.logaddexp(as_floats(x), 0)


def softplus_vjp(grad, x, y):
    """Gradient of :func:`softplus`: ``grad * sigmoid(x)``.

    Examples
    --------
    >>> softplus_vjp(1.0, 0.0, None)
    np.float64(0.5)
    """
    return as_floats(grad) * sigmoid(x)


_GELU_SCALE = sqrt(2 / pi)
_GELU_CUBIC = 0.044715
_DENSITY_AT_0 = 1 / sqrt(2 * pi)
_POINTS_PER_UNIT = 1024


def gelu(x, exact=False):
    """Gaussian error linear unit, ``x * Phi(x)``: the input times its share of a standard normal.

    Phi is the cumulative normal distribution. The usual form replaces it by a tanh, within 5e-4:
    ``0.5 * x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x**3)))``. GPT uses this form, BERT the
    exact one. PyTorch: ``GELU(approximate="tanh")``, and ``GELU()`` for the exact one.
    Source: Hendrycks and Gimpel (2016), section 2.

    Examples
    --------
    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1588,  0.    ,  0.8412])
    >>> gelu(np.array([-1.0, 0.0, 1.0]), exact=True).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    x = as_floats(x)
    z = np.clip(x, -10, 10)  # beyond, tanh and Phi are at their limits to the last digit
    share = _in_blocks(_normal_cdf, z) if exact else _tanh_cdf(z)
    share *= x
    return share


def gelu_vjp(grad, x, y, exact=False):
    """Gradient of :func:`gelu`.

    The derivative is ``Phi(x) + x * Phi'(x)``. Of the exact form, Phi' is the normal density; of
    the other, with ``t = tanh(u(x))``, it is ``(1 - t**2)/2 * u'(x)``.

    Examples
    --------
    >>> x = np.zeros(1)
    >>> gelu_vjp(1.0, x, gelu(x)), gelu_vjp(1.0, x, gelu(x, exact=True), exact=True)
    (array([0.5]), array([0.5]))
    """
    x, grad = as_floats(x), as_floats(grad)
    share = np.full_like(x, 0.5)
    np.divide(y, x, out=share, where=x != 0)  # Phi(x), as the forward pass found it
    x = np.clip(x, -10, 10)  # beyond, the slope is 0 or 1 to the last digit
    square = x * x
    if exact:
        density = np.exp(-0.5 * square)
        density *= _DENSITY_AT_0
    else:
        density = square  # (1 - t**2)/2 = 2 share (1 - share)
        density *= 3 * _GELU_CUBIC
        density += 1
        density *= share
        density *= 1 - share
        density *= 2 * _GELU_SCALE
    density *= x
    density += share
    density *= grad
    return density


def _tanh_cdf(x):
    """Nearly Phi(x): ``(1 + tanh(sqrt(2/pi) * (x + 0.044715 * x**3))) / 2``."""
    u = x * x
    u *= _GELU_CUBIC
    u += 1
    u *= x
    u *= _GELU_SCALE
    t = np.tanh(u)
    t += 1
    t *= 0.5
    return t


def _in_blocks(function, x, entries=16_384):
    """Return ``function(x)``, entry by entry, in blocks whose steps stay in a fast cache."""
    y, flat = np.empty(x.size, x.dtype), x.reshape(-1)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        for i in range(0, x.size, entries):
            y[i : i + entries] = function(flat[i : i + entries])
    return y.reshape(x.shape)


def _normal_cdf(x):
    """Phi(x) for x in [-10, 10], within 1e-11: a Taylor series from the nearest tabulated point.

    ``Phi(z + d) = Phi(z) + phi(z) (d - z d**2 / 2)``, where no d is larger than 1/2048.
    """
    cdf, density = _normal_tables(x.dtype)
    z = x * _POINTS_PER_UNIT
    np.rint(z, out=z)
    place = z.astype(np.intp)
    place += 10 * _POINTS_PER_UNIT
    z *= 1 / _POINTS_PER_UNIT  # a power of two: exact
    d = x - z
    z *= d
    z *= -0.5
    z += 1
    z *= d
    z *= density.take(place, mode="clip")  # NaN has no place, and takes any
    z += cdf.take(place, mode="clip")
    return z


@cache
def _normal_tables(dtype):
    z = np.arange(-10 * _POINTS_PER_UNIT, 10 * _POINTS_PER_UNIT + 1) / _POINTS_PER_UNIT
    cdf = np.array([0.5 * erfc(-point / sqrt(2)) for point in z], dtype)
    return cdf, (_DENSITY_AT_0 * np.exp(-z * z / 2)).astype(dtype)


def silu(x):
    """Sigmoid linear unit (also called swish), ``x * sigmoid(x)``.

    Its derivative is ``s + y * (1 - s)`` with ``s = sigmoid(x)``. PyTorch: ``nn.functional.silu``.
    Source: Elfwing, Uchibe and Doya (2018); Ramachandran, Zoph and Le (2017).

    Examples
    --------
    >>> silu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    x = as_floats(x)
    return x * sigmoid(x)


def silu_vjp(grad, x, y):
    """Gradient of :func:`silu`: ``grad * (s + y * (1 - s))`` with ``s = sigmoid(x)``.

    Examples
    --------
    >>> silu_vjp(1.0, np.zeros(1), np.zeros(1))
    array([0.5])
    """
    s = sigmoid(x)
    return as_floats(grad) * (s + as_floats(y) * (1 - s))


def softmax(x):
    """Softmax over the last axis: ``exp(x_i) / sum_k exp(x_k)``.

    The largest entry is subtracted first, which changes nothing but cannot overflow. Each row of
    the result is positive and sums to 1. The Jacobian is ``dy_i/dx_k = y_i * ((i == k) - y_k)``.
    PyTorch: ``torch.softmax(x, -1)``. Source: Bridle (1990).

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    x = as_floats(x)
    wide = floating(x)  # in float16 the sum of 70,000 ones is infinite
    e = np.asarray(wide - np.max(wide, axis=-1, keepdims=True, initial=-np.inf))
    np.exp(e, out=e)
    e /= np.sum(e, axis=-1, keepdims=True)
    return e.astype(x.dtype, copy=False)


def softmax_vjp(grad, x, y):
    """Gradient of :func:`softmax`: ``y * (grad - sum_k grad_k * y_k)``, row by row.

    Examples
    --------
    >>> y = np.array([[0.25, 0.75]])
    >>> softmax_vjp(np.array([[1.0, 0.0]]), None, y)
    array([[ 0.1875, -0.1875]])
    """
    grad, y = as_floats(grad), as_floats(y)
    return y * (grad - np.sum(grad * y, axis=-1, keepdims=True))
