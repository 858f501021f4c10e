"""Layers: the parts a network is built from, one module for each kind."""

from .activation import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .augmentation import RandomAffine, RandomFlip
from .conv import AveragePool2D, Conv2D, GlobalAveragePool2D, MaxPool2D
from .core import Layer, Parameter, Residual, Sequential
from .dense import BatchNorm, Dense, Dropout, Flatten
from .gated import GRU, LSTM
from .recurrent import SimpleRNN

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "AveragePool2D", "BatchNorm", "Conv2D", "Dense", "Dropout",
    "Flatten", "GlobalAveragePool2D", "Layer", "LeakyReLU", "MaxPool2D", "Parameter",
    "RandomAffine", "RandomFlip", "ReLU", "Residual", "Sequential", "SiLU", "Sigmoid", "SimpleRNN",
    "Softmax", "Softplus", "Tanh",
]  # fmt: skip
