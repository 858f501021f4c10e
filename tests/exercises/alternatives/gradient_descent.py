import numpy as np


def whole_batch(gradients, sizes, maximum):
    """Repeat each part's gradient once for every example, and take the mean."""
    mean = np.repeat(gradients, sizes, axis=0).mean(axis=0)
    length = np.sqrt(mean @ mean)
    return mean if length <= maximum else mean * maximum / length


def read_valley(path, rate):
    """Extrapolate each coordinate's geometric sequence to its limit (Aitken)."""
    a, b, c = path
    minimum = a - (b - a) ** 2 / (c - 2 * b + a)
    curvatures = (a - b) / (rate * (a - minimum))
    low, *_, high = sorted(curvatures)
    return curvatures, minimum, 2 / (low + high)


def batch_needed(gradients, error):
    """Try one size after the other."""
    exact = gradients.mean(0)
    squares = np.mean([(g - exact) @ (g - exact) for g in gradients])
    n = 1
    while squares / n > error**2 * (exact @ exact):
        n += 1
    return n


def stability_limit(x, beta):
    extended = np.hstack([np.ones((len(x), 1)), x])
    return (1 + beta) * len(x) / np.linalg.norm(extended, 2) ** 2


def fixed_adam(w, gradients, rate, epsilon):
    """Sum the averages out: each is a weighted mean of all gradients so far."""
    for t in range(1, len(gradients) + 1):
        ages = np.arange(t)[::-1]
        m, v = (
            np.average(gradients[:t] ** power, axis=0, weights=beta**ages)
            for power, beta in ((1, 0.9), (2, 0.999))
        )
        w = w - rate * m / (v**0.5 + epsilon)
    return w
