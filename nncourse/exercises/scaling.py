"""Checks for the exercises of chapter 12, "Large models"."""

import numpy as np

from ..activations import softmax
from ..layers.rotary import rotary_tables, rotate
from ..scale.quantization import dequantize, quantize
from .core import Exercise, Mistake


def _gpt_parameters(
    layers, dim, vocabulary, positions, *, biases=9, norms=4, tables=1, last=2, position=1
):
    block = 12 * dim * dim + (biases + norms) * dim
    return (tables * vocabulary + position * positions + last) * dim + layers * block


def _miscounted(**changes):
    return lambda *sizes: _gpt_parameters(*sizes, **changes)


GPT_PARAMETERS = Exercise(
    "gpt_parameters",
    answer=_gpt_parameters,
    cases=lambda rng: [
        tuple(map(int, (rng.integers(1, 40), *rng.integers(5, 600, 3)))) for _ in range(4)
    ],
    mistakes=(
        Mistake(
            _miscounted(tables=2),
            "The output's kernel is the table of token vectors once more. Is it learned twice?",
        ),
        Mistake(_miscounted(position=0), "How does this model know where a token stands?"),
        Mistake(_miscounted(last=0), "Something stands between the last block and the output."),
        Mistake(
            _miscounted(biases=0),
            "Matrices and normalizations are right. Six dense layers to a block: what else do "
            "they have?",
        ),
        Mistake(
            _miscounted(norms=0, last=0),
            "Dense layers and tables are right. Which layers also have a scale and a shift?",
        ),
        Mistake(
            _miscounted(biases=6),
            "A bias belongs to each output of a dense layer. How many outputs does the wide one "
            "have?",
        ),
    ),
    points=1,
    without=("nncourse.scale.counting.count_parameters",),
)


def _perplexity(losses, counts):
    return float(np.exp(np.sum(losses * counts) / np.sum(counts)))


def _perplexity_cases(rng):
    return [
        (rng.uniform(1, 5, size=n), rng.integers(1, 200, size=n).astype(float)) for n in (3, 8, 2)
    ]


PERPLEXITY = Exercise(
    "perplexity",
    answer=_perplexity,
    cases=_perplexity_cases,
    mistakes=(
        Mistake(
            lambda losses, counts: float(np.exp(losses).mean()),
            "This is a mean of perplexities. Cut the text elsewhere, and it changes. What adds up "
            "over a text?",
        ),
        Mistake(
            lambda losses, counts: float(np.average(np.exp(losses), weights=counts)),
            "The weights are right. In which order do mean and exponential come?",
        ),
        Mistake(
            lambda losses, counts: float(np.exp(losses.mean())),
            "A window of 3 tokens counts as much here as one of 200.",
        ),
        Mistake(
            lambda losses, counts: float(2 ** np.average(losses, weights=counts)),
            "2 to the power of bits, or e to the power of nats. Which are these?",
        ),
        Mistake(
            lambda losses, counts: float(np.average(losses, weights=counts)),
            "That is the mean loss, in nats. One step is missing.",
        ),
    ),
    points=1,
)


def _merged_lora(w, a, b, alpha):
    return w + alpha / a.shape[1] * a @ b


def _lora_cases(rng):
    sizes = (5, 3, 2), (4, 7, 3), (6, 6, 4)
    return [
        (
            rng.normal(size=(d, m)), rng.normal(size=(d, r)), rng.normal(size=(r, m)),
            float(rng.uniform(5, 40)),
        )
        for d, m, r in sizes
    ]  # fmt: skip


MERGED_LORA = Exercise(
    "merged_lora",
    answer=_merged_lora,
    cases=_lora_cases,
    mistakes=(
        Mistake(lambda w, a, b, alpha: w + a @ b, "What does alpha do?"),
        Mistake(
            lambda w, a, b, alpha: w + alpha * a @ b,
            "The change is scaled, but not by alpha alone: a larger rank must not shout louder.",
        ),
        Mistake(
            lambda w, a, b, alpha: w + alpha / len(a) * a @ b,
            "You divide by the number of inputs. Which side of A is the rank?",
        ),
        Mistake(
            lambda w, a, b, alpha: alpha / a.shape[1] * a @ b,
            "That is the change alone. A change of what?",
        ),
    ),
    points=1,
)


def _training_run(
    parameters, tokens, devices, peak, utilization, price, *, flops=6, share=True, paid=None
):
    speed = devices * peak * (utilization if share else 1 / utilization)
    hours = flops * parameters * tokens / speed / 3600
    return hours / 24, hours * (devices if paid is None else paid) * price


def _run_cases(rng):
    cases = []
    for _ in range(4):
        exponents = rng.uniform(8, 11), rng.uniform(9, 12), rng.uniform(14, 15)
        n, tokens, peak = (float(10**e) for e in exponents)
        devices = int(rng.integers(2, 64))
        cases.append(
            (n, tokens, devices, peak, float(rng.uniform(0.2, 0.7)), float(rng.uniform(1, 4)))
        )
    return cases


def _misplanned(**changes):
    return lambda *arguments: _training_run(*arguments, **changes)


TRAINING_RUN = Exercise(
    "training_run",
    answer=_training_run,
    cases=_run_cases,
    mistakes=(
        Mistake(
            _misplanned(flops=2),
            "That is the forward pass. Training also goes back, and makes two gradients there.",
        ),
        Mistake(
            _misplanned(share=False),
            "The less of its peak a device reaches, the longer it takes. Look at utilization.",
        ),
        Mistake(_misplanned(paid=1), "The price is that of one device for one hour."),
        Mistake(
            lambda *arguments: (
                24 * _training_run(*arguments)[0],
                _training_run(*arguments)[1],
            ),
            "The cost is right. The time is to be given in days.",
        ),
        Mistake(
            lambda *arguments: tuple(24 * part for part in _training_run(*arguments)),
            "Both are too large by the same factor. How many seconds has a day, and an hour?",
        ),
    ),
    points=2,
    tolerance=1e-9,
)


def _q4_1(data, *, interleaved=False, swapped=False, headers=(0, 1), shift=True):
    blocks = data.reshape(-1, 20)
    numbers = blocks[:, :4].copy().view("<f2").astype(np.float32)
    scale, minimum = numbers[:, headers[0], None], numbers[:, headers[1], None]
    halves = [blocks[:, 4:] & 15, blocks[:, 4:] >> 4]
    halves = halves[::-1] if swapped else halves
    q = np.stack(halves, axis=-1).reshape(-1, 32) if interleaved else np.hstack(halves)
    return (scale * q + (minimum if shift else 0)).astype(np.float32).ravel()


def _misread(**changes):
    return lambda data: _q4_1(data, **changes)


DEQUANTIZE_Q4_1 = Exercise(
    "dequantize_q4_1",
    answer=lambda data: dequantize(data, "Q4_1"),
    cases=lambda rng: [
        (quantize(rng.normal(scale=s, size=32 * n).astype(np.float32), "Q4_1"),)
        for n, s in ((1, 1.0), (5, 1.0), (2, 3.0))
    ],
    mistakes=(
        Mistake(
            _misread(interleaved=True),
            "The two halves of a byte are not neighbors: the low ones are weights 0 to 15.",
        ),
        Mistake(_misread(swapped=True), "Which half of each byte holds the first sixteen weights?"),
        Mistake(_misread(headers=(1, 0)), "Of the two 16-bit numbers, which comes first?"),
        Mistake(_misread(shift=False), "All your weights are too large by one number. Which?"),
    ),
    points=2,
    without=("nncourse.scale.quantization.dequantize",),
)


def _nucleus(p, top_p, *, short=False, scaled=True):
    order = np.argsort(-p)
    size = 1 + int(np.searchsorted(np.cumsum(p[order]), top_p))
    kept = np.zeros_like(p)
    chosen = order[: size - 1 if short else size]
    kept[chosen] = p[chosen]
    return kept / kept.sum() if scaled and len(chosen) else kept


def _nucleus_cases(rng):
    cases = [(rng.dirichlet(np.full(n, 0.7)), float(rng.uniform(0.4, 0.9))) for n in (6, 12, 30)]
    p = rng.permutation([0.6, 0.2, 0.1, 0.07, 0.03])  # the first token alone is enough
    return [*cases, (p, 0.5), (p, 0.85)]


def _threshold(p, top_p):
    kept = np.where(p >= 1 - top_p, p, 0)
    return kept / kept.sum() if kept.any() else kept


def _rarest(p, top_p):
    order = np.argsort(p)
    chosen = order[: 1 + int(np.searchsorted(np.cumsum(p[order]), top_p))]
    kept = np.zeros_like(p)
    kept[chosen] = p[chosen]
    return kept / kept.sum()


NUCLEUS = Exercise(
    "nucleus",
    answer=_nucleus,
    cases=_nucleus_cases,
    mistakes=(
        Mistake(
            lambda p, top_p: _nucleus(p, top_p, short=True),
            "Does what you keep reach top_p? The token that crosses the line belongs to it.",
        ),
        Mistake(
            lambda p, top_p: _nucleus(p, top_p, scaled=False),
            "The right tokens are kept. What must probabilities sum to?",
        ),
        Mistake(
            lambda p, top_p: np.sort(_nucleus(p, top_p))[::-1],
            "The numbers are right, but whose are they? Entry k must still belong to token k.",
        ),
        Mistake(_threshold, "You compare each token alone with a limit. Add them up."),
        Mistake(_rarest, "You begin with the least probable tokens."),
    ),
    points=2,
    without=("nncourse.language.sampling.probabilities",),
)


def _attend(
    q, k, v, keys, values, cos, sin, *, position=None, of_key=None, scale=True, itself=True
):
    t = len(keys)
    place = t if position is None else position(t)
    place_k = place if of_key is None else of_key(t)
    q = rotate(q[None], cos[[place]], sin[[place]])[0]
    k = rotate(k[None], cos[[place_k]], sin[[place_k]])[0]
    keys, values = np.vstack([keys, k]), np.vstack([values, v])
    seen = t + 1 if itself else t
    scores = keys[:seen] @ q / (np.sqrt(len(q)) if scale else 1)
    return softmax(scores) @ values[:seen], keys, values


def _attend_cases(rng):
    cases = []
    for t, d in ((1, 4), (5, 6), (9, 8)):
        cos, sin = rotary_tables(16, d, dtype=float)
        cases.append((*rng.normal(size=(3, d)), *rng.normal(size=(2, t, d)), cos, sin))
    return cases


def _misattended(**changes):
    return lambda *arguments: _attend(*arguments, **changes)


ATTEND_WITH_CACHE = Exercise(
    "attend_with_cache",
    answer=_attend,
    cases=_attend_cases,
    mistakes=(
        Mistake(
            _misattended(position=lambda t: 0),
            "This is still the published step. Where in the text does the new token stand?",
        ),
        Mistake(
            _misattended(of_key=lambda t: 0),
            "The query stands where it should. What will later tokens believe about this key?",
        ),
        Mistake(
            _misattended(position=lambda t: t - 1),
            "Positions count from 0. With t tokens in the cache, which one is next?",
        ),
        Mistake(_misattended(scale=False), "By what are dot products of d features divided?"),
        Mistake(
            _misattended(itself=False),
            "The cache grows as it should. Does the new token also look at itself?",
        ),
    ),
    points=3,
)

EXERCISES = (
    GPT_PARAMETERS,
    PERPLEXITY,
    MERGED_LORA,
    TRAINING_RUN,
    DEQUANTIZE_Q4_1,
    NUCLEUS,
    ATTEND_WITH_CACHE,
)
