import math

import numpy as np


def paired_gain(baseline, method):
    d = [b - a for a, b in zip(baseline, method, strict=True)]
    mean = math.fsum(d) / len(d)
    return mean, math.sqrt(sum((e - mean) ** 2 for e in d) / (len(d) * (len(d) - 1)))


def bias_variance(predictions, truth):
    total = np.mean(np.square(predictions - truth))
    spread = np.mean([np.cov(column, bias=True) for column in predictions.T])
    return [total - spread, spread]


def fixed_dropout(x, grad, u, rate):
    factor = np.where(u < rate, 0, 1 / (1 - rate))
    return [np.multiply(x, factor), np.multiply(grad, factor)]


def lasso_step(x, y, w, strength, learning_rate):
    errors = np.array([row @ w - target for row, target in zip(x, y, strict=True)])
    moved = w - 2 * learning_rate * np.mean(errors[:, None] * x, axis=0)
    return moved - np.clip(moved, -learning_rate * strength, learning_rate * strength)


def ridge_path(x, y, strengths):
    gram, n = x.T @ x, len(y)
    return [np.linalg.solve(gram + n * s * np.eye(len(gram)), x.T @ y) for s in strengths]
