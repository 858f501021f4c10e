"""Single neurons: logic, convergence with Novikoff's bound, and XOR, which has no solution."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nncourse as nn

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("weights", "bias", "outputs"),
    [([1, 1], -2, [0, 0, 0, 1]), ([1, 1], -1, [0, 1, 1, 1]), ([-1, -1], 1.5, [1, 1, 1, 0])],
)
def test_gates_by_hand(weights, bias, outputs):
    np.testing.assert_array_equal(nn.McCullochPitts(weights, bias).predict(CORNERS), outputs)


def test_learning_ends_with_the_first_epoch_without_a_mistake():
    mistakes = nn.Perceptron(max_epochs=50).fit(CORNERS, [0, 1, 1, 1]).mistakes
    assert len(mistakes) < 50 and mistakes.index(0) == len(mistakes) - 1


@given(seed=st.integers(0, 10_000), margin=st.floats(0.05, 0.5))
def test_mistakes_stay_below_novikoffs_bound(seed, margin):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    x = rng.normal(size=(60, 2))
    scores = np.column_stack([x, np.ones(60)]) @ direction
    x, scores = x[np.abs(scores) > margin], scores[np.abs(scores) > margin]
    if len(x) == 0:
        return
    perceptron = nn.Perceptron(max_epochs=10**6).fit(x, (scores > 0).astype(int))
    longest = np.max(np.linalg.norm(np.column_stack([x, np.ones(len(x))]), axis=1))
    assert perceptron.mistakes[-1] == 0
    assert sum(perceptron.mistakes) <= (longest / np.abs(scores).min()) ** 2
    np.testing.assert_array_equal(perceptron.predict(x), scores > 0)


def test_xor_never_ends():
    perceptron = nn.Perceptron(max_epochs=50).fit(CORNERS, [0, 1, 1, 0])
    assert len(perceptron.mistakes) == 50 and min(perceptron.mistakes) > 0


def test_the_learning_rate_of_a_perceptron_does_not_matter():
    a, b = (nn.Perceptron(rate).fit(CORNERS, [0, 0, 0, 1]) for rate in (1.0, 8.0))
    assert a.mistakes == b.mistakes
    np.testing.assert_allclose(b.weights, 8 * a.weights)


def test_adaline_finds_the_least_squares_solution():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    adaline = nn.Adaline(learning_rate=0.2, epochs=2000).fit(x, y)
    design = np.column_stack([x, np.ones(40)])
    best = np.linalg.lstsq(design, 2.0 * y - 1, rcond=None)[0]
    np.testing.assert_allclose([*adaline.weights, adaline.bias], best, atol=1e-10)
    assert np.max(np.diff(adaline.losses)) < 1e-14  # it never rises, but for rounding


@pytest.mark.parametrize("neuron", [nn.Perceptron, nn.Adaline])
@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (CORNERS, [0, 1], "expected 4 labels, each 0 or 1, got shape (2,)"),
        (CORNERS, [-1, 1, 1, -1], "Labels of -1 and 1? Use (y + 1) // 2."),
        ([1, 2], [0, 1], "expected rows of inputs numbers"),
        ([[np.nan, 1], [1, 2]], [0, 1], "expected finite inputs"),
        (np.zeros((0, 2)), [], "with n >= 1, got (0, 2)"),
    ],
)
def test_wrong_data_are_explained(neuron, x, y, words):
    fitted = neuron()
    with pytest.raises(ValueError, match=re.escape(words)):
        fitted.fit(x, y)
    assert not hasattr(fitted, "weights")


def test_adaline_says_when_it_diverges():
    with pytest.raises(ValueError, match=r"Adaline diverged.*Try a learning rate below 5"):
        nn.Adaline(learning_rate=5, epochs=100).fit(CORNERS, [0, 0, 0, 1])


@pytest.mark.parametrize("neuron", [nn.Perceptron, nn.Adaline])
def test_predicting_before_learning_is_explained(neuron):
    with pytest.raises(RuntimeError, match=r"has no weights yet: call fit\(x, y\) first"):
        neuron().predict(CORNERS)


def test_predict_names_the_width_it_expects():
    with pytest.raises(
        ValueError, match=re.escape("array of shape (n, 2) with n >= 1, got (1, 3)")
    ):
        nn.McCullochPitts([1, 1], 0).predict([[1, 2, 3]])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Perceptron(learning_rate=0), "positive whole number of max_epochs, got 0 and"),
        (lambda: nn.Perceptron(max_epochs=0), "max_epochs, got 1.0 and 0"),
        (lambda: nn.Adaline(learning_rate=-0.1), "epochs, got -0.1 and 100"),
        (lambda: nn.Adaline(epochs=2.5), "epochs, got 0.1 and 2.5"),
    ],
)
def test_senseless_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


def test_a_gate_keeps_its_weights_when_the_array_changes():
    weights = np.ones(2)
    gate = nn.McCullochPitts(weights, bias=-2)
    weights[:] = 0
    assert gate.weights.tolist() == [1, 1]


def test_the_settings_of_a_neuron_that_is_given_none():
    """A hundred passes; the perceptron's first mistake, and Adaline's first step, by hand."""
    assert len(nn.Perceptron().fit(CORNERS, [0, 1, 1, 0]).mistakes) == 100
    once = nn.Perceptron(max_epochs=1).fit([[3.0, -2.0]], [0])  # 0 counts as a yes
    assert once.weights.tolist() == [-3, 2] and once.bias == -1 and once.mistakes == [1]
    adaline = nn.Adaline().fit(CORNERS, [0, 0, 0, 1])
    assert len(adaline.losses) == 100 and adaline.losses[0] == 1
    step = nn.Adaline(epochs=1).fit([[2.0], [4.0]], [1, 1])  # 0.1 · 2/2 · (2 + 4), 0.1 · 2
    assert step.weights == pytest.approx([0.6]) and step.bias == pytest.approx(0.2)


@pytest.mark.parametrize("shape", [(), (4,), (2, 2, 2), (0, 2)])
def test_inputs_of_another_shape_are_explained(shape):
    for neuron in (nn.Perceptron(), nn.Adaline()):
        with pytest.raises(ValueError, match=re.escape(f"with n >= 1, got {shape}")):
            neuron.fit(np.zeros(shape), np.zeros(shape[:1], int))
    with pytest.raises(ValueError, match=re.escape(f"with n >= 1, got {shape}")):
        nn.McCullochPitts([1, 1], 0).predict(np.zeros(shape))


def test_five_of_the_labels_are_shown():
    with pytest.raises(ValueError, match=re.escape("with values [0, 1, 2, 3, 4]. Labels of -1")):
        nn.Perceptron().fit(np.zeros((7, 1)), range(7))
    for neuron in (nn.Perceptron, nn.Adaline):
        with pytest.raises(ValueError, match="learning_rate > 0"):
            neuron(learning_rate=float("nan"))


def test_a_divergence_tells_the_last_loss_and_after_how_many_epochs():
    with pytest.raises(ValueError, match="diverged") as error:
        nn.Adaline(learning_rate=5).fit(CORNERS, [0, 0, 0, 1])
    found = re.search(
        r"grew to ([\d.e+]+) in (\d+) epochs\. Try a learning rate below 5", str(error.value)
    )
    assert float(found[1]) > 1e12
    fits = nn.Adaline(learning_rate=5, epochs=int(found[2]) - 1).fit(CORNERS, [0, 0, 0, 1])
    assert fits.losses[-1] <= 1e12  # one epoch earlier it was still less
