import math

import numpy as np


def forget_bias(steps, left):
    lost = -math.expm1(math.log(left) / steps)  # in one step
    return math.log1p(-lost) - math.log(lost)


def last_real(states, mask):
    rows = []
    for steps, real in zip(states, mask, strict=True):
        kept = steps[real]
        rows.append(kept[-1] if len(kept) else np.zeros(states.shape[2]))
    return np.array(rows)


def leaky_bptt(x, dh, w, u, b, a):
    m, kernel = len(b), np.vstack([w, u, b])
    h, slopes, seen = np.zeros(m), [], []
    for row in x:
        seen.append(np.concatenate([row, h, [1.0]]))
        z = seen[-1] @ kernel
        slopes.append(1 / np.cosh(z) ** 2)
        h = h + a * (np.tanh(z) - h)
    gradient, blame = np.zeros_like(kernel), np.zeros(m)
    for t in range(len(x) - 1, -1, -1):
        blame = blame + dh[t]
        gradient += seen[t][:, None] * (a * blame * slopes[t])
        blame = blame @ ((1 - a) * np.eye(m) + (a * slopes[t])[:, None] * u.T)
    return gradient[: len(w)], gradient[len(w) : -1], gradient[-1]


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
