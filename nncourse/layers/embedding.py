"""What goes into a transformer: a vector for each token, and where in the sequence it stands."""

from math import sqrt

import numpy as np

from .. import initializers
from .._checks import as_floats
from .core import Layer, Parameter, _check_sizes, _initial
from .masks import begins_with_a_real_step

__all__ = ["Embedding", "PositionalEncoding", "sinusoids"]


class Embedding(Layer):
    """A table of vectors, one for each token: ``y = E[ids]``.

    The same as a one-hot vector times E, without the zeros. ``dL/dE`` gathers, in each token's
    row, the sum of dL/dy over the places where the token stood. Token numbers have no gradient, so
    backward returns None. PyTorch: ``nn.Embedding``. Source: Bengio et al. (2003).

    Parameters
    ----------
    vocabulary : int
        Number of different tokens.
    dim : int
        Length of a vector: (batch, ...) → (batch, ..., dim).
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the table.
    rng : int, Generator or None
        Source of the random table.
    dtype : data-type
        Of the table.

    Attributes
    ----------
    table : Parameter of shape (vocabulary, dim)

    Raises
    ------
    TypeError
        If the input is not of whole numbers, or the initializer is no function.
    ValueError
        If a size is not a positive whole number, the input is empty or without a batch axis, or a
        token number is not in the table.

    Examples
    --------
    >>> layer = Embedding(5, 2, rng=0)
    >>> layer(np.array([[4, 0, 4]])).shape
    (1, 3, 2)
    """

    def __init__(
        self, vocabulary, dim, *, initializer=initializers.normal, rng=None, dtype=np.float32
    ):
        vocabulary, dim = _check_sizes(self, vocabulary=vocabulary, dim=dim)
        self.table = Parameter(_initial(initializer, (vocabulary, dim), rng, dtype), "embedding")

    def forward(self, x, *, training=False):
        vocabulary, _ = self.table.value.shape
        if x.dtype.kind not in "iu":
            raise TypeError(f"{self!r} expects whole numbers, the tokens' ids, got {x.dtype}")
        if x.ndim < 1 or x.size == 0:
            raise ValueError(f"{self!r} expects (batch, ...) with at least one id, got {x.shape}")
        if x.min() < 0 or x.max() >= vocabulary:
            raise ValueError(
                f"{self!r} expects ids from 0 to {vocabulary - 1}, got {x.min()} to {x.max()}. "
                "Were they made by another tokenizer?"
            )
        return self.remember(x, self.table.value[x])

    def backward(self, grad):
        ids = self.recall(grad).reshape(-1)
        order = np.argsort(ids, kind="stable")  # equal tokens side by side: one sum for each
        tokens, starts = np.unique(ids[order], return_index=True)
        rows = grad.reshape(len(ids), -1)[order]
        self.table.grad[tokens] += np.add.reduceat(rows, starts)

    def __repr__(self):
        vocabulary, dim = self.table.value.shape
        return f"Embedding({vocabulary}→{dim})"


class PositionalEncoding(Layer):
    """Add to each step of a sequence a vector that tells its position: ``y_t = x_t + p_t``.

    Attention alone sees a bag of steps; this tells them apart. The vectors are :func:`sinusoids`,
    or parameters. ``dL/dx = dL/dy`` and, for parameters, ``dL/dp_t`` is the sum of dL/dy_t over
    the batch. Source: Vaswani et al. (2017), section 3.5.

    Parameters
    ----------
    context : int
        The longest sequence: (batch, time, dim) with time up to this.
    dim : int
        Number of features.
    learned : bool
        Whether the vectors are parameters, which start at random, about 1 long.
    rng : int, Generator or None
        Source of the random start.
    dtype : data-type
        Of the vectors.

    Attributes
    ----------
    positions : Parameter of shape (context, dim)
        Not among ``parameters()`` unless they are learned.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, the input is not (batch, time, dim), or it is
        longer than ``context``; or a mask says that it is padded on the left.

    Notes
    -----
    Positions are counted from the first step, so pad on the right: with ``forward(x, mask=mask)`` a
    sequence that begins with padding is refused. (Rotary positions are relative, and may be padded
    at either end.)

    Examples
    --------
    >>> PositionalEncoding(100, 4)(np.zeros((1, 2, 4), np.float32)).round(2)
    array([[[0.  , 1.  , 0.  , 1.  ],
            [0.84, 0.54, 0.01, 1.  ]]], dtype=float32)
    """

    takes_mask = True

    def __init__(self, context, dim, *, learned=False, rng=None, dtype=np.float32):
        context, dim = _check_sizes(self, context=context, dim=dim)
        if learned:
            values = initializers.normal((context, dim), rng, dtype, scale=1 / sqrt(dim))
        else:
            values = sinusoids(context, dim, dtype)
        self.positions, self.learned = Parameter(values, "positions"), bool(learned)

    def forward(self, x, *, training=False, mask=None):
        context, dim = self.positions.value.shape
        if x.ndim != 3 or x.shape[-1] != dim or x.size == 0:
            raise ValueError(f"{self!r} expects (batch, time, {dim}), got {x.shape}")
        if x.shape[1] > context:
            raise ValueError(
                f"{self!r} has {context} positions, got a sequence of {x.shape[1]} steps. Cut it, "
                "or make the model with a greater context."
            )
        if mask is not None:
            begins_with_a_real_step(mask, x.shape[:2], repr(self))
        x = as_floats(x, self.positions.value.dtype)
        return self.remember(x.shape[1], x + self.positions.value[: x.shape[1]])

    def backward(self, grad):
        time = self.recall(grad)
        if self.learned:
            self.positions.grad[:time] += grad.sum(axis=0, dtype=np.float64)
        return grad

    def named_parameters(self):
        return super().named_parameters() if self.learned else {}

    def __repr__(self):
        context, dim = self.positions.value.shape
        return f"PositionalEncoding({context}×{dim}{', learned=True' if self.learned else ''})"


def sinusoids(context, dim, dtype=np.float32):
    """Waves of many lengths: what position t looks like to a transformer.

    ``p[t, 2 i] = sin(t / 10000**(2 i / dim))`` and ``p[t, 2 i + 1]`` the cosine of the same: each
    pair is the hand of a clock, and each clock is slower than the one before.
    Source: Vaswani et al. (2017), section 3.5.

    Returns
    -------
    array of shape (context, dim)

    Examples
    --------
    >>> sinusoids(2, 2, float).round(4)
    array([[0.    , 1.    ],
           [0.8415, 0.5403]])
    """
    angle = np.arange(context)[:, None] / 10000.0 ** (np.arange(0, dim, 2) / dim)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(context, -1)
    return waves[:, :dim].astype(dtype)
