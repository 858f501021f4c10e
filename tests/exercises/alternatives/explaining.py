import math

import numpy as np


def mended_attributions(pixels, black, mean, std, kernel, bias, out, steps):
    """Take the chain rule through the preparation, and keep to pixels."""
    alphas = (np.arange(steps) + 0.5) / steps
    points = black + alphas[:, None] * (pixels - black)
    hidden = np.tanh((points - mean) / std @ kernel + bias)
    slopes = ((1 - hidden**2) * out) @ kernel.T / std
    return (pixels - black) * slopes.mean(axis=0)


def worst_gap(attributions, outputs, base, target):
    worst, most = 0, 0.0
    for row, (parts, k) in enumerate(zip(attributions, target, strict=True)):
        gap = sum(parts) - outputs[row][k] + base[k]
        if abs(gap) > abs(most):
            worst, most = row, gap
    return worst, most


def max_shares(x):
    """For each player, add up the parts that it reaches."""
    levels = np.sort(x)
    below = np.concatenate([[0.0], levels[:-1]])
    shared = (levels - below) / (len(x) - np.arange(len(x)))
    return [float(shared[levels <= own].sum()) for own in x]


def smooth_limit(x, w, b, noise):
    z = (b + sum(w * x)) / (noise * math.sqrt(sum(w * w)))
    return 0.5 * math.erfc(-z / math.sqrt(2)) * w


def orders_needed(gains, tolerance):
    variance = np.var(gains, axis=0, ddof=1)
    return max(math.ceil(3.8416 * v / tolerance**2) for v in variance)
