"""Checks for the exercises of chapter 11, "Attention"."""

from itertools import pairwise

import numpy as np

from ..activations import softmax
from ..layers.rotary import rotary_tables, rotate
from .core import Exercise, Mistake


def _visible(lengths, time, *, causal=True, padding=True):
    step = np.arange(time)
    seen = np.ones((len(lengths), time, time), bool)
    if causal:
        seen &= step <= step[:, None]
    if padding:
        seen &= (step < lengths[:, None])[:, None]
    return seen


def _visible_cases(rng):
    sizes = (3, 5), (1, 4), (4, 7)
    return [(np.append(rng.integers(1, time, n), time), time) for n, time in sizes]


VISIBLE_STEPS = Exercise(
    "visible_steps",
    answer=_visible,
    cases=_visible_cases,
    mistakes=(
        Mistake(
            lambda lengths, time: ~_visible(lengths, time),
            "Turned around: True should stand where something may be seen.",
        ),
        Mistake(
            lambda lengths, time: _visible(lengths, time, causal=False),
            "The padding is hidden. The future is not.",
        ),
        Mistake(
            lambda lengths, time: _visible(lengths, time, padding=False),
            "The future is hidden. The padding is not.",
        ),
        Mistake(
            lambda lengths, time: _visible(lengths, time) & ~np.eye(time, dtype=bool),
            "May a step look at itself? Then the first step has somewhere to look.",
        ),
        Mistake(
            lambda lengths, time: _visible(lengths, time).swapaxes(1, 2),
            "Rows look, columns are looked at. Which axis is which?",
        ),
        Mistake(
            lambda lengths, time: (
                _visible(lengths, time, padding=False)
                & (np.arange(time) < lengths[:, None])[:, :, None]
            ),
            "You hide rows. A padded step must not be looked at: that is a column.",
        ),
    ),
    points=1,
)


def _attention(q, k, v, hidden, *, scale=None, axis=-1, late=False):
    scores = q @ k.T / (np.sqrt(q.shape[1]) if scale is None else scale)
    if not late:
        scores = np.where(hidden, -np.inf, scores)
    scores = scores - np.max(scores, axis=axis, keepdims=True)
    weights = np.exp(scores) / np.exp(scores).sum(axis=axis, keepdims=True)
    weights = np.where(hidden, 0, weights) if late else weights
    return weights @ v, weights


def _overflowing(q, k, v, hidden):
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(np.where(hidden, -np.inf, q @ k.T / np.sqrt(q.shape[1])))
        weights = weights / weights.sum(axis=1, keepdims=True)
    return weights @ v, weights


def _attention_cases(rng):
    cases = []
    for n, m, d, e in (4, 6, 3, 2), (5, 5, 4, 3), (3, 4, 6, 5):
        hidden = rng.random((n, m)) < 0.3
        hidden[:, 0] = hidden[0] = False
        hidden[1, 2] = True
        cases.append((*(rng.normal(size=s) for s in ((n, d), (m, d), (m, e))), hidden))
    q, k, v, hidden = cases[0]
    return [*cases, (q, 3000 + k, v, hidden)]


ATTENTION = Exercise(
    "attention",
    answer=_attention,
    cases=_attention_cases,
    mistakes=(
        Mistake(
            lambda *a: _attention(*a, scale=1.0),
            "The variance of a dot product grows with its length. What is it divided by?",
        ),
        Mistake(
            lambda *a: _attention(*a, scale=a[0].shape[1]),
            "Dividing by d makes the scores too small. Which function of d has unit variance?",
        ),
        Mistake(
            lambda *a: _attention(*a, scale=np.sqrt(len(a[1]))),
            "Is it the number of keys that matters, or the number of features of one key?",
        ),
        Mistake(
            lambda *a: _attention(*a, axis=0),
            "Your columns sum to 1. The shares that one query takes stand in a row.",
        ),
        Mistake(
            lambda *a: _attention(*a, late=True),
            "Your rows do not sum to 1. Hide the scores, before the shares are made.",
        ),
        Mistake(
            _overflowing, "exp of a large score is infinite. What may be subtracted from a row?"
        ),
    ),
    points=2,
)


def _rotate_pairs(x, *, sign=1, first=0, slow=1.0):
    time, dim = x.shape
    cos, sin = rotary_tables(time + first, dim, base=10000.0**slow, dtype=x.dtype)
    return rotate(x, cos[first:], sign * sin[first:])


def _halves(x):
    time, dim = x.shape
    cos, sin = rotary_tables(time, dim, dtype=x.dtype)
    a, b = np.split(x, 2, axis=1)
    return np.hstack([a * cos - b * sin, a * sin + b * cos])


def _apart(x):
    turned = _rotate_pairs(x)
    return np.hstack([turned[:, 0::2], turned[:, 1::2]])


ROTATE_PAIRS = Exercise(
    "rotate_pairs",
    answer=_rotate_pairs,
    cases=lambda rng: [(rng.normal(size=size),) for size in ((5, 4), (3, 8), (12, 6))],
    mistakes=(
        Mistake(
            lambda x: _rotate_pairs(x, sign=-1),
            "You turn the other way. Which of the two sines has the minus?",
        ),
        Mistake(
            lambda x: _rotate_pairs(x, first=1),
            "The first row is place 0. By which angle is it turned?",
        ),
        Mistake(
            lambda x: _rotate_pairs(x, slow=0.5),
            "The later pairs turn too fast. Is the exponent -i/d or -2i/d?",
        ),
        Mistake(
            _halves,
            "A real variant, but another one: here the pairs are neighbors, not halves.",
        ),
        Mistake(_apart, "Turned rightly. Now put each feature back in its place."),
    ),
    points=2,
    without=("nncourse.layers.rotary.rotate",),
)


def _pair_counts(words, counts, *, weighted=True, key=tuple):
    found = {}
    for pieces, times in zip(words, counts, strict=True):
        for pair in pairwise(pieces):
            found[key(pair)] = found.get(key(pair), 0) + (times if weighted else 1)
    return found


def _joined(pieces, pair, *, once=False, overlap=False):
    out, i, done = [], 0, False
    while i < len(pieces):
        if tuple(pieces[i : i + 2]) == pair and not (once and done):
            out.append(pieces[i] + pieces[i + 1])
            last = i + 2 == len(pieces)
            i, done = i + (1 if overlap and not last else 2), True
        else:
            out.append(pieces[i])
            i += 1
    return out


def _merge_once(words, counts, *, weighted=True, rarest=False, **how):
    found = _pair_counts(words, counts, weighted=weighted)
    best = (min if rarest else max)(found, key=found.get)
    return list(best), [_joined(pieces, best, **how) for pieces in words]


def _merge_cases(rng):
    a, b, c, d = rng.permutation(list("aeilnorst"))[:4].tolist()
    n = int(rng.integers(2, 9))
    return [
        # a+b wins by counts; c+d stands in more words
        ([[a, b], [c, d], [d, c, d], [c, d, d]], [3 * n + 1, n - 1, 1, 1]),
        # three in a row, and a pair that occurs twice in a word
        ([[a, a, a, b], [b, a, a], [a, c, a, a]], [n, 1, 2]),
        ([[a + b, c, a + b, c], [d], [c, a + b]], [n, 50, 1]),
    ]


MERGE_ONCE = Exercise(
    "merge_once",
    answer=_merge_once,
    cases=_merge_cases,
    mistakes=(
        Mistake(
            lambda words, counts: _merge_once(words, counts, weighted=False),
            "Each word is in the list once. How often does it occur in the text?",
        ),
        Mistake(
            lambda words, counts: _merge_once(words, counts, once=True),
            "The pair may stand in a word more than once.",
        ),
        Mistake(
            lambda words, counts: _merge_once(words, counts, overlap=True),
            "A piece that has been joined is used up. Where do you go on reading after a join?",
        ),
        Mistake(
            lambda words, counts: _merge_once(words, counts, rarest=True),
            "You joined the rarest pair.",
        ),
        Mistake(
            lambda words, counts: _merge_once(words, counts)[::-1],
            "The pair comes first, then the words.",
        ),
    ),
    points=2,
    without=("nncourse.language.bytepair.BytePairTokenizer",),
)


def _norm_back(grad, x, gamma, epsilon, *, mean=1, along=1, scaled=True, total=np.sum, axis=1):
    x_hat = x - x.mean(axis=axis, keepdims=True)
    s = 1 / np.sqrt(np.square(x_hat).mean(axis=axis, keepdims=True) + epsilon)
    x_hat = x_hat * s
    g = grad * gamma if scaled else grad
    dx = g - mean * g.mean(axis=axis, keepdims=True)
    dx = dx - along * x_hat * (g * x_hat).mean(axis=axis, keepdims=True)
    return dx * s, total(grad * x_hat, axis=0), total(grad, axis=0)


def _norm_cases(rng):
    return [
        (
            rng.normal(size=(n, d)), rng.normal(1, 2, size=(n, d)), rng.uniform(1.5, 3, d),
            float(rng.uniform(0.1, 0.5)),
        )
        for n, d in ((4, 3), (2, 6), (5, 4))
    ]  # fmt: skip


def _norm_mistake(**changes):
    return lambda *arguments: _norm_back(*arguments, **changes)


LAYER_NORM_BACK = Exercise(
    "layer_norm_back",
    answer=_norm_back,
    cases=_norm_cases,
    mistakes=(
        Mistake(
            _norm_mistake(mean=0, along=0),
            "That is the direct way alone. Mean and variance depend on x, too.",
        ),
        Mistake(_norm_mistake(mean=0), "Should your dx sum to zero over the features of a step?"),
        Mistake(_norm_mistake(along=0), "One way is missing: x also moves the variance."),
        Mistake(
            _norm_mistake(scaled=False), "Between the normalized x and y stands a factor, gamma."
        ),
        Mistake(
            _norm_mistake(total=np.mean), "gamma serves every step. What do slopes do over paths?"
        ),
        Mistake(
            _norm_mistake(axis=0),
            "That is a batch norm: mean and variance over the steps. Over which axis here?",
        ),
        Mistake(
            lambda grad, x, gamma, epsilon: _norm_back(grad, x, gamma, 0.0),
            "There is an epsilon under the root.",
        ),
    ),
    points=3,
    without=("nncourse.LayerNorm",),
)


def _mended(q, k, v, *, reach=1, late=False, axis=-1, future=False):
    time = len(q)
    hidden = np.triu(np.ones((time, time), bool), reach)
    hidden = hidden.T if future else hidden
    scores = q @ k.T / np.sqrt(q.shape[1])
    if late:
        return np.where(hidden, 0, softmax(scores)) @ v
    scores = np.where(hidden, -1e300, scores)
    weights = softmax(scores) if axis == -1 else softmax(scores.T).T
    return weights @ v


MENDED_ATTENTION = Exercise(
    "mended_attention",
    answer=_mended,
    cases=lambda rng: [
        tuple(rng.normal(size=(time, width)) for width in (d, d, e))
        for time, d, e in ((5, 4, 3), (2, 3, 2), (8, 2, 4))
    ],
    mistakes=(
        Mistake(
            lambda q, k, v: _mended(q, k, v, reach=2),
            "This is still the published mask. Change the last step: which outputs move?",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, reach=0),
            "Now a step may not even see itself. What is left for the first one?",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, reach=len(q)),
            "Nothing is hidden now. A step must not see later ones.",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, late=True),
            "Hidden after the softmax: the rows no longer sum to 1, and the future is in the sum.",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, future=True),
            "The wrong triangle: each step sees the future alone.",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, axis=0),
            "Your columns sum to 1. A step's shares stand in its row.",
        ),
    ),
    points=2,
)

EXERCISES = (
    VISIBLE_STEPS,
    ATTENTION,
    ROTATE_PAIRS,
    MERGE_ONCE,
    LAYER_NORM_BACK,
    MENDED_ATTENTION,
)
