"""Recurrent layers: the same weights at every time step, and a state that remembers.

At step t a recurrent layer makes its state h_t from the input x_t and the state h_{t-1} before.
The two lie side by side, with a 1 between them, so that one product ``[x_t, 1, h_{t-1}] @
[W; b; U]`` is the whole weighted sum. Inside, arrays are (time, blocks, batch, units), one block
for each gate, so that each gate lies together, and all of a step. What does not wait for a step
back is done for many steps at once, as many as a fast cache holds.
"""

from abc import abstractmethod

import numpy as np

from .. import initializers
from .._checks import as_floats
from ._checks import check_sequences
from .core import Layer, Parameter, _check_sizes, _initial
from .panels import _matmul

__all__ = ["SimpleRNN"]


class _Recurrent(Layer):
    """What recurrent layers share: checks, the loop over time, mask and state.

    A cell names the arrays of its state and the start of its biases, and defines ``_step`` and
    ``_step_back``. Its kernels are blocks of units side by side, one for each gate.
    """

    states = ("h",)  # what is carried along
    starts = (0,)  # for each block of units in the kernels, where its bias starts
    gates = ()  # the blocks that go through a sigmoid
    kept = 0  # arrays that a step leaves for the way back beside its blocks
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
        inputs, units = _check_sizes(self, inputs=inputs, units=units)
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
    def _step(self, a, xh, W, old, new):
        """Given ``xh`` = [x_t, 1, h_{t-1}] and each block's ``W``, write the ``new`` state.

        Write to ``a``, too, what the state was made of. ``W`` is the kernel, the bias and the
        recurrent kernel below each other; those of the gates are halved, for ``_gate``.
        """

    @abstractmethod
    def _step_back(self, da, UT, dstate, a, old, new):
        """Given dL/dstate_t in ``dstate``, write dL/da_t in ``da`` and dL/dstate_{t-1} over it.

        ``da`` is (batch, blocks·units): the sum over the blocks is then part of a product.
        """

    def _weight_gradients(self, xh, a, da):
        """Return dL/d[W; b; U] from several steps, of which ``xh`` and ``da`` are the rows."""
        return xh.T @ da

    def _by_block(self, array):
        """View (rows, blocks·units) as (blocks, rows, units)."""
        return array.reshape(len(array), len(self.starts), -1).swapaxes(0, 1)

    def forward(self, x, *, training=False, mask=None, state=None):
        mask = check_sequences(self, x, mask, state)
        x = as_floats(x, self.kernel.value.dtype)
        batch, time, inputs = x.shape
        weights = self.kernel, self.bias, self.recurrent_kernel
        W = self._by_block(np.vstack([p.value for p in weights])).copy()
        W[list(self.gates)] *= 0.5
        blocks, rows, units = W.shape
        xh = np.ones((time + 1, batch, rows), x.dtype)  # the bias: the weight of an input 1
        xh[:-1, :, :inputs] = x.swapaxes(0, 1)
        a = np.empty((time, blocks + self.kept, batch, units), x.dtype)
        others = [np.empty((time + 1, batch, units), x.dtype) for _ in self.states[1:]]
        path = [xh[..., -units:], *others]  # h_0 … h_T, and so on
        for s, start in zip(path, state or [0] * len(path), strict=True):
            s[0] = start
        for t in range(time):
            old, new = [s[t] for s in path], [s[t + 1] for s in path]
            self._step(a[t], xh[t], W, old, new)
            if mask is not None:
                for before, after in zip(old, new, strict=True):
                    np.copyto(after, before, where=~mask[t])
        self.state = tuple(s[-1].copy() for s in path)
        y = path[0][1:].swapaxes(0, 1) if self.return_sequences else path[0][-1]
        return self.remember((xh, a, path, mask), y.copy())

    def backward(self, grad, *, input_grad=True):
        xh, a, path, mask = self.recall(grad)
        (time, _, batch, units), blocks = a.shape, len(self.starts)
        inputs = len(self.kernel.value)
        WT, UT = (p.value.T.copy() for p in (self.kernel, self.recurrent_kernel))
        dx = np.empty((time, batch, inputs), a.dtype) if input_grad else None
        dstate = [np.zeros((batch, units), a.dtype) for _ in path]  # nothing comes from the future
        if not self.return_sequences:
            dstate[0] += grad
        for steps in reversed(_parts(time, blocks * batch * units)):
            da = np.empty((steps.stop - steps.start, batch, blocks * units), a.dtype)
            for t in reversed(range(steps.start, steps.stop)):
                if self.return_sequences:
                    dstate[0] += grad[:, t]
                if mask is not None:  # where the state was carried over, so is its gradient
                    carried = [np.where(mask[t], 0, d) for d in dstate]
                    for d in dstate:
                        d *= mask[t]
                old, new = [s[t] for s in path], [s[t + 1] for s in path]
                self._step_back(da[t - steps.start], UT, dstate, a[t], old, new)
                if mask is not None:
                    for d, past in zip(dstate, carried, strict=True):
                        d += past
            dW = self._weight_gradients(_rows(xh[steps]), a[steps], _rows(da))
            self.kernel.grad += dW[:inputs]
            self.bias.grad += dW[inputs]
            self.recurrent_kernel.grad += dW[inputs + 1 :]
            if input_grad:
                np.matmul(da, WT, out=dx[steps])
        return np.ascontiguousarray(dx.swapaxes(0, 1)) if input_grad else None

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

    def _step(self, a, xh, W, old, new):
        np.matmul(xh, W, out=a)
        np.tanh(a, out=a)
        new[0][...] = a[0]

    def _step_back(self, da, UT, dstate, a, old, new):
        (dh,) = dstate
        np.multiply(dh, 1 - a[0] * a[0], out=da)
        _matmul(da, UT, out=dh)


def _parts(time, numbers, most=2**17):
    """Return slices of some steps each, whose ``numbers`` a step fit a cache."""
    steps = max(1, most // numbers)
    return [slice(t, min(t + steps, time)) for t in range(0, time, steps)]


def _rows(array):
    """Join all axes but the last."""
    return array.reshape(-1, array.shape[-1])
