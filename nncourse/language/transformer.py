"""Transformers: blocks of attention and dense layers around a stream that they add to.

A GPT reads from left to right and predicts the next token at every step. A BERT sees the whole
text at once and gives each token a vector. Both are small here and trainable; the published BERT
weights of :mod:`nncourse.language.pretrained` go into the same class.
"""

from functools import partial
from math import sqrt

import numpy as np

from ..initializers import glorot_uniform, normal
from ..layers.activation import GELU
from ..layers.attention import MultiHeadAttention
from ..layers.core import Layer, Residual, Sequential, _check_sizes
from ..layers.dense import Dense, Dropout
from ..layers.embedding import Embedding, PositionalEncoding
from ..layers.masks import checked_mask
from ..layers.normalization import LayerNorm
from .sampling import draw
from .words import checked_ids

__all__ = ["BERT", "GPT", "TransformerBlock"]


class TransformerBlock(Sequential):
    """Attention, then a network of two dense layers for each step, both around shortcuts.

    With the normalization first, as in GPT-2: ``x + attention(norm(x))``, then ``x +
    network(norm(x))``. With it last, as in BERT: ``norm(x + attention(x))``, then ``norm(x +
    network(x))``. PyTorch: ``nn.TransformerEncoderLayer``.
    Source: Vaswani et al. (2017), section 3.1; Xiong et al. (2020) for the order.

    Parameters
    ----------
    dim, heads : int
        As in :class:`~nncourse.layers.attention.MultiHeadAttention`: (batch, time, dim) stays.
    hidden : int, optional
        Neurons in the middle of the network; ``4 * dim`` unless told.
    causal, rotary : bool
        As in MultiHeadAttention.
    norm_first : bool
        Whether each part normalizes what it reads, rather than the stream.
    activation : callable
        Makes the layer between the two dense ones.
    epsilon : float
        Of the normalizations.
    dropout : float
        Rate, at the end of each part.
    initializer : callable
        ``initializer(shape, rng, dtype)`` for the kernels of attention and network.
    rng : int, Generator or None
        Source of the random kernels and of dropout.
    dtype : data-type
        Of the parameters.

    Attributes
    ----------
    attention : MultiHeadAttention
    network : tuple of Dense
    attention_norm, network_norm : LayerNorm

    Raises
    ------
    ValueError
        If a size does not fit; see MultiHeadAttention.

    Examples
    --------
    >>> block = TransformerBlock(8, 2, causal=True, rng=0)
    >>> block
    TransformerBlock(8, heads=2, hidden=32, causal=True)
    >>> block(np.ones((1, 3, 8), np.float32)).shape
    (1, 3, 8)
    """

    def __init__(
        self,
        dim,
        heads,
        *,
        hidden=None,
        causal=False,
        rotary=False,
        norm_first=True,
        activation=GELU,
        epsilon=1e-5,
        dropout=0.0,
        initializer=glorot_uniform,
        rng=None,
        dtype=np.float32,
    ):
        rng = np.random.default_rng(rng)
        made = {"initializer": initializer, "rng": rng, "dtype": dtype}
        attention = MultiHeadAttention(dim, heads, causal=causal, rotary=rotary, **made)
        self.hidden = hidden = 4 * int(dim) if hidden is None else hidden
        network = Dense(dim, hidden, **made), Dense(hidden, dim, **made)
        norms = [LayerNorm(dim, epsilon=epsilon, dtype=dtype) for _ in range(2)]
        first = [attention, Dropout(dropout, rng=rng)]
        second = [network[0], activation(), network[1], Dropout(dropout, rng=rng)]
        if norm_first:
            self.attention_norm, self.attention = norms[0], attention
            self.network_norm, self.network = norms[1], network
            super().__init__(Residual(norms[0], *first), Residual(norms[1], *second))
        else:
            self.attention, self.attention_norm = attention, norms[0]
            self.network, self.network_norm = network, norms[1]
            super().__init__(Residual(*first), norms[0], Residual(*second), norms[1])

    def __repr__(self):
        sizes = repr(self.attention).removeprefix("MultiHeadAttention(")
        return "TransformerBlock(" + sizes.replace(
            f"heads={self.attention.heads}", f"heads={self.attention.heads}, hidden={self.hidden}"
        )


class GPT(Layer):
    """A decoder: for each token of a text, a score for each token that could come next.

    Vectors of tokens and positions, causal blocks with the normalization first, a last
    normalization, and the table of token vectors once more as the output's kernel: ``logits = h
    Eᵀ``, so that ``dL/dE`` has two parts. Source: Radford et al. (2019); Press and Wolf (2017) for
    the shared table.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens: (batch, time) of ids → (batch, time, vocabulary).
    dim, heads : int
        As in :class:`TransformerBlock`.
    layers : int
        Number of blocks.
    context : int
        The most tokens that it sees at once: the longest sequence.
    rotary : bool
        Whether attention turns queries and keys by their positions, instead of adding learned
        vectors.
    dropout : float
        Rate, in each block and after the embedding.
    rng : int, Generator or None
        Source of the random parameters and of dropout.
    dtype : data-type
        Of the parameters.

    Attributes
    ----------
    blocks : tuple of TransformerBlock

    Raises
    ------
    TypeError, ValueError
        If the ids are not whole numbers of the vocabulary, the sequence is too long, or it is
        padded on the left.

    Notes
    -----
    Pad texts of a batch on the right: a text's first token stands at position 0, and no token sees
    what comes after it. ``forward(x, mask=mask)`` refuses another mask.

    Examples
    --------
    >>> model = GPT(10, 8, 2, 1, context=16, rng=0)
    >>> model(np.array([[1, 2, 3]])).shape
    (1, 3, 10)
    >>> len(model.generate([1, 2, 3], max_new_tokens=5))
    5
    """

    takes_mask = True

    def __init__(
        self,
        vocabulary,
        dim,
        heads,
        layers,
        *,
        context,
        rotary=False,
        dropout=0.0,
        rng=None,
        dtype=np.float32,
    ):
        layers, context = _check_sizes(self, layers=layers, context=context)
        rng = np.random.default_rng(rng)
        made = {"rng": rng, "dtype": dtype}
        self.embedding = Embedding(vocabulary, dim, initializer=_unit_rows, **made)
        self.positions = None if rotary else PositionalEncoding(context, dim, learned=True, **made)
        options = {"causal": True, "rotary": rotary, "dropout": dropout} | made
        self.blocks = tuple(TransformerBlock(dim, heads, **options) for _ in range(layers))
        for block in self.blocks:  # so that the stream does not grow with the number of blocks
            for last in (block.attention.output, block.network[1]):
                last.kernel.value /= sqrt(2 * layers)
        self.norm = LayerNorm(dim, dtype=dtype)
        parts = [Dropout(dropout, rng=rng), *self.blocks, self.norm]
        self.body = Sequential(*parts) if rotary else Sequential(self.positions, *parts)
        self.context = context

    def forward(self, x, *, training=False, mask=None):
        _check_ids(self, x, self.context)
        if mask is not None:
            _check_padding(self, checked_mask(mask, x.shape, repr(self)))
        h = self.embedding.forward(x)  # (batch, time, dim)
        h = self.body.forward(h, training=training, mask=mask)
        return self.remember(h, h @ self.embedding.table.value.T)  # (batch, time, vocabulary)

    def backward(self, grad):
        h = self.recall(grad)
        table = self.embedding.table
        table.grad += grad.reshape(-1, len(table.value)).T @ h.reshape(-1, h.shape[-1])
        self.embedding.backward(self.body.backward(grad @ table.value))

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
    ):
        """Continue a sequence; return the new ids, chosen one after the other.

        Each is chosen from the prediction after the last ``context`` ids: what stands before is
        forgotten. Ends at ``max_new_tokens``, or at an id of ``stop``, which is not returned; see
        :func:`nncourse.language.sampling.draw` for the settings.

        Raises
        ------
        ValueError
            If there are no ids, or ids of another vocabulary, or a number is out of range.
        """
        vocabulary = len(self.embedding.table.value)
        ids = checked_ids(ids, vocabulary)
        if not ids:
            raise ValueError("generate expects at least one id to go on from, got none")

        def predict(new):
            return self.forward(np.array([(ids + new)[-self.context :]]))[0, -1]

        return list(
            draw(
                predict, vocabulary, max_new_tokens=max_new_tokens, temperature=temperature,
                top_k=top_k, top_p=top_p, stop=stop, rng=rng,
            )
        )  # fmt: skip

    def __repr__(self):
        vocabulary, dim = self.embedding.table.value.shape
        heads = self.blocks[0].attention.heads
        return f"GPT({vocabulary}, {dim}, heads={heads}, layers={len(self.blocks)})"


class BERT(Layer):
    """An encoder: a vector for each token of a text, made from the tokens on both sides.

    Vectors of tokens, positions and segments are added and normalized; then come blocks with the
    normalization last and the exact GELU. To train it, put a head on it:
    ``nn.Sequential(nn.BERT(...), nn.Dense(dim, vocabulary))`` predicts masked tokens.
    Source: Devlin et al. (2019), section 3.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens: (batch, time) of ids → (batch, time, dim).
    dim, heads, hidden : int
        As in :class:`TransformerBlock`.
    segments : int
        Number of kinds of text in a sequence: BERT has two, a question and a passage for instance.
    layers, context, dropout, rng, dtype
        As in :class:`GPT`.

    Attributes
    ----------
    tokens, segments : Embedding
    positions : PositionalEncoding
    norm : LayerNorm
    blocks : tuple of TransformerBlock

    Raises
    ------
    TypeError, ValueError
        If the ids are not whole numbers of the vocabulary, or the sequence is too long.

    Notes
    -----
    ``forward(x, mask=mask, segments=segments)`` takes, beside the mask of real tokens, the number
    of each token's segment; all are of segment 0 unless told.

    Examples
    --------
    >>> model = BERT(10, 8, 2, 1, context=16, rng=0)
    >>> model(np.array([[1, 2, 0]]), mask=np.array([[True, True, False]])).shape
    (1, 3, 8)
    """

    takes_mask = True

    def __init__(
        self,
        vocabulary,
        dim,
        heads,
        layers,
        *,
        context,
        hidden=None,
        segments=2,
        dropout=0.0,
        rng=None,
        dtype=np.float32,
    ):
        layers, context = _check_sizes(self, layers=layers, context=context)
        rng = np.random.default_rng(rng)
        made = {"rng": rng, "dtype": dtype}
        self.tokens = Embedding(vocabulary, dim, initializer=_unit_rows, **made)
        self.positions = PositionalEncoding(context, dim, learned=True, **made)
        self.segments = Embedding(segments, dim, initializer=_unit_rows, **made)
        self.norm = LayerNorm(dim, epsilon=1e-12, dtype=dtype)
        options = {"norm_first": False, "epsilon": 1e-12, "activation": partial(GELU, exact=True)}
        options |= {"hidden": hidden, "dropout": dropout} | made
        self.blocks = tuple(TransformerBlock(dim, heads, **options) for _ in range(layers))
        self.body = Sequential(self.norm, Dropout(dropout, rng=rng), *self.blocks)
        self.context = context

    def forward(self, x, *, training=False, mask=None, segments=None):
        _check_ids(self, x, self.context)
        segments = np.zeros_like(x) if segments is None else np.asarray(segments)
        if segments.shape != x.shape:
            raise ValueError(f"{self!r} expects segments of shape {x.shape}, got {segments.shape}")
        tokens = self.positions.forward(self.tokens.forward(x), mask=mask)
        total = tokens + self.segments.forward(segments)  # (batch, time, dim)
        return self.remember(True, self.body.forward(total, training=training, mask=mask))

    def backward(self, grad):
        self.recall(grad)
        grad = self.body.backward(grad)
        self.segments.backward(grad)
        self.tokens.backward(self.positions.backward(grad))

    def __repr__(self):
        vocabulary, dim = self.tokens.table.value.shape
        heads = self.blocks[0].attention.heads
        return f"BERT({vocabulary}, {dim}, heads={heads}, layers={len(self.blocks)})"


def _unit_rows(shape, rng, dtype):
    """Vectors of length 1, about: as large as what the blocks add to them at the start."""
    return normal(shape, rng, dtype, scale=1 / sqrt(shape[1]))


def _check_ids(model, x, context):
    if x.ndim != 2:
        advice = " One text? Make it a batch of one: ids[None]." if x.ndim == 1 else ""
        raise ValueError(f"{model!r} expects ids (batch, time), got {x.shape}.{advice}")
    if x.shape[1] > context:
        raise ValueError(
            f"{model!r} reads at most {context} tokens, got {x.shape[1]}. Cut the text."
        )


def _check_padding(model, mask):
    if (mask[:, 1:] > mask[:, :-1]).any():
        raise ValueError(
            f"{model!r} reads from left to right: pad on the right, so that each text begins at "
            "position 0. In the mask, a real token follows padding."
        )
