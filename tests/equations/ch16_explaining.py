"""What the symbols of chapter 16 are bound to: what nncourse.practice computes."""

import numpy as np

import nncourse as nn
from nncourse.practice import explain, shapley

from . import given
from .chapter import Chapter

chapter = Chapter("16_explaining")
TARGET = 1


def network(rng, d=5):
    return nn.Sequential(
        nn.Dense(d, 7, rng=rng, dtype=np.float64),
        nn.Tanh(),
        nn.Dense(7, 3, rng=rng, dtype=np.float64),
    )


def score(model):
    return lambda x: model(np.asarray(x)[None])[0, TARGET]


@chapter.evaluates("eq-explain-gradient")
def gradient(rng):
    model, x = network(rng), rng.normal(size=5)
    return {
        r"\mathbf{x}": x,
        "z": given(lambda v: score(model)(v[r"\mathbf{x}"])),
        r"\mathbf{s}": explain.input_gradient(model, x[None], TARGET)[0],
    }


@chapter.evaluates("eq-explain-smooth")
def smooth(rng):
    model, x, seed, copies = network(rng), rng.normal(size=5), int(rng.integers(1000)), 3
    noise = np.random.default_rng(seed)
    mean = explain.smooth_grad(model, x[None], TARGET, noise=0.3, samples=copies, rng=seed)
    return {
        "K": copies,
        r"\mathbf{x}": x,
        r"\mathbf{E}": 0.3 * np.stack([noise.normal(size=(1, 5))[0] for _ in range(copies)]),
        "z": score(model),
        r"\bar{\mathbf{s}}": mean[0],
    }


@chapter.evaluates("eq-explain-ig")
def integrated(rng):
    model, x, b, steps = network(rng), rng.normal(size=5), rng.normal(size=5), 3
    a = explain.integrated_gradients(model, x[None], TARGET, baseline=b, steps=steps)
    return {
        "K": steps,
        "k": range(1, steps + 1),
        r"\mathbf{x}": x,
        r"\mathbf{b}": b,
        r"\mathbf{P}": np.stack([b + (k - 0.5) / steps * (x - b) for k in range(1, steps + 1)]),
        "z": score(model),
        r"\mathbf{a}": a[0],
    }


@chapter.evaluates("eq-explain-completeness", rtol=1e-3, because="the midpoint rule with 200 steps")
def completeness(rng):
    model, x, b = network(rng), rng.normal(size=5), rng.normal(size=5)
    a = explain.integrated_gradients(model, x[None], TARGET, baseline=b, steps=200)
    return {r"\mathbf{x}": x, r"\mathbf{b}": b, "z": score(model), r"\mathbf{a}": a[0]}


@chapter.evaluates("eq-explain-cam")
def cam(rng):
    maps = rng.normal(size=(1, 3, 3, 5))
    head = nn.Sequential(nn.Flatten(), nn.Dense(45, 2, rng=rng, dtype=np.float64))
    model = nn.Sequential(nn.Tanh(), *head.layers)
    a = np.tanh(maps)
    slope = explain.input_gradient(head, a, TARGET)
    return {
        "d": 3,
        r"\mathbf{A}": a[0],
        r"\mathbf{G}": slope[0],
        r"\boldsymbol{\alpha}": slope[0].mean(axis=(0, 1)),
        r"\mathbf{C}": explain.grad_cam(model, maps, TARGET, layer=1)[0],
    }


@chapter.evaluates("eq-explain-nearness")
def near(rng):
    players, on, width = 7, int(rng.integers(1, 7)), rng.uniform(0.2, 0.6)
    mask = (np.arange(players) < on).astype(int)
    return {
        "m": on,
        "M": players,
        "w": width,
        "d": 1 - mask.sum() / np.sqrt(on) / np.sqrt(players),  # the cosine, from its definition
        "u": shapley.nearness(mask[None], width)[0],
    }


def random_game(rng, players):
    scores = rng.normal(size=2**players)
    return lambda masks: scores[np.asarray(masks) @ (1 << np.arange(players))]


@chapter.evaluates("eq-explain-shapley")
def shares(rng):
    """G is the mean gain by place, counted over all coalitions of s - 1 others."""
    players = 5
    game = random_game(rng, players)
    masks = np.arange(2**players)[:, None] >> np.arange(players) & 1
    gains = np.empty((players, players))
    for i in range(players):
        without = masks[masks[:, i] == 0]
        joined = without.copy()
        joined[:, i] = 1
        gain = game(joined) - game(without)
        for s in range(players):
            gains[i, s] = gain[without.sum(axis=1) == s].mean()
    return {
        "M": players,
        r"\mathbf{G}": gains,
        r"\boldsymbol{\phi}": shapley.shapley_exact(game, players),
    }


@chapter.evaluates("eq-explain-efficiency")
def efficiency(rng):
    players = 5
    game = random_game(rng, players)
    return {
        "M": players,
        r"\boldsymbol{\phi}": shapley.shapley_exact(game, players),
        r"v_{\text{all}}": game(np.ones((1, players), int))[0],
        r"v_{\text{none}}": game(np.zeros((1, players), int))[0],
    }


@chapter.evaluates("eq-explain-kernel")
def kernel(rng):
    from math import comb

    players, size = 7, int(rng.integers(1, 7))
    return {
        "M": players,
        "s": size,
        "C_s": comb(players, size),
        "u_s": shapley.shapley_kernel(players, size),
    }


@chapter.evaluates("eq-explain-linear")
def linear(rng):
    w, x, b = rng.normal(size=(3, 5))

    def game(masks):
        return np.where(masks, x, b) @ w + 0.7

    return {
        r"\mathbf{w}": w,
        r"\mathbf{x}": x,
        r"\mathbf{b}": b,
        r"\boldsymbol{\phi}": shapley.shapley_exact(game, 5),
    }


@chapter.evaluates("eq-explain-ale")
def accumulated(rng):
    """A column with ties, beside two others that go with it."""
    x = rng.normal(size=(23, 3))
    x[:, 0] = np.round(2 * x[:, 0] + x[:, 1])
    weights = rng.normal(size=3)

    def predict(rows):
        return np.tanh(rows @ weights) + rows[:, 0] * rows[:, 1]

    edges, effects = explain.accumulated_effects(predict, x, 0, intervals=3)
    inside = np.array([max(1, np.sum(edges < value)) for value in x[:, 0]])
    intervals = len(edges) - 1
    return {
        "K": intervals,
        "k": range(1, intervals + 1),
        r"\mathbf{k}": inside,
        r"\mathbf{R}": x[:, 1:],
        "f": lambda z, r: predict(np.append(z, r)[None])[0],
        r"\mathbf{n}": np.bincount(inside)[1:],
        r"\mathbf{D}": np.diff(effects),
        r"\mathbf{A}": (effects - effects[0])[1:],
    } | {f"z_{k}": edge for k, edge in enumerate(edges)}


@chapter.evaluates("eq-explain-smallest", rtol=0.02, because="steps of a descent")
def smallest(rng):
    model, x = nn.Dense(5, 2, rng=rng, dtype=np.float64), rng.normal(size=(1, 5))
    weights, bias = model.kernel.value, model.bias.value
    said = int(model(x)[0].argmax())
    found = [
        explain.counterfactual(model, x, 1 - said, norm=norm, rate=0.2, steps=1000) - x
        for norm in (1, 2)
    ]
    return {
        "h": (model(x)[0, said] - model(x)[0, 1 - said]),
        r"\mathbf{w}": weights[:, said] - weights[:, 1 - said],
        "b": bias[said] - bias[1 - said],
        r"\mathbf{x}": x[0],
        "D_1": np.abs(found[0]).sum(),
        "D_2": np.linalg.norm(found[1]),
    }
