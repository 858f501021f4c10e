import math

import numpy as np


def honest_epsilon(noise, epochs, delta, orders):
    best = math.inf
    for a in orders:
        best = min(
            best,
            epochs * a / 2 / noise / noise
            + math.log((a - 1) / a)
            + (math.log(1 / delta) - math.log(a)) / (a - 1),
        )
    return best if best > 0 else 0


def refuted_epsilon(false, true, delta):
    best = 0.0
    for f, t in zip(false, true, strict=True):
        for high, low in ((t, f), (1 - f, 1 - t)):
            if low > 0 and high - delta > low:
                best = max(best, math.log(high - delta) - math.log(low))
    return best


def gradient_lengths(inputs, deltas):
    """With a one beside each input, a bias is one more weight."""
    parts = [
        np.linalg.norm(np.hstack([a, np.ones((len(a), 1))]), axis=1) * np.linalg.norm(d, axis=1)
        for a, d in zip(inputs, deltas, strict=True)
    ]
    return np.linalg.norm(parts, axis=0)


def precision_of(true, false, bases):
    odds = [true / false * p / (1 - p) for p in bases]
    return [o / (1 + o) for o in odds]


def people_needed(rate_a, rate_b, base_a, base_b):
    n = 1.96**2 / (rate_a - rate_b) ** 2
    n *= (rate_a - rate_a**2) / base_a + (rate_b - rate_b**2) / base_b
    return math.ceil(n)
