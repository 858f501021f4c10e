"""What the symbols of chapter 18 are bound to: what nncourse computes, or first principles."""

import numpy as np

import nncourse as nn
from equations import Chapter, given

chapter = Chapter("18_what_next")
softmax = nn.activations.softmax


def walk(rng, d=3, steps=4):
    """Return the noise's variances, the signal that is left (0 to steps), the walk, its noises."""
    beta = np.append(0.0, rng.uniform(0.1, 0.4, steps))
    signal = np.array([np.prod(1 - beta[: t + 1]) for t in range(steps + 1)])
    x, e = [rng.normal(size=d)], rng.normal(size=(steps + 1, d))
    for t in range(1, steps + 1):
        x.append(np.sqrt(1 - beta[t]) * x[-1] + np.sqrt(beta[t]) * e[t])
    return beta, signal, x, e


@chapter.evaluates("eq-next-step")
def step(rng):
    beta, _, x, e = walk(rng)
    symbols = {"t": range(1, 5)}
    for t in range(5):
        symbols |= {rf"\beta_{t}": beta[t], rf"\mathbf{{x}}_{t}": x[t], rf"\mathbf{{e}}_{t}": e[t]}
    return symbols


@chapter.evaluates("eq-next-jump")
def jump(rng):
    """At one step t, with the noise that four steps have added up to, by the rule for variances."""
    beta, signal, x, e = walk(rng)
    t = int(rng.integers(2, 5))
    parts = [np.sqrt(beta[s]) * np.prod(np.sqrt(1 - beta[s + 1 : t + 1])) for s in range(1, t + 1)]
    together = np.tensordot(parts, e[1 : t + 1], axes=1) / np.linalg.norm(parts)
    return {
        "t": t,
        r"\boldsymbol{\beta}": beta[1:],
        rf"\bar{{\alpha}}_{t}": signal[t],
        r"\mathbf{x}_0": x[0],
        rf"\mathbf{{x}}_{t}": x[t],
        r"\mathbf{e}": together,
    }


@chapter.evaluates("eq-next-loss")
def loss(rng):
    x, e = rng.normal(size=(2, 5))
    kernel = rng.normal(size=(5, 5))

    def f(x, t):
        return np.tanh(kernel @ x * t)

    return {
        "t": 2,
        "d": 5,
        r"\mathbf{x}_2": x,
        r"\mathbf{e}": e,
        r"\mathbf{f}": f,
        "L": nn.losses.mean_squared_error(f(x, 2), e)[0],
    }


@chapter.evaluates("eq-next-back")
def back(rng):
    """The point in between, of jointly normal numbers: conditioning by the covariance matrix."""
    beta, signal, x, _ = walk(rng)
    t = int(rng.integers(2, 5))
    e = (x[t] - np.sqrt(signal[t]) * x[0]) / np.sqrt(1 - signal[t])
    before, here = 1 - signal[t - 1], 1 - signal[t]  # variances, given the start
    both = np.sqrt(1 - beta[t]) * before  # their covariance
    mean = np.sqrt(signal[t - 1]) * x[0] + both / here * (x[t] - np.sqrt(signal[t]) * x[0])
    return {
        "t": t,
        rf"\beta_{t}": beta[t],
        rf"\bar{{\alpha}}_{t}": signal[t],
        rf"\bar{{\alpha}}_{t - 1}": signal[t - 1],
        rf"\mathbf{{x}}_{t}": x[t],
        r"\mathbf{e}": e,
        r"\boldsymbol{\mu}": mean,
        r"\sigma": np.sqrt(before - both**2 / here),
    }


@chapter.evaluates("eq-next-ideal")
def ideal(rng):
    """Bayes' rule with scipy's normal density."""
    from scipy.stats import multivariate_normal

    points, x, alpha = rng.normal(size=(7, 2)), rng.normal(size=2), rng.uniform(0.3, 0.7)
    density = [multivariate_normal.pdf(x, np.sqrt(alpha) * p, 1 - alpha) for p in points]
    weights = np.array(density) / np.sum(density)
    return {
        "t": 9,
        r"\bar{\alpha}_9": alpha,
        r"\mathbf{x}_9": x,
        r"\mathbf{X}": points,
        r"\mathbf{w}": weights,
        r"\hat{\mathbf{x}}": weights @ points,
    }


@chapter.evaluates("eq-next-clean")
def clean(rng):
    _, signal, x, e = walk(rng)
    t = int(rng.integers(1, 5))
    noisy = np.sqrt(signal[t]) * x[0] + np.sqrt(1 - signal[t]) * e[t]
    return {
        "t": t,
        rf"\bar{{\alpha}}_{t}": signal[t],
        rf"\mathbf{{x}}_{t}": noisy,
        r"\hat{\mathbf{x}}": x[0],
        r"\hat{\mathbf{e}}": e[t],
    }


@chapter.evaluates("eq-next-guidance", rtol=1e-5, because="gradients by differences")
def guidance(rng):
    """The posterior mean (Tweedie's formula) of the density p(x | c)^(1 + w) / p(x)^w."""
    from scipy.stats import multivariate_normal

    x, some, every = rng.normal(size=(3, 2))
    alpha, w = rng.uniform(0.3, 0.7), rng.uniform(0.5, 2)

    def ordered(x):
        return multivariate_normal.logpdf(x, some, 0.6)

    def free(x):
        return multivariate_normal.logpdf(x, every, 1.3)

    def guess(log_density):
        step = 1e-5 * np.eye(2)
        slope = [(log_density(x + s) - log_density(x - s)) / 2e-5 for s in step]
        return (x + (1 - alpha) * np.array(slope)) / np.sqrt(alpha)

    return {
        "w": w,
        r"\hat{\mathbf{x}}": guess(ordered),
        r"\hat{\mathbf{x}}_{\text{any}}": guess(free),
        r"\hat{\mathbf{x}}_w": guess(lambda x: (1 + w) * ordered(x) - w * free(x)),
    }


@chapter.evaluates("eq-next-ddim")
def skip(rng):
    """From t to s with the variance of the point in between: the mean comes from conditioning."""
    _, signal, x, e = walk(rng)
    s, t = sorted(rng.choice(np.arange(1, 5), 2, replace=False))
    guess = (x[t] - np.sqrt(signal[t]) * x[0]) / np.sqrt(1 - signal[t])
    both = np.sqrt(signal[t] / signal[s]) * (1 - signal[s])  # covariance of x_s and x_t
    mean = np.sqrt(signal[s]) * x[0] + both / (1 - signal[t]) * np.sqrt(1 - signal[t]) * guess
    sigma = np.sqrt(1 - signal[s] - both**2 / (1 - signal[t]))
    return {
        "s": int(s),
        rf"\bar{{\alpha}}_{s}": signal[s],
        r"\hat{\mathbf{x}}": x[0],
        r"\hat{\mathbf{e}}": guess,
        r"\sigma": sigma,
        r"\mathbf{e}": e[0],
        rf"\mathbf{{x}}_{s}": mean + sigma * e[0],
    }


@chapter.evaluates("eq-next-score")
def score(rng):
    """The density of noisy points is a mixture; its best guess of the noise comes from Bayes."""
    from scipy.special import logsumexp

    points, x, alpha = rng.normal(size=(7, 2)), rng.normal(size=2), rng.uniform(0.3, 0.7)

    def logs(x):
        return -((x - np.sqrt(alpha) * points) ** 2).sum(axis=1) / (2 * (1 - alpha))

    clean = softmax(logs(x)) @ points
    return {
        "t": 9,
        r"\bar{\alpha}_9": alpha,
        r"\mathbf{x}_9": x,
        "p": lambda x: np.exp(logsumexp(logs(x))) / (7 * 2 * np.pi * (1 - alpha)),
        r"\hat{\mathbf{e}}": (x - np.sqrt(alpha) * clean) / np.sqrt(1 - alpha),
    }


def logits(rng):
    return rng.normal(size=(2, 5)), float(rng.uniform(1.5, 4))


@chapter.evaluates("eq-next-soft")
def soft(rng):
    (z, v), t = logits(rng)
    return {
        "T": t,
        r"\mathbf{z}": z,
        r"\mathbf{v}": v,
        r"\mathbf{q}": softmax(v / t),
        r"\mathbf{p}": softmax(z / t),
    }


@chapter.evaluates("eq-next-distill", "eq-next-distill-gradient")
def distill(rng):
    (z, v), t = logits(rng)
    q = softmax(v / t)

    def loss(symbols):
        z = symbols[r"\mathbf{z}"]
        return t**2 * nn.losses.softmax_cross_entropy(z[None] / t, q[None])[0]

    return {
        "T": t,
        r"\mathbf{z}": z,
        r"\mathbf{q}": q,
        r"\mathbf{p}": given(lambda symbols: softmax(symbols[r"\mathbf{z}"] / t)),
        "L": given(loss),
    }


@chapter.evaluates("eq-next-sum", "eq-next-sum-gradient", origin=0)
def total(rng):
    p, q = rng.dirichlet(np.ones(4), 2)
    return {
        r"\mathbf{p}": p,
        r"\mathbf{q}": q,
        r"\mathbf{P}": given(
            lambda symbols: np.convolve(symbols[r"\mathbf{p}"], symbols[r"\mathbf{q}"])
        ),
    }
