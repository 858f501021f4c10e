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


def standardize(x_train, x_new):
    columns = []
    for old, new in zip(x_train.T, x_new.T, strict=True):
        m = sum(old) / len(old)
        s = math.sqrt(sum((v - m) ** 2 for v in old) / len(old)) or 1.0
        columns.append(((old - m) / s, (new - m) / s))
    return [np.column_stack(part) for part in zip(*columns, strict=True)]


def mend_regression(x, y, w, b):
    errors = [row @ w + b - float(np.squeeze(t)) for row, t in zip(x, y, strict=True)]
    dw = sum(2 * e * row for e, row in zip(errors, x, strict=True)) / len(errors)
    return np.mean(np.square(errors)), dw, 2 * sum(errors) / len(errors)


def mend_logistic(x, y, w, b, rate):
    new_w, new_b = w, b
    for row, label in zip(x, y, strict=True):
        surprise = label - 1 / (1 + math.exp(-(row @ w + b)))
        new_w, new_b = new_w + rate / len(y) * surprise * row, new_b + rate / len(y) * surprise
    return new_w, new_b


def roc_curve(labels, scores):
    """Walk down the sorted scores, and keep a point only where the next score is another."""
    alarms, hits, points = 0, 0, [(0.0, 0.0)]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    for i, following in zip(order, [*order[1:], None], strict=True):
        alarms, hits = alarms + (labels[i] == 0), hits + (labels[i] == 1)
        if following is None or scores[following] != scores[i]:
            points.append((alarms / np.sum(labels == 0), hits / np.sum(labels == 1)))
    return [list(axis) for axis in zip(*points, strict=True)]


def ridge(x, y, strength):
    """Append the price as further examples: d of them, with the target 0 and no bias."""
    d = x.shape[1]
    rows = np.sqrt(strength * len(x)) * np.eye(d, d + 1)
    x1 = np.vstack([np.column_stack([x, np.ones(len(x))]), rows])
    solution = np.linalg.lstsq(x1, np.append(y, np.zeros(d)), rcond=None)[0]
    return solution[:d], solution[d]


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


def receptive_field(layers):
    """Walk back from one neuron: of n neurons side by side, count what they see together."""
    width = 1
    for k, s in reversed(layers):
        width = (width - 1) * s + k
    return width


def im2col(x, k, s):
    height, width, _ = x.shape
    corners = [(i, j) for i in range(0, height - k + 1, s) for j in range(0, width - k + 1, s)]
    return [x[i : i + k, j : j + k].ravel().tolist() for i, j in corners]


def fixed_convolution_backward(grad, x, w):
    k = len(w)
    dw = np.einsum("ijuv,uv->ij", np.lib.stride_tricks.sliding_window_view(x, grad.shape), grad)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(grad, k - 1), w.shape)
    return [np.tensordot(windows, np.rot90(w, 2), axes=2), dw, float(np.sum(grad))]


def max_pool_backward(grad, x, k, s):
    """Take the derivative literally: each output is one pixel, a row of a matrix of 0 and 1."""
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(x.size).reshape(x.shape), (k, k))
    windows = windows[::s, ::s].reshape(-1, k * k)
    chosen = [max(row, key=lambda pixel: (x.flat[pixel], -pixel)) for row in windows]
    return np.bincount(chosen, weights=grad.ravel(), minlength=x.size).reshape(x.shape)


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


def lstm_parameters(inputs, units):
    kernels = np.zeros((inputs + units + 1, 4 * units))
    return int(kernels.size)


def bits_per_character(logits, codes):
    lengths = []
    for scores, code in zip(logits[:-1].tolist(), codes[1:].tolist(), strict=True):
        top = max(scores)
        mass = math.fsum(math.exp(score - top) for score in scores)
        lengths.append(math.log2(mass) - (scores[code] - top) * math.log2(math.e))
    return math.fsum(lengths) / len(lengths)


def gru_step(x, h, kernel, recurrent, bias):
    m = h.shape[1]
    gates = x @ kernel[:, : 2 * m] + h @ recurrent[:, : 2 * m] + bias[: 2 * m]
    z, r = np.hsplit(0.5 + 0.5 * np.tanh(gates / 2), 2)
    news = np.tanh(x @ kernel[:, 2 * m :] + (h * r) @ recurrent[:, 2 * m :] + bias[2 * m :])
    return news + z * (h - news)


def fixed_bptt(x, dh, w, u, b):
    h = np.zeros((len(x) + 1, len(b)))
    for t, row in enumerate(x):
        h[t + 1] = np.tanh(w.T @ row + u.T @ h[t] + b)
    deltas = np.zeros((len(x) + 1, len(b)))
    for t in range(len(x) - 1, -1, -1):
        deltas[t] = (dh[t] + u @ deltas[t + 1]) / np.cosh(np.arctanh(h[t + 1])) ** 2
    return x.T @ deltas[:-1], h[:-1].T @ deltas[:-1], deltas.sum(axis=0)


def past_only_windows(series, order, now):
    known = np.array(series[:now], dtype=float)
    known = (known - np.sum(known) / now) / np.sqrt(np.var(known))
    both = np.lib.stride_tricks.sliding_window_view(known, order + 1)
    return both[:, :-1], both[:, -1]


def lstm_step_back(dh, dc, z, c):
    m = c.shape[1]
    i, f, o = (0.5 + 0.5 * np.tanh(z[:, k * m : (k + 1) * m] / 2) for k in (0, 1, 3))
    g = np.tanh(z[:, 2 * m : 3 * m])
    new = f * c + i * g
    whole = dc + dh * o / np.cosh(new) ** 2
    dz = np.empty_like(z)
    dz[:, :m] = whole * g * (i - i * i)
    dz[:, m : 2 * m] = whole * c * (f - f * f)
    dz[:, 2 * m : 3 * m] = whole * i * (1 - g * g)
    dz[:, 3 * m :] = dh * np.tanh(new) * (o - o * o)
    return dz, whole * f


ALTERNATIVES = {
    name: thing for name, thing in list(globals().items()) if callable(thing) and name != "Fraction"
}
