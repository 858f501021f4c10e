"""What the symbols of chapter 05 are bound to: as far as can be, what nncourse computes."""

from itertools import product

import numpy as np

import nncourse as nn

from .chapter import Chapter
from .environment import draws

chapter = Chapter("05_gradient_descent")
BOWL = np.array([1.0, 2.0, 0.5])


def bowl(w):
    """Return a loss that is no quadratic, so that a slope somewhere else is another slope."""
    return np.sum(BOWL * w**4 + np.sin(w))


def slope(w):
    return 4 * BOWL * w**3 + np.cos(w)


def steps(make, start, gradient, count):
    """Let an optimizer of the package take steps; return it and all positions, the start first."""
    w = nn.Parameter(np.array(start, dtype=np.float64), "w", regularize=True)
    optimizer, path = make([w]), [w.value.copy()]
    for t in range(count):
        optimizer.zero_grad()
        w.grad += gradient(w.value, t)
        optimizer.step()
        path.append(w.value.copy())
    return optimizer, path


def indexed(symbol, values, first=1):
    return {rf"{symbol}_{{{t}}}": value for t, value in enumerate(values, first)}


@chapter.evaluates("eq-gd-step")
def plain_step(rng):
    make = lambda p: nn.SGD(p, 0.03)  # noqa: E731
    _, path = steps(make, rng.normal(size=3), lambda w, t: slope(w), 3)
    return indexed(r"\mathbf{w}", path) | {r"\eta": 0.03, "L": bowl, "t": range(1, 4)}


@chapter.evaluates("eq-gd-parabola")
def parabola(rng):
    c, eta = rng.uniform(0.5, 3), rng.uniform(0.1, 0.9)
    _, path = steps(lambda p: nn.SGD(p, eta), [rng.normal()], lambda w, t: c * w, 3)
    return indexed("w", [w[0] for w in path]) | {r"\eta": eta, "c": c, "t": range(1, 4)}


@chapter.evaluates("eq-gd-limit", seeds=range(12))
def limit(rng):
    c = rng.uniform(0.5, 3)
    return {"c": c, r"\eta": rng.uniform(0.05, 2.5) / c}


def valley(rng):
    c = rng.uniform(0.5, 3, 3)
    w = rng.normal(size=3)
    return c, w


@chapter.evaluates("eq-gd-valley")
def loss_of_valley(rng):
    """Bind L to the work done against the slopes c w on the way from the bottom."""
    c, w = valley(rng)
    middles = (np.arange(1000) + 0.5) / 1000
    return {
        r"\mathbf{c}": c,
        r"\mathbf{w}": w,
        "L": lambda w: np.mean([(c * (s * w)) @ w for s in middles]),
    }


def measured_factor(make, c, count):
    _, path = steps(make, np.full(len(c), 1e80), lambda w, t: c * w, count)
    return np.linalg.norm(path[-1]) / np.linalg.norm(path[-2])


def lowest(function, low, high):
    """Return where a function with one valley is lowest, by golden sections."""
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(80):
        a, b = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, b) if function(a) < function(b) else (a, high)
    return (low + high) / 2


@chapter.evaluates("eq-gd-best")
def best_rate(rng):
    """Bind the best rate to the one a search finds, its factor to what nn.SGD leaves."""
    c = np.array([rng.uniform(0.5, 1), rng.uniform(2, 9)])
    best = lowest(lambda eta: np.abs(1 - eta * c).max(), 1e-3, 2)
    return {
        r"c_{\min}": c.min(),
        r"c_{\max}": c.max(),
        r"\kappa": c.max() / c.min(),
        r"\eta^*": best,
        "r^*": measured_factor(lambda p: nn.SGD(p, best), c, 20),
    }


def momentum_path(rng, **options):
    make = lambda p: nn.SGD(p, 0.03, momentum=0.7, **options)  # noqa: E731
    velocities, parameters = [np.zeros(3)], []

    def gradient(w, t):
        if t:
            velocities.append(parameters[0].state[0]["velocity"].copy())
        return slope(w)

    def recorded(p):
        parameters.append(make(p))
        return parameters[0]

    optimizer, path = steps(recorded, 0.5 * rng.normal(size=3), gradient, 4)
    velocities.append(optimizer.state[0]["velocity"].copy())
    return path, velocities


@chapter.evaluates("eq-gd-momentum")
def momentum(rng):
    path, velocities = momentum_path(rng)
    symbols = indexed(r"\mathbf{w}", path) | indexed(r"\mathbf{v}", velocities)
    return symbols | {r"\beta": 0.7, r"\eta": 0.03, "L": bowl, "t": range(2, 5)}


@chapter.evaluates("eq-gd-nesterov", "eq-gd-nesterov-package")
def nesterov(rng):
    """Bind u to what the package stores as weights, w to what lies before the look-ahead."""
    path, velocities = momentum_path(rng, nesterov=True)
    before = [u - 0.7 * v for u, v in zip(path, velocities, strict=True)]
    symbols = indexed(r"\mathbf{u}", path) | indexed(r"\mathbf{v}", velocities)
    symbols |= indexed(r"\mathbf{w}", before)
    return symbols | {r"\beta": 0.7, r"\eta": 0.03, "L": bowl, "t": range(2, 5)}


@chapter.evaluates("eq-gd-two-step")
def two_step(rng):
    c, eta, beta = rng.uniform(0.5, 3), rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.9)
    make = lambda p: nn.SGD(p, eta, momentum=beta)  # noqa: E731
    _, path = steps(make, [rng.normal()], lambda w, t: c * w, 4)
    symbols = indexed("w", [w[0] for w in path])
    return symbols | {r"\eta": eta, r"\beta": beta, "c": c, "t": range(2, 5)}


def companion(eta, beta, c):
    return np.linalg.eigvals(np.array([[1 + beta - eta * c, -beta], [1, 0]]))


@chapter.evaluates("eq-gd-roots")
def roots(rng):
    """Bind settings to the left of the floor, where the roots are real."""
    c, beta = rng.uniform(0.5, 3), rng.uniform(0.2, 0.5)
    eta = rng.uniform(0.1, 0.9) * (1 - np.sqrt(beta)) ** 2 / c
    return {r"\eta": eta, r"\beta": beta, "c": c, "r": companion(eta, beta, c)[0]}


@chapter.evaluates("eq-gd-flat", seeds=range(12))
def flat(rng):
    """Bind r to the size of a root, and the ends to where the roots stop being complex."""
    c, eta, beta = rng.uniform(0.5, 3), rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.6)

    def end(inside, outside):
        for _ in range(100):
            middle = (inside + outside) / 2
            if np.iscomplex(companion(eta, beta, middle)[0]):
                inside = middle
            else:
                outside = middle
        return inside

    center = (1 + beta) / eta  # where the two roots are opposite and purely imaginary
    return {
        r"\eta": eta,
        r"\beta": beta,
        "c": c,
        "r": np.abs(companion(eta, beta, c)[0]),
        r"c_{\text{from}}": end(center, 0),
        r"c_{\text{to}}": end(center, 2 * center),
    }


@chapter.evaluates("eq-gd-momentum-best")
def best_momentum(rng):
    """Search for the memory that leaves least after one step, at the best rate for each."""
    c = np.array([rng.uniform(0.5, 1), rng.uniform(2, 9)])

    def factor(eta, beta):
        return max(np.abs(companion(eta, beta, curvature)).max() for curvature in c)

    def rate(beta):
        """The rate at which the two ends of the floor are equally far off."""
        return 2 * (1 + beta) / c.sum()

    beta = lowest(lambda beta: factor(rate(beta), beta), 1e-6, 0.9)
    return {
        r"c_{\min}": c.min(),
        r"c_{\max}": c.max(),
        r"\kappa": c.max() / c.min(),
        r"\beta^*": beta,
        r"\eta^*": rate(beta),
    }


@chapter.evaluates("eq-gd-batch-noise")
def batch_noise(rng):
    """Bind the mean to that of every batch of three from five numbers, each number as often."""
    numbers = rng.normal(size=5)
    return {
        "g": draws(np.tile(numbers, 25)),
        r"\bar g": draws(np.mean(list(product(numbers, repeat=3)), axis=1)),
        "n": 3,
    }


@chapter.evaluates("eq-gd-floor")
def floor(rng):
    """Bind the errors to plus and minus s: all their sequences can then be walked through."""
    c, s = rng.uniform(0.5, 3), rng.uniform(0.5, 2)
    eta = rng.uniform(0.8, 1.2) / c
    signs = np.array(list(product((-1, 1), repeat=12)))
    w = np.zeros(len(signs))
    for sign in signs.T:
        w = w - eta * (c * w + s * sign)
    return {"w": draws(w), r"\xi": draws(s * signs[:, 0]), "c": c, r"\eta": eta}


@chapter.evaluates("eq-gd-rmsprop")
def rmsprop(rng):
    slopes = 0.3 * rng.normal(size=4)
    make = lambda p: nn.RMSprop(p, 0.1, rho=0.7, epsilon=0.2)  # noqa: E731
    squares, optimizers = [0.0], []

    def gradient(w, t):
        if t:
            squares.append(optimizers[0].state[0]["mean_square"][0])
        return slopes[t : t + 1]

    def recorded(p):
        optimizers.append(make(p))
        return optimizers[0]

    optimizer, path = steps(recorded, [rng.normal()], gradient, 4)
    squares.append(optimizer.state[0]["mean_square"][0])
    symbols = indexed("w", [w[0] for w in path]) | indexed("v", squares) | indexed("g", slopes)
    return symbols | {r"\rho": 0.7, r"\epsilon": 0.2, r"\eta": 0.1, "t": range(2, 5)}


def adam_run(rng, make, count=4):
    """Bind m and v to the state of nn.Adam."""
    slopes = 0.3 * rng.normal(size=count)
    states, optimizers = [(0.0, 0.0)], []

    def state():
        slots = optimizers[0].state[0]
        return slots["m"][0], slots["v"][0]

    def gradient(w, t):
        if t:
            states.append(state())
        return slopes[t : t + 1]

    def recorded(p):
        optimizers.append(make(p))
        return optimizers[0]

    _, path = steps(recorded, [rng.normal()], gradient, count)
    states.append(state())
    m, v = zip(*states, strict=True)
    symbols = indexed("w", [w[0] for w in path], 0) | indexed("g", slopes, 0)
    symbols |= indexed("m", m, 0) | indexed("v", v, 0)
    for t in range(1, count + 1):
        symbols[rf"\hat m_{t}"] = m[t] / (1 - 0.7**t)
        symbols[rf"\hat v_{t}"] = v[t] / (1 - 0.9**t)
    return symbols | {
        r"\beta_1": 0.7, r"\beta_2": 0.9, r"\epsilon": 0.2, r"\eta": 0.1, r"\lambda": 0.5
    }  # fmt: skip


OPTIONS = {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 0.2}


@chapter.evaluates("eq-gd-adam-averages")
def adam_averages(rng):
    return adam_run(rng, lambda p: nn.Adam(p, 0.1, **OPTIONS)) | {"t": range(1, 4)}


@chapter.evaluates("eq-gd-adam")
def adam(rng):
    return adam_run(rng, lambda p: nn.Adam(p, 0.1, **OPTIONS)) | {"t": range(2, 5)}


@chapter.evaluates("eq-gd-adamw")
def adamw(rng):
    make = lambda p: nn.AdamW(p, 0.1, weight_decay=0.5, **OPTIONS)  # noqa: E731
    return adam_run(rng, make) | {"t": range(2, 5)}


@chapter.evaluates("eq-gd-adam-start")
def adam_start(rng):
    g, beta = rng.normal(), rng.uniform(0.3, 0.8)
    make = lambda p: nn.Adam(p, 0.1, beta_1=beta)  # noqa: E731
    found = []
    for t in range(1, 4):
        optimizer, _ = steps(make, [0.0], lambda w, _: np.array([g]), t)
        found.append(optimizer.state[0]["m"][0])
    return indexed("m", found) | {r"\beta_1": beta, "g": g, "t": range(2, 4)}


@chapter.evaluates("eq-gd-cosine")
def cosine(rng):
    start, end = rng.uniform(0.5, 1), rng.uniform(0.01, 0.1)
    schedule = nn.CosineDecay(start, steps=7, final=end)
    return indexed(r"\eta", [schedule(t) for t in range(1, 7)]) | {
        r"\eta_{\text{start}}": start,
        r"\eta_{\text{end}}": end,
        "T": 7,
        "t": range(1, 7),
    }


@chapter.evaluates("eq-gd-clip")
def clip(rng):
    g = rng.normal(size=5)
    maximum = rng.choice([0.5, 2.0]) * np.linalg.norm(g)
    parameters = [nn.Parameter(np.zeros(2), "a"), nn.Parameter(np.zeros(3), "b")]
    parameters[0].grad += g[:2]
    parameters[1].grad += g[2:]
    nn.clip_by_global_norm(parameters, maximum)
    return {
        r"\mathbf{g}": g,
        r"g_{\max}": maximum,
        r"\leftarrow\mathbf{g}": np.concatenate([p.grad for p in parameters]),
    }
