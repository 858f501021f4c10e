"""Laws are recovered from points that were made by them; intervals cover as often as they say."""

import numpy as np
import pytest
from scipy import optimize, stats

from nncourse.scale.scaling import (
    BESIROGLU,
    HOFFMANN,
    LossLaw,
    fit_power_law,
    tokens_per_parameter_rule,
)


def test_a_power_law_without_noise_is_found_exactly():
    x = np.geomspace(1e3, 1e7, 6)
    law = fit_power_law(x, 5.0 * x**-0.076)
    assert law.exponent == pytest.approx(-0.076, rel=1e-10)
    assert law.coefficient == pytest.approx(5.0, rel=1e-10)
    np.testing.assert_allclose(law(x), 5.0 * x**-0.076)
    assert law.residual < 1e-12 and law.floor == law.floor_error == 0


def test_a_floor_is_found():
    x = np.geomspace(1e3, 1e8, 8)
    law = fit_power_law(x, 1.69 + 40 * x**-0.34, floor=True)
    assert law.exponent == pytest.approx(-0.34, rel=1e-5)
    assert law.coefficient == pytest.approx(40, rel=1e-4)
    assert law.floor == pytest.approx(1.69, rel=1e-6)
    assert law.degrees_of_freedom == 5


def test_errors_equal_those_of_scipy():
    rng = np.random.default_rng(0)
    x = np.geomspace(1, 1e4, 9)
    y = 3 * x**-0.2 * np.exp(rng.normal(0, 0.05, 9))
    law, line = fit_power_law(x, y), stats.linregress(np.log(x), np.log(y))
    assert law.exponent == pytest.approx(line.slope)
    assert law.exponent_error == pytest.approx(line.stderr)
    assert law.coefficient == pytest.approx(np.exp(line.intercept))
    assert law.coefficient_error == pytest.approx(law.coefficient * line.intercept_stderr)

    y = 1 + 3 * x**-0.3 * np.exp(rng.normal(0, 0.02, 9))
    law = fit_power_law(x, y, floor=True)
    constants, covariance = optimize.curve_fit(
        lambda x, k, c, e: np.log(e + c * x**k), x, np.log(y), [-0.3, 3, 1], bounds=(-10, 10)
    )
    np.testing.assert_allclose([law.exponent, law.coefficient, law.floor], constants, rtol=1e-4)
    errors = [law.exponent_error, law.coefficient_error, law.floor_error]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-3)


def coverage(simulations, level, make):
    hits = 0
    for seed in range(simulations):
        low, high = make(np.random.default_rng(seed)).exponent_interval(level)
        hits += low <= -0.3 <= high
    return hits / simulations


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_interval_covers_as_often_as_it_says(level):
    """Six points, noise of 5 %: among 1000 repetitions within four standard deviations."""
    x = np.geomspace(1e2, 1e6, 6)

    def make(rng):
        return fit_power_law(x, 4 * x**-0.3 * np.exp(rng.normal(0, 0.05, 6)))

    allowed = 4 * np.sqrt(level * (1 - level) / 1000)
    assert abs(coverage(1000, level, make) - level) < allowed


def test_the_interval_with_a_floor_covers_about_as_often_as_it_says():
    """It rests on a linear approximation: two percent are allowed on top of the sampling error."""
    x = np.geomspace(1, 1e4, 12)

    def make(rng):
        return fit_power_law(x, (1 + 4 * x**-0.3) * np.exp(rng.normal(0, 0.01, 12)), floor=True)

    assert abs(coverage(200, 0.95, make) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 200) + 0.02


@pytest.mark.parametrize("law", [HOFFMANN, BESIROGLU])
@pytest.mark.parametrize("flops", [1e18, 5.76e23])
def test_the_optimum_is_one(law, flops):
    n, d = law.optimum(flops)
    assert 6 * n * d == pytest.approx(flops)
    found = optimize.minimize_scalar(
        lambda log_n: law(np.exp(log_n), flops / 6 / np.exp(log_n)),
        bounds=(np.log(1e6), np.log(1e13)),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert np.log(n) == pytest.approx(found.x, abs=1e-4)  # the minimum is flat


def test_chinchilla():
    """Hoffmann et al. (2022): 70 billion parameters, 1.4 trillion tokens, Gopher's 5.76e23 FLOPs.

    The constants as printed contradict the paper's own choice; those of the replication do not.
    """
    n, d = tokens_per_parameter_rule(5.76e23)
    assert n == pytest.approx(70e9, rel=0.02) and d == pytest.approx(1.4e12, rel=0.02)
    n, d = BESIROGLU.optimum(5.76e23)
    assert n == pytest.approx(70e9, rel=0.05) and 15 < d / n < 22
    n, d = HOFFMANN.optimum(5.76e23)
    assert n < 40e9 and d / n > 70
    # Besiroglu et al. (2024), abstract and section 3: N grows like C to the power 0.51.
    assert BESIROGLU.beta / (BESIROGLU.alpha + BESIROGLU.beta) == pytest.approx(0.513, abs=5e-4)


def test_whole_numbers_may_be_larger_than_64_bits_hold():
    """Budgets are: 10**24 FLOPs, as Python counts."""
    flops = [10**18, 10**20, 10**22, 10**24]
    law = fit_power_law(flops, [8.0, 4.1, 1.9, 1.0])
    same = fit_power_law(np.array(flops, float), [8.0, 4.1, 1.9, 1.0])
    assert (law.exponent, law.coefficient) == (same.exponent, same.coefficient)
    assert law(10**24) == law(1e24) and law(flops)[3] == law(1e24)
    assert HOFFMANN(70 * 10**9, 10**20) == HOFFMANN(70e9, 1e20)
    with pytest.raises(TypeError, match="numbers, got object"):
        law([None, 10**24])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fit_power_law([1, 2], [1, 2]), r"more than 2 numbers, got shapes \(2,\), \(2,\)"),
        (lambda: fit_power_law([1, 2, 3], [1, 2]), "two rows"),
        (lambda: fit_power_law([1, 2, 3], [1, 2, 3], floor=True), "more than 3 numbers"),
        (lambda: fit_power_law([1, 2, 0], [1, 2, 3]), "finite positive x and y"),
        (lambda: fit_power_law([1, 2, 3], [1, -2, 3]), "finite positive x and y"),
        (lambda: fit_power_law([1, 2, 3], [1, np.nan, 3]), "finite positive x and y"),
        (lambda: fit_power_law([2, 2, 2], [1, 2, 3]), "at least 2 different x, got 1"),
        (lambda: fit_power_law([1, 2, 3], [1, 2, 3]).exponent_interval(95), "between 0 and 1"),
        (lambda: LossLaw(E=1, A=-1, B=1, alpha=1, beta=1), "A is a positive number, got -1"),
        (lambda: HOFFMANN.optimum(0), "flops is a positive number, got 0"),
        (lambda: tokens_per_parameter_rule(1e20, ratio=0), "ratio is a positive number, got 0"),
    ],
)
def test_bad_input_is_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_an_interval_covers_95_of_100_unless_told():
    law = fit_power_law([1, 10, 100, 1000], [8.0, 4.1, 1.9, 1.0])
    assert law.exponent_interval() == law.exponent_interval(0.95) != law.exponent_interval(0.9)


def test_losses_of_lists_and_of_small_integers():
    expected = [HOFFMANN(1e9, 2e10), HOFFMANN(7e10, 1.4e12)]
    np.testing.assert_allclose(HOFFMANN([1e9, 7e10], [2e10, 1.4e12]), expected, rtol=1e-14)
    for kind in (np.uint8, np.int32, np.float16):
        found = HOFFMANN(np.array([100, 50], kind), np.array([9, 120], kind))
        np.testing.assert_allclose(found, [HOFFMANN(100.0, 9.0), HOFFMANN(50.0, 120.0)], rtol=1e-14)


def test_the_constants_are_those_of_both_fits():
    """Hoffmann et al. (2022), Besiroglu et al. (2024); Chinchilla's loss by hand, with both."""
    loss = 1.69 + 406.4 / 70e9**0.34 + 410.7 / 1.4e12**0.28
    assert HOFFMANN(70e9, 1.4e12) == pytest.approx(loss, rel=1e-14)
    loss = 1.8172 + 482.01 / 70e9**0.3478 + 2085.43 / 1.4e12**0.3658
    assert BESIROGLU(70e9, 1.4e12) == pytest.approx(loss, rel=1e-14)


def test_as_few_points_as_a_fit_can_have():
    """One more than it has constants, at as many places; and one less is refused."""
    law = fit_power_law([1, 1, 4], [2, 2, 4])
    assert (law.exponent, law.coefficient) == pytest.approx((0.5, 2)) and law.residual < 1e-12
    assert law.degrees_of_freedom == 1 and law(16) == pytest.approx(8)
    law = fit_power_law([1, 1, 4, 16], [3, 3, 5, 9], floor=True)
    assert (law.exponent, law.coefficient, law.floor) == pytest.approx((0.5, 2, 1), rel=1e-4)
    for x, y, floor in (([1, 1, 1], [1, 2, 3], False), ([1, 1, 4, 4], [3, 3, 5, 5], True)):
        with pytest.raises(ValueError, match="different x, got"):
            fit_power_law(x, y, floor=floor)
    for shape in ((), (3, 1)):
        with pytest.raises(ValueError, match="two rows of more than 2 numbers"):
            fit_power_law(np.ones(shape), np.ones(shape))
    for level in (0, 1, -0.1, 1.1, 95):
        with pytest.raises(ValueError, match="between 0 and 1"):
            law.exponent_interval(level)


@pytest.mark.parametrize("pair", [(0.0, 1.0), (1.0, 0.0), (0, 1), (1, 0), ([1, 0], 1), (1, [1, 0])])
def test_nothing_has_no_loss(pair):
    with pytest.raises(ValueError, match="expected positive numbers"):
        HOFFMANN(*pair)
    assert LossLaw(E=1, A=1, B=1, alpha=1, beta=1)(1, 0.5) == 4
    with pytest.raises(ValueError, match="holds for positive x, got 0"):
        fit_power_law([1, 2, 4], [1, 2, 4])([1, 0])
