import math

import numpy as np


def counted(ids, answer, end):
    """Count, from the left, how many openings and ends have been passed."""
    opened = np.cumsum(ids == answer, axis=1) > 0
    after = opened & (ids != answer)
    ended = np.cumsum(after & (ids == end), axis=1)
    return (after & ((ended == 0) | ((ended == 1) & (ids == end))))[:, 1:]


def settles(reference, preferred, beta):
    logs = np.log(reference) + (np.log(preferred) - np.log1p(-preferred)) / beta
    return np.exp(logs - np.logaddexp.reduce(logs))


def confident_errors(scores, right, threshold):
    count = 0
    for row, k in zip(scores, right, strict=True):
        best = int(np.argmax(row))
        count += best != k and 1 / sum(math.exp(s - row[best]) for s in row) > threshold
    return count


def largest_rank(shapes, budget):
    rank = 0
    while rank < min(min(s) for s in shapes) and (rank + 1) * sum(map(sum, shapes)) <= budget:
        rank += 1
    return rank


def pair_margin(chosen, rejected, beta):
    logs = [math.fsum(x) for pair in (chosen, rejected) for x in pair]
    return beta * (logs[0] - logs[1] - logs[2] + logs[3])
