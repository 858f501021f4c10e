"""Checks for the exercises of chapter 02."""

import numpy as np

from ..activations import sigmoid
from .core import Exercise, Mistake


def _original(w, b, mean, spread, *, divided=True, shift=-1.0, shifted_by=None):
    kernel = w / spread if divided else w * spread
    shifted_by = kernel if shifted_by is None else shifted_by
    return kernel, b + shift * np.sum(shifted_by * mean)


def _neuron_cases(rng):
    def case(d):
        return rng.normal(size=d), rng.normal(), rng.normal(2, 9, size=d), rng.uniform(2, 5, size=d)

    fixed = np.array([2.0, -1.0]), 10.0, np.array([30.0, 4.0]), np.array([5.0, 0.5])
    return [case(1), case(3), case(8), fixed]


ORIGINAL_UNITS = Exercise(
    "original_units",
    answer=_original,
    cases=_neuron_cases,
    mistakes=(
        Mistake(
            lambda w, b, mean, spread: _original(w, b, mean, spread, shifted_by=w),
            "the weights are right. In the bias, each mean is divided by a spread, too.",
        ),
        Mistake(
            lambda w, b, mean, spread: (w / spread, b),
            "the weights are right. What does the old neuron say at x = 0, and what does yours?",
        ),
        Mistake(
            lambda w, b, mean, spread: _original(w, b, mean, spread, shift=1.0),
            "the weights are right. Multiply w (x - mean) / spread out: which sign has the mean?",
        ),
        Mistake(
            lambda w, b, mean, spread: _original(w, b, mean, spread, divided=False),
            "a feature in meters becomes one in centimeters: does its weight grow or shrink?",
        ),
        Mistake(
            lambda w, b, mean, spread: (w * spread, b - np.sum(w * mean)),
            "a feature with a large spread has large values. Is its weight then large or small?",
        ),
        Mistake(
            lambda w, b, mean, spread: ((w - mean) / spread, b),
            "you standardize the weights. Write down what the neuron says, and collect what is "
            "multiplied by x.",
        ),
        Mistake(
            lambda w, b, mean, spread: (w / spread, b - w / spread * mean),
            "the bias is one number: the shifts of all features together.",
        ),
    ),
    points=1,
)


def _regression(x, y, w, b, *, factor=2.0, average=np.mean):
    error = x @ w + b - y.reshape(-1)
    gradient = factor * average(x * error[:, None], axis=0), factor * average(error)
    return average(error**2), *gradient


def _broadcast(x, y, w, b):
    error = x @ w + b - y
    table = error.mean(axis=0) if error.ndim == 2 else error  # one row for each target
    return np.mean(error**2), 2 * x.T @ table / len(x), 2 * np.mean(error)


def _gradient_of_the_first_column(x, y, w, b):
    loss, dw, _ = _regression(x, y, w, b)
    return loss, dw, dw[0]


def _sum_in_bias(x, y, w, b):
    loss, dw, _ = _regression(x, y, w, b)
    return loss, dw, _regression(x, y, w, b, factor=1.0, average=np.sum)[2]


def _uphill(x, y, w, b):
    loss, dw, db = _regression(x, y, w, b)
    return loss, -dw, -db


def _regression_cases(rng):
    def case(n, d, column):
        y = rng.normal(2, 3, size=(n, 1) if column else n)
        return rng.normal(size=(n, d)), y, rng.normal(size=d), rng.normal()

    return [case(6, 2, False), case(7, 3, True), case(20, 5, True), case(4, 4, False)]


MEND_REGRESSION = Exercise(
    "mend_regression",
    answer=_regression,
    cases=_regression_cases,
    mistakes=(
        Mistake(
            _broadcast,
            "right for flat targets. Print the shape of your errors when y is a column.",
        ),
        Mistake(
            lambda x, y, w, b: _regression(x, y, w, b, factor=1.0),
            "the loss is right; your gradient is half of what it should be.",
        ),
        Mistake(
            lambda x, y, w, b: _regression(x, y, w, b, average=np.sum),
            "your numbers grow with the data. What does the first letter of MSE stand for?",
        ),
        Mistake(
            _uphill, "the right size, the wrong sign. Is the error forecast minus target for you?"
        ),
        Mistake(
            _gradient_of_the_first_column,
            "check the derivative in b: by which feature is the bias multiplied?",
        ),
        Mistake(
            _sum_in_bias,
            "loss and dw are right. db is derived from the same mean of squares: twice the mean "
            "error, not the sum of the errors.",
        ),
    ),
    points=2,
)


def _logistic(x, y, w, b, *, target=lambda y: (y + 1) / 2, f=sigmoid, sign=1.0, average=np.mean):
    z = x @ w + b
    error = sign * (f(z) - target(y))
    return np.mean(np.logaddexp(0, -y * z)), average(x * error[:, None], axis=0), average(error)


def _overflows(x, y, w, b, loss=lambda z, y: np.log(1 + np.exp(-y * z))):
    with np.errstate(all="ignore"):
        return np.mean(loss(x @ w + b, y)), *_logistic(x, y, w, b)[1:]


def _clipped(z, y):
    return np.log(1 + np.exp(-y * np.clip(z, -500, 500)))


def _clipped_at(most):
    def loss(z, y):
        return np.log1p(np.exp(-y * np.clip(z, -most, most)))

    return lambda x, y, w, b: _overflows(x, y, w, b, loss)


def _with_zeros_and_ones(z, y):
    p, t = 1 / (1 + np.exp(-z)), (y + 1) / 2
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def _sign_of_the_logit(x, y, w, b):
    return np.mean(np.logaddexp(0, y * (x @ w + b))), *_logistic(x, y, w, b)[1:]


def _weights_only(x, y, w, b):
    loss, dw, _ = _logistic(x, y, w, b)
    return loss, dw, 0.0


def _logistic_cases(rng):
    def case(n, d, size=1.0):
        y = np.where(np.arange(n) % 2 == 0, -1, 1)[rng.permutation(n)]
        return size * rng.normal(size=(n, d)), y, rng.normal(size=d), rng.normal()

    large = np.array([[1000.0], [-1000.0], [1.0]]), np.array([-1, -1, 1]), np.array([2.0]), 0.5
    return [case(6, 1), case(9, 3), case(30, 5), large]


MEND_LOGISTIC = Exercise(
    "mend_logistic",
    answer=_logistic,
    cases=_logistic_cases,
    mistakes=(
        Mistake(
            _overflows,
            "right, until z is large: exp(1000) is infinite, and a p that is rounded to 1 leaves "
            "log(0). Which function of NumPy adds exponentials under a logarithm?",
        ),
        Mistake(
            lambda x, y, w, b: _overflows(x, y, w, b, _clipped),
            "you cut z off: nothing overflows, but where z is beyond your limit, the loss is too "
            "small. Which function of NumPy adds exponentials under a logarithm?",
        ),
        Mistake(
            lambda x, y, w, b: _overflows(x, y, w, b, _with_zeros_and_ones),
            "right, until the neuron is so sure that 0 times the logarithm of 0 comes in. Compute "
            "the loss from z.",
        ),
        Mistake(
            lambda x, y, w, b: _logistic(x, y, w, b, target=lambda y: y),
            "your gradient takes p - y. Can a probability reach the target -1?",
        ),
        Mistake(
            lambda x, y, w, b: _logistic(x, y, w, b, f=lambda z: (z > 0).astype(float)),
            "that is the error of the decision. Does an answer of 51 % still teach you something?",
        ),
        Mistake(
            lambda x, y, w, b: _logistic(x, y, w, b, sign=-1.0),
            "the loss is right; your gradient points downhill. That is the one of the likelihood.",
        ),
        Mistake(
            lambda x, y, w, b: _logistic(x, y, w, b, average=np.sum),
            "the loss is a mean, and your gradient grows with the number of examples.",
        ),
        Mistake(
            _sign_of_the_logit,
            "your loss is large where the neuron is right. Look at the sign in the exponent.",
        ),
        Mistake(
            _weights_only,
            "the weights' gradient is right. By which feature is the bias multiplied?",
        ),
        *(
            Mistake(
                _clipped_at(most),
                f"you cut z off at {most}: nothing overflows, but beyond it the loss is too small. "
                "Which function of NumPy adds exponentials under a logarithm?",
            )
            for most in (20, 30, 50, 100)
        ),
    ),
    points=2,
)


def _cross_validated(x, y, fold, *, bias=True, seen=False, leaky_mean=False, own_mean=False):
    x1 = np.column_stack([x, np.ones(len(x))]) if bias else x
    errors, nothing = np.zeros(len(y)), np.zeros(len(y))
    for k in np.unique(fold):
        inside = fold == k
        others = np.ones(len(y), dtype=bool) if seen else ~inside
        w = np.linalg.lstsq(x1[others], y[others], rcond=None)[0]
        errors[inside] = y[inside] - x1[inside] @ w
        known = y[inside] if own_mean else y if leaky_mean else y[others]
        nothing[inside] = y[inside] - known.mean()
    return np.sum(errors**2) / np.sum(nothing**2)


def _fold_by_fold(x, y, fold, *, trained_on=np.not_equal, ratio=True):
    x1, found = np.column_stack([x, np.ones(len(x))]), []
    for k in np.unique(fold):
        others, judged = trained_on(fold, k), fold == k
        judged = ~others if trained_on is np.equal else judged
        w = np.linalg.lstsq(x1[others], y[others], rcond=None)[0]
        errors, nothing = y[judged] - x1[judged] @ w, y[judged] - y[others].mean()
        found.append((np.sum(errors**2), np.sum(nothing**2)))
    errors, nothing = np.transpose(found)
    return np.mean(errors / nothing) if ratio else np.sum(errors) / np.sum(nothing)


def _people_cases(rng):
    def case(n, d, k):
        x = rng.normal(1, 1, size=(n, d))
        y = 5 + x @ rng.normal(size=d) + rng.normal(size=n)
        return x, y, rng.permutation(np.arange(n) % k)

    x, y, _ = case(13, 1, 2)
    unequal = x, y, np.array([7, 7, 7, 7, 7, 2, 2, 2, 4, 4, 4, 4, 4])  # numbers are names
    return [case(12, 1, 3), case(30, 3, 5), case(24, 2, 2), unequal]


CROSS_VALIDATED = Exercise(
    "cross_validated",
    answer=_cross_validated,
    cases=_people_cases,
    mistakes=(
        Mistake(
            lambda x, y, fold: _cross_validated(x, y, fold, leaky_mean=True),
            "almost. Whose mean does the baseline know? It has not seen the people of the fold.",
        ),
        Mistake(
            lambda x, y, fold: _cross_validated(x, y, fold, own_mean=True),
            "your baseline forecasts the mean of those whom it is to forecast. From whom may it "
            "learn the mean?",
        ),
        Mistake(
            _fold_by_fold,
            "you average the ratios of the folds. Add up all squared errors first, then divide.",
        ),
        Mistake(
            lambda x, y, fold: _cross_validated(x, y, fold, bias=False),
            "what does your regression forecast for x = 0? The baseline may forecast any number.",
        ),
        Mistake(
            lambda x, y, fold: _cross_validated(x, y, fold, seen=True),
            "your regression has seen the people whom it forecasts.",
        ),
        Mistake(
            lambda x, y, fold: _fold_by_fold(x, y, fold, trained_on=np.equal, ratio=False),
            "you learn from one fold and forecast the others. It is the other way round.",
        ),
        Mistake(
            lambda x, y, fold: 1 - _cross_validated(x, y, fold),
            "that is how much is explained, the coefficient of determination. How much is left?",
        ),
    ),
    points=2,
)


def _roc(labels, scores, *, reached=np.greater_equal, order=slice(None, None, -1)):
    thresholds = np.unique(scores)[order]

    def shares(label):
        counted = reached(scores[labels == label], thresholds[:, None])
        return np.append(0, np.mean(counted, axis=1))

    return shares(0), shares(1)


def _one_point_per_example(labels, scores):
    order = np.argsort(-scores, kind="stable")
    hits, alarms = np.cumsum(labels[order]), np.cumsum(1 - labels[order])
    return np.append(0, alarms / alarms[-1]), np.append(0, hits / hits[-1])


def _shares_of_everybody(labels, scores):
    alarms, hits = _roc(labels, scores)
    return alarms * np.mean(labels == 0), hits * np.mean(labels == 1)


def _score_cases(rng):
    def labels(n):
        return np.append([0, 1], rng.integers(0, 2, size=n - 2))[rng.permutation(n)]

    def tied():
        y = labels(40)
        return y, rng.integers(-3, 4, size=40) + y

    return [(labels(9), rng.normal(size=9)), (y := labels(60), rng.normal(y)), tied(), tied()]


ROC_CURVE = Exercise(
    "roc_curve",
    answer=_roc,
    cases=_score_cases,
    mistakes=(
        Mistake(
            _one_point_per_example,
            "right without ties. How many points do three equal scores deserve?",
        ),
        Mistake(
            lambda labels, scores: _roc(labels, scores)[::-1],
            "your curve lies on the wrong side of the diagonal. Which kind is a false alarm?",
        ),
        Mistake(
            lambda labels, scores: _roc(labels, scores, reached=np.greater),
            "your curve never arrives at (1, 1). Is a score that equals the threshold counted?",
        ),
        Mistake(
            lambda labels, scores: _roc(labels, scores, order=slice(None)),
            "your curve jumps to (1, 1) and comes back. With which threshold do you begin?",
        ),
        Mistake(
            _shares_of_everybody,
            "you divide by all n. Of whom is a false alarm a fraction, and of whom a hit?",
        ),
        Mistake(
            lambda labels, scores: tuple(part[1:] for part in _roc(labels, scores)),
            "both begin with 0: above the highest score nobody is called. That point is missing.",
        ),
    ),
    points=2,
)


def _ridge(x, y, strength, *, free=True, per_example=True):
    x1 = np.column_stack([x, np.ones(len(x))])
    penalty = np.eye(x1.shape[1]) * strength * (len(x) if per_example else 1)
    penalty[-1, -1] *= not free
    solution = np.linalg.solve(x1.T @ x1 + penalty, x1.T @ y)
    return solution[:-1], solution[-1]


def _ridge_without_bias(x, y, strength):
    w = np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ y)
    return w, 0.0


def _only_targets_centered(x, y, strength):
    return _ridge_without_bias(x, y - y.mean(), strength)[0], y.mean()


def _mean_of_targets_as_bias(x, y, strength):
    return _ridge(x, y, strength)[0], y.mean()


def _ridge_cases(rng):
    def case(n, d):
        x = rng.normal(rng.normal(size=d), 1, size=(n, d))
        return x, 3 + x @ rng.normal(size=d) + rng.normal(size=n), float(rng.uniform(0.05, 1))

    return [case(20, 1), case(30, 4), case(5, 8)]


RIDGE = Exercise(
    "ridge",
    answer=_ridge,
    cases=_ridge_cases,
    mistakes=(
        Mistake(
            lambda x, y, strength: _ridge(x, y, strength, free=False),
            "your penalty includes the bias. Add 100 to all targets: do the forecasts follow?",
        ),
        Mistake(
            lambda x, y, strength: _ridge(x, y, strength, per_example=False),
            "the loss is a mean over n examples, the penalty is not. Derive the equations again.",
        ),
        Mistake(
            lambda x, y, strength: _ridge(x, y, strength / 2),
            "the derivative of the square is twice the weight; so is that of the loss.",
        ),
        Mistake(_ridge_without_bias, "what does your neuron forecast at x = 0?"),
        Mistake(
            _mean_of_targets_as_bias,
            "the weights are right. The mean of y is the forecast at the mean of x, not at x = 0.",
        ),
        Mistake(
            _only_targets_centered,
            "you take the mean off y alone. The features have means as well.",
        ),
    ),
    points=3,
)

EXERCISES = (
    ORIGINAL_UNITS,
    MEND_REGRESSION,
    MEND_LOGISTIC,
    CROSS_VALIDATED,
    ROC_CURVE,
    RIDGE,
)
