"""Checks for the exercises of chapter 02."""

import numpy as np

from ..activations import sigmoid
from .core import Exercise, Mistake


def _standardize(x_train, x_new, *, center=np.mean, spread=np.std, own=False, together=False):
    everything = np.concatenate([x_train, x_new])

    def scale(x):
        source = x if own else everything if together else x_train
        divisor = spread(source, axis=0)
        return (x - center(source, axis=0)) / np.where(divisor == 0, 1, divisor)

    return scale(x_train), scale(x_new)


def _division_by_zero(x_train, x_new):
    mean, spread = x_train.mean(axis=0), x_train.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (x_train - mean) / spread, (x_new - mean) / spread


def _feature_cases(rng):
    def case(n, m, d):
        scale, shift = rng.uniform(0.2, 5, size=d), rng.normal(0, 9, size=d)
        return rng.normal(size=(n, d)) * scale + shift, rng.normal(size=(m, d)) * scale + shift

    constant = case(6, 4, 3)
    constant[0][:, 1] = 2.0  # in the training data only
    return [case(5, 3, 1), case(8, 5, 3), case(30, 2, 4), constant]


STANDARDIZE = Exercise(
    "standardize",
    answer=_standardize,
    cases=_feature_cases,
    mistakes=(
        Mistake(
            _division_by_zero,
            "all but one case is right. What is the spread of a feature that never changes?",
        ),
        Mistake(
            lambda x_train, x_new: _standardize(x_train, x_new, own=True),
            "each array has its own units now. In which units does the model read new people?",
        ),
        Mistake(
            lambda x_train, x_new: _standardize(x_train, x_new, together=True),
            "the new people have a say in your means. That is a leak.",
        ),
        Mistake(
            lambda x_train, x_new: _standardize(x_train, x_new, center=np.min, spread=np.ptp),
            "that is min–max scaling. Which mean and which variance does it leave?",
        ),
        Mistake(
            lambda x_train, x_new: _standardize(x_train, x_new, spread=np.var),
            "you divide by the variance. In which unit is it, if the feature is in kilograms?",
        ),
        Mistake(
            lambda x_train, x_new: _standardize(
                x_train, x_new, spread=lambda x, axis: x.std(axis=axis, ddof=1)
            ),
            "close. Is your standard deviation the root of a sum divided by n, or by n - 1?",
        ),
    ),
    points=1,
)


def _regression(x, y, w, b, *, factor=2.0, average=np.mean):
    error = x @ w + b - y.reshape(-1)
    slopes = factor * average(x * error[:, None], axis=0), factor * average(error)
    return average(error**2), *slopes


def _broadcast(x, y, w, b):
    error = x @ w + b - y
    table = error.mean(axis=0) if error.ndim == 2 else error  # one row for each target
    return np.mean(error**2), 2 * x.T @ table / len(x), 2 * np.mean(error)


def _slope_of_the_first_column(x, y, w, b):
    loss, dw, _ = _regression(x, y, w, b)
    return loss, dw, dw[0]


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
            "the loss is right; your slopes are half of what they should be.",
        ),
        Mistake(
            lambda x, y, w, b: _regression(x, y, w, b, average=np.sum),
            "your numbers grow with the data. What does the first letter of MSE stand for?",
        ),
        Mistake(
            _uphill, "the right size, the wrong sign. Is the error forecast minus target for you?"
        ),
        Mistake(
            _slope_of_the_first_column,
            "check the slope in b: by which feature is the bias multiplied?",
        ),
    ),
    points=2,
)


def _logistic_step(x, y, w, b, rate, *, f=sigmoid, sign=-1.0, bias=True, average=True):
    error = f(x @ w + b) - y
    scale = sign * rate / (len(y) if average else 1)
    return w + scale * x.T @ error, b + bias * scale * np.sum(error)


def _squared_error_step(x, y, w, b, rate):
    p = sigmoid(x @ w + b)
    pull = 2 * (p - y) * p * (1 - p)
    return w - rate * x.T @ pull / len(y), b - rate * np.mean(pull)


def _logistic_cases(rng):
    def case(n, d):
        labels = (np.arange(n) % 2)[rng.permutation(n)]
        return rng.normal(size=(n, d)), labels, rng.normal(size=d), 0.5, rng.uniform(0.1, 1)

    return [case(6, 1), case(9, 3), case(30, 5)]


MEND_LOGISTIC = Exercise(
    "mend_logistic",
    answer=_logistic_step,
    cases=_logistic_cases,
    mistakes=(
        Mistake(
            lambda *given: _logistic_step(*given, f=lambda z: z),
            "your neuron answers with its weighted sum. Can that be a probability?",
        ),
        Mistake(
            lambda *given: _logistic_step(*given, f=lambda z: (z > 0).astype(float)),
            "that is the error of the decision. Does an answer of 51 % still teach you something?",
        ),
        Mistake(
            lambda *given: _logistic_step(*given, sign=1.0),
            "compute the loss before and after your step: it has grown.",
        ),
        Mistake(
            lambda *given: _logistic_step(*given, bias=False),
            "the weights move as they should. What else does this neuron learn?",
        ),
        Mistake(
            lambda *given: _logistic_step(*given, average=False),
            "your step is longer the more examples there are. Where is the mean?",
        ),
        Mistake(
            _squared_error_step,
            "that is the step for the squared error. Which factor does cross-entropy cancel?",
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
            "your curve lies on the wrong side of the diagonal. Which share is a false alarm?",
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
            "you divide by all n. Of whom is a false alarm a share, and of whom a hit?",
        ),
    ),
    points=2,
)


def _ridge(x, y, strength, *, free=True, per_example=True):
    x1 = np.column_stack([x, np.ones(len(x))])
    price = np.eye(x1.shape[1]) * strength * (len(x) if per_example else 1)
    price[-1, -1] *= not free
    solution = np.linalg.solve(x1.T @ x1 + price, x1.T @ y)
    return solution[:-1], solution[-1]


def _ridge_without_bias(x, y, strength):
    w = np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ y)
    return w, 0.0


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
            "your bias pays, too. Add 100 to all targets: do the forecasts follow?",
        ),
        Mistake(
            lambda x, y, strength: _ridge(x, y, strength, per_example=False),
            "the loss is a mean over n examples, the price is not. Set the gradient to zero again.",
        ),
        Mistake(
            lambda x, y, strength: _ridge(x, y, strength / 2),
            "the slope of the square is twice the weight; so is the slope of the loss.",
        ),
        Mistake(_ridge_without_bias, "what does your neuron forecast at x = 0?"),
        Mistake(
            _mean_of_targets_as_bias,
            "the weights are right. The mean of y is the forecast at the mean of x, not at x = 0.",
        ),
    ),
    points=3,
)

EXERCISES = (STANDARDIZE, MEND_REGRESSION, MEND_LOGISTIC, ROC_CURVE, RIDGE)
