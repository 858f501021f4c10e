"""Rotary position encoding: a position turns pairs of features, so that products see distances.

Two vectors turned by the angles of their positions m and n have a dot product that depends on the
vectors and on m - n alone. Source: Su et al. (2021), equation 34.
"""

import numpy as np

__all__ = ["rotary_tables", "rotate"]


def rotary_tables(length, dim, base=10000.0, dtype=np.float32):
    """Return cosine and sine of every angle: ``position * base**(-2 i / dim)`` for pair i.

    Parameters
    ----------
    length : int
        Number of positions, from 0.
    dim : int
        Number of features to be turned, in pairs.
    base : float
        The slowest pair turns once in about ``2 pi * base`` positions.
    dtype : data-type
        Of both tables.

    Returns
    -------
    cos, sin : arrays of shape (length, dim / 2)

    Raises
    ------
    ValueError
        If the features cannot be paired or there is no position.

    Examples
    --------
    >>> cos, sin = rotary_tables(3, 2)
    >>> np.arctan2(sin, cos).ravel()
    array([0., 1., 2.], dtype=float32)
    """
    if dim < 2 or dim % 2 or length < 1:
        raise ValueError(
            f"expected at least one position and an even number of features, got length={length} "
            f"and dim={dim}"
        )
    angle = np.arange(length)[:, None] * float(base) ** (-np.arange(0, dim, 2) / dim)
    return np.cos(angle).astype(dtype), np.sin(angle).astype(dtype)


def rotate(x, cos, sin):
    """Turn each pair of features ``(x[2 i], x[2 i + 1])`` by its angle.

    A rotation's inverse is its transpose, so the gradient is turned back: ``rotate(grad, cos,
    -sin)``.

    Parameters
    ----------
    x : array of shape (..., time, dim)
    cos, sin : arrays of shape (time, dim / 2)
        Rows of :func:`rotary_tables`.

    Examples
    --------
    >>> cos, sin = rotary_tables(2, 2, dtype=float)
    >>> rotate(np.array([[1.0, 0.0], [1.0, 0.0]]), cos, sin).round(4)
    array([[1.    , 0.    ],
           [0.5403, 0.8415]])
    """
    even, odd = x[..., 0::2], x[..., 1::2]
    y = np.empty_like(x)
    y[..., 0::2] = even * cos - odd * sin
    y[..., 1::2] = even * sin + odd * cos
    return y
