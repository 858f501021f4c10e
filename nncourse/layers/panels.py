"""Panels: a matrix in the order in which a processor multiplies it fastest.

A large product first copies its matrix, piece by piece, into an order that suits the processor.
Where the matrix stays and few rows meet it, that copy takes longer than the product.
"""

import numpy as np

__all__ = ["Panels", "laid_out"]

WIDTH = 32  # columns of a panel
SMALL = 10**6  # the most multiplications of a product that OpenBLAS does without a copy


class Panels:
    """A matrix cut into panels of 32 columns: ``x @ panels`` is ``x @ matrix``, up to rounding.

    Each panel lies in memory in one piece, and each product is so small that OpenBLAS takes it as
    it lies. The matrix must not change: this is a copy.

    Parameters
    ----------
    matrix : array of shape (inputs, units)
        ``units`` is a multiple of 32.
    memory : array of matrix.size numbers, optional
        Where to put the panels, one after the other.

    Attributes
    ----------
    shape : tuple of int
        Of the matrix.

    Raises
    ------
    ValueError
        If the matrix has another shape, or x does not fit it.

    Examples
    --------
    >>> matrix = np.arange(128.0).reshape(2, 64)
    >>> x = np.array([[1.0, 1.0]])
    >>> np.array_equal(x @ Panels(matrix), x @ matrix)
    True
    """

    __array_ufunc__ = None  # so that "array @ panels" asks the panels

    def __init__(self, matrix, memory=None):
        matrix = np.asarray(matrix)
        if not self.fit(matrix):
            raise ValueError(
                f"expected a matrix of a multiple of {WIDTH} columns, got {matrix.shape}. "
                "laid_out([matrix]) leaves such a one as it is."
            )
        self.shape = matrix.shape
        panels = matrix.reshape(len(matrix), -1, WIDTH).swapaxes(0, 1)
        memory = np.empty(panels.shape, panels.dtype) if memory is None else memory
        self.panels = memory.reshape(panels.shape)  # (units / 32, inputs, 32)
        self.panels[...] = panels

    @staticmethod
    def fit(matrix):
        """Return whether an array can be cut into panels."""
        return matrix.ndim == 2 and matrix.size > 0 and matrix.shape[1] % WIDTH == 0

    def __rmatmul__(self, x):
        count, inputs, width = self.panels.shape
        if x.ndim != 2 or x.shape[1] != inputs:
            raise ValueError(
                f"x @ panels expects x of shape (rows, {inputs}), got {x.shape}. One row? x[None]."
            )
        y = np.empty((len(x), count * width), np.result_type(x, self.panels))
        by_panel = y.reshape(len(x), count, width).swapaxes(0, 1)  # a view
        parts = -(-len(x) // max(1, SMALL // (inputs * width)))  # of the rows: each small enough
        rows = -(-len(x) // parts)
        for i in range(0, len(x), rows):
            np.matmul(x[i : i + rows], self.panels, out=by_panel[:, i : i + rows])
        return y


def laid_out(matrices):
    """Return matrices that stay, to multiply by: as panels, if all can be cut.

    They lie in one piece of memory: a system gives a large piece large pages, whose numbers are
    found faster. Reading the 14 MB of a block of SmolLM2 takes 0.5 ms instead of 0.8.

    Parameters
    ----------
    matrices : list of arrays of shape (inputs, units)

    Raises
    ------
    ValueError
        If there is none, or one has another number of axes.

    Examples
    --------
    >>> [type(m).__name__ for m in laid_out([np.ones((3, 32)), np.ones((32, 64))])]
    ['Panels', 'Panels']
    >>> [type(m).__name__ for m in laid_out([np.ones((3, 2))])]
    ['ndarray']
    """
    if not len(matrices) or any(np.ndim(matrix) != 2 for matrix in matrices):
        raise ValueError(
            "expected a list of matrices (inputs, units), got the shapes "
            f"{[np.shape(matrix) for matrix in matrices]}"
        )
    if not all(map(Panels.fit, matrices)):
        return list(map(np.ascontiguousarray, matrices))
    ends = np.cumsum([matrix.size for matrix in matrices])
    pieces = np.split(np.empty(ends[-1], matrices[0].dtype), ends[:-1])
    return [Panels(*both) for both in zip(matrices, pieces, strict=True)]


def _matmul(a, b, out):
    """``out[...] = a @ b``, by pieces of rows so small that OpenBLAS takes ``b`` as it lies.

    For more products than ``SMALL`` it first copies ``b`` to another order, each time anew. Where
    the columns of ``a`` lie in one piece, not its rows, the whole is as fast.
    """
    most = SMALL // b.size if a.strides[1] == a.itemsize else 0
    rows = next((n for n in range(min(most, len(a)), 7, -1) if len(a) % n == 0), len(a))
    np.matmul(a.reshape(-1, rows, len(b)), b, out=out.reshape(-1, rows, b.shape[1]))
