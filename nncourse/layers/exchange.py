"""Exchange: weights from and to Keras, and from PyTorch, for every layer that both have.

Keras keeps them as nncourse does, in the same order, except for the heads of attention and the
second bias of a GRU. PyTorch keeps matrices as (outputs, inputs), images as (channels, height,
width), two biases in recurrent layers, and a GRU's gates in another order.
"""

import numpy as np

from .attention import MultiHeadAttention
from .bidirectional import Bidirectional
from .conv import Conv2D
from .core import Sequential, _arrays, _unlocked
from .dense import Dense, Flatten
from .depthwise import DepthwiseConv2D
from .embedding import Embedding
from .gated import GRU, LSTM
from .normalization import BatchNorm, LayerNorm, RMSNorm
from .recurrent import SimpleRNN

__all__ = ["from_keras", "from_pytorch", "to_keras"]

_KNOWN = (
    Dense, Conv2D, DepthwiseConv2D, BatchNorm, LayerNorm, RMSNorm, Embedding, SimpleRNN, LSTM, GRU,
    MultiHeadAttention,
)  # fmt: skip


def to_keras(layer):
    """Return the weights of a layer as Keras's ``set_weights`` takes them, as a list of arrays.

    Not among the weights: BatchNorm's and LayerNorm's epsilon, 1e-3 in Keras unless told, and
    BatchNorm's momentum. A :class:`~nncourse.layers.core.Sequential` gives those of its layers.

    Raises
    ------
    TypeError
        If Keras has no such layer.

    Examples
    --------
    >>> from nncourse.layers import Dense, MultiHeadAttention
    >>> [array.shape for array in to_keras(Dense(3, 2, rng=0))]
    [(3, 2), (2,)]
    >>> [array.shape for array in to_keras(MultiHeadAttention(6, 2, rng=0))][:2]
    [(6, 2, 3), (2, 3)]
    """
    if inner := _inside(layer):
        return [array for each in inner for array in to_keras(each)]
    arrays = [array.reshape(shape) for array, shape in _places(layer)]
    if isinstance(layer, GRU) and layer.reset_after:  # the second bias, of which z and r need none
        *kernels, bias, last = arrays
        second = np.zeros_like(bias)
        second[-len(last) :] = last
        arrays = [*kernels, np.stack([bias, second])]
    return [array.copy() for array in arrays]


def from_keras(layer, weights):
    """Put weights from Keras's ``get_weights()`` into a layer; return the layer.

    Parameters
    ----------
    layer : Layer
        Of the same sizes; a :class:`~nncourse.layers.core.Sequential` takes those of all its
        layers, one after the other.
    weights : sequence of arrays

    Raises
    ------
    TypeError
        If Keras has no such layer.
    ValueError
        If there are too many or too few, or one has another shape. Nothing is changed then.

    Examples
    --------
    >>> from nncourse.layers import Dense
    >>> layer = from_keras(Dense(2, 1), [np.array([[1.0], [2.0]]), np.array([3.0])])
    >>> layer(np.array([[1.0, 1.0]], np.float32))
    array([[6.]], dtype=float32)
    """
    weights, expected = [np.asarray(w) for w in weights], [w.shape for w in to_keras(layer)]
    if (got := [w.shape for w in weights]) != expected:
        raise ValueError(f"{layer!r} expects weights of the shapes {expected}, got {got}")
    if inner := _inside(layer):
        for each in inner:
            count = len(to_keras(each))
            from_keras(each, weights[:count])
            weights = weights[count:]
        return layer
    if isinstance(layer, GRU) and layer.reset_after:
        *kernels, (bias, second) = weights
        units = len(layer.recurrent_bias.value)
        bias = bias + np.where(np.arange(3 * units) < 2 * units, second, 0)
        weights = [*kernels, bias, second[-units:]]
    for (array, _), given in zip(_places(_unlocked(layer)), weights, strict=True):
        array[...] = given.reshape(array.shape)
    return layer


def from_pytorch(layer, state):
    """Put weights from PyTorch's ``state_dict()`` into a layer; return the layer.

    Parameters
    ----------
    layer : Layer
        Of the same sizes; a GRU with ``reset_after=True``. In a
        :class:`~nncourse.layers.core.Sequential`, names begin with the layer's number.
    state : mapping
        From names such as ``"weight"`` to tensors or arrays.

    Raises
    ------
    TypeError
        If PyTorch has no such layer.
    ValueError
        If a name is missing or unknown, or an array has another shape; nothing is changed then.
        Also for a dense layer that reads a flattened image: PyTorch flattens (channels, height,
        width), nncourse (height, width, channels), so its rows stand in another order.

    Examples
    --------
    >>> from nncourse.layers import Dense
    >>> state = {"weight": np.array([[1.0, 2.0]]), "bias": np.array([3.0])}
    >>> from_pytorch(Dense(2, 1), state).kernel.value
    array([[1.],
           [2.]], dtype=float32)
    """
    state = {name: np.asarray(array) for name, array in state.items()}
    if isinstance(layer, (Sequential, Bidirectional)):
        before = [(array, array.copy()) for array in _arrays(_unlocked(layer)).values()]
        try:
            several = isinstance(layer, Sequential)
            return (_layers_from_pytorch if several else _both_from_pytorch)(layer, state)
        except Exception:
            for array, old in before:
                array[...] = old
            raise
    places, names = _places(_unlocked(layer)), _TORCH_NAMES.get(type(layer), ())
    state.pop("num_batches_tracked", None)
    if set(state) != set(names):
        raise ValueError(f"{layer!r} expects the names {sorted(names)}, got {sorted(state)}")
    weights = _from_torch(layer, [state[name] for name in names])
    expected, got = [array.shape for array, _ in places], [w.shape for w in weights]
    if got != expected:
        raise ValueError(f"{layer!r} expects, once turned, the shapes {expected}, got {got}")
    for (array, _), given in zip(places, weights, strict=True):
        array[...] = given
    return layer


def _inside(layer):
    """Return the layers of a layer that has no arrays of its own."""
    if isinstance(layer, Bidirectional):
        return layer.first, layer.second
    return layer.layers if isinstance(layer, Sequential) else ()


def _both_from_pytorch(layer, state):
    """Of the second direction, the names end in ``_reverse``."""
    ends = "_reverse"
    from_pytorch(layer.first, {n: a for n, a in state.items() if not n.endswith(ends)})
    second = {n.removesuffix(ends): a for n, a in state.items() if n.endswith(ends)}
    from_pytorch(layer.second, second)
    return layer


def _places(layer):
    """Return each array of a layer, and the shape that Keras gives it."""
    arrays = [p.value for p in layer.parameters()] + list(layer.buffers().values())
    if arrays and not isinstance(layer, _KNOWN):
        raise TypeError(f"the other libraries have no layer like {layer!r}")
    if isinstance(layer, DepthwiseConv2D):
        return [(arrays[0], (*arrays[0].shape, 1)), (arrays[1], arrays[1].shape)]
    if not isinstance(layer, MultiHeadAttention):
        return [(array, array.shape) for array in arrays]
    heads = (layer.heads, layer.dim // layer.heads)
    shapes = [(layer.dim, *heads), heads] * 3 + [(*heads, layer.dim), (layer.dim,)]
    return list(zip(arrays, shapes, strict=True))


_RECURRENT = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_TORCH_NAMES = {
    Dense: ("weight", "bias"),
    Conv2D: ("weight", "bias"),
    DepthwiseConv2D: ("weight", "bias"),
    LayerNorm: ("weight", "bias"),
    BatchNorm: ("weight", "bias", "running_mean", "running_var"),
    RMSNorm: ("weight",),
    Embedding: ("weight",),
    SimpleRNN: _RECURRENT,
    LSTM: _RECURRENT,
    GRU: _RECURRENT,
    MultiHeadAttention: ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"),
}


def _from_torch(layer, weights):
    """Return PyTorch's arrays in the order and the axes of nncourse."""
    if isinstance(layer, Dense):
        return [weights[0].T, weights[1]]
    if isinstance(layer, Conv2D):
        return [weights[0].transpose(2, 3, 1, 0), weights[1]]
    if isinstance(layer, DepthwiseConv2D):
        return [weights[0][:, 0].transpose(1, 2, 0), weights[1]]
    if isinstance(layer, MultiHeadAttention):
        kernels, biases = np.split(weights[0], 3), np.split(weights[1], 3)
        kernels, biases = [*kernels, weights[2]], [*biases, weights[3]]
        return [part for k, b in zip(kernels, biases, strict=True) for part in (k.T, b)]
    if isinstance(layer, GRU):
        if not layer.reset_after:
            raise ValueError("PyTorch's GRU resets after the product: GRU(..., reset_after=True)")
        weights = [_swapped(array) for array in weights]  # r, z, g → z, r, g
        kernel, recurrent, first, second = weights
        units = recurrent.shape[1]
        both = first + np.where(np.arange(len(second)) < 2 * units, second, 0)
        return [kernel.T, recurrent.T, both, second[2 * units :]]
    if isinstance(layer, (SimpleRNN, LSTM)):
        kernel, recurrent, first, second = weights
        return [kernel.T, recurrent.T, first + second]
    return weights


def _swapped(array):
    """Swap the first two of three blocks of rows."""
    r, z, g = np.split(array, 3)
    return np.concatenate([z, r, g])


def _layers_from_pytorch(model, state):
    kinds = [type(layer) for layer in model.layers]
    images = [i for i, kind in enumerate(kinds) if kind in (Conv2D, DepthwiseConv2D)]
    if images and Flatten in kinds[images[0] :]:
        raise ValueError(
            "PyTorch flattens images in another order: take over the layers one by one, and move "
            "the dense layer's inputs from (channels, height, width) to (height, width, channels) "
            "first"
        )
    known = set()
    for i, layer in enumerate(model.layers):
        mine = {name: array for name, array in state.items() if name.startswith(f"{i}.")}
        from_pytorch(layer, {name.removeprefix(f"{i}."): a for name, a in mine.items()})
        known |= set(mine)
    if unknown := sorted(set(state) - known):
        raise ValueError(f"{model!r} has no layer for {', '.join(unknown)}")
    return model
