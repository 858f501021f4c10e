"""The type of the numbers does not change what is computed: whole numbers, lists, float16, NaN."""

import numpy as np
import pytest

import nncourse as nn

KINDS = ["uint8", "int8", "int64", "bool", "float16", ">f4", list]


def cast(numbers, kind):
    return numbers if kind is list else np.array(numbers).astype(kind)


SCORES = [[0, 1, 0, 1, 1], [4, 0, 3, 1, 100]]


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_puts_the_highest_score_first(kind):
    members = [True, False, True, False, True]
    scores = cast(SCORES[kind != "bool"], kind)
    expected = nn.membership.operating_points(np.array(scores, float), members)
    np.testing.assert_array_equal(nn.membership.operating_points(scores, members), expected)


def test_a_score_of_zero_is_the_lowest():
    rates = nn.membership.attack_rates(np.uint8([0, 9, 0, 8]), [0, 1, 0, 1])
    assert rates == (1.0, [1.0, 1.0])


@pytest.mark.parametrize("labels", [[0, 1], np.uint8([0, 1]), np.array([False, True])])
def test_confidence_takes_labels_of_any_whole_type(labels):
    found = nn.membership.confidence([[3, 0], [0, 2]], labels)
    np.testing.assert_allclose(found, [3, 2])


@pytest.mark.parametrize("labels", [[0, -1], [0, 2], [0.0, 1.0], [0]])
def test_confidence_explains_what_is_no_label(labels):
    with pytest.raises(ValueError, match="expect"):
        nn.membership.confidence(np.zeros((2, 2)), labels)


def total(images):
    return images.sum(axis=(1, 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", [0.0, 0.5, 100])
def test_explanations_by_covering(kind, fill):
    """By hand: what is covered counts ``fill``."""
    numbers = [[[1], [0]], [[1], [1]]] if kind == "bool" else [[[9], [0]], [[3], [1]]]
    image, exact = cast(numbers, kind), np.array(numbers, float)
    ranking = exact[..., 0] if kind is list else image[..., 0]
    np.testing.assert_allclose(
        nn.explain.occlusion(total, image, 0, size=1, fill=fill), exact[..., 0] - fill
    )
    order = np.sort(exact.ravel())[::-1]
    expected = [exact.sum() - order[:k].sum() + k * fill for k in range(5)]
    _, scores = nn.explain.removal_curve(total, image, ranking, 0, steps=4, fill=fill)
    np.testing.assert_allclose(scores, expected)
    game = nn.shapley.switched(total, image, 0, [[0, 1], [2, 3]], fill=fill)
    np.testing.assert_allclose(game([[0, 0, 0, 0], [1, 1, 1, 1]]), [4 * fill, exact.sum()])


def test_a_class_may_be_a_boolean_and_must_be_whole():
    model, x = nn.Dense(3, 2, rng=0), np.ones((2, 3), np.float32)
    expected = model.kernel.value.T[[1, 0]]
    found = nn.explain.input_gradient(model, x, np.array([True, False]))
    np.testing.assert_allclose(found, expected)
    with pytest.raises(ValueError, match=r"a class from 0 to 1, got 1\.0"):
        nn.explain.input_gradient(model, x, 1.0)


@pytest.mark.parametrize("kind", ["uint8", "int32", "float16"])
def test_a_rate_of_small_types_has_the_same_interval(kind):
    numbers = (90_000, 100_000) if kind == "int32" else (9, 10)
    found, expected = nn.fairness.Rate(*np.array(numbers, kind)), nn.fairness.Rate(*numbers)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)


@pytest.mark.parametrize("kind", ["uint8", "bool", "float16", list])
def test_drift_of_any_numbers(kind):
    numbers = [0, 1] * 20 if kind == "bool" else [*range(200)]
    a, b = cast(numbers, kind), cast(numbers[::3], kind)
    x, y = np.array(numbers, float), np.array(numbers[::3], float)
    for measure in (nn.drift.population_stability, nn.drift.kolmogorov_smirnov):
        assert measure(a, b) == measure(x, y)
    assert nn.drift.Cusum(a).score(b[0]) == nn.drift.Cusum(x).score(y[0])


NAN, INF = np.array([*range(20), np.nan]), np.array([*range(20), np.inf])


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.drift.population_stability(NAN, INF[:-1]),
        lambda: nn.drift.population_stability(INF[:-1], INF),
        lambda: nn.drift.kolmogorov_smirnov([1, 2], NAN),
        lambda: nn.drift.Cusum(NAN),
        lambda: nn.drift.Cusum(INF).update(np.nan),
        lambda: nn.membership.operating_points([1, np.nan], [0, 1]),
        lambda: nn.fairness.threshold_for([0.5, np.nan], [1, 1], 0.5),
    ],
)
def test_what_has_no_place_in_an_order_is_refused(call):
    with pytest.raises(ValueError, match="NaN"):
        call()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="each score, got 2 scores and 1 outcomes"):
        nn.fairness.threshold_for([0.1, 0.2], [1], 0.5)
    with pytest.raises(ValueError, match="as many scores as members, got 2, 3"):
        nn.membership.operating_points([1, 2], [0, 1, 1])


def test_a_linear_fit_takes_lists():
    masks = [[1, 1], [1, 0], [0, 1], [0, 0]]
    fit = nn.shapley.linear_fit(masks, [4, 5, 2, 3], [1, 1, 1, 1])
    np.testing.assert_allclose(fit.weights, [2, -1])
    near = nn.shapley.nearness(np.float16(masks))
    np.testing.assert_array_equal(near, nn.shapley.nearness(np.array(masks)))
    assert nn.shapley.shapley_kernel(200, np.int64(100)) == nn.shapley.shapley_kernel(200, 100)


LOSS = nn.losses.softmax_cross_entropy


def sequential(*layers, dtype=np.float32):
    made = [nn.Dense(a, b, rng=a, dtype=dtype) for a, b in layers]
    return nn.Sequential(made[0], nn.Tanh(), *made[1:])


def shared():
    model = sequential((3, 3), (3, 3))
    model[2].kernel = model[0].kernel
    return model


CHAINS = {
    "bytes": (sequential((4, 5), (5, 3)), (4,), np.uint8),
    "flattened bytes": (nn.Sequential(nn.Flatten(), nn.Dense(4, 3, rng=0)), (2, 2), np.uint8),
    "float16": (sequential((4, 5), (5, 3), dtype=np.float16), (4,), np.float16),
    "one layer of float16": (nn.Dense(4, 3, rng=0, dtype=np.float16), (4,), np.float16),
    "a shortcut": (nn.Residual(nn.Dense(3, 3, rng=0)), (3,), np.float32),
    "a shared kernel": (shared(), (3,), np.float32),
    "sequences": (
        nn.Sequential(nn.Dense(2, 4, rng=0), nn.Flatten(), nn.Dense(24, 3, rng=1)), (6, 2), np.int8,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_no_example_counts_more_than_the_clip(name):
    """Against the definition: each example's gradient by itself, in float64."""
    model, shape, kind = CHAINS[name]
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 100, (6, *shape)).astype(kind), rng.integers(0, 3, 6)
    lengths = nn.privacy.clipped_gradients(model, LOSS, x, y, 2.0)
    exact = nn.gradcheck._float64(model)
    sums = [np.zeros(p.value.shape) for p in exact.parameters()]
    expected = []
    for i in range(6):
        for p in exact.parameters():
            p.zero_grad()
        exact.backward(LOSS(exact(x[i : i + 1].astype(float)), y[i : i + 1])[1])
        each = [p.grad.copy() for p in exact.parameters()]
        expected.append(np.sqrt(sum(np.sum(g * g) for g in each)))
        for total, g in zip(sums, each, strict=True):
            total += g * min(1, 2 / expected[-1])
    small = kind == np.float16
    np.testing.assert_allclose(lengths, expected, rtol=2e-2 if small else 1e-5, atol=1e-2)
    for p, wanted in zip(model.parameters(), sums, strict=True):
        np.testing.assert_allclose(p.grad, wanted, atol=2e-2 if small else 1e-5)


def test_settings_without_sense_promise_no_privacy():
    with pytest.raises(ValueError, match=r"steps >= 0, got 1\.0, 0\.1, 1e-05 and -5"):
        nn.privacy.epsilon(1.0, 0.1, -5, 1e-5)
    with pytest.raises(ValueError, match="a target > 0, got 0"):
        nn.privacy.noise_for(0, 0.1, 10, 1e-5)
    with pytest.raises(ValueError, match=r"a rate in \[0, 1\], got 1.5"):
        nn.privacy.poisson_batch(5, 1.5)
    model, x = nn.Dense(2, 2, rng=0), np.ones((3, 2), np.float32)
    settings = {"clip": 1, "noise": 1, "rate": 0, "steps": 1}
    with pytest.raises(ValueError, match="batch > 0, got noise=1, batch=0"):
        nn.privacy.fit_privately(model, LOSS, nn.SGD(model.parameters()), x, [0, 1, 0], **settings)


def test_gradients_are_added_up_in_more_than_float16():
    """Four numbers of 3,000 times a slope of 10, 32 times, are more than 65,504."""
    model = nn.Dense(4, 1, rng=0, dtype=np.float16)
    model.kernel.value[...] = 3000
    x = np.full((1, 4), 10, np.float16)
    found = nn.explain.integrated_gradients(model, x, 0, steps=32)
    np.testing.assert_allclose(found, 30_000, rtol=1e-3)
    np.testing.assert_allclose(nn.explain.smooth_grad(model, x, 0, samples=50, rng=0), 3000)


def test_large_batches_of_float16_have_a_gradient():
    """By hand: one example of gradient (1, 1), clipped to its own length, in a batch of 100,000."""
    model = nn.Sequential(nn.Dense(1, 1, rng=0, dtype=np.float16))
    model[0].kernel.value[...] = 0.5
    x, y = np.ones((1, 1), np.float16), np.zeros((1, 1))
    settings = {"clip": 2.0, "noise": 0, "batch": 100_000, "rng": 0}
    sgd = nn.SGD(model.parameters(), 1.0)
    nn.privacy.private_step(model, nn.losses.mean_squared_error, sgd, x, y, **settings)
    for p in model.parameters():
        np.testing.assert_allclose(p.grad, 1e-5, rtol=0.01)


@pytest.mark.parametrize("kind", [object, "U1", "S1"])
def test_groups_have_names_of_any_type(kind):
    rates = nn.fairness.group_rates([1, 0], [True, False], np.array(["a", "b"], kind))
    assert [rate["selected"].value for rate in rates.values()] == [1, 0]
