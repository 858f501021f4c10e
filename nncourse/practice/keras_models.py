"""Keras models as models of this package, so that they can be exported the same way.

Keras keeps layers in a list, with their settings; each becomes the layer here that computes the
same, with the same weights. What has no equal is refused by name, never approximated.
"""

import numpy as np

from .. import layers as L
from ..layers.exchange import from_keras
from ..vision.convnets import ReLU6

__all__ = ["sequential_from_keras"]


def sequential_from_keras(model):
    """Return a Sequential that computes what a Keras ``Sequential`` computes.

    Parameters
    ----------
    model : keras.Sequential
        Built, of layers that this package has, too.

    Returns
    -------
    Sequential

    Raises
    ------
    TypeError
        If there is another layer, or one with a setting that has no equal here; it is named.

    Notes
    -----
    ``to_onnx(sequential_from_keras(model), model.input_shape[1:])`` exports a Keras model.
    See :func:`~nncourse.practice.export.to_onnx`.
    """
    if type(model).__name__ != "Sequential":
        raise TypeError(f"expected a Keras Sequential, got {type(model).__name__}")
    layers = [ours for theirs in model.layers for ours in _converted(theirs)]
    return L.Sequential(*layers)


def _converted(theirs, backward=False):
    """Return the layer, and behind it a layer of its activation, if it has one."""
    kind, config = type(theirs).__name__, theirs.get_config()
    if kind in ("InputLayer", "Dropout"):
        return []
    if kind == "Activation":
        return _activation(theirs, config["activation"])
    if kind == "Bidirectional":
        return _both(theirs, config["merge_mode"])
    if kind not in _MAKERS:
        raise _unknown(theirs, "this layer has no equal in nncourse")
    wanted = _WANTED | _ALSO.get(kind, {"axis": (-1, [-1])}) | {"go_backwards": (backward,)}
    for name, values in wanted.items():
        if name in config and config[name] not in values:
            raise _unknown(theirs, f"{name}={config[name]!r} has no equal in nncourse")
    weights = [np.asarray(w) for w in theirs.get_weights()]
    ours = _MAKERS[kind](config, weights)
    if weights:
        from_keras(ours, _complete(config, weights))
    activation = "linear" if kind in _ALSO else config.get("activation", "linear")
    return [ours, *_activation(theirs, activation)]


def _both(theirs, merge_mode):
    if merge_mode != "concat":
        raise _unknown(theirs, f"merge_mode={merge_mode!r} has no equal in nncourse")
    [first], [second] = _converted(theirs.forward_layer), _converted(theirs.backward_layer, True)
    return [L.Bidirectional(first, second)]


def _activation(theirs, name):
    """Return a list with the layer of an activation, or an empty one for none."""
    if name == "linear":
        return []
    if name not in _ACTIVATIONS:
        raise _unknown(theirs, f"activation={name!r} has no equal in nncourse")
    return [_ACTIVATIONS[name]()]


def _complete(config, weights):
    """Add what a layer without bias, scale or shift leaves out."""
    if config.get("use_bias", True) and config.get("center", True) and config.get("scale", True):
        return weights
    if "center" in config:
        features = weights[0].shape
        gamma = [weights.pop(0) if config["scale"] else np.ones(features)]
        beta = [weights.pop(0) if config["center"] else np.zeros(features)]
        return gamma + beta + weights
    units = config.get("units", config.get("filters", weights[0].shape[-2]))
    return [*weights, np.zeros(units)]


def _unknown(layer, reason):
    kind = type(layer).__name__
    return TypeError(f"the layer {layer.name!r} ({kind}) cannot be taken over: {reason}")


def _convolution(config, weights):
    *size, channels, filters = weights[0].shape
    return L.Conv2D(channels, filters, size, stride=config["strides"], padding=config["padding"])


def _depthwise(config, weights):
    *size, channels, _ = weights[0].shape
    return L.DepthwiseConv2D(channels, size, stride=config["strides"], padding=config["padding"])


def _pool(kind):
    return lambda config, _: kind(config["pool_size"], stride=config["strides"])


def _recurrent(kind):
    def make(config, weights):
        more = {"reset_after": config["reset_after"]} if kind is L.GRU else {}
        sequences = config["return_sequences"]
        return kind(len(weights[0]), config["units"], return_sequences=sequences, **more)

    return make


def _norm(kind):
    return lambda config, weights: kind(len(weights[0]), epsilon=config["epsilon"])


_ACTIVATIONS = {
    "relu": L.ReLU, "relu6": ReLU6, "sigmoid": L.Sigmoid, "tanh": L.Tanh, "softmax": L.Softmax,
    "elu": L.ELU, "softplus": L.Softplus, "silu": L.SiLU, "gelu": lambda: L.GELU(exact=True),
}  # fmt: skip
_MAKERS = {
    "Dense": lambda config, weights: L.Dense(*weights[0].shape),
    "Flatten": lambda *_: L.Flatten(),
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "MaxPooling2D": _pool(L.MaxPool2D),
    "AveragePooling2D": _pool(L.AveragePool2D),
    "GlobalAveragePooling2D": lambda *_: L.GlobalAveragePool2D(),
    "BatchNormalization": _norm(L.BatchNorm),
    "LayerNormalization": _norm(L.LayerNorm),
    "Embedding": lambda config, weights: L.Embedding(*weights[0].shape),
    "SimpleRNN": _recurrent(L.SimpleRNN),
    "LSTM": _recurrent(L.LSTM),
    "GRU": _recurrent(L.GRU),
    "ReLU": lambda config, _: L.ReLU() if config["max_value"] is None else ReLU6(),
    "LeakyReLU": lambda config, _: L.LeakyReLU(config["negative_slope"]),
    "ELU": lambda config, _: L.ELU(config["alpha"]),
    "Softmax": lambda *_: L.Softmax(),
}
_WANTED = {  # settings, and the values of them that mean what they mean here
    "dilation_rate": ((1, 1),),
    "groups": (1,),
    "depth_multiplier": (1,),
    "data_format": ("channels_last", None),
    "padding": ("valid", "same"),
    "keepdims": (False,),
    "stateful": (False,),
    "return_state": (False,),
    "mask_zero": (False,),
    "rms_scaling": (False,),
    "threshold": (0,),
    "max_value": (None, 6),
}
_CELL = {"activation": ("tanh",), "recurrent_activation": ("sigmoid",), "use_bias": (True,)}
_POOL = {"padding": ("valid",)}
_ALSO = {
    "SimpleRNN": _CELL, "LSTM": _CELL, "GRU": _CELL,
    "MaxPooling2D": _POOL, "AveragePooling2D": _POOL, "ReLU": {"negative_slope": (0,)},
}  # fmt: skip
