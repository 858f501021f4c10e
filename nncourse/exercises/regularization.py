"""Checks for the exercises of chapter 06."""

import numpy as np

from .core import Exercise, Mistake


def _paired_gain(baseline, method):
    d = method - baseline
    return d.mean(), d.std(ddof=1) / np.sqrt(len(d))


def _unpaired(baseline, method):
    n = len(method)
    return np.mean(method - baseline), np.sqrt((baseline.var(ddof=1) + method.var(ddof=1)) / n)


def _accuracy_cases(rng):
    def case(n):
        baseline = rng.normal(0.88, 0.02, size=n)
        return baseline, baseline + rng.normal(0.01, 0.005, size=n)

    return [case(n) for n in (2, 5, 6, 20)]


def _bias_variance(predictions, truth):
    bias = predictions.mean(axis=0) - truth
    return np.mean(bias**2), np.mean(predictions.var(axis=0))


def _variance_as(variance):
    """Return an answer whose bias is right."""
    return lambda predictions, truth: (_bias_variance(predictions, truth)[0], variance(predictions))


def _bias_as(bias):
    """Return an answer whose variance is right."""
    return lambda p, truth: (bias(p, truth), _bias_variance(p, truth)[1])


def _prediction_cases(rng):
    shapes = [(30, 4), (6, 9), (2, 3)]
    return [
        (rng.normal(size=(1, n)) + rng.normal(1, 0.5, size=(repeats, n)), rng.normal(size=n))
        for repeats, n in shapes
    ]


def _dropout(x, grad, u, rate):
    scale = (u >= rate) / (1 - rate)
    return x * scale, grad * scale


def _published_dropout(x, grad, u, rate):
    return x * (u < rate), grad * (u < rate)


def _dropout_cases(rng):
    shapes_and_rates = [((6, 5), 0.2), ((4, 3, 4), 0.7), ((30,), 0.35)]
    random = [
        (*rng.normal(size=(2, *shape)), rng.random(shape), r) for shape, r in shapes_and_rates
    ]
    ones = np.ones((2, 4))
    u = np.array([[0.1, 0.6, 0.9, 0.3], [0.8, 0.2, 0.05, 0.99]])
    return [*random, (ones, 2 * ones, u, 0.25)]


def _soft_threshold(w, by):
    return np.sign(w) * np.maximum(np.abs(w) - by, 0)


def _slope(x, y, w):
    return 2 * x.T @ (x @ w - y) / len(y)


def _lasso_step(x, y, w, strength, learning_rate):
    return _soft_threshold(w - learning_rate * _slope(x, y, w), learning_rate * strength)


def _threshold_first(x, y, w, strength, learning_rate):
    w = _soft_threshold(w, learning_rate * strength)
    return w - learning_rate * _slope(x, y, w)


def _lasso_cases(rng):
    def case(n, d, strength):
        x, w = rng.normal(size=(n, d)), rng.normal(size=d)
        w[0] = 0.3 + abs(w[0])
        return x, x @ w + rng.normal(size=n), rng.normal(0, 0.6, size=d), strength, 0.1

    return [case(20, 6, 2.0), case(7, 9, 4.0), case(5, 3, 0.5)]


def _ridge_path(x, y, strengths, *, shrink=lambda s, n, strength: s / (s**2 + n * strength)):
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    factors = shrink(s, len(y), np.asarray(strengths)[:, None])
    return (factors * (u.T @ y)) @ vt


def _ridge_with(shrink):
    """Return an answer that divides by something else than it should."""
    return lambda x, y, strengths: _ridge_path(x, y, strengths, shrink=shrink)


def _ridge_cases(rng):
    def case(n, d, count):
        x = rng.normal(size=(n, d)) * rng.uniform(0.5, 2, size=d)
        return x, rng.normal(size=n), rng.uniform(0.01, 2, size=count)

    return [case(12, 4, 3), case(5, 8, 4), case(6, 6, 1)]


EXERCISES = (
    Exercise(
        "paired_gain",
        answer=_paired_gain,
        cases=_accuracy_cases,
        mistakes=(
            Mistake(
                lambda baseline, method: _paired_gain(method, baseline),
                "the sign is off: is the method better or worse, if this number is positive?",
            ),
            Mistake(
                _unpaired,
                "you treat the two as unrelated. Seed 1 of one belongs to seed 1 of the other.",
            ),
            Mistake(
                lambda b, m: (np.mean(m - b), np.std(m - b, ddof=1)),
                "that is how much a single difference varies. How much does their mean?",
            ),
            Mistake(
                lambda b, m: (np.mean(m - b), np.std(m - b) / np.sqrt(len(m))),
                "almost: look at the denominator under the root once more.",
            ),
        ),
    ),
    Exercise(
        "bias_variance",
        answer=_bias_variance,
        cases=_prediction_cases,
        mistakes=(
            Mistake(
                _bias_as(lambda p, truth: np.mean(p - truth) ** 2),
                "a bias of +1 here and of -1 there must not cancel. When do you square?",
            ),
            Mistake(
                _bias_as(lambda p, truth: np.mean((p - truth) ** 2)),
                "your first number is the whole error. The bias belongs to the average prediction.",
            ),
            Mistake(
                _variance_as(lambda p: np.mean(p.var(axis=1))),
                "your variance says how much one fit changes from place to place. Fix the place.",
            ),
            Mistake(
                _variance_as(lambda p: np.mean(p.var(axis=0, ddof=1))),
                "the two numbers do not add up to the error. By what do you divide?",
            ),
            Mistake(
                _variance_as(lambda p: np.mean(p.std(axis=0))),
                "is that a variance, or its root?",
            ),
        ),
        points=2,
    ),
    Exercise(
        "fixed_dropout",
        answer=_dropout,
        cases=_dropout_cases,
        mistakes=(
            Mistake(
                _published_dropout,
                "both bugs are still there. Of ones, how many become 0, and what is the mean?",
            ),
            Mistake(
                lambda x, g, u, rate: (x * (u >= rate), g * (u >= rate)),
                "the right entries are dropped. Does the output keep the average of x?",
            ),
            Mistake(
                lambda x, g, u, rate: (x * (u < rate) / rate, g * (u < rate) / rate),
                "the average is kept, but rate is the share that is dropped here.",
            ),
            Mistake(
                lambda x, g, u, rate: (x * (u >= rate) / rate, g * (u >= rate) / rate),
                "the right entries are dropped. By which share must the others be divided?",
            ),
            Mistake(
                lambda x, g, u, rate: (_dropout(x, g, u, rate)[0], g * (u >= rate)),
                "the output is right. It is x times something; what is its slope by x?",
            ),
            Mistake(
                lambda x, g, u, rate: (_dropout(x, g, u, rate)[0], g),
                "the output is right. Can a dropped entry of x still change the loss?",
            ),
        ),
        points=2,
    ),
    Exercise(
        "lasso_step",
        answer=_lasso_step,
        cases=_lasso_cases,
        mistakes=(
            Mistake(
                lambda x, y, w, strength, rate: (
                    w - rate * (_slope(x, y, w) + strength * np.sign(w))
                ),
                "that is the plain gradient step on the whole loss; it jumps over zero. Two steps "
                "are asked for.",
            ),
            Mistake(
                lambda x, y, w, strength, rate: _soft_threshold(
                    w - rate * _slope(x, y, w), strength
                ),
                "the first step is right. How far does the second one move a weight?",
            ),
            Mistake(
                _threshold_first,
                "the two steps are right, and in the wrong order: can the result be exactly 0?",
            ),
            Mistake(
                lambda x, y, w, strength, rate: _soft_threshold(
                    w - rate * _slope(x, y, w) / 2, rate * strength
                ),
                "the threshold is right. Look at the slope of the mean squared error: a factor.",
            ),
            Mistake(
                lambda x, y, w, strength, rate: _soft_threshold(
                    w - rate * len(y) * _slope(x, y, w), rate * strength
                ),
                "the threshold is right. Is the loss a sum of squares, or their mean?",
            ),
            Mistake(
                lambda x, y, w, strength, rate: np.maximum(
                    w - rate * _slope(x, y, w) - rate * strength, 0
                ),
                "what happens to negative weights? They, too, should move toward zero.",
            ),
        ),
        points=2,
    ),
    Exercise(
        "ridge_path",
        answer=_ridge_path,
        cases=_ridge_cases,
        mistakes=(
            Mistake(
                _ridge_with(lambda s, n, strength: s / (s**2 + strength)),
                "the penalty is too weak. The loss is a mean: where does n enter the equation?",
            ),
            Mistake(
                _ridge_with(lambda s, n, strength: s**2 / (s**2 + n * strength)),
                "these are the shares that are left, of something. Of what, in terms of u and y?",
            ),
            Mistake(
                _ridge_with(lambda s, n, strength: s / (s + n * strength) / s),
                "look at the powers of s: what are the eigenvalues of the matrix x.T @ x?",
            ),
            Mistake(
                _ridge_with(lambda s, n, strength: 1 / s + 0 * strength),
                "every strength gives the same weights: where is the penalty?",
            ),
        ),
        points=3,
    ),
)
