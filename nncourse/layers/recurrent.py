"""Recurrent layers: the same weights at every time step, and a state that remembers.

At step t a recurrent layer makes its state h_t from the input x_t and the state h_{t-1} before.
Whatever does not wait for a state is done for all steps at once: one product of inputs and kernel
before the loop over time, one product for each gradient after the loop back. Inside, arrays are
(blocks, time, batch, units), one block for each gate, so that each gate of a step lies together.
"""

from abc import abstractmethod

import numpy as np

from .. import initializers
from .._checks import as_floats
from ._checks import check_sequences
from .core import Layer, Parameter, _check_sizes, _initial

__all__ = ["SimpleRNN"]


class _Recurrent(Layer):
    """What recurrent layers share: checks, the loop over time, mask and state.

    A cell names the arrays of its state and the start of its biases, and defines ``_step`` and
    ``_step_back``. Its kernels are blocks of units side by side, one for each gate.
    """

    states = ("h",)  # what is carried along
    starts = (0,)  # for each block of units in the kernels, where its bias starts
    skips_input_grad = True
    takes_mask = True
    state = None  # after a forward pass: the last one, a tuple of arrays (batch, units)

    def __init__(
        self,
        inputs,
        units,
        *,
        return_sequences=False,
        initializer=initializers.glorot_uniform,
        recurrent_initializer=initializers.orthogonal,
        rng=None,
        dtype=np.float32,
    ):
        _check_sizes(self, inputs=inputs, units=units)
        rng, blocks = np.random.default_rng(rng), len(self.starts)
        kernel = _initial(initializer, (inputs, blocks * units), rng, dtype)
        square = [
            _initial(recurrent_initializer, (units, units), rng, dtype) for _ in range(blocks)
        ]
        self.kernel = Parameter(kernel, "kernel", regularize=True)
        self.recurrent_kernel = Parameter(np.hstack(square), "recurrent_kernel", regularize=True)
        self.bias = Parameter(np.repeat(np.array(self.starts, dtype), units), "bias")
        self.return_sequences = bool(return_sequences)

    @abstractmethod
    def _step(self, a, U, old, new):
        """Given ``a`` = x_t W + b, write the ``new`` state, and over ``a`` what it came from."""

    @abstractmethod
    def _step_back(self, da, UT, dstate, a, old, new):
        """Given dL/dstate_t in ``dstate``, write dL/da_t in ``da`` and dL/dstate_{t-1} over it."""

    def _recurrent_factors(self, h, a, da):
        """Return what each block of U was multiplied with, and dL/d(that product).

        ``h`` are all states h_{t-1}.
        """
        return h, da

    def _by_block(self, array):
        """View (rows, blocks·units) as (blocks, rows, units)."""
        return array.reshape(len(array), len(self.starts), -1).swapaxes(0, 1)

    def _add(self, grad, by_block):
        """Add (blocks, rows, units) to (rows, blocks·units)."""
        view = self._by_block(grad)
        view += by_block

    def forward(self, x, *, training=False, mask=None, state=None):
        mask = check_sequences(self, x, mask, state)
        x = as_floats(x, self.kernel.value.dtype)
        batch, time, inputs = x.shape
        x1 = np.ones((time, batch, inputs + 1), x.dtype)  # the bias: the weight of an input 1
        x1[..., :-1] = x.swapaxes(0, 1)
        Wb = self._by_block(np.vstack([self.kernel.value, self.bias.value]))
        U = self._by_block(self.recurrent_kernel.value)  # (blocks, units, units)
        a = x1.reshape(-1, inputs + 1) @ Wb
        a = a.reshape(-1, time, batch, a.shape[-1])  # (blocks, time, batch, units)
        path = [np.empty((time + 1, *a.shape[2:]), a.dtype) for _ in self.states]  # h_0 … h_T
        for s, start in zip(path, state or [0] * len(path), strict=True):
            s[0] = start
        for t in range(time):
            old, new = [s[t] for s in path], [s[t + 1] for s in path]
            self._step(a[:, t], U, old, new)
            if mask is not None:
                for before, after in zip(old, new, strict=True):
                    np.copyto(after, before, where=~mask[t])
        self.state = tuple(s[-1].copy() for s in path)
        y = path[0][1:].swapaxes(0, 1) if self.return_sequences else path[0][-1]
        return self.remember((x1, a, path, mask), y.copy())

    def backward(self, grad, *, input_grad=True):
        x1, a, path, mask = self.recall(grad)
        blocks, time, batch, units = a.shape
        UT = np.ascontiguousarray(self._by_block(self.recurrent_kernel.value).swapaxes(1, 2))
        da = np.empty_like(a)
        dstate = [np.zeros_like(s[0]) for s in path]  # nothing comes from beyond the last step
        if not self.return_sequences:
            dstate[0] += grad
        for t in reversed(range(time)):
            if self.return_sequences:
                dstate[0] += grad[:, t]
            if mask is not None:  # where the state was carried over, so is its gradient
                carried = [np.where(mask[t], 0, d) for d in dstate]
                for d in dstate:
                    d *= mask[t]
            old, new = [s[t] for s in path], [s[t + 1] for s in path]
            self._step_back(da[:, t], UT, dstate, a[:, t], old, new)
            if mask is not None:
                for d, past in zip(dstate, carried, strict=True):
                    d += past
        a, da = a.reshape(blocks, -1, units), da.reshape(blocks, -1, units)  # all steps at once
        h, recurrent_da = self._recurrent_factors(path[0][:-1].reshape(-1, units), a, da)
        dWb = x1.reshape(time * batch, -1).T @ da  # (blocks, inputs + 1, units)
        self._add(self.kernel.grad, dWb[:, :-1])
        self._add(self.bias.grad[None], dWb[:, -1:])
        self._add(self.recurrent_kernel.grad, h.swapaxes(-1, -2) @ recurrent_da)
        if not input_grad:
            return None
        WT = self._by_block(self.kernel.value).swapaxes(1, 2)
        dx = (da @ WT).sum(axis=0).reshape(time, batch, -1)
        return np.ascontiguousarray(dx.swapaxes(0, 1))

    def __repr__(self):
        sequences = ", return_sequences=True" if self.return_sequences else ""
        sizes = "→".join(str(len(p.value)) for p in (self.kernel, self.recurrent_kernel))
        return f"{type(self).__name__}({sizes}{sequences})"


class SimpleRNN(_Recurrent):
    """A recurrent layer whose new state is one tanh: ``h_t = tanh(x_t W + h_{t-1} U + b)``.

    The gradients, by back-propagation through time: going back from the last step,
    ``δ_t = dL/dh_t ⊙ (1 - h_t²)`` and ``dL/dh_{t-1} = δ_t Uᵀ`` (plus what reaches h_{t-1} from the
    output); then ``dL/dW = Σ_t x_tᵀ δ_t``, ``dL/dU = Σ_t h_{t-1}ᵀ δ_t``, ``dL/db = Σ_t δ_t`` and
    ``dL/dx_t = δ_t Wᵀ``. PyTorch: ``nn.RNN(batch_first=True)``, which has a second bias.
    Source: Elman (1990); Werbos (1990) for the gradients.

    Parameters
    ----------
    inputs, units : int
        Features at each step and size of the state: (batch, time, inputs) → (batch, units).
    return_sequences : bool
        Return the states of all steps, (batch, time, units), not only the last.
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the kernel; see :mod:`nncourse.initializers`.
    recurrent_initializer : callable
        The same for the recurrent kernel, called once for each block of shape (units, units).
    rng : int, Generator or None
        Source of both random kernels.
    dtype : data-type
        Of all parameters.

    Attributes
    ----------
    kernel : Parameter of shape (inputs, units)
    recurrent_kernel : Parameter of shape (units, units)
    bias : Parameter of shape (units,)
    state : tuple of arrays (batch, units), or None
        What the latest forward pass ended with: ``(h,)``.

    Raises
    ------
    ValueError
        If a size is not a positive whole number; the input is not (batch, time, inputs), or is
        empty; mask or state does not fit it. Nothing is changed then.
    TypeError
        If an initializer is no function.

    Notes
    -----
    ``forward`` takes two more options. ``mask``, booleans (batch, time): where it is False the
    state is carried over unchanged, so that sequences of unequal length can be padded at either
    end. ``state``: what to start from instead of zeros; ``layer(more, state=layer.state)`` reads
    on where the last batch ended. No gradient flows into a given state: this is truncated
    back-propagation through time.

    Examples
    --------
    >>> layer = SimpleRNN(2, 3, return_sequences=True, rng=0)
    >>> layer
    SimpleRNN(2→3, return_sequences=True)
    >>> x = np.ones((5, 7, 2), np.float32)
    >>> y = layer(x)
    >>> y.shape, layer.state[0].shape
    ((5, 7, 3), (5, 3))
    >>> first = layer(x[:, :4])
    >>> bool(np.allclose(layer(x[:, 4:], state=layer.state), y[:, 4:]))
    True
    """

    def _step(self, a, U, old, new):
        (h,), (h_new,) = old, new
        a += h @ U
        np.tanh(a, out=a)
        h_new[...] = a[0]

    def _step_back(self, da, UT, dstate, a, old, new):
        (dh,) = dstate
        np.multiply(dh, 1 - a * a, out=da)
        dh[...] = da[0] @ UT[0]
