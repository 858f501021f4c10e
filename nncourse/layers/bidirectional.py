"""Reading a sequence from both ends, where the whole of it is there before anything is asked."""

import numpy as np

from .core import Layer
from .recurrent import _Recurrent

__all__ = ["Bidirectional"]


class Bidirectional(Layer):
    """Two recurrent layers, one of which reads the sequence backward; their outputs side by side.

    ``y_t = [h_t, k_t]``, with h of the first layer on x_1 … x_T and k of the second on x_T … x_1.
    Each gets its own part of dL/dy, and dL/dx is the sum of what both return. Keras:
    ``Bidirectional``. PyTorch: ``bidirectional=True``. Source: Schuster and Paliwal (1997).

    Parameters
    ----------
    first, second : SimpleRNN, LSTM or GRU
        Of the same inputs and the same ``return_sequences``: (batch, time, inputs) → (batch,
        units of both), or (batch, time, units of both).

    Raises
    ------
    TypeError
        If they are no recurrent layers.
    ValueError
        If they do not fit together, or are the same object; see also :class:`SimpleRNN`.

    Notes
    -----
    ``forward(x, mask=mask)`` as in :class:`SimpleRNN`: padding at either end changes nothing.

    Examples
    --------
    >>> import nncourse as nn
    >>> layer = Bidirectional(nn.LSTM(2, 3, rng=0), nn.LSTM(2, 3, rng=1))
    >>> layer
    Bidirectional(LSTM(2→3), LSTM(2→3))
    >>> layer(np.ones((5, 7, 2), np.float32)).shape
    (5, 6)
    """

    skips_input_grad = True
    takes_mask = True

    def __init__(self, first, second):
        if not (isinstance(first, _Recurrent) and isinstance(second, _Recurrent)):
            raise TypeError(
                f"Bidirectional expects two recurrent layers, got {first!r}, {second!r}"
            )
        settings = [(len(each.kernel.value), each.return_sequences) for each in (first, second)]
        if settings[0] != settings[1] or first is second:
            raise ValueError(
                "Bidirectional expects two layers with the same inputs and return_sequences, got "
                f"{first!r} and {second!r}{', the same object' if first is second else ''}"
            )
        self.first, self.second = first, second

    def forward(self, x, *, training=False, mask=None):
        h = self.first.forward(x, mask=mask)
        mask = None if mask is None else np.asarray(mask)[:, ::-1]
        k = self._in_time(self.second.forward(x[:, ::-1], mask=mask))
        return self.remember(True, np.concatenate([h, k], axis=-1))

    def backward(self, grad, *, input_grad=True):
        self.recall(grad)
        dh, dk = np.split(grad, [len(self.first.recurrent_kernel.value)], axis=-1)
        dx = self.first.backward(dh, input_grad=input_grad)
        back = self.second.backward(self._in_time(dk), input_grad=input_grad)
        return dx + back[:, ::-1] if input_grad else None

    def _in_time(self, k):
        """Turn the second layer's steps around, if it returns them."""
        return k[:, ::-1] if self.second.return_sequences else k

    def __repr__(self):
        return f"Bidirectional({self.first!r}, {self.second!r})"
