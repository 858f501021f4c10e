"""Recurrent layers against their equations; masks, states, and what a failed call leaves alone."""

import re

import numpy as np
import pytest

import nncourse as nn
from nncourse.layers.panels import _matmul

CELLS = [nn.SimpleRNN, nn.LSTM, nn.GRU]
each_cell = pytest.mark.parametrize("cell", CELLS)
either_output = pytest.mark.parametrize("return_sequences", [False, True])
INPUTS, UNITS = 2, 3


def make(cell, *, seed=0, **options):
    """A float64 layer, all of whose parameters are random."""
    layer = cell(INPUTS, UNITS, dtype=np.float64, **options)
    rng = np.random.default_rng(seed)
    for p in layer.parameters():
        p.value[...] = rng.normal(size=p.value.shape)
    return layer


def batch(size=4, time=6, seed=1):
    return np.random.default_rng(seed).normal(size=(size, time, INPUTS))


def random_state(layer, size=4, seed=2):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(size, UNITS)) for _ in layer.states)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def read_alone(layer, x, mask, state):
    """One example, step by step, from the equations; its outputs and its last state."""
    W, U, b = (np.split(p.value, p.value.shape[-1] // UNITS, -1) for p in layer.parameters())
    z = [lambda x, h, k=k: x @ W[k] + h @ U[k] + b[k] for k in range(len(W))]
    h, *c = state
    outputs = []
    for x_t, real in zip(x, mask, strict=True):
        if real and isinstance(layer, nn.SimpleRNN):
            h = np.tanh(z[0](x_t, h))
        elif real and isinstance(layer, nn.LSTM):
            i, f, o = (logistic(z[k](x_t, h)) for k in (0, 1, 3))
            c = [f * c[0] + i * np.tanh(z[2](x_t, h))]
            h = o * np.tanh(c[0])
        elif real:
            update, reset = logistic(z[0](x_t, h)), logistic(z[1](x_t, h))
            candidate = np.tanh(x_t @ W[2] + (reset * h) @ U[2] + b[2])
            h = update * h + (1 - update) * candidate
        outputs.append(h)
    return outputs, [h, *c]


@each_cell
@either_output
def test_equals_the_equations_example_by_example(cell, return_sequences):
    layer, x = make(cell, return_sequences=return_sequences), batch()
    mask = np.random.default_rng(3).random(x.shape[:2]) < 0.6
    start = random_state(layer)
    y = layer(x, mask=mask, state=start)
    for n in range(len(x)):
        outputs, state = read_alone(layer, x[n], mask[n], [s[n] for s in start])
        expected = outputs if return_sequences else outputs[-1]
        np.testing.assert_allclose(y[n], expected, rtol=1e-12, atol=1e-14)
        for mine, other in zip(layer.state, state, strict=True):
            np.testing.assert_allclose(mine[n], other, rtol=1e-12, atol=1e-14)


class WithOptions(nn.Layer):
    """A layer that is always called with the same mask and state, for the gradient check."""

    def __init__(self, layer, **options):
        self.layer, self.options = layer, options

    def forward(self, x, *, training=False):
        return self.layer.forward(x, training=training, **self.options)

    def backward(self, grad):
        return self.layer.backward(grad)

    def parameters(self):
        return self.layer.parameters()


@each_cell
@either_output
def test_gradients_with_mask_and_state(cell, return_sequences):
    layer = make(cell, return_sequences=return_sequences)
    mask = np.array(
        [[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 0, 1, 1, 0, 0]]
    )
    options = {"mask": mask.astype(bool), "state": random_state(layer)}
    nn.check_layer(WithOptions(layer, **options), batch(), tolerance=1e-6)


@each_cell
@either_output
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(cell, return_sequences, side):
    """A batch of unequal lengths gives each sequence what it gets alone, and the same gradients."""
    padded, alone = (make(cell, return_sequences=return_sequences) for _ in range(2))
    lengths = [6, 1, 4, 3]
    x, rng = batch(), np.random.default_rng(4)
    real = np.array(lengths)[:, None] > np.arange(6)
    real = real if side == "right" else real[:, ::-1]
    x[~real] = 1e6  # what the padding is made of does not matter
    y = padded(x, mask=real)
    grad = rng.normal(size=y.shape)
    if return_sequences:
        grad[~real] = 0  # a loss looks at real steps
    dx = padded.backward(grad)
    assert not dx[~real].any()
    for n in range(len(lengths)):
        y_n = alone(x[n][real[n]][None])
        which = (n, real[n]) if return_sequences else n
        np.testing.assert_allclose(y[which], y_n[0], rtol=1e-12)
        for mine, other in zip(padded.state, alone.state, strict=True):
            np.testing.assert_allclose(mine[n], other[0], rtol=1e-12)
        dx_n = alone.backward(grad[which][None])
        np.testing.assert_allclose(dx[n, real[n]], dx_n[0], rtol=1e-12, atol=1e-14)
    for mine, other in zip(padded.parameters(), alone.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad, other.grad, rtol=1e-10, atol=1e-12)


@each_cell
def test_a_mask_of_all_true_changes_nothing(cell):
    layer, x = make(cell), batch()
    grad = np.ones((len(x), UNITS))
    y, dx = layer(x), layer.backward(grad)
    np.testing.assert_array_equal(layer(x, mask=np.ones((4, 6), bool).tolist()), y)
    np.testing.assert_array_equal(layer.backward(grad), dx)


@each_cell
def test_where_all_is_masked_the_start_is_the_end(cell):
    layer, x = make(cell, return_sequences=True), batch()
    start = random_state(layer)
    y = layer(x, mask=np.zeros((4, 6), bool), state=start)
    np.testing.assert_array_equal(y, np.repeat(start[0][:, None], 6, axis=1))
    for mine, other in zip(layer.state, start, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert not layer.backward(np.ones_like(y)).any()


@each_cell
@pytest.mark.parametrize("cuts", [(3,), (1, 2, 5), (1, 2, 3, 4, 5)])
def test_a_sequence_can_be_read_in_parts(cell, cuts):
    layer, x = make(cell, return_sequences=True), batch()
    whole, end = layer(x), layer.state
    layer.state, parts = None, []
    for part in np.split(x, cuts, axis=1):
        parts.append(layer(part, state=layer.state))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-13)
    for mine, other in zip(layer.state, end, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-13)


@each_cell
def test_without_a_state_it_starts_from_zeros(cell):
    layer, x = make(cell), batch()
    y = layer(x)
    np.testing.assert_array_equal(layer(x), y)
    zeros = [np.zeros((4, UNITS)) for _ in layer.states]
    np.testing.assert_array_equal(layer(x, state=zeros), y)


@each_cell
def test_given_arrays_are_not_changed_and_returned_ones_are_fresh(cell):
    layer, x = make(cell, return_sequences=True), batch()
    mask, start = np.ones((4, 6), bool), random_state(layer)
    mask[:, 2] = False
    kept = [x.copy(), mask.copy(), *(s.copy() for s in start)]
    y = layer(x, mask=mask, state=start)
    dx = layer.backward(np.ones_like(y))
    for before, after in zip(kept, [x, mask, *start], strict=True):
        np.testing.assert_array_equal(before, after)

    state = layer.state
    kept = [s.copy() for s in state]
    y[...] = 0  # neither the state nor what backward needs lives in what was returned
    for s, before in zip(state, kept, strict=True):
        np.testing.assert_array_equal(s, before)
        s += 1
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), dx)
    kept = [s.copy() for s in state]
    layer(x + 1, state=state)
    for before, after in zip(kept, state, strict=True):
        np.testing.assert_array_equal(before, after)
    assert all(a is not b for a, b in zip(state, layer.state, strict=True))


def test_one_step_by_hand():
    x = np.array([[[2.0]]])
    simple = nn.SimpleRNN(1, 1, dtype=float)
    gru = nn.GRU(1, 1, dtype=float)
    lstm = nn.LSTM(1, 1, dtype=float)
    for layer in (simple, gru, lstm):
        layer.kernel.value[...], layer.recurrent_kernel.value[...] = 0.5, 0.25
        layer.bias.value[...] = 0
    # With h = 4 every pre-activation is 2/2 + 4/4 = 2; with c = 3 and s = σ(2):
    s = logistic(2)
    np.testing.assert_allclose(simple(x, state=(np.array([[4.0]]),)), [[np.tanh(2)]])
    c = 3 * s + s * np.tanh(2)
    y = lstm(x, state=(np.array([[4.0]]), np.array([[3.0]])))
    np.testing.assert_allclose(y, [[s * np.tanh(c)]])
    np.testing.assert_allclose(lstm.state[1], [[c]])
    candidate = np.tanh(1 + s * 4 / 4)  # the reset gate comes before the product
    np.testing.assert_allclose(gru(x, state=(np.array([[4.0]]),)), [[s * 4 + (1 - s) * candidate]])


def test_an_open_forget_gate_keeps_the_cell_over_a_hundred_steps():
    """With f = 1 and i = 0 the gradient of c_T by what was written at step 1 does not vanish."""
    layer = nn.LSTM(1, 1, dtype=float)
    layer.recurrent_kernel.value[...] = 0
    layer.kernel.value[...] = [[60, 0, 1, 0]]  # the input opens its own gate …
    layer.bias.value[...] = [-30, 40, 0, 40]  # … which is else shut; forget and output are open
    x = np.zeros((1, 100, 1))
    x[0, 0] = 1
    y = layer(x)
    np.testing.assert_allclose(y, [[np.tanh(np.tanh(1))]], rtol=1e-9)
    slope = (1 - np.tanh(1) ** 2) * (1 - np.tanh(np.tanh(1)) ** 2)
    np.testing.assert_allclose(layer.backward(np.ones((1, 1)))[0, 0], [slope], rtol=1e-9)


def test_saturated_gates_do_not_overflow():
    x = np.full((2, 5, INPUTS), 1e4, np.float32)
    for cell in CELLS:
        for scale in (-1, 1):
            layer = cell(INPUTS, UNITS, rng=0)
            layer.kernel.value[...] = scale
            assert np.isfinite(layer(x)).all()
            assert np.isfinite(layer.backward(np.ones((2, UNITS), np.float32))).all()


@each_cell
def test_how_it_starts(cell):
    inputs, units = 20, 30
    layer = cell(inputs, units, rng=0)
    blocks = {nn.SimpleRNN: 1, nn.LSTM: 4, nn.GRU: 3}[cell]
    shapes = [p.value.shape for p in layer.parameters()]
    assert shapes == [(inputs, blocks * units), (units, blocks * units), (blocks * units,)]
    limit = np.sqrt(6 / (inputs + blocks * units))
    assert 0.9 * limit < np.abs(layer.kernel.value).max() <= limit
    square = np.split(layer.recurrent_kernel.value, blocks, axis=1)
    for block in square:
        np.testing.assert_allclose(block.T @ block, np.eye(units), atol=1e-5)
    assert len({block.tobytes() for block in square}) == blocks
    bias = np.zeros((blocks, units))
    if cell is nn.LSTM:
        bias[1] = 1
    np.testing.assert_array_equal(layer.bias.value, bias.ravel())
    zeros = cell(2, 3, recurrent_initializer=nn.initializers.zeros)
    assert not zeros.recurrent_kernel.value.any()


@each_cell
def test_a_state_of_another_type_does_not_widen_float32(cell):
    layer = cell(INPUTS, UNITS, return_sequences=True, rng=0)
    x = batch().astype(np.float32)
    y = layer(x, state=random_state(layer), mask=np.ones((4, 6), bool))
    assert y.dtype == layer.backward(np.ones(y.shape)).dtype == np.float32
    assert all(s.dtype == np.float32 for s in layer.state)
    assert all(p.grad.dtype == np.float32 for p in layer.parameters())


BAD = {
    "no time axis": (np.zeros((4, INPUTS)), {}, "return_sequences=True"),
    "features": (np.zeros((4, 6, 5)), {}, "got (4, 6, 5)"),
    "length 0": (np.zeros((4, 0, INPUTS)), {}, "a sequence of length 0"),
    "empty batch": (np.zeros((0, 6, INPUTS)), {}, "an empty batch"),
    "mask shape": (batch(), {"mask": np.ones((4, 5), bool)}, "got bool (4, 5)"),
    "mask with features": (batch(), {"mask": np.ones((4, 6, 1), bool)}, "got bool (4, 6, 1)"),
    "mask of lengths": (batch(), {"mask": np.array([6, 1, 4, 3])}, "lengths[:, None] > np.arange"),
    "mask of numbers": (batch(), {"mask": np.ones((4, 6))}, "got float64 (4, 6)"),
    "state shape": (batch(), {"state": (np.zeros((3, 3)),) * 2}, "got [(3, 3), (3, 3)]"),
    "state too long": (batch(), {"state": (np.zeros((4, 3)),) * 3}, "Try state=layer.state"),
    "bare state": (batch(), {"state": np.zeros((4, 3))}, "expects state, a tuple of h"),
    "state a number": (batch(), {"state": 0.0}, "got <class 'float'>"),
}


@each_cell
@pytest.mark.parametrize("case", BAD)
def test_a_failed_call_explains_itself_and_changes_nothing(cell, case):
    x, options, words = BAD[case]
    layer, good = make(cell), batch(seed=9)
    layer(good)
    state, grad = layer.state, np.ones((4, UNITS))
    kept = [s.copy() for s in state]
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        layer(x, **options)
    assert f"{layer!r} expects" in str(error.value)
    assert layer.state is state
    for before, after in zip(kept, state, strict=True):
        np.testing.assert_array_equal(before, after)
    assert not any(p.grad.any() for p in layer.parameters())
    other = make(cell)
    other(good)
    np.testing.assert_array_equal(layer.backward(grad), other.backward(grad))


def test_layers_are_stacked_and_share_a_mask():
    model = nn.Sequential(
        nn.GRU(INPUTS, 3, return_sequences=True, rng=0, dtype=float),
        nn.Dense(3, INPUTS, rng=1, dtype=float),
        nn.LSTM(INPUTS, 3, rng=2, dtype=float),
    )
    nn.check_layer(model, batch())
    x, short = batch(), batch()[:, :4]
    mask = np.ones((4, 6), bool)
    mask[:, 4:] = False
    np.testing.assert_allclose(model(x, mask=mask), model(short), rtol=1e-12)
    message = r"LSTM\(3→2\) expects \(batch, time, 3\).*return_sequences=True"
    with pytest.raises(ValueError, match=message):
        nn.Sequential(nn.LSTM(INPUTS, 3), nn.LSTM(3, 2))(batch().astype(np.float32))


@pytest.mark.parametrize("rows", [32, 33, 37, 7])
def test_a_product_by_pieces_of_rows_is_the_product(rows):
    rng = np.random.default_rng(3)
    a, b, out = rng.normal(size=(rows, 512)), rng.normal(size=(512, 128)), np.empty((rows, 128))
    _matmul(a, b, out=out)
    assert np.allclose(out, a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_many_steps_and_units_have_the_gradients_of_parts(cell):
    """What is done for as many steps as a cache holds adds up to what is done for all."""
    rng, layer = np.random.default_rng(4), cell(8, 64, rng=4, dtype=np.float64)
    x, r = rng.normal(size=(32, 30, 8)), rng.normal(size=(32, 64))
    layer(x)
    dx = layer.backward(r)
    whole = [p.grad.copy() for p in layer.parameters()]
    for p in layer.parameters():
        p.zero_grad()
    for i in range(32):  # one example at a time: everything fits
        layer(x[i : i + 1])
        assert np.allclose(layer.backward(r[i : i + 1]), dx[i], rtol=1e-9, atol=1e-12)
    for p, grad in zip(layer.parameters(), whole, strict=True):
        assert np.allclose(p.grad, grad, rtol=1e-9, atol=1e-12)
