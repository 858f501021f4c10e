"""What a layer is given by mistake: any neighboring shape is computed with, or explained."""

import copy
from math import prod

import numpy as np
import pytest
from layer_cases import CASES, make

ENTRY_BY_ENTRY = set(  # these have nothing to say against nothing
    "Flatten Dropout ReLU ReLU6 LeakyReLU ELU Sigmoid Tanh Softplus GELU SiLU Softmax".split()
)


@pytest.mark.parametrize("name", CASES)
def test_any_other_shape_is_computed_with_or_explained(name):
    """One feature less or more, an axis less or more, nothing along an axis, a single number."""
    layer, x = make(name)
    *front, last = x.shape
    shapes = {(*front, n) for n in (last - 1, last + 1, 2 * last)}
    shapes |= {(), x.shape[1:], x.shape[:1], tuple(front), (1, *x.shape), (*x.shape, 1)}
    shapes |= {(*x.shape[:i], 0, *x.shape[i + 1 :]) for i in range(x.ndim)}
    for shape in shapes:
        fresh = copy.deepcopy(layer)
        try:
            y = fresh(np.zeros(shape, x.dtype), training=True)
        except ValueError as error:
            flat = (*shape[:1], prod(shape[1:]))  # what a Flatten() before it makes of it
            named = f"{shape}", f"{flat}", "a single number", f"got {(0, *shape)[-1]}."
            assert "got" in str(error) and any(n in str(error) for n in named), (shape, error)
        else:
            assert 0 not in shape or name in ENTRY_BY_ENTRY, shape
            dx = fresh.backward(np.ones_like(y))
            assert dx is None or dx.shape == shape, shape
