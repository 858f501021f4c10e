import math
from itertools import pairwise

import numpy as np


def visible_steps(lengths, time):
    seen = np.zeros((len(lengths), time, time), bool)
    for b, i in np.ndindex(len(lengths), time):
        seen[b, i, : min(i + 1, lengths[b])] = True
    return seen


def attention(q, k, v, hidden):
    weights = np.zeros((len(q), len(k)))
    for i, query in enumerate(q):
        free = np.flatnonzero(~hidden[i])
        scores = k[free] @ query / math.sqrt(len(query))
        weights[i, free] = np.exp(scores - np.logaddexp.reduce(scores))
    return weights @ v, weights


def rotate_pairs(x):
    turned = np.empty_like(x)
    for t, i in np.ndindex(len(x), x.shape[1] // 2):
        angle = t / 10000.0 ** (2 * i / x.shape[1])
        c, s = math.cos(angle), math.sin(angle)
        turned[t, 2 * i : 2 * i + 2] = np.array([[c, -s], [s, c]]) @ x[t, 2 * i : 2 * i + 2]
    return turned


def merge_once(words, counts):
    text = [
        (left, right)
        for pieces, n in zip(words, counts, strict=True)
        for left, right in pairwise(pieces)
        for _ in range(n)
    ]
    left, right = max(set(text), key=text.count)
    merged = []
    for pieces in words:
        rest, out = pieces[::-1], []
        while rest:
            piece = rest.pop()
            if piece == left and rest and rest[-1] == right:
                piece += rest.pop()
            out.append(piece)
        merged.append(out)
    return [left, right], merged


def mended_attention(q, k, v):
    rows = []
    for i in range(len(q)):
        shares = np.exp(k[: i + 1] @ q[i] / math.sqrt(len(q[i])))
        rows.append(shares @ v[: i + 1] / shares.sum())
    return np.array(rows)


def layer_norm_back(grad, x, gamma, epsilon):
    d = x.shape[1]
    centered = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt(x.var(axis=1) + epsilon)
    center = np.eye(d) - np.ones((d, d)) / d
    dx = np.empty_like(x)
    for i, c in enumerate(centered):
        jacobian = (center - np.outer(c, c) / d / deviation[i] ** 2) / deviation[i]
        dx[i] = (grad[i] * gamma) @ jacobian
    scaled = centered / deviation[:, None]
    return dx, np.einsum("ij,ij->j", grad, scaled), np.ones(len(x)) @ grad
