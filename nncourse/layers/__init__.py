"""Layers: the parts a network is built from, one module for each kind."""

from . import (
    activation,
    attention,
    augmentation,
    bidirectional,
    conv,
    core,
    dense,
    depthwise,
    embedding,
    gated,
    lora,
    normalization,
    recurrent,
)
from .activation import *
from .attention import *
from .augmentation import *
from .bidirectional import *
from .conv import *
from .core import *
from .dense import *
from .depthwise import *
from .embedding import *
from .gated import *
from .lora import *
from .normalization import *
from .recurrent import *

_MODULES = (
    core, dense, activation, normalization, conv, depthwise, augmentation, recurrent, gated,
    bidirectional, embedding, attention, lora,
)  # fmt: skip
__all__ = [name for module in _MODULES for name in module.__all__]
