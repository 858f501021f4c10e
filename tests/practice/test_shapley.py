"""The promises of Shapley values as identities; four ways, one answer; parity with packages."""

from itertools import permutations

import numpy as np
import pytest

from nncourse.practice import shapley


@pytest.fixture
def table():
    """Scores of all coalitions of five players, at random."""
    scores = np.random.default_rng(0).normal(size=32)
    return lambda masks: scores[np.asarray(masks) @ (1 << np.arange(5))]


def over_all_orders(game, players):
    """The definition, word for word: the mean gain over all orders."""
    total = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        mask = np.zeros((1, players), int)
        for player in order:
            before = game(mask)[0]
            mask[0, player] = 1
            total[player] += game(mask)[0] - before
    return total / len(orders)


def test_three_ways_meet_the_definition(table):
    expected = over_all_orders(table, 5)
    np.testing.assert_allclose(shapley.shapley_exact(table, 5), expected, atol=1e-12)
    np.testing.assert_allclose(shapley.kernel_shap(table, 5), expected, atol=1e-12)
    values, errors = shapley.shapley_sampled(table, 5, permutations=4000, rng=0)
    assert np.all(np.abs(values - expected) < 4 * errors)


def test_efficiency_symmetry_dummy_and_additivity(table):
    full, none = table(np.ones((1, 5), int))[0], table(np.zeros((1, 5), int))[0]

    def special(masks):  # 0 and 1 are alike, 4 adds nothing
        return 3.0 * masks[:, 0] * masks[:, 1] + masks[:, 2] - masks[:, 3] * masks[:, 2]

    for way in (
        shapley.shapley_exact,
        shapley.kernel_shap,
        lambda *a: shapley.kernel_shap(*a, samples=40, rng=0),
        lambda *a: shapley.shapley_sampled(*a, permutations=7, rng=0)[0],
    ):
        np.testing.assert_allclose(way(table, 5).sum(), full - none, atol=1e-9)
    for way in (shapley.shapley_exact, shapley.kernel_shap):
        values = way(special, 5)
        np.testing.assert_allclose(values, [1.5, 1.5, 0.5, -0.5, 0], atol=1e-12)
        both = way(lambda m: table(m) + 2 * special(m), 5)
        np.testing.assert_allclose(both, way(table, 5) + 2 * values, atol=1e-9)


def test_a_sampled_order_gives_each_player_its_own_gain():
    w = np.array([1.0, -2.0, 3.0, 0.0])
    values, errors = shapley.shapley_sampled(lambda m: m @ w, 4, permutations=2, rng=0)
    np.testing.assert_allclose(values, w)
    np.testing.assert_allclose(errors, 0, atol=1e-12)


def test_the_standard_error_is_that_of_the_estimates(table):
    runs = [shapley.shapley_sampled(table, 5, permutations=20, rng=seed) for seed in range(300)]
    real = np.std([values for values, _ in runs], axis=0)
    stated = np.mean([errors for _, errors in runs], axis=0)
    np.testing.assert_allclose(stated, real, rtol=0.15)


def test_kernel_shap_from_a_sample_comes_nearer_with_more(table):
    exact = shapley.shapley_exact(table, 5)
    errors = [
        np.mean([np.abs(shapley.kernel_shap(table, 5, samples=n, rng=s) - exact).mean()
                 for s in range(20)])
        for n in (30, 3000)
    ]  # fmt: skip
    assert errors[1] < 0.25 * errors[0]


def test_linear_fit_is_that_of_scikit_learn():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    masks, scores = rng.integers(0, 2, (60, 7)), rng.normal(size=60)
    weights = rng.uniform(0.1, 1, 60)
    theirs = Ridge(alpha=0.7).fit(masks, scores, sample_weight=weights)
    ours = shapley.linear_fit(masks, scores, weights, 0.7)
    np.testing.assert_allclose(ours.weights, theirs.coef_, atol=1e-10)
    np.testing.assert_allclose(ours.intercept, theirs.intercept_, atol=1e-10)
    np.testing.assert_allclose(ours.r2, theirs.score(masks, scores, weights), atol=1e-10)


def test_switched_shows_the_fill_where_a_region_is_off():
    image = np.arange(16.0).reshape(4, 4, 1)
    seen = []

    def predict(batch):
        seen.append(batch.copy())
        return batch.sum(axis=(1, 2))

    game = shapley.switched(predict, image, 0, shapley.grid(4, 4, 2), fill=-1.0, batch_size=2)
    scores = game(np.array([[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]]))
    np.testing.assert_array_equal(scores, [120, 120 - 10 - 4, -16])
    assert [len(batch) for batch in seen] == [2, 1]
    assert (image.ravel() == np.arange(16)).all()


def test_a_grid_that_does_not_divide_has_smaller_squares_at_the_end():
    segments = shapley.grid(5, 7, 3)
    np.testing.assert_array_equal(np.unique(segments), np.arange(6))
    assert segments[4, 6] == 5
    assert (segments == 5).sum() == 2


def test_bad_numbers_of_players_are_explained(table):
    with pytest.raises(ValueError, match="1 to 20 players"):
        shapley.shapley_exact(table, 21)
    with pytest.raises(ValueError, match="2 to 20 players"):
        shapley.kernel_shap(table, 21)
    for limited in shapley.shapley_exact, shapley.kernel_shap:  # twenty come to the game

        def play(masks):
            assert masks.shape[1] == 20
            raise StopIteration

        with pytest.raises(StopIteration):
            limited(play, 20)
    with pytest.raises(ValueError, match="2 permutations"):
        shapley.shapley_sampled(table, 5, permutations=1)
    with pytest.raises(ValueError, match="regions of shape"):
        shapley.switched(None, np.zeros((4, 4, 1)), 0, shapley.grid(4, 5, 2))


def test_parity_with_shap(table):
    shap = pytest.importorskip("shap", reason="not run: the extra explain is not installed")
    explainer = shap.KernelExplainer(table_of_floats(table), np.zeros((1, 5)))
    theirs = explainer.shap_values(np.ones((1, 5)), nsamples=64, l1_reg=0, silent=True)[0]
    np.testing.assert_allclose(shapley.kernel_shap(table, 5), theirs, atol=1e-8)


def table_of_floats(table):
    return lambda masks: table(np.asarray(masks).astype(int))


def test_parity_with_lime_on_the_same_masks():
    lime_base = pytest.importorskip(
        "lime.lime_base", reason="not run: the extra explain is not installed"
    )
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (200, 6))
    masks[0] = 1
    scores = np.sin(masks @ rng.normal(size=6))
    cosine = 1 - masks @ np.ones(6) / np.maximum(np.linalg.norm(masks, axis=1), 1e-12) / 6**0.5

    def kernel(distance):
        return np.sqrt(np.exp(-(distance**2) / 0.25**2))

    base = lime_base.LimeBase(kernel, random_state=0)
    intercept, pairs, r2, _ = base.explain_instance_with_data(
        masks, scores[:, None], cosine, 0, 6, feature_selection="none"
    )
    ours = shapley.lime(lambda _: scores, 6, masks=masks)
    np.testing.assert_allclose(ours.weights, [w for _, w in sorted(pairs)], atol=1e-9)
    np.testing.assert_allclose([ours.intercept, ours.r2], [intercept, r2], atol=1e-9)


def test_many_orders_of_many_players_are_asked_for_in_parts():
    """800 players in 40 orders: their masks at once would be 205 MB."""
    values, asked = np.arange(800.0), []

    def game(masks):
        asked.append(masks.nbytes)
        return masks @ values

    found, errors = shapley.shapley_sampled(game, 800, permutations=40, rng=0)
    np.testing.assert_allclose(found, values, atol=1e-6)
    assert max(asked) < 40e6 and sum(asked) == 40 * 801 * 800 * 8 and errors.max() < 1e-6


def test_lime_asks_for_as_many_coalitions_as_its_package_does_for_images():
    """``LimeImageExplainer(kernel_width=0.25)``, ``num_samples=1000``, ``Ridge(alpha=1)``."""
    w, asked = np.array([3.0, -2.0, 1.0, 0.5]), []

    def game(masks):
        asked.append(masks)
        return masks @ w + masks.prod(axis=1)

    fit = shapley.lime(game, 4, rng=0)
    (masks,) = asked
    assert masks.shape == (1000, 4) and set(masks.ravel()) == {0, 1}
    assert (masks[0] == 1).all() and abs(masks.mean() - 0.5) < 0.05
    near = np.sqrt(np.exp(-((1 - np.sqrt(masks.mean(axis=1))) ** 2) / 0.25**2))
    expected = shapley.linear_fit(masks, masks @ w + masks.prod(axis=1), near, 1.0)
    np.testing.assert_allclose(fit.weights, expected.weights, rtol=1e-12)
    np.testing.assert_allclose(shapley.nearness(masks), near, rtol=1e-12)


def test_a_linear_fit_penalizes_only_if_asked_and_a_flat_score_is_explained():
    masks = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    fit = shapley.linear_fit(masks, masks @ [2.0, -1.0], np.ones(4))
    np.testing.assert_allclose(fit.weights, [2, -1])
    assert shapley.linear_fit(masks, np.full(4, 7.0), np.ones(4)).r2 == 1
    assert fit.intercept == pytest.approx(0) and fit.r2 == pytest.approx(1)


def test_how_often_each_way_asks():
    """512 coalitions at a time; 100 orders of n + 1 coalitions each; 2**n - 2 and the two ends."""
    sizes = []

    def game(masks):
        sizes.append(len(masks))
        return masks.sum(axis=1).astype(float)

    shapley.shapley_sampled(game, 3, rng=0)
    shapley.shapley_exact(game, 3)
    shapley.kernel_shap(game, 3)
    assert sizes == [100 * 4, 2**3, 2, 2**3 - 2]
    for samples in (6, 5):  # in pairs
        sizes.clear()
        shapley.kernel_shap(game, 3, samples=samples, rng=0)
        assert sizes == [2, 6]
    batches = []

    def predict(batch):
        batches.append(len(batch))
        return batch.sum(axis=(1, 2))

    switched = shapley.switched(predict, np.ones((2, 2, 1)), 0, shapley.grid(2, 2, 1))
    scores = switched(np.tile(np.eye(4, dtype=int), (129, 1)))
    assert batches == [512, 4] and (scores == 1).all()  # what is off shows 0


def test_the_smallest_games():
    assert shapley.shapley_exact(lambda m: 5.0 * m[:, 0], 1) == [5]
    np.testing.assert_allclose(shapley.kernel_shap(lambda m: m @ [1.0, 4.0], 2), [1, 4])
    values = shapley.kernel_shap(lambda m: m @ np.arange(21.0), 21, samples=400, rng=0)
    np.testing.assert_allclose(values, np.arange(21), atol=1e-9)
    for players in (0, -1, 21, 99):
        with pytest.raises(ValueError, match="1 to 20 players"):
            shapley.shapley_exact(None, players)
    for players in (1, 0, -9, 21, 99):
        with pytest.raises(ValueError, match=f"2 to 20 players, or samples=, got {players}"):
            shapley.kernel_shap(None, players)
    with pytest.raises(ValueError, match="2 to 20 players, or samples=, got 1"):
        shapley.kernel_shap(None, 1, samples=9)


def test_pairs_are_drawn_by_the_weight_of_their_size():
    """Of four players: sizes 1, 2, 3 have the chances 1/3, 1/4, 1/3, of 11/12 in all."""
    drawn = []
    shapley.kernel_shap(lambda m: drawn.append(m) or m.sum(axis=1), 4, samples=40_000, rng=0)
    masks = drawn[1]
    np.testing.assert_array_equal(masks[:20_000] + masks[20_000:], 1)
    share = np.bincount(masks[:20_000].sum(axis=1), minlength=5) / 20_000
    np.testing.assert_allclose(share, [0, 4 / 11, 3 / 11, 4 / 11, 0], atol=0.02)
    np.testing.assert_allclose(masks.mean(axis=0), 0.5, atol=0.01)
