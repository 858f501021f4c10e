"""What the symbols of chapter 06 are bound to: as far as can be, what nncourse computes."""

from itertools import product

import numpy as np

import nncourse as nn

from .chapter import Chapter
from .environment import draws, given

chapter = Chapter("06_regularization")


@chapter.evaluates(
    "eq-reg-decomposition",
    rtol=2e-3,
    because="Var divides by one less than the 1,200 samples, the expectations by all",
)
def decomposition(rng):
    """Bind every pair of one of 40 fits and one of 30 new measurements: they are independent."""
    fits, noise = rng.normal(1.3, 0.7, size=40), rng.normal(size=30)
    noise -= noise.mean()
    pairs = np.array(list(product(fits, 0.4 + noise)))
    return {
        r"\hat y": draws(pairs[:, 0]),
        "y": draws(pairs[:, 1]),
        "g": 0.4,
        r"\tau": noise.std(),
    }


@chapter.evaluates("eq-reg-variance")
def variance_of_least_squares(rng):
    """Bind fits to noise whose sample variance is tau² exactly, in every direction."""
    n, parameters, tau = 7, 3, 0.6
    features, truth = rng.normal(size=(n, parameters)), rng.normal(size=n)
    noise = tau * np.sqrt((2 * n - 1) / 2) * np.concatenate([np.eye(n), -np.eye(n)])
    fits = np.array([features @ np.linalg.lstsq(features, truth + e)[0] for e in noise])
    return {r"\hat{\mathbf{y}}": draws(fits), "n": n, "P": parameters, r"\tau": tau}


@chapter.evaluates("eq-reg-objective", "eq-reg-decay")
def weight_decay(rng):
    """Bind the loss with its penalty, and one step of SGD, to the package's."""
    x, y, strength, eta = rng.normal(size=(7, 3)), rng.normal(size=7), 0.3, 0.1
    p = nn.Parameter(rng.normal(size=3), "kernel", regularize=True)
    w = p.value.copy()

    def loss(w):
        return nn.losses.mean_squared_error(x @ w, y)[0]

    p.grad += x.T @ nn.losses.mean_squared_error(x @ w, y)[1]
    penalty = nn.L2(strength)([p])
    nn.SGD([p], eta).step()
    return {
        r"\mathbf{w}": w,
        "L": given(lambda v: loss(v[r"\mathbf{w}"])),
        "J": loss(w) + penalty,
        r"\lambda": strength,
        r"\eta": eta,
        r"\leftarrow\mathbf{w}": p.value,
    }


@chapter.evaluates("eq-reg-ridge", "eq-reg-shrinkage")
def ridge(rng):
    """Bind the weights to where the package's loss and penalty have the gradient 0."""
    n, d, strength = 7, 3, 0.4
    x, y = rng.normal(size=(n, d)), rng.normal(size=n)

    def gradient(w, strength):
        p = nn.Parameter(w, "kernel", regularize=True)
        p.grad += x.T @ nn.losses.mean_squared_error(x @ w, y)[1]
        nn.L2(strength)([p])
        return p.grad

    def minimum(strength):
        """Newton's step is exact for a quadratic."""
        start = gradient(np.zeros(d), strength)
        curvature = np.array([gradient(e, strength) - start for e in np.eye(d)])
        return -np.linalg.solve(curvature.T, start)

    _, s, vt = np.linalg.svd(x, full_matrices=False)
    return {
        r"\mathbf{X}": x,
        r"\mathbf{y}": y,
        r"\mathbf{I}": np.eye(d),
        r"\mathbf{V}": vt,
        r"\mathbf{s}": s,
        "n": n,
        r"\lambda": strength,
        r"\mathbf{w}_\lambda": minimum(strength),
        r"\mathbf{w}_0": minimum(0.0),
        "i": range(1, d + 1),
    }


@chapter.evaluates("eq-reg-smallest")
def gradient_descent_from_zero(rng):
    """Bind the end of the package's descent; more weights than examples."""
    n, d = 3, 7
    x, y = rng.normal(size=(n, d)), rng.normal(size=n)
    p = nn.Parameter(np.zeros(d), "kernel")
    sgd = nn.SGD([p], 0.9 * n / np.linalg.norm(x, 2) ** 2)
    for _ in range(5_000):
        sgd.zero_grad()
        p.grad += x.T @ nn.losses.mean_squared_error(x @ p.value, y)[1]
        sgd.step()
    return {r"\mathbf{X}": x, r"\mathbf{y}": y, r"\mathbf{w}_\infty": p.value}


@chapter.evaluates("eq-reg-soft", seeds=range(12))
def soft_threshold(rng):
    """Bind the new weight to the minimum of (u - w)²/2η + λ|u|, where its slope changes sign."""
    w, eta, strength = rng.normal(), 0.5, 1.1
    low, high = -5.0, 5.0
    for _ in range(60):
        u = (low + high) / 2
        slope = (u - w) / eta + strength * np.sign(u)
        low, high = (low, u) if slope > 0 else (u, high)
    return {"w": w, r"\eta": eta, r"\lambda": strength, r"\leftarrow w": u}


@chapter.evaluates("eq-reg-adamw")
def adamw(rng):
    eta, strength, beta_1, beta_2 = 0.01, 0.4, 0.8, 0.9
    p = nn.Parameter(rng.normal(size=1), "w", regularize=True)
    optimizer = nn.AdamW(
        [p], eta, weight_decay=strength, beta_1=beta_1, beta_2=beta_2, epsilon=0.05
    )
    m = v = 0.0
    for gradient in rng.normal(size=4):
        optimizer.zero_grad()
        p.grad += gradient
        before = p.value[0]
        optimizer.step()
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
    return {
        "w": before,
        r"\eta": eta,
        r"\lambda": strength,
        r"\hat m": m / (1 - beta_1**4),
        r"\hat v": v / (1 - beta_2**4),
        r"\epsilon": 0.05,
        r"\leftarrow w": p.value[0],
    }


@chapter.evaluates("eq-reg-ensemble")
def ensemble(rng):
    """Bind samples whose variances and correlations are what they should be, exactly."""
    n, k, variance, rho = 60, 4, 1.7, 0.3
    independent = rng.normal(size=(n, k))
    independent = np.linalg.qr(independent - independent.mean(axis=0))[0] * np.sqrt(n - 1)
    covariance = variance * ((1 - rho) * np.eye(k) + rho)
    return {
        r"\hat{\mathbf{y}}": draws(independent @ np.linalg.cholesky(covariance).T),
        "k": k,
        "V": variance,
        r"\rho": rho,
    }


chapter.equivalent(
    "eq-reg-ensemble",
    "negate sum 1",
    "A sum and its negative have the same variance.",
)


@chapter.evaluates("eq-reg-dropout")
def dropout(rng):
    x, rate = rng.normal(size=(1, 7)), 0.4
    layer = nn.Dropout(rate, rng=rng)
    y = layer(x, training=True)
    while not 0 < np.sum(y == 0) < 7:
        y = layer(x, training=True)
    return {
        r"\tilde{\mathbf{x}}": y[0],
        r"\mathbf{x}": x[0],
        r"\mathbf{m}": (y[0] != 0).astype(float),
        "r": rate,
    }


@chapter.evaluates(
    "eq-reg-dropout-mean",
    rtol=0.02,
    because="400,000 draws of the package's layer: four standard errors of the variance are 0.5 %",
)
def dropout_mean(rng):
    x, rate = rng.uniform(1.5, 3), 0.4
    y = nn.Dropout(rate, rng=rng)(np.full((1, 400_000), x), training=True)
    return {r"\tilde x": draws(y[0]), "x": x, "r": rate}


@chapter.evaluates("eq-reg-dropout-penalty")
def dropout_penalty(rng):
    """Bind all masks of three inputs, each as often as a rate of 1/4 makes it."""
    x, w, rate = rng.normal(size=3), rng.normal(size=3), 0.25
    masks = np.array(list(product([0, 1, 1, 1], repeat=3)))
    return {
        r"\tilde{\mathbf{x}}": draws(masks * x / (1 - rate)),
        r"\mathbf{x}": x,
        r"\mathbf{w}": w,
        "y": rng.normal(),
        "r": rate,
    }


@chapter.evaluates("eq-reg-batchnorm")
def batch_norm(rng):
    """Bind one entry of a batch; both outputs are the package's."""
    batch, gamma, beta = rng.normal(2, 3, size=(7, 1)), rng.uniform(2, 3), rng.normal()

    def normalized(gamma, beta):
        layer = nn.BatchNorm(1, epsilon=0.5, dtype=np.float64)
        layer.gamma.value[:], layer.beta.value[:] = gamma, beta
        return layer(batch, training=True)[2, 0]

    return {
        "z": batch[2, 0],
        r"\mu": np.mean(batch),
        "v": np.var(batch),
        r"\epsilon": 0.5,
        r"\gamma": gamma,
        r"\beta": beta,
        r"\hat z": normalized(1, 0),
        r"\tilde z": normalized(gamma, beta),
    }


@chapter.evaluates("eq-reg-smoothing")
def label_smoothing(rng):
    label = rng.integers(5)
    return {
        r"\tilde{\mathbf{y}}": nn.losses.smooth_labels(label, 5, 0.3, np.float64),
        r"\mathbf{y}": np.eye(5)[label],
        r"\alpha": 0.3,
        "d_M": 5,
    }


@chapter.evaluates("eq-reg-error")
def standard_error(rng):
    d = rng.normal(1, 2, size=6)
    return {
        r"\mathrm{SE}": np.std(d, ddof=1) / np.sqrt(6),
        r"\mathbf{d}": d,
        r"\bar d": d.mean(),
        "S": 6,
    }
