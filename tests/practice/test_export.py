"""Every layer of the package, written as ONNX and run by ONNX Runtime, computes the same."""

import numpy as np
import pytest
from layer_cases import CASES, make

import nncourse as nn
from nncourse.practice.export import _WRITERS, to_onnx
from nncourse.practice.runtime import OnnxModel
from nncourse.vision.efficientnet import EfficientNet

pytest.importorskip("onnxruntime")


def stirred(model):
    """Move every number away from where it starts: zero biases and unit scales hide mistakes."""
    rng = np.random.default_rng(5)
    for array in [p.value for p in model.parameters()] + list(model.buffers().values()):
        array += 0.3 * np.abs(rng.normal(size=array.shape))
    return model


@pytest.mark.parametrize("name", CASES)
def test_each_layer_computes_the_same(name):
    layer, x = make(name, np.float32, seed=3)
    model = stirred(nn.Sequential(layer))
    expected = model(x)
    got = OnnxModel(to_onnx(model, x.shape[1:]))(x)
    assert got.shape == expected.shape and got.dtype == np.float32
    assert np.abs(got - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


def test_every_layer_of_the_package_is_tried():
    tried = {type(part) for name in CASES for part in nn.layers.core._walk(make(name)[0])}
    assert set(_WRITERS) - tried == {EfficientNet}  # which is made of the others
    public = {value for value in vars(nn.layers).values() if isinstance(value, type)}
    layers = {kind for kind in public if issubclass(kind, nn.Layer) and kind is not nn.Layer}
    assert layers <= set(_WRITERS)


def test_the_batch_has_any_length():
    model = nn.Sequential(nn.Dense(4, 3, rng=0), nn.Softmax())
    run = OnnxModel(to_onnx(model, (4,)))
    assert run.shape == ("batch", 4) and run.dtype == np.float32
    for n in (1, 2, 9):
        assert run(np.ones((n, 4), np.float32)).shape == (n, 3)


@pytest.mark.parametrize("reads", ["numbers", "ids"])
def test_the_number_of_steps_may_vary(reads):
    if reads == "ids":
        model, shape = nn.GPT(6, 4, 2, 2, context=8, rng=0), (None,)
    else:
        model = nn.Sequential(nn.LSTM(3, 4, return_sequences=True, rng=0), nn.Dense(4, 2, rng=1))
        shape = (None, 3)
    run, rng = OnnxModel(to_onnx(model, shape)), np.random.default_rng(0)
    assert run.shape == ("batch", "steps", *shape[1:])
    for steps in (1, 5, 8):
        x = rng.normal(size=(2, steps, 3)).astype(np.float32)
        x = rng.integers(0, 6, (2, steps)) if reads == "ids" else x
        np.testing.assert_allclose(run(x), model(x), atol=1e-5)


def test_a_model_in_float64_is_written_in_float32():
    model = nn.Sequential(nn.Dense(4, 3, rng=0, dtype=np.float64))
    run = OnnxModel(to_onnx(model, (4,)))
    assert run(np.ones((2, 4))).dtype == np.float32


def test_a_layer_that_onnx_does_not_know_is_named():
    class Double(nn.Layer):
        def forward(self, x, *, training=False):
            return 2 * x

        def backward(self, grad):
            return 2 * grad

    with pytest.raises(TypeError, match=r"Double\(\) of class Double"):
        to_onnx(nn.Sequential(nn.Dense(4, 3, rng=0), Double()), (4,))

    class Negative(nn.Sequential):
        """One that is a Sequential by name only: its forward does more."""

        def forward(self, x, *, training=False, mask=None):
            return -super().forward(x)

    with pytest.raises(TypeError, match="Negative"):
        to_onnx(Negative(nn.Dense(4, 3, rng=0)), (4,))


def test_a_wrong_shape_is_explained_by_the_layer():
    with pytest.raises(ValueError, match=r"Dense\(4→3\) expects"):
        to_onnx(nn.Sequential(nn.Dense(4, 3, rng=0)), (5,))


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Dense(4, 3, rng=0))
    to_onnx(model, (4,))
    with pytest.raises(RuntimeError, match="before forward"):
        model.backward(np.ones((1, 3), np.float32))


def test_a_published_network_is_exported():
    """EfficientNet-Lite0, its weights still zero but for the last biases: 50 layers of images."""
    model = EfficientNet(rng="zeros")
    model.classifier.bias.value[...] = np.arange(1000)
    run = OnnxModel(to_onnx(model, (32, 32, 3)))
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(run(x), model(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04N."])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ValueError, match="no model that ONNX Runtime can read"):
        OnnxModel(content)


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("context", [3, 4])
def test_an_exported_model_keeps_its_context_and_its_vocabulary(rotary, context):
    """As the model does; a server then answers 422. ONNX's Gather would take -1 for the last."""
    model = nn.GPT(9, 4, 2, 1, context=context, rotary=rotary, rng=0)
    run = nn.runtime.OnnxModel(nn.export.to_onnx(model, (None,)))
    full = np.arange(2 * context).reshape(2, context) % 9
    np.testing.assert_allclose(run(full), model(full), atol=1e-5)
    np.testing.assert_allclose(run(full.astype(np.uint8)), model(full), atol=1e-5)
    longer = np.zeros((1, context + 1), int)
    for wrong in (longer, np.full((1, 1), -1), np.full((1, 1), 9), np.array([[0.5]])):
        with pytest.raises((ValueError, TypeError)):
            model(wrong)
        with pytest.raises(ValueError, match=r"ONNXRuntimeError|expected int64 or its like"):
            run(wrong)


def test_an_exported_table_of_positions_has_an_end():
    for context in (1, 4):
        layer = nn.PositionalEncoding(context, 2)
        run = nn.runtime.OnnxModel(nn.export.to_onnx(layer, (np.int64(context), 2)))
        x = np.ones((1, context, 2), np.float32)
        np.testing.assert_allclose(run(x), layer(x), atol=1e-6)
        run = nn.runtime.OnnxModel(nn.export.to_onnx(nn.BERT(9, 4, 2, 1, context=3), (None,)))
        with pytest.raises(ValueError, match="ONNXRuntimeError"):
            run(np.zeros((1, 4), int))


@pytest.mark.parametrize(
    ("model", "shape", "ends"),
    [
        (nn.Dense(4, 3, rng=0), (4,), ["batch", 3]),
        (nn.GPT(6, 4, 2, 1, context=8, rng=0), (None,), ["batch", "steps", 6]),
        (nn.LSTM(3, 4, rng=0), (None, 3), ["batch", 4]),
        (nn.Conv2D(1, 2, 3, rng=0), (7, 5, 1), ["batch", 5, 3, 2]),
    ],
    ids=["rows", "ids", "a state", "images"],
)
def test_a_graph_says_the_shape_of_its_answers(model, shape, ends):
    """A number where the model fixes it, a name where the input decides."""
    run = OnnxModel(to_onnx(model, shape))
    assert run._session.get_outputs()[0].shape == ends
    assert list(run.shape) == ["batch", *(n or "steps" for n in shape)]
