"""Layers: the parts a network is built from, one module for each kind."""

from .activation import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .attention import MultiHeadAttention
from .augmentation import RandomAffine, RandomFlip
from .conv import AveragePool2D, Conv2D, GlobalAveragePool2D, MaxPool2D
from .core import Layer, Parameter, Residual, Sequential
from .dense import BatchNorm, Dense, Dropout, Flatten
from .embedding import Embedding, PositionalEncoding
from .gated import GRU, LSTM
from .lora import LoRA
from .normalization import LayerNorm, RMSNorm
from .recurrent import SimpleRNN

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "AveragePool2D", "BatchNorm", "Conv2D", "Dense", "Dropout",
    "Embedding", "Flatten", "GlobalAveragePool2D", "Layer", "LayerNorm", "LeakyReLU", "LoRA",
    "MaxPool2D", "MultiHeadAttention", "Parameter", "PositionalEncoding", "RMSNorm", "RandomAffine",
    "RandomFlip", "ReLU", "Residual", "Sequential", "SiLU", "Sigmoid", "SimpleRNN", "Softmax",
    "Softplus", "Tanh",
]  # fmt: skip
