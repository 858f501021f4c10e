"""Clipping: a limit to how far one batch may push."""

from math import isfinite, sqrt

import numpy as np

from .._checks import floating

__all__ = ["clip_by_global_norm"]


def clip_by_global_norm(parameters, maximum):
    """Scale all gradients down together if their joint length exceeds ``maximum``.

    ``norm = sqrt(sum of all squared gradient entries)``; if it is larger, every gradient is
    multiplied by ``maximum / norm``, so the direction stays. Returns the norm before clipping.
    Frozen parameters are left out. PyTorch: ``nn.utils.clip_grad_norm_``.
    Source: Pascanu, Mikolov and Bengio (2013), algorithm 1.

    Raises
    ------
    ValueError
        If ``maximum`` is not positive, or a gradient is infinite or NaN; nothing is changed then.

    Examples
    --------
    >>> import nncourse as nn
    >>> p = nn.Parameter(np.zeros(2), "w")
    >>> p.grad += [3.0, 4.0]
    >>> clip_by_global_norm([p], 1.0)
    5.0
    >>> p.grad
    array([0.6, 0.8])
    """
    if not maximum > 0:
        raise ValueError(f"clip_by_global_norm expects maximum > 0, got {maximum}")
    maximum, parameters = float(maximum), [p for p in parameters if p.trainable]
    norm = sqrt(sum(float(np.sum(np.square(p.grad, dtype=np.float64))) for p in parameters))
    if not isfinite(norm):
        raise ValueError(
            "clip_by_global_norm expects finite gradients, got infinity or NaN. Lower the learning "
            "rate, or look for the layer where they begin."
        )
    if norm > maximum:
        for p in parameters:  # in more than float16, which has no factors as small
            p.grad[...] = floating(p.grad) * (maximum / norm)
    return norm
