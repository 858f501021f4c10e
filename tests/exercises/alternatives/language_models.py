import math

import numpy as np


def perplexity(losses, counts):
    share = counts / counts.sum()
    return float(np.prod(np.exp(losses) ** share))


def nucleus(p, top_p):
    above = np.array([p[p > each].sum() for each in p])  # what is more probable than each
    kept = p * (above < top_p)
    return kept / kept.sum()


def attend_with_cache(q, k, v, keys, values, cos, sin):
    angle = cos[len(keys)] + 1j * sin[len(keys)]
    q, k = ((x[0::2] + 1j * x[1::2]) * angle for x in (q, k))
    k = np.stack([k.real, k.imag], axis=1).ravel()
    keys, values = np.concatenate([keys, [k]]), np.concatenate([values, [v]])
    scores = ((keys[:, 0::2] + 1j * keys[:, 1::2]) @ q.conj()).real / math.sqrt(len(v))
    weights = np.exp(scores) / np.exp(scores).sum()
    return values.T @ weights, keys, values


def lens_ranks(stream, gain, table, token):
    ranks = []
    for x in stream:
        x = x / math.sqrt(np.mean(x * x) + 1e-5) * gain
        order = np.argsort(-(table @ x))
        ranks.append(int(np.flatnonzero(order == token)[0]) + 1)
    return ranks


def draft_worth(p, q, ahead):
    kept = 1 - 0.5 * np.abs(p - q).sum()
    return kept, ahead + 1 if kept == 1 else (1 - kept ** (ahead + 1)) / (1 - kept)
