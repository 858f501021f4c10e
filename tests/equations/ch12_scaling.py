"""What the symbols of chapter 12 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn
from equations import Chapter
from nncourse.scale.architectures import GPT3, Architecture
from nncourse.scale.scaling import LossLaw, PowerLaw

chapter = Chapter("12_scaling")


@chapter.evaluates("eq-gpt-parameters")
def gpt_parameters(rng):
    v, t, m = (int(n) for n in rng.integers(3, 40, 3))
    d = 2 * int(rng.integers(2, 9))
    model = nn.GPT(v, d, 2, m, context=t)
    return {"V": v, "T": t, "M": m, "d": d, "P": sum(p.value.size for p in model.parameters())}


@chapter.evaluates("eq-experts")
def experts(rng):
    m, h = int(rng.integers(4, 9)), int(rng.integers(5, 40))
    k, d = int(rng.integers(1, 4)), 2 * int(rng.integers(2, 9))
    a = Architecture.llama(
        layers=1, dim=d, heads=2, hidden=h, vocabulary=9, experts=m, active_experts=k
    )
    whole, active = (nn.counting.count_parameters(a, active=only) for only in (False, True))
    sizes = [parts["feed_forward"] + parts["router"] for parts in (whole, active)]
    return {"d": d, "h": h, "m": m, "k": k, "P": sizes[0], "P'": sizes[1]}


@chapter.evaluates("eq-forward-flops")
def forward_flops(rng):
    v, m, n = (int(size) for size in rng.integers(3, 40, 3))
    d = 2 * int(rng.integers(2, 9))
    a = Architecture(layers=m, dim=d, heads=2, vocabulary=v, context=50)
    return {"V": v, "M": m, "n": n, "d": d, "F": nn.counting.forward_flops(a, n)}


@chapter.evaluates("eq-six-nd", rtol=0.015, because="attention's pairs are neglected: 1.4 %")
def six_nd(rng):
    a, tokens = GPT3["175B"], float(rng.uniform(1e9, 1e12))
    per_token = 3 * nn.counting.forward_flops(a, 2048) / 2048
    return {
        "N": sum(nn.counting.count_parameters(a).values()),
        "D": tokens,
        "C": per_token * tokens,
    }


@chapter.evaluates("eq-run-time")
def run_time(rng):
    c, s, u = rng.uniform(1, 5), rng.uniform(1, 5), rng.uniform(0.2, 0.8)
    k = int(rng.integers(2, 9))
    options = {"devices": k, "peak_flops_per_second": s, "utilization": u}
    return {"C": c, "K": k, "S": s, "u": u, "t": nn.counting.run_seconds(c, **options)}


@chapter.evaluates("eq-training-memory")
def training_memory(rng):
    n = float(rng.integers(1000, 9999))
    return {"N": n, r"\text{bytes}": sum(nn.counting.training_bytes(n).values())}


@chapter.evaluates("eq-decoding-intensity")
def decoding_intensity(rng):
    m, n, b = (int(size) for size in rng.integers(2, 9, 3))
    d = 2 * int(rng.integers(2, 9))
    a = Architecture(layers=m, dim=d, heads=2, vocabulary=9, context=50)
    parameters = sum(nn.counting.count_parameters(a).values())
    fetched = nn.counting.training_bytes(parameters, mixed=True)["weights"]
    fetched += nn.counting.kv_cache_bytes(a, n, batch=b)
    operations = nn.counting.training_flops(parameters, b) / 3  # the forward third
    return {"M": m, "n": n, "b": b, "d": d, "N": parameters, "I": operations / fetched}


def sent_by_ring(cards, size):
    """Return how many bytes each card sends until all have the sum of arrays of so many bytes."""
    has = [[{card} for _ in range(cards)] for card in range(cards)]  # whose summands, by piece
    everybody, sent = set(range(cards)), 0.0
    while any(piece != everybody for card in has for piece in card):
        moved = [(card - sent) % cards for card in range(cards)]
        for card, piece in [(c, int(p)) for c, p in enumerate(moved)]:
            has[(card + 1) % cards][piece] = has[(card + 1) % cards][piece] | has[card][piece]
        sent += 1
    return sent * size / cards


def sent_to_experts(cards, tokens, chosen, size):
    """Return how many bytes card 0 sends while its tokens visit experts, one on each card."""
    visits = [(token % cards, (token // cards + i) % cards) for token in range(tokens)
              for i in range(chosen)]  # fmt: skip
    there = sum(home == 0 != expert for home, expert in visits)
    back = sum(expert == 0 != home for home, expert in visits)
    return (there + back) * size


@chapter.evaluates("eq-split-bytes")
def split_bytes(rng):
    k, m, rounds, d = (int(size) for size in rng.integers(2, 9, 4))
    chosen = int(rng.integers(1, k + 1))
    n = k * k * rounds  # so that the experts of all cards are chosen equally often
    parameters = float(rng.integers(1000, 9999))
    activations = 2 * n * d  # bytes
    return {
        "K": k,
        "k": chosen,
        "M": m,
        "n": n,
        "d": d,
        "N": parameters,
        r"\text{data}": sent_by_ring(k, 2 * parameters),
        r"\text{tensor}": sum(4 * [sent_by_ring(k, activations)] * m),
        r"\text{pipeline}": activations + activations,  # forward, and their gradients back
        r"\text{expert}": 2 * m * sent_to_experts(k, n, chosen, 2 * d),  # and the gradients
    }


@chapter.evaluates("eq-pipeline-idle")
def pipeline_idle(rng):
    k, m = (int(size) for size in rng.integers(2, 9, 2))
    busy = np.zeros((k, m + k - 1), bool)  # card i works on piece j at time i + j
    for card in range(k):
        busy[card, card : card + m] = True
    return {"K": k, "m": m, r"\text{idle}": 1 - busy[0].mean()}


@chapter.evaluates("eq-power-law", "eq-power-law-line")
def power_law(rng):
    alpha, c, n = rng.uniform(0.1, 0.9), rng.uniform(2, 9), rng.uniform(10, 1000)
    unused = dict.fromkeys(
        ("floor", "exponent_error", "coefficient_error", "floor_error", "residual"), 0.0
    )
    law = PowerLaw(exponent=-alpha, coefficient=c, degrees_of_freedom=1, **unused)
    return {r"\alpha": alpha, "c": c, "N": n, "L": float(law(n))}


@chapter.evaluates("eq-loss-law", "eq-compute-optimal")
def loss_law(rng):
    constants = {name: rng.uniform(1, 3) for name in ("E", "A", "B")}
    exponents = {name: rng.uniform(0.2, 0.8) for name in ("alpha", "beta")}
    law, n, d, c = LossLaw(**constants, **exponents), *rng.uniform(2, 90, 3)
    a, b = exponents.values()
    return {
        **constants,
        r"\alpha": a,
        r"\beta": b,
        "N": n,
        "D": d,
        "L": law(n, d),
        "C": c,
        "N^*": law.optimum(c)[0],
        "G": (a * constants["A"] / b / constants["B"]) ** (1 / (a + b)),
    }


@chapter.evaluates("eq-chinchilla-rule")
def chinchilla_rule(rng):
    c = float(rng.uniform(1e20, 1e24))
    n, d = nn.scaling.tokens_per_parameter_rule(c)
    return {"C": c, "N": n, "D": d}
