"""Layers: the parts a network is built from, one module for each kind."""

from .activation import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .core import Layer, Parameter, Residual, Sequential
from .dense import BatchNorm, Dense, Dropout, Flatten

__all__ = [
    "ELU", "GELU", "BatchNorm", "Dense", "Dropout", "Flatten", "Layer", "LeakyReLU", "Parameter",
    "ReLU", "Residual", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip
