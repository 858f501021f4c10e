"""For each layer: how to make it, given a seed and a type, and the shape of an input.

A new layer gets an entry here; test_layer_contract.py runs every clause of the contract over it.
"""

import numpy as np

import nncourse as nn
from nncourse import convnets


def adapted(inputs, units, rank, seed, dtype):
    """A LoRA layer that has learned something: B is not zero anymore."""
    dense = nn.Dense(inputs, units, rng=seed, dtype=dtype)
    layer = nn.LoRA(dense, rank, alpha=3, rng=seed)
    layer.b.value += np.random.default_rng(seed).normal(size=(rank, units))
    return layer


CASES = {
    "Dense": (lambda seed, t: nn.Dense(5, 3, rng=seed, dtype=t), (7, 5)),
    "Dense on sequences": (lambda seed, t: nn.Dense(5, 3, rng=seed, dtype=t), (7, 2, 5)),
    "Flatten": (lambda seed, t: nn.Flatten(), (7, 3, 2)),
    "Dropout": (lambda seed, t: nn.Dropout(0.4, rng=seed), (7, 5)),
    "BatchNorm": (lambda seed, t: nn.BatchNorm(5, dtype=t), (7, 5)),
    "BatchNorm on images": (lambda seed, t: nn.BatchNorm(2, dtype=t), (7, 3, 4, 2)),
    "Residual": (lambda seed, t: nn.Residual(nn.Dense(5, 5, rng=seed, dtype=t), nn.Tanh()), (7, 5)),
    "Conv2D": (lambda seed, t: nn.Conv2D(2, 3, 3, rng=seed, dtype=t), (7, 5, 4, 2)),
    "Conv2D with stride": (
        lambda seed, t: nn.Conv2D(2, 3, (2, 3), stride=(2, 1), rng=seed, dtype=t),
        (7, 5, 4, 2),
    ),
    "Conv2D same": (
        lambda seed, t: nn.Conv2D(2, 3, (3, 2), stride=2, padding="same", rng=seed, dtype=t),
        (7, 5, 6, 2),
    ),
    "DepthwiseConv2D": (lambda seed, t: nn.DepthwiseConv2D(2, 3, rng=seed, dtype=t), (7, 5, 4, 2)),
    "DepthwiseConv2D with stride": (
        lambda seed, t: nn.DepthwiseConv2D(2, (2, 3), stride=(1, 2), rng=seed, dtype=t),
        (7, 5, 8, 2),
    ),
    "DepthwiseConv2D same": (
        lambda seed, t: nn.DepthwiseConv2D(3, 5, stride=2, padding="same", rng=seed, dtype=t),
        (7, 4, 6, 3),
    ),
    "ReLU6": (lambda seed, t: convnets.ReLU6(), (7, 5)),
    "ResidualBlock": (
        lambda seed, t: convnets.ResidualBlock(2, 2, rng=seed, dtype=t),
        (7, 4, 3, 2),
    ),
    "ResidualBlock with stride": (
        lambda seed, t: convnets.ResidualBlock(2, 3, stride=2, rng=seed, dtype=t),
        (7, 4, 5, 2),
    ),
    "Conv2D padded": (
        lambda seed, t: nn.Conv2D(2, 3, (3, 2), stride=2, padding=1, rng=seed, dtype=t),
        (7, 5, 6, 2),
    ),
    **{
        f"Bidirectional{name}": (
            lambda seed, t, options=options: nn.Bidirectional(
                nn.GRU(2, 3, rng=seed, dtype=t, **options),
                nn.LSTM(2, 2, rng=seed + 9, dtype=t, **options),
            ),
            (7, 5, 2),
        )
        for name, options in {"": {}, " returning sequences": {"return_sequences": True}}.items()
    },
    "MaxPool2D": (lambda seed, t: nn.MaxPool2D(2), (7, 5, 4, 2)),
    "MaxPool2D overlapping": (lambda seed, t: nn.MaxPool2D(3, stride=2), (7, 5, 7, 2)),
    "AveragePool2D": (lambda seed, t: nn.AveragePool2D((2, 3), stride=(1, 2)), (7, 5, 7, 2)),
    "GlobalAveragePool2D": (lambda seed, t: nn.GlobalAveragePool2D(), (7, 5, 4, 2)),
    "RandomAffine": (
        lambda seed, t: nn.RandomAffine(rotation=20, shift=1.5, zoom=0.2, rng=seed),
        (7, 5, 4, 2),
    ),
    "RandomFlip": (lambda seed, t: nn.RandomFlip(rng=seed), (7, 5, 4, 2)),
    **{
        name: (lambda seed, t, name=name: getattr(nn, name)(2, 3, rng=seed, dtype=t), (7, 5, 2))
        for name in "SimpleRNN LSTM GRU".split()
    },
    **{
        f"{name} returning sequences": (
            lambda seed, t, name=name: getattr(nn, name)(
                2, 3, return_sequences=True, rng=seed, dtype=t
            ),
            (7, 5, 2),
        )
        for name in "SimpleRNN LSTM GRU".split()
    },
    "GRU, reset after": (
        lambda seed, t: nn.GRU(2, 3, reset_after=True, return_sequences=True, rng=seed, dtype=t),
        (7, 5, 2),
    ),
    "LoRA": (lambda seed, t: adapted(5, 3, 2, seed, t), (7, 5)),
    "LoRA on sequences": (lambda seed, t: adapted(3, 5, 3, seed, t), (7, 2, 3)),
    "LayerNorm": (lambda seed, t: nn.LayerNorm(5, dtype=t), (7, 5)),
    "RMSNorm": (lambda seed, t: nn.RMSNorm(5, dtype=t), (7, 3, 5)),
    "Embedding": (lambda seed, t: nn.Embedding(6, 3, rng=seed, dtype=t), (7, 5)),
    "PositionalEncoding": (lambda seed, t: nn.PositionalEncoding(8, 5, dtype=t), (7, 3, 5)),
    "PositionalEncoding learned": (
        lambda seed, t: nn.PositionalEncoding(8, 5, learned=True, rng=seed, dtype=t),
        (7, 3, 5),
    ),
    "MultiHeadAttention": (
        lambda seed, t: nn.MultiHeadAttention(6, 3, rng=seed, dtype=t),
        (7, 5, 6),
    ),
    "MultiHeadAttention causal, rotary": (
        lambda seed, t: nn.MultiHeadAttention(4, 2, causal=True, rotary=True, rng=seed, dtype=t),
        (7, 5, 4),
    ),
    "TransformerBlock": (
        lambda seed, t: nn.TransformerBlock(4, 2, hidden=6, dropout=0.3, rng=seed, dtype=t),
        (7, 5, 4),
    ),
    "TransformerBlock norm last": (
        lambda seed, t: nn.TransformerBlock(4, 2, norm_first=False, rng=seed, dtype=t),
        (7, 5, 4),
    ),
    "GPT": (lambda seed, t: nn.GPT(6, 4, 2, 2, context=5, rng=seed, dtype=t), (7, 5)),
    "GPT rotary": (
        lambda seed, t: nn.GPT(6, 4, 2, 1, context=5, rotary=True, rng=seed, dtype=t),
        (7, 4),
    ),
    "BERT": (lambda seed, t: nn.BERT(6, 4, 2, 2, context=5, rng=seed, dtype=t), (7, 5)),
    "Sequential": (
        lambda seed, t: nn.Sequential(
            nn.Flatten(),
            nn.Dense(6, 4, rng=seed, dtype=t),
            nn.BatchNorm(4, dtype=t),
            nn.SiLU(),
            nn.Dropout(0.3, rng=seed),
            nn.Dense(4, 3, rng=seed, dtype=t),
        ),
        (7, 3, 2),
    ),
    **{
        name: (lambda seed, t, name=name: getattr(nn, name)(), (7, 5))
        for name in "ReLU LeakyReLU ELU Sigmoid Tanh Softplus GELU SiLU Softmax".split()
    },
}
RANDOM = {"Dropout", "RandomAffine", "RandomFlip", "Sequential", "TransformerBlock"}
READS_IDS = {"Embedding", "GPT", "GPT rotary", "BERT"}


def make(name, dtype=np.float64, seed=0):
    build, shape = CASES[name]
    rng = np.random.default_rng(1)
    if name in READS_IDS:
        return build(seed, dtype), rng.integers(0, 6, shape)
    return build(seed, dtype), rng.normal(size=shape).astype(dtype)
