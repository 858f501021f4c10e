"""The sizes of published transformers, as their papers' tables give them."""

from dataclasses import dataclass
from numbers import Integral

from .._numbers import positive

__all__ = ["BERT_BASE", "BERT_LARGE", "GPT3", "MIXTRAL", "SMOLLM2_135M", "Architecture"]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The sizes of a transformer; the defaults are those of GPT-2 and GPT-3.

    Attributes
    ----------
    layers, dim, heads : int
        Blocks, features of a token (d), and attention heads of a block.
    vocabulary : int
        Rows of the embedding table.
    context : int
        The most tokens that it can see at once: as many rows has the table of learned positions.
    rotary : bool
        Whether positions are turned into queries and keys, without a table.
    segments : int
        Rows of BERT's table of segments; 0 elsewhere.
    hidden : int
        Width of the feed-forward part; 4 d if None.
    kv_heads : int
        Heads of keys and values; fewer than ``heads`` in grouped-query attention. As many if None.
    experts, active_experts : int
        Feed-forward parts of a block, and how many of them serve a token; a router chooses them if
        there are several.
    gated : bool
        Whether the feed-forward part has a third matrix, as in SwiGLU.
    bias : bool
        Whether matrices have biases, and norms a shift: LayerNorm has one, RMSNorm none.
    causal : bool
        Whether a token attends only to itself and those before it.
    pooler : bool
        Whether BERT's pooler, a d × d layer for the first token, comes at the end.
    head : {"tied", "own", None}
        The matrix from features to the vocabulary: the embedding table again, one of its own, or
        none.
    epsilon, base : float
        Of the norms, and of the rotation's angles.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, d is not divisible by the heads, or more experts
        serve a token than there are.

    Examples
    --------
    >>> tiny = Architecture(layers=2, dim=64, heads=4, vocabulary=100, context=32)
    >>> tiny.hidden, tiny.head_dim
    (256, 16)
    """

    layers: int
    dim: int
    heads: int
    vocabulary: int
    context: int = 0
    rotary: bool = False
    segments: int = 0
    hidden: int | None = None
    kv_heads: int | None = None
    experts: int = 1
    active_experts: int = 1
    gated: bool = False
    bias: bool = True
    causal: bool = True
    pooler: bool = False
    head: str | None = "tied"
    epsilon: float = 1e-5
    base: float = 10_000.0

    def __post_init__(self):
        least = dict.fromkeys(
            ("layers", "dim", "heads", "vocabulary", "experts", "active_experts"), 1
        )
        for name, bound in (least | {"context": 0, "segments": 0}).items():
            object.__setattr__(self, name, _whole(name, getattr(self, name), bound))
        for name, default in ("hidden", 4 * self.dim), ("kv_heads", self.heads):
            value = getattr(self, name)
            object.__setattr__(self, name, default if value is None else _whole(name, value, 1))
        if self.dim % self.heads or self.heads % self.kv_heads:
            raise ValueError(
                "dim must be divisible by heads, and heads by kv_heads, got "
                f"dim={self.dim}, heads={self.heads}, kv_heads={self.kv_heads}"
            )
        if self.active_experts > self.experts:
            raise ValueError(f"{self.active_experts} experts serve a token, of {self.experts}")
        if self.head not in ("tied", "own", None):
            raise ValueError(f'head is "tied", "own" or None, got {self.head!r}')
        for name in "epsilon", "base":
            object.__setattr__(self, name, float(positive(name, getattr(self, name))))

    @classmethod
    def llama(cls, **sizes):
        """Return an architecture of the Llama type: rotary, gated, without biases.

        Source: Touvron et al. (2023).

        Examples
        --------
        >>> a = Architecture.llama(
        ...     layers=2, dim=8, heads=4, kv_heads=2, hidden=16, vocabulary=10, context=32
        ... )
        >>> a.rotary, a.gated, a.bias
        (True, True, False)
        """
        return cls(rotary=True, gated=True, bias=False, **sizes)

    @property
    def head_dim(self):
        """Features of one head."""
        return self.dim // self.heads

    @property
    def kv_dim(self):
        """Features of all keys of a token, and of all values."""
        return self.kv_heads * self.head_dim


def _whole(name, value, least):
    """Return Python's own integer, which cannot overflow, or explain."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is a whole number of at least {least}, got {value!r}")
    return int(value)


def _bert(layers, dim, heads):
    return Architecture(
        layers=layers,
        dim=dim,
        heads=heads,
        vocabulary=30_522,
        context=512,
        segments=2,
        causal=False,
        pooler=True,
        head=None,
        epsilon=1e-12,
    )


def _gpt3(layers, dim, heads):
    return Architecture(layers=layers, dim=dim, heads=heads, vocabulary=50_257, context=2048)


#: Devlin et al. (2019), section 3, without the two heads that only pre-training needs.
BERT_BASE, BERT_LARGE = _bert(12, 768, 12), _bert(24, 1024, 16)

#: Brown et al. (2020), table 2.1, with two entries that cannot be right put right: it gives XL 24
#: heads of 128 features, which are not 2048 (here 16 heads), and 13B 5140 features, which are not
#: 40 heads of 128 (here 5120). With these, the counts agree with the paper's own table D.1.
GPT3 = {
    "Small": _gpt3(12, 768, 12),
    "Medium": _gpt3(24, 1024, 16),
    "Large": _gpt3(24, 1536, 16),
    "XL": _gpt3(24, 2048, 16),
    "2.7B": _gpt3(32, 2560, 32),
    "6.7B": _gpt3(32, 4096, 32),
    "13B": _gpt3(40, 5120, 40),
    "175B": _gpt3(96, 12_288, 96),
}

#: Jiang et al. (2024), table 1: "8x7B", a mixture of experts.
MIXTRAL = Architecture.llama(
    layers=32, dim=4096, heads=32, kv_heads=8, hidden=14_336, vocabulary=32_000, context=32_768,
    experts=8, active_experts=2, head="own", base=1_000_000,
)  # fmt: skip

#: Allal et al. (2025): a small model of the Llama type.
SMOLLM2_135M = Architecture.llama(
    layers=30, dim=576, heads=9, kv_heads=3, hidden=1536, vocabulary=49_152, context=8192,
    base=100_000,
)  # fmt: skip
