"""What the symbols of chapter 03 are."""

from itertools import pairwise

import numpy as np

import nncourse as nn
from equations import Chapter, row

chapter = Chapter("03_multilayer_perceptrons")
relu = nn.activations.relu


def _dense(w, b):
    """Make a layer of the package with these weights, in float64."""
    layer = nn.Dense(*w.shape, dtype=np.float64)
    layer.kernel.value, layer.bias.value = w, b
    return layer


@chapter.evaluates("eq-mlp-xor", seeds=range(12))
def xor(rng):
    hidden = _dense(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([0.0, -1.0]))
    output = _dense(np.array([[1.0], [-2.0]]), np.zeros(1))
    x = rng.uniform(-2, 2, size=2)
    h = nn.Sequential(hidden, nn.ReLU())(x[None])
    return {
        r"\operatorname{ReLU}": relu,
        "x_1": x[0],
        "x_2": x[1],
        "h_1": h[0, 0],
        "h_2": h[0, 1],
        r"\hat y": output(h)[0, 0],
    }


@chapter.evaluates("eq-mlp-layer")
def layer(rng):
    n, sizes = 7, (5, 3, 2)
    a = rng.normal(size=(n, sizes[0]))
    symbols = {r"\mathbf{A}^{(0)}": a, "f": relu, r"\ell": range(1, len(sizes))}
    for number, shape in enumerate(pairwise(sizes), 1):
        w, b = rng.normal(size=shape), rng.normal(size=shape[1])
        dense = _dense(w, b)
        z = dense(a)
        a = nn.Sequential(dense, nn.ReLU())(a)
        symbols |= {
            rf"\mathbf{{W}}^{{({number})}}": w,
            rf"\mathbf{{b}}^{{({number})}}": row(b),
            rf"\mathbf{{Z}}^{{({number})}}": z,
            rf"\mathbf{{A}}^{{({number})}}": a,
        }
    return symbols


@chapter.evaluates("eq-mlp-parameters")
def parameters(rng):
    sizes = rng.permutation([11, 7, 5, 3, 2]).tolist()
    model = nn.Sequential(*[nn.Dense(*pair, rng=rng) for pair in pairwise(sizes)])
    counted = sum(p.value.size for p in model.parameters())
    symbols = {f"d_{number}": size for number, size in enumerate(sizes)}
    return symbols | {"M": len(sizes) - 1, "P": counted}


@chapter.evaluates("eq-mlp-hat", seeds=range(12))
def hat(rng):
    k, t = int(rng.integers(2, 9)), rng.uniform(0.2, 0.8)
    return {
        r"\operatorname{ReLU}": relu,
        r"\Lambda": lambda x: np.interp(x, [t - 1 / k, t, t + 1 / k], [0, 1, 0]),
        "k": k,
        "t": t,
        "x": t + rng.uniform(-2, 2) / k,
    }


@chapter.evaluates("eq-mlp-bumps", "eq-mlp-slopes", seeds=range(8))
def bumps(rng):
    k = 6
    marks = np.linspace(0, 1, k + 1)
    heights = rng.normal(size=k + 1)

    def g(x):
        return np.interp(x, marks, heights)

    slopes = np.diff(heights) / np.diff(marks)
    symbols = {f"m_{number}": slope for number, slope in enumerate([0.0, *slopes])}
    x = rng.uniform(0, 1)
    return symbols | {
        r"\operatorname{ReLU}": relu,
        "g": g,
        "k": k,
        "x": x,
        "j": range(1, k + 1),
        "t": marks,
        "c": np.diff(slopes, prepend=0),
        r"\hat y": g(x),
    }


@chapter.evaluates("eq-mlp-error")
def interpolation_error(rng):
    # The worst case: a parabola, in the middle of a piece, where the bound is reached.
    k, curvature = int(rng.integers(3, 9)), rng.uniform(1, 5)
    marks = np.linspace(0, 1, k + 1)

    def g(x):
        return curvature * x**2 / 2

    x = (rng.integers(k) + 0.5) / k
    return {
        "g": g,
        "x": x,
        "k": k,
        "C": curvature * (1 + 1e-9),
        r"\hat y": np.interp(x, marks, g(marks)),
    }


@chapter.evaluates("eq-mlp-pyramid", seeds=range(12))
def pyramid(rng):
    # Straight between a mark and its six neighbors: 1 less the range of u, v and 0.
    u, v = rng.uniform(-1, 1, size=2)
    return {
        r"\operatorname{ReLU}": relu,
        "u": u,
        "v": v,
        r"\hat y": max(0.0, 1 - np.ptp([u, v, 0.0])),
    }


@chapter.evaluates("eq-mlp-tent", seeds=range(12))
def tent(rng):
    return {
        r"\operatorname{ReLU}": relu,
        "T": lambda x: np.interp(x, [-1, 0, 0.5, 1], [0, 0, 1, 0]),
        "x": rng.uniform(-1, 1),
    }


@chapter.evaluates("eq-mlp-regions")
def regions(rng):
    # Lines in general position; at each crossing the four regions around it, or far out two.
    m = int(rng.integers(2, 8))
    normals, offsets = rng.normal(size=(m, 2)), rng.normal(size=m)
    points = [1e6 * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 2 * np.pi, 20_001)]
    for i in range(m):
        for j in range(i):
            crossing = np.linalg.solve(normals[[i, j]], -offsets[[i, j]])
            around = np.linalg.inv(normals[[i, j]]) @ np.array([[1, 1, -1, -1], [1, -1, 1, -1]])
            points += list(crossing + 1e-6 * around.T)
    signs = np.array(points) @ normals.T + offsets > 0
    return {"m": m, "R": len(np.unique(signs, axis=0))}


@chapter.evaluates("eq-mlp-fold", seeds=range(12))
def fold(rng):
    x, n = rng.normal(size=2), rng.normal(size=2)
    n /= np.linalg.norm(n)
    mirrored = (np.eye(2) - 2 * np.outer(n, n)) @ x
    return {
        r"\operatorname{ReLU}": relu,
        r"\mathbf{n}": n,
        r"\mathbf{x}": x,
        "F": lambda x: x if n @ x > 0 else mirrored,
    }
