"""Parameters by their paths, and the layers that hold them."""

import numpy as np
import pytest
from layer_cases import CASES, make

import nncourse as nn
from nncourse.layers.core import _walk


@pytest.mark.parametrize("name", CASES)
def test_paths_name_the_parameters_in_their_order(name):
    layer, _ = make(name)
    named = layer.named_parameters()
    assert [id(p) for p in named.values()] == [id(p) for p in layer.parameters()]
    assert layer.count_parameters() == sum(p.value.size for p in layer.parameters())
    for path, p in named.items():
        held = layer
        for step in path.split("."):
            held = held[int(step)] if step.isdigit() else getattr(held, step)
        assert held is p


def test_a_sequential_numbers_its_layers():
    inner = nn.Residual(nn.Dense(3, 3), nn.BatchNorm(3))
    model = nn.Sequential(nn.Dense(2, 3), nn.ReLU(), inner)
    paths = "0.kernel 0.bias 2.0.kernel 2.0.bias 2.1.gamma 2.1.beta".split()
    assert list(model.named_parameters()) == paths
    assert list(model.buffers()) == ["2.1.running_mean", "2.1.running_variance"]
    assert model.count_parameters() == 2 * 3 + 3 + 3 * 3 + 3 + 3 + 3


def test_a_transformer_names_its_parts():
    block = "attention_norm.gamma attention_norm.beta attention.query.kernel attention.query.bias"
    paths = list(nn.GPT(5, 4, 2, 2, context=3).named_parameters())
    assert paths[:2] == ["embedding.table", "positions.positions"]
    assert paths[2:6] == [f"blocks.0.{path}" for path in block.split()]
    assert paths[-3:] == ["blocks.1.network.1.bias", "norm.gamma", "norm.beta"]
    block = "attention.output.bias attention_norm.gamma attention_norm.beta network.0.kernel"
    paths = list(nn.BERT(5, 4, 2, 1, context=3).named_parameters())
    assert paths[:4] == ["tokens.table", "positions.positions", "segments.table", "norm.gamma"]
    assert paths[12:16] == [f"blocks.0.{path}" for path in block.split()]


def test_a_shared_parameter_has_its_first_path():
    first, second = nn.Dense(3, 3), nn.Dense(3, 3)
    second.kernel = first.kernel
    model = nn.Sequential(first, nn.Tanh(), second)
    assert list(model.named_parameters()) == ["0.kernel", "0.bias", "2.bias"]


def test_layers_in_lists_are_found():
    class Sum(nn.Layer):
        def __init__(self):
            self.parts = [nn.Dense(2, 1), nn.LoRA(nn.Dense(2, 2), 1)]
            self.scale = nn.Parameter(np.ones(1), "scale")

        def forward(self, x, *, training=False):
            return self.scale.value * sum(part.forward(x) for part in self.parts)

        def backward(self, grad):
            raise NotImplementedError

    paths = "parts.0.kernel parts.0.bias parts.1.a parts.1.b scale".split()
    assert list(Sum().named_parameters()) == paths
    assert list(Sum().buffers()) == ["parts.1.dense.kernel", "parts.1.dense.bias"]
    assert [type(layer) for layer in _walk(Sum())] == [Sum, nn.Dense, nn.LoRA, nn.Dense]


def test_a_layer_with_two_paths_is_walked_once():
    layers = _walk(nn.GPT(5, 4, 2, 1, context=3))
    assert len({id(layer) for layer in layers}) == len(layers)
    assert sum(isinstance(layer, nn.Dense) for layer in layers) == 6


def test_a_slice_of_a_sequential_is_a_sequential():
    model = nn.Sequential(nn.Dense(2, 3), nn.ReLU(), nn.Dense(3, 1))
    rest = model[1:]
    assert type(rest) is nn.Sequential and list(rest) == [model[1], model[2]]
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(model(x), rest(model[0](x)))
    assert type(nn.TransformerBlock(4, 2)[:1]) is nn.Sequential
    assert model[-1] is model.layers[2]
