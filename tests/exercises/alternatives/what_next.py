import math

import numpy as np


def mended_distillation(student, teacher, labels, temperature, mix):
    """Log-probabilities, example by example."""

    def logs(z):
        z = z - z.max()
        return z - math.log(np.exp(z).sum())

    loss, grad = 0.0, np.zeros_like(student)
    for i, (z, v, k) in enumerate(zip(student, teacher, labels, strict=True)):
        hard, soft, q = logs(z), logs(z / temperature), np.exp(logs(v / temperature))
        loss -= (1 - mix) * hard[k] + mix * temperature**2 * (q @ soft)
        grad[i] = (1 - mix) * np.exp(hard) + mix * temperature * (np.exp(soft) - q)
        grad[i, k] -= 1 - mix
    return loss / len(labels), grad / len(labels)


def two_of_four(kernel):
    out = np.zeros_like(kernel)
    for unit in range(kernel.shape[1]):
        for start in range(0, len(kernel), 4):
            group = kernel[start : start + 4, unit]
            for i in sorted(range(4), key=lambda i, group=group: -abs(group[i]))[:2]:
                out[start + i, unit] = group[i]
    return out


def larger_probability(p, q):
    classes = p.shape[1]
    table = np.tril(np.ones((classes, classes)), -1)
    slope = q @ table.T
    return np.einsum("na,nb,ab->n", p, q, table), slope


def jump(x, v, now, then):
    turn = np.arccos(np.sqrt(then)) - np.arccos(np.sqrt(now))
    return np.cos(turn) * x + np.sin(turn) * v


def pays_after(teacher, student, transfer):
    if teacher <= student:
        return float("inf")
    cost, saved = transfer * (teacher + 3 * student), teacher - student
    return -(-cost // saved)
