"""What the symbols of chapter 10 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn

from .chapter import Chapter
from .environment import draws, given, row

chapter = Chapter("10_recurrent_networks")
N, D, M, T = 7, 5, 3, 4  # batch, inputs, units, steps


def with_values(Layer, values, **options):
    """Make a layer of the package with these kernels and this bias, in float64."""
    layer = Layer(len(values[0]), len(values[1]), dtype=np.float64, **options)
    for p, value in zip(layer.parameters(), values, strict=True):
        p.value = np.array(value, dtype=float).reshape(p.value.shape)
    return layer


def states(x, w, u, b, start=None):
    """Return h_1 … h_T of the package's simple RNN, (T, n, m), for x (T, n, d)."""
    layer = with_values(nn.SimpleRNN, (w, u, b), return_sequences=True)
    return layer(x.swapaxes(0, 1), state=start).swapaxes(0, 1)


def deltas(x, w, u, b, g, start):
    """Return dL/dZ_t from the package: x W is fed in through a kernel that is the identity."""
    layer = with_values(nn.SimpleRNN, (np.eye(M), u, b), return_sequences=True)
    layer((x @ w).swapaxes(0, 1), state=start)
    return layer.backward(g.swapaxes(0, 1)).swapaxes(0, 1)


def draw_rnn(rng):
    shapes = (T, N, D), (D, M), (M, M), M
    return [0.6 * rng.normal(size=shape) for shape in shapes]


def steps(letter, arrays, first=1):
    return {rf"{letter}_{t}": array for t, array in enumerate(arrays, first)}


@chapter.evaluates("eq-rnn-step")
def rnn_step(rng):
    x, w, u, b = draw_rnn(rng)
    h = states(x, w, u, b)[:, 0]
    return {
        r"\mathbf{W}": w,
        r"\mathbf{U}": u,
        r"\mathbf{b}": b,
        "t": range(1, T + 1),
        **steps(r"\mathbf{x}", x[:, 0]),
        **steps(r"\mathbf{h}", [np.zeros(M), *h], first=0),
        **steps(r"\mathbf{z}", np.arctanh(h)),
    }


@chapter.evaluates("eq-bptt-delta", "eq-bptt-weights")
def bptt(rng):
    x, w, u, b = draw_rnn(rng)
    g, start = rng.normal(size=(T, N, M)), (rng.normal(size=(N, M)),)  # h_0 = 0 would hide t = 1
    h = states(x, w, u, b, start)

    def loss(v):
        values = (v[rf"\mathbf{{{name}}}"] for name in "WUb")
        return np.sum(g * states(x, *values, start))

    return {
        r"\mathbf{W}": w,
        r"\mathbf{U}": u,
        r"\mathbf{b}": row(b),
        r"\mathbf{1}": np.ones(N),
        "L": given(loss),
        "f": np.tanh,
        "T": T,
        "t": range(1, T + 1),
        **steps(r"\mathbf{X}", x),
        **steps(r"\mathbf{G}", g),
        **steps(r"\mathbf{H}", [*start, *h], first=0),
        **steps(r"\mathbf{Z}", np.arctanh(h)),
        **steps(r"\boldsymbol{\Delta}", [*deltas(x, w, u, b, g, start), np.zeros((N, M))]),
    }


@chapter.evaluates("eq-rnn-jacobian", "eq-vanishing-bound")
def jacobian(rng):
    x, w, u, b = draw_rnn(rng)
    layer = with_values(nn.SimpleRNN, (w, u, b))
    bound = {r"\mathbf{U}": u, "f": np.tanh, "t": range(1, T + 1), "T": T, "k": 3}
    bound[r"\mathbf{h}_0"] = 0.5 * rng.normal(size=M)
    for t in range(1, T + 1):
        bound[rf"\mathbf{{h}}_{t}"] = given(
            lambda v, t=t: layer(
                x[t - 1 : t, :1].swapaxes(0, 1), state=(v[rf"\mathbf{{h}}_{t - 1}"][None],)
            )[0]
        )
        bound[rf"\mathbf{{z}}_{t}"] = given(lambda v, t=t: np.arctanh(v[rf"\mathbf{{h}}_{t}"]))
    return bound


def blocks(rng, names):
    """Return weights of gates, bound by name and joined as the package has them."""
    parts = {name: [rng.normal(size=shape) for shape in ((D, M), (M, M), (M,))] for name in names}
    bound = {
        rf"\mathbf{{{letter}}}_{name}": value
        for name, values in parts.items()
        for letter, value in zip("WUb", values, strict=True)
    }
    return parts, bound


def next_state(Layer, parts, x, state, **forced):
    """Run one step of the package; a forced block has only this bias."""
    parts = parts | {
        name: (np.zeros((D, M)), np.zeros((M, M)), np.full(M, bias))
        for name, bias in forced.items()
    }
    values = (np.concatenate(group, axis=-1) for group in zip(*parts.values(), strict=True))
    layer = with_values(Layer, list(values))
    layer(x[None, None], state=tuple(s[None] for s in state))
    return [s[0] for s in layer.state]


@chapter.evaluates("eq-lstm-gates", "eq-lstm-cell")
def lstm(rng):
    parts, bound = blocks(rng, "ifgo")
    x, h, c = rng.normal(size=D), rng.normal(size=M), rng.normal(size=M)

    def step(cell, **forced):
        return next_state(nn.LSTM, parts, x, (h, cell), **forced)

    h_new, c_new = step(c)
    news, i = step(0 * c)[1], step(0 * c, g=50.0)[1]  # a candidate of 1 lets the input gate be seen
    return bound | {
        "t": 1,
        r"\sigma": nn.activations.sigmoid,
        r"\mathbf{x}_1": x,
        r"\mathbf{h}_0": h,
        r"\mathbf{h}_1": h_new,
        r"\mathbf{c}_0": c,
        r"\mathbf{c}_1": c_new,
        r"\mathbf{i}_1": i,
        r"\mathbf{f}_1": (c_new - news) / c,
        r"\mathbf{g}_1": news / i,
        r"\mathbf{o}_1": h_new / np.tanh(c_new),
    }


@chapter.evaluates("eq-lstm-path")
def lstm_path(rng):
    parts, _ = blocks(rng, "ifgo")
    parts = {name: (w, 0 * u, b) for name, (w, u, b) in parts.items()}  # gates that see no state
    x, h = rng.normal(size=D), rng.normal(size=M)
    w, _, b = parts["f"]
    return {
        "t": 1,
        r"\mathbf{c}_0": rng.normal(size=M),
        r"\mathbf{c}_1": given(lambda v: next_state(nn.LSTM, parts, x, (h, v[r"\mathbf{c}_0"]))[1]),
        r"\mathbf{f}_1": nn.activations.sigmoid(x @ w + b),
    }


@chapter.evaluates("eq-gru")
def gru(rng):
    parts, bound = blocks(rng, "zrn")
    x, h = rng.normal(size=D), 0.8 * np.tanh(rng.normal(size=M))

    def step(parts=parts, **forced):
        return next_state(nn.GRU, parts, x, (h,), **forced)[0]

    shown = parts | {"n": (np.zeros((D, M)), np.eye(M), np.zeros(M))}  # candidate tanh(r ⊙ h)
    return bound | {
        "t": 1,
        r"\sigma": nn.activations.sigmoid,
        r"\mathbf{x}_1": x,
        r"\mathbf{h}_0": h,
        r"\mathbf{h}_1": step(),
        r"\mathbf{z}_1": (step(n=50.0) - 1) / (h - 1),
        r"\mathbf{r}_1": np.arctanh(step(shown, z=-50.0)) / h,
        r"\tilde{\mathbf{h}}_1": step(z=-50.0),
    }


@chapter.evaluates("eq-adding-baseline", rtol=0.01, because="10^6 draws: five standard errors")
def adding_baseline(rng):
    return {"u_1": draws(rng.random(1_000_000)), "u_2": draws(rng.random(1_000_000))}


@chapter.evaluates("eq-bits")
def bits(rng):
    logits, codes = rng.normal(size=(11, 5)), rng.integers(0, 5, 11)
    return {
        "n": 11,
        r"\mathbf{p}": nn.activations.softmax(logits)[np.arange(11), codes],
        "B": nn.losses.softmax_cross_entropy(logits, codes)[0] / np.log(2),
    }


@chapter.evaluates("eq-bits-perplexity")
def bits_perplexity(rng):
    loss = nn.losses.softmax_cross_entropy(rng.normal(size=(11, 5)), rng.integers(0, 5, 11))[0]
    return {"B": loss / np.log(2), r"\text{PPL}": np.exp(loss)}


@chapter.evaluates("eq-witten-bell")
def witten_bell(rng):
    counts, shorter = rng.integers(1, 9, 6), rng.dirichlet(np.ones(6))
    seen, kinds = counts.sum(), len(counts)
    trust = seen / (seen + kinds)
    return {
        "N": seen,
        "D": kinds,
        "N_c": counts[0],
        "q": shorter[0],
        "p": trust * counts[0] / seen + (1 - trust) * shorter[0],
    }


@chapter.evaluates("eq-kneser-ney")
def kneser_ney(rng):
    counts, shorter = np.append(0, rng.integers(1, 9, 5)), rng.dirichlet(np.ones(6))
    which, discount = rng.integers(2), rng.uniform(0.3, 0.9)
    kept = np.maximum(0, counts - discount) / counts.sum()
    left = 1 - kept.sum()  # what the discounts have freed goes to the shorter context
    return {
        "N": counts.sum(),
        "D": 5,
        "N_c": counts[which],
        r"\delta": discount,
        "q": shorter[which],
        "p": kept[which] + left * shorter[which],
    }


@chapter.evaluates("eq-temperature")
def temperature(rng):
    z, tau = rng.normal(size=6), rng.uniform(0.3, 3)
    return {r"\mathbf{z}": z, r"\tau": tau, r"\mathbf{p}": nn.activations.softmax(z / tau)}


@chapter.evaluates("eq-autoregression")
def autoregression(rng):
    now, order, ahead = 11, 5, 3
    series, w, b = rng.normal(size=now), rng.normal(size=(order, ahead)), rng.normal(size=ahead)
    line = nn.Dense(order, ahead, dtype=np.float64)
    line.kernel.value, line.bias.value = w, b
    return {
        "t": now,
        "p": order,
        "j": range(1, ahead + 1),
        r"\mathbf{y}": series,
        r"\mathbf{w}": w,
        r"\mathbf{b}": b,
        r"\hat{\mathbf{y}}": np.append(np.full(now, np.nan), line(series[None, -order:])[0]),
    }


chapter.equivalent(
    "eq-adding-baseline",
    "flip sign 1",
    "The variance of a difference of independent numbers is that of their sum.",
)
