"""Checks of what recurrent layers are given: they explain, so that the layers need only compute."""

import numpy as np

from .masks import checked_mask


def check_sequences(layer, x, mask, state):
    """Explain what does not fit; return the mask as (time, batch, 1)."""
    inputs, units = len(layer.kernel.value), len(layer.recurrent_kernel.value)
    if x.ndim != 3 or x.shape[-1] != inputs:
        raise ValueError(
            f"{layer!r} expects (batch, time, {inputs}), got {x.shape}.{_advice(x.shape, inputs)}"
        )
    if 0 in x.shape:
        what = "a sequence of length 0" if x.shape[1] == 0 else "an empty batch"
        raise ValueError(
            f"{layer!r} expects at least one example and one step, got {what}: {x.shape}"
        )
    wanted = [(len(x), units)] * len(layer.states)
    got = [np.shape(s) for s in state] if isinstance(state, (tuple, list)) else type(state)
    if state is not None and got != wanted:
        raise ValueError(
            f"{layer!r} expects state, a tuple of {' and '.join(layer.states)}, of shapes "
            f"{wanted}, got {got}. Try state=layer.state, which a forward pass leaves behind."
        )
    if mask is None:
        return None
    mask = checked_mask(mask, x.shape[:2], repr(layer))
    return np.ascontiguousarray(mask.T)[..., None]


def _advice(shape, inputs):
    if len(shape) == 2 and inputs == shape[1] != 1:
        return (
            " Add a time axis: x[:, None] for one step each, x[None] for one sequence. After "
            "a recurrent layer? Give that one return_sequences=True."
        )
    if len(shape) == 2:
        return " Add a time axis, x[:, None], or a feature axis, x[..., None]."
    if len(shape) == 3 and shape[1] == inputs:
        return " Features come last: x.swapaxes(1, 2)."
    return " Does the previous layer have as many outputs?"
