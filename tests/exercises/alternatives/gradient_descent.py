import numpy as np


def valley_plan(curvatures, factor):
    low, *_, high = sorted(curvatures)
    kappa, steps, distance = high / low, 0, 1.0
    while distance * factor > 1:
        distance, steps = distance * (kappa - 1) / (kappa + 1), steps + 1
    return 2 / (high + low), 1 - 2 / (kappa + 1), steps


def clip_together(gradients, maximum):
    length = np.linalg.norm(np.concatenate([g.ravel() for g in gradients]))
    return [g * maximum / max(length, maximum) for g in gradients]


def fixed_adam(w, gradients, rate, epsilon):
    """Sum the averages out: each is a weighted mean of all slopes so far."""
    for t in range(1, len(gradients) + 1):
        ages = np.arange(t)[::-1]
        m, v = (
            np.average(gradients[:t] ** power, axis=0, weights=beta**ages)
            for power, beta in ((1, 0.9), (2, 0.999))
        )
        w = w - rate * m / (v**0.5 + epsilon)
    return w


def stability_limit(x):
    extended = np.hstack([np.ones((len(x), 1)), x])
    return len(x) / np.linalg.norm(extended, 2) ** 2


def momentum_factor(curvatures, rate, beta):
    steps = [np.array([[1 + beta - rate * c, -beta], [1, 0]]) for c in curvatures]
    return max(abs(np.linalg.eigvals(step)).max() for step in steps)
