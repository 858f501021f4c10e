"""Looking into a Llama while it reads: the residual stream, the logit lens, and knockouts.

Each block adds two vectors to the stream of a token, one from its attention and one from its
network. So one can look at the stream between blocks, leave a vector out, or put another one in,
and see what the model says then.
"""

import copy

import numpy as np

from ..layers.rotary import rotary_tables
from .llama import _rms_norm
from .words import checked_ids

__all__ = ["logit_lens", "residual_stream"]


def residual_stream(model, ids, *, attention=(), network=(), heads=(), replace=None):
    """Return what stands in the residual stream before each block, and after the last one.

    ``stream[0]`` are the vectors of the tokens; ``stream[i + 1] - stream[i]`` is what block i adds.

    Parameters
    ----------
    model : Llama
    ids : sequence of int
    attention, network : collection of (layer, position)
        What the attention, or the network, of this layer adds at this position is left out.
        A position of None means all; a negative one counts from the end.
    heads : collection of (layer, head)
        Attention heads that add nothing, at any position.
    replace : dict, optional
        From (layer, position) to a vector of shape (dim,): it takes the stream's place there,
        before the block of this layer.

    Returns
    -------
    array of float32, shape (layers + 1, tokens, dim)

    Raises
    ------
    ValueError
        If ids are no ids, none or too many, or there is no such layer, position or head.

    Source: Elhage et al. (2021) for the stream; Meng, Bau, Andonian and Belinkov (2022) for
    putting back what another run held.

    Examples
    --------
    >>> from nncourse.language.llama import Llama, weight_shapes
    >>> from nncourse.scale.architectures import Architecture
    >>> sizes = {"layers": 2, "dim": 8, "heads": 4, "kv_heads": 2, "hidden": 16}
    >>> tiny = Architecture.llama(vocabulary=10, context=32, **sizes)
    >>> rng = np.random.default_rng(0)
    >>> weights = {name: rng.normal(size=shape) for name, shape in weight_shapes(tiny).items()}
    >>> model = Llama(tiny, weights)
    >>> stream = residual_stream(model, [1, 2, 3])
    >>> stream.shape, np.allclose(logit_lens(model, stream[-1]), model.logits([1, 2, 3]), atol=1e-4)
    ((3, 3, 8), True)
    >>> without = residual_stream(model, [1, 2, 3], attention=[(1, 2)])
    >>> np.abs(without - stream).max(axis=(1, 2)) > 0  # nothing before layer 1 has changed
    array([False, False,  True])
    """
    a, ids = model.architecture, checked_ids(ids, model.architecture.vocabulary)
    if not 0 < len(ids) <= a.context:
        raise ValueError(f"the model reads from 1 to {a.context} tokens, got {len(ids)}.")
    replace = {} if replace is None else replace
    for layer, position in (*attention, *network, *replace):
        _within("layer", layer, a.layers + 1 if (layer, position) in replace else a.layers, 0)
        if position is not None:
            _within("position", position, len(ids))
    for layer, head in heads:
        _within("layer", layer, a.layers, 0)
        _within("head", head, a.heads, 0)
    rotation, cache = rotary_tables(len(ids), a.head_dim, a.base), model.cache(len(ids))
    x = np.ascontiguousarray(model.output[:, ids].T)  # (tokens, dim)
    stream = [_replaced(x, replace, 0)]
    for layer, block in enumerate(model.blocks):
        x, block = stream[-1], _without_heads(block, [h for at, h in heads if at == layer], a)
        normed = _rms_norm(x, block.attention_norm, a.epsilon)
        x = x + _silenced(block.attend(normed, rotation, cache), attention, layer)
        normed = _rms_norm(x, block.network_norm, a.epsilon)
        x = x + _silenced(block.think(normed), network, layer)
        stream.append(_replaced(x, replace, layer + 1))
    return np.stack(stream)


def logit_lens(model, stream):
    """Score the vocabulary from any place in the residual stream, as if the model ended there.

    ``rms_norm(stream) @ output``: the last two steps of the model, taken early. A vector that is
    read so need not be what later blocks read in it. Source: nostalgebraist (2020).

    Parameters
    ----------
    model : Llama
    stream : array of shape (..., dim)

    Returns
    -------
    array of float32, shape (..., vocabulary)

    Examples
    --------
    See :func:`residual_stream`.
    """
    rows = np.asarray(stream, np.float32).reshape(-1, model.architecture.dim)
    logits = _rms_norm(rows, model.norm, model.architecture.epsilon) @ model.output
    return logits.reshape(*np.shape(stream)[:-1], -1)


def _within(name, index, count, least=None):
    least = -count if least is None else least  # from the end
    if not isinstance(index, int | np.integer) or not least <= index < count:
        raise ValueError(f"{name} is a whole number from {least} to {count - 1}, got {index!r}.")


def _silenced(added, places, layer):
    """Return what a layer adds, with zeros where it is to be left out."""
    for at, position in places:
        if at == layer:
            added = added.copy()
            added[slice(None) if position is None else position] = 0
    return added


def _replaced(x, replace, layer):
    for (at, position), vector in replace.items():
        if at == layer:
            x = x.copy()
            x[position] = vector
    return x


def _without_heads(block, heads, a):
    """Return the block with the rows of the output's kernel that belong to these heads at zero."""
    if not heads:
        return block
    block = copy.copy(block)
    kept = np.ones((a.heads, a.head_dim), np.float32)
    kept[heads] = 0
    block.attention_output = np.diag(kept.ravel()) @ block.attention_output  # also of panels
    return block
