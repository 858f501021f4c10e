"""Layers that read sequences, written as ONNX operations: part of :mod:`nncourse.practice.export`.

Each function writes one kind of layer into the graph ``g`` and returns the name of its output.
"""

from math import sqrt

import numpy as np


def embedding(g, layer, x):
    """A negative number would count from the end: it is made one that no table has."""
    none = np.array(len(layer.table.value))
    ids = g.node("Where", [g.node("Less", [x, np.array(0)]), none, x])
    return g.node("Gather", [layer.table.value, ids])


def positions(g, layer, x):
    return _add_rows(g, layer.positions.value, x)


def _add_rows(g, table, x):
    """Add to each step its row of a table; a step that has none is an error of the runtime."""
    time = g.node("Squeeze", [g.steps(x)])
    return g.node("Add", [x, g.node("Gather", [table, _count(g, time)])])


def _count(g, time):
    return g.node("Range", [np.array(0), time, np.array(1)])


def recurrent(g, layer, x, direction="forward"):
    """ONNX keeps matrices as (outputs, inputs), two biases, and an LSTM's gates as i, o, f, g."""
    kind = {"SimpleRNN": "RNN"}.get(type(layer).__name__, type(layer).__name__)
    order = [0, 3, 1, 2] if kind == "LSTM" else list(range(len(layer.starts)))

    def turned(array):
        blocks = np.split(np.atleast_2d(array), len(order), axis=1)
        return np.hstack([blocks[i] for i in order]).T

    units = len(layer.recurrent_kernel.value)
    bias, second = turned(layer.bias.value)[:, 0], np.zeros(units * len(order))
    options = {}
    if getattr(layer, "reset_after", False):
        second[-units:], options = layer.recurrent_bias.value, {"linear_before_reset": 1}
    weights = [turned(layer.kernel.value)[None], turned(layer.recurrent_kernel.value)[None]]
    weights.append(np.concatenate([bias, second])[None])
    options |= {"hidden_size": units, "direction": direction}
    in_time = g.node("Transpose", [x], perm=[1, 0, 2])
    last = g.node(kind, [in_time, *weights], outputs=2, **options)  # (1, batch, units)
    if not layer.return_sequences:
        return g.node("Squeeze", [last, np.array([0])])
    steps = g.node("Squeeze", [last.removesuffix("_1"), np.array([1])])  # (time, batch, units)
    return g.node("Transpose", [steps], perm=[1, 0, 2])


def bidirectional(g, layer, x):
    both = [recurrent(g, layer.first, x), recurrent(g, layer.second, x, "reverse")]
    return g.node("Concat", both, axis=-1)


def attention(g, layer, x):
    q, k, v = (g.heads(g.write(d, x), layer.heads) for d in (layer.query, layer.key, layer.value))
    if layer.rotary:
        q, k = _rotated(g, layer, q), _rotated(g, layer, k)
    scaled = g.node("Mul", [q, np.array(1 / sqrt(layer.dim // layer.heads))])
    scores = g.node("MatMul", [scaled, g.node("Transpose", [k], perm=[0, 1, 3, 2])])
    if layer.causal:
        zeros = g.node("Mul", [scores, np.array(0.0)])
        masked = g.node("Add", [zeros, np.array(-1e30)])
        scores = g.node("Add", [scores, g.node("Trilu", [masked, np.array(1)], upper=1)])
    mixed = g.node("MatMul", [g.node("Softmax", [scores], axis=-1), v])
    mixed = g.node("Transpose", [mixed], perm=[0, 2, 1, 3])
    merged = g.node("Reshape", [mixed, np.array([0, 0, layer.dim])])
    return g.write(layer.output, merged)


def _rotated(g, layer, x):
    """Turn each pair of features by position times its frequency."""
    size = layer.dim // layer.heads
    time = g.node("Squeeze", [g.steps(x, axis=2)])
    column = g.node("Unsqueeze", [g.node("Cast", [_count(g, time)], to=1), np.array([1])])
    angle = g.node("Mul", [column, 10000.0 ** (-np.arange(0, size, 2) / size)])
    cos, sin = g.node("Cos", [angle]), g.node("Sin", [angle])
    even, odd = (
        g.node("Slice", [x, *(np.array([i]) for i in (start, size, -1, 2))]) for start in (0, 1)
    )

    def product(a, b):
        return g.node("Mul", [a, b])

    first = g.node("Sub", [product(even, cos), product(odd, sin)])
    second = g.node("Add", [product(even, sin), product(odd, cos)])
    pairs = [g.node("Unsqueeze", [part, np.array([-1])]) for part in (first, second)]
    return g.node("Reshape", [g.node("Concat", pairs, axis=-1), np.array([0, 0, 0, size])])


def gpt(g, layer, x):
    h = g.write(layer.embedding, x)
    if layer.positions is None:  # nothing else would notice a text longer than the context
        h = _add_rows(g, np.zeros((layer.context, 1)), h)
    h = g.write(layer.body, h)
    return g.node("MatMul", [h, layer.embedding.table.value.T])


def bert(g, layer, x):
    tokens = g.write(layer.positions, g.write(layer.tokens, x))
    return g.write(layer.body, g.node("Add", [tokens, layer.segments.table.value[0]]))
