"""Counting before computing: parameters, operations, bytes, money and energy of a transformer.

Exact where it can be; estimates say so. Prices, speeds and powers are arguments, never assumed.
FLOPs are floating-point operations, not per second; a multiplication and an addition are two.
"""

from .._numbers import positive
from .architectures import Architecture, _whole

__all__ = [
    "activation_bytes", "count_parameters", "forward_flops", "kv_cache_bytes", "run_cost",
    "run_energy", "run_seconds", "training_bytes", "training_flops",
]  # fmt: skip


def count_parameters(a, *, active=False):
    """Count a model's parameters, by part; the sum of the parts is what papers print.

    With d the features, h the hidden width and k the features of the keys, a block has 2 d² + 2 d k
    in its attention, 2 d h (gated: 3 d h) in its feed-forward part, and two norms; biases come on
    top. For GPT-3's proportions that is 12 d² + 13 d. Each expert of a mixture is a feed-forward
    part of its own, and a router of d weights for each of them chooses.

    Parameters
    ----------
    a : Architecture
    active : bool
        Whether to count only what works for one token: of the experts, those that serve it.

    Returns
    -------
    dict of int

    Examples
    --------
    >>> from nncourse.scale.architectures import BERT_BASE
    >>> count_parameters(BERT_BASE)
    {'embeddings': 23835648, 'attention': 28348416, 'feed_forward': 56669184, 'norms': 38400, \
'pooler': 590592, 'head': 0}
    >>> sum(count_parameters(BERT_BASE).values())
    109482240
    >>> from nncourse.scale.architectures import MIXTRAL
    >>> [sum(count_parameters(MIXTRAL, active=active).values()) for active in (False, True)]
    [46702792704, 12879925248]
    """
    d, h, k = _checked(a).dim, a.hidden, a.kv_dim
    norm = 2 * d if a.bias else d
    attention = 2 * d * d + 2 * d * k + a.bias * (2 * d + 2 * k)
    feed_forward = (3 if a.gated else 2) * d * h + a.bias * (h + d + a.gated * h)
    feed_forward *= a.active_experts if active else a.experts
    router = {"router": a.layers * d * a.experts} if a.experts > 1 else {}
    positions = 0 if a.rotary else a.context
    return {
        "embeddings": (a.vocabulary + positions + a.segments) * d,
        "attention": a.layers * attention,
        "feed_forward": a.layers * feed_forward,
        **router,
        "norms": (2 * a.layers + 1) * norm,  # the last one ends GPT, and begins BERT
        "pooler": a.pooler * (d * d + d),
        "head": a.vocabulary * d if a.head == "own" else 0,
    }


def forward_flops(a, tokens, *, past=0):
    """Count the FLOPs of the matrix products when ``tokens`` tokens pass through the model.

    A matrix of p parameters costs 2 p a token. Attention costs 4 d for each pair of a token and one
    that it attends to: q · k, and the weighted sum of the values. Looking up embeddings is free;
    norms, activations, softmax and biases are left out: their share is of the order of 1/d.

    Parameters
    ----------
    a : Architecture
    tokens : int
        New tokens of one sequence.
    past : int
        Tokens before them whose keys and values are in the cache (causal models only).

    Raises
    ------
    ValueError
        If a number is out of range, or a model that is not causal has a past.

    Examples
    --------
    Reading 1,000 tokens, against writing the one after them:

    >>> from nncourse.scale.architectures import GPT3
    >>> small = GPT3["Small"]
    >>> forward_flops(small, 1000) // 10**9, forward_flops(small, 1, past=1000) // 10**6
    (265, 283)
    """
    tokens, past = _whole("tokens", tokens, 1), _whole("past", past, 0)
    if past and not _checked(a).causal:
        raise ValueError(f"only a causal model can go on from a past, got past={past}")
    d, gates = _checked(a).dim, 3 if a.gated else 2
    experts = a.active_experts * gates * d * a.hidden + (a.experts > 1) * d * a.experts
    matrices = a.layers * (2 * d * d + 2 * d * a.kv_dim + experts)
    if a.head:
        matrices += a.vocabulary * d
    pairs = tokens * past + tokens * (tokens + 1) // 2 if a.causal else tokens * tokens
    pooler = 2 * d * d if a.pooler else 0  # for the first token alone
    return 2 * matrices * tokens + 4 * d * a.layers * pairs + pooler


def training_flops(n_parameters, tokens):
    """Estimate the FLOPs of training: ``6 N D`` for N parameters and D tokens.

    Two for each parameter and token forward, four backward: one product becomes two, for the
    gradient of the input and of the matrix. Leaves out attention's pairs, which
    :func:`forward_flops` counts (3 times that is exact). Source: Kaplan et al. (2020), section 2.1.

    Examples
    --------
    GPT-3 175B learned from 300 billion tokens:

    >>> f"{training_flops(174.6e9, 300e9):.3g}"
    '3.14e+23'
    """
    return 6 * positive("n_parameters", n_parameters) * positive("tokens", tokens)


def training_bytes(n_parameters, *, mixed=False):
    """Bytes that training with Adam holds for N parameters, by purpose; activations not included.

    In float32 (4 bytes): weights, gradients, and Adam's two averages, 16 N in all. In mixed
    precision: weights and gradients in 2 bytes, and in float32 a copy of the weights and the two
    averages; 16 N again. Source: Rajbhandari et al. (2020), section 3.1.

    Examples
    --------
    >>> training_bytes(1.5e9, mixed=True)
    {'weights': 3000000000.0, 'gradients': 3000000000.0, 'optimizer': 18000000000.0}
    """
    n = positive("n_parameters", n_parameters)
    number, optimizer = (2, 12) if mixed else (4, 8)
    return {"weights": number * n, "gradients": number * n, "optimizer": optimizer * n}


def activation_bytes(a, batch, tokens):
    """Bytes of the activations that mixed-precision training keeps for the backward pass.

    ``layers · s b d (34 + 5 heads s / d)`` for b sequences of s tokens, with 2 bytes a number and 1
    for a dropout mask; an estimate for the standard block with 4 d hidden features, without
    recomputation and without attention that never stores its scores.
    Source: Korthikanti et al. (2022), equation 1.

    Raises
    ------
    ValueError
        If a number is out of range, or the block is another one.

    Examples
    --------
    For one sequence of GPT-3 175B, in GB:

    >>> from nncourse.scale.architectures import GPT3
    >>> activation_bytes(GPT3["175B"], 1, 2048) / 1e9
    275.414777856
    """
    batch, tokens = _whole("batch", batch, 1), _whole("tokens", tokens, 1)
    if _checked(a).gated or a.hidden != 4 * a.dim or a.kv_heads != a.heads:
        raise ValueError(
            "the formula holds for blocks with hidden = 4 dim, not gated, and as many kv_heads as "
            f"heads, got {a}"
        )
    return a.layers * tokens * batch * (34 * a.dim + 5 * a.heads * tokens)


def kv_cache_bytes(a, tokens, *, batch=1, bytes_per_number=2):
    """Bytes of the keys and values kept while generating: 2 for each layer, kv_head and token.

    ``2 · layers · kv_heads · head_dim · tokens · batch · bytes_per_number``. Grouped-query
    attention makes it smaller by heads / kv_heads. Source: Shazeer (2019); Ainslie et al. (2023).

    Examples
    --------
    >>> from nncourse.scale.architectures import GPT3
    >>> kv_cache_bytes(GPT3["175B"], 2048) / 1e9
    9.663676416
    """
    tokens, batch = _whole("tokens", tokens, 1), _whole("batch", batch, 1)
    numbers = 2 * _checked(a).layers * a.kv_dim * tokens * batch
    return numbers * positive("bytes_per_number", bytes_per_number)


def run_seconds(flops, *, devices, peak_flops_per_second, utilization):
    """Seconds of wall-clock time that ``flops`` take.

    ``flops / (devices · peak_flops_per_second · utilization)``, with the share of the peak that is
    really reached, between 0 and 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> run_seconds(3.6e18, devices=2, peak_flops_per_second=1e15, utilization=0.5)
    3600.0
    """
    utilization = positive("utilization", utilization)
    if utilization > 1:
        raise ValueError(f"utilization is a share of the peak, 0 < u <= 1, got {utilization}")
    speed = positive("devices", devices) * positive("peak", peak_flops_per_second)
    return positive("flops", flops) / (speed * utilization)


def run_cost(seconds, *, devices, price_per_device_hour):
    """Money that a run costs, in the currency of the price.

    Examples
    --------
    >>> run_cost(7200, devices=8, price_per_device_hour=2.0)
    32.0
    """
    hours = positive("seconds", seconds) / 3600
    return hours * positive("devices", devices) * positive("price", price_per_device_hour)


def run_energy(seconds, *, devices, watts_per_device, overhead=1.0):
    """Energy of a run in kilowatt-hours.

    Parameters
    ----------
    seconds, devices : float
        How long, and on how many.
    watts_per_device : float
        Average power, with the device's share of processor, memory and network.
    overhead : float
        The building's: its whole consumption divided by that of its computers (PUE), at least 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> run_energy(3600, devices=10, watts_per_device=500, overhead=1.5)
    7.5
    """
    overhead = positive("overhead", overhead)
    if overhead < 1:
        raise ValueError(f"overhead is a ratio of at least 1, got {overhead}")
    kilowatts = positive("devices", devices) * positive("watts", watts_per_device) / 1000
    return positive("seconds", seconds) / 3600 * kilowatts * overhead


def _checked(a):
    """Return an architecture, or explain what is none."""
    if not isinstance(a, Architecture):
        raise TypeError(
            "expected an Architecture, which says all sizes, got "
            f"{a!r:.60}. Published ones: nn.architectures.GPT3['175B'], BERT_BASE, and others."
        )
    return a
