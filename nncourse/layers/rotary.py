"""Rotary position encoding: a position turns pairs of features, so that products see distances.

Two vectors turned by the angles of their positions m and n have a dot product that depends on the
vectors and on m - n alone. Source: Su et al. (2021), equation 34.
"""

import numpy as np

__all__ = ["rotary_tables", "rotate"]


def rotary_tables(context, dim, base=10000.0, dtype=np.float32):
    """Return cosine and sine of every angle: ``position * base**(-2 i / dim)`` for pair i.

    Parameters
    ----------
    context : int
        Number of positions, from 0.
    dim : int
        Number of features to be turned, in pairs.
    base : float
        The slowest pair turns once in about ``2 pi * base`` positions.
    dtype : data-type
        Of both tables.

    Returns
    -------
    cos, sin : arrays of shape (context, dim / 2)

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
    if dim < 2 or dim % 2 or context < 1:
        raise ValueError(
            f"expected at least one position and an even number of features, got context={context} "
            f"and dim={dim}"
        )
    if np.dtype(dtype).kind != "f":
        raise ValueError(f"cosines need a floating-point type, got dtype={np.dtype(dtype)}")
    angle = np.arange(context)[:, None] * float(base) ** (-np.arange(0, dim, 2) / dim)
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

    Raises
    ------
    ValueError
        If there is not one row for each step, and one column for each pair.

    Examples
    --------
    >>> cos, sin = rotary_tables(2, 2, dtype=float)
    >>> rotate(np.array([[1.0, 0.0], [1.0, 0.0]]), cos, sin).round(4)
    array([[1.    , 0.    ],
           [0.5403, 0.8415]])
    """
    x = np.asarray(x)
    if x.ndim < 2 or not cos.shape == sin.shape == (x.shape[-2], x.shape[-1] / 2):
        raise ValueError(
            f"to rotate {x.shape}, cos and sin need a row for each step and a column for each "
            f"pair of features, got {cos.shape} and {sin.shape}. Is the sequence longer than the "
            "tables?"
        )
    if x.dtype.kind != "f":  # whole numbers turn into fractions
        x = x.astype(np.result_type(x, cos))
    even, odd = x[..., 0::2], x[..., 1::2]
    y = np.empty_like(x)
    y[..., 0::2] = even * cos - odd * sin
    y[..., 1::2] = even * sin + odd * cos
    return y
