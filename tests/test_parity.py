"""The same numbers as Keras and PyTorch: golden values, see golden/generate.py."""

import json
from pathlib import Path

import numpy as np
import pytest

import nncourse as nn

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}

BETAS = {"beta_1": 0.875, "beta_2": 0.96875}
OPTIMIZERS = {
    "sgd": lambda p: nn.SGD(p, 1 / 8),
    "momentum": lambda p: nn.SGD(p, 1 / 8, momentum=0.875),
    "nesterov": lambda p: nn.SGD(p, 1 / 8, momentum=0.875, nesterov=True),
    "rmsprop": lambda p: nn.RMSprop(p, 1 / 64, rho=0.875, epsilon=1e-7),
    "adam": lambda p: nn.Adam(p, 1 / 64, **BETAS),
    "adamw": lambda p: nn.AdamW(p, 1 / 64, weight_decay=1 / 8, **BETAS),
    "rmsprop_no_epsilon": lambda p: nn.RMSprop(p, 1 / 64, rho=0.875, epsilon=1e-30),
    "adam_no_epsilon": lambda p: nn.Adam(p, 1 / 64, epsilon=1e-30, **BETAS),
    "adamw_no_epsilon": lambda p: nn.AdamW(p, 1 / 64, weight_decay=1 / 8, epsilon=1e-30, **BETAS),
}
CONVOLUTIONS = {
    "conv_valid": {},
    "conv_valid_stride": {"stride": 2},
    "conv_same": {"padding": "same"},
    "conv_same_stride": {"stride": (3, 2), "padding": "same"},
    "conv_padded": {"padding": 1},
    "conv_padded_stride": {"stride": (3, 2), "padding": 2},
}
POOLS = {
    "max_pool": nn.MaxPool2D(2),
    "max_pool_overlapping": nn.MaxPool2D((3, 2), stride=(2, 1)),
    "average_pool": nn.AveragePool2D((3, 2), stride=(2, 1)),
    "global_average_pool": nn.GlobalAveragePool2D(),
}
RECURRENT = {"simple_rnn": nn.SimpleRNN, "lstm": nn.LSTM, "gru": nn.GRU}
VIEWS = ("last", "all", "masked")
ATTENTION = ("attention", "attention_causal", "attention_masked")
CROSSING = ("cross_attention", "cross_attention_masked")
NORMS = {"layer_norm": nn.LayerNorm, "rms_norm": nn.RMSNorm}
BLOCKS = {"block_norm_first": True, "block_norm_last": False}
OPTIONS = {"leaky_relu": {"alpha": 0.0625}, "gelu_exact": {"exact": True}}
ACTIVATIONS = "relu leaky_relu elu sigmoid tanh softplus gelu gelu_exact silu softmax".split()
LOSSES = (
    "mean_squared_error mean_absolute_error huber sigmoid_binary_cross_entropy "
    "softmax_cross_entropy"
).split()


@pytest.fixture(params=["float64", "float32"])
def golden(request):
    with np.load(GOLDEN / f"parity_{request.param}.npz") as file:
        return Golden(request.param, {key: file[key] for key in file.files})


class Golden(dict):
    def __init__(self, dtype, arrays):
        super().__init__(arrays)
        self.dtype = dtype

    def compare(self, key, received, **tolerances):
        """Hold one array against every library that has it; relative to its largest entry."""
        libraries = [name for name in ("keras", "torch") if f"{name}/{key}" in self]
        assert libraries, f"no golden value for {key}"
        for library in libraries:
            expected = self[f"{library}/{key}"]
            assert np.shape(received) == expected.shape
            scale = max(1.0, np.max(np.abs(expected)))
            error = np.max(np.abs(received - expected)) / scale
            allowed = tolerances.get(library, TOLERANCE[self.dtype])
            assert error <= allowed, f"{library}/{key}: error {error:.1e}"


def test_versions_are_recorded(golden):
    assert {"keras", "tensorflow", "torch", "numpy"} <= set(json.loads(str(golden["versions"])))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(golden, name):
    x, grad = golden["activations/x"], golden["activations/grad"]
    options, function = OPTIONS.get(name, {}), name.removesuffix("_exact")
    y = getattr(nn.activations, function)(x, **options)
    dx = getattr(nn.activations, f"{function}_vjp")(grad, x, y, **options)
    assert y.dtype == dx.dtype == golden.dtype
    # Keras rounds GELU's constants (0.044715, sqrt 2) to float32 even in float64: it is off itself.
    loose = {"keras": 1e-8} if function == "gelu" and golden.dtype == "float64" else {}
    golden.compare(f"activations/{name}/y", y, **loose)
    golden.compare(f"activations/{name}/dx", dx, **loose)


@pytest.mark.parametrize("name", LOSSES)
def test_losses(golden, name):
    target = golden[f"losses/{name}/target"]
    loss, grad = getattr(nn.losses, name)(golden["losses/prediction"], target)
    assert grad.dtype == golden.dtype
    golden.compare(f"losses/{name}/y", loss)
    golden.compare(f"losses/{name}/dx", grad)


def test_dense(golden):
    layer = nn.Dense(5, 3, dtype=golden.dtype)
    layer.kernel.value[...] = golden["layers/dense/kernel"]
    layer.bias.value[...] = golden["layers/dense/bias"]
    compare_layer(golden, "dense", layer)


def test_batch_norm(golden):
    layer = nn.BatchNorm(5, dtype=golden.dtype)
    layer.gamma.value[...] = golden["layers/batch_norm/gamma"]
    layer.beta.value[...] = golden["layers/batch_norm/beta"]
    compare_layer(golden, "batch_norm", layer)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(golden, name):
    options = CONVOLUTIONS[name]
    kernel = golden[f"layers/{name}/kernel"]
    layer = nn.Conv2D(*kernel.shape[2:], kernel.shape[:2], **options, dtype=golden.dtype)
    layer.kernel.value[...], layer.bias.value[...] = kernel, golden[f"layers/{name}/bias"]
    compare_layer(golden, name, layer, golden["images/x"])


@pytest.mark.parametrize("name", POOLS)
def test_pools(golden, name):
    compare_layer(golden, name, POOLS[name], golden["images/x"])


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers(golden, name, view):
    layer = RECURRENT[name](3, 4, return_sequences=view != "last", dtype=golden.dtype)
    for p in layer.parameters():
        p.value[...] = golden[f"layers/{name}/{p.name}"]
    key, mask = f"layers/{name}_{view}", golden["sequences/mask"] if view == "masked" else None
    golden.compare(f"{key}/y", layer(golden["sequences/x"], mask=mask))
    golden.compare(f"{key}/dx", layer.backward(golden[f"{key}/grad"]))
    for what, p in zip(("dw", "du", "db"), layer.parameters(), strict=True):
        golden.compare(f"{key}/{what}", p.grad)


def fill_attention(layer, golden):
    arrays = zip(golden["attention/kernels"], golden["attention/biases"], strict=True)
    for dense, (kernel, bias) in zip(layer.layers, arrays, strict=True):
        dense.kernel.value[...], dense.bias.value[...] = kernel, bias


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(golden, name):
    layer = nn.MultiHeadAttention(8, 2, causal="causal" in name, dtype=golden.dtype)
    fill_attention(layer, golden)
    mask = golden["attention/mask"] if "masked" in name else None
    golden.compare(f"layers/{name}/y", layer(golden["attention/x"], mask=mask))
    compare_attention(golden, name, layer)


@pytest.mark.parametrize("name", CROSSING)
def test_attention_to_another_sequence(golden, name):
    layer = nn.MultiHeadAttention(8, 2, dtype=golden.dtype)
    fill_attention(layer, golden)
    mask = golden["attention/memory_mask"] if "masked" in name else None
    y = layer.forward(golden["attention/x"], mask=mask, memory=golden["attention/memory"])
    golden.compare(f"layers/{name}/y", y)
    compare_attention(golden, name, layer)
    golden.compare(f"layers/{name}/dmemory", layer.memory_grad)


def compare_attention(golden, name, layer):
    golden.compare(f"layers/{name}/dx", layer.backward(golden["attention/grad"]))
    for what, part in ("dw", "kernel"), ("db", "bias"):
        grads = np.array([getattr(dense, part).grad for dense in layer.layers])
        golden.compare(f"layers/{name}/{what}", grads)


@pytest.mark.parametrize("name", NORMS)
def test_norms(golden, name):
    layer = NORMS[name](8, dtype=golden.dtype)
    for p in layer.parameters():
        p.value[...] = golden[f"attention/{p.name}"]
    golden.compare(f"layers/{name}/y", layer(golden["attention/x"]))
    golden.compare(f"layers/{name}/dx", layer.backward(golden["attention/grad"]))
    for what, p in zip(("dw", "db"), layer.parameters(), strict=False):
        golden.compare(f"layers/{name}/{what}", p.grad)


@pytest.mark.parametrize("name", BLOCKS)
def test_transformer_blocks(golden, name):
    block = nn.TransformerBlock(8, 2, hidden=6, norm_first=BLOCKS[name], dtype=golden.dtype)
    fill_attention(block.attention, golden)
    for dense, kernel in zip(block.network, ("first", "second"), strict=True):
        dense.kernel.value[...] = golden[f"attention/{kernel}"]
    golden.compare(f"layers/{name}/y", block(golden["attention/x"]))
    golden.compare(f"layers/{name}/dx", block.backward(golden["attention/grad"]))
    golden.compare(f"layers/{name}/dw", block.network[0].kernel.grad)


def compare_layer(golden, name, layer, x=None):
    x = golden[f"layers/{name}/x"] if x is None else x
    golden.compare(f"layers/{name}/y", layer(x, training=True))
    golden.compare(f"layers/{name}/dx", layer.backward(golden[f"layers/{name}/grad"]))
    for what, p in zip(("dw", "db"), layer.parameters(), strict=False):
        golden.compare(f"layers/{name}/{what}", p.grad)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(golden, name):
    p = nn.Parameter(golden["optimizers/start"].copy(), "w", regularize=True)
    optimizer, path = OPTIMIZERS[name]([p]), []
    for gradient in golden["optimizers/gradients"]:
        optimizer.zero_grad()
        p.grad += gradient
        optimizer.step()
        path.append(p.value.copy())
    golden.compare(f"optimizers/{name}/path", np.array(path))


def test_no_golden_value_is_left_out(golden):
    tested = {f"activations/{n}" for n in ACTIVATIONS} | {f"losses/{n}" for n in LOSSES}
    tested |= {f"layers/{n}" for n in ("dense", "batch_norm", *CONVOLUTIONS, *POOLS)}
    tested |= {f"layers/{n}_{v}" for n in RECURRENT for v in VIEWS}
    tested |= {f"layers/{n}" for n in (*ATTENTION, *CROSSING, *NORMS, *BLOCKS)}
    tested |= {f"optimizers/{n}" for n in OPTIMIZERS}
    assert sum(k.startswith("keras/optimizers/") for k in golden) == 6
    assert sum(k.startswith("torch/optimizers/") for k in golden) == len(OPTIMIZERS)
    stored = {"/".join(k.split("/")[1:3]) for k in golden if k.startswith(("keras/", "torch/"))}
    assert stored == tested


def test_the_versions_of_today_agree_too(tmp_path):
    """Live: Dense and Adam, in the TensorFlow that is installed here."""
    keras = pytest.importorskip("keras", reason="TensorFlow is not installed")
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(16, 6)), rng.integers(0, 4, 16)
    first, second = nn.Dense(6, 5, rng=0, dtype=float), nn.Dense(5, 4, rng=1, dtype=float)
    ours = nn.Sequential(first, nn.Tanh(), second)
    layers = keras.layers
    theirs = keras.Sequential(
        [
            keras.Input((6,), dtype="float64"),
            layers.Dense(5, "tanh", dtype="float64"),
            layers.Dense(4, dtype="float64"),
        ]
    )
    theirs.set_weights([p.value.copy() for p in ours.parameters()])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(y, theirs(x), from_logits=True)
        )
    expected = tape.gradient(loss, [w.value for w in theirs.trainable_weights])
    value, grad = nn.losses.softmax_cross_entropy(ours(x), y)
    ours.backward(grad)
    assert abs(value - float(loss)) < 1e-12
    for p, g in zip(ours.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad, g.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), TOLERANCE.items())
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_of_today_agree_too(name, dtype, tolerance):
    """Live: Keras given the same weights, over sequences of unequal length."""
    keras = pytest.importorskip("keras", reason="TensorFlow is not installed")
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    rng = np.random.default_rng(8)
    x = rng.normal(size=(6, 9, 5)).astype(dtype)
    mask = rng.integers(1, 10, 6)[:, None] > np.arange(9)
    ours = RECURRENT[name](5, 8, return_sequences=True, rng=0, dtype=dtype)
    options = {"reset_after": False} if name == "gru" else {}
    theirs = getattr(keras.layers, type(ours).__name__)(
        8, return_sequences=True, dtype=dtype, **options
    )
    theirs.build(x.shape)
    theirs.set_weights([p.value.copy() for p in ours.parameters()])
    v, grad = tf.Variable(x), rng.normal(size=(6, 9, 8)).astype(dtype)
    with tf.GradientTape() as tape:
        y = theirs(v, mask=tf.constant(mask))
    expected = tape.gradient(
        y, [v, *(w.value for w in theirs.trainable_weights)], tf.constant(grad)
    )
    pairs = [(ours(x, mask=mask), y), (ours.backward(grad), expected[0])]
    pairs += zip([p.grad for p in ours.parameters()], expected[1:], strict=True)
    for mine, other in pairs:
        assert mine.dtype == dtype
        error = np.max(np.abs(mine - other.numpy())) / np.max(np.abs(other.numpy()))
        assert error <= tolerance


KERAS_LOSSES = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "huber": "Huber",
    "sigmoid_binary_cross_entropy": "BinaryCrossentropy",
    "softmax_cross_entropy": "CategoricalCrossentropy",
}


def test_weighted_losses_agree_with_keras():
    keras = pytest.importorskip("keras", reason="TensorFlow is not installed")
    rng = np.random.default_rng(2)
    prediction, target = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 1]]
    weight = rng.random(4)
    for name, theirs in KERAS_LOSSES.items():
        options = {"from_logits": True} if "entropy" in name else {}
        expected = getattr(keras.losses, theirs)(**options)(target, prediction, weight)
        value, _ = getattr(nn.losses, name)(prediction, target, sample_weight=weight)
        assert value == pytest.approx(float(expected), rel=1e-5), name
