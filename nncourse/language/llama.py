"""Llama: the decoder that most open language models share, forward only.

Against GPT-2: RMSNorm for LayerNorm, positions by rotation, a gated network (SwiGLU), no biases,
and several query heads to one head of keys and values, which makes the cache of the past small.
Source: Touvron et al. (2023); Ainslie et al. (2023) for the grouped queries.
"""

from itertools import islice, tee
from math import sqrt

import numpy as np

from ..activations import silu, softmax
from ..layers.panels import laid_out
from ..layers.rotary import rotary_tables, rotate
from ..scale.counting import count_parameters
from .chat import chat_ids
from .sampling import draw
from .words import checked_ids

__all__ = ["KeyValueCache", "Llama", "weight_shapes"]

CHUNK = 256  # tokens read at once: bounds the memory that their attention takes


def weight_shapes(a):
    """Names of a Llama's weights, as GGUF files have them, and their shapes: (outputs, inputs).

    Parameters
    ----------
    a : Architecture

    Examples
    --------
    >>> from nncourse.scale.architectures import SMOLLM2_135M
    >>> shapes = weight_shapes(SMOLLM2_135M)
    >>> len(shapes), shapes["blk.29.attn_k.weight"]
    (272, (192, 576))
    """
    d, h, kv = a.dim, a.hidden, a.kv_dim
    block = {
        "attn_norm": (d,), "attn_q": (d, d), "attn_k": (kv, d), "attn_v": (kv, d),
        "attn_output": (d, d), "ffn_norm": (d,), "ffn_gate": (h, d), "ffn_up": (h, d),
        "ffn_down": (d, h),
    }  # fmt: skip
    shapes = {"token_embd.weight": (a.vocabulary, d), "output_norm.weight": (d,)}
    for i in range(a.layers):
        shapes |= {f"blk.{i}.{name}.weight": shape for name, shape in block.items()}
    return shapes


class KeyValueCache:
    """Keys and values of the tokens that were read, in every layer: what the next one looks at.

    Parameters
    ----------
    architecture : Architecture
    capacity : int
        The most tokens that it can hold, at most the context.

    Raises
    ------
    ValueError
        If the capacity is more than the context, or more than it is put in.

    Examples
    --------
    >>> from nncourse.scale.architectures import SMOLLM2_135M
    >>> KeyValueCache(SMOLLM2_135M, 100)
    KeyValueCache(0 of 100 tokens, 4.6 MB)
    """

    def __init__(self, architecture, capacity):
        a = architecture
        if not isinstance(capacity, int | np.integer) or not 0 < capacity <= a.context:
            raise ValueError(f"a cache holds from 1 to {a.context} tokens, got {capacity!r}.")
        # two arrays of shape (layers, kv_heads, capacity, head_dim)
        self.keys, self.values = np.zeros(
            (2, a.layers, a.kv_heads, capacity, a.head_dim), np.float32
        )
        self.length, self.capacity = 0, int(capacity)

    def __repr__(self):
        size = (self.keys.nbytes + self.values.nbytes) / 1e6
        return f"KeyValueCache({self.length} of {self.capacity} tokens, {size:.1f} MB)"

    def extend(self, layer, keys, values):
        """Append (kv_heads, new, head_dim) in one layer; return all keys and values there."""
        end = self.length + keys.shape[1]
        if end > self.capacity:
            raise ValueError(f"{self!r} has no room for {keys.shape[1]} more.")
        self.keys[layer, :, self.length : end] = keys
        self.values[layer, :, self.length : end] = values
        return self.keys[layer, :, :end], self.values[layer, :, :end]

    def rewind(self, length):
        """Forget all but the first ``length`` tokens."""
        if not isinstance(length, int | np.integer) or not 0 <= length <= self.length:
            raise ValueError(f"{self!r} cannot be cut to {length}.")
        self.length = int(length)


class Llama:
    """A Llama-type language model with given weights, in float32.

    Parameters
    ----------
    architecture : Architecture
        As :meth:`Architecture.llama <nncourse.scale.architectures.Architecture.llama>` makes it.
    weights : mapping
        From each name of :func:`weight_shapes` to its array, for instance a
        :class:`~nncourse.language.gguf.GGUFFile`. The pairs of features that are rotated are
        (0, 1), (2, 3), …, as in GGUF files. The table of token vectors is the output's kernel, too.
    tokenizer : BytePairTokenizer, optional
        To read and write text.
    end : sequence of int
        Tokens that end what is generated.

    Raises
    ------
    ValueError
        If the architecture is of another type, a weight has another shape or is not finite, or ids
        are no ids, none, or more than the context, with those in the cache.

    Examples
    --------
    >>> from nncourse.scale.architectures import Architecture
    >>> sizes = {"layers": 2, "dim": 8, "heads": 4, "kv_heads": 2, "hidden": 16}
    >>> tiny = Architecture.llama(vocabulary=10, context=32, **sizes)
    >>> rng = np.random.default_rng(0)
    >>> weights = {name: rng.normal(size=shape) for name, shape in weight_shapes(tiny).items()}
    >>> model = Llama(tiny, weights)
    >>> model
    Llama(dim=8, layers=2, heads=4, kv_heads=2, context=32, 1,272 parameters)
    >>> model.logits([1, 2, 3]).shape
    (3, 10)
    >>> len(model.generate([1, 2, 3], max_new_tokens=5))
    5
    """

    def __init__(self, architecture, weights, *, tokenizer=None, end=()):
        a = architecture
        llama = a.rotary and a.gated and a.causal and a.head == "tied" and a.context
        if not llama or a.bias or a.pooler or a.segments or a.head_dim % 2 or a.experts > 1:
            raise ValueError(
                f"expected Architecture.llama(...) with a context and an even head_dim, got {a}."
            )
        self.architecture, self.tokenizer = a, tokenizer
        self.end = tuple(checked_ids(end, a.vocabulary))
        shapes = weight_shapes(a)
        self.output = _kernel(weights, ["token_embd.weight"], shapes).copy()  # (dim, vocabulary)
        self.blocks = [_Block(a, weights, shapes, i) for i in range(a.layers)]
        self.norm = _checked(weights, "output_norm.weight", shapes)
        self._rotation = rotary_tables(1, a.head_dim, a.base)  # grows with the positions read

    def __repr__(self):
        a = self.architecture
        return (
            f"Llama(dim={a.dim}, layers={a.layers}, heads={a.heads}, kv_heads={a.kv_heads}, "
            f"context={a.context}, {self.count_parameters():,} parameters)"
        )

    def count_parameters(self):
        """Return how many numbers the model has."""
        return sum(count_parameters(self.architecture).values())

    def cache(self, capacity=None):
        """Return an empty :class:`KeyValueCache`, for the whole context unless told."""
        capacity = self.architecture.context if capacity is None else capacity
        return KeyValueCache(self.architecture, capacity)

    def logits(self, ids, cache=None):
        """Read tokens, and score for each the whole vocabulary as its successor.

        Parameters
        ----------
        ids : sequence of int
            At least one; with those in the cache no more than the context.
        cache : KeyValueCache, optional
            The tokens read before these; they are added to it.

        Returns
        -------
        array of float32, shape (len(ids), vocabulary)
        """
        return self._read(self._checked_ids(ids, cache), cache) @ self.output

    def generate(
        self,
        ids,
        *,
        max_new_tokens,
        temperature=0,
        top_k=None,
        top_p=None,
        stop=None,
        rng=None,
        stream=None,
        cache=True,
    ):
        """Continue a sequence; return the new ids.

        Ends at ``max_new_tokens``, at a token of ``stop`` (not returned), or where the context is
        full.

        Parameters
        ----------
        ids : sequence of int
            What stands before; a text goes to :meth:`complete`.
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
        ids, context = self._checked_ids(ids), self.architecture.context
        if stream:
            self._need_tokenizer()
        kept = []  # the cache, made when the first token is wanted

        def predict(new):
            if not cache:
                return self._read(ids + new)[-1] @ self.output
            if not new:
                kept[:] = [self.cache(min(context, len(ids) + max_new_tokens))]
            return self._read(new[-1:] or ids, *kept)[-1] @ self.output

        new = draw(
            predict, self.architecture.vocabulary, max_new_tokens=max_new_tokens, rng=rng,
            stop=self.end if stop is None else stop,
            temperature=temperature, top_k=top_k, top_p=top_p,
        )  # fmt: skip
        new = islice(new, context - len(ids))
        if stream:
            new, copy = tee(new)
            for piece in self.tokenizer.decode_stream(copy):
                stream(piece)
        return list(new)

    def complete(self, text, *, max_new_tokens=256, **options):
        """Continue a text; return what is new, a text. The options are those of :meth:`generate`.

        Special tokens are not recognized in the text.
        """
        self._need_tokenizer()
        ids = self.tokenizer.encode(text)
        return self.tokenizer.decode(self.generate(ids, max_new_tokens=max_new_tokens, **options))

    def chat(self, messages, *, max_new_tokens=256, **options):
        """Answer a question or continue a conversation; return the answer, a text.

        ``messages`` as for :func:`nncourse.language.chat.chat_ids`, the options as for
        :meth:`generate`.
        """
        self._need_tokenizer()
        ids = chat_ids(self.tokenizer, messages)
        return self.tokenizer.decode(self.generate(ids, max_new_tokens=max_new_tokens, **options))

    def _need_tokenizer(self):
        if self.tokenizer is None:
            raise ValueError("this model has no tokenizer, and cannot read or write text.")

    def _read(self, ids, cache=None):
        """Return what the last layer makes of each token, (len(ids), dim)."""
        cache, a = self.cache(len(ids)) if cache is None else cache, self.architecture
        end, parts = cache.length + len(ids), []
        tables = self._rotation  # another thread may put a shorter one there
        if end > len(tables[0]):
            tables = self._rotation = rotary_tables(min(2 * end, a.context), a.head_dim, a.base)
        for start in range(0, len(ids), CHUNK):
            x = np.ascontiguousarray(self.output[:, ids[start : start + CHUNK]].T)  # (time, dim)
            positions = slice(cache.length, cache.length + len(x))
            rotation = [table[positions] for table in tables]  # (time, head_dim / 2)
            for block in self.blocks:
                x = block(x, rotation, cache)
            cache.length += len(x)
            parts.append(_rms_norm(x, self.norm, a.epsilon))
        return np.concatenate(parts)

    def _checked_ids(self, ids, cache=None):
        ids, context = checked_ids(ids, self.architecture.vocabulary), self.architecture.context
        past = cache.length if cache else 0
        if not 0 < len(ids) <= context - past:
            after = f" after the {past} in the cache" if past else ""
            raise ValueError(
                f"the model reads from 1 to {context} tokens in all, got {len(ids)}{after}."
            )
        if cache and past + len(ids) > cache.capacity:
            raise ValueError(f"{cache!r} has no room for {len(ids)} more.")
        return ids


class _Block:
    """Attention, then a gated network; each reads a normalized stream and adds to it."""

    def __init__(self, architecture, weights, shapes, i):
        def kernel(*names):  # side by side: one product
            return _kernel(weights, [f"blk.{i}.{name}.weight" for name in names], shapes)

        self.architecture, self.layer = architecture, i
        self.attention_norm = _checked(weights, f"blk.{i}.attn_norm.weight", shapes)
        self.network_norm = _checked(weights, f"blk.{i}.ffn_norm.weight", shapes)
        attention = kernel("attn_q", "attn_k", "attn_v"), kernel("attn_output")
        network = kernel("ffn_gate", "ffn_up"), kernel("ffn_down")
        self.query_key_value, self.attention_output, self.gate_up, self.down = laid_out(
            [*attention, *network]
        )

    def __call__(self, x, rotation, cache):
        epsilon = self.architecture.epsilon
        x = x + self.attend(_rms_norm(x, self.attention_norm, epsilon), rotation, cache)
        return x + self.think(_rms_norm(x, self.network_norm, epsilon))  # (time, dim)

    def attend(self, x, rotation, cache):
        a, t = self.architecture, len(x)
        qkv = x @ self.query_key_value  # (time, (heads + 2 kv_heads) head_dim)
        qkv = qkv.reshape(t, -1, a.head_dim).swapaxes(0, 1)  # (heads + 2 kv_heads, time, head_dim)
        turned, values = rotate(qkv[: -a.kv_heads], *rotation), qkv[-a.kv_heads :]
        queries, keys = turned[: a.heads], turned[a.heads :]
        keys, values = cache.extend(self.layer, keys, values)  # (kv_heads, past + time, head_dim)
        queries = queries.reshape(a.kv_heads, -1, a.head_dim)  # (kv_heads, group · time, head_dim)
        scores = queries / sqrt(a.head_dim) @ keys.swapaxes(1, 2)
        scores = scores.reshape(a.heads, t, -1)  # (heads, time, past + time)
        if t > 1:
            future = np.triu(np.ones(scores.shape[1:], bool), k=1 + scores.shape[2] - t)
            np.copyto(scores, -np.inf, where=future)
        shares = softmax(scores).reshape(a.kv_heads, -1, keys.shape[1])
        mixed = (shares @ values).reshape(a.heads, t, a.head_dim)  # (heads, time, head_dim)
        return mixed.swapaxes(0, 1).reshape(t, -1) @ self.attention_output  # (time, dim)

    def think(self, x):
        both, hidden = x @ self.gate_up, self.architecture.hidden
        gate, up = both[:, :hidden], both[:, hidden:]  # (time, hidden)
        return (silu(gate) * up) @ self.down  # (time, dim)


def _rms_norm(x, gain, epsilon):
    mean_square = np.vecdot(x, x)[:, None] / x.shape[-1]
    return x / np.sqrt(mean_square + epsilon) * gain


def _kernel(weights, names, shapes):
    """Return matrices side by side as one of shape (inputs, outputs)."""
    return np.concatenate([_checked(weights, name, shapes) for name in names]).T


def _checked(weights, name, shapes):
    """Return a weight as float32, or say what is wrong with it."""
    array = np.asarray(weights[name], np.float32)
    if array.shape != shapes[name]:
        raise ValueError(f"weight {name!r} must have shape {shapes[name]}, got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"weight {name!r} holds NaN or infinity.")
    return array
