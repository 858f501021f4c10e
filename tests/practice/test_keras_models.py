"""A Keras model, taken over and exported, gives Keras's own numbers."""

import numpy as np
import pytest

import nncourse as nn
from nncourse.practice.keras_models import sequential_from_keras

keras = pytest.importorskip("keras")
K = keras.layers
IMAGE, SERIES = (9, 8, 2), (5, 3)
MODELS = {
    "dense": (SERIES[1:], [K.Dense(5, activation="relu"), K.Dropout(0.5), K.Dense(2)]),
    "no bias": ((3,), [
        K.Dense(5, use_bias=False), K.BatchNormalization(scale=False, center=False)]),
    "no scale": ((3,), [K.LayerNormalization(scale=False), K.BatchNormalization(center=False)]),
    "activations": ((3,), [K.Dense(4, activation=name) for name in (
        "sigmoid", "tanh", "softmax", "elu", "softplus", "silu", "gelu", "relu6", "linear")]),
    "layers of activations": ((3,), [
        K.Activation("tanh"), K.ReLU(), K.LeakyReLU(negative_slope=0.3), K.ELU(alpha=0.5),
        K.ReLU(max_value=6), K.Softmax()]),
    "convnet": (IMAGE, [
        K.Conv2D(4, 3, padding="same", activation="relu"), K.MaxPooling2D(2),
        K.DepthwiseConv2D(3, use_bias=False, padding="same"), K.BatchNormalization(),
        K.AveragePooling2D(2), K.Flatten(), K.Dense(3)]),
    "strides": (IMAGE, [
        K.Conv2D(4, (2, 3), strides=2, padding="same"), K.GlobalAveragePooling2D()]),
    "recurrent": (SERIES, [
        K.LSTM(4, return_sequences=True), K.GRU(3, return_sequences=True),
        K.GRU(3, return_sequences=True, reset_after=False), K.SimpleRNN(2)]),
    "both directions": (SERIES, [
        K.Bidirectional(K.LSTM(4, return_sequences=True)), K.Bidirectional(K.GRU(3)), K.Dense(2)]),
}  # fmt: skip
REFUSED = {
    "another layer": ((3,), K.GaussianNoise(0.1), "no equal"),
    "groups": (IMAGE, K.Conv2D(4, 3, groups=2), "groups=2"),
    "dilation": (IMAGE, K.Conv2D(4, 3, dilation_rate=2), "dilation_rate"),
    "pooling with padding": (IMAGE, K.MaxPooling2D(2, padding="same"), "padding='same'"),
    "another axis": (IMAGE, K.BatchNormalization(axis=1), "axis"),
    "another activation": ((3,), K.Dense(2, activation="selu"), "activation='selu'"),
    "backward": (SERIES, K.LSTM(2, go_backwards=True), "go_backwards"),
    "another gate": (SERIES, K.LSTM(2, recurrent_activation="relu"), "recurrent_activation"),
    "a sum of directions": (SERIES, K.Bidirectional(K.LSTM(2), merge_mode="sum"), "merge_mode"),
    "no bias of a cell": (SERIES, K.LSTM(2, use_bias=False), "use_bias"),
    "another cell": (SERIES, K.SimpleRNN(2, activation="relu"), "activation='relu'"),
    "dilated channels": (IMAGE, K.DepthwiseConv2D(3, dilation_rate=(1, 2)), "dilation_rate"),
    "two kernels a channel": (IMAGE, K.DepthwiseConv2D(3, depth_multiplier=2), "depth_multiplier"),
    "channels first": (IMAGE, K.MaxPooling2D(2, data_format="channels_first"), "data_format"),
    "kept axes": (IMAGE, K.GlobalAveragePooling2D(keepdims=True), "keepdims=True"),
    "a threshold": ((3,), K.ReLU(threshold=0.5), "threshold=0.5"),
    "another ceiling": ((3,), K.ReLU(max_value=5), "max_value=5"),
    "a leak": ((3,), K.ReLU(negative_slope=0.5), "negative_slope=0.5"),
    "a mean of pools": (IMAGE, K.AveragePooling2D(2, padding="same"), "padding='same'"),
    "a softmax of columns": (SERIES, K.Softmax(axis=1), "axis=1"),
    "a norm of columns": (SERIES, K.LayerNormalization(axis=1), "axis"),
    "zeros that are no words": ((3,), K.Embedding(5, 2, mask_zero=True), "mask_zero=True"),
    "a state that is given": (SERIES, K.LSTM(2, return_state=True), "return_state=True"),
}


@pytest.mark.parametrize("name", MODELS)
def test_keras_to_onnx_keeps_the_numbers(name):
    shape, layers = MODELS[name]
    model = keras.Sequential([keras.Input(shape), *layers])
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.3 * abs(rng.normal(size=w.shape)) for w in model.get_weights()])
    x = rng.normal(size=(6, *shape)).astype(np.float32)
    expected = np.asarray(model(x))
    ours = sequential_from_keras(model)
    np.testing.assert_allclose(ours(x), expected, atol=1e-5, rtol=1e-5)
    run = nn.runtime.OnnxModel(nn.export.to_onnx(ours, shape))
    np.testing.assert_allclose(run(x), expected, atol=1e-5, rtol=1e-5)


def test_ids_are_taken_over():
    model = keras.Sequential([keras.Input((4,), dtype="int32"), K.Embedding(6, 3), K.LSTM(2)])
    x = np.array([[0, 5, 2, 2]])
    run = nn.runtime.OnnxModel(nn.export.to_onnx(sequential_from_keras(model), (4,)))
    np.testing.assert_allclose(run(x), np.asarray(model(x)), atol=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_equal_is_refused_by_name(name):
    shape, layer, reason = REFUSED[name]
    model = keras.Sequential([keras.Input(shape), layer])
    with pytest.raises(TypeError, match=reason) as error:
        sequential_from_keras(model)
    assert layer.name in str(error.value)


def test_a_graph_of_layers_is_refused():
    inputs = keras.Input((3,))
    with pytest.raises(TypeError, match="Functional"):
        sequential_from_keras(keras.Model(inputs, K.Dense(2)(inputs)))
