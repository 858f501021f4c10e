"""Checks for the exercises of chapter 10, "Sequences"."""

import numpy as np

from ..activations import sigmoid
from .core import Exercise, Mistake


def _lstm_parameters(inputs, units):
    return 4 * (inputs * units + units * units + units)


LSTM_PARAMETERS = Exercise(
    "lstm_parameters",
    answer=_lstm_parameters,
    cases=lambda rng: [tuple(map(int, rng.integers(2, 300, 2))) for _ in range(4)] + [(1, 1)],
    mistakes=(
        Mistake(
            lambda inputs, units: inputs * units + units * units + units,
            "That is a simple RNN. Count the weighted sums of one LSTM cell: how many are there?",
        ),
        Mistake(
            lambda inputs, units: 3 * (inputs * units + units * units + units),
            "Three gates, yes. But what do they let in? The candidate has weights, too.",
        ),
        Mistake(
            lambda inputs, units: 4 * (inputs * units + units),
            "A gate sees the input and one thing more.",
        ),
        Mistake(
            lambda inputs, units: 4 * (inputs * units + units * units),
            "The kernels are right. Is there nothing else to learn?",
        ),
        Mistake(
            lambda inputs, units: 4 * (inputs * units + units * units + 2 * units),
            "You counted a bias for each kernel, as PyTorch does. Here there is one for each sum.",
        ),
    ),
    points=1,
)


def _log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _code_lengths(logits, codes):
    """Return the bits that each character but the first costs."""
    return -_log_softmax(logits)[np.arange(len(codes) - 1), codes[1:]] / np.log(2)


def _bits_per_character(logits, codes):
    return _code_lengths(logits, codes).mean()


def _bits_overflowing(logits, codes):
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.log2(p[np.arange(len(codes) - 1), codes[1:]]).mean()


def _bits_cases(rng):
    sizes = (6, 4), (2, 3), (40, 7)
    cases = [(2 * rng.normal(size=(n, k)), rng.integers(0, k, n)) for n, k in sizes]
    return [*cases, (1000 + rng.normal(size=(5, 4)), rng.integers(0, 4, 5))]


BITS_PER_CHARACTER = Exercise(
    "bits_per_character",
    answer=_bits_per_character,
    cases=_bits_cases,
    mistakes=(
        Mistake(
            lambda logits, codes: (
                -_log_softmax(logits)[np.arange(len(codes)), codes].mean() / np.log(2)
            ),
            "Row t is the prediction made after reading character t. Of which character?",
        ),
        Mistake(
            lambda logits, codes: _bits_per_character(logits, codes) * np.log(2),
            "These are nats, from the natural logarithm. A bit is a choice between two.",
        ),
        Mistake(
            lambda logits, codes: _code_lengths(logits, codes).sum(),
            "That is the length of the whole message. Per character?",
        ),
        Mistake(
            lambda logits, codes: _code_lengths(logits, codes).sum() / len(codes),
            "How many characters are predicted? Nothing is said about the first one.",
        ),
        Mistake(_bits_overflowing, "exp(1000) is infinite. What may you subtract from a row?"),
    ),
    points=1,
)


def _gru_step(x, h, kernel, recurrent, bias, *, after=False, swapped=False, gates=sigmoid):
    """Return the next state; the options are mistakes, or what other libraries do."""
    units = h.shape[1]
    (wz, wr, wn), (uz, ur, un) = np.split(kernel, 3, axis=1), np.split(recurrent, 3, axis=1)
    bz, br, bn = bias[:units], bias[units : 2 * units], bias[2 * units :]
    z, r = gates(x @ wz + h @ uz + bz), gates(x @ wr + h @ ur + br)
    n = np.tanh(x @ wn + (r * (h @ un) if after else (r * h) @ un) + bn)
    return (1 - z) * h + z * n if swapped else z * h + (1 - z) * n


def _gru_cases(rng):
    return [
        (
            rng.normal(size=(n, d)), rng.normal(size=(n, m)), rng.normal(size=(d, 3 * m)),
            rng.normal(size=(m, 3 * m)), rng.normal(size=3 * m),
        )
        for n, d, m in ((4, 3, 2), (1, 2, 5), (6, 1, 3))
    ]  # fmt: skip


def _gru_other(*arguments):
    x, h, kernel, recurrent, bias = arguments
    order = np.roll(np.arange(bias.size).reshape(3, -1)[:2], 1, axis=0).ravel()
    order = np.append(order, np.arange(len(order), bias.size))
    return _gru_step(x, h, kernel[:, order], recurrent[:, order], bias[order])


GRU_STEP = Exercise(
    "gru_step",
    answer=_gru_step,
    cases=_gru_cases,
    mistakes=(
        Mistake(
            lambda *a: _gru_step(*a, swapped=True),
            "Where z is 1, is the old state kept or replaced?",
        ),
        Mistake(
            lambda *a: _gru_step(*a, after=True),
            "A real variant, but another one: here the reset gate acts before the matrix product.",
        ),
        Mistake(
            lambda *a: _gru_step(*a, gates=np.tanh),
            "A gate lies between 0 and 1. Which function does that?",
        ),
        Mistake(_gru_other, "Look at the order of the blocks: update gate first, then reset."),
    ),
    points=2,
    without=("nncourse.GRU",),
)


def _bptt(x, dh, w, u, b, *, slope=True, add=True, back=True, transposed=False, first=0):
    """Return the gradients of the three parameters, right or with a published mistake."""
    h = [np.zeros(len(b))]
    for x_t in x:
        h.append(np.tanh(x_t @ w + h[-1] @ u + b))
    dw, du, db = np.zeros_like(w), np.zeros_like(u), np.zeros_like(b)
    delta = np.zeros(len(b))
    for t in reversed(range(first, len(x))):
        past = delta @ (u if transposed else u.T) if back else 0
        delta = (dh[t] + past) * (1 - h[t + 1] ** 2 if slope else 1)
        terms = np.outer(x[t], delta), np.outer(h[t], delta), delta
        dw, du, db = (
            (g + term if add else term) for g, term in zip((dw, du, db), terms, strict=True)
        )
    return dw, du, db


def _bptt_cases(rng):
    sizes = (5, 3, 4), (3, 2, 3), (7, 1, 2)
    return [
        (
            rng.normal(size=(n, d)), rng.normal(size=(n, m)), rng.normal(size=(d, m)),
            rng.normal(size=(m, m)), rng.normal(size=m),
        )
        for n, d, m in sizes
    ]  # fmt: skip


def _mistaken(**changes):
    return lambda *arguments: _bptt(*arguments, **changes)


FIXED_BPTT = Exercise(
    "fixed_bptt",
    answer=_bptt,
    cases=_bptt_cases,
    mistakes=(
        Mistake(
            _mistaken(slope=False, add=False),
            "This is still the published loop. How often is each weight used, and what do slopes "
            "do over several paths?",
        ),
        Mistake(
            _mistaken(slope=False),
            "The sum over time is right. Which function stands between z and h?",
        ),
        Mistake(
            _mistaken(add=False),
            "The deltas are right. A weight is used at every step; your result knows of one step.",
        ),
        Mistake(
            _mistaken(back=False),
            "Each step is blamed for its own output only. How does blame reach the step before?",
        ),
        Mistake(
            _mistaken(transposed=True),
            "Forward, the state is multiplied by u. Which way round on the way back?",
        ),
        Mistake(
            _mistaken(first=1), "One step of the sequence is missing. Where does your loop end?"
        ),
    ),
    points=2,
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
    ),
    points=2,
)


def _lstm_back(dh, dc, z, c, *, path=True, squash=True, direct=True, slopes=True, gates="ifgo"):
    """Return dL/dz and dL/dc_{t-1} of one step, right or with a mistake in it."""
    i, f, g, o = np.split(z, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    tanh_c = np.tanh(f * c + i * g)
    through = dh * o * (1 - tanh_c**2 if squash else 1)
    dc = (dc if direct else 0) + (through if path else 0)
    di, df, dg, do = dc * g, dc * c, dc * i, dh * tanh_c
    if slopes:
        di, df, do = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        dg = dg * (1 - g**2) if gates == "ifgo" else dg * g * (1 - g)
    return np.hstack([di, df, dg, do]), dc * f


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
            "These are slopes by the gates. One link further back are the weighted sums.",
        ),
        Mistake(
            _lstm_mistake(gates="sigmoid"),
            "Gates and dc are right. Is the candidate made by a sigmoid?",
        ),
    ),
    points=3,
    without=("nncourse.LSTM",),
)

EXERCISES = (
    LSTM_PARAMETERS,
    BITS_PER_CHARACTER,
    GRU_STEP,
    FIXED_BPTT,
    PAST_ONLY,
    LSTM_STEP_BACK,
)
