import math

import numpy as np


def seeds_needed(baseline, method, worth):
    d = [m - b for b, m in zip(baseline, method, strict=True)]
    mean = math.fsum(d) / len(d)
    variance = sum((e - mean) ** 2 for e in d) / (len(d) - 1)
    n = 2
    while 2 * math.sqrt(variance / n) > worth:
        n += 1
    return n


def early_stop(val_loss, patience):
    losses = list(val_loss)
    for end in range(1, len(losses) + 1):
        kept = int(np.argmin(losses[:end])) + 1
        if end - kept >= patience:
            return [kept, end]
    return [kept, end]


def fixed_dropout(x, grad, u, rate):
    factor = np.where(u < rate, 0, 1 / (1 - rate))
    return [np.multiply(x, factor), np.multiply(grad, factor)]


def ridge_variance(x, strength, tau):
    n, d = x.shape
    hat = x @ np.linalg.solve(x.T @ x + n * strength * np.eye(d), x.T)
    covariance = hat @ (tau**2 * np.eye(n)) @ hat.T
    return np.mean(np.diag(covariance))


def ridge_path(x, y, strengths):
    gram, n = x.T @ x, len(y)
    return [np.linalg.solve(gram + n * s * np.eye(len(gram)), x.T @ y) for s in strengths]
