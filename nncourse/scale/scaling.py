"""Scaling laws: how the loss falls with the size of a model and the amount of data."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .._checks import as_floats
from .._numbers import positive

__all__ = [
    "BESIROGLU", "HOFFMANN", "LossLaw", "PowerLaw", "fit_power_law", "tokens_per_parameter_rule",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LossLaw:
    """Loss of a model of N parameters trained on D tokens: ``L = E + A / N**alpha + B / D**beta``.

    E is what no model can learn, the second term the price of a small model, the third that of few
    data. Source: Hoffmann et al. (2022), equation 2.

    Attributes
    ----------
    E, A, B, alpha, beta : float
        The loss is in nats per token.

    Raises
    ------
    ValueError
        If a constant, or the number of FLOPs, parameters or tokens, is not positive.

    Examples
    --------
    >>> round(HOFFMANN(70e9, 1.4e12), 3)  # Chinchilla
    1.937
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def __post_init__(self):
        for name, value in vars(self).items():
            positive(name, value)

    def __call__(self, n_parameters, tokens):
        """Return the loss, in nats per token; of arrays or lists, one for each entry."""
        if isinstance(n_parameters, float) and isinstance(tokens, float):
            fits = n_parameters > 0 and tokens > 0
        else:
            n_parameters, tokens = _doubles(n_parameters), _doubles(tokens)
            fits = np.all(n_parameters > 0) and np.all(tokens > 0)
        if not fits:
            raise ValueError(
                f"expected positive numbers, got {n_parameters} parameters and {tokens} tokens"
            )
        return self.E + self.A / n_parameters**self.alpha + self.B / tokens**self.beta

    def optimum(self, flops):
        """Return N and D with the smallest loss among those with ``6 N D = flops``.

        Setting the derivative to zero gives ``N = G (flops / 6)**(beta / (alpha + beta))`` with
        ``G = (alpha A / (beta B))**(1 / (alpha + beta))``. Source: Hoffmann et al. (2022),
        equation 4.
        """
        flops = positive("flops", flops)
        both = self.alpha + self.beta
        g = (self.alpha * self.A / (self.beta * self.B)) ** (1 / both)
        n = g * (flops / 6) ** (self.beta / both)
        return n, flops / 6 / n


#: Hoffmann et al. (2022), appendix D.3, as published.
HOFFMANN = LossLaw(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)

#: Besiroglu et al. (2024), who took the runs from the paper's figure 4 and fitted them again: the
#: published constants do not fit these runs, and contradict the paper's own rule of about 20 tokens
#: per parameter, to which the new ones lead.
BESIROGLU = LossLaw(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)


def tokens_per_parameter_rule(flops, ratio=20):
    """Return N and D with ``D = ratio · N`` and ``6 N D = flops``: the rule of thumb.

    Source: Hoffmann et al. (2022), whose tables give 20 to 22 tokens a parameter.

    Raises
    ------
    ValueError
        If a number is not positive.

    Examples
    --------
    >>> n, d = tokens_per_parameter_rule(5.88e23)
    >>> f"{n:.3g}", f"{d:.3g}"
    ('7e+10', '1.4e+12')
    """
    flops, ratio = positive("flops", flops), positive("ratio", ratio)
    n = sqrt(flops / 6 / ratio)
    return n, ratio * n


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """What :func:`fit_power_law` found: ``y = floor + coefficient · x**exponent``.

    Attributes
    ----------
    exponent, coefficient, floor : float
        Floor is 0 if it was not fitted.
    exponent_error, coefficient_error, floor_error : float
        Standard errors.
    residual : float
        Standard deviation of log y around the law: the relative noise of y.
    degrees_of_freedom : int
        Points minus fitted constants.

    Raises
    ------
    ValueError
        If an interval's level is not between 0 and 1, or x is not positive.

    Examples
    --------
    See :func:`fit_power_law`.
    """

    exponent: float
    coefficient: float
    floor: float
    exponent_error: float
    coefficient_error: float
    floor_error: float
    residual: float
    degrees_of_freedom: int

    def __call__(self, x):
        """Return y for x."""
        x = _doubles(x)
        if not np.all(x > 0):
            raise ValueError(f"a power law holds for positive x, got {np.min(x)}")
        return self.floor + self.coefficient * x**self.exponent

    def exponent_interval(self, level=0.95):
        """Return the interval that covers the true exponent in a share ``level`` of all fits.

        ``exponent ± t · exponent_error`` with Student's t; exact without a floor and for normal
        noise in log y, else approximate. It knows only of that noise: not of a wrong law.
        """
        if not 0 < level < 1:
            raise ValueError(f"level is between 0 and 1, got {level}")
        from scipy.stats import t

        width = t.ppf((1 + level) / 2, self.degrees_of_freedom) * self.exponent_error
        return float(self.exponent - width), float(self.exponent + width)


def fit_power_law(x, y, *, floor=False):
    """Fit ``y = coefficient · x**exponent``, with ``floor=True`` plus a constant, to points.

    Least squares of log y, so that relative errors count. Without a floor this is a straight line
    in log x; with one, SciPy's nonlinear least squares. Errors come from the covariance
    ``residual² (J.T J)**-1``, with J the derivative of log y by (exponent, log coefficient, floor).

    Parameters
    ----------
    x, y : array of shape (n,)
        Positive numbers; more points than constants to be fitted.
    floor : bool
        Whether y approaches a positive constant instead of zero (or infinity).

    Raises
    ------
    ValueError
        If the points are too few, not positive, or all have the same x; or no fit is found.

    Examples
    --------
    >>> law = fit_power_law([1, 10, 100, 1000], [8.0, 4.1, 1.9, 1.0])
    >>> round(law.exponent, 2), round(law.exponent_error, 3)
    (-0.3, 0.007)
    """
    x, y = _doubles(x), _doubles(y)
    constants = 3 if floor else 2
    if x.ndim != 1 or x.shape != y.shape or len(x) <= constants:
        raise ValueError(
            f"expected two rows of more than {constants} numbers, got shapes {x.shape}, {y.shape}"
        )
    if not (np.isfinite([x, y]).all() and (x > 0).all() and (y > 0).all()):
        raise ValueError(
            "a power law needs finite positive x and y, since it is fitted to logarithms; got a "
            f"smallest x of {x.min()} and y of {y.min()}. Leave such points out."
        )
    if len(np.unique(x)) < constants:
        raise ValueError(f"expected at least {constants} different x, got {len(np.unique(x))}")
    log_x, log_y = np.log(x), np.log(y)

    def fit_line(floor):
        slope, intercept = np.polyfit(log_x, np.log(y - floor), 1)
        return np.array([slope, intercept, floor])[:constants]

    def residuals(constants):
        exponent, log_coefficient, *rest = constants
        return np.log(sum(rest) + np.exp(log_coefficient + exponent * log_x)) - log_y

    best = fit_line(0.0)
    if floor:
        best = _least_squares(
            residuals, [fit_line(share * y.min()) for share in (0, 0.5, 0.9, 0.99)]
        )
    power = np.exp(best[1] + best[0] * log_x)
    by_log_coefficient = power / (power + best[2:].sum())
    columns = [by_log_coefficient * log_x, by_log_coefficient, 1 / (power + best[2:].sum())]
    jacobian = np.stack(columns[:constants], axis=1)
    degrees = len(x) - constants
    variance = np.sum(residuals(best) ** 2) / degrees
    errors = np.sqrt(variance * np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    coefficient = np.exp(best[1])
    return PowerLaw(
        exponent=float(best[0]),
        coefficient=float(coefficient),
        floor=float(best[2:].sum()),
        exponent_error=float(errors[0]),
        coefficient_error=float(coefficient * errors[1]),
        floor_error=float(errors[2:].sum()),
        residual=sqrt(variance),
        degrees_of_freedom=degrees,
    )


def _least_squares(residuals, starts):
    from scipy.optimize import least_squares

    bounds = [-np.inf, -np.inf, 0], np.inf
    fits = [least_squares(residuals, start, bounds=bounds, x_scale="jac") for start in starts]
    best = min(fits, key=lambda fit: fit.cost)
    if not best.success:
        raise ValueError(f"no power law with a floor fits these points: {best.message}")
    return best.x


def _doubles(x):
    """Return numbers as floats of 64 bits, also whole ones of more than 64 bits, or explain."""
    x = np.asarray(x)
    large = x.dtype == object and all(isinstance(n, (int, float)) for n in x.flat)
    return as_floats(x.astype(float) if large else x).astype(float)
