"""Sampling: what is kept, in what proportion, and that the draws follow it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nncourse.language.sampling import draw, probabilities, sample

logit_vectors = arrays(np.float64, st.integers(1, 30), elements=st.floats(-20, 20, width=32))


def softmax(z):
    e = np.exp(np.asarray(z) - np.max(z))
    return e / e.sum()


@given(logit_vectors, st.floats(0.05, 20))
def test_temperature_alone_is_softmax_of_the_scaled_logits(z, temperature):
    p = probabilities(z, temperature=temperature)
    np.testing.assert_allclose(p, softmax(z / temperature), rtol=1e-9, atol=1e-15)
    assert p.dtype == np.float64


@given(logit_vectors, st.integers(1, 40))
def test_top_k_keeps_the_k_largest_in_their_proportions(z, k):
    p, full = probabilities(z, top_k=k), softmax(z)
    kept = p > 0
    assert kept.sum() == min(k, len(z))
    assert full[kept].min() >= full[~kept].max(initial=0)
    np.testing.assert_allclose(p[kept] / p[kept].max(), full[kept] / full[kept].max(), rtol=1e-9)
    assert abs(p.sum() - 1) < 1e-12


@given(arrays(np.float64, st.integers(1, 7), elements=st.floats(-3, 3)), st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set_that_reaches_p(z, top_p):
    """Against all subsets, one by one."""
    full = softmax(z)
    subsets = (s for n in range(1, len(z) + 1) for s in itertools.combinations(range(len(z)), n))
    smallest = next(s for s in subsets if full[list(s)].sum() >= top_p - 1e-9)
    kept = np.flatnonzero(probabilities(z, top_p=top_p))
    assert full[kept].sum() >= top_p - 1e-9
    assert abs(len(kept) - len(smallest)) <= (abs(full[list(smallest)].sum() - top_p) < 1e-6)


def test_both_cuts_top_k_first():
    z = np.log([0.4, 0.3, 0.2, 0.1])
    # top 3 of them: 4/9, 3/9, 2/9; the nucleus of 0.75 needs two, of 0.8 needs three
    np.testing.assert_allclose(probabilities(z, top_k=3, top_p=0.75), [4 / 7, 3 / 7, 0, 0])
    np.testing.assert_allclose(probabilities(z, top_k=3, top_p=0.8), [4 / 9, 3 / 9, 2 / 9, 0])


def test_among_equals_the_lower_index_comes_first():
    z = np.zeros(4)
    np.testing.assert_array_equal(probabilities(z, top_k=3) > 0, [True, True, True, False])
    np.testing.assert_array_equal(probabilities(z, top_p=0.5) > 0, [True, True, False, False])
    np.testing.assert_array_equal(probabilities([1, 5, 5], temperature=0), [0, 1, 0])
    assert sample([1.0, 5.0, 5.0], temperature=0) == 1


@pytest.mark.parametrize("tiny", [1e-300, 1e-5])
def test_a_tiny_temperature_is_nearly_greedy(tiny):
    np.testing.assert_array_equal(probabilities([1.0, 2.0, 0.0], temperature=tiny), [0, 1, 0])


def test_forbidden_tokens_are_never_drawn():
    z = [-np.inf, 0.0, -np.inf, 0.0]
    np.testing.assert_allclose(probabilities(z), [0, 0.5, 0, 0.5])
    np.testing.assert_allclose(probabilities(z, top_p=1.0, top_k=4), [0, 0.5, 0, 0.5])
    for options in {"temperature": 1e-300}, {"top_p": 0.99}, {"top_k": 3, "temperature": 5.0}:
        np.testing.assert_allclose(probabilities(z, **options), [0, 0.5, 0, 0.5])
    for dtype in np.float16, np.float32:
        np.testing.assert_allclose(probabilities(np.array(z, dtype)), [0, 0.5, 0, 0.5])
    assert sample(z, temperature=0) == 1 and sample([-np.inf, -5.0], rng=0) == 1
    assert list(draw(lambda new: z, 4, max_new_tokens=2)) == [1, 1]


@pytest.mark.parametrize("dtype", ["u1", "i1", "i4", "i8", "f2"])
def test_whole_numbers_are_logits_too(dtype):
    """Softmax of 5 and 3: 1 / (1 + e^-2) = 0.8808."""
    p = probabilities(np.array([5, 3], dtype))
    np.testing.assert_allclose(p, [0.8807970779778823, 0.11920292202211755], rtol=1e-12)


def test_the_defaults_of_drawing():
    """Greedy unless told, in a model's generate; as the model predicts, for one draw."""
    z = [0.0, 1.0, 2.0]
    assert list(draw(lambda new: z, 3, max_new_tokens=3)) == [2, 2, 2]
    np.testing.assert_allclose(probabilities(z), np.exp(z) / np.exp(z).sum())


def test_frequencies_follow_the_probabilities():
    """Pearson's chi-square with 5 degrees of freedom exceeds 25.7 once in 10,000 trials."""
    z = np.array([0.0, 1.0, 2.0, -1.0, 0.5, 1.5, -9.0])
    p = probabilities(z, temperature=0.9, top_k=6)
    rng, n = np.random.default_rng(0), 5000
    draws = [sample(z, temperature=0.9, top_k=6, rng=rng) for _ in range(n)]
    counts = np.bincount(draws, minlength=7)
    assert counts[6] == 0 and isinstance(draws[0], int)
    assert ((counts[:6] - n * p[:6]) ** 2 / (n * p[:6])).sum() < 25.7


def test_the_generator_decides():
    z = np.linspace(0, 1, 50)
    assert sample(z, rng=3) == sample(z, rng=np.random.default_rng(3)) == sample(z, rng=3)
    rng = np.random.default_rng(0)
    assert len({sample(z, rng=rng) for _ in range(20)}) > 5


def test_the_logits_are_not_changed():
    z = np.array([0.0, 2.0, 1.0], np.float32)
    before = z.copy()
    sample(z, top_k=2, top_p=0.5, temperature=0.3, rng=0)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("function", [probabilities, sample])
@pytest.mark.parametrize(
    ("logits", "options", "message"),
    [
        ([0.0, 1.0], {"temperature": -1}, "temperature must be 0"),
        ([0.0, 1.0], {"temperature": np.nan}, "temperature"),
        ([0.0, 1.0], {"temperature": np.inf}, "temperature"),
        ([0.0, 1.0], {"top_p": 0}, r"top_p must lie in \(0, 1\]"),
        ([0.0, 1.0], {"top_p": -0.1}, "top_p"),
        ([0.0, 1.0], {"top_k": -1}, "top_k"),
        ([0.0, 1.0], {"top_p": 99}, "top_p"),
        ([0.0, 1.0], {"temperature": -1e-9}, "temperature"),
        (0.5, {}, "shape"),
        ([0.0, 1.0], {"top_p": 1.5}, "top_p"),
        ([0.0, 1.0], {"top_p": 50, "temperature": 0}, "top_p"),
        ([0.0, 1.0], {"top_k": 0}, "top_k must be an integer"),
        ([0.0, 1.0], {"top_k": 2.0}, "top_k"),
        ([[0.0, 1.0]], {}, r"shape \(vocabulary,\), got float64 \(1, 2\)"),
        ([], {}, "shape"),
        (["a"], {}, "numbers"),
        ([np.nan, 1.0], {}, "NaN"),
        ([np.nan, 1.0], {"temperature": 0}, "NaN"),
        ([np.inf, 1.0], {}, "infinity"),
        ([-np.inf, -np.inf], {}, "infinity"),
    ],
)
def test_bad_arguments(function, logits, options, message):
    with pytest.raises(ValueError, match=message):
        function(logits, **options)


@pytest.mark.parametrize("stop", [0, [0], np.array([0]), np.uint8([0, 3]), np.int64(0), {0}])
def test_a_stop_may_be_any_ids(stop):
    assert list(draw(lambda new: np.eye(5)[len(new)], 5, max_new_tokens=3, stop=stop)) == []
