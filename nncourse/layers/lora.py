"""Low-rank adaptation: fine-tune a large matrix by learning a small change to it."""

from math import sqrt

import numpy as np

from .. import initializers
from .._checks import as_floats
from .core import Layer, Parameter, _walk
from .dense import Dense

__all__ = ["LoRA", "add_lora", "merge_lora"]


class LoRA(Layer):
    """A dense layer whose weights are frozen, plus a learned change of low rank.

    ``y = x W + b + s x A B`` with ``s = alpha / rank``, A of shape (inputs, rank) and B of shape
    (rank, units). Only A and B are parameters: rank · (inputs + units) numbers, instead of inputs ·
    units. With G = dL/dy: ``dL/dA = s x.T G B.T``, ``dL/dB = s (x A).T G`` and ``dL/dx = G W.T + s
    G B.T A.T``. B starts as zeros, so that at first nothing changes. PyTorch: the ``peft`` library.
    Source: Hu et al. (2021), equation 3, where examples are columns.

    Parameters
    ----------
    dense : Dense
        The layer to adapt; it is kept, not copied, and not changed.
    rank : int
        The largest rank that the change can have, at most the smaller side of W.
    alpha : float, optional
        How much the change counts: it is scaled by ``alpha / rank``. As much as ``rank`` if None.
    rng : int, Generator or None
        Source of A, which is normal with variance 1 / inputs.

    Attributes
    ----------
    dense : Dense
    a, b : Parameter of shape (inputs, rank) and (rank, units)
    scale : float

    Raises
    ------
    TypeError
        If it is given something other than a Dense layer.
    ValueError
        If the rank or alpha is out of range, or the input does not fit the dense layer.

    Notes
    -----
    W and b are buffers: they are saved with the model, but no optimizer sees them.

    Examples
    --------
    >>> layer = LoRA(Dense(512, 256, rng=0), 4, rng=1)
    >>> layer
    LoRA(Dense(512→256), rank=4)
    >>> layer.count_parameters(), layer.dense.kernel.value.size
    (3072, 131072)
    """

    skips_input_grad = True

    def __init__(self, dense, rank, *, alpha=None, rng=None):
        if not isinstance(dense, Dense):
            raise TypeError(f"LoRA expects a Dense layer to adapt, got {dense!r}")
        inputs, units = dense.kernel.value.shape
        if not isinstance(rank, (int, np.integer)) or not 1 <= rank <= min(inputs, units):
            raise ValueError(
                f"LoRA expects a whole rank from 1 to {min(inputs, units)} for {dense!r}, got "
                f"{rank!r}"
            )
        alpha = rank if alpha is None else alpha
        if not 0 < alpha < float("inf"):
            raise ValueError(f"LoRA expects a positive alpha, got {alpha}")
        dtype = dense.kernel.value.dtype
        a = initializers.normal((inputs, rank), rng, dtype, scale=1 / sqrt(inputs))
        self.a = Parameter(a, "a_kernel", regularize=True)
        self.b = Parameter(np.zeros((rank, units), dtype), "b_kernel", regularize=True)
        self.dense, self.scale = dense, float(alpha / rank)

    def forward(self, x, *, training=False):
        x = as_floats(x, self.a.value.dtype)
        y = self.dense.forward(x)
        narrow = x @ self.a.value
        y += self.scale * (narrow @ self.b.value)
        return self.remember((x, narrow), y)

    def backward(self, grad, *, input_grad=True):
        x, narrow = self.recall(grad)
        scaled = self.scale * grad
        narrow_grad = scaled @ self.b.value.T
        self.a.grad += _rows(x).T @ _rows(narrow_grad)
        self.b.grad += _rows(narrow).T @ _rows(scaled)
        if not input_grad:
            return None
        return grad @ self.dense.kernel.value.T + narrow_grad @ self.a.value.T

    def named_parameters(self):
        return {"a": self.a, "b": self.b}

    def buffers(self):
        return {f"dense.{name}": p.value for name, p in self.dense.named_parameters().items()}

    def merge(self):
        """Return a Dense layer that computes the same: kernel ``W + s A B``, bias b."""
        inputs, units = self.dense.kernel.value.shape
        dtype = self.dense.kernel.value.dtype
        dense = Dense(inputs, units, initializer=initializers.zeros, dtype=dtype)
        dense.kernel.value += self.dense.kernel.value
        dense.kernel.value += self.scale * (self.a.value @ self.b.value)
        dense.bias.value += self.dense.bias.value
        return dense

    def __repr__(self):
        rank = self.a.value.shape[1]
        alpha = "" if self.scale == 1 else f", alpha={self.scale * rank:g}"
        return f"LoRA({self.dense!r}, rank={rank}{alpha})"


def add_lora(model, rank, *, names=None, alpha=None, rng=None):
    """Adapt the dense layers inside a model, in place; return the list of the new LoRA layers.

    To fine-tune with all else frozen, give the optimizer the parameters of these layers alone.

    Parameters
    ----------
    model : Layer
        A network that contains Dense layers.
    rank, alpha
        See :class:`LoRA`.
    names : sequence of str, optional
        Adapt only the layers that are attributes with such names, for example ``("query",
        "value")`` as in the paper; else all.
    rng : int, Generator or None
        Source of all A.

    Raises
    ------
    ValueError
        If there is nothing to adapt; the model is not changed then.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(8, 6, rng=0), nn.Tanh(), nn.Dense(6, 3, rng=1))
    >>> added = add_lora(model, 2, rng=2)
    >>> model
    Sequential(
        LoRA(Dense(8→6), rank=2),
        Tanh(),
        LoRA(Dense(6→3), rank=2),
    )
    >>> optimizer = nn.Adam([p for layer in added for p in layer.parameters()])
    """
    found = {
        inner: None
        for layer in _walk(model)
        for path, inner in layer._held()
        if isinstance(inner, Dense)
        and not isinstance(layer, LoRA)
        and (names is None or path in names)
    }
    if not found:
        wanted = "" if names is None else f" named {', '.join(names)}"
        raise ValueError(f"expected Dense layers{wanted} inside the model, found none in {model!r}")
    rng = np.random.default_rng(rng)
    added = [LoRA(dense, rank, alpha=alpha, rng=rng) for dense in found]
    _swap(model, {id(lora.dense): lora for lora in added})
    return added


def merge_lora(model):
    """Replace every LoRA layer inside a model by the dense layer that computes the same, in place.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(8, 6, rng=0), nn.Tanh(), nn.Dense(6, 3, rng=1))
    >>> _ = add_lora(model, 2, rng=2)
    >>> merge_lora(model)
    >>> model[0]
    Dense(8→6)
    """
    _swap(model, {id(lora): lora.merge() for lora in _walk(model) if isinstance(lora, LoRA)})


def _swap(model, new):
    """Put ``new[id(x)]`` wherever a layer of the model holds x, as an attribute or in a tuple."""
    for layer in list(_walk(model)):
        for name, held in list(vars(layer).items()):
            if isinstance(held, (tuple, list)) and any(id(each) in new for each in held):
                setattr(layer, name, type(held)(new.get(id(each), each) for each in held))
            elif id(held) in new:
                setattr(layer, name, new[id(held)])


def _rows(x):
    return x.reshape(-1, x.shape[-1])
