"""DP-SGD: clipping against the slow way, the accountant against dp-accounting, what must fail."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import nncourse as nn
from nncourse.practice import privacy

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "privacy.json").read_text("utf-8"))
WHOLE = (*range(2, 65), 128, 256, 512, 1024)
LOSS = nn.losses.softmax_cross_entropy


def mlp(seed=0):
    return nn.Sequential(
        nn.Flatten(),
        nn.Dense(6, 5, rng=seed, dtype=np.float64),
        nn.Tanh(),
        nn.Dense(5, 3, rng=seed + 1, dtype=np.float64),
    )


def data(n=7):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 2, 3)) * rng.uniform(0.1, 5, (n, 1, 1)), rng.integers(0, 3, n)


# ------------------------------------------------------------------ gradients of one example


def test_per_example_gradients_are_those_of_batches_of_one_and_have_the_batch_as_mean():
    model, (x, y) = mlp(), data()
    each = privacy.per_example_gradients(model, LOSS, x, y)
    assert all(not p.grad.any() for p in model.parameters())
    model.backward(LOSS(model(x), y)[1])
    for g, p in zip(each, model.parameters(), strict=True):
        np.testing.assert_allclose(g.mean(axis=0), p.grad, atol=1e-12)


@pytest.mark.parametrize("clip", [0.3, 2.0, 1e9])
def test_clipped_sum_and_lengths_equal_the_definition(clip):
    model, (x, y) = mlp(), data()
    each = privacy.per_example_gradients(model, LOSS, x, y)
    lengths = np.array([np.sqrt(sum(np.sum(g[i] ** 2) for g in each)) for i in range(len(x))])
    found = privacy.clipped_gradients(model, LOSS, x, y, clip)
    np.testing.assert_allclose(found, lengths, rtol=1e-12)
    for g, p in zip(each, model.parameters(), strict=True):
        expected = sum(g[i] * min(1, clip / lengths[i]) for i in range(len(x)))
        np.testing.assert_allclose(p.grad, expected, atol=1e-12)


def test_no_example_moves_the_sum_by_more_than_clip():
    model, (x, y) = mlp(), data(40)
    privacy.clipped_gradients(model, LOSS, x, y, 0.5)
    whole = np.concatenate([p.grad.ravel() for p in model.parameters()])
    for i in range(len(x)):
        keep = np.arange(len(x)) != i
        privacy.clipped_gradients(model, LOSS, x[keep], y[keep], 0.5)
        without = np.concatenate([p.grad.ravel() for p in model.parameters()])
        assert np.linalg.norm(whole - without) <= 0.5 + 1e-9


def test_other_models_take_the_slow_way():
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2D(1, 2, 3, rng=0, dtype=np.float64), nn.ReLU(), nn.Flatten(),
        nn.Dense(8, 3, rng=1, dtype=np.float64),
    )  # fmt: skip
    x, y = rng.normal(size=(4, 4, 4, 1)), rng.integers(0, 3, 4)
    lengths = privacy.clipped_gradients(model, LOSS, x, y, 0.7)
    total = [p.grad.copy() for p in model.parameters()]
    parts = [np.zeros_like(g) for g in total]
    for i in range(4):
        for p in model.parameters():
            p.zero_grad()
        model.backward(LOSS(model(x[i : i + 1]), y[i : i + 1])[1])
        factor = min(1, 0.7 / lengths[i])
        parts = [a + p.grad * factor for a, p in zip(parts, model.parameters(), strict=True)]
    for a, b in zip(total, parts, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_batch_normalization_is_refused():
    inner = nn.Sequential(nn.Dense(6, 4, rng=0), nn.BatchNorm(4))
    model = nn.Sequential(nn.Flatten(), inner, nn.Dense(4, 3, rng=1))
    x, y = data()
    for call in (
        lambda: privacy.per_example_gradients(model, LOSS, x, y),
        lambda: privacy.clipped_gradients(model, LOSS, x, y, 1.0),
    ):
        with pytest.raises(ValueError, match=r"BatchNorm.*mixes the examples"):
            call()
    with pytest.raises(ValueError, match="clip > 0"):
        privacy.clipped_gradients(mlp(), LOSS, x, y, 0.0)


# ------------------------------------------------------------------ batches and steps


def test_a_poisson_batch_draws_each_example_independently():
    rng = np.random.default_rng(0)
    drawn = np.zeros((4000, 12))
    for row in drawn:
        row[privacy.poisson_batch(12, 0.3, rng)] = 1
    assert np.abs(drawn.mean(axis=0) - 0.3).max() < 5 * np.sqrt(0.21 / 4000)
    pairs = np.corrcoef(drawn.T)[~np.eye(12, dtype=bool)]
    assert np.abs(pairs).max() < 5 / np.sqrt(4000)  # no pair is likelier, or less likely
    assert drawn.sum(axis=1).var() == pytest.approx(12 * 0.21, rel=0.15)  # sizes are random


def test_a_step_adds_noise_to_the_sum_and_divides_by_the_expected_size():
    model, (x, y) = mlp(), data()
    privacy.clipped_gradients(model, LOSS, x, y, 0.5)
    total = [p.grad.copy() for p in model.parameters()]
    before = [p.value.copy() for p in model.parameters()]
    options = {"clip": 0.5, "noise": 3.0, "batch": 4.0, "rng": 5}
    privacy.private_step(model, LOSS, nn.SGD(model.parameters(), 0.1), x, y, **options)
    noise = np.random.default_rng(5)
    for p, old, g in zip(model.parameters(), before, total, strict=True):
        e = noise.standard_normal(p.value.shape, np.float32)
        np.testing.assert_allclose(p.value, old - 0.1 * (g + 1.5 * e) / 4, atol=1e-12)


def test_an_empty_batch_is_noise_alone():
    model, (x, y) = mlp(), data()
    before = model.parameters()[0].value.copy()
    sgd = nn.SGD(model.parameters(), 0.1)
    privacy.private_step(model, LOSS, sgd, x[:0], y[:0], clip=1.0, noise=1.0, batch=2, rng=0)
    assert np.all(model.parameters()[0].value != before)


def test_training_repeats_with_its_seed_and_learns():
    x, y = nn.datasets.make_blobs(300, classes=3, rng=0)
    models = []
    for _ in range(2):
        model = nn.Sequential(nn.Dense(2, 3, rng=0))
        sgd = nn.SGD(model.parameters(), 0.5)
        options = {"clip": 1.0, "noise": 1.0, "rate": 0.3, "steps": 60, "rng": 3}
        privacy.fit_privately(model, LOSS, sgd, x, y, **options)
        models.append(model)
    np.testing.assert_array_equal(models[0](x), models[1](x))
    assert np.mean(models[0](x).argmax(axis=1) == y) > 0.9


# ------------------------------------------------------------------ the accountant


def test_divergences_equal_dp_accounting():
    step = GOLDEN["step"]
    for order, expected in zip(step["orders"], step["divergences"], strict=True):
        found = privacy.renyi_divergence(step["noise"], step["rate"], order)
        assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("order", [1.5, 3.7, 5.5])
def test_divergences_of_other_orders_equal_an_integral(order):
    noise, rate = 1.1, 0.02

    def density(z):
        mixed = (1 - rate) * norm.pdf(z, 0, noise) + rate * norm.pdf(z, 1, noise)
        return mixed**order * norm.pdf(z, 0, noise) ** (1 - order)

    moment = quad(density, -12, order + 9, points=[0, order], limit=400)[0]
    expected = np.log(moment) / (order - 1)
    assert privacy.renyi_divergence(noise, rate, order) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("row", GOLDEN["trainings"], ids=str)
def test_epsilon_equals_dp_accounting(row):
    setting = [row[name] for name in ("noise", "rate", "steps", "delta")]
    assert privacy.epsilon(*setting, orders=WHOLE) == pytest.approx(
        row["rdp_whole_orders"], rel=1e-9
    )
    found = privacy.epsilon(*setting)
    assert row["rdp"] * (1 - 1e-3) < found <= row["rdp"] * (1 + 1e-9)
    assert row["pld"] < found  # the exact accountant is never above


def test_the_numbers_of_the_literature():
    first = GOLDEN["trainings"][0]
    assert (round(first["rdp"], 3), round(first["pld"], 3)) == (2.597, 2.382)
    assert round(privacy.epsilon(1.1, 256 / 60000, 14062, 1e-5), 3) == 2.597


def test_more_noise_fewer_steps_and_rarer_draws_are_more_private():
    base = privacy.epsilon(1.0, 0.02, 200, 1e-5)
    assert privacy.epsilon(1.2, 0.02, 200, 1e-5) < base < privacy.epsilon(1.0, 0.02, 300, 1e-5)
    assert privacy.epsilon(1.0, 0.01, 200, 1e-5) < base < privacy.epsilon(1.0, 0.02, 200, 1e-7)
    assert privacy.epsilon(1.0, 0.0, 200, 1e-5) == 0 == privacy.epsilon(1.0, 0.02, 0, 1e-5)


@pytest.mark.parametrize("target", [0.3, 1.0, 8.0, 40.0])
def test_noise_for_does_not_exceed_its_target(target):
    noise = privacy.noise_for(target, 0.05, 300, 1e-5)
    assert privacy.epsilon(noise, 0.05, 300, 1e-5) <= target
    assert privacy.epsilon(noise * 0.99, 0.05, 300, 1e-5) > target


@pytest.mark.parametrize("wrong", [(0, 0.1, 1, 1e-5), (1, 1.1, 1, 1e-5), (1, 0.1, 1, 0.0)])
def test_settings_that_are_none(wrong):
    with pytest.raises(ValueError, match="noise > 0, rate in"):
        privacy.epsilon(*wrong)


def test_all_usual_orders_are_tried():
    """Those of the accountant's golden file, and tenths up to 10.9; more can only be tighter."""
    assert set(WHOLE) <= set(privacy.ORDERS)
    assert {round(10 * order) for order in privacy.ORDERS if order < 11} >= set(range(11, 110))
    setting = (1.1, 256 / 60000, 14062, 1e-5)
    assert privacy.epsilon(*setting) <= privacy.epsilon(*setting, orders=privacy.ORDERS[:-9])


@pytest.mark.parametrize(
    "setting",
    [
        (1, 0, 5, 1e-5), (1, 1, 5, 1e-5), (1, 0.5, 0, 1e-5), (1, 0.5, 5, 1 - 1e-9),
        (0.3, 0.5, 1, 0.5), (1e3, 0.5, 10**6, 1e-9),
    ],
)  # fmt: skip
def test_settings_at_their_borders(setting):
    assert 0 <= privacy.epsilon(*setting) < np.inf
    for place, wrong in enumerate(
        [(0, -1, np.inf), (-0.1, -99, 1.1, 99), (-1, np.inf), (0, -0.1, 1, 1.1, 99)]
    ):
        for value in wrong:
            changed = [*setting[:place], value, *setting[place + 1 :]]
            with pytest.raises(ValueError, match="noise > 0, rate in"):
                privacy.epsilon(*changed)


@pytest.mark.parametrize("rate", [0, 1])
def test_none_or_all_are_drawn(rate):
    assert len(privacy.poisson_batch(7, rate, rng=0)) == 7 * rate
    for wrong in (-0.1, -99, 1.1, 99):
        with pytest.raises(ValueError, match="a rate in"):
            privacy.poisson_batch(7, wrong)
    model, (x, y) = mlp(), data()
    sgd = nn.SGD(model.parameters(), 0.1)
    for noise, batch in ((-0.1, 1), (np.inf, 1), (1, 0), (1, -1), (1, np.inf)):
        with pytest.raises(ValueError, match="noise >= 0 and batch > 0"):
            options = {"clip": 1.0, "noise": noise, "batch": batch}
            privacy.private_step(model, LOSS, sgd, x, y, **options)


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_nothing_is_clipped_to_nothing_and_no_target_is_below_zero(wrong):
    model, (x, y) = mlp(), data()
    with pytest.raises(ValueError, match=f"clip > 0, got {wrong}"):
        privacy.clipped_gradients(model, LOSS, x, y, wrong)
    with pytest.raises(ValueError, match=f"a target > 0, got {wrong}"):
        privacy.noise_for(wrong, 0.1, 10, 1e-5)
