import math

import numpy as np


def visible_steps(lengths, time, window):
    seen = np.zeros((len(lengths), time, time), bool)
    for b, i in np.ndindex(len(lengths), time):
        seen[b, i, max(0, i - window + 1) : min(i + 1, lengths[b])] = True
    return seen


def merged_halves(y1, m1, z1, y2, m2, z2):
    share = 1 / (1 + math.exp(min(700, m2 - m1 + math.log(z2 / z1))))
    return share * y1 + (1 - share) * y2


def mended_attention(q, k, v):
    rows = []
    for i in range(len(q)):
        shares = np.exp(k[: i + 1] @ q[i] / math.sqrt(len(q[i])))
        rows.append(shares @ v[: i + 1] / shares.sum())
    return np.array(rows)


def rms_norm_back(grad, x, gamma, epsilon):
    d = x.shape[1]
    dx, dgamma = np.empty_like(x), np.zeros(d)
    for i, row in enumerate(x):
        root = math.sqrt(row @ row / d + epsilon)
        jacobian = np.eye(d) / root - np.outer(row, row) / d / root**3
        dx[i] = jacobian @ (grad[i] * gamma)
        dgamma += grad[i] * row / root
    return dx, dgamma
