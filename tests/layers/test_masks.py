"""Padding counts for nothing: masks in layers that sum over time, and the side to pad on."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.masks import begins_with_a_real_step


def batch(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class Fixed(nn.Layer):
    """A layer that is always called with the same options, for the gradient check."""

    def __init__(self, layer, **options):
        self.layer, self.options = layer, options

    def forward(self, x, *, training=False):
        return self.layer.forward(x, training=training, **self.options)

    def backward(self, grad):
        return self.layer.backward(grad)


REAL = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)


def test_batch_norm_counts_real_steps_alone():
    x = np.array([[1, 2, 90, 90], [3, 4, 5, 90]], float)[..., None]
    layer = nn.BatchNorm(1, momentum=0, dtype=float)
    y = layer(x, training=True, mask=REAL)
    assert layer.running_mean == 3 and layer.running_variance == 2
    np.testing.assert_allclose(y[REAL][:, 0], np.array([-2, -1, 0, 1, 2]) / np.sqrt(2 + 1e-5))
    np.testing.assert_allclose(layer(x, mask=REAL), y)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 2, 3)])
def test_gradients_of_batch_norm_with_a_mask(training, shape):
    layer = nn.BatchNorm(3, dtype=float)
    layer.gamma.value[...] = [0.5, 2, -1]
    nn.check_layer(Fixed(layer, mask=REAL), batch(*shape), training=training)


@pytest.mark.parametrize("more", [0, 3])
def test_the_amount_of_padding_changes_nothing(more):
    x, real = np.pad(batch(2, 4, 3), ((0, 0), (0, more), (0, 0))), np.pad(REAL, ((0, 0), (0, more)))
    x[~real] = 7
    model = nn.Sequential(
        nn.BatchNorm(3, dtype=float), nn.SimpleRNN(3, 2, rng=0, dtype=float),
        nn.BatchNorm(2, dtype=float),
    )  # fmt: skip
    y = model(x, training=True, mask=real)
    model.backward(np.ones_like(y) * [[1, 2], [3, 5]])
    wanted = nn.Sequential(
        nn.BatchNorm(3, dtype=float), nn.SimpleRNN(3, 2, rng=0, dtype=float),
        nn.BatchNorm(2, dtype=float),
    )  # fmt: skip
    np.testing.assert_allclose(y, wanted(x[:, :4], training=True, mask=REAL), rtol=1e-12)
    wanted.backward(np.ones_like(y) * [[1, 2], [3, 5]])
    for p, q in zip(model.parameters(), wanted.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-9, atol=1e-12)


def test_batch_norm_needs_two_real_steps():
    layer = nn.BatchNorm(3)
    with pytest.raises(ValueError, match="needs at least two examples"):
        layer(batch(2, 4, 3), training=True, mask=np.eye(2, 4, dtype=bool) & [[True], [False]])
    with pytest.raises(ValueError, match=r"mask of booleans \(batch, time\) = \(2, 4\), got int"):
        layer(batch(2, 4, 3), training=True, mask=REAL.astype(int))
    assert not layer.running_mean.any()


LEFT = REAL[:, ::-1]


def test_positions_are_counted_from_the_first_step():
    ids = np.arange(8).reshape(2, 4)
    models = (
        nn.GPT(9, 4, 2, 1, context=4, rng=0),
        nn.BERT(9, 4, 2, 1, context=4, rng=0),
        nn.Sequential(nn.Embedding(9, 4, rng=0), nn.PositionalEncoding(4, 4)),
    )
    for model in models:
        assert model(ids, mask=REAL).shape[:2] == (2, 4)
        with pytest.raises(ValueError, match="pad on the right"):
            model(ids, mask=LEFT)
    begins_with_a_real_step([[True, False], [False, False]], (2, 2), "an empty text is no mistake")


def test_turned_positions_are_relative_and_may_be_padded_at_either_end():
    block = nn.TransformerBlock(4, 2, causal=True, rotary=True, rng=0, dtype=float)
    model, ids = nn.Sequential(nn.Embedding(9, 4, rng=0, dtype=float), block), np.arange(8)
    alone = model(ids[None, :4])
    for real in ([1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]):
        real = np.array([real], bool)
        padded = np.full((1, 6), 8)
        padded[real] = ids[:4]
        np.testing.assert_allclose(model(padded, mask=real)[real], alone[0], rtol=1e-9)


class Cross(nn.Layer):
    """Cross-attention as a layer of one input: two steps that ask, the others are asked."""

    def __init__(self, layer, mask=None):
        self.layer, self.mask = layer, mask

    def forward(self, x, *, training=False):
        return self.layer.forward(x[:, :2], memory=x[:, 2:], mask=self.mask)

    def backward(self, grad):
        dx = self.layer.backward(grad)
        return np.concatenate([dx, self.layer.memory_grad], axis=1)


def test_cross_attention_asks_another_sequence():
    layer = nn.MultiHeadAttention(6, 2, rng=0, dtype=float)
    x, memory = batch(2, 3, 6), batch(2, 4, 6, seed=1)
    y = layer(x, memory=memory, mask=REAL)
    assert y.shape == x.shape and layer.weights.shape == (2, 2, 3, 4)
    assert not layer.weights[0, :, :, 2:].any()
    memory[~REAL] = 99
    np.testing.assert_allclose(layer(x, memory=memory, mask=REAL), y)
    np.testing.assert_allclose(layer(x, memory=x), layer(x))
    for mask in (None, REAL):
        nn.check_layer(Cross(layer, mask), batch(2, 6, 6))
    layer.backward(np.ones_like(layer(x)))
    assert layer.memory_grad is None
    layer(x, memory=memory)
    assert layer.backward(np.ones_like(x), input_grad=False) is None
    assert layer.memory_grad.shape == memory.shape


def test_cross_attention_explains_what_does_not_fit():
    x = batch(2, 3, 6)
    for options in ({"causal": True}, {"rotary": True}):
        layer = nn.MultiHeadAttention(6, 1, **options)
        with pytest.raises(ValueError, match="it takes no memory"):
            layer(x, memory=x)
    for shape in ((1, 3, 6), (2, 3, 5), (2, 6), (2, 0, 6)):
        with pytest.raises(ValueError, match=r"expects memory \(2, steps, 6\), got"):
            nn.MultiHeadAttention(6, 1)(x, memory=np.zeros(shape))


@pytest.mark.parametrize("causal", [False, True])
def test_where_all_is_padding_nobody_takes_from_it(causal):
    """An empty memory, an empty text, a causal query before the first real step."""
    layer = nn.MultiHeadAttention(6, 2, causal=causal, rng=0, dtype=float)
    layer.output.bias.value[...] = np.arange(6)
    mask = np.array([[0, 0, 0, 0], [0, 0, 1, 1]], bool)
    x, other = batch(2, 4, 6), batch(2, 4, 6, seed=1)
    other[mask] = x[mask]
    for given in ({"memory": x, "mask": mask}, {"memory": other, "mask": mask}):
        if not causal:
            y = layer(batch(2, 3, 6, seed=2), **given)
            np.testing.assert_array_equal(y[0], [range(6)] * 3)
            layer.backward(np.ones_like(y))
            assert not layer.memory_grad[~mask].any() and layer.memory_grad[mask].all()
    y = layer(x, mask=mask)
    np.testing.assert_array_equal(y[0], [range(6)] * 4)
    if causal:
        np.testing.assert_array_equal(y[1, :2], [range(6)] * 2)
    np.testing.assert_allclose(layer(other, mask=mask)[1, 2:], y[1, 2:], rtol=1e-12)
    assert not layer.weights[np.broadcast_to(~mask[:, None, None], layer.weights.shape)].any()
    nn.check_layer(Fixed(layer, mask=mask), x)


def test_a_memory_may_be_a_list_of_whole_numbers():
    layer, x = nn.MultiHeadAttention(2, 1, rng=0), batch(1, 3, 2)
    memory = [[[1, 2], [3, 4]]]
    np.testing.assert_allclose(layer(x, memory=memory), layer(x, memory=np.array(memory, float)))
    assert layer.backward(np.ones((1, 3, 2))).shape == x.shape


def test_a_mask_reaches_a_bert_inside_a_chain():
    """What stands in the padding changes nothing at the real steps."""
    model = nn.Sequential(nn.BERT(9, 4, 2, 1, context=4, rng=0, dtype=float), nn.ReLU())
    ids = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    assert model.takes_mask
    y = model(ids, mask=REAL)
    np.testing.assert_allclose(model(np.where(REAL, ids, 7), mask=REAL)[REAL], y[REAL], rtol=1e-12)
