"""Sums, products and powers of numbers, columns (1-D), rows (1 × d), matrices and draws.

Stricter than NumPy: what a mathematician would not write is an error here, so that a lost transpose
can't pass by broadcasting.
"""

import numpy as np

from .environment import Draws, EquationError


def add(left, right):
    """Add equal shapes, a number to anything, or one vector to each row of a matrix."""
    a, b = np.shape(left), np.shape(right)
    per_row = _is_row_for(b, a) or _is_row_for(a, b)
    if a == b or a == () or b == () or per_row or _random(left, right):
        return left + right
    raise EquationError(f"cannot add shapes {a} and {b}")


def multiply(left, right):
    """Multiply numbers, scale arrays, or take the matrix product."""
    a, b = np.shape(left), np.shape(right)
    if a == () or b == () or _random(left, right):
        return left * right
    if len(a) == 2 and len(b) in (1, 2) and a[1] == b[0]:
        product = left @ right
        return product.reshape(()) if product.size == 1 else product
    if len(a) == 1 and len(b) == 2 and b[0] == 1:
        return np.outer(left, right)
    raise EquationError(f"no matrix product of shapes {a} and {b}; element-wise is \\odot")


def dot(left, right):
    r"""Return the product that \cdot means: of two columns their dot product, else `multiply`."""
    if np.ndim(left) == np.ndim(right) == 1 and np.shape(left) == np.shape(right):
        return left * right if _random(left, right) else left @ right
    return multiply(left, right)


def elementwise(operation, left, right):
    """Apply an operation to equal shapes only."""
    if np.shape(left) != np.shape(right):
        raise EquationError(f"element-wise with shapes {np.shape(left)} and {np.shape(right)}")
    return operation(left, right)


def divide(left, right):
    """Divide by a number, or element by element."""
    if np.shape(right) == () or np.shape(left) == () or _random(left, right):
        return left / right
    return elementwise(np.divide, left, right)


def power(base, exponent):
    """Return a power of numbers; of vectors by element; of a square matrix its inverse."""
    if np.ndim(base) != 2 or _random(base, exponent):
        return np.power(base, exponent)
    if np.shape(base)[0] != np.shape(base)[1]:
        shape = np.shape(base)
        raise EquationError(f"no power of a matrix of shape {shape}; element-wise is ^{{\\odot 2}}")
    return np.linalg.matrix_power(base, int(exponent))


def transpose(value):
    """Transpose: a column becomes a row and a row a column."""
    shape = np.shape(value)
    if len(shape) == 1:
        return value.reshape(1, -1)
    if len(shape) != 2:
        raise EquationError(f"no transpose of shape {shape}")
    return value.reshape(-1) if shape[0] == 1 else value.T


def norm(value, order=""):
    """Return the p-norm of a vector; of a matrix the Frobenius norm, with a 2 the spectral one."""
    orders = {"": None, "F": None, r"\mathrm{F}": None, "2": 2}
    if np.ndim(value) == 1 or 1 in np.shape(value):
        value, orders = np.ravel(value), {**orders, "1": 1, r"\infty": np.inf}
    if order not in orders:
        raise EquationError(f"no norm {order!r} of shape {np.shape(value)}")
    return np.linalg.norm(value, orders[order])


def _is_row_for(shape, matrix):
    return len(matrix) == 2 and matrix[0] > 1 and shape in (matrix[1:], (1, *matrix[1:]))


def _random(*values):
    return any(isinstance(value, Draws) for value in values)
