"""Export: a trained model as an ONNX graph, which runs where nncourse is not installed.

ONNX is a published format for networks: a list of operations with names and published definitions,
and the weights. A file of it is data, never a program, unlike a pickle. Each layer here is written
as the few operations it is made of, in the order of its forward pass; what a layer does only while
training (dropout, augmentation) leaves no trace. Source: ONNX's reference of operators, opset 20.
"""

import copy

import numpy as np

from .. import layers as L
from ..language.transformer import BERT, GPT, TransformerBlock
from ..vision.convnets import ReLU6, ResidualBlock
from ..vision.efficientnet import EfficientNet
from . import _sequences as sequences

__all__ = ["to_onnx"]

OPSET = 20  # the first one with Gelu


def to_onnx(model, shape):
    """Write a model as an ONNX graph that computes the same, in float32.

    Parameters
    ----------
    model : Layer
        Of the layers of the package, in a :class:`~nncourse.layers.core.Sequential` for instance.
    shape : tuple of int or None
        Of one example, without the batch: ``(784,)``, ``(28, 28, 1)``; None for a number of steps
        that may vary, ``(None, 2)``.

    Returns
    -------
    bytes
        A file's content. Its input is called ``inputs`` and its output ``outputs``; both begin with
        a batch axis of any length.

    Raises
    ------
    TypeError
        If there is a layer of another kind, which ONNX cannot know: the message names it.
    ValueError
        If the model does not take examples of this shape.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(4, 3, rng=0), nn.ReLU(), nn.Dense(3, 2, rng=1))
    >>> run = nn.runtime.OnnxModel(to_onnx(model, (4,)))
    >>> x = np.ones((5, 4), np.float32)
    >>> run(x).shape, bool(abs(run(x) - model(x)).max() < 1e-6)
    ((5, 2), True)
    """
    from onnx import TensorProto, checker, helper

    shape = tuple(n if n is None else int(n) for n in shape)
    ids, trial = _reads_ids(model), copy.deepcopy(model)
    outputs = [  # of 2 and of 3 steps; a layer explains a shape that does not fit
        trial(np.zeros((1, *(n or steps for n in shape)), int if ids else np.float32)).shape[1:]
        for steps in (2, 3)
    ]
    graph = _Graph()
    graph.node("Identity", [graph.write(model, "inputs")], name="outputs")
    sizes = ["batch", *(n or "steps" for n in shape)]
    ends = ["batch", *(n if n == m else "steps" for n, m in zip(*outputs, strict=True))]
    kind = TensorProto.INT64 if ids else TensorProto.FLOAT
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "nncourse",
            [helper.make_tensor_value_info("inputs", kind, sizes)],
            [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ends)],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
        producer_name="nncourse",
    )
    checker.check_model(proto)
    return proto.SerializeToString()


class _Graph:
    """The operations and the weights that have been written so far."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def node(self, operation, inputs, *, outputs=1, name=None, **attributes):
        """Add an operation; return the name of its (last) output. Arrays become weights."""
        from onnx import helper

        inputs = [each if isinstance(each, str) else self.weight(each) for each in inputs]
        names = [name or f"{operation}_{len(self.nodes)}"]
        names += [f"{names[0]}_{i}" for i in range(1, outputs)]
        self.nodes.append(helper.make_node(operation, inputs, names, **attributes))
        return names[-1]

    def weight(self, array):
        from onnx import numpy_helper

        array = np.asarray(array)
        kind = np.float32 if array.dtype.kind == "f" else np.int64
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(array, kind, order="C"), name))
        return name

    def write(self, layer, x):
        """Write a layer that reads ``x``; return the name of its output."""
        writer = _WRITERS.get(type(layer))
        if writer is None:
            raise TypeError(
                f"to_onnx has no ONNX operations for {layer!r} of class {type(layer).__name__}. "
                "Build the model of the package's own layers, or leave this one out."
            )
        return writer(self, layer, x)

    def steps(self, x, axis=1):
        """Return the length of the time axis, an array of one number."""
        return self.node("Gather", [self.node("Shape", [x]), np.array([axis])])

    def heads(self, x, heads):
        """From (batch, time, dim) to (batch, heads, time, head_dim)."""
        split = self.node("Reshape", [x, np.array([0, 0, heads, -1])])
        return self.node("Transpose", [split], perm=[0, 2, 1, 3])

    def on_images(self, operation, inputs, **attributes):
        """Write an operation that expects (batch, channels, height, width)."""
        x, *weights = inputs
        x = self.node("Transpose", [x], perm=[0, 3, 1, 2])
        y = self.node(operation, [x, *weights], **attributes)
        return self.node("Transpose", [y], perm=[0, 2, 3, 1])


def _reads_ids(layer):
    while isinstance(layer, L.Sequential):
        layer = layer.layers[0]
    return isinstance(layer, (L.Embedding, GPT, BERT))


def _sequential(g, layer, x):
    for inner in layer.layers:
        x = g.write(inner, x)
    return x


def _residual(g, layer, x):
    return g.node("Add", [x, _sequential(g, layer, x)])


def _residual_block(g, layer, x):
    straight = x if layer.shortcut is None else g.write(layer.shortcut, x)
    return g.node("Add", [straight, _sequential(g, layer, x)])


def _dense(g, layer, x):
    product = g.node("MatMul", [x, layer.kernel.value])
    return g.node("Add", [product, layer.bias.value])


def _conv(g, layer, x):
    depthwise = isinstance(layer, L.DepthwiseConv2D)
    kernel = layer.kernel.value[:, :, None] if depthwise else layer.kernel.value
    padding = {"auto_pad": "SAME_UPPER"} if layer.padding == "same" else {}
    if isinstance(layer.padding, (int, np.integer)):
        padding = {"pads": [int(layer.padding)] * 4}
    return g.on_images(
        "Conv",
        [x, kernel.transpose(3, 2, 0, 1), layer.bias.value],
        strides=layer.stride,
        group=kernel.shape[3] if depthwise else 1,
        **padding,
    )


def _pool(g, layer, x):
    name = type(layer).__name__.removesuffix("2D")  # MaxPool, AveragePool
    return g.on_images(name, [x], kernel_shape=layer.size, strides=layer.stride)


def _global_pool(g, layer, x):
    return g.node("ReduceMean", [x, np.array([1, 2])], keepdims=0)


def _batch_norm(g, layer, x):
    """With fixed averages it is one product and one sum."""
    mean, variance = (a.astype(float) for a in (layer.running_mean, layer.running_variance))
    scale = layer.gamma.value / np.sqrt(variance + layer.epsilon)
    return g.node("Add", [g.node("Mul", [x, scale]), layer.beta.value - mean * scale])


def _layer_norm(g, layer, x):
    inputs = [x, layer.gamma.value, layer.beta.value]
    return g.node("LayerNormalization", inputs, axis=-1, epsilon=layer.epsilon)


def _rms_norm(g, layer, x):
    squares = g.node("ReduceMean", [g.node("Mul", [x, x]), np.array([-1])])
    root = g.node("Sqrt", [g.node("Add", [squares, np.array([layer.epsilon])])])
    return g.node("Mul", [g.node("Div", [x, root]), layer.gamma.value])


def _activation(operation, **fixed):
    return lambda g, layer, x: g.node(operation, [x], **fixed, **getattr(layer, "_options", {}))


def _gelu(g, layer, x):
    return g.node("Gelu", [x], approximate="none" if layer._options else "tanh")


def _passed_on(g, layer, x):
    return x


_WRITERS = {
    L.Sequential: _sequential,
    L.Residual: _residual,
    TransformerBlock: _sequential,
    ResidualBlock: _residual_block,
    L.Dense: _dense,
    L.LoRA: lambda g, layer, x: _dense(g, layer.merge(), x),
    L.Flatten: lambda g, layer, x: g.node("Flatten", [x]),
    L.Conv2D: _conv,
    L.DepthwiseConv2D: _conv,
    L.MaxPool2D: _pool,
    L.AveragePool2D: _pool,
    L.GlobalAveragePool2D: _global_pool,
    L.BatchNorm: _batch_norm,
    L.LayerNorm: _layer_norm,
    L.RMSNorm: _rms_norm,
    L.Embedding: sequences.embedding,
    L.PositionalEncoding: sequences.positions,
    L.SimpleRNN: sequences.recurrent,
    L.GRU: sequences.recurrent,
    L.LSTM: sequences.recurrent,
    L.Bidirectional: sequences.bidirectional,
    L.MultiHeadAttention: sequences.attention,
    GPT: sequences.gpt,
    BERT: sequences.bert,
    EfficientNet: lambda g, layer, x: g.write(layer.classifier, g.write(layer.body, x)),
    L.ReLU: _activation("Relu"),
    L.LeakyReLU: _activation("LeakyRelu"),
    L.ELU: _activation("Elu"),
    L.Sigmoid: _activation("Sigmoid"),
    L.Tanh: _activation("Tanh"),
    L.Softplus: _activation("Softplus"),
    L.GELU: _gelu,
    L.SiLU: lambda g, layer, x: g.node("Mul", [x, g.node("Sigmoid", [x])]),
    L.Softmax: _activation("Softmax", axis=-1),
    ReLU6: lambda g, layer, x: g.node("Clip", [x, np.array(0.0), np.array(6.0)]),
    L.Dropout: _passed_on,
    L.RandomAffine: _passed_on,
    L.RandomFlip: _passed_on,
}
