"""What the symbols of chapter 11 are bound to: as far as can be, what nncourse computes."""

import numpy as np

import nncourse as nn
from nncourse.layers.embedding import sinusoids
from nncourse.layers.rotary import rotary_tables, rotate

from .chapter import Chapter
from .environment import draws, given

chapter = Chapter("11_attention")
N, D, E = 7, 5, 3  # steps, features, features of a value


def attention(rng, dim=D, heads=1):
    """Return a layer of the package with one sequence in it, and what its dense layers gave."""
    layer = nn.MultiHeadAttention(dim, heads, rng=rng, dtype=np.float64)
    layer.query.kernel.value *= 2
    if heads == 1:  # then what comes out is A V itself
        layer.output.kernel.value = np.eye(dim)
    x = rng.normal(size=(1, N, dim))
    y = layer(x)[0]
    q, k, v = (dense(x)[0] for dense in (layer.query, layer.key, layer.value))
    return layer, y, q, k, v


@chapter.evaluates("eq-soft-lookup")
def soft_lookup(rng):
    layer, y, q, k, v = attention(rng)
    return {
        "n": N,
        "j": range(1, N + 1),
        r"\mathbf{q}": q[2] / np.sqrt(D),  # the layer divides; the page does so later
        r"\mathbf{K}": k,
        r"\mathbf{V}": v,
        r"\mathbf{a}": layer.weights[0, 0, 2],
        r"\mathbf{y}": y[2],
    }


@chapter.evaluates("eq-attention")
def scaled_attention(rng):
    layer, y, q, k, v = attention(rng)
    return {
        r"\operatorname{softmax}": nn.activations.softmax,
        r"\mathbf{Q}": q,
        r"\mathbf{K}": k,
        r"\mathbf{V}": v,
        "d": D,
        r"\mathbf{A}": layer.weights[0, 0],
        r"\mathbf{Y}": y,
    }


@chapter.evaluates("eq-dot-variance", rtol=0.04, because="250,000 draws: five standard errors")
def dot_variance(rng):
    return {
        r"\mathbf{q}": draws(rng.normal(0, 2, size=(250_000, D))),  # only the product counts
        r"\mathbf{k}": draws(rng.normal(0, 0.5, size=(250_000, D))),
        "d": D,
    }


@chapter.evaluates("eq-heads")
def heads(rng):
    layer, y, _, _, v = attention(rng, dim=6, heads=3)
    parts = np.split(v, 3, axis=1)
    rows = np.split(layer.output.kernel.value, 3)
    bound = {"H": 3, r"\mathbf{Y}": y}
    for h in range(3):
        bound[rf"\mathbf{{A}}_{h + 1}"] = layer.weights[0, h]
        bound[rf"\mathbf{{V}}_{h + 1}"] = parts[h]
        bound[rf"\mathbf{{O}}_{h + 1}"] = rows[h]
    return bound


@chapter.evaluates("eq-attention-cost")
def cost(rng):
    layer, *_ = attention(rng, dim=6, heads=3)
    shapes = [dense.kernel.value.shape for dense in layer.layers]
    _, number, queries, keys = layer.weights.shape
    looks = number * queries * keys * (6 // number)
    count = sum(N * rows * columns for rows, columns in shapes) + 2 * looks
    return {"C": count, "n": N, "d": 6}


@chapter.evaluates("eq-equivariance")
def equivariance(rng):
    layer, *_ = attention(rng, dim=N)  # square, so that a lost X is a number, not a shape error
    order = np.array([2, 0, 1, 5, 6, 3, 4])  # not its own inverse
    return {
        "f": lambda x: layer(x[None])[0],
        r"\mathbf{X}": rng.normal(size=(N, N)),
        r"\boldsymbol{\Pi}": np.eye(N)[order],
    }


@chapter.evaluates("eq-sinusoids", "eq-shift")
def places(rng):
    pair, dim = 2, 16
    table = sinusoids(40, dim, np.float64)[:, 2 * pair : 2 * pair + 2]
    return {
        "i": pair,
        "d": dim,
        "k": 3,
        r"\omega": 10000 ** (-2 * pair / dim),
        "t": range(1, 20, 6),
        **{rf"\mathbf{{p}}_{{{t}}}": row for t, row in enumerate(table)},
    }


@chapter.evaluates("eq-rotary")
def rotary(rng):
    cos, sin = rotary_tables(8, 4, base=30.0, dtype=np.float64)
    turns = {
        place: np.array([rotate(e[None], cos[[place]], sin[[place]])[0] for e in np.eye(4)]).T
        for place in range(8)
    }
    return {
        "m": 2,
        "n": 7,
        r"\mathbf{q}": rng.normal(size=4),
        r"\mathbf{k}": rng.normal(size=4),
        **{rf"\mathbf{{R}}_{place}": turn for place, turn in turns.items()},
    }


@chapter.evaluates("eq-attention-back")
def attention_back(rng):
    q, k = rng.normal(size=(2, N, D))
    v, g = rng.normal(size=(2, N, E))
    return {
        r"\mathbf{Q}": q,
        r"\mathbf{K}": k,
        r"\mathbf{V}": v,
        r"\mathbf{G}": g,
        r"\mathbf{1}": np.ones(N),
        "d": D,
        r"\mathbf{S}": given(lambda s: s[r"\mathbf{Q}"] @ s[r"\mathbf{K}"].T / np.sqrt(D)),
        r"\mathbf{A}": given(lambda s: nn.activations.softmax(s[r"\mathbf{S}"])),
        "L": given(lambda s: np.sum(g * (s[r"\mathbf{A}"] @ s[r"\mathbf{V}"]))),
        r"\mathbf{s}": np.einsum("ij,ik,jk->i", nn.activations.softmax(q @ k.T / np.sqrt(D)), g, v),
    }


def layer_norm(gamma, beta, epsilon=0.5):
    layer = nn.LayerNorm(D, epsilon=epsilon, dtype=np.float64)
    layer.gamma.value[:], layer.beta.value[:] = gamma, beta
    return layer


@chapter.evaluates("eq-layernorm", "eq-layernorm-back")
def normalization(rng):
    x, slope = rng.normal(2, 3, size=D), rng.normal(size=D)
    gamma, beta = rng.uniform(1.5, 3, D), rng.normal(size=D)
    layer = layer_norm(gamma, beta)
    return {
        r"\mathbf{x}": x,
        "d": D,
        r"\mu": np.mean(x),
        "v": np.var(x),
        "s": 1 / np.sqrt(np.var(x) + 0.5),
        r"\epsilon": 0.5,
        r"\boldsymbol{\gamma}": gamma,
        r"\boldsymbol{\beta}": beta,
        r"\hat{\mathbf{x}}": layer_norm(1, 0)(x[None])[0],
        r"\mathbf{y}": layer(x[None])[0],
        r"\mathbf{g}": gamma * slope,
        "L": given(lambda s: np.sum(slope * layer(s[r"\mathbf{x}"][None])[0])),
    }


def parts(rng):
    """Return a vector, a dense layer and a normalization as functions, and the last two."""
    dense = nn.Dense(D, D, rng=rng, dtype=np.float64)
    norm = layer_norm(rng.uniform(1.5, 3, D), rng.normal(size=D))
    bound = {
        r"\mathbf{x}": rng.normal(2, 3, size=D),
        "f": lambda x: dense(x[None])[0],
        r"\operatorname{norm}": lambda x: norm(x[None])[0],
    }
    return bound, dense, norm


@chapter.evaluates("eq-post-norm")
def post_norm(rng):
    bound, dense, norm = parts(rng)
    block = nn.Sequential(nn.Residual(dense), norm)
    return bound | {r"\leftarrow\mathbf{x}": block(bound[r"\mathbf{x}"][None])[0]}


@chapter.evaluates("eq-pre-norm")
def pre_norm(rng):
    bound, dense, norm = parts(rng)
    block = nn.Residual(norm, dense)
    return bound | {r"\leftarrow\mathbf{x}": block(bound[r"\mathbf{x}"][None])[0]}


chapter.equivalent(
    "eq-dot-variance", "negate sum 1", "A random number and its negative have the same variance."
)
