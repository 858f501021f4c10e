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
    """Scaled dot-product attention of a sequence to itself, or to another, by heads side by side.

    With queries ``Q = x W_Q + b_Q``, keys K and values V alike, cut into heads of d = dim / heads
    features (``head_dim``), each head computes ``A = softmax(Q Kᵀ / sqrt(d))`` and ``A V``; the
    heads' results together go through a last dense layer. Going back, with G = dL/d(A V):
    ``dL/dV = Aᵀ G``, ``S = softmax_vjp(G Vᵀ) / sqrt(d)``, ``dL/dQ = S K`` and ``dL/dK = Sᵀ Q``.
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
    memory_grad : array of the shape of memory, or None
        dL/dmemory, of the latest backward pass.

    Raises
    ------
    TypeError
        If the initializer is no function.
    ValueError
        If a size is not a positive whole number, ``heads`` does not divide ``dim``, rotary heads
        have an odd number of features, the input is not (batch, time, dim), mask or memory does
        not fit, or a causal or rotary layer is given a memory.

    Notes
    -----
    ``forward(x, mask=mask)`` leaves out the steps where ``mask``, (batch, time), is False: nobody
    takes from them. What comes out at the masked steps themselves means nothing. A causal layer
    may be padded at either end.

    ``forward(x, memory=memory)`` is *cross-attention*: the queries are made of x, keys and values
    of ``memory``, (batch, steps, dim), for instance what an encoder made of the sentence to be
    translated; ``mask`` then tells which steps of the memory are real, and ``weights`` are
    (batch, heads, time, steps).

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
    weights = memory_grad = None

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
        dim, heads = _check_sizes(self, dim=dim, heads=heads)
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

    def forward(self, x, *, training=False, mask=None, memory=None):
        self._check(x, memory)
        seen = x if memory is None else np.asarray(memory)
        masked = self._masked(x.shape[1], seen, mask)
        q = self._split(self.query.forward(x))  # (batch, heads, time, head_dim)
        k = self._split(self.key.forward(seen))  # (batch, heads, steps, head_dim)
        v = self._split(self.value.forward(seen))  # (batch, heads, steps, head_dim)
        time, head_dim = q.shape[2:]
        turn = rotary_tables(time, head_dim, dtype=q.dtype) if self.rotary else None
        if turn:
            q, k = rotate(q, *turn), rotate(k, *turn)
        scores = (q * (1 / sqrt(head_dim))) @ k.swapaxes(-1, -2)  # (batch, heads, time, steps)
        np.copyto(scores, np.finfo(scores.dtype).min, where=masked)
        weights = softmax(scores)  # not self.weights yet: threads may share a trained model
        if mask is not None:  # a step that may look at nothing takes from nobody
            np.copyto(weights, 0, where=masked)
        y, self.weights = self._merge(weights @ v), weights  # (batch, time, dim)
        saved = q, k, v, masked, turn, memory is not None
        return self.remember(saved, self.output.forward(y))

    def backward(self, grad, *, input_grad=True):
        q, k, v, masked, turn, crossed = self.recall(grad)
        g = self._split(self.output.backward(grad))  # (batch, heads, time, head_dim)
        dv = self.weights.swapaxes(-1, -2) @ g  # (batch, heads, steps, head_dim)
        s = softmax_vjp(g @ v.swapaxes(-1, -2), None, self.weights)  # (batch, heads, time, steps)
        np.copyto(s, 0, where=masked)
        s *= 1 / sqrt(q.shape[-1])
        dq, dk = s @ k, s.swapaxes(-1, -2) @ q  # (batch, heads, time or steps, head_dim)
        if turn:
            cos, sin = turn
            dq, dk = rotate(dq, cos, -sin), rotate(dk, cos, -sin)
        dx = self.query.backward(self._merge(dq), input_grad=input_grad)  # (batch, time, dim)
        projections = (self.key, dk), (self.value, dv)
        wanted = crossed or input_grad
        through = [p.backward(self._merge(d), input_grad=wanted) for p, d in projections]
        self.memory_grad = through[0] + through[1] if crossed else None
        if not input_grad:
            return None
        return dx if crossed else dx + through[0] + through[1]

    def _split(self, x):
        """From (batch, time, dim) to (batch, heads, time, head_dim)."""
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)

    def _merge(self, x):
        """Put the heads side by side again: the way back from ``_split``."""
        return x.swapaxes(1, 2).reshape(len(x), -1, self.dim)

    def _masked(self, time, seen, mask):
        """Return, as (batch or 1, 1, time, steps), which keys each query may not see."""
        steps = seen.shape[1]
        masked = np.zeros((1, 1, time, steps), bool)
        if self.causal:
            masked |= np.triu(np.ones((time, steps), bool), 1)
        if mask is not None:
            masked = masked | ~checked_mask(mask, seen.shape[:2], repr(self))[:, None, None]
        return masked

    def _check(self, x, memory):
        if x.ndim != 3 or x.shape[-1] != self.dim or x.size == 0:
            raise ValueError(f"{self!r} expects (batch, time, {self.dim}), got {x.shape}")
        if memory is None:
            return
        if self.causal or self.rotary:
            raise ValueError(f"{self!r} compares places in one sequence: it takes no memory")
        shape = np.shape(memory)
        if len(shape) != 3 or (shape[0], shape[2]) != (len(x), self.dim) or 0 in shape:
            raise ValueError(f"{self!r} expects memory ({len(x)}, steps, {self.dim}), got {shape}")

    def __repr__(self):
        options = "".join(f", {name}=True" for name in ("causal", "rotary") if getattr(self, name))
        return f"MultiHeadAttention({self.dim}, heads={self.heads}{options})"
