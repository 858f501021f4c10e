"""What the symbols of chapter 02's equations stand for."""

import numpy as np

import nncourse as nn
from equations import Chapter, given

chapter = Chapter("02_linear_models")
sigmoid = nn.activations.sigmoid
mean_squared_error = nn.losses.mean_squared_error
binary_cross_entropy = nn.losses.sigmoid_binary_cross_entropy
W, B, X, Y = r"\mathbf{w}", "b", r"\mathbf{X}", r"\mathbf{y}"


def _sum(v):
    """The weighted sums of all examples, by the package's layer."""
    layer = nn.Dense(len(v[W]), 1, dtype=np.float64)
    layer.kernel.value, layer.bias.value = v[W][:, None], np.array([v[B]])
    return layer(v[X])[:, 0]


def _neuron(rng, targets):
    n, d = 7, 3
    return {"n": n, X: rng.normal(size=(n, d)), Y: targets(n), W: rng.normal(size=d), B: 0.4}


# A number to forecast


@chapter.evaluates("eq-lm-neuron")
def one_forecast(rng):
    symbols = _neuron(rng, lambda n: rng.normal(size=n))
    return symbols | {r"\mathbf{x}": symbols[X][0], r"\hat y": _sum(symbols)[0]}


@chapter.evaluates("eq-lm-mse", "eq-lm-slopes", "eq-lm-gradient")
def regression(rng):
    return _neuron(rng, lambda n: rng.normal(size=n)) | {
        r"\hat{\mathbf{y}}": given(_sum),
        "L": given(lambda v: mean_squared_error(v[r"\hat{\mathbf{y}}"], v[Y])[0]),
    }


@chapter.evaluates("eq-lm-step")
def step(rng):
    symbols = _neuron(rng, lambda n: rng.normal(size=n))
    model = nn.Sequential(nn.Dense(3, 1, dtype=np.float64))
    model[0].kernel.value, model[0].bias.value = symbols[W][:, None].copy(), np.array([symbols[B]])
    optimizer = nn.SGD(model.parameters(), 0.2)
    trainer = nn.Trainer(model, mean_squared_error, optimizer)
    trainer.fit(symbols[X], symbols[Y][:, None], epochs=1, batch_size=7, progress=False)
    return symbols | {
        r"\eta": 0.2,
        "L": given(lambda v: mean_squared_error(_sum(v), v[Y])[0]),
        r"\leftarrow\mathbf{w}": model[0].kernel.value[:, 0],
        r"\leftarrow b": model[0].bias.value[0],
    }


@chapter.evaluates("eq-lm-normal")
def normal_equations(rng):
    x1, y = np.column_stack([rng.normal(size=(7, 3)), np.ones(7)]), rng.normal(size=7)
    bottom = np.linalg.lstsq(x1, y, rcond=None)[0]  # by singular values, without the equations
    return {r"\tilde{\mathbf{X}}": x1, r"\tilde{\mathbf{w}}": bottom, Y: y}


# Units


@chapter.evaluates("eq-lm-standardize")
def standardize(rng):
    x = rng.normal(3, 2, size=(7, 3))
    normalize = nn.BatchNorm(3, epsilon=1e-12, dtype=np.float64)
    return {
        r"\mathbf{X}": x,
        r"\mathbf{X}'": normalize.forward(x, training=True),
        r"\boldsymbol{\mu}": x.mean(axis=0),
        r"\mathbf{s}": np.sqrt(np.mean((x - x.mean(axis=0)) ** 2, axis=0)),
    }


@chapter.evaluates("eq-lm-min-max", "eq-lm-min-max-moments")
def min_max(rng):
    x = rng.normal(3, 2, size=(7, 3))
    edges = [np.sort(column)[[0, -1]] for column in x.T]
    scaled = [np.interp(column, edge, [0, 1]) for column, edge in zip(x.T, edges, strict=True)]
    scaled = np.transpose(scaled)
    return {
        r"\mathbf{X}": x,
        r"\mathbf{X}'": scaled,
        r"\boldsymbol{\mu}": x.mean(axis=0),
        r"\boldsymbol{\mu}'": scaled.mean(axis=0),
        r"\mathbf{s}": x.std(axis=0),
        r"\mathbf{s}'": scaled.std(axis=0),
    }


@chapter.evaluates("eq-lm-shrink")
def shrink(rng):
    return {"u": rng.normal(), r"\eta": 0.3, "c": rng.uniform(1, 5)}


@chapter.evaluates("eq-lm-condition")
def condition(rng):
    x = rng.normal(size=(7, 3))
    hill = 2 / 7 * x.T @ x
    flattest, *_, steepest = np.linalg.eigvalsh(hill)
    return {
        r"c_{\max}": steepest,
        r"c_{\min}": flattest,
        r"\eta": 1 / steepest,
        r"\kappa": np.linalg.cond(hill),
    }


# Yes or no


@chapter.evaluates("eq-lm-probability")
def probability(rng):
    symbols = _neuron(rng, lambda n: rng.integers(0, 2, n))
    return symbols | {
        r"\mathbf{x}": symbols[X][0],
        r"\sigma": sigmoid,
        "p": nn.Sigmoid()(_sum(symbols))[0],
    }


@chapter.evaluates("eq-lm-likelihood", "eq-lm-cross-entropy", "eq-lm-logistic-gradient")
def likelihood(rng):
    def both_kinds(n):
        return rng.permutation(np.arange(n) % 2)

    return _neuron(rng, both_kinds) | {
        r"\mathbf{p}": given(lambda v: sigmoid(_sum(v))),
        "L": given(lambda v: binary_cross_entropy(_sum(v), v[Y])[0]),
        "P": given(lambda v: np.prod(np.where(v[Y] == 1, v[r"\mathbf{p}"], 1 - v[r"\mathbf{p}"]))),
    }


@chapter.evaluates("eq-lm-logit-loss", "eq-lm-logit-slope", "eq-lm-squared-slope", seeds=range(8))
def logit(rng):
    # Any target between 0 and 1 will do, which lets no exponent or factor hide.
    return {r"\sigma": sigmoid, "z": rng.normal(), "y": rng.uniform(0.1, 0.9)}


@chapter.evaluates("eq-lm-logit-curvature", seeds=range(8))
def curvature_of_the_logit_loss(rng):
    return {r"\sigma": sigmoid, "z": rng.normal()}


@chapter.evaluates("eq-lm-hessian")
def hessian(rng):
    symbols = _neuron(rng, lambda n: rng.integers(0, 2, n))
    layer = nn.Dense(3, 1, dtype=np.float64)

    def gradient(w):
        layer.kernel.value, layer.bias.value = w[:, None], np.array([symbols[B]])
        layer.kernel.grad[:] = 0
        _, grad = binary_cross_entropy(layer(symbols[X])[:, 0], symbols[Y])
        layer.backward(grad[:, None])
        return layer.kernel.grad[:, 0].copy()

    h = 1e-5 * np.eye(3)
    columns = [(gradient(symbols[W] + e) - gradient(symbols[W] - e)) / 2e-5 for e in h]
    return symbols | {
        r"\mathbf{H}": np.array(columns),
        r"\mathbf{p}": sigmoid(_sum(symbols)),
        r"\mathbf{v}": rng.normal(size=3),
    }


@chapter.evaluates("eq-lm-penalty", "eq-lm-penalty-gradient")
def penalty(rng):
    strength = 0.3

    def price(v):
        kernel = nn.Parameter(v[W], "kernel", regularize=True)
        return nn.L2(strength)([kernel])

    return _neuron(rng, lambda n: rng.integers(0, 2, n)) | {
        r"\lambda": strength,
        "L": given(lambda v: binary_cross_entropy(_sum(v), v[Y])[0]),
        "J": given(lambda v: binary_cross_entropy(_sum(v), v[Y])[0] + price(v)),
    }


@chapter.evaluates("eq-lm-auc")
def area(rng):
    u, v = rng.integers(0, 5, size=7), rng.integers(0, 5, size=5)
    # By ranks (Mann and Whitney): the rank sum of u, less what it is at least.
    together = np.concatenate([u, v])
    ranks = [np.sum(together < s) + (1 + np.sum(together == s)) / 2 for s in u]
    return {
        "n_1": 7,
        "n_0": 5,
        r"\mathbf{u}": u.astype(float),
        r"\mathbf{v}": v.astype(float),
        "A": (sum(ranks) - 7 * 8 / 2) / (7 * 5),
    }


# Ten classes


@chapter.evaluates("eq-lm-two-classes")
def two_classes(rng):
    return {"z": rng.normal(), r"\sigma": sigmoid}


@chapter.evaluates("eq-lm-softmax-loss", "eq-lm-log-sum-exp", "eq-lm-softmax-slope")
def softmax_loss(rng):
    right = int(rng.integers(5))
    return {
        "m": 5,
        r"\mathbf{z}": rng.normal(size=5),
        r"\mathbf{p}": given(lambda v: nn.activations.softmax(v[r"\mathbf{z}"])),
        r"\mathbf{t}": np.eye(5)[right],
        "y": right + 1,
        "c": given(lambda v: v[r"\mathbf{z}"].max()),
        "L": given(
            lambda v: nn.losses.softmax_cross_entropy(v[r"\mathbf{z}"][None], np.array([right]))[0]
        ),
    }


@chapter.evaluates("eq-lm-softmax-gradient")
def softmax_gradient(rng):
    n, d, m = 7, 5, 3
    targets = rng.integers(0, m, n)
    return {
        "n": n,
        X: rng.normal(size=(n, d)),
        r"\mathbf{W}": rng.normal(size=(d, m)),
        r"\mathbf{Y}": np.eye(m)[targets],
        r"\mathbf{P}": given(lambda v: nn.activations.softmax(v[X] @ v[r"\mathbf{W}"])),
        "L": given(lambda v: nn.losses.softmax_cross_entropy(v[X] @ v[r"\mathbf{W}"], targets)[0]),
    }
