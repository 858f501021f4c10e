"""nncourse: neural networks in NumPy, to be read as much as run.

The companion package of the nncourse book. Everything a model is made of is at the top level
(``nn.Dense``, ``nn.Adam``, ``nn.Trainer``); functions live in their modules (``nn.losses``,
``nn.activations``, ``nn.datasets``). Importing it needs NumPy alone.

Examples
--------
>>> import nncourse as nn
>>> nn.Sequential(nn.Dense(784, 256, rng=0), nn.ReLU(), nn.Dense(256, 10, rng=1))
Sequential(
    Dense(784→256),
    ReLU(),
    Dense(256→10),
)
"""

import importlib

from . import (
    activations,
    gradcheck,
    initializers,
    losses,
    metrics,
    regularizers,
    sampling,
    schedules,
    transformer,
)
from .autodiff import Value
from .callbacks import Callback, EarlyStopping
from .clipping import clip_by_global_norm
from .gradcheck import check_function, check_layer, numerical_gradient
from .history import History
from .layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    LoRA,
    MaxPool2D,
    MultiHeadAttention,
    Parameter,
    PositionalEncoding,
    RandomAffine,
    RandomFlip,
    ReLU,
    Residual,
    RMSNorm,
    Sequential,
    Sigmoid,
    SiLU,
    SimpleRNN,
    Softmax,
    Softplus,
    Tanh,
)
from .neuron import Adaline, McCullochPitts, Perceptron
from .optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from .regularizers import L1, L1L2, L2
from .saving import load, save
from .schedules import CosineDecay, ExponentialDecay, StepDecay, Warmup
from .training import Trainer, TrainingError
from .transformer import BERT, GPT, TransformerBlock

__version__ = "0.1.0"

_ON_DEMAND = (  # imported when first used
    "architectures",
    "counting",
    "datasets",
    "distributed",
    "exercises",
    "measure",
    "plotting",
    "pretrained",
    "quantization",
    "scaling",
    "tokenizers",
)

__all__ = [
    "BERT",
    "ELU",
    "GELU",
    "GPT",
    "GRU",
    "L1",
    "L1L2",
    "L2",
    "LSTM",
    "SGD",
    "Adaline",
    "Adam",
    "AdamW",
    "AveragePool2D",
    "BatchNorm",
    "Callback",
    "Conv2D",
    "CosineDecay",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "ExponentialDecay",
    "Flatten",
    "GlobalAveragePool2D",
    "History",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LoRA",
    "MaxPool2D",
    "McCullochPitts",
    "MultiHeadAttention",
    "Optimizer",
    "Parameter",
    "Perceptron",
    "PositionalEncoding",
    "RMSNorm",
    "RMSprop",
    "RandomAffine",
    "RandomFlip",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Softmax",
    "Softplus",
    "StepDecay",
    "Tanh",
    "Trainer",
    "TrainingError",
    "TransformerBlock",
    "Value",
    "Warmup",
    "activations",
    "architectures",
    "check_function",
    "check_layer",
    "clip_by_global_norm",
    "counting",
    "datasets",
    "distributed",
    "exercises",
    "gradcheck",
    "initializers",
    "load",
    "losses",
    "measure",
    "metrics",
    "numerical_gradient",
    "plotting",
    "pretrained",
    "quantization",
    "regularizers",
    "sampling",
    "save",
    "scaling",
    "schedules",
    "tokenizers",
    "transformer",
]  # fmt: skip


def __getattr__(name):
    if name in _ON_DEMAND:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'nncourse' has no attribute {name!r}")


def __dir__():
    return __all__
