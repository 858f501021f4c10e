import math

import numpy as np


def neuron(x, w, b):
    return [max(0.0, math.fsum(a * c for a, c in zip(row, w, strict=True)) + b) for row in x]


def majority(x):
    return [int(sum(row) > len(row) // 2) for row in x.tolist()]


def elu_and_slope(x, alpha):
    y = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return [y, np.where(x > 0, 1, y + alpha)]


def perceptron_epoch(x, t, w, b):
    weights, mistakes = np.append(w, b), 0
    for row, sign in zip(np.column_stack([x, np.ones(len(x))]), t, strict=True):
        if sign != (1 if row @ weights >= 0 else -1):
            weights, mistakes = weights + sign * row, mistakes + 1
    return weights[:-1], weights[-1], mistakes


def convergence_bound(x, t, w, b):
    extended = np.column_stack([x, np.ones(len(x))])
    unit = np.append(w, b) / np.linalg.norm(np.append(w, b))
    return (np.linalg.norm(extended, axis=1).max() / (t * (extended @ unit)).min()) ** 2
