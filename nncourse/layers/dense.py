"""The layers of a multilayer perceptron, apart from its activations."""

from math import prod

import numpy as np

from .. import initializers
from .._checks import as_floats
from .core import Layer, Parameter, _check_sizes, _initial, _total

__all__ = ["Dense", "Dropout", "Flatten"]


class Dense(Layer):
    """A fully connected layer: ``y = x @ W + b``.

    With G = dL/dy the gradients are ``dL/dW = x.T @ G``, ``dL/db = sum over examples of G`` and
    ``dL/dx = G @ W.T``. Further axes between the first and the last count as more examples.
    PyTorch: ``nn.Linear``, which stores W transposed.

    Parameters
    ----------
    inputs, units : int
        Number of input features and of neurons: (batch, inputs) → (batch, units).
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the kernel; see :mod:`nncourse.initializers`.
    rng : int, Generator or None
        Source of the random kernel.
    dtype : data-type
        Of both parameters.

    Attributes
    ----------
    kernel : Parameter of shape (inputs, units)
    bias : Parameter of shape (units,)

    Raises
    ------
    ValueError
        If a size is not a positive whole number, the input's last axis is not ``inputs`` long, or
        it is empty.
    TypeError
        If the initializer is no function.

    Examples
    --------
    >>> layer = Dense(3, 2, rng=0)
    >>> layer
    Dense(3→2)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    skips_input_grad = True

    def __init__(
        self, inputs, units, *, initializer=initializers.glorot_uniform, rng=None, dtype=np.float32
    ):
        inputs, units = _check_sizes(self, inputs=inputs, units=units)
        kernel = _initial(initializer, (inputs, units), rng, dtype)
        self.kernel = Parameter(kernel, "kernel", regularize=True)
        self.bias = Parameter(np.zeros(units, dtype), "bias")

    def forward(self, x, *, training=False):
        inputs, units = self.kernel.value.shape
        if x.ndim < 2 or x.shape[-1] != inputs or x.size == 0:
            raise ValueError(
                f"{self!r} expects (batch, {inputs}), got {x.shape}.{self._hint(x.shape, inputs)}"
            )
        rows = as_floats(x.reshape(-1, inputs), self.kernel.value.dtype)
        y = rows @ self.kernel.matrix
        y += self.bias.value
        return self.remember(rows, y.reshape(*x.shape[:-1], units))

    def backward(self, grad, *, input_grad=True):
        x, (inputs, units) = self.recall(grad), self.kernel.value.shape
        rows = grad.reshape(-1, units)
        self.kernel.grad += x.T @ rows
        self.bias.grad += _total(rows)
        if not input_grad:
            return None
        return (rows @ self.kernel.value.T).reshape(*grad.shape[:-1], inputs)

    @staticmethod
    def _hint(shape, inputs):
        if 0 in shape:
            return " The batch is empty."
        if len(shape) == 1 and shape[0] == inputs:
            return " One example? Make it a batch of one: x[None]."
        if len(shape) > 2 and prod(shape[1:]) == inputs:
            return " Add Flatten() first."
        return " Does the previous layer have as many outputs?"

    def __repr__(self):
        inputs, units = self.kernel.value.shape
        return f"Dense({inputs}→{units})"


class Flatten(Layer):
    """Make each example one row: (batch, ...) → (batch, product of the rest).

    Nothing is computed, so the gradient is only reshaped back. PyTorch: ``nn.Flatten``.

    Raises
    ------
    ValueError
        If the input has no batch axis.

    Examples
    --------
    >>> Flatten()(np.zeros((32, 28, 28, 1))).shape
    (32, 784)
    """

    def forward(self, x, *, training=False):
        if x.ndim < 1:
            raise ValueError("Flatten() expects (batch, ...), got a single number")
        return self.remember(x.shape, x.reshape(len(x), prod(x.shape[1:])))

    def backward(self, grad):
        return grad.reshape(self.recall(grad))


class Dropout(Layer):
    """While training, set a random share of the inputs to zero and scale up the rest.

    ``y = x * m / (1 - rate)`` with each entry of m independently 0 with probability ``rate`` and
    else 1, so that y equals x on average ("inverted" dropout); ``dL/dx = dL/dy * m / (1 - rate)``.
    Outside training it hands on x itself. PyTorch: ``nn.Dropout``.
    Source: Srivastava et al. (2014).

    Parameters
    ----------
    rate : float
        Probability of *dropping* an entry, at least 0 and below 1.
    rng : int, Generator or None
        Source of the masks.

    Raises
    ------
    ValueError
        If ``rate`` is out of range.

    Examples
    --------
    >>> layer = Dropout(0.5, rng=0)
    >>> np.unique(layer(np.ones((1, 100)), training=True))
    array([0., 2.])
    >>> layer(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    """

    def __init__(self, rate, *, rng=None):
        if not 0 <= rate < 1:
            raise ValueError(
                f"Dropout expects 0 <= rate < 1, got {rate}. The rate is the share to drop."
            )
        self.rate = float(rate)
        self.rng = np.random.default_rng(rng)

    def forward(self, x, *, training=False):
        if not training or self.rate == 0:
            return self.remember(1.0, x)
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        x = as_floats(x)
        scale = kept.astype(x.dtype) / (1 - self.rate)
        return self.remember(scale, x * scale)

    def backward(self, grad):
        return grad * self.recall(grad)

    def __repr__(self):
        return f"Dropout({self.rate})"
