"""Checks for the exercises of chapter 05, "Using gradients"."""

import math

import numpy as np

from .core import Exercise, Mistake


def _valley_plan(curvatures, factor):
    low, high = np.min(curvatures), np.max(curvatures)
    left = (high - low) / (high + low)
    return [2 / (low + high), left, math.ceil(math.log(factor) / -math.log(left))]


def _one_end(curvatures, factor, end):
    rate = 1 / end(curvatures)
    left = np.abs(1 - rate * curvatures).max()
    steps = math.ceil(math.log(factor) / abs(math.log(left)))
    return [rate, left, steps]


def _mean_curvature(curvatures, factor):
    _, left, steps = _valley_plan(curvatures, factor)
    return [1 / np.mean(curvatures), left, steps]


def _rounded_down(curvatures, factor):
    rate, left, steps = _valley_plan(curvatures, factor)
    return [rate, left, steps - 1]


def _valley_cases(rng):
    return [(rng.uniform(1, 2) * kappa ** rng.permutation(
        [0.0, *rng.uniform(0.1, 0.3, d - 2), 1.0]), rng.uniform(5, 5000))
        for d, kappa in ((3, 10), (4, 200), (5, 2000))]  # fmt: skip


VALLEY_PLAN = Exercise(
    "valley_plan",
    answer=_valley_plan,
    cases=_valley_cases,
    mistakes=(
        Mistake(
            lambda c, factor: _one_end(c, factor, np.max),
            "Your rate serves the steepest direction only. Where do the two factors meet?",
        ),
        Mistake(
            _mean_curvature, "Curvatures in between do not matter. Which two decide the best rate?"
        ),
        Mistake(
            _rounded_down,
            "Rate and factor are right; the steps are one too few. Which way do you round?",
        ),
        Mistake(
            lambda c, factor: [*_valley_plan(c, factor)[:2], factor],
            "Rate and factor are right. The steps are an exponent: how do you get it down?",
        ),
    ),
    points=1,
)


def _clip_together(gradients, maximum):
    length = math.sqrt(sum(np.sum(g**2) for g in gradients))
    return [min(1.0, maximum / length) * g for g in gradients]


def _clip_separately(gradients, maximum):
    return [min(1.0, maximum / np.linalg.norm(g)) * g for g in gradients]


def _always_scaled(gradients, maximum):
    length = math.sqrt(sum(np.sum(g**2) for g in gradients))
    return [maximum / length * g for g in gradients]


def _squared_length(gradients, maximum):
    return _clip_together(gradients, maximum / math.sqrt(sum(np.sum(g**2) for g in gradients)))


def _clip_cases(rng):
    shapes = ((3, 4), (4,), (4, 2)), ((5,),), ((2, 3), (3,))
    lists = [[rng.normal(size=shape) for shape in each] for each in shapes]
    return list(zip(lists, (0.9, 0.3, 100.0), strict=True))


CLIP_TOGETHER = Exercise(
    "clip_together",
    answer=_clip_together,
    cases=_clip_cases,
    mistakes=(
        Mistake(
            _clip_separately,
            "Each array is cut by itself, so their proportions change. There is one joint length.",
        ),
        Mistake(
            lambda gradients, maximum: [np.clip(g, -maximum, maximum) for g in gradients],
            "You limit single entries, which changes the direction.",
        ),
        Mistake(_always_scaled, "What should happen to gradients that are short enough?"),
        Mistake(_squared_length, "Is your length a length, or the square of one?"),
    ),
    points=1,
    without=("nncourse.training.clipping.clip_by_global_norm",),
)


def _adam(w, gradients, rate, epsilon, *, sign=-1, place="right", corrected=True):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat, v_hat = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if corrected else (m, v)
        with np.errstate(invalid="ignore"):
            if place == "after":
                step = m_hat / np.sqrt(v_hat) + epsilon
            elif place == "inside":
                step = m_hat / np.sqrt(v_hat + epsilon)
            else:
                step = m_hat / (np.sqrt(v_hat) + epsilon)
        w = w + sign * rate * step
    return w


def _adam_cases(rng):
    cases = []
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
            "The direction is right; a weight whose slope is always zero becomes NaN. What is "
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
    ),
    points=2,
    without=("nncourse.Adam",),
)


def _curvatures(x, *, bias=True, factor=2.0):
    extended = np.column_stack([x, np.ones(len(x))]) if bias else x
    return np.linalg.eigvalsh(factor / len(x) * extended.T @ extended)


def _stability_cases(rng):
    sizes = (8, 3), (20, 5), (5, 1)
    return [(rng.uniform(0.5, 3) * rng.normal(0.5, 1, size),) for size in sizes]


STABILITY_LIMIT = Exercise(
    "stability_limit",
    answer=lambda x: 2 / _curvatures(x)[-1],
    cases=_stability_cases,
    mistakes=(
        Mistake(
            lambda x: 2 / _curvatures(x, bias=False)[-1],
            "The bias is trained, too: it is a weight with an input of its own.",
        ),
        Mistake(
            lambda x: 2 / _curvatures(x, factor=1.0)[-1],
            "Off by a factor of two: differentiate the square once more.",
        ),
        Mistake(
            lambda x: 2 / _curvatures(x, factor=2.0 * len(x))[-1],
            "The loss is a mean over the examples, not a sum.",
        ),
        Mistake(
            lambda x: 1 / _curvatures(x)[-1],
            "At 1/c a step lands on the bottom. How far may it overshoot?",
        ),
        Mistake(
            lambda x: 2 / _curvatures(x)[0],
            "Which direction diverges first, the flattest or the steepest?",
        ),
    ),
    points=2,
)


def _factors(curvatures, rate, beta):
    """Return the sizes of both roots for every curvature, shape (2, d)."""
    half = (1 + beta - rate * np.asarray(curvatures)) / 2
    root = np.sqrt((half**2 - beta).astype(complex))
    return np.abs([half + root, half - root])


def _momentum_cases(rng):
    flat = rng.uniform(0.5, 2.0, 4)  # complex roots only
    slow = np.array([0.001, *rng.uniform(0.5, 2.0, 2)])  # the flattest has real ones
    steep = np.array([rng.uniform(0.5, 2.0), 3.9])  # the steepest has, and it diverges
    settings = (flat, 0.7), (slow, 0.5), (steep, 0.3), (rng.uniform(0.2, 1.8, 3), 0.0)
    return [(c / rate, rate, beta) for (c, beta) in settings for rate in (rng.uniform(0.01, 0.5),)]


MOMENTUM_FACTOR = Exercise(
    "momentum_factor",
    answer=lambda *arguments: _factors(*arguments).max(),
    cases=_momentum_cases,
    mistakes=(
        Mistake(
            lambda curvatures, rate, beta: math.sqrt(beta),
            "That is the floor of the bathtub. What if a curvature lies outside it?",
        ),
        Mistake(
            lambda curvatures, rate, beta: np.abs(1 - rate * curvatures).max(),
            "That is descent without memory: where is beta?",
        ),
        Mistake(
            lambda *arguments: _factors(*arguments)[0].max(),
            "You take one of the two roots. For a steep direction the other one is larger.",
        ),
        Mistake(
            lambda *arguments: _factors(*arguments).max(axis=0).min(),
            "In the long run, does the fastest direction decide, or the slowest?",
        ),
    ),
    points=3,
)

EXERCISES = (VALLEY_PLAN, CLIP_TOGETHER, FIXED_ADAM, STABILITY_LIMIT, MOMENTUM_FACTOR)
