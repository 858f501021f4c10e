import math

import numpy as np


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
