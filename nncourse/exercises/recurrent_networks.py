"""Checks for the exercises of chapter 10, "Sequences"."""

import numpy as np

from ..activations import sigmoid
from .core import Exercise, Mistake


def _forget_bias(steps, left):
    return -np.log(np.expm1(-np.log(left) / steps))


def _logit(p):
    with np.errstate(all="ignore"):
        return np.log(p / (1 - p))


def _forget_cases(rng):
    drawn = [(int(rng.integers(2, 400)), float(rng.uniform(0.05, 0.95))) for _ in range(4)]
    return [(1, 0.5), (1, 0.9), (10, 0.5), (2, 0.25), *drawn, (10**9, 0.7), (10**9, 0.01)]


FORGET_BIAS = Exercise(
    "forget_bias",
    answer=_forget_bias,
    cases=_forget_cases,
    mistakes=(
        Mistake(
            lambda steps, left: left ** (1 / steps),
            "That is the gate. Which number must go into the sigmoid for it to come out?",
        ),
        Mistake(
            lambda steps, left: -_forget_bias(steps, left),
            "The sign is turned around: a gate near 1 needs a large positive bias.",
        ),
        Mistake(
            lambda steps, left: _logit(left / steps),
            "What is left shrinks by the same *factor* at every step, not by the same amount.",
        ),
        Mistake(
            lambda steps, left: _logit(1 - (1 - left) / steps),
            "What is lost is not spread evenly: each step keeps the same factor of what there is.",
        ),
        Mistake(
            lambda steps, left: _logit(left),
            "That leaves it after *one* step. After several the factors multiply.",
        ),
        Mistake(
            lambda steps, left: _logit(left**steps),
            "The power is turned around: the gate, multiplied by itself `steps` times, is `left`.",
        ),
        Mistake(
            lambda steps, left: np.log(left) / steps,
            "That is the logarithm of the gate. The bias goes through a sigmoid.",
        ),
        Mistake(
            lambda steps, left: 1 / (1 + np.exp(-(left ** (1 / steps)))),
            "You need the inverse of the sigmoid here, not the sigmoid.",
        ),
        Mistake(
            lambda steps, left: _logit(left ** (1 / steps)),
            "Right, but 1 minus a gate that is nearly 1 loses its digits after many steps. "
            "Look up `np.expm1`.",
        ),
    ),
    points=1,
    tolerance=1e-9,
)


def _last_real(states, mask):
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    chosen = states[np.arange(len(states)), last]
    return np.where(mask.any(axis=1, keepdims=True), chosen, 0.0)


def _at(states, steps):
    return states[np.arange(len(states)), steps]


def _last_real_cases(rng):
    behind = np.array([[True, True, False, False], [True, True, True, False]])
    gap = np.array([[True, False, True, False], [False, True, True, False]])
    empty = np.array([[False, False, False], [True, False, False], [False, True, False]])
    drawn = [rng.random((n, time)) < 0.5 for n, time in ((4, 6), (3, 5), (1, 7))]
    masks = [behind, behind[:, ::-1].copy(), gap, empty, *drawn]
    return [(rng.normal(size=(*mask.shape, 3)), mask) for mask in masks]


LAST_REAL = Exercise(
    "last_real",
    answer=_last_real,
    cases=_last_real_cases,
    mistakes=(
        Mistake(
            lambda states, mask: states[:, -1],
            "That is the last step, real or not.",
        ),
        Mistake(
            lambda states, mask: _at(states, mask.sum(axis=1) - 1),
            "How many steps are real says where the last one is only if none is missing before it.",
        ),
        Mistake(
            lambda states, mask: _at(states, mask.sum(axis=1) % mask.shape[1]),
            "One step too far, and counting does not help if padding comes before real steps.",
        ),
        Mistake(
            lambda states, mask: _at(states, mask.argmax(axis=1)),
            "`argmax` finds the *first* True.",
        ),
        Mistake(
            lambda states, mask: _at(states, mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)),
            "Right, unless a sequence has no real step at all.",
        ),
        Mistake(
            lambda states, mask: (states * mask[:, :, None])[:, -1],
            "The last step is made zero where it is padding. Which state was asked for?",
        ),
        Mistake(
            lambda states, mask: (states * mask[:, :, None]).sum(axis=1),
            "That adds up all real steps. Only one of them is asked for.",
        ),
        Mistake(
            lambda states, mask: states[np.arange(len(states)), -mask[:, ::-1].argmax(axis=1)],
            "Counted from the end, the last entry has the index −1, not 0.",
        ),
    ),
    points=1,
)


def _leaky(
    x, dh, w, u, b, a, *, slope=True, add=True, leak=1, back=True, turned=False, rate=1,
    after=0,
):  # fmt: skip
    """Return the gradients of a leaky network, right or with mistakes in them."""
    h, squashed = [np.zeros(len(b))], []
    for x_t in x:
        squashed.append(np.tanh(x_t @ w + h[-1] @ u + b))
        h.append((1 - a) * h[-1] + a * squashed[-1])
    dw, du, db = np.zeros_like(w), np.zeros_like(u), np.zeros_like(b)
    grad = np.zeros(len(b))
    for t in reversed(range(len(x))):
        grad = grad + dh[t]
        slopes = 1 - (h[t + 1] if slope == "state" else squashed[t]) ** 2 if slope else 1
        delta = (a if rate else 1) * grad * slopes
        terms = np.outer(x[t], delta), np.outer(h[t + after], delta), delta
        dw, du, db = (
            (g + term if add else term) for g, term in zip((dw, du, db), terms, strict=True)
        )
        through = delta @ (u if turned else u.T)
        grad = leak * (1 - a) * grad + through if back else np.zeros(len(b))
    return dw, du, db


def _published(x, dh, w, u, b, a):
    """Return what the loop of the statement gives."""
    h = [np.zeros(len(b))]
    for x_t in x:
        h.append((1 - a) * h[-1] + a * np.tanh(x_t @ w + h[-1] @ u + b))
    delta = np.zeros(len(b))
    for t in reversed(range(len(x))):
        delta = a * (dh[t] + delta @ u.T)
    return np.outer(x[0], delta), np.outer(h[0], delta), delta


def _leaky_cases(rng):
    sizes = (2, 2, 2, 0.5), (5, 3, 4, 0.3), (3, 2, 3, 0.8), (7, 1, 2, 0.15), (4, 2, 2, 1.0)
    return [
        (
            rng.normal(size=(n, d)), rng.normal(size=(n, m)), rng.normal(size=(d, m)),
            rng.normal(size=(m, m)), rng.normal(size=m), a,
        )
        for n, d, m, a in sizes
    ]  # fmt: skip


def _leaking(**changes):
    return lambda *arguments: _leaky(*arguments, **changes)


LEAKY_BPTT = Exercise(
    "leaky_bptt",
    answer=_leaky,
    cases=_leaky_cases,
    mistakes=(
        Mistake(
            _published,
            "This is still the loop of the statement. How often is each weight used, what stands "
            "between z and h, and by how many paths does a state reach the next one?",
        ),
        Mistake(
            _leaking(leak=0),
            "The path through the weights is right. The state reaches the next one by another "
            "path, too: look at the term (1 − a) h.",
        ),
        Mistake(
            _leaking(slope=False),
            "Both ways back and the sum over time are right. What stands between z and h?",
        ),
        Mistake(
            _leaking(slope="state"),
            "The derivative of tanh is 1 − tanh². The state is not the tanh here.",
        ),
        Mistake(
            _leaking(add=False),
            "The deltas are right. A weight is used at every step; your result knows of one step.",
        ),
        Mistake(
            _leaking(add=False, leak=0),
            "Two things: a weight is used at every step, and the state also leaks into the next.",
        ),
        Mistake(
            _leaking(slope=False, leak=0),
            "Two things: the derivative of tanh, and the state's other path to the next step.",
        ),
        Mistake(
            _leaking(slope="state", leak=0),
            "Two things: the state is not the tanh here, and it has another path to the next step.",
        ),
        Mistake(
            _leaking(back=False),
            "Each step's gradient is that of its own output only. How does it reach the step "
            "before?",
        ),
        Mistake(
            _leaking(turned=True),
            "Forward, the state is multiplied by u. Which way round on the way back?",
        ),
        Mistake(
            _leaking(rate=0),
            "The tanh enters the state with a factor. Where is it on the way back?",
        ),
        Mistake(
            lambda x, dh, w, u, b, a: _leaky(x, dh, w, u, b, 1.0),
            "These are the gradients of a network without a leak. Does your forward pass leak?",
        ),
        Mistake(
            _leaking(after=1),
            "dw and db are right. Which state is multiplied by u in step t: the one before the "
            "step, or the one after it?",
        ),
    ),
    points=2,
    without=("complex",),
)


def _past_only(series, order, now, *, until=None, reach=0):
    past = series[: now if until is None else until]
    scaled = (series - past.mean()) / past.std()
    rows = range(now - order + reach)
    x = np.array([scaled[i : i + order] for i in rows])
    return x, np.array([scaled[i + order] for i in rows])


def _past_only_cases(rng):
    return [
        (np.cumsum(rng.normal(size=n)), order, now)
        for n, order, now in ((30, 4, 20), (12, 1, 7), (25, 6, 15))
    ]


PAST_ONLY = Exercise(
    "past_only_windows",
    answer=_past_only,
    cases=_past_only_cases,
    mistakes=(
        Mistake(
            lambda series, order, now: _past_only(series, order, now, until=len(series)),
            "Mean and deviation know the future here. From which part may they be computed?",
        ),
        Mistake(
            lambda series, order, now: _past_only(series, order, now, reach=1),
            "Your last target is series[now]: that is tomorrow's number.",
        ),
        Mistake(
            lambda series, order, now: _past_only(series, order, now, reach=-1),
            "One more window fits: its target is the last number that is known.",
        ),
        Mistake(
            lambda series, order, now: _past_only(
                series, order, now, until=len(series), reach=len(series) - now
            ),
            "You use the whole series. Everything from series[now] on has not happened yet.",
        ),
        Mistake(
            lambda series, order, now: tuple(
                part * series[:now].std() + series[:now].mean()
                for part in _past_only(series, order, now)
            ),
            "The windows are right. They are not scaled yet.",
        ),
        Mistake(
            lambda series, order, now: (
                _past_only(series, order, now)[0][:, ::-1],
                _past_only(series, order, now)[1],
            ),
            "The newest number comes first in your windows. In which order does the series run?",
        ),
    ),
    points=2,
)


def _lstm_back(
    dh, dc, z, c, *, path=True, squash=True, direct=True, slopes=True, gates="ifgo",
    cell="new",
):  # fmt: skip
    """Return dL/dz and dL/dc_{t-1} of one step, right or with a mistake in it."""
    i, f, g, o = np.split(z, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    tanh_c = np.tanh(f * c + i * g if cell == "new" else c)
    through = dh * o * (1 - tanh_c**2 if squash else 1)
    dc = (dc if direct else 0) + (through if path else 0)
    di, df, dg, do = dc * g, dc * c, dc * i, dh * tanh_c
    if slopes:
        di, df, do = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        dg = dg * (1 - g**2) if gates == "ifgo" else dg * g * (1 - g)
    return np.hstack([di, df, dg, do]), dc * f


def _candidate_last(dh, dc, z, c):
    def exchanged(parts):
        i, f, g, o = np.split(parts, 4, axis=1)
        return np.hstack([i, f, o, g])

    dz, dc_old = _lstm_back(dh, dc, exchanged(z), c)
    return exchanged(dz), dc_old


def _lstm_cases(rng):
    return [
        tuple(rng.normal(size=(n, width)) for width in (m, m, 4 * m, m))
        for n, m in ((4, 3), (1, 2), (5, 1))
    ]


def _lstm_mistake(**changes):
    return lambda *arguments: _lstm_back(*arguments, **changes)


LSTM_STEP_BACK = Exercise(
    "lstm_step_back",
    answer=_lstm_back,
    cases=_lstm_cases,
    mistakes=(
        Mistake(
            _lstm_mistake(path=False),
            "The cell is used twice: by the next step, and by the output of this one.",
        ),
        Mistake(
            _lstm_mistake(direct=False),
            "The cell is used twice: by the output of this step, and by the next one.",
        ),
        Mistake(_lstm_mistake(squash=False), "Between the cell and the output gate stands a tanh."),
        Mistake(
            _lstm_mistake(slopes=False),
            "These are gradients by the gates. One link further back are the weighted sums.",
        ),
        Mistake(
            _lstm_mistake(gates="sigmoid"),
            "Gates and dc are right. Is the candidate made by a sigmoid?",
        ),
        Mistake(_candidate_last, "The order is i, f, g, o: which of the four comes third?"),
        Mistake(
            _lstm_mistake(cell="old"),
            "The output is made from the *new* cell. c is the old one: go one step forward first.",
        ),
    ),
    points=3,
    without=(
        "nncourse.LSTM",
        "complex",
    ),
)

EXERCISES = (
    FORGET_BIAS,
    LAST_REAL,
    PAST_ONLY,
    LEAKY_BPTT,
    LSTM_STEP_BACK,
)
