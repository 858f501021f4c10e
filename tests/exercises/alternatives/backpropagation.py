import math

import numpy as np


def weight_decay_gradient(x, y, w, b, strength):
    errors = [row @ w + b - target for row, target in zip(x, y, strict=True)]
    dw = sum(2 * e * row for e, row in zip(errors, x, strict=True)) / len(y)
    return dw + strength * (w + w), 2 * np.mean(errors)


def softmax_backward(grad, x):
    rows = []
    for g, row in zip(grad, x, strict=True):
        p = np.exp(row - row.max())
        p /= p.sum()
        rows.append((np.diag(p) - np.outer(p, p)) @ g)
    return np.array(rows)


def fixed_backpropagation(x, y, w1, b1, w2, b2):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    n, k = y.shape
    gradients = [np.zeros_like(array) for array in (w1, b1, w2, b2)]
    for row, target in zip(x, y, strict=True):
        a1 = sigmoid(row @ w1 + b1)
        a2 = sigmoid(a1 @ w2 + b2)
        delta2 = 2 / (n * k) * (a2 - target) * a2 * (1 - a2)
        delta1 = a1 * (1 - a1) * (w2 @ delta2)
        parts = np.outer(row, delta1), delta1, np.outer(a1, delta2), delta2
        gradients = [total + part for total, part in zip(gradients, parts, strict=True)]
    return tuple(gradients)


def leaky_relu_variance(inputs, alpha):
    power_that_passes = (1 + alpha * alpha) / 2
    return np.reciprocal(float(inputs)) / power_that_passes


def normalize_backward(grad, x):
    """Multiply by the whole Jacobian, (I - 11ᵀ/d - yyᵀ/d) / s, row by row."""
    rows = []
    for g, row in zip(grad, x, strict=True):
        d, s = len(row), math.sqrt(np.var(row) + 1e-5)
        y = (row - np.mean(row)) / s
        rows.append((np.eye(d) - 1 / d - np.outer(y, y) / d) @ g / s)
    return np.stack(rows)
