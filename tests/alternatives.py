"""For every exercise a right answer that is written in another way than the book's solution."""

import math
from fractions import Fraction

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


def leaky_relu_variance(inputs, alpha):
    share_of_power = (1 + alpha * alpha) / 2
    return np.reciprocal(float(inputs)) / share_of_power


def parameter_count(sizes):
    return int(np.dot(sizes[:-1], sizes[1:]) + np.sum(sizes[1:]))


def mlp_forward(x, weights, biases):
    for i in range(len(weights)):
        x = np.einsum("nd,du->nu", x, weights[i]) + biases[i]
        x = x if i == len(weights) - 1 else np.where(x > 0, x, 0)
    return x


def mend_relu(z, grad):
    on = np.heaviside(z, 0)
    return z * on, on * grad


def worst_mistakes(probabilities, labels, count):
    scored = [
        (-row.max(), i)
        for i, (row, label) in enumerate(zip(probabilities, labels, strict=True))
        if row.argmax() != label
    ]
    return [i for _, i in sorted(scored)[:count]]


def relu_interpolant(knots, values):
    coefficients, slope = [], 0.0
    for k in range(len(knots) - 1):
        new = (values[k + 1] - values[k]) / (knots[k + 1] - knots[k])
        coefficients.append(new - slope)
        slope = new
    return values[0], np.array(coefficients)


def complex_step_derivative(x):
    h = 1e-100
    z = x + h * 1j
    g = np.exp(z) / (np.sin(z) ** 3 + np.cos(z) ** 3)
    return np.imag(g) / h


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


def normalize_backward(grad, x):
    """Multiply by the whole Jacobian, (I - 11ᵀ/d - yyᵀ/d) / s, row by row."""
    rows = []
    for g, row in zip(grad, x, strict=True):
        d, s = len(row), math.sqrt(np.var(row) + 1e-5)
        y = (row - np.mean(row)) / s
        rows.append((np.eye(d) - 1 / d - np.outer(y, y) / d) @ g / s)
    return np.stack(rows)


def conv_layer(height, width, channels, filters, kernel, stride, padding):
    reach = 1 if padding == "same" else kernel
    rows, columns = (len(range(0, size - reach + 1, stride)) for size in (height, width))
    return [rows, columns, filters, filters * (1 + channels * kernel**2)]


def dense_intensity(batch, inputs, units, bytes_per_number=4):
    inverse = Fraction(1, batch) + Fraction(1, inputs) + Fraction(1, units)
    return float(2 / (bytes_per_number * inverse))


def training_plan(examples, batch, replicas, rate):
    total = replicas * batch
    return (total, -(-examples // total), sum([rate] * replicas))


def all_reduce(gradients, examples):
    return np.average(np.stack(gradients), axis=0, weights=examples)


def r2_against_baseline(y_train, y_test, prediction):
    errors = [t - p for t, p in zip(y_test, np.asarray(prediction).flatten(), strict=True)]
    baseline = [t - sum(y_train) / len(y_train) for t in y_test]
    return 1 - np.dot(errors, errors) / np.dot(baseline, baseline)


ALTERNATIVES = {
    name: thing for name, thing in list(globals().items()) if callable(thing) and name != "Fraction"
}
