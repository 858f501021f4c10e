"""What the symbols of chapter 17 are bound to: what nncourse.practice computes."""

from math import comb

import numpy as np
from scipy.stats import norm

import nncourse as nn
from nncourse.practice import fairness, membership, privacy

from .chapter import Chapter

chapter = Chapter("17_responsibility")


@chapter.evaluates("eq-resp-advantage")
def advantage(rng):
    members = rng.random(40) < 0.5
    scores = rng.normal(size=40) + members
    false, true = membership.operating_points(scores, members)
    return {
        "A": membership.attack_rates(scores, members)[0],
        r"\mathbf{t}": true,
        r"\mathbf{f}": false,
    }


@chapter.evaluates("eq-resp-ratio")
def ratio(rng):
    """The first of nine models is attacked with eight others, four with the example."""
    c = rng.normal(size=9) + 2
    inside = np.array([True] * 4 + [False] * 5)
    others_in, others_out = c[1:4], c[4:]
    return {
        "c": c[0],
        "m_1": others_in.mean(),
        "m_0": others_out.mean(),
        "v_1": others_in.var(ddof=1),
        "v_0": others_out.var(ddof=1),
        "s": membership.likelihood_ratios(c[:, None], inside[:, None])[0, 0],
    }


@chapter.evaluates("eq-resp-promise")
def promise(rng):
    """The best attack on one Gaussian step, and what the accountant promises of it."""
    noise, delta = rng.uniform(0.7, 2), 1e-3
    threshold = rng.uniform(-1, 3)
    return {
        r"\varepsilon": privacy.epsilon(noise, 1.0, 1, delta),
        r"\delta": delta,
        "f": norm.sf(threshold / noise),
        "t": norm.sf((threshold - 1) / noise),
    }


@chapter.evaluates("eq-resp-step")
def step(rng):
    """One Dense layer, moved by plain SGD with rate 1: the way back is the gradient."""
    model = nn.Sequential(nn.Dense(3, 2, rng=rng, dtype=np.float64))
    x, y = rng.normal(size=(7, 3)), rng.integers(0, 2, 7)
    loss, clip, noise = nn.losses.softmax_cross_entropy, 0.6, 1.3
    each = privacy.per_example_gradients(model, loss, x, y)
    before = [p.value.copy() for p in model.parameters()]
    seed = int(rng.integers(1000))
    privacy.private_step(
        model,
        loss,
        nn.SGD(model.parameters(), 1.0),
        x,
        y,
        clip=clip,
        noise=noise,
        batch=5,
        rng=seed,
    )
    e = np.random.default_rng(seed)
    noises = [e.standard_normal(p.value.shape, np.float32).ravel() for p in model.parameters()]
    moved = [b - p.value for b, p in zip(before, model.parameters(), strict=True)]
    return {
        "B": 5,
        "C": clip,
        r"\sigma": noise,
        r"\mathbf{G}": np.concatenate([g.reshape(7, -1) for g in each], axis=1),
        r"\mathbf{e}": np.concatenate(noises).astype(np.float64),
        r"\bar{\mathbf{g}}": np.concatenate([m.ravel() for m in moved]),
    }


@chapter.evaluates("eq-resp-length")
def length(rng):
    return {r"\mathbf{a}": rng.normal(size=4), r"\boldsymbol{\delta}": rng.normal(size=3)}


@chapter.evaluates("eq-resp-moment", origin=0)
def moment(rng):
    noise, rate, order = rng.uniform(0.8, 2), rng.uniform(0.05, 0.4), int(rng.integers(3, 6))
    r = privacy.renyi_divergence(noise, rate, order)
    return {
        r"\alpha": order,
        r"\sigma": noise,
        "q": rate,
        r"\mathbf{C}": np.array([float(comb(order, k)) for k in range(order + 1)]),
        "M": np.exp(r * (order - 1)),
        "r": r,
    }


@chapter.evaluates("eq-resp-epsilon")
def bill(rng):
    noise, rate, steps, delta = rng.uniform(0.8, 2), 0.05, int(rng.integers(50, 90)), 1e-5
    order = float(rng.uniform(3, 9))
    return {
        r"\alpha": order,
        r"\delta": delta,
        "T": steps,
        "r": privacy.renyi_divergence(noise, rate, order),
        r"\varepsilon": privacy.epsilon(noise, rate, steps, delta, orders=[order]),
    }


@chapter.evaluates("eq-resp-impossible")
def impossible(rng):
    outcome = (rng.random(400) < rng.uniform(0.2, 0.8)).astype(int)
    decision = (rng.random(400) < 0.2 + 0.5 * outcome).astype(int)
    rates = fairness.group_rates(decision, outcome, np.zeros(400))[0.0]
    return {
        "p": rates["base"].value,
        "v": rates["precision"].value,
        "t": rates["true_positive"].value,
        "f": rates["false_positive"].value,
    }
