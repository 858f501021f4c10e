"""Checks for the exercises of chapter 9. None of them needs TensorFlow."""

import math

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. What fits into a device's memory


def largest_batch(parameters, activations, memory):
    """Return how many images fit beside the weights, their gradients and Adam's averages."""
    return max(0, (memory - 18 * parameters) // (2 * activations))


def _batch_with(bytes_each, bytes_kept=2, floor=0):
    def answer(parameters, activations, memory):
        left = memory - bytes_each * parameters
        return max(floor, left // (bytes_kept * activations))

    return answer


def _fractions(parameters, activations, memory):
    return max(0, (memory - 18 * parameters) / (2 * activations))


def _rounded_up(parameters, activations, memory):
    return max(0, -(-(memory - 18 * parameters) // (2 * activations)))


def _below_zero(parameters, activations, memory):
    return (memory - 18 * parameters) // (2 * activations)


def _every_image_a_copy(parameters, activations, memory):
    return memory // (18 * parameters + 2 * activations)


def _memory_cases(rng):
    cases = [(93_322, 31_658, 16_000_000_000), (100, 7, 1855), (100, 7, 1500), (10, 3, 183)]
    for _ in range(4):
        parameters, activations = (int(n) for n in rng.integers(1000, 90_000, size=2))
        images = int(rng.integers(40, 900))
        spare = int(rng.integers(1, 2 * activations))
        cases.append((parameters, activations, 18 * parameters + 2 * activations * images + spare))
    return cases


# 2. A batch that saturates a device


def saturating_batch(small, large, share):
    """Return the smallest batch whose speed is this share of the top speed, from two steps."""
    per_call, per_image = _constants(small, large)
    return math.ceil(share / (1 - share) * per_call / per_image)


def _constants(small, large):
    (n, short), (m, long) = small, large
    per_image = (long - short) / (m - n)
    return short - n * per_image, per_image


def _half(small, large, share):
    per_call, per_image = _constants(small, large)
    return math.ceil(per_call / per_image)


def _share_of_bend(small, large, share):
    per_call, per_image = _constants(small, large)
    return math.ceil(share * per_call / per_image)


def _without_numerator(small, large, share):
    per_call, per_image = _constants(small, large)
    return math.ceil(per_call / per_image / (1 - share))


def _upside_down(small, large, share):
    per_call, per_image = _constants(small, large)
    return math.ceil((1 - share) / share * per_call / per_image)


def _floored(small, large, share):
    return saturating_batch(small, large, share) - 1


def _call_forgotten(small, large, share):
    per_call, per_image = small[1], large[1] / large[0]
    return math.ceil(share / (1 - share) * per_call / per_image)


def _of_large(small, large, share):
    t0, t1 = _constants(small, large)
    speed = share * large[0] / large[1]
    return math.ceil(speed * t0 / (1 - speed * t1) - 1e-9)


def _saturating_cases(rng):
    cases = [((8, 3.0), (128, 9.0), 0.93), ((1, 0.25), (64, 0.75), 0.37)]
    while len(cases) < 8:
        per_call, per_image = rng.uniform(1, 20), rng.uniform(0.01, 0.3)
        share = float(rng.uniform(0.6, 0.95))
        n = int(rng.integers(1, 30))
        m = n + int(rng.integers(20, 400))
        pair = [(size, float(per_call + size * per_image)) for size in (n, m)]
        if 0.1 < (share / (1 - share) * per_call / per_image) % 1 < 0.9:  # roundings decide nothing
            cases.append((*pair, share))
    return cases


# 3. What a ring costs


def speedup(devices, batch, step, gradient_bytes, bandwidth):
    """Return images a second of all devices together, in those of one."""
    ring = 2 * (devices - 1) / devices * gradient_bytes / bandwidth
    return devices * step / (step + ring)


def _free_traffic(devices, batch, step, gradient_bytes, bandwidth):
    return float(devices)


def _one_way(devices, batch, step, gradient_bytes, bandwidth):
    return speedup(devices, batch, step, gradient_bytes / 2, bandwidth)


def _all_to_all(devices, batch, step, gradient_bytes, bandwidth):
    return devices * step / (step + (devices - 1) * gradient_bytes / bandwidth)


def _shared_batch(devices, batch, step, gradient_bytes, bandwidth):
    return speedup(devices, batch, step, gradient_bytes, bandwidth) / devices


def _divided_step(devices, batch, step, gradient_bytes, bandwidth):
    ring = 2 * (devices - 1) / devices * gradient_bytes / bandwidth
    return step / (step / devices + ring)


def _images_a_second(devices, batch, step, gradient_bytes, bandwidth):
    return batch / step * speedup(devices, batch, step, gradient_bytes, bandwidth)


def _speedup_cases(rng):
    cases = [(1, 64, 0.25, 1e6, 1e9), (2, 32, 1.0, 1e9, 1e9), (4, 128, 0.002, 373_288, 1.25e9)]
    for _ in range(5):
        devices, batch = int(rng.integers(2, 17)), int(rng.integers(8, 512))
        step, size = float(rng.uniform(0.01, 1)), float(rng.uniform(1, 9)) * 1e8
        cases.append((devices, batch, step, size, float(rng.uniform(1, 20)) * 1e9))
    return cases


# 4. One gradient out of several


def all_reduce(gradients, examples):
    """Return the gradient of the whole batch's mean loss from those of its parts."""
    parts = [(n, np.asarray(g)) for n, g in zip(examples, gradients, strict=True) if n]
    return sum(n * g for n, g in parts) / sum(examples)


def _nothing_is_a_number(gradients, examples):
    return sum(n * np.asarray(g) for n, g in zip(examples, gradients, strict=True)) / sum(examples)


def _seen(gradients, examples):
    """Return what is left without the devices that had no examples."""
    seen = [k for k, n in enumerate(examples) if n]
    return [np.asarray(gradients[k]) for k in seen], [examples[k] for k in seen]


def _plain_sum(gradients, examples):
    return np.sum(_seen(gradients, examples)[0], axis=0)


def _plain_mean(gradients, examples):
    return np.mean(_seen(gradients, examples)[0], axis=0)


def _undivided(gradients, examples):
    return sum(n * g for g, n in zip(*_seen(gradients, examples), strict=True))


def _divided_by_replicas(gradients, examples):
    return _undivided(gradients, examples) / len(gradients)


def _zeros_for_nan(gradients, examples):
    return sum(np.nan_to_num(g) for g in gradients) / len(gradients)


def _reduce_cases(rng):
    cases = []
    for replicas, shape in ((1, (3,)), (2, (4, 3)), (3, (5,)), (4, (2, 3))):
        gradients = [rng.normal(size=shape) for _ in range(replicas)]
        examples = [int(n) for n in rng.choice(np.arange(2, 60), size=replicas, replace=False)]
        cases.append((gradients, examples))
    gradients = [rng.normal(size=4), rng.normal(size=4), np.full(4, np.nan)]
    cases.append((gradients, [32, 9, 0]))
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
        "largest_batch",
        largest_batch,
        _memory_cases,
        mistakes=(
            Mistake(_below_zero, "What if the weights alone do not fit?"),
            Mistake(_fractions, "A batch has a whole number of images."),
            Mistake(_rounded_up, "The last image must fit as a whole."),
            Mistake(_every_image_a_copy, "Are the weights there once, or once an image?"),
            Mistake(_batch_with(16), "A copy of the weights in 16 bits is there as well."),
            Mistake(_batch_with(6), "Each weight has a gradient, and Adam keeps two averages."),
            Mistake(_batch_with(10), "Adam keeps *two* averages; and is the gradient counted?"),
            Mistake(_batch_with(14), "Four numbers of 32 bits for each parameter: which are they?"),
            Mistake(_batch_with(20), "The copy has 16 bits: how many bytes is that?"),
            Mistake(_batch_with(18, 4), "The activations are numbers of 16 bits."),
            Mistake(_batch_with(18, 16), "The activations have 16 bits. How many bytes is that?"),
            Mistake(
                lambda parameters, activations, memory: max(
                    0, round((memory - 18 * parameters) / (2 * activations))
                ),
                "You round to the nearest: an image of which more than half fits does not fit.",
            ),
        ),
        points=1,
    ),
    Exercise(
        "saturating_batch",
        saturating_batch,
        _saturating_cases,
        mistakes=(
            Mistake(_floored, "Put your batch into the formula: is its speed large enough?"),
            Mistake(_half, "That is the batch for half of the top speed. Where is the share?"),
            Mistake(_share_of_bend, "Solve n / (t0 + n t1) = share / t1 for n."),
            Mistake(_without_numerator, "Solve for n again: the share also stands above the line."),
            Mistake(_upside_down, "A larger share needs a larger batch. Does yours grow?"),
            Mistake(_call_forgotten, "Both steps contain the call. Take their difference first."),
            Mistake(_of_large, "The top speed is that of an endless batch: what is left of t0?"),
            Mistake(
                lambda small, large, share: math.ceil(
                    (c := _constants(small, large))[0] / (share * c[1])
                ),
                "The share of the top speed is n t1 / (t0 + n t1). Solve for n again.",
            ),
        ),
        points=2,
    ),
    Exercise(
        "speedup",
        speedup,
        _speedup_cases,
        mistakes=(
            Mistake(_free_traffic, "How long does everybody wait for the gradients?"),
            Mistake(_one_way, "The ring goes around twice: to add, and to hand out."),
            Mistake(_all_to_all, "In a ring each connection carries a piece at a time: see K."),
            Mistake(_shared_batch, "All devices work at the same time. Whose images do you count?"),
            Mistake(
                _divided_step, "Each device has a whole batch of its own. Is its step shorter?"
            ),
            Mistake(_images_a_second, "Images a second, but compared with those of one device?"),
            Mistake(
                lambda devices, batch, step, gradient_bytes, bandwidth: speedup(
                    devices, batch, step, 4 * gradient_bytes, bandwidth
                ),
                "What travels is given in bytes already. Where does your 4 come from?",
            ),
        ),
        points=2,
    ),
    Exercise(
        "all_reduce",
        all_reduce,
        _reduce_cases,
        mistakes=(
            Mistake(_nothing_is_a_number, "What is 0 times NaN? A device may have no examples."),
            Mistake(_plain_sum, "Two replicas with the same gradient: should the step double?"),
            Mistake(_plain_mean, "The parts may differ in size. Should 3 examples count like 50?"),
            Mistake(
                lambda gradients, examples: np.mean(gradients, axis=0),
                "The parts may differ in size. Should 3 examples count like 50, and none at all?",
            ),
            Mistake(_zeros_for_nan, "Should a device with no examples count like the others?"),
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
            Mistake(
                lambda y_train, y_test, prediction: (
                    1 - np.sum((y_test - prediction) ** 2) / np.sum((y_test - y_train.mean()) ** 2)
                ),
                "Print the shape of y_test - prediction where prediction has the shape (n, 1).",
            ),
            Mistake(
                lambda y_train, y_test, prediction: (
                    np.corrcoef(np.ravel(y_test), np.ravel(prediction))[0, 1] ** 2
                ),
                "That is a squared correlation: it forgives a prediction that is shifted or "
                "scaled. Compare the errors.",
            ),
        ),
        points=3,
    ),
)
