"""Checks for the exercises of chapter 9. None of them needs TensorFlow."""

import math

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. The size of a convolution


def conv_layer(height, width, channels, filters, kernel, stride, padding):
    """Return output height, output width, output channels and number of parameters."""
    if padding == "same":
        rows, columns = -(-height // stride), -(-width // stride)
    else:
        rows, columns = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    return rows, columns, filters, (kernel * kernel * channels + 1) * filters


def _no_channels(height, width, channels, filters, kernel, stride, padding):
    rows, columns, depth, _ = conv_layer(height, width, channels, filters, kernel, stride, padding)
    return rows, columns, depth, (kernel * kernel + 1) * filters


def _no_bias(height, width, channels, filters, kernel, stride, padding):
    rows, columns, depth, count = conv_layer(
        height, width, channels, filters, kernel, stride, padding
    )
    return rows, columns, depth, count - filters


def _no_stride(height, width, channels, filters, kernel, stride, padding):
    return conv_layer(height, width, channels, filters, kernel, 1, padding)


def _no_plus_one(height, width, channels, filters, kernel, stride, padding):
    rows, columns, depth, count = conv_layer(
        height, width, channels, filters, kernel, stride, padding
    )
    lost = 0 if padding == "same" else 1
    return rows - lost, columns - lost, depth, count


def _never_same(height, width, channels, filters, kernel, stride, padding):
    return conv_layer(height, width, channels, filters, kernel, stride, "valid")


def _conv_cases(rng):
    cases = [
        (28, 28, 1, 32, 3, 1, "valid"),
        (9, 14, 3, 5, 3, 2, "same"),
        (8, 13, 2, 4, 4, 3, "valid"),
    ]
    for padding in ("valid", "same") * 4:
        height, width = rng.integers(9, 40, size=2)
        channels, filters = rng.integers(2, 20, size=2)
        kernel, stride = rng.integers(2, 7), rng.integers(1, 4)
        numbers = (height, width, channels, filters, kernel, stride)
        cases.append((*map(int, numbers), padding))
    return cases


# 2. Arithmetic intensity


def dense_intensity(batch, inputs, units, bytes_per_number=4):
    """Return the operations of a dense layer's matrix product for each byte it must move."""
    operations = 2 * batch * inputs * units
    numbers = batch * inputs + inputs * units + batch * units
    return operations / (bytes_per_number * numbers)


def _no_output(batch, inputs, units, bytes_per_number=4):
    numbers = batch * inputs + inputs * units
    return 2 * batch * inputs * units / (bytes_per_number * numbers)


def _weights_each_time(batch, inputs, units, bytes_per_number=4):
    numbers = batch * inputs + batch * inputs * units + batch * units
    return 2 * batch * inputs * units / (bytes_per_number * numbers)


def _no_input(batch, inputs, units, bytes_per_number=4):
    numbers = inputs * units + batch * units
    return 2 * batch * inputs * units / (bytes_per_number * numbers)


def _intensity_cases(rng):
    cases = [(1, 784, 256, 4), (128, 784, 256, 4), (2, 3, 5, 2)]
    for size in (2, 4, 8):
        batch, inputs, units = rng.integers(2, 2000, size=3)
        cases.append((int(batch), int(inputs), int(units), size))
    return cases


# 3. One gradient out of several


def all_reduce(gradients, examples):
    """Return the gradient of the whole batch's mean loss from those of its parts."""
    weights = np.asarray(examples) / np.sum(examples)
    return sum(w * np.asarray(g) for w, g in zip(weights, gradients, strict=True))


def _plain_sum(gradients, examples):
    return np.sum(gradients, axis=0)


def _plain_mean(gradients, examples):
    return np.mean(gradients, axis=0)


def _undivided(gradients, examples):
    return sum(n * np.asarray(g) for n, g in zip(examples, gradients, strict=True))


def _divided_by_replicas(gradients, examples):
    return _undivided(gradients, examples) / len(gradients)


def _reduce_cases(rng):
    cases = []
    for replicas, shape in ((1, (3,)), (2, (4, 3)), (3, (5,)), (4, (2, 3))):
        gradients = [rng.normal(size=shape) for _ in range(replicas)]
        examples = [int(n) for n in rng.choice(np.arange(2, 60), size=replicas, replace=False)]
        cases.append((gradients, examples))
    return cases


# 4. Several devices: what a step becomes


def training_plan(examples, batch, replicas, rate):
    """Return global batch, steps in an epoch, and the learning rate of the linear scaling rule."""
    global_batch = batch * replicas
    return global_batch, math.ceil(examples / global_batch), rate * replicas


def _last_batch_dropped(examples, batch, replicas, rate):
    return batch * replicas, examples // (batch * replicas), rate * replicas


def _steps_of_one(examples, batch, replicas, rate):
    return batch * replicas, math.ceil(examples / batch), rate * replicas


def _rate_unchanged(examples, batch, replicas, rate):
    return batch * replicas, math.ceil(examples / (batch * replicas)), rate


def _rate_divided(examples, batch, replicas, rate):
    return batch * replicas, math.ceil(examples / (batch * replicas)), rate / replicas


def _plan_cases(rng):
    cases = [(60_000, 128, 4, 0.002), (1024, 32, 8, 0.1), (60_001, 100, 2, 0.01)]
    for _ in range(3):
        batch, replicas = int(rng.integers(8, 200)), int(rng.integers(2, 9))
        whole = int(rng.integers(3, 30)) * batch * replicas
        cases.append((whole + int(rng.integers(1, batch)), batch, replicas, float(rng.random())))
    return cases


# 5. Find the bug: a score that noise cannot earn


def r2_against_baseline(y_train, y_test, prediction):
    """Return 1 - squared error / squared error of predicting the training mean, on the test set."""
    y_test = np.asarray(y_test, dtype=float).ravel()
    prediction = np.asarray(prediction, dtype=float).ravel()
    error = np.sum((y_test - prediction) ** 2)
    return 1 - error / np.sum((y_test - np.mean(y_train)) ** 2)


def _outer_difference(y_train, y_test, prediction):
    error = np.mean((np.asarray(y_test) - np.asarray(prediction)) ** 2)
    return 1 - error / np.mean((np.asarray(y_test) - np.mean(y_train)) ** 2)


def _mean_of_test(y_train, y_test, prediction):
    return r2_against_baseline(y_test, y_test, prediction)


def _ratio_only(y_train, y_test, prediction):
    return 1 - r2_against_baseline(y_train, y_test, prediction)


def _roots(y_train, y_test, prediction):
    return 1 - np.sqrt(1 - r2_against_baseline(y_train, y_test, prediction))


def _clipped(y_train, y_test, prediction):
    return max(0.0, r2_against_baseline(y_train, y_test, prediction))


def _error_alone(y_train, y_test, prediction):
    return np.mean((np.ravel(y_test) - np.ravel(prediction)) ** 2)


def _r2_cases(rng):
    cases = []
    for noise, column in ((0.3, False), (0.5, True), (3.0, True), (2.0, False)):
        y_train, y_test = rng.normal(5, 2, size=40), rng.normal(6, 2, size=15)
        prediction = y_test + noise * rng.normal(2, 1, size=15)
        cases.append((y_train, y_test, prediction[:, None] if column else prediction))
    return cases


EXERCISES = (
    Exercise(
        "conv_layer",
        conv_layer,
        _conv_cases,
        mistakes=(
            Mistake(_no_channels, "How many numbers does one filter see? The input has channels."),
            Mistake(_no_bias, "The number of parameters is short by one for each filter."),
            Mistake(_no_stride, "With a larger stride the window stops at fewer places."),
            Mistake(
                _no_plus_one, 'Count the places of a 3-wide window on a row of 3 pixels ("valid").'
            ),
            Mistake(_never_same, 'What is the output\'s height for padding="same" and stride 1?'),
        ),
        points=1,
    ),
    Exercise(
        "dense_intensity",
        dense_intensity,
        _intensity_cases,
        mistakes=(
            Mistake(
                lambda n, i, u, size=4: dense_intensity(n, i, u, size) / 2,
                "A multiplication and an addition are two operations.",
            ),
            Mistake(_no_output, "Three arrays are moved. Which one of them is written?"),
            Mistake(_no_input, "Three arrays are moved. Where are the images?"),
            Mistake(
                _weights_each_time, "Are the weights read once for the batch, or once an image?"
            ),
            Mistake(
                lambda n, i, u, size=4: dense_intensity(n, i, u, 1),
                "That is for each number moved. How many bytes is a number?",
            ),
        ),
        points=2,
    ),
    Exercise(
        "training_plan",
        training_plan,
        _plan_cases,
        mistakes=(
            Mistake(_last_batch_dropped, "An epoch sees every example. Is the last batch full?"),
            Mistake(_steps_of_one, "All replicas share one step. How many examples is that?"),
            Mistake(_rate_unchanged, "The batch grew. What does the linear rule do with the rate?"),
            Mistake(_rate_divided, "A larger batch has less noise: larger steps or smaller?"),
        ),
        points=1,
    ),
    Exercise(
        "all_reduce",
        all_reduce,
        _reduce_cases,
        mistakes=(
            Mistake(_plain_sum, "Two replicas with the same gradient: should the step double?"),
            Mistake(_plain_mean, "The parts may differ in size. Should 3 examples count like 50?"),
            Mistake(_undivided, "You weighted the parts. Do the weights sum to one?"),
            Mistake(_divided_by_replicas, "Divide by the number of examples or of replicas?"),
        ),
        points=2,
    ),
    Exercise(
        "r2_against_baseline",
        r2_against_baseline,
        _r2_cases,
        mistakes=(
            Mistake(
                _outer_difference,
                "Print the shape of y_test - prediction when prediction has shape (n, 1).",
            ),
            Mistake(_mean_of_test, "Which mean could you have known before seeing the test set?"),
            Mistake(_ratio_only, "A perfect prediction should score 1, the baseline 0."),
            Mistake(_roots, "Squared errors are compared, not their roots."),
            Mistake(_clipped, "A model worse than the baseline must show it."),
            Mistake(_error_alone, "An error alone says nothing. What is it compared with?"),
        ),
        points=3,
    ),
)
