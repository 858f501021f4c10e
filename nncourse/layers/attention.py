"""Attention: each step of a sequence looks at the others and takes from those that fit.

Each step asks with a query, offers a key, and gives a value. How well query i fits key j is their
dot product; a softmax over j makes of it the share of value j that step i takes.
"""

from math import sqrt

import numpy as np

from ..activations import softmax, softmax_vjp
from ..initializers import glorot_uniform
from .core import Layer, _check_sizes
from .dense import Dense
from .masks import checked_mask
from .rotary import rotary_tables, rotate

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(Layer):
    """Scaled dot-product attention of a sequence to itself, by several heads side by side.

    With queries ``Q = x W_Q + b_Q``, keys K and values V alike, cut into heads of d = dim / heads
    features, each head computes ``A = softmax(Q Kᵀ / sqrt(d))`` and ``A V``; the heads' results
    together go through a last dense layer. Going back, with G = dL/d(A V): ``dL/dV = Aᵀ G``,
    ``S = softmax_vjp(G Vᵀ) / sqrt(d)``, ``dL/dQ = S K`` and ``dL/dK = Sᵀ Q``.
    PyTorch: ``nn.MultiheadAttention(batch_first=True)``. Source: Vaswani et al. (2017), section
    3.2.

    Parameters
    ----------
    dim : int
        Number of features: (batch, time, dim) → (batch, time, dim).
    heads : int
        Number of heads, which divides ``dim``.
    causal : bool
        Whether a step sees itself and the steps before it alone.
    rotary : bool
        Whether queries and keys are turned by their positions; see :mod:`nncourse.layers.rotary`.
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the four kernels.
    rng : int, Generator or None
        Source of the random kernels.
    dtype : data-type
        Of the parameters.

    Attributes
    ----------
    query, key, value, output : Dense
    weights : array of shape (batch, heads, time, time)
        A, of the latest forward pass: row i holds the shares that step i took.

    Raises
    ------
    TypeError
        If the initializer is no function.
    ValueError
        If a size is not a positive whole number, ``heads`` does not divide ``dim``, rotary heads
        have an odd number of features, the input is not (batch, time, dim), or the mask does not
        fit.

    Notes
    -----
    ``forward(x, mask=mask)`` hides the steps where ``mask``, (batch, time), is False: nobody
    takes from them. What comes out at the hidden steps themselves means nothing.

    Examples
    --------
    >>> layer = MultiHeadAttention(8, 2, causal=True, rng=0)
    >>> layer(np.ones((1, 3, 8), np.float32)).shape
    (1, 3, 8)
    >>> layer.weights[0, 0].round(2)
    array([[1.  , 0.  , 0.  ],
           [0.5 , 0.5 , 0.  ],
           [0.33, 0.33, 0.33]], dtype=float32)
    """

    skips_input_grad = True
    takes_mask = True
    weights = None

    def __init__(
        self,
        dim,
        heads,
        *,
        causal=False,
        rotary=False,
        initializer=glorot_uniform,
        rng=None,
        dtype=np.float32,
    ):
        _check_sizes(self, dim=dim, heads=heads)
        if dim % heads:
            raise ValueError(
                "MultiHeadAttention expects a number of heads that divides dim, got "
                f"dim={dim}, heads={heads}"
            )
        if rotary and (dim // heads) % 2:
            raise ValueError(
                "rotary turns pairs of features: expected an even number in each head, got "
                f"dim / heads = {dim // heads}"
            )
        rng = np.random.default_rng(rng)
        self.query, self.key, self.value, self.output = self.layers = tuple(
            Dense(dim, dim, initializer=initializer, rng=rng, dtype=dtype) for _ in range(4)
        )
        self.dim, self.heads = dim, heads
        self.causal, self.rotary = bool(causal), bool(rotary)

    def forward(self, x, *, training=False, mask=None):
        hidden = self._hidden(x, mask)
        q, k, v = (self._split(layer.forward(x)) for layer in (self.query, self.key, self.value))
        turn = rotary_tables(x.shape[1], q.shape[-1], dtype=x.dtype) if self.rotary else None
        if turn:
            q, k = rotate(q, *turn), rotate(k, *turn)
        scores = q @ k.swapaxes(-1, -2)
        scores *= 1 / sqrt(q.shape[-1])
        np.copyto(scores, np.finfo(scores.dtype).min, where=hidden)
        self.weights = softmax(scores)
        y = self.output.forward(self._merge(self.weights @ v))
        return self.remember((q, k, v, hidden, turn), y)

    def backward(self, grad, *, input_grad=True):
        q, k, v, hidden, turn = self.recall(grad)
        g = self._split(self.output.backward(grad))
        dv = self.weights.swapaxes(-1, -2) @ g
        s = softmax_vjp(g @ v.swapaxes(-1, -2), None, self.weights)
        np.copyto(s, 0, where=hidden)
        s *= 1 / sqrt(q.shape[-1])
        dq, dk = s @ k, s.swapaxes(-1, -2) @ q
        if turn:
            cos, sin = turn
            dq, dk = rotate(dq, cos, -sin), rotate(dk, cos, -sin)
        projections = (self.query, dq), (self.key, dk), (self.value, dv)
        dx = [p.backward(self._merge(d), input_grad=input_grad) for p, d in projections]
        return sum(dx[1:], dx[0]) if input_grad else None

    def _split(self, x):
        """From (batch, time, dim) to (batch, heads, time, dim / heads)."""
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)

    def _merge(self, x):
        """Put the heads side by side again: the way back from ``_split``."""
        return x.swapaxes(1, 2).reshape(len(x), -1, self.dim)

    def _hidden(self, x, mask):
        """Return, as (batch or 1, 1, time, time), which keys each query may not see."""
        if x.ndim != 3 or x.shape[-1] != self.dim or x.size == 0:
            raise ValueError(f"{self!r} expects (batch, time, {self.dim}), got {x.shape}")
        time = x.shape[1]
        hidden = np.zeros((1, 1, time, time), bool)
        if self.causal:
            hidden |= np.triu(np.ones((time, time), bool), 1)
        if mask is not None:
            hidden = hidden | ~checked_mask(mask, x.shape[:2], repr(self))[:, None, None]
        return hidden

    def __repr__(self):
        options = "".join(f", {name}=True" for name in ("causal", "rotary") if getattr(self, name))
        return f"MultiHeadAttention({self.dim}, heads={self.heads}{options})"
