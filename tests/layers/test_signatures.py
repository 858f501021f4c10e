"""What a class must have to be a layer: two passes, and ``training`` by name."""

import inspect

import numpy as np
import pytest
from layer_cases import CASES, make

from nncourse import layers


@pytest.mark.parametrize("missing", ["forward", "backward"])
def test_a_layer_without_one_of_its_two_passes_is_refused_when_it_is_made(missing):
    passes = {"forward": lambda self, x, *, training=False: x, "backward": lambda self, grad: grad}
    assert type("Whole", (layers.Layer,), dict(passes))()(np.array(3.0)) == 3
    with pytest.raises(TypeError, match=missing):
        type("Half", (layers.Layer,), {k: v for k, v in passes.items() if k != missing})()


@pytest.mark.parametrize("name", CASES)
def test_training_is_asked_for_by_name(name):
    for kind in (type(make(name)[0]), layers.Layer):
        for function in (kind.forward, kind.__call__):
            training = inspect.signature(function).parameters["training"]
            assert (training.kind, training.default) == (training.KEYWORD_ONLY, False)
