"""Checks for the exercises of chapter 06."""

import numpy as np

from .core import Exercise, Mistake

__all__ = ["EXERCISES"]


# 1. How many seeds?


def _spread(baseline, method):
    return np.std(method - baseline, ddof=1)


def _seeds(spread, worth):
    return max(2, int(np.ceil((2 * spread / worth) ** 2)))


def _seeds_needed(baseline, method, worth):
    return _seeds(_spread(baseline, method), worth)


def _unpaired(b, m, worth):
    return _seeds(np.sqrt(np.var(b, ddof=1) + np.var(m, ddof=1)), worth)


def _pilot_cases(rng):
    def case(n, worth, spread=0.02):
        shared, d = rng.normal(0.9, 0.03, size=n), rng.normal(size=n)
        d = 0.01 + spread * (d - d.mean()) / np.std(d, ddof=1)
        return shared, shared + d, worth

    own = np.array([0.9, 0.92, 0.91, 0.89]), np.array([0.905, 0.935, 0.93, 0.89])
    sure = np.array([0.5, 0.75, 1.0]), np.array([0.625, 0.885, 1.125])
    return [case(5, 0.0047), case(4, 0.0061), case(8, 0.0057, 0.03), (*own, 0.003), (*sure, 0.05)]


SEEDS_NEEDED = Exercise(
    "seeds_needed",
    answer=_seeds_needed,
    cases=_pilot_cases,
    mistakes=(
        Mistake(
            _unpaired,
            "you treat the two as unrelated. Seed 1 of one belongs to seed 1 of the other: take "
            "the spread of the differences.",
        ),
        Mistake(
            lambda b, m, worth: _seeds(np.std(m - b), worth),
            "a few too few: by what do you divide for the standard deviation of a few differences?",
        ),
        Mistake(
            lambda b, m, worth: _seeds(_spread(b, m) / 2, worth),
            "that many bring one standard error down to worth. Two were asked for.",
        ),
        Mistake(
            lambda b, m, worth: _seeds(_spread(b, m) / np.sqrt(len(b)), worth),
            "you start from the pilot's standard error, which has been divided by a root already. "
            "How much does a single difference vary?",
        ),
        Mistake(
            lambda b, m, worth: max(2, int(np.ceil(2 * _spread(b, m) / worth))),
            "the standard error falls with the square root of the number of seeds. For half of it, "
            "how many times as many do you need?",
        ),
        Mistake(
            lambda b, m, worth: max(2, int((2 * _spread(b, m) / worth) ** 2)),
            "one short: with 41.3 seeds needed, are 41 enough?",
        ),
        Mistake(
            lambda b, m, worth: int(np.ceil((2 * _spread(b, m) / worth) ** 2)),
            "almost: a single difference has no standard deviation. What is the least you answer?",
        ),
    ),
)


# 2. When does it stop?


def _early_stop(val_loss, patience, *, better=np.less, reset=True, extra=0, rival="best"):
    """Return the epoch kept and the last one; the keywords make the mistakes."""
    best, kept, waited, before = np.inf, 1, 0, np.inf
    for epoch, loss in enumerate(val_loss, start=1):
        if better(loss, best if rival == "best" else before):
            best, kept, waited = loss, epoch, 0 if reset else waited
        else:
            waited += 1
        before = loss
        if waited == patience + extra:
            break
    return kept, epoch


def _whole_curve(val_loss, patience):
    return int(np.argmin(val_loss)) + 1, _early_stop(val_loss, patience)[1]


def _last_epoch(val_loss, patience):
    stopped = _early_stop(val_loss, patience)[1]
    return stopped, stopped


def _stop_cases(rng):
    def case(patience, *steps):
        """Make losses of these tenths, moved and stretched: the order stays."""
        return np.array(steps) * rng.uniform(0.05, 0.15) + rng.uniform(0, 0.3), patience

    return [
        case(2, 9, 7, 8, 7.5, 3, 2),  # 7.5 improves on 8, not on 7; a better one comes too late
        case(2, 9, 7, 8, 6, 7, 5, 6, 4, 5, 5.5, 1),  # waits are single
        case(3, 8, 6, 7, 5, 5, 5, 6, 2, 1),  # equal losses are no improvement
        case(2, 9, 8, 7, 6),  # it never stops
        case(1, 5, 4, 6, 3, 2),
        case(3, 9, 5, 8, 7, 6, 1, 0.5),
    ]


EARLY_STOP = Exercise(
    "early_stop",
    answer=_early_stop,
    cases=_stop_cases,
    mistakes=(
        Mistake(
            lambda losses, patience: tuple(e - 1 for e in _early_stop(losses, patience)),
            "epochs are counted from 1.",
        ),
        Mistake(
            _whole_curve,
            "the epoch that you keep may never have been reached: training had stopped before.",
        ),
        Mistake(
            _last_epoch,
            "that is when it stops. Which epoch's weights does early stopping go back to?",
        ),
        Mistake(
            lambda losses, patience: _early_stop(losses, patience, extra=1),
            "it waits one epoch too long: with a patience of 1, does it see another after the "
            "first that is no better?",
        ),
        Mistake(
            lambda losses, patience: _early_stop(losses, patience, reset=False),
            "patience counts epochs in a row. What happens to the count when a better loss comes?",
        ),
        Mistake(
            lambda losses, patience: _early_stop(losses, patience, better=np.less_equal),
            "a loss that equals the best is no improvement.",
        ),
        Mistake(
            lambda losses, patience: _early_stop(losses, patience, rival="before"),
            "you compare with the epoch before. Compare with the best so far.",
        ),
    ),
    points=2,
)


# 3. Fix the dropout layer


def _dropout(x, grad, u, rate):
    scale = (u >= rate) / (1 - rate)
    return x * scale, grad * scale


def _broken_dropout(x, grad, u, rate):
    return x * (u < rate), grad * (u < rate)


def _dropout_cases(rng):
    shapes_and_rates = [((6, 5), 0.2), ((4, 3, 4), 0.7), ((30,), 0.35)]
    random = [
        (*rng.normal(size=(2, *shape)), rng.random(shape), r) for shape, r in shapes_and_rates
    ]
    ones = np.ones((2, 4))
    u = np.array([[0.1, 0.6, 0.9, 0.3], [0.8, 0.2, 0.05, 0.99]])
    return [*random, (ones, 2 * ones, u, 0.25)]


FIXED_DROPOUT = Exercise(
    "fixed_dropout",
    answer=_dropout,
    cases=_dropout_cases,
    mistakes=(
        Mistake(
            _broken_dropout,
            "both bugs are still there. Of ones, how many become 0, and what is the mean?",
        ),
        Mistake(
            lambda x, g, u, rate: (x * (u >= rate), g * (u >= rate)),
            "the right entries are dropped. Does the output keep the average of x?",
        ),
        Mistake(
            lambda x, g, u, rate: (x * (u < rate) / rate, g * (u < rate) / rate),
            "the average is kept, but rate is the probability to drop here.",
        ),
        Mistake(
            lambda x, g, u, rate: (x * (u >= rate) / rate, g * (u >= rate) / rate),
            "the right entries are dropped. By which probability must the others be divided?",
        ),
        Mistake(
            lambda x, g, u, rate: (_dropout(x, g, u, rate)[0], g * (u >= rate)),
            "the output is right. It is x times something; what is its derivative?",
        ),
        Mistake(
            lambda x, g, u, rate: (_dropout(x, g, u, rate)[0], g),
            "the output is right. Can a dropped entry of x still change the loss?",
        ),
        Mistake(
            lambda x, g, u, rate: (_dropout(x, g, u, rate)[0], g / (1 - rate)),
            "the output is right, and the gradient is scaled. Can a dropped entry of x still "
            "change the loss?",
        ),
    ),
    points=2,
)


# 4. What variance does ridge leave?


def _left(x, strength, n):
    s = np.linalg.svd(x, compute_uv=False)
    return s**2 / (s**2 + n * strength)


def _ridge_variance(x, strength, tau):
    return float(tau**2 * np.sum(_left(x, strength, len(x)) ** 2) / len(x))


def _variance_of_weights(x, strength, tau):
    s = np.linalg.svd(x, compute_uv=False)
    return float(tau**2 * np.sum((s / (s**2 + len(x) * strength)) ** 2) / len(x))


def _variance_cases(rng):
    shapes = [(9, 4), (5, 8), (20, 3)]
    return [
        (rng.normal(size=shape), rng.uniform(0.1, 0.6), rng.uniform(1.5, 3)) for shape in shapes
    ]


RIDGE_VARIANCE = Exercise(
    "ridge_variance",
    answer=_ridge_variance,
    cases=_variance_cases,
    mistakes=(
        Mistake(
            lambda x, strength, tau: float(tau**2 * np.sum(_left(x, strength, len(x))) / len(x)),
            "the noise along a direction is multiplied by a factor. By what is its variance?",
        ),
        Mistake(
            lambda x, strength, tau: float(tau**2 * min(x.shape) / len(x)),
            "that is the variance without a penalty; your answer does not depend on strength.",
        ),
        Mistake(
            lambda x, strength, tau: float(tau**2 * np.sum(_left(x, strength, 1) ** 2) / len(x)),
            "the penalty is too weak. The loss is a mean: where does n enter the factors?",
        ),
        Mistake(
            lambda x, strength, tau: _ridge_variance(x, strength, tau) / tau,
            "tau is the standard deviation of the noise. What is its variance?",
        ),
        Mistake(
            lambda x, strength, tau: _ridge_variance(x, strength, tau) * len(x),
            "that is the sum over the examples; their mean was asked for.",
        ),
        Mistake(
            lambda x, strength, tau: _ridge_variance(x, strength, tau) * len(x) / x.shape[1],
            "a mean over the n examples, not over the d features.",
        ),
        Mistake(
            _variance_of_weights,
            "that is the variance of the weights. The predictions are x @ w.",
        ),
    ),
    points=2,
)


# 5. All strengths for the cost of one


def _ridge_path(x, y, strengths, *, shrink=lambda s, n, strength: s / (s**2 + n * strength)):
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    factors = shrink(s, len(y), np.asarray(strengths)[:, None])
    return (factors * (u.T @ y)) @ vt


def _ridge_turned(x, y, strengths):
    u, s, vt = np.linalg.svd(x)
    strengths, k = np.asarray(strengths)[:, None], len(s)
    factors = s / (s**2 + len(y) * strengths) * (u.T @ y)[:k]
    return factors @ vt.T[:k]


def _ridge_with(shrink):
    """Return an answer that divides by something else than it should."""
    return lambda x, y, strengths: _ridge_path(x, y, strengths, shrink=shrink)


def _ridge_cases(rng):
    def case(n, d, count):
        x = rng.normal(size=(n, d)) * rng.uniform(0.5, 2, size=d)
        return x, rng.normal(size=n), rng.uniform(0.01, 2, size=count)

    return [case(12, 4, 3), case(5, 8, 4), case(6, 6, 1)]


RIDGE_PATH = Exercise(
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
            "these are the fractions that are left, of something. Of what, in terms of u and y?",
        ),
        Mistake(
            _ridge_with(lambda s, n, strength: s / (s + n * strength) / s),
            "look at the powers of s: what are the eigenvalues of the matrix x.T @ x?",
        ),
        Mistake(
            _ridge_with(lambda s, n, strength: 1 / s + 0 * strength),
            "every strength gives the same weights: where is the penalty?",
        ),
        Mistake(
            _ridge_with(lambda s, n, strength: 1 / (s**2 + n * strength)),
            "Put X = U S Vᵀ into the equation: a singular value is left above the line, too.",
        ),
        Mistake(
            _ridge_with(lambda s, n, strength: s**2 / (s**2 + strength)),
            "Two things: the loss is a mean, so n enters the equation; and s**2 / (s**2 + …) are "
            "the fractions that are left, of something. Of what, in terms of u and y?",
        ),
        Mistake(
            _ridge_turned,
            "the factors are right, but on the way back V is transposed. `svd` returns Vᵀ: are its "
            "directions rows or columns?",
        ),
    ),
    points=3,
)

EXERCISES = (SEEDS_NEEDED, EARLY_STOP, FIXED_DROPOUT, RIDGE_VARIANCE, RIDGE_PATH)
