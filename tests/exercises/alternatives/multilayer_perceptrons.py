import numpy as np


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
