import math

import numpy as np

import nncourse as nn


def neuron(x, w, b):
    return [max(0.0, math.fsum(a * c for a, c in zip(row, w, strict=True)) + b) for row in x]


def majority(x):
    return [int(sum(row) > len(row) // 2) for row in x.tolist()]


def exactly_one(x):
    nand = nn.McCullochPitts([-1, -1], 1.5).predict
    found, several = np.zeros(len(x), int), np.zeros(len(x), int)
    for column in x.T:
        several = np.maximum(several, 1 - nand(np.column_stack([found, column])))
        found = np.maximum(found, column)
    return found * (1 - several)


def smallest_change(x, w, b):
    unit = w / np.linalg.norm(w)
    return [-(row @ unit + b / np.linalg.norm(w)) * unit for row in x]


def average_from_mistakes(x, t, when, n):
    w, b, total = np.zeros(x.shape[1]), 0.0, np.zeros(x.shape[1] + 1)
    for k in range(1, n + 1):
        for i in np.flatnonzero(when == k):
            w, b = w + t[i] * x[i], b + t[i]
        total += np.append(w, b)
    return total[:-1] / n, total[-1] / n


def first_repeat(x, t):
    rows = np.column_stack([x, np.ones(len(x), int)])
    ends = [np.zeros(rows.shape[1])]
    while True:
        w = ends[-1].copy()
        right = True
        for row, sign in zip(rows, t, strict=True):
            if sign != (1 if row @ w >= 0 else -1):
                w, right = w + sign * row, False
        if right:
            return 0
        if any(np.array_equal(w, end) for end in ends):
            return len(ends)
        ends.append(w)
