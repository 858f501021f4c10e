"""Llama: the decoder that most open language models share, forward only.

Against GPT-2: RMSNorm for LayerNorm, positions by rotation, a gated network (SwiGLU), no biases,
and several query heads to one head of keys and values, which makes the cache of the past small.
Source: Touvron et al. (2023); Ainslie et al. (2023) for the grouped queries.
"""

from dataclasses import dataclass
from itertools import tee
from math import prod, sqrt

import numpy as np

from ..activations import silu, softmax
from ..layers.rotary import rotary_tables, rotate
from .chat import chat_ids
from .sampling import sample
from .words import checked_ids

__all__ = ["KeyValueCache", "Llama", "LlamaConfig"]

CHUNK = 256  # tokens read at once: bounds the memory that their attention takes


@dataclass(frozen=True)
class LlamaConfig:
    """The sizes of a Llama-type model.

    Examples
    --------
    >>> config = LlamaConfig(
    ...     vocabulary=49152, dim=576, hidden=1536, layers=30, heads=9, kv_heads=3, context=8192
    ... )
    >>> config.parameters
    134515008
    """

    vocabulary: int
    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    context: int
    epsilon: float = 1e-5
    base: float = 10000.0

    @property
    def head_dim(self):
        """Features of one head."""
        return self.dim // self.heads

    @property
    def parameters(self):
        """How many numbers the model has."""
        return sum(map(prod, self.shapes().values()))

    def shapes(self):
        """Names of the weights, as GGUF files have them, and their shapes: (outputs, inputs)."""
        d, h, kv = self.dim, self.hidden, self.kv_heads * self.head_dim
        block = {
            "attn_norm": (d,), "attn_q": (d, d), "attn_k": (kv, d), "attn_v": (kv, d),
            "attn_output": (d, d), "ffn_norm": (d,), "ffn_gate": (h, d), "ffn_up": (h, d),
            "ffn_down": (d, h),
        }  # fmt: skip
        shapes = {"token_embd.weight": (self.vocabulary, d), "output_norm.weight": (d,)}
        for i in range(self.layers):
            shapes |= {f"blk.{i}.{name}.weight": shape for name, shape in block.items()}
        return shapes


class KeyValueCache:
    """Keys and values of the tokens that were read, in every layer: what the next one looks at.

    Parameters
    ----------
    config : LlamaConfig
    capacity : int
        The most tokens that it can hold.

    Examples
    --------
    >>> config = LlamaConfig(100, 64, 256, layers=2, heads=4, kv_heads=2, context=128)
    >>> KeyValueCache(config, 128)
    KeyValueCache(0 of 128 tokens, 0.1 MB)
    """

    def __init__(self, config, capacity):
        shape = (2, config.layers, config.kv_heads, capacity, config.head_dim)
        self.keys, self.values = np.zeros(shape, np.float32)
        self.length, self.capacity = 0, capacity

    def __repr__(self):
        size = (self.keys.nbytes + self.values.nbytes) / 1e6
        return f"KeyValueCache({self.length} of {self.capacity} tokens, {size:.1f} MB)"

    def extend(self, layer, keys, values):
        """Append (kv_heads, new, head_dim) in one layer; return all keys and values there."""
        end = self.length + keys.shape[1]
        self.keys[layer, :, self.length : end] = keys
        self.values[layer, :, self.length : end] = values
        return self.keys[layer, :, :end], self.values[layer, :, :end]


class Llama:
    """A Llama-type language model with given weights, in float32.

    Parameters
    ----------
    config : LlamaConfig
    weights : mapping
        From each name of ``config.shapes()`` to its array, for instance a
        :class:`~nncourse.language.gguf.GGUFFile`. The pairs of features that are rotated are
        (0, 1), (2, 3), …, as in GGUF files. The table of token vectors is the output's kernel, too.
    tokenizer : BytePairTokenizer, optional
        To read and write text.
    end : sequence of int
        Tokens that end what is generated.

    Raises
    ------
    ValueError
        If the sizes do not fit together, a weight has another shape, or ids are no ids, none, or
        more than the context.

    Examples
    --------
    >>> config = LlamaConfig(10, 8, 16, layers=2, heads=4, kv_heads=2, context=32)
    >>> rng = np.random.default_rng(0)
    >>> weights = {name: rng.normal(size=shape) for name, shape in config.shapes().items()}
    >>> model = Llama(config, weights)
    >>> model
    Llama(dim=8, layers=2, heads=4, kv_heads=2, context=32, 1,272 parameters)
    >>> model.logits([1, 2, 3]).shape
    (3, 10)
    >>> len(model.generate([1, 2, 3], max_new_tokens=5))
    5
    """

    def __init__(self, config, weights, *, tokenizer=None, end=()):
        if config.dim % config.heads or config.heads % config.kv_heads or config.head_dim % 2:
            raise ValueError(
                f"heads must divide dim into even parts, and kv_heads the heads; got {config}."
            )
        self.config, self.tokenizer, self.end = config, tokenizer, tuple(end)
        self.output = _kernel(weights, ["token_embd.weight"], config)  # (dim, vocabulary)
        self.blocks = [_Block(config, weights, i) for i in range(config.layers)]
        self.norm = _checked(weights, "output_norm.weight", config)
        self._rotation = rotary_tables(config.context, config.head_dim, config.base)

    def __repr__(self):
        c = self.config
        return (
            f"Llama(dim={c.dim}, layers={c.layers}, heads={c.heads}, kv_heads={c.kv_heads}, "
            f"context={c.context}, {c.parameters:,} parameters)"
        )

    def cache(self, capacity=None):
        """Return an empty :class:`KeyValueCache`, for the whole context unless told."""
        return KeyValueCache(self.config, capacity or self.config.context)

    def logits(self, ids, cache=None):
        """Read tokens, and score for each the whole vocabulary as its successor.

        Parameters
        ----------
        ids : sequence of int
            At least one.
        cache : KeyValueCache, optional
            The tokens read before these; they are added to it.

        Returns
        -------
        array of float32, shape (len(ids), vocabulary)
        """
        return self._read(self._checked_ids(ids), cache) @ self.output

    def generate(
        self,
        prompt,
        *,
        max_new_tokens=100,
        temperature=0.0,
        top_k=None,
        top_p=None,
        rng=None,
        stop=None,
        stream=None,
        cache=True,
    ):
        """Continue a prompt: text with text, or ids with ids; return what is new.

        Ends at ``max_new_tokens``, at a token of ``stop`` (not returned), or where the context is
        full.

        Parameters
        ----------
        prompt : str or sequence of int
            Special tokens are recognized in ids alone.
        max_new_tokens : int
            At least 1.
        temperature, top_k, top_p, rng
            As for :func:`nncourse.language.sampling.sample`; temperature 0 always takes the best.
        stop : int or sequence of int, optional
            Tokens to end at; ``model.end`` unless told.
        stream : callable, optional
            Gets each piece of text as soon as it is there.
        cache : bool
            False reads the whole sequence again for each token: the same ids, slowly.
        """
        text = isinstance(prompt, str)
        if self.tokenizer is None and (text or stream):
            raise ValueError("this model has no tokenizer: give ids, and no stream.")
        ids = self._checked_ids(self.tokenizer.encode(prompt) if text else prompt)
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens!r}.")
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        sample([0.0], **options)  # complains now rather than after the prompt was read
        options["rng"] = np.random.default_rng(rng)
        if stop is None:
            stop = self.end
        else:
            one = isinstance(stop, (int, np.integer))
            stop = checked_ids([stop] if one else stop, self.config.vocabulary)
        new = self._continue(ids, max_new_tokens, stop, options, cache)
        if stream:
            new, copy = tee(new)
            for piece in self.tokenizer.decode_stream(copy):
                stream(piece)
        new = list(new)
        return self.tokenizer.decode(new) if text else new

    def chat(self, messages, *, max_new_tokens=256, **options):
        """Answer a question or continue a conversation; return the answer, a text.

        ``messages`` as for :func:`nncourse.language.chat.chat_ids`, the options as for
        :meth:`generate`.
        """
        if self.tokenizer is None:
            raise ValueError("this model has no tokenizer, and a chat is text.")
        ids = chat_ids(self.tokenizer, messages)
        return self.tokenizer.decode(self.generate(ids, max_new_tokens=max_new_tokens, **options))

    def _continue(self, ids, tokens, stop, options, cached):
        """Yield new ids, one after the other."""
        tokens = min(tokens, self.config.context - len(ids))
        cache, unread, ids = self.cache(len(ids) + tokens), ids, list(ids)
        for _ in range(tokens):
            h = self._read(unread, cache) if cached else self._read(ids)
            new = sample(h[-1] @ self.output, **options)
            if new in stop:
                return
            yield new
            unread = [new]
            ids.append(new)

    def _read(self, ids, cache=None):
        """Return what the last layer makes of each token, (len(ids), dim)."""
        cache = self.cache(len(ids)) if cache is None else cache
        if cache.length + len(ids) > cache.capacity:
            raise ValueError(f"{cache!r} has no room for {len(ids)} more.")
        parts = []
        for start in range(0, len(ids), CHUNK):
            x = np.ascontiguousarray(self.output[:, ids[start : start + CHUNK]].T)
            positions = slice(cache.length, cache.length + len(x))
            rotation = [table[positions] for table in self._rotation]
            for block in self.blocks:
                x = block(x, rotation, cache)
            cache.length += len(x)
            parts.append(_rms_norm(x, self.norm, self.config.epsilon))
        return np.concatenate(parts)

    def _checked_ids(self, ids):
        ids = checked_ids(ids, self.config.vocabulary)
        if not 0 < len(ids) <= self.config.context:
            raise ValueError(
                f"the model reads from 1 to {self.config.context} tokens, got {len(ids)}."
            )
        return ids


class _Block:
    """Attention, then a gated network; each reads a normalized stream and adds to it."""

    def __init__(self, config, weights, i):
        def kernel(*names):
            return _kernel(weights, [f"blk.{i}.{name}.weight" for name in names], config)

        self.config, self.layer = config, i
        self.attention_norm = _checked(weights, f"blk.{i}.attn_norm.weight", config)
        self.network_norm = _checked(weights, f"blk.{i}.ffn_norm.weight", config)
        self.query_key_value = kernel("attn_q", "attn_k", "attn_v")  # side by side: one product
        self.attention_output = kernel("attn_output")
        self.gate_up, self.down = kernel("ffn_gate", "ffn_up"), kernel("ffn_down")

    def __call__(self, x, rotation, cache):
        h = _rms_norm(x, self.attention_norm, self.config.epsilon)
        x = x + self.attend(h, rotation, cache)
        h = _rms_norm(x, self.network_norm, self.config.epsilon) @ self.gate_up
        gate, up = h[:, : self.config.hidden], h[:, self.config.hidden :]
        return x + (silu(gate) * up) @ self.down

    def attend(self, x, rotation, cache):
        heads, kv, d, t = self.config.heads, self.config.kv_heads, self.config.head_dim, len(x)
        qkv = (x @ self.query_key_value).reshape(t, heads + 2 * kv, d).swapaxes(0, 1)
        turned = rotate(qkv[: heads + kv], *rotation)
        keys, values = cache.extend(self.layer, turned[heads:], qkv[heads + kv :])  # (kv, s, d)
        queries = turned[:heads].reshape(kv, -1, d) / sqrt(d)  # a group of heads, one head of keys
        scores = (queries @ keys.swapaxes(1, 2)).reshape(heads, t, -1)
        if t > 1:
            future = np.triu(np.ones(scores.shape[1:], bool), k=1 + scores.shape[2] - t)
            np.copyto(scores, -np.inf, where=future)
        mixed = softmax(scores).reshape(kv, -1, keys.shape[1]) @ values
        return mixed.reshape(heads, t, d).swapaxes(0, 1).reshape(t, -1) @ self.attention_output


def _rms_norm(x, gain, epsilon):
    mean_square = np.vecdot(x, x)[:, None] / x.shape[-1]
    return x / np.sqrt(mean_square + epsilon) * gain


def _kernel(weights, names, config):
    """Return matrices side by side as one of shape (inputs, outputs).

    Decoding takes as long as reading the weights, which is fastest along the longer side.
    """
    kernel = np.concatenate([_checked(weights, name, config) for name in names]).T
    return kernel if kernel.shape[0] > kernel.shape[1] else np.ascontiguousarray(kernel)


def _checked(weights, name, config):
    """Return a weight as float32, or say that it has another shape."""
    array, shape = np.asarray(weights[name], np.float32), config.shapes()[name]
    if array.shape != shape:
        raise ValueError(f"weight {name!r} must have shape {shape}, got {array.shape}.")
    return array
