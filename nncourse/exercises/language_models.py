"""Checks for the exercises of chapter 13, "Inside a language model"."""

import numpy as np

from ..activations import softmax
from ..layers.rotary import rotary_tables, rotate
from .core import Exercise, Mistake


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
        Mistake(
            lambda losses, counts: float(np.exp(np.sum(losses * counts) / len(counts))),
            "You divide by the number of windows. How many tokens were predicted?",
        ),
    ),
    points=1,
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


def _all_again(q, k, v, keys, values, cos, sin):
    t = len(keys)
    keys, values = np.vstack([keys, k]), np.vstack([values, v])
    keys = rotate(keys, cos[: t + 1], sin[: t + 1])
    scores = keys @ rotate(q[None], cos[[t]], sin[[t]])[0] / np.sqrt(len(q))
    return softmax(scores) @ values, keys, values


def _value_rotated(q, k, v, keys, values, cos, sin):
    t = len(keys)
    turned = rotate(v[None], cos[[t]], sin[[t]])[0]
    return _attend(q, k, turned, keys, values, cos, sin)


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
        Mistake(_all_again, "The keys in the cache are rotated already. Twice is too often."),
        Mistake(
            _value_rotated,
            "Positions are for comparing: query and key are rotated. And the value?",
        ),
        Mistake(
            _misattended(position=lambda t: 0, of_key=lambda t: t),
            "The cache is right. The query has a position as well: the key's.",
        ),
        Mistake(
            lambda q, k, v, keys, *rest: (
                (found := _attend(q, k, v, keys, *rest))[0],
                np.vstack([keys, k]),
                found[2],
            ),
            "The output is right. Later tokens find a key in your cache that is not rotated.",
        ),
    ),
    points=3,
)


def _lens_ranks(stream, gain, table, token, *, normed=True, scaled=True, own=1, worse=False):
    x = stream / np.sqrt(np.square(stream).mean(axis=1, keepdims=True) + 1e-5) if normed else stream
    scores = (x * gain if scaled else x) @ table.T
    mine = scores[:, [token]]
    above = scores < mine if worse else scores > mine
    return [own + int(count) for count in above.sum(axis=1)]


def _centered(stream, gain, table, token):
    return _lens_ranks(stream - stream.mean(axis=1, keepdims=True), gain, table, token)


def _order(stream, gain, table, token):
    scores = (stream * gain) @ table.T
    return [int(row.argsort()[::-1][token]) + 1 for row in scores]


def _last_only(stream, gain, table, token):
    return _lens_ranks(stream, gain, table, token)[-1:] * len(stream)


def _lens_cases(rng):
    def case(layers, d, vocabulary):
        stream = rng.normal(1, 1, size=(layers, d)) * rng.uniform(0.5, 9, (layers, 1))
        gain = rng.choice([0.1, 1.0, 4.0], d) * rng.choice([-1, 1], d)
        table = rng.normal(0.3, 1, size=(vocabulary, d))
        return stream, gain, table, int(rng.integers(vocabulary))

    return [case(3, 4, 9), case(5, 6, 30), case(8, 8, 200), case(6, 5, 60)]


def _misread(**changes):
    return lambda *arguments: _lens_ranks(*arguments, **changes)


LENS_RANKS = Exercise(
    "lens_ranks",
    answer=_lens_ranks,
    cases=_lens_cases,
    mistakes=(
        Mistake(_misread(own=0), "How many are better? Then the rank is one more: 1 for the best."),
        Mistake(_misread(scaled=False), "The normalization also multiplies by a gain."),
        Mistake(_misread(worse=True), "You count the tokens that score less."),
        Mistake(_centered, "That takes the mean off. Does this normalization do that?"),
        Mistake(
            _order,
            "argsort lists tokens by score. At which place of that list does the token stand?",
        ),
        Mistake(_last_only, "One rank for each layer: each row of the stream is read by itself."),
    ),
    points=2,
)


def _linear(p, q, ahead):
    a = float(np.minimum(p, q).sum())
    return a, 1 + ahead * a


def _no_bonus(p, q, ahead):
    a = float(np.minimum(p, q).sum())
    return a, sum(a**i for i in range(1, ahead + 1))


def _one_too_few(p, q, ahead):
    a = float(np.minimum(p, q).sum())
    return a, sum(a**i for i in range(ahead))


def _kept_by(share):
    def answer(p, q, ahead):
        a = float(share(p, q))
        return a, sum(a**i for i in range(ahead + 1))

    return answer


def _draft_cases(rng):
    cases = [(*rng.dirichlet(np.ones(n), size=2), k) for n, k in ((3, 1), (5, 4), (8, 2))]
    same = np.array([0.5, 0.25, 0.25])
    return [*cases, (same, np.array([0.25, 0.5, 0.25]), 3), (same, same.copy(), 2)]


def _worth_with(kept, ahead):
    return kept, float(sum(kept**i for i in range(ahead + 1)))


DRAFT_WORTH = Exercise(
    "draft_worth",
    answer=lambda p, q, ahead: _kept_by(lambda p, q: np.minimum(p, q).sum())(p, q, ahead),
    cases=_draft_cases,
    mistakes=(
        Mistake(_linear, "Is the third guess looked at when the first was refused?"),
        Mistake(_no_bonus, "Every pass adds one token of its own, kept guesses or not."),
        Mistake(_one_too_few, "If all guesses are kept, one more token comes. Count the terms."),
        Mistake(
            _kept_by(lambda p, q: p @ q),
            "That is the chance that two independent draws agree. A guess is kept more often.",
        ),
        Mistake(
            _kept_by(lambda p, q: np.minimum(1, p / q).mean()),
            "min(1, p/q) is right for one token. How often is each of them guessed?",
        ),
        Mistake(
            _kept_by(lambda p, q: 1 - np.abs(p - q).sum()),
            "The absolute differences count each missing share twice: once above, once below.",
        ),
        Mistake(
            lambda p, q, ahead: _worth_with(float(np.sum(p * np.minimum(1, p / q))), ahead),
            "The guesses come from the draft: its distribution is the one to average over.",
        ),
        Mistake(
            lambda p, q, ahead: (
                (a := np.minimum(p, q).sum()),
                (1 - a ** (ahead + 1)) / (1 - a) if a < 1 else np.nan,
            ),
            "Right, unless every guess is kept: what is your quotient then?",
        ),
    ),
    points=2,
)

EXERCISES = (ATTEND_WITH_CACHE, PERPLEXITY, NUCLEUS, LENS_RANKS, DRAFT_WORTH)
