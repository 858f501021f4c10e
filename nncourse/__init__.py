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

from . import layers, training
from .autodiff import *
from .gradcheck import *
from .language.transformer import *
from .layers import *
from .neuron import *
from .training import *

__version__ = "0.1.0"

# Where each module is: imported when first used, as nn.losses or nn.pretrained.
_MODULES = {
    "": """activations autodiff datasets downloads exercises gradcheck initializers language layers
        losses measure metrics neuron plotting practice scale training vision""",
    "language.": """bytepair chat gguf lens llama preference pretrained sampling speculative
        tokenizers transformer weights wordpiece words""",
    "layers.": "exchange lora masks panels rotary",
    "practice.": """bodies cards cloud drift explain export fairness gateway keras_models
        membership privacy runtime serving shapley""",
    "scale.": "architectures counting distributed quantization scaling",
    "training.": """callbacks clipping history optimizers rates regularizers resuming saving
        schedules trainer""",
    "vision.": "checkpoint convnets efficientnet pictures",
}
_MODULES = {name: f".{room}{name}" for room, names in _MODULES.items() for name in names.split()}

_LAZY = {"load_efficientnet": "efficientnet"}  # functions that load their module when first used

__all__ = sorted([
    *autodiff.__all__,
    *gradcheck.__all__,
    *language.transformer.__all__,
    *layers.__all__,
    *neuron.__all__,
    *training.__all__,
    *_MODULES,
    *_LAZY,
])  # fmt: skip


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(_MODULES[name], __name__)
    if name in _LAZY:
        return getattr(importlib.import_module(_MODULES[_LAZY[name]], __name__), name)
    raise AttributeError(f"module 'nncourse' has no attribute {name!r}")


def __dir__():
    return __all__
