"""Attributions that add up, gradients that agree with differences, checks that notice."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.practice import explain


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    options = {"rng": rng, "dtype": np.float64}
    return nn.Sequential(
        nn.Conv2D(1, 3, 3, **options), nn.Tanh(), nn.Flatten(), nn.Dense(3 * 16, 4, **options)
    )


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(3, 6, 6, 1))


def test_the_gradient_is_that_of_differences_for_each_examples_own_class(model, x):
    targets = [2, 0, 3]
    slope = explain.input_gradient(model, x, targets)
    direction = np.random.default_rng(2).normal(size=x.shape)
    h = 1e-5
    change = (model(x + h * direction) - model(x - h * direction)) / (2 * h)
    expected = change[np.arange(3), targets]
    np.testing.assert_allclose((slope * direction).sum(axis=(1, 2, 3)), expected, rtol=1e-8)


def test_explaining_leaves_the_parameters_gradients_as_they_were(model, x):
    for p in model.parameters():
        p.grad = np.full(p.value.shape, 7.0)
    explain.integrated_gradients(model, x, 1, steps=2)
    explain.grad_cam(model, x, 1, layer=2)
    assert all((p.grad == 7).all() for p in model.parameters())


def test_integrated_gradients_are_complete_from_any_baseline(model, x):
    for baseline in (0.0, 1.5, x[::-1]):
        a = explain.integrated_gradients(model, x, 2, baseline=baseline, steps=200)
        start = np.broadcast_to(baseline, x.shape).astype(float)
        np.testing.assert_allclose(
            a.sum(axis=(1, 2, 3)), (model(x) - model(start))[:, 2], atol=1e-4
        )


def test_integrated_gradients_meet_a_hand_computed_integral():
    """The score x² has the gradient 2x, whose mean from 1 to 3 is 4: exact with one midpoint."""

    class Square(nn.Layer):
        def forward(self, x, *, training=False):
            return self.remember(x, x**2)

        def backward(self, grad):
            return 2 * self.recall(grad) * grad

    a = explain.integrated_gradients(Square(), np.array([[3.0]]), 0, baseline=1.0, steps=1)
    assert a == 8.0  # 3² - 1²


def test_smooth_grad_without_noise_is_the_gradient(model, x):
    smooth = explain.smooth_grad(model, x, 1, noise=0.0, samples=3, rng=0)
    np.testing.assert_allclose(smooth, explain.input_gradient(model, x, 1), rtol=1e-12)


def test_smooth_grad_of_a_relu_tends_to_the_normal_distribution_function():
    relu = nn.Sequential(nn.Dense(2, 1, rng=0, dtype=np.float64), nn.ReLU())
    w = np.array([3.0, 4.0])
    relu[0].kernel.value[:, 0], relu[0].bias.value[:] = w, -1.0
    many = np.zeros((4000, 2))
    mean = explain.smooth_grad(relu, many, 0, noise=0.2, samples=5, rng=0).mean(axis=0)
    np.testing.assert_allclose(mean, 0.158655 * w, rtol=0.05)  # Φ(-1): the sum scatters by 1


def test_grad_cam_after_a_global_average_is_the_weighted_sum_of_maps(x):
    rng = np.random.default_rng(0)
    conv = nn.Conv2D(1, 3, 3, rng=rng, dtype=np.float64)
    dense = nn.Dense(3, 2, rng=rng, dtype=np.float64)
    cam = explain.grad_cam(nn.Sequential(conv, nn.GlobalAveragePool2D(), dense), x, 1, layer=1)
    expected = np.maximum(conv(x) @ dense.kernel.value[:, 1], 0) / 16  # Zhou et al. (2016)
    np.testing.assert_allclose(cam, expected)


def test_occlusion_finds_what_is_covered():
    image = np.zeros((6, 6, 2))
    image[0:2, 4:6, 1] = 3.0
    fall = explain.occlusion(lambda b: b.sum(axis=(1, 2)), image, 1, size=2)
    assert fall.shape == (3, 3)
    assert fall[0, 2] == 12
    assert np.count_nonzero(fall) == 1
    overlapping = explain.occlusion(lambda b: b.sum(axis=(1, 2)), image, 1, size=2, stride=1)
    assert overlapping.shape == (5, 5)
    assert overlapping[0, 3] == 6


def test_removal_deletes_the_highest_rank_first_and_inserts_it_first():
    image = np.arange(16.0).reshape(4, 4, 1)

    def predict(batch):
        return batch.sum(axis=(1, 2))

    shares, gone = explain.removal_curve(predict, image, image[..., 0], 0, steps=2)
    _, back = explain.removal_curve(predict, image, image[..., 0], 0, steps=2, insert=True)
    np.testing.assert_array_equal(shares, [0, 0.5, 1])
    np.testing.assert_array_equal(gone, [120, 28, 0])
    np.testing.assert_array_equal(back, [0, 92, 120])


def test_scrambling_keeps_the_numbers_and_the_first_layers(model):
    other = explain.scrambled(model, 1, rng=0)
    for (path, p), q in zip(model.named_parameters().items(), other.parameters(), strict=True):
        np.testing.assert_array_equal(np.sort(p.value, axis=None), np.sort(q.value, axis=None))
        assert (p.value == q.value).all() == (path != "3.kernel")
    same = explain.scrambled(model, 0, rng=0)
    pairs = zip(model.parameters(), same.parameters(), strict=True)
    assert all((p.value == q.value).all() for p, q in pairs)


def test_bad_inputs_are_explained(model, x):
    with pytest.raises(ValueError, match="class from 0 to 3"):
        explain.input_gradient(model, x, 4)
    with pytest.raises(ValueError, match="logits"):
        explain.input_gradient(model[:2], x, 0)
    with pytest.raises(ValueError, match="one step"):
        explain.integrated_gradients(model, x, 0, steps=0)
    with pytest.raises(ValueError, match="maps"):
        explain.grad_cam(model, x, 0, layer=3)
    with pytest.raises(ValueError, match="ranking of shape"):
        explain.removal_curve(model, x[0], x[0, :3, :, 0], 0)


def linear_model(d=5, seed=0):
    rng = np.random.default_rng(seed)
    model = nn.Dense(d, 2, rng=rng, dtype=np.float64)
    kernel = model.kernel.value
    x, w = rng.normal(size=(20, d)), kernel[:, 1] - kernel[:, 0]
    return model, x, w, x @ w + model.bias.value[1] - model.bias.value[0]


@pytest.mark.parametrize("norm", [1, 2])
def test_a_linear_models_counterfactual_is_as_near_as_it_can_be(norm):
    model, x, w, z = linear_model()
    other = (z < 0).astype(int)
    change = explain.counterfactual(model, x, other, norm=norm, rate=0.2, steps=1000) - x
    size = np.abs(change).sum(axis=1) if norm == 1 else np.linalg.norm(change, axis=1)
    least = np.abs(z) / (np.abs(w).max() if norm == 1 else np.linalg.norm(w))
    assert (size >= least * (1 - 1e-9)).all()
    np.testing.assert_allclose(size, least, rtol=0.02)
    straight = -z[:, None] * w / (w @ w)
    sparse = np.zeros_like(x)
    best = np.abs(w).argmax()
    sparse[:, best] = -z / w[best]
    np.testing.assert_allclose(change, sparse if norm == 1 else straight, atol=0.12)


def test_counterfactuals_have_the_answer_that_was_asked_for(model, x):
    kernel = model.layers[-1].kernel.value
    kernel *= 3
    for p in model.parameters():
        p.grad = np.full(p.value.shape, 7.0)
    said = model(x).argmax(axis=1)
    wanted = (said + np.array([1, 2, 3])) % 4
    found = explain.counterfactual(model, x, wanted)
    assert (model(found).argmax(axis=1) == wanted).all()
    assert found.shape == x.shape
    assert all((p.grad == 7).all() for p in model.parameters())
    np.testing.assert_array_equal(explain.counterfactual(model, x, said), x)  # nothing to do


def test_a_counterfactual_keeps_its_type_and_is_nan_where_none_is_found():
    blind = nn.Dense(2, 2, rng=0)
    blind.kernel.value[...] = 0
    blind.bias.value[...] = [1, 0]
    found = explain.counterfactual(blind, np.ones((3, 2), np.float32), [0, 1, 0])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found).all(axis=1), [False, True, False])


def test_a_counterfactual_refuses_what_it_cannot_do(model, x):
    with pytest.raises(ValueError, match="norm 1 or 2, got 3"):
        explain.counterfactual(model, x, 1, norm=3)
    with pytest.raises(ValueError, match="a class from 0 to 3, got 4"):
        explain.counterfactual(model, x, 4)


def correlated(n=40_000, r=0.8):
    a, b = np.random.default_rng(0).normal(size=(2, n))
    return np.column_stack([a, r * a + np.sqrt(1 - r**2) * b])


def test_accumulated_effects_of_a_product_are_its_closed_form():
    """d(a b)/da = b, whose mean at a is r a: the effect is r (a² - 1) / 2."""
    for intervals, error in ((10, 0.2), (100, 0.05)):
        edges, effects = explain.accumulated_effects(
            lambda rows: rows.prod(axis=1), correlated(), 0, intervals=intervals
        )
        assert np.abs(effects - 0.8 * (edges**2 - 1) / 2)[1:-1].max() < error


def test_accumulated_effects_do_not_ask_far_from_the_rows():
    x, asked = correlated(500), []

    def predict(rows):
        asked.append(rows.copy())
        return rows[:, 0]

    edges, effects = explain.accumulated_effects(predict, x, 0, intervals=7)
    assert len(asked) == 2 and len(edges) == 8
    inside = (asked[1][:, 0] <= x[:, 0]) & (x[:, 0] <= asked[0][:, 0])
    assert inside.all() and all((rows[:, 1] == x[:, 1]).all() for rows in asked)
    counted = np.unique(asked[0][:, 0], return_counts=True)[1]
    assert counted.max() - counted.min() <= 2
    assert abs(np.interp(x[:, 0], edges, effects).mean()) < 1e-9


def test_accumulated_effects_of_few_values_and_of_one():
    x = np.array([[0, 5], [1, 5], [1, 5], [0, 5], [1, 5]])
    edges, effects = explain.accumulated_effects(lambda rows: 4 * rows[:, 0], x, 0)
    np.testing.assert_allclose(edges, [0, 1])
    np.testing.assert_allclose(effects, [-2.4, 1.6])
    with pytest.raises(ValueError, match=r"column 1 has the value 5\.0 only"):
        explain.accumulated_effects(lambda rows: rows[:, 0], x, 1)


class Asked(nn.Dense):
    """Keep what the model was asked."""

    def forward(self, x, *, training=False):
        self.asked = [*getattr(self, "asked", []), x.copy()]
        return super().forward(x, training=training)


def test_how_often_and_where_a_gradient_is_asked_for():
    """25 copies with a noise of 0.2; the midpoints of 32 equal parts of the way from zero."""
    model, x = Asked(400, 2, rng=0, dtype=np.float64), np.full((1, 400), 3.0)
    explain.smooth_grad(model, x, 0, rng=0)
    noise = np.concatenate(model.asked) - x
    assert noise.shape == (25, 400) and abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(0.2, rel=0.03)
    assert np.abs(np.corrcoef(noise)[0, 1:]).max() < 0.25  # each copy has its own
    model.asked = []
    explain.integrated_gradients(model, x, 0)
    np.testing.assert_allclose(np.sort(np.concatenate(model.asked)[:, 0]),
                               3 * (np.arange(32) + 0.5) / 32)  # fmt: skip


def test_what_covers_is_zero_and_pixels_go_in_sixteen_steps():
    image = np.arange(32.0).reshape(4, 8, 1) + 1

    def predict(batch):
        return batch.sum(axis=(1, 2))

    fall = explain.occlusion(predict, image, 0, size=2)
    assert fall[0, 0] == 1 + 2 + 9 + 10 and fall.shape == (2, 4)
    shares, scores = explain.removal_curve(predict, image, image[..., 0], 0)
    np.testing.assert_allclose(shares, np.arange(17) / 16)
    expected = [sum(range(1, 33 - 2 * k)) for k in range(17)]
    np.testing.assert_allclose(scores, expected)


def test_a_covering_square_goes_to_the_last_edge():
    image = np.ones((3, 5, 1))
    for size, stride, shape in ((3, 1, (1, 3)), (2, 2, (1, 2)), (1, 2, (2, 3)), (3, 3, (1, 1))):
        fall = explain.occlusion(lambda b: b.sum(axis=(1, 2)), image, 0, size=size, stride=stride)
        assert fall.shape == shape and (fall == size * size).all()


def test_a_counterfactual_takes_eight_rounds_of_400_steps():
    """Its first step has a rate of 0.5; the strength is 1, and half of the last round's."""
    model = Asked(1, 2, rng=0, dtype=np.float64)
    model.kernel.value[...] = [[0.0, 1.0]]
    x = np.array([[-10.0]])
    explain.counterfactual(model, x, 1)
    places = np.array(model.asked)[1:, 0, 0].reshape(8, 400)
    assert (places[:, 0] == -10).all()
    first = places[:, 1] + 10  # a gradient of 1, then the pull of the strength
    np.testing.assert_allclose(first, 0.5 - 0.5 * 0.5 ** np.arange(8), atol=1e-12)
    second = places[-1, 2] - places[-1, 1]
    assert second == pytest.approx(0.5 * 399 / 400 * (1 - 0.5**7))


@pytest.mark.parametrize("norm", [1, 2])
def test_a_counterfactual_stays_within_its_limits(norm):
    model, x, w, z = linear_model()
    other = (z < 0).astype(int)
    found = explain.counterfactual(model, x, other, norm=norm, low=x - 0.3, high=x + 0.2)
    change = (found - x)[~np.isnan(found[:, 0])]
    assert len(change) and change.min() >= -0.3 - 1e-12 and change.max() <= 0.2 + 1e-12
    nearest = np.where(w * -np.sign(z)[:, None] > 0, 0.2, -0.3) * w  # the most that is possible
    possible = np.abs(nearest.sum(axis=1)) > np.abs(z)
    np.testing.assert_array_equal(np.isnan(found).any(axis=1)[~possible], True)


def test_effects_are_accumulated_over_ten_intervals():
    x = np.random.default_rng(0).normal(size=(500, 2))
    edges, effects = explain.accumulated_effects(lambda rows: rows[:, 0] ** 3, x, 0)
    assert len(edges) == len(effects) == 11
    assert (edges[0], edges[-1]) == (x[:, 0].min(), x[:, 0].max())
    np.testing.assert_allclose(np.diff(effects), np.diff(edges**3))
    two = explain.accumulated_effects(lambda rows: rows[:, 0], np.array([[0.0], [4.0]]), 0)
    np.testing.assert_allclose(two, [[0, 4], [-2, 2]])  # two values are enough
