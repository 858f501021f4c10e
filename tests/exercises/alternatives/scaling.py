import math

import numpy as np


def gpt_parameters(layers, dim, vocabulary, positions):
    shapes = [(vocabulary, dim), (positions, dim), (2, dim)]
    block = [(dim, dim)] * 4 + [(dim,)] * 4 + [(dim, 4 * dim), (4 * dim,), (4 * dim, dim), (dim,)]
    shapes += layers * (block + [(2, dim)] * 2)
    return sum(math.prod(shape) for shape in shapes)


def perplexity(losses, counts):
    share = counts / counts.sum()
    return float(np.prod(np.exp(losses) ** share))


def merged_lora(w, a, b, alpha):
    merged = np.array(w)
    for column, row in zip(a.T, b, strict=True):
        merged += np.outer(column, row) * alpha / len(b)
    return merged


def training_run(parameters, tokens, devices, peak, utilization, price):
    device_hours = parameters * tokens / (600 * peak * utilization)
    return device_hours / devices / 24, device_hours * price


def dequantize_q4_1(data):
    weights = []
    for start in range(0, len(data), 20):
        s, m = np.frombuffer(data[start : start + 4].tobytes(), "<f2").astype(float)
        packed = [int(byte) for byte in data[start + 4 : start + 20]]
        weights += [s * q + m for q in [b % 16 for b in packed] + [b // 16 for b in packed]]
    return np.array(weights, np.float32)


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
