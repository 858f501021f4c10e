"""Training: from a gradient to a trained model, and what is kept of it."""

from . import (
    callbacks,
    clipping,
    history,
    optimizers,
    rates,
    regularizers,
    resuming,
    saving,
    schedules,
    trainer,
)
from .callbacks import *
from .clipping import *
from .history import *
from .optimizers import *
from .rates import *
from .regularizers import *
from .resuming import *
from .saving import *
from .schedules import *
from .trainer import *

_MODULES = (
    trainer, callbacks, resuming, history, optimizers, schedules, rates, clipping, regularizers,
    saving,
)  # fmt: skip
__all__ = [name for module in _MODULES for name in module.__all__]
