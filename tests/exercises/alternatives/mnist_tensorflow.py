import numpy as np


def largest_batch(parameters, activations, memory):
    left = memory - 4 * 4 * parameters - 2 * parameters
    if left < 0:
        return 0
    images, _ = divmod(left, activations * 2)
    return int(images)


def saturating_batch(small, large, share):
    t1, t0 = np.polyfit(*zip(small, large, strict=True), 1)
    n = 1
    while n / (t0 + n * t1) < share / t1:
        n += 1
    return n


def speedup(devices, batch, step, gradient_bytes, bandwidth):
    traffic = 2 * gradient_bytes * (1 - 1 / devices) / bandwidth
    alone, together = batch / step, devices * batch / (step + traffic)
    return together / alone


def all_reduce(gradients, examples):
    stacked, n = np.stack(gradients), np.array(examples)
    return np.average(stacked[n > 0], axis=0, weights=n[n > 0])


def r2_against_baseline(y_train, y_test, prediction):
    errors = [t - p for t, p in zip(y_test, np.asarray(prediction).flatten(), strict=True)]
    baseline = [t - sum(y_train) / len(y_train) for t in y_test]
    return 1 - np.dot(errors, errors) / np.dot(baseline, baseline)
