"""What a layer is given by mistake: any neighboring shape is computed with, or explained."""

import copy
from math import prod

import numpy as np
import pytest
from layer_cases import CASES, make

import nncourse as nn

ENTRY_BY_ENTRY = set(  # these have nothing to say against nothing
    "Flatten Dropout ReLU ReLU6 LeakyReLU ELU Sigmoid Tanh Softplus GELU SiLU Softmax".split()
)


@pytest.mark.parametrize("name", CASES)
def test_any_other_shape_is_computed_with_or_explained(name):
    """One feature less or more, an axis less or more, nothing along an axis, a single number."""
    layer, x = make(name)
    *front, last = x.shape
    shapes = {(*front, n) for n in (last - 1, last + 1, 2 * last)}
    shapes |= {(), x.shape[1:], x.shape[:1], tuple(front), (1, *x.shape), (*x.shape, 1)}
    shapes |= {(*x.shape[:i], 0, *x.shape[i + 1 :]) for i in range(x.ndim)}
    for shape in shapes:
        fresh = copy.deepcopy(layer)
        try:
            y = fresh(np.zeros(shape, x.dtype), training=True)
        except ValueError as error:
            flat = (*shape[:1], prod(shape[1:]))  # what a Flatten() before it makes of it
            named = f"{shape}", f"{flat}", "a single number", f"got {(0, *shape)[-1]}."
            assert "got" in str(error) and any(n in str(error) for n in named), (shape, error)
        else:
            assert 0 not in shape or name in ENTRY_BY_ENTRY, shape
            dx = fresh.backward(np.ones_like(y))
            assert dx is None or dx.shape == shape, shape


REPRS = {
    "MaxPool2D(2×3)": nn.MaxPool2D((2, 3)),
    "AveragePool2D(2×3, stride=(1, 2))": nn.AveragePool2D((2, 3), stride=(1, 2)),
    "Conv2D(2→3, 4×5, stride=(1, 2))": nn.Conv2D(2, 3, (4, 5), stride=(1, 2)),
    "Conv2D(2→3, 4×5, padding='same')": nn.Conv2D(2, 3, (4, 5), padding="same"),
    "Conv2D(2→3, 4×4)": nn.Conv2D(2, 3, 4),
    "DepthwiseConv2D(2, 3×4, stride=(1, 2))": nn.DepthwiseConv2D(2, (3, 4), stride=(1, 2)),
    "Dense(2→3)": nn.Dense(2, 3),
    "Dropout(0.5)": nn.Dropout(0.5),
    "LSTM(2→3, return_sequences=True)": nn.LSTM(2, 3, return_sequences=True),
    "SimpleRNN(2→3)": nn.SimpleRNN(2, 3),
    "GRU(2→3, reset_after=True)": nn.GRU(2, 3, reset_after=True),
    "Embedding(5→2)": nn.Embedding(5, 2),
    "PositionalEncoding(5×2)": nn.PositionalEncoding(5, 2),
    "PositionalEncoding(5×2, learned=True)": nn.PositionalEncoding(5, 2, learned=True),
    "MultiHeadAttention(4, heads=2)": nn.MultiHeadAttention(4, 2),
    "MultiHeadAttention(4, heads=2, causal=True, rotary=True)": nn.MultiHeadAttention(
        4, 2, causal=True, rotary=True
    ),
    "LayerNorm(3)": nn.LayerNorm(3),
    "LoRA(Dense(4→3), rank=2)": nn.LoRA(nn.Dense(4, 3), 2),
    "LoRA(Dense(4→3), rank=2, alpha=3)": nn.LoRA(nn.Dense(4, 3), 2, alpha=3),
    "RandomAffine(rotation=1.0, shift=2.0, zoom=0.5)": nn.RandomAffine(
        rotation=1, shift=2, zoom=0.5
    ),
    "GPT(9, 4, heads=2, layers=3)": nn.GPT(9, 4, 2, 3, context=5),
    "BERT(9, 4, heads=2, layers=3)": nn.BERT(9, 4, 2, 3, context=5),
}


@pytest.mark.parametrize("text", REPRS)
def test_a_layer_says_its_sizes_and_what_is_unusual(text):
    assert repr(REPRS[text]) == text
