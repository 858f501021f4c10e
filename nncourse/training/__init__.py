"""Training: from a gradient to a trained model, and what is kept of it."""

from . import callbacks, clipping, history, optimizers, regularizers, saving, schedules, trainer
from .callbacks import *
from .clipping import *
from .history import *
from .optimizers import *
from .regularizers import *
from .saving import *
from .schedules import *
from .trainer import *

_MODULES = trainer, callbacks, history, optimizers, schedules, clipping, saving, regularizers
__all__ = [name for module in _MODULES for name in module.__all__]
