"""Learning from answers and from preferences: values by hand, gradients by the complex step."""

import numpy as np
import pytest

import nncourse as nn
from nncourse import preference

H = 1e-20


def complex_log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def complex_step(function, x):
    """Differentiate a function of an array, entry by entry, without cancellation."""
    grad = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1j * H
        grad[place] = function(moved).imag / H
    return grad


@pytest.fixture
def answers(rng=3):
    rng = np.random.default_rng(rng)
    logits = rng.normal(size=(3, 5, 4))
    target = rng.integers(0, 4, (3, 5))
    mask = np.array([[0, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 0, 0, 0, 0]], bool)
    return logits, target, mask


def by_hand(logits, target, mask, i):
    log_p = complex_log_softmax(logits)
    return sum(log_p[i, t, target[i, t]] for t in range(5) if mask[i, t])


def test_a_sequence_has_the_sum_of_its_counted_tokens(answers):
    total, _ = preference.sequence_log_probability(*answers)
    assert np.allclose(total, [by_hand(*answers, i) for i in range(3)], rtol=1e-12)


def test_gradient_of_a_sequence(answers):
    logits, target, mask = answers
    _, grad = preference.sequence_log_probability(logits, target, mask)
    for i in range(3):
        expected = complex_step(lambda z, i=i: by_hand(z, target, mask, i), logits)
        assert np.allclose(grad[i], expected[i], atol=1e-12)


def test_answer_loss_is_the_mean_over_tokens_and_so_is_its_gradient(answers):
    logits, target, mask = answers

    def loss(z):
        return -sum(by_hand(z, target, mask, i) for i in range(3)) / mask.sum()

    value, grad = preference.answer_loss(logits, target, mask)
    assert value == pytest.approx(loss(logits), rel=1e-12)
    assert np.allclose(grad, complex_step(loss, logits), atol=1e-12)


def test_answer_loss_of_everything_is_the_ordinary_loss(answers):
    logits, target, _ = answers
    value, grad = preference.answer_loss(logits, target, np.ones((3, 5), bool))
    ordinary, its_grad = nn.losses.softmax_cross_entropy(logits, target)
    assert value == pytest.approx(ordinary, rel=1e-12)
    assert np.allclose(grad, its_grad, atol=1e-14)


def test_what_is_masked_does_not_matter(answers):
    logits, target, mask = answers
    other, elsewhere = logits.copy(), target.copy()
    other[~mask] = 99
    elsewhere[~mask] = -1  # padding may be any number
    for function in (preference.sequence_log_probability, preference.answer_loss):
        one, two = function(logits, target, mask), function(other, elsewhere, mask)
        assert np.allclose(one[0], two[0], rtol=1e-12)
        assert np.allclose(one[1], two[1])
        assert not two[1][~mask].any()


def test_float32_stays_and_large_logits_are_safe(answers):
    logits, target, mask = answers
    value, grad = preference.answer_loss((1000 * logits).astype(np.float32), target, mask)
    assert grad.dtype == np.float32
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_dpo_by_hand_and_by_the_complex_step(beta):
    chosen, rejected, r_chosen, r_rejected = np.random.default_rng(0).normal(size=(4, 6))

    def loss(c, r):
        u = beta * ((c - r_chosen) - (r - r_rejected))
        return np.mean(np.log(1 + np.exp(-u)))

    value, down, up = preference.dpo_loss(chosen, rejected, r_chosen, r_rejected, beta=beta)
    assert value == pytest.approx(loss(chosen, rejected), rel=1e-12)
    assert np.allclose(down, complex_step(lambda c: loss(c, rejected), chosen), atol=1e-14)
    assert np.allclose(up, complex_step(lambda r: loss(chosen, r), rejected), atol=1e-14)


def test_dpo_through_a_small_gpt_passes_the_gradient_check():
    """From the loss to a weight, through the log-probabilities of two answers."""
    rng = np.random.default_rng(1)
    model = nn.GPT(7, 8, 2, 1, context=8, rng=0, dtype=np.float64)
    ids = rng.integers(0, 7, (4, 6))
    mask = np.arange(5) >= np.array([[2], [3], [2], [3]])
    reference, _ = preference.sequence_log_probability(model(ids[:, :-1]) * 0.9, ids[:, 1:], mask)

    def loss():
        total, grad = preference.sequence_log_probability(model(ids[:, :-1]), ids[:, 1:], mask)
        value, down, up = preference.dpo_loss(*total.reshape(2, 2), *reference.reshape(2, 2))
        return value, grad * np.concatenate([down, up])[:, None, None]

    _, grad = loss()
    for p in model.parameters():
        p.grad[...] = 0
    model.backward(grad)
    kernel = model.blocks[0].attention.query.kernel
    exact, h = kernel.grad.copy(), 1e-6
    for place in [(0, 0), (3, 5), (7, 2)]:
        kernel.value[place] += h
        up = loss()[0]
        kernel.value[place] -= 2 * h
        down = loss()[0]
        kernel.value[place] += h
        assert exact[place] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-10)


def test_the_tilted_distribution_is_the_best_one():
    rng = np.random.default_rng(2)
    q, r, beta = rng.dirichlet(np.ones(5)), rng.normal(size=5), 0.7

    def gain(p):
        return p @ r - beta * np.sum(p * np.log(p / q))

    best = preference.tilted(q, r, beta)
    assert best.sum() == pytest.approx(1)
    assert gain(best) == pytest.approx(beta * np.log(q @ np.exp(r / beta)), rel=1e-12)
    assert all(gain(p) < gain(best) for p in rng.dirichlet(np.ones(5), 200))
    assert np.isfinite(preference.tilted(q, 1e4 * r, 1.0)).all()


def test_dpo_of_all_pairs_ends_at_the_tilted_distribution():
    """Its minimum over a table of three answers, found by plain descent, is the closed form."""
    q, r, beta = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, -0.5]), 0.8
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    weight = np.array([preference.bradley_terry(r[i], r[j]) for i, j in pairs])
    z = np.log(q)
    for _ in range(4000):
        log_p, grad = complex_log_softmax(z), np.zeros(3)
        for (i, j), w in zip(pairs, weight, strict=True):
            args = log_p[[i]], log_p[[j]], np.log(q[[i]]), np.log(q[[j]])
            _, down, up = preference.dpo_loss(*args, beta=beta)
            grad[i] += w * down[0]
            grad[j] += w * up[0]
        z -= 0.5 * (grad - np.exp(log_p) * grad.sum())
    assert np.allclose(np.exp(complex_log_softmax(z)), preference.tilted(q, r, beta), atol=1e-6)


def test_kl_by_hand():
    p, q = np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    expected = [0.9 * np.log(1.8) + 0.1 * np.log(0.2), 0.0]
    shifted = np.log(p) + 7  # logits, known up to a number
    assert np.allclose(preference.kl_divergence(shifted, np.log(q)), expected, atol=1e-12)


def test_bradley_terry_accuracy_and_rewards():
    assert preference.bradley_terry(2.0, 2.0) == 0.5
    assert preference.bradley_terry(np.log(3.0), 0.0) == pytest.approx(0.75)
    assert preference.reward_accuracy([1, 2, 3, 3], [0, 3, 1, 3]) == 0.5  # a tie is no success
    assert np.allclose(preference.implicit_reward([-1.0], [-3.0], 0.5), [1.0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda z, t, m: (z[0], t, m), r"batch, time, vocabulary"),
        (lambda z, t, m: (z, t[:, :-1], m), r"\(3, 4\)"),
        (lambda z, t, m: (z, t, m.astype(int)), "mask of bool"),
        (lambda z, t, m: (z, t, m & (np.arange(3) > 0)[:, None]), "at least one token"),
        (lambda z, t, m: (z, t + 9, m), "from 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(answers, change, said):
    with pytest.raises(ValueError, match=said):
        preference.sequence_log_probability(*change(*answers))


def test_dpo_and_others_refuse_nonsense():
    with pytest.raises(ValueError, match="four arrays"):
        preference.dpo_loss([1.0], [1.0, 2.0], [1.0], [1.0])
    for beta in (0, -1, np.inf, np.nan):
        for call in (
            lambda b: preference.dpo_loss([1.0], [1.0], [1.0], [1.0], beta=b),
            lambda b: preference.tilted([1.0], [1.0], b),
            lambda b: preference.implicit_reward([1.0], [1.0], b),
        ):
            with pytest.raises(ValueError, match=f"positive beta, got {beta}"):
                call(beta)
    with pytest.raises(ValueError, match="one shape"):
        preference.kl_divergence([1.0, 2.0], [1.0])


INF = np.inf


@pytest.mark.parametrize(
    ("logits", "reference", "expected"),
    [
        ([0, 1, -INF], [0, 1, -INF], 0),
        ([0, -INF], [0, 0], np.log(2)),
        ([0, 0], [0, -INF], INF),
        (np.uint8([5, 3]), np.uint8([3, 5]), 2 * np.tanh(1)),
        (np.float16([800, 0]), np.float16([0, 0]), np.log(2)),
    ],
)
def test_what_is_impossible_costs_nothing_unless_it_happens(logits, reference, expected):
    np.testing.assert_allclose(preference.kl_divergence(logits, reference), expected, atol=1e-12)


def test_the_best_of_what_is_possible_takes_all():
    """An answer that the reference never gives has no share, whatever it is worth."""
    for kind in (list, np.array):
        np.testing.assert_array_equal(preference.tilted(kind([0.0, 1]), [1000, 0], 0.1), [0, 1])
    found = preference.tilted(np.float16([[0.5, 0.5], [0, 1]]), np.uint8([[1, 0], [200, 0]]), 1)
    np.testing.assert_allclose(found, [[1 / (1 + np.exp(-1)), 1 / (1 + np.e)], [0, 1]])


@pytest.mark.parametrize("unused", [-100, -1, 2, 10**6])
def test_where_nothing_counts_the_target_may_be_anything(unused):
    """PyTorch's cross_entropy ignores -100."""
    logits = np.log([[[0.5, 0.5], [0.9, 0.1]]])
    mask = np.array([[False, True]])
    value, grad = preference.sequence_log_probability(logits, np.array([[unused, 0]]), mask)
    np.testing.assert_allclose(value, np.log([0.9]))
    np.testing.assert_allclose(grad, [[[0, 0], [0.1, -0.1]]], atol=1e-15)


@pytest.mark.parametrize("kind", [np.float16, np.float32, ">f4"])
def test_gradients_have_the_type_of_the_logits(kind):
    logits, mask = np.zeros((1, 2, 4), kind), np.ones((1, 2), bool)
    for loss in (preference.sequence_log_probability, preference.answer_loss):
        assert loss(logits, np.array([[1, 2]]), mask)[1].dtype == kind
    value, _ = preference.sequence_log_probability(np.zeros((1, 2, 4), int), [[1, 2]], mask)
    np.testing.assert_allclose(value, -2 * np.log(4))


def test_infinite_margins_and_none():
    loss, chosen, rejected = preference.dpo_loss([-1], [-INF], [-1], [-2])
    assert loss == chosen == rejected == 0
    loss, chosen, rejected = preference.dpo_loss([-INF], [-2], [-1], [-2])
    assert loss == INF and chosen == -0.1 and rejected == 0.1
    for given in ([-INF], [np.nan]):
        with pytest.raises(ValueError, match="no margin for pair 0"):
            preference.dpo_loss(given, [-2], [-INF], [-2])


def test_rewards_are_compared_pair_by_pair():
    for chosen, rejected in (np.zeros(3), np.ones((3, 1))), ([], []):
        with pytest.raises(ValueError, match="two arrays of one shape"):
            preference.reward_accuracy(chosen, rejected)
