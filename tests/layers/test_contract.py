"""The contract of a layer: every clause of it, for every layer."""

import copy
import pickle
import re

import numpy as np
import pytest
from layer_cases import CASES, RANDOM, READS_IDS, make

import nncourse as nn
from nncourse import convnets, layers, transformer

each_layer = pytest.mark.parametrize("name", CASES)
NOTHING_TO_SKIP = {*READS_IDS, "PositionalEncoding learned"}  # no dL/dx, or one that costs nothing


def test_every_layer_has_a_case():
    tested = {type(build(0, np.float64)).__name__ for build, _ in CASES.values()}
    rooms = (layers, transformer, convnets)
    public = [getattr(room, name) for room in rooms for name in room.__all__]
    kinds = {thing.__name__ for thing in public if isinstance(thing, type)}
    assert tested == kinds - {"Layer", "Parameter"}


@each_layer
@pytest.mark.parametrize("training", [False, True])
def test_gradients_equal_finite_differences(name, training):
    layer, x = make(name)
    errors = nn.check_layer(layer, x, training=training, tolerance=1e-6)
    assert len(errors) == (name not in READS_IDS) + len(layer.parameters())


@each_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("training", [False, True])
def test_keeps_the_floating_point_type(name, dtype, training):
    layer, x = make(name, dtype)
    y = layer(x, training=training)
    dx = layer.backward(np.ones_like(y))
    assert y.dtype == dtype
    if name in READS_IDS:  # a token's number has no gradient
        assert dx is None
    else:
        assert (dx.dtype, dx.shape) == (dtype, x.shape)
    assert all(p.value.dtype == p.grad.dtype == dtype for p in layer.parameters())
    assert all(array.dtype == dtype for array in layer.buffers().values())


@each_layer
@pytest.mark.parametrize("training", [False, True])
def test_changes_neither_input_nor_gradient(name, training):
    layer, x = make(name)
    kept_x = x.copy()
    grad = np.random.default_rng(2).normal(size=layer(x, training=training).shape)
    kept_grad = grad.copy()
    layer.backward(grad)
    np.testing.assert_array_equal(x, kept_x)
    np.testing.assert_array_equal(grad, kept_grad)


@each_layer
def test_is_equivariant_to_the_order_of_the_batch(name):
    layer, x = make(name)
    order = np.random.default_rng(3).permutation(len(x))
    training = name not in RANDOM  # a dropout mask belongs to a place, not to an example
    expected = copy.deepcopy(layer)(x, training=training)[order]
    np.testing.assert_allclose(layer(x[order], training=training), expected, rtol=1e-12, atol=1e-14)


@each_layer
def test_two_backward_passes_accumulate(name):
    layer, x = make(name)
    y = layer(x, training=True)
    grad = np.random.default_rng(4).normal(size=y.shape)
    first = layer.backward(grad)
    once = [p.grad.copy() for p in layer.parameters()]
    second = layer.backward(grad)
    np.testing.assert_array_equal(first, second)
    for p, g in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(p.grad, 2 * g, rtol=1e-12)


@each_layer
def test_same_seed_same_output(name):
    (a, x), (b, _), (c, _) = make(name, seed=5), make(name, seed=5), make(name, seed=6)
    first = a(x, training=True)
    np.testing.assert_array_equal(first, b(x, training=True))
    if name in RANDOM or (a.parameters() and "Norm" not in name):
        assert not np.array_equal(first, c(x, training=True))


@each_layer
def test_backward_before_forward_is_refused(name):
    layer, x = make(name)
    grad = np.ones_like(copy.deepcopy(layer)(x))
    with pytest.raises(RuntimeError, match="before forward"):
        layer.backward(grad)
    assert all(not p.grad.any() for p in layer.parameters())


@each_layer
def test_gradient_of_another_shape_is_refused(name):
    layer, x = make(name)
    y = layer(x)
    with pytest.raises(ValueError, match=re.escape(str((3, *y.shape)))):
        layer.backward(np.ones((3, *y.shape)))
    assert all(not p.grad.any() for p in layer.parameters())


@each_layer
def test_input_gradient_can_be_skipped(name):
    layer, x = make(name)
    has_something_to_skip = layer.parameters() and name not in NOTHING_TO_SKIP
    assert layer.skips_input_grad == bool(has_something_to_skip)
    if not has_something_to_skip:
        return
    y = layer(x, training=True)
    grad = np.random.default_rng(5).normal(size=y.shape)
    layer.backward(grad)
    expected = [p.grad.copy() for p in layer.parameters()]
    for p in layer.parameters():
        p.grad.fill(0)
    assert layer.backward(grad, input_grad=False) is None
    for p, g in zip(layer.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad, g)


@each_layer
def test_parameters_keep_order_and_are_unique(name):
    layer, _ = make(name)
    first, second = layer.parameters(), layer.parameters()
    assert [id(p) for p in first] == [id(p) for p in second]
    assert len({id(p) for p in first}) == len(first)
    assert all(p.value.shape == p.grad.shape for p in first)
    assert all(p.regularize == p.name.endswith("kernel") for p in first)
    order = {
        "Dense": ["kernel", "bias"],
        "Conv2D": ["kernel", "bias"],
        "DepthwiseConv2D": ["kernel", "bias"],
        "BatchNorm": ["gamma", "beta"],
        "LayerNorm": ["gamma", "beta"],
        "MultiHeadAttention": ["kernel", "bias"] * 4,
        **{n: ["kernel", "recurrent_kernel", "bias"] for n in ("SimpleRNN", "LSTM", "GRU")},
    }
    order["GRU, reset after"] = [*order["GRU"], "recurrent_bias"]
    kind = name if name in order else type(layer).__name__
    if kind in order:
        assert [p.name for p in first] == order[kind]


@each_layer
def test_survives_pickling(name):
    layer, x = make(name)
    layer(x, training=True)
    again = pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(again(x, training=True), layer(x, training=True))


@each_layer
def test_repr_names_the_layer(name):
    layer, _ = make(name)
    assert repr(layer).startswith(type(layer).__name__)
    assert " object at 0x" not in repr(layer)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (nn.Dense(784, 8), (32, 28, 28), "(batch, 784), got (32, 28, 28). Add Flatten() first."),
        (nn.Dense(3, 2), (4, 5, 5), "got (4, 5, 5). Does the previous layer have as many"),
        (nn.Dense(3, 2), (3,), "got (3,). One example? Make it a batch of one: x[None]."),
        (nn.Dense(3, 2), (0, 3), "expects (batch, 3), got (0, 3). The batch is empty."),
        (nn.Dense(3, 2), (4, 5), "Dense(3→2) expects (batch, 3), got (4, 5)."),
        (nn.BatchNorm(3), (4, 5), "BatchNorm(3) expects (batch, ..., 3), got (4, 5)"),
        (nn.BatchNorm(3), (1, 3), "got (1, 3). Choose a batch size that does not leave one"),
        (nn.Residual(nn.Dense(3, 2)), (4, 3), "keep the shape, got (4, 3) in and (4, 2) out"),
        (nn.Conv2D(1, 2, 3), (4, 8, 8), "Gray images? Add the channel axis: x[..., None]"),
        (nn.Conv2D(1, 2, 3), (8, 8, 1), "(8, 8, 1). One image? Make it a batch of one: x[None]"),
        (nn.Conv2D(3, 2, 3), (4, 147), "Restore their shape: x.reshape(-1, height, width, 3)."),
        (convnets.ResidualBlock(3, 3), (4, 8, 8, 2), "expects (batch, ..., 3), got (4, 8, 8, 2)"),
        (nn.MaxPool2D(2), (8, 8, 3), "got (8, 8, 3). One image?"),
        (nn.Conv2D(1, 2, 3), (4, 784), "got (4, 784). Flat images?"),
        (nn.Conv2D(3, 2, 3), (4, 3, 8, 8), "got (4, 3, 8, 8). Channels first?"),
        (nn.Conv2D(3, 2, 3), (4, 8, 8, 2), "expects (batch, height, width, 3), got (4, 8, 8, 2)."),
        (nn.Conv2D(3, 2, 3), (0, 8, 8, 3), "got (0, 8, 8, 3). The batch is empty."),
        (nn.Conv2D(1, 2, 5), (4, 8, 4, 1), "needs images of at least 5×5 pixels, got 8×4"),
        (nn.MaxPool2D((3, 2)), (4, 2, 8, 1), "needs images of at least 3×2 pixels, got 2×8"),
        (nn.AveragePool2D(2), (4, 8, 8), "(batch, height, width, channels), got (4, 8, 8)"),
        (nn.GlobalAveragePool2D(), (4, 0, 8, 3), "width, channels), got (4, 0, 8, 3)"),
        (nn.RandomAffine(), (4, 784), "got (4, 784). Flat images?"),
        (nn.LSTM(3, 2), (4, 3), "LSTM(3→2) expects (batch, time, 3), got (4, 3). Add a time axis"),
        (nn.LSTM(1, 2), (4, 9), "or a feature axis, x[..., None]."),
        (nn.GRU(3, 2), (4, 9, 5), "GRU(3→2) expects (batch, time, 3), got (4, 9, 5). Does the"),
        (nn.GRU(3, 2), (4, 3, 9), "Features come last: x.swapaxes(1, 2)."),
        (nn.GRU(3, 2), (3,), "expects (batch, time, 3), got (3,)."),
        (nn.SimpleRNN(3, 2), (4, 0, 3), "got a sequence of length 0: (4, 0, 3)"),
        (nn.SimpleRNN(3, 2), (0, 9, 3), "got an empty batch: (0, 9, 3)"),
        (nn.Flatten(), (), "Flatten() expects (batch, ...), got a single number"),
    ],
)  # fmt: skip
def test_wrong_shapes_are_explained(layer, shape, words):
    before = {name: array.copy() for name, array in layer.buffers().items()}
    with pytest.raises(ValueError, match=re.escape(words)):
        layer(np.zeros(shape), training=True)
    for name, array in layer.buffers().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: nn.Dense(0, 2), ValueError, "inputs=0"),
        (lambda: nn.Dropout(1.0), ValueError, "0 <= rate < 1, got 1.0"),
        (lambda: nn.Dropout(float("nan")), ValueError, "got nan"),
        (lambda: nn.Sequential(), ValueError, "at least one layer"),
        (lambda: nn.Sequential(nn.ReLU), TypeError, "ReLU(), not ReLU"),
        (lambda: nn.Sequential([nn.ReLU()]), TypeError, "its own argument"),
        (lambda: nn.Sequential(*[nn.ReLU()] * 2), ValueError, "one object twice"),
        (lambda: nn.BatchNorm(0), ValueError, "features=0"),
        (lambda: nn.Conv2D(0, 2, 3), ValueError, "channels=0"),
        (lambda: nn.Conv2D(1, 2, 0), ValueError, "kernel_size is a positive whole number"),
        (lambda: nn.Conv2D(1, 2, (3, 3, 3)), ValueError, "a pair of them, got (3, 3, 3)"),
        (lambda: nn.Conv2D(1, 2, 3, stride=0.5), ValueError, "stride is a positive whole number"),
        (lambda: nn.Conv2D(1, 2, 3, padding="full"), ValueError, "'valid' or 'same', got 'full'"),
        (lambda: nn.MaxPool2D(-2), ValueError, "size is a positive whole number"),
        (lambda: nn.LSTM(0, 2), ValueError, "LSTM expects positive sizes, got inputs=0, units=2"),
        (lambda: nn.GRU(2, -1), ValueError, "GRU expects positive sizes, got inputs=2, units=-1"),
        (lambda: nn.Dense(784 / 2, 10), ValueError, "inputs=392.0, units=10. They are whole"),
        (lambda: nn.Dense((28, 28), 10), ValueError, "expects positive sizes, got inputs=(28, 28)"),
        (lambda: nn.Conv2D(1, "8", 3), ValueError, "got channels=1, filters='8'"),
        (lambda: nn.LSTM(3, 2.5), ValueError, "expects positive sizes, got inputs=3, units=2.5"),
        (lambda: nn.Embedding(None, 2), ValueError, "Embedding expects positive sizes, got vocab"),
        (lambda: nn.PositionalEncoding(9, 2.0), ValueError, "got context=9, dim=2.0"),
        (lambda: nn.BatchNorm((3,)), ValueError, "positive sizes, got features=(3,)"),
        (lambda: nn.LayerNorm(2.0), ValueError, "LayerNorm expects positive sizes, got features=2"),
        (lambda: nn.RMSNorm(2, epsilon=0), ValueError, "RMSNorm expects epsilon > 0, got 0"),
        (lambda: nn.MultiHeadAttention(8, 2.0), ValueError, "got dim=8, heads=2.0"),
        (lambda: nn.GPT(9, 8, 2, 1.0, context=6), ValueError, "GPT expects positive sizes, got la"),
        (lambda: nn.Dense(3, 2, initializer="he_normal"), TypeError,
         "a function such as nn.initializers.he_normal, got 'he_normal'"),
        (lambda: nn.Conv2D(1, 2, 3, initializer=0), TypeError, "nn.initializers.he_normal, got 0"),
        (lambda: nn.GRU(3, 2, initializer="zeros"), TypeError, "he_normal, got 'zeros'"),
        (lambda: nn.GRU(3, 2, recurrent_initializer="x"), TypeError, "he_normal, got 'x'"),
        (lambda: nn.Embedding(3, 2, initializer="x"), TypeError, "he_normal, got 'x'"),
        (lambda: nn.MultiHeadAttention(4, 2, initializer="x"), TypeError, "he_normal, got 'x'"),
        (lambda: nn.RandomAffine(zoom=1.0), ValueError, "zoom < 1"),
        (lambda: nn.RandomAffine(shift=-1), ValueError, "shift=-1"),
    ],
)  # fmt: skip
def test_wrong_construction_is_explained(build, error, words):
    with pytest.raises(error, match=re.escape(words)):
        build()


def test_sizes_may_be_numpy_integers():
    layer = nn.Dense(np.int64(3), np.uint8(2), rng=0)
    assert repr(layer) == "Dense(3→2)" and layer.kernel.value.shape == (3, 2)


def test_one_layer_in_two_nested_places_is_refused():
    layer = nn.Dense(3, 3)
    with pytest.raises(ValueError, match="one object twice"):
        nn.Sequential(layer, nn.Tanh(), nn.Residual(layer))


@each_layer
def test_lists_are_refused_with_advice(name):
    layer, x = make(name)
    with pytest.raises(TypeError, match=r"expects an array, got list. Try np.asarray"):
        layer(x.tolist())
    with pytest.raises(TypeError, match=r"got str. .*np.asarray\(ids\); for text a tokenizer"):
        layer("a text")


def test_what_is_no_gradient_is_explained():
    layer, target = nn.Dense(3, 2, rng=0), np.zeros((4, 2))
    pair = nn.losses.mean_squared_error(layer(np.ones((4, 3))), target)
    with pytest.raises(TypeError, match=r"got tuple\. A loss returns two: loss, grad"):
        layer.backward(pair)
    with pytest.raises(TypeError, match=r"got list. Try np.asarray\(grad\)"):
        layer.backward(target.tolist())
    assert not layer.kernel.grad.any()


@pytest.mark.parametrize("name", ["LeakyReLU", "ELU"])
def test_options_that_are_numpy_scalars_keep_float32(name):
    layer = getattr(nn, name)(np.float64(0.5))
    assert layer(np.ones((2, 2), np.float32)).dtype == np.float32


def test_a_gradient_is_cleared_in_place():
    p = nn.Parameter(np.ones((2, 2)), "w")
    kept = p.grad
    p.grad += 3
    p.zero_grad()
    assert p.grad is kept and (kept == 0).all()


def test_a_gradient_that_is_set_is_checked_and_copied():
    p = nn.Parameter(np.ones((2, 2), np.float32), "w")
    gradient = np.full((2, 2), 3.0)
    p.grad = gradient
    p.grad += 1
    assert (gradient == 3).all() and (p.grad == 4).all() and p.grad.dtype == np.float32
    kept = p.grad
    p.grad += 1
    assert p.grad is kept  # what is added in place is not copied
    for wrong in (np.ones(2), 0.0):
        with pytest.raises(ValueError, match=r"'w' has its shape \(2, 2\), got .* zero_grad\(\)"):
            p.grad = wrong
    assert (p.grad == 5).all()


def test_a_parameter_is_a_copy_of_floating_point_numbers():
    value = np.ones((2, 3)).T
    value.flags.writeable = False
    p = nn.Parameter(value, "w")
    p.value += 1
    assert p.value.flags.c_contiguous and (value == 1).all()
    with pytest.raises(TypeError, match="expects floating-point numbers, got int64"):
        nn.Parameter([1, 2], "w")


def test_shared_parameters_are_listed_once_and_gather_both_gradients():
    first, second = nn.Dense(3, 3, rng=0, dtype=float), nn.Dense(3, 3, rng=1, dtype=float)
    second.kernel = first.kernel
    model = nn.Sequential(first, nn.Tanh(), second)
    assert [p.name for p in model.parameters()] == ["kernel", "bias", "bias"]
    nn.check_layer(model, np.random.default_rng(2).normal(size=(4, 3)))


def test_dropout_drops_its_share_and_keeps_the_mean():
    y = nn.Dropout(0.3, rng=0)(np.ones((1000, 100)), training=True)
    dropped, n = np.mean(y == 0), y.size
    assert abs(dropped - 0.3) < 5 * np.sqrt(0.3 * 0.7 / n)
    np.testing.assert_allclose(y[y != 0], 1 / 0.7)


def test_batch_norm_standardizes_and_averages():
    x = np.random.default_rng(0).normal(3, 2, size=(50, 4))
    layer = nn.BatchNorm(4, momentum=0.75, dtype=float)
    y = layer(x, training=True)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=0), x.var(axis=0) / (x.var(axis=0) + 1e-5))
    np.testing.assert_allclose(layer.running_mean, 0.25 * x.mean(axis=0))
    np.testing.assert_allclose(layer.running_variance, 0.75 + 0.25 * x.var(axis=0))
    expected = (x - layer.running_mean) / np.sqrt(layer.running_variance + 1e-5)
    np.testing.assert_allclose(layer(x), expected)
