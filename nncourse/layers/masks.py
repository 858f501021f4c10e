"""Masks: which steps of a batch of sequences are real, and which only fill it up.

Sequences of unequal lengths share an array when the short ones are padded. A mask (batch, time) of
booleans goes with it: True at a real step. ``lengths[:, None] > np.arange(time)`` makes one.
"""

import numpy as np

__all__ = ["begins_with_a_real_step", "checked_mask", "real_steps", "spread"]


def checked_mask(mask, shape, owner):
    """Return ``mask`` as an array of booleans of this shape, (batch, time), or explain.

    Raises
    ------
    ValueError
        If it has another type or shape; ``owner`` names who asked.

    Examples
    --------
    >>> checked_mask([[True, False]], (1, 2), "LSTM(3→2)")
    array([[ True, False]])
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(
            f"{owner} expects a mask of booleans (batch, time) = {shape}, got {mask.dtype} "
            f"{mask.shape}. True marks a real step: lengths[:, None] > np.arange(time)."
        )
    return mask


def begins_with_a_real_step(mask, shape, owner):
    """Refuse a sequence that is padded on the left, for layers that count steps from the first.

    Raises
    ------
    ValueError
        If a sequence with real steps begins with padding, or the mask does not fit.

    Examples
    --------
    >>> begins_with_a_real_step([[True, False]], (1, 2), "GPT")
    """
    mask = checked_mask(mask, shape, owner)
    if (mask.any(axis=1) & ~mask[:, 0]).any():
        raise ValueError(
            f"{owner} counts positions from the first step: pad on the right. Got a mask whose row "
            f"{np.flatnonzero(mask.any(axis=1) & ~mask[:, 0])[0]} begins with padding."
        )


def real_steps(output, target, mask):
    """Return what a loss judges: where there is an output for each step, the real steps alone.

    A model with one output for a whole sequence is judged at all of them.

    Raises
    ------
    ValueError
        If there is an output, but no target, for each step.

    Examples
    --------
    >>> mask = np.array([[True, False], [True, True]])
    >>> output, target = real_steps(np.zeros((2, 2, 5)), np.array([[1, 0], [3, 4]]), mask)
    >>> output.shape, target
    ((3, 5), array([1, 3, 4]))
    """
    if mask is None or output.ndim < 3:
        return output, target
    if target.shape[:2] != mask.shape:
        raise ValueError(
            f"the model gives an output for each step, (batch, time) = {mask.shape}, but the "
            f"targets are {target.shape}. One target for each sequence? Let the last recurrent "
            "layer have return_sequences=False."
        )
    return output[mask], target[mask]


def spread(grad, output, mask):
    """Put the gradient at the real steps in its places among zeros: the way back.

    Examples
    --------
    >>> mask = np.array([[True, False]])
    >>> spread(np.ones((1, 3)), np.zeros((1, 2, 3)), mask)
    array([[[1., 1., 1.],
            [0., 0., 0.]]])
    """
    if grad.shape == output.shape:
        return grad
    everywhere = np.zeros_like(output)
    everywhere[mask] = grad
    return everywhere
