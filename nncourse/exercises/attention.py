"""Checks for the exercises of chapter 11, "Attention"."""

import numpy as np

from ..activations import softmax
from .core import Exercise, Mistake


def _visible(lengths, time, window, *, causal=True, padding=True, first=0, more=0):
    step = np.arange(time)
    back = step[:, None] - step
    near = back < window + more
    if causal:
        near &= back >= first
    else:
        near &= back > -window
    seen = np.repeat(near[None], len(lengths), axis=0)
    if padding:
        seen &= (step < lengths[:, None])[:, None]
    return seen


def _visible_rows(lengths, time, window):
    step = np.arange(time)
    return _visible(lengths, time, window, padding=False) & (step < lengths[:, None])[:, :, None]


def _visible_cases(rng):
    sizes = (3, 5, 2), (1, 4, 3), (4, 7, 3)
    fixed = (np.array([2, 4]), 4, 2)
    drawn = [(np.append(rng.integers(1, t, n), t), t, window) for n, t, window in sizes]
    return [fixed, *drawn]


VISIBLE_STEPS = Exercise(
    "visible_steps",
    answer=_visible,
    cases=_visible_cases,
    mistakes=(
        Mistake(
            lambda lengths, time, window: ~_visible(lengths, time, window),
            "Turned around: True should stand where something is seen.",
        ),
        Mistake(
            lambda lengths, time, window: _visible(lengths, time, time),
            "Causal and padded rightly. How far back does the window reach?",
        ),
        Mistake(
            lambda lengths, time, window: _visible(lengths, time, window, more=1),
            "One step too many: the step itself is one of the window.",
        ),
        Mistake(
            lambda lengths, time, window: _visible(lengths, time, window, causal=False),
            "Your window reaches into the future, too.",
        ),
        Mistake(
            lambda lengths, time, window: _visible(lengths, time, window, padding=False),
            "Causal, and within the window. Who may see the padding?",
        ),
        Mistake(
            lambda lengths, time, window: _visible(lengths, time, window, first=1),
            "May a step see itself? Then the first step has somewhere to look.",
        ),
        Mistake(
            lambda lengths, time, window: _visible(lengths, time, window).swapaxes(1, 2),
            "Rows see, columns are seen. Which axis is which?",
        ),
        Mistake(_visible_rows, "You mask rows. A padded step must not be seen: that is a column."),
    ),
    points=2,
)


def _merged(y1, m1, z1, y2, m2, z2):
    m = max(m1, m2)
    w1, w2 = z1 * np.exp(m1 - m), z2 * np.exp(m2 - m)
    return (w1 * y1 + w2 * y2) / (w1 + w2)


def _raw(y1, m1, z1, y2, m2, z2):
    with np.errstate(all="ignore"):
        w1, w2 = z1 * np.exp(m1), z2 * np.exp(m2)
        return (w1 * y1 + w2 * y2) / (w1 + w2)


def _turned_exponents(y1, m1, z1, y2, m2, z2):
    with np.errstate(all="ignore"):
        m = max(m1, m2)
        w1, w2 = z1 * np.exp(m - m1), z2 * np.exp(m - m2)
        return (w1 * y1 + w2 * y2) / (w1 + w2)


def _sums(y1, m1, z1, y2, m2, z2):
    m = max(m1, m2)
    w1, w2 = np.exp(m1 - m), np.exp(m2 - m)
    return (w1 * y1 + w2 * y2) / (w1 * z1 + w2 * z2)


def _undivided(y1, m1, z1, y2, m2, z2):
    m = max(m1, m2)
    return z1 * np.exp(m1 - m) * y1 + z2 * np.exp(m2 - m) * y2


def _measured_by_first(y1, m1, z1, y2, m2, z2):
    with np.errstate(all="ignore"):
        w2 = z2 * np.exp(m2 - m1)
        return (z1 * y1 + w2 * y2) / (z1 + w2)


def _half(rng, n, e, shift):
    scores = rng.normal(0, 1.5, n) + shift
    m = scores.max()
    return softmax(scores) @ rng.normal(size=(n, e)), float(m), float(np.exp(scores - m).sum())


def _merge_cases(rng):
    sizes = (3, 6, 2, 0, 1), (4, 2, 3, 1, 0), (5, 4, 3, 3000, 3000.5), (2, 5, 2, -2000, -2001)
    fixed = (np.array([1.0, 0.0]), 1.0, 1.5, np.array([0.0, 1.0]), 0.0, 2.5)
    drawn = [(*_half(rng, a, e, s1), *_half(rng, b, e, s2)) for a, b, e, s1, s2 in sizes]
    far = [(*_half(rng, 3, 2, -m), *_half(rng, 4, 2, m)) for m in (1500, -1500)]
    return [fixed, *drawn, *far]


MERGED_HALVES = Exercise(
    "merged_halves",
    answer=_merged,
    cases=_merge_cases,
    mistakes=(
        Mistake(
            lambda y1, m1, z1, y2, m2, z2: (y1 + y2) / 2,
            "The plain mean. A half with larger scores has more to say.",
        ),
        Mistake(
            lambda y1, m1, z1, y2, m2, z2: (z1 * y1 + z2 * y2) / (z1 + z2),
            "The two z are measured against different largest scores. Bring them to the same one.",
        ),
        Mistake(
            lambda y1, m1, z1, y2, m2, z2: _merged(y1, m1, 1.0, y2, m2, 1.0),
            "You weigh each half by its largest score alone. What does z say?",
        ),
        Mistake(
            lambda y1, m1, z1, y2, m2, z2: _merged(y2, m1, z1, y1, m2, z2),
            "Each half's weight went to the other half's output.",
        ),
        Mistake(
            _turned_exponents,
            "With you, the half with the smaller scores weighs more: see the sign in the exponent.",
        ),
        Mistake(
            _sums,
            "The denominator is right. But y is a half's output, divided by its z already: "
            "multiply by z before you add.",
        ),
        Mistake(_undivided, "The weights of the two halves must sum to 1."),
        Mistake(_raw, "exp of a score in the thousands overflows or is 0. What may be subtracted?"),
        Mistake(
            _measured_by_first,
            "exp(m2 − m1) overflows where the second half has much larger scores. Which of the "
            "two may always be subtracted?",
        ),
        Mistake(
            lambda y1, m1, z1, y2, m2, z2: _measured_by_first(y2, m2, z2, y1, m1, z1),
            "exp(m1 − m2) overflows where the first half has much larger scores. Which of the "
            "two may always be subtracted?",
        ),
    ),
    points=2,
)


def _rms_back(grad, x, gamma, epsilon, *, along=1.0, scaled=True, total=np.sum, axis=1, power=1):
    s = 1 / np.sqrt(np.square(x).mean(axis=axis, keepdims=True) + epsilon)
    x_hat = x * s
    g = grad * gamma if scaled else grad
    dx = g - along * x_hat * (g * x_hat).mean(axis=axis, keepdims=True)
    return dx * s**power, total(grad * x_hat, axis=0)


def _unscaled_through_root(grad, x, gamma, epsilon):
    direct = _rms_back(grad, x, gamma, epsilon, along=0.0)[0]
    plain = _rms_back(grad, x, gamma, epsilon, scaled=False)[0]
    plain_direct = _rms_back(grad, x, gamma, epsilon, along=0.0, scaled=False)[0]
    return direct + plain - plain_direct, _rms_back(grad, x, gamma, epsilon)[1]


def _centered(grad, x, gamma, epsilon):
    s = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    x_hat = (x - x.mean(axis=1, keepdims=True)) * s
    g = grad * gamma
    dx = g - g.mean(axis=1, keepdims=True) - x_hat * (g * x_hat).mean(axis=1, keepdims=True)
    return dx * s, (grad * x_hat).sum(axis=0)


def _mean_taken_off(grad, x, gamma, epsilon):
    dx, dgamma = _rms_back(grad, x, gamma, epsilon)
    s = 1 / np.sqrt(np.square(x).mean(axis=1, keepdims=True) + epsilon)
    return dx - s * (grad * gamma).mean(axis=1, keepdims=True), dgamma


def _rms_cases(rng):
    return [
        (
            rng.normal(size=(n, d)), rng.normal(1, 2, size=(n, d)), rng.uniform(1.5, 3, d),
            float(rng.uniform(0.1, 0.5)),
        )
        for n, d in ((2, 3), (4, 3), (2, 6), (5, 4))
    ]  # fmt: skip


def _rms_mistake(**changes):
    return lambda *arguments: _rms_back(*arguments, **changes)


RMS_NORM_BACK = Exercise(
    "rms_norm_back",
    answer=_rms_back,
    cases=_rms_cases,
    mistakes=(
        Mistake(
            _rms_mistake(along=0.0),
            "That is the direct way alone. The root depends on x, too.",
        ),
        Mistake(
            _rms_mistake(along=-1.0), "A larger x makes the root larger, and the output smaller."
        ),
        Mistake(
            _rms_mistake(along=2.0),
            "Twice too much through the root: the 2 of the square meets the ½ of the root.",
        ),
        Mistake(
            lambda grad, x, gamma, epsilon: _rms_back(
                grad, x, gamma, epsilon, along=float(x.shape[1])
            ),
            "r is a mean: through it comes one d-th of the sum.",
        ),
        Mistake(
            _rms_mistake(scaled=False), "Between the normalized x and y stands a factor, gamma."
        ),
        Mistake(
            _unscaled_through_root,
            "The direct way is right. What goes through the root has passed gamma, too.",
        ),
        Mistake(_rms_mistake(power=0), "x is divided by the root: what does its gradient meet?"),
        Mistake(
            _rms_mistake(total=np.mean), "gamma serves every step. What do gradients do over paths?"
        ),
        Mistake(
            _rms_mistake(axis=0),
            "You normalize over the steps. Over which axis is r the mean?",
        ),
        Mistake(
            lambda grad, x, gamma, epsilon: _rms_back(grad, x, gamma, 0.0),
            "There is an epsilon under the root.",
        ),
        Mistake(_centered, "That is a layer norm. An RMS norm leaves the mean alone."),
        Mistake(
            _mean_taken_off,
            "You take a mean off the gradient, as in a layer norm. This norm takes no mean off x.",
        ),
    ),
    points=3,
    without=(
        "nncourse.RMSNorm",
        "complex",
    ),
)


def _mended(q, k, v, *, reach=1, late=False, axis=-1, future=False, scale=None):
    time = len(q)
    masked = np.triu(np.ones((time, time), bool), reach)
    masked = masked.T if future else masked
    scores = q @ k.T / (scale or np.sqrt(q.shape[1]))
    if late:
        return np.where(masked, 0, softmax(scores)) @ v
    scores = np.where(masked, -1e300, scores)
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
            "This is still the old mask. Change the last step: which outputs move?",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, reach=0),
            "Now a step may not even see itself. What is left for the first one?",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, reach=len(q)),
            "Nothing is masked now. A step must not see later ones.",
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
            lambda q, k, v: _mended(q, k, v, scale=1.0),
            "Your mask is right. By what are the scores divided?",
        ),
        Mistake(
            lambda q, k, v: _mended(q, k, v, axis=0),
            "Your columns sum to 1. A step's shares stand in its row.",
        ),
        Mistake(
            lambda q, k, v: softmax(np.tril(q @ k.T / np.sqrt(q.shape[1]))) @ v,
            "A score of 0 hides nothing: its exponential is 1. Which score leaves a share of 0?",
        ),
    ),
    points=2,
)

EXERCISES = (VISIBLE_STEPS, MERGED_HALVES, MENDED_ATTENTION, RMS_NORM_BACK)
