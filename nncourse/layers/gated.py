"""Recurrent layers with gates: numbers between 0 and 1 that say what to keep and what to let in.

The state is changed by adding to it, not by multiplying it with a matrix at every step; so
gradients can travel over many steps without vanishing.
"""

import numpy as np

from .core import Parameter, _total
from .panels import _matmul
from .recurrent import _Recurrent, _rows

__all__ = ["GRU", "LSTM"]


class LSTM(_Recurrent):
    """Long short-term memory: a cell c that is added to, and three gates that guard it.

    With σ the logistic sigmoid and ⊙ the element-wise product,

    - ``i = σ(x_t W_i + h_{t-1} U_i + b_i)``, the input gate; f, the forget gate, and o, the output
      gate, likewise; ``g = tanh(x_t W_g + h_{t-1} U_g + b_g)``, the candidate;
    - ``c_t = f ⊙ c_{t-1} + i ⊙ g`` and ``h_t = o ⊙ tanh(c_t)``.

    Going back, ``dL/dc_t`` is what comes from c_{t+1} plus ``dL/dh_t ⊙ o ⊙ (1 - tanh²(c_t))``;
    ``δ_i = dL/dc_t ⊙ g ⊙ i(1 - i)``, ``δ_f = dL/dc_t ⊙ c_{t-1} ⊙ f(1 - f)``,
    ``δ_g = dL/dc_t ⊙ i ⊙ (1 - g²)``, ``δ_o = dL/dh_t ⊙ tanh(c_t) ⊙ o(1 - o)``;
    ``dL/dc_{t-1} = dL/dc_t ⊙ f`` and ``dL/dh_{t-1} = Σ_k δ_k U_kᵀ``. The weights' gradients are
    those of :class:`SimpleRNN` for each block.

    The blocks stand in the order i, f, g, o, as in Keras and PyTorch; b_f starts at 1, so that at
    first the cell keeps what it has. PyTorch: ``nn.LSTM(batch_first=True)``, which has a second
    bias, and none that starts at 1. Source: Hochreiter and Schmidhuber (1997); forget gate: Gers,
    Schmidhuber and Cummins (2000).

    Parameters
    ----------
    inputs, units, return_sequences, initializer, rng, dtype
        See :class:`SimpleRNN`, also for ``mask``, ``state`` and what is raised.
    recurrent_initializer : callable
        Called for each of the four blocks: an orthogonal one shows its gate the state at full
        length. (Keras makes one matrix (units, 4·units) orthogonal; each gate then sees half.)

    Attributes
    ----------
    kernel : Parameter of shape (inputs, 4·units)
    recurrent_kernel : Parameter of shape (units, 4·units)
    bias : Parameter of shape (4·units,)
    state : tuple (h, c) of arrays (batch, units), or None

    Examples
    --------
    >>> layer = LSTM(2, 3, rng=0)
    >>> layer
    LSTM(2→3)
    >>> layer(np.ones((5, 7, 2), np.float32)).shape
    (5, 3)
    >>> h, c = layer.state
    >>> layer.bias.value
    array([0., 0., 0., 1., 1., 1., 0., 0., 0., 0., 0., 0.], dtype=float32)
    """

    states = ("h", "c")
    starts = (0, 1, 0, 0)  # at first, the forget gate keeps
    gates = (0, 1, 3)
    kept = 1  # tanh(c)

    def _step(self, a, xh, W, old, new):
        (_, c), (h_new, c_new), tanh_c = old, new, a[4]
        i, f, g, o = np.matmul(xh, W, out=a[:4])  # x_t W + b + h_{t-1} U, for each of the four
        _gate(a[:2])  # i and f
        np.tanh(g, out=g)
        _gate(o)
        np.multiply(f, c, out=c_new)
        c_new += i * g
        np.multiply(o, np.tanh(c_new, out=tanh_c), out=h_new)

    def _step_back(self, da, UT, dstate, a, old, new):
        (dh, dc), (_, c), (i, f, g, o, tanh_c) = dstate, old, a
        di, df, dg, do = d = np.empty_like(a[:4])
        dc += dh * o * (1 - tanh_c * tanh_c)
        np.multiply(dc, g, out=di)  # each δ as in the docstring, piece by piece
        di *= i * (1 - i)
        np.multiply(dc, c, out=df)
        df *= f * (1 - f)
        np.multiply(dc, i, out=dg)
        dg *= 1 - g * g
        np.multiply(dh, tanh_c, out=do)
        do *= o * (1 - o)
        dc *= f
        self._by_block(da)[...] = d  # all at once: faster than rows of ``da`` one by one
        _matmul(da, UT, out=dh)


class GRU(_Recurrent):
    """Gated recurrent unit: one gate mixes old state and candidate, one guards the way to it.

    With σ the logistic sigmoid and ⊙ the element-wise product,

    - ``z = σ(x_t W_z + h_{t-1} U_z + b_z)``, the update gate, and r, the reset gate, likewise;
    - ``g = tanh(x_t W_g + (r ⊙ h_{t-1}) U_g + b_g)``, the candidate;
    - ``h_t = z ⊙ h_{t-1} + (1 - z) ⊙ g``.

    Going back, with ``d = dL/dh_t``: ``δ_g = d ⊙ (1 - z) ⊙ (1 - g²)``, ``q = δ_g U_gᵀ``,
    ``δ_z = d ⊙ (h_{t-1} - g) ⊙ z(1 - z)``, ``δ_r = q ⊙ h_{t-1} ⊙ r(1 - r)`` and
    ``dL/dh_{t-1} = d ⊙ z + q ⊙ r + δ_z U_zᵀ + δ_r U_rᵀ``. The weights' gradients are those of
    :class:`SimpleRNN` for each block, with ``r ⊙ h_{t-1}`` in place of h_{t-1} for U_g.

    The blocks stand in the order z, r, g. This is the paper's form. With ``reset_after``, the gate
    comes after the product, as in Keras's and PyTorch's default, which is faster on a GPU:
    ``g = tanh(x_t W_g + b_g + r ⊙ s)`` with ``s = h_{t-1} U_g + c_g``; then
    ``δ_s = δ_g ⊙ r``, ``δ_r = δ_g ⊙ s ⊙ r(1 - r)``, and h_{t-1} gets ``δ_s U_gᵀ``.
    Keras: ``GRU(reset_after=False)``, and True for the other form. PyTorch:
    ``nn.GRU(batch_first=True)``, the other form, with the blocks in the order r, z, g.
    Source: Cho et al. (2014), equations 5 to 8.

    Parameters
    ----------
    inputs, units, return_sequences, initializer, recurrent_initializer, rng, dtype
        See :class:`SimpleRNN`, also for ``mask``, ``state`` and what is raised.
    reset_after : bool
        Whether the reset gate acts on the product with U_g instead of on the state.

    Attributes
    ----------
    kernel : Parameter of shape (inputs, 3·units)
    recurrent_kernel : Parameter of shape (units, 3·units)
    bias : Parameter of shape (3·units,)
    recurrent_bias : Parameter of shape (units,)
        c_g, only with ``reset_after``.
    state : tuple (h,) with an array (batch, units), or None

    Examples
    --------
    >>> layer = GRU(2, 3, rng=0)
    >>> layer
    GRU(2→3)
    >>> layer(np.ones((5, 7, 2), np.float32)).shape
    (5, 3)
    """

    starts = (0, 0, 0)
    gates = (0, 1)

    def __init__(self, inputs, units, *, reset_after=False, **options):
        super().__init__(inputs, units, **options)
        self.reset_after = bool(reset_after)
        if reset_after:
            dtype = self.bias.value.dtype
            self.recurrent_bias = Parameter(np.zeros(units, dtype), "recurrent_bias")

    def _step(self, a, xh, W, old, new):
        (h,), (h_new,) = old, new
        (z, r, g), x1, units = a, xh[:, : -h.shape[1]], h.shape[1]  # x1: [x_t, 1]
        np.matmul(xh, W[:2], out=a[:2])  # x_t W + b + h_{t-1} U, for z and r
        _gate(a[:2])
        np.matmul(x1, W[2, :-units], out=g)  # x_t W_g + b_g
        if self.reset_after:
            g += r * (h @ W[2, -units:] + self.recurrent_bias.value)
        else:
            g += (r * h) @ W[2, -units:]
        np.tanh(g, out=g)
        h_new[...] = z * h + (1 - z) * g

    def _step_back(self, da, UT, dstate, a, old, new):
        (dh,), (h,) = dstate, old
        (z, r, g), (dz, dr, dg), units = a, self._by_block(da), h.shape[1]
        np.multiply(dh * (1 - z), 1 - g * g, out=dg)  # δ_g
        np.multiply(dh * (h - g), z * (1 - z), out=dz)  # δ_z
        dh *= z
        if self.reset_after:
            s = h @ self.recurrent_kernel.value[:, -units:] + self.recurrent_bias.value
            np.multiply(dg * s, r * (1 - r), out=dr)
            dh += (dg * r) @ UT[-units:]
        else:
            q = dg @ UT[-units:]  # dL/d(r ⊙ h)
            np.multiply(q * h, r * (1 - r), out=dr)
            dh += q * r
        past = np.empty_like(dh)  # δ_z U_zᵀ + δ_r U_rᵀ
        _matmul(da[:, :-units], UT[:-units], out=past)
        dh += past

    def _weight_gradients(self, xh, a, da):
        r, units = _rows(a[:, 1]), a.shape[-1]
        x1, h, dg = xh[:, :-units], xh[:, -units:], da[:, -units:]
        d = np.empty((xh.shape[1], da.shape[1]), da.dtype)
        np.matmul(xh.T, da[:, :-units], out=d[:, :-units])  # all of z and r
        np.matmul(x1.T, dg, out=d[:-units, -units:])  # W_g and b_g; below them U_g
        if self.reset_after:
            ds = dg * r
            self.recurrent_bias.grad += _total(ds)
            np.matmul(h.T, ds, out=d[-units:, -units:])
        else:
            np.matmul((r * h).T, dg, out=d[-units:, -units:])
        return d

    def __repr__(self):
        option = ", reset_after=True)" if self.reset_after else ")"
        return super().__repr__().removesuffix(")") + option


def _gate(a):
    """In place, the sigmoid of 2a, in the form that cannot overflow: (1 + tanh(a)) / 2."""
    np.tanh(a, out=a)
    a += 1
    a *= 0.5
