from fractions import Fraction

import numpy as np


def conv_layer(height, width, channels, filters, kernel, stride, padding):
    reach = 1 if padding == "same" else kernel
    rows, columns = (len(range(0, size - reach + 1, stride)) for size in (height, width))
    return [rows, columns, filters, filters * (1 + channels * kernel**2)]


def dense_intensity(batch, inputs, units, bytes_per_number=4):
    inverse = Fraction(1, batch) + Fraction(1, inputs) + Fraction(1, units)
    return float(2 / (bytes_per_number * inverse))


def training_plan(examples, batch, replicas, rate):
    total = replicas * batch
    return (total, -(-examples // total), sum([rate] * replicas))


def all_reduce(gradients, examples):
    return np.average(np.stack(gradients), axis=0, weights=examples)


def r2_against_baseline(y_train, y_test, prediction):
    errors = [t - p for t, p in zip(y_test, np.asarray(prediction).flatten(), strict=True)]
    baseline = [t - sum(y_train) / len(y_train) for t in y_test]
    return 1 - np.dot(errors, errors) / np.dot(baseline, baseline)
