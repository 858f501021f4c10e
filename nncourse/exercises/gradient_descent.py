"""Checks for the exercises of chapter 05, "Using gradients"."""

import math

import numpy as np

from .core import Exercise, Mistake

# 1. A batch that is worked off in parts


def _clipped(gradient, maximum):
    return min(1.0, maximum / np.linalg.norm(gradient)) * gradient


def _whole(gradients, sizes):
    return sizes @ gradients / np.sum(sizes)


def _separately_clipped(gradients, sizes, maximum):
    return _whole(np.array([_clipped(g, maximum) for g in gradients]), sizes)


def _always_scaled(gradients, sizes, maximum):
    whole = _whole(gradients, sizes)
    return maximum * whole / np.linalg.norm(whole)


def _squared_length(gradients, sizes, maximum):
    whole = _whole(gradients, sizes)
    return min(1.0, maximum / np.sum(whole**2)) * whole


def _whole_batch_cases(rng):
    def case(parts, d, size, maximum):
        direction = rng.normal(size=d)
        gradients = rng.normal(size=(parts, d)) + 3 * direction
        gradients *= size / np.linalg.norm(direction)
        sizes = rng.permutation(np.arange(1, parts + 1) ** 2) * int(rng.integers(2, 9))
        return gradients, sizes, maximum

    return [
        (np.array([[6.0, 0.0], [0.0, 6.0]]), np.array([1, 2]), 2.0),
        (np.array([[0.6, 0.0], [0.0, 0.6]]), np.array([1, 2]), 2.0),
        case(3, 4, 2.0, 0.7),
        case(4, 3, 2.0, 1.5),
        case(5, 2, 0.05, 4.0),
    ]


WHOLE_BATCH = Exercise(
    "whole_batch",
    answer=lambda gradients, sizes, maximum: _clipped(_whole(gradients, sizes), maximum),
    cases=_whole_batch_cases,
    mistakes=(
        Mistake(
            lambda gradients, sizes, maximum: _clipped(gradients.mean(axis=0), maximum),
            "A mean of means is the mean of all only if the parts are equally large.",
        ),
        Mistake(
            lambda gradients, sizes, maximum: _clipped(gradients.sum(axis=0), maximum),
            "The loss is a mean over all examples. What is each part's gradient to count?",
        ),
        Mistake(
            lambda gradients, sizes, maximum: _clipped(sizes @ gradients, maximum),
            "Weighted by size, and then? The loss is a mean, not a sum.",
        ),
        Mistake(
            lambda gradients, sizes, maximum: _whole(gradients, sizes),
            "And if it is longer than the maximum?",
        ),
        Mistake(
            _separately_clipped,
            "You shorten each part by itself. Which gradient is it that may be too long?",
        ),
        Mistake(
            lambda gradients, sizes, maximum: np.clip(_whole(gradients, sizes), -maximum, maximum),
            "You limit single entries, which changes the direction.",
        ),
        Mistake(_always_scaled, "What should happen to a gradient that is short enough?"),
        Mistake(_squared_length, "Is your length a length, or the square of one?"),
    ),
    points=1,
)

# 2. What three points of a walk say


def _valley(path, curvatures, minimum):
    return [curvatures, minimum, 2 / (np.min(curvatures) + np.max(curvatures))]


def _read_valley(path, rate, *, sign=1, way=1):
    first, second = path[1] - path[0], path[2] - path[1]
    curvatures = (1 - sign * second / first) / rate
    return _valley(path, curvatures, path[0] + way * first / (rate * curvatures))


def _from_places(path, rate):
    curvatures = (1 - path[1] / path[0]) / rate
    return _valley(path, curvatures, np.zeros(path.shape[1]))


def _without_rate(path, rate):
    first, second = path[1] - path[0], path[2] - path[1]
    curvatures = 1 - second / first
    return _valley(path, curvatures, path[0] + first / curvatures)


def _where_it_stands(path, rate):
    return _valley(path, _read_valley(path, rate)[0], path[2])


def _other_rate(numerator, combine):
    def answer(path, rate):
        curvatures, minimum, _ = _read_valley(path, rate)
        return [curvatures, minimum, numerator / combine(curvatures)]

    return answer


def _read_valley_cases(rng):
    def case(curvatures, minimum, start, rate):
        factors = 1 - rate * curvatures
        return minimum + (start - minimum) * factors ** np.arange(3)[:, None], rate

    cases = [case(np.array([1.0, 4.0]), np.array([1.0, -1.0]), np.array([3.0, 2.0]), 0.1)]
    for d in 3, 4, 5:
        rate = rng.uniform(0.05, 0.5)
        low, high = rng.uniform(0.1, 0.4), rng.uniform(1.2, 1.7)
        inside = rng.uniform(0.5, 0.9, d - 2)
        curvatures = rng.permutation([low, *inside, high]) / rate
        minimum = rng.uniform(0.5, 2, d) * rng.choice([-1, 1], d)
        cases.append(case(curvatures, minimum, minimum + rng.uniform(1, 3, d), rate))
    return cases


def _from_last_place(path, rate):
    curvatures, _, _ = _read_valley(path, rate)
    return _valley(path, curvatures, path[2] + (path[2] - path[1]) / (rate * curvatures))


def _turned_ratio(path, rate):
    first, second = np.diff(path, axis=0)
    c = (1 - first / second) / rate
    return [c, path[0] + first / (1 - first / second), 2 / (c.max() + c.min())]


READ_VALLEY = Exercise(
    "read_valley",
    answer=_read_valley,
    cases=_read_valley_cases,
    mistakes=(
        Mistake(
            _from_places,
            "The ratio of two places is the factor only if the minimum is at 0. What is free of "
            "the unknown minimum?",
        ),
        Mistake(
            lambda path, rate: _read_valley(path, rate, sign=-1),
            "Each step multiplies the distance by one MINUS rate times curvature.",
        ),
        Mistake(_without_rate, "The factor holds rate times curvature. Where is the rate?"),
        Mistake(
            lambda path, rate: _read_valley(path, rate, way=-1),
            "The curvatures are right. Does your minimum lie ahead of the first step, or behind?",
        ),
        Mistake(
            _where_it_stands,
            "The curvatures are right. The walk has not arrived after two steps: how far is the "
            "minimum from the start, if the first step was rate times curvature of that?",
        ),
        Mistake(
            _other_rate(1, np.max),
            "Curvatures and minimum are right. Your rate serves the steepest direction only.",
        ),
        Mistake(
            _other_rate(2, np.max),
            "Curvatures and minimum are right. At 2 over the largest curvature nothing converges.",
        ),
        Mistake(
            _other_rate(1, np.mean),
            "Curvatures and minimum are right. Which two curvatures decide the best rate?",
        ),
        Mistake(
            _from_last_place,
            "The curvatures are right. In your minimum a place is combined with the gradient of "
            "another place: at which one was this gradient?",
        ),
        Mistake(
            _turned_ratio,
            "Each step is a factor times the one before, not the other way around.",
        ),
    ),
    points=2,
)

# 3. How large a batch must be


def _noise(gradients, *, ddof=0):
    return gradients.var(axis=0, ddof=ddof).sum(), np.sum(gradients.mean(axis=0) ** 2)


def _batch_needed(gradients, error):
    noise, exact = _noise(gradients)
    return math.ceil(noise / (error**2 * exact))


def _batch(formula, end=math.ceil):
    return lambda gradients, error: max(1, end(formula(*_noise(gradients), error)))


def _over_all(gradients, error):
    return math.ceil(gradients.var() / (error**2 * gradients.mean() ** 2))


def _mean_over_weights(gradients, error):
    noise, exact = _noise(gradients)
    return math.ceil(noise / gradients.shape[1] / (error**2 * exact))


def _divided_by_one_less(gradients, error):
    noise, exact = _noise(gradients, ddof=1)
    return math.ceil(noise / (error**2 * exact))


def _batch_cases(rng):
    fixed = np.array([[3.0, 0.0], [1.0, 0.0], [1.0, 4.0], [3.0, 4.0]])
    cases = [(fixed, 0.3), (fixed, 0.35)]  # 6.9 and 5.1 examples
    for size, d, spread, error in ((6, 3, 3, 0.21), (9, 4, 5, 0.13), (12, 2, 2, 0.27)):
        gradients = spread * rng.normal(size=(size, d))
        gradients += rng.uniform(1, 2, d) - gradients.mean(axis=0)
        cases.append((gradients, error))
    return cases


BATCH_NEEDED = Exercise(
    "batch_needed",
    answer=_batch_needed,
    cases=_batch_cases,
    mistakes=(
        Mistake(
            _batch(lambda noise, exact, error: noise / (error * exact)),
            "The error falls as one over the ROOT of the size: half the error costs four times "
            "the batch.",
        ),
        Mistake(
            _batch(lambda noise, exact, error: math.sqrt(noise / exact) / error),
            "The relative error of one example, divided by the wanted one, is a ratio of lengths. "
            "What happens to lengths when the batch grows by n?",
        ),
        Mistake(
            _batch(lambda noise, exact, error: noise / (error**2 * math.sqrt(exact))),
            "Variance over a length: one is squared, the other is not.",
        ),
        Mistake(
            _batch(lambda noise, exact, error: noise / error**2),
            "The error is relative. To which length?",
        ),
        Mistake(
            _batch(lambda noise, exact, error: noise / (error**2 * exact), math.floor),
            "Nearly: with your batch the error is still a little above the limit. Which way do you "
            "round?",
        ),
        Mistake(
            _batch(lambda noise, exact, error: noise / (error**2 * exact), round),
            "Where you round down, the error of your batch is still a little above the limit.",
        ),
        Mistake(
            _over_all,
            "You take mean and variance over all numbers. Each weight has its own mean over the "
            "examples.",
        ),
        Mistake(
            _mean_over_weights,
            "The squared length of an error is a sum over the weights, not a mean.",
        ),
        Mistake(_divided_by_one_less, "Here the N rows are all there is: divide by N."),
    ),
    points=2,
)

# 4. The limit of momentum


def _curvatures(x, *, bias=True, factor=2.0):
    extended = np.column_stack([x, np.ones(len(x))]) if bias else x
    return np.linalg.eigvalsh(factor / len(x) * extended.T @ extended)


def _limit(numerator, **changes):
    return lambda x, beta: numerator(beta) / _curvatures(x, **changes)[-1]


def _stability_cases(rng):
    sizes = (8, 3, 0.9), (20, 5, 0.5), (5, 1, 0.3), (6, 2, 0.0)
    drawn = [(rng.uniform(0.5, 3) * rng.normal(0.5, 1, (n, d)), beta) for n, d, beta in sizes]
    return [(np.array([[1.0], [3.0]]), 0.5), *drawn]


STABILITY_LIMIT = Exercise(
    "stability_limit",
    answer=_limit(lambda beta: 2 * (1 + beta)),
    cases=_stability_cases,
    mistakes=(
        Mistake(
            _limit(lambda beta: 2),
            "That is the limit without momentum. Put r = -1 into the equation of the roots.",
        ),
        Mistake(
            _limit(lambda beta: (1 + math.sqrt(beta)) ** 2),
            "There the roots stop being complex; they are still smaller than one. Where does one "
            "reach -1?",
        ),
        Mistake(
            _limit(lambda beta: 2 * (1 - beta)),
            "A steady gradient is multiplied by 1/(1 - beta), but at the limit the gradient "
            "changes its sign in every step.",
        ),
        Mistake(
            _limit(lambda beta: 2 / (1 - beta)),
            "Put r = -1 into the equation of the roots, and mind the signs.",
        ),
        Mistake(
            _limit(lambda beta: 1 + beta),
            "Half of it: put r = -1 into the equation of the roots; beta stands there twice.",
        ),
        Mistake(
            _limit(lambda beta: 2 * (1 + beta), bias=False),
            "The bias is trained, too: it is a weight with an input of its own.",
        ),
        Mistake(
            _limit(lambda beta: 2 * (1 + beta), factor=1.0),
            "Off by a factor of two: differentiate the square once more.",
        ),
        Mistake(
            lambda x, beta: 2 * (1 + beta) / _curvatures(x, factor=2.0 * len(x))[-1],
            "The loss is a mean over the examples, not a sum.",
        ),
        Mistake(
            lambda x, beta: 2 * (1 + beta) / _curvatures(x)[0],
            "Which direction diverges first, the flattest or the steepest?",
        ),
    ),
    points=2,
)

# 5. Find the bug: the published Adam


def _adam(w, gradients, rate, epsilon, *, sign=-1, place="right", corrected=True, late=0):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step, g in enumerate(gradients, 1):
        t = max(step - late, 1)
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat, v_hat = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if corrected else (m, v)
        with np.errstate(invalid="ignore"):
            if place == "after":
                w = w + sign * rate * m_hat / np.sqrt(v_hat) + epsilon
            elif place == "inside":
                w = w + sign * rate * m_hat / np.sqrt(v_hat + epsilon)
            else:
                w = w + sign * rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w


def _adam_cases(rng):
    cases = [(np.array([1.0, 1.0]), np.array([[0.0, 0.001], [0.0, 0.002]]), 0.1, 0.001)]
    for steps, d in (1, 3), (7, 4), (50, 2):
        gradients = rng.normal(size=(steps, d)) * 10.0 ** rng.integers(-4, 2, d)
        gradients[:, 0] = 0.0
        cases.append((rng.normal(size=d), gradients, rng.uniform(0.01, 0.1), 1e-6))
    return cases


def _mistaken_adam(**changes):
    return lambda *arguments: _adam(*arguments, **changes)


FIXED_ADAM = Exercise(
    "fixed_adam",
    answer=_adam,
    cases=_adam_cases,
    mistakes=(
        Mistake(
            _mistaken_adam(sign=+1, place="after"),
            "This is still the published update. What is 0 / 0? And does it go downhill?",
        ),
        Mistake(
            _mistaken_adam(place="after"),
            "The direction is right; a weight whose gradient is always zero becomes NaN. What is "
            "epsilon for?",
        ),
        Mistake(
            _mistaken_adam(sign=+1),
            "The division is right, but the loss would grow with every step.",
        ),
        Mistake(
            _mistaken_adam(place="inside"),
            "Close: the root is taken of the mean square alone, and only then is epsilon added.",
        ),
        Mistake(
            _mistaken_adam(corrected=False),
            "Your averages start at zero, and nothing makes up for it.",
        ),
        Mistake(
            _mistaken_adam(late=1),
            "The first step is right. In the second, by which power are the averages corrected?",
        ),
    ),
    points=2,
    without=("nncourse.Adam",),
)

EXERCISES = (WHOLE_BATCH, READ_VALLEY, BATCH_NEEDED, STABILITY_LIMIT, FIXED_ADAM)
