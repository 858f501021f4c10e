"""Batches: examples with their targets and masks, checked once, then cut into parts."""

import numpy as np

from ..layers.masks import checked_mask


def _inputs(model, x, mask):
    """Return examples, in the type of the model's parameters, and their mask, or explain."""
    x = _numbers("x", x)
    parameters = model.parameters()
    if x.dtype.kind == "f" and parameters:  # integers stay as they are
        x = x.astype(parameters[0].value.dtype, copy=False)
    return x, _mask(model, x, mask)


def _examples(model, x, y, mask=None):
    """Return examples, one target for each, and the mask, or explain."""
    x, y = _numbers("x", x), _numbers("y", y)
    if len(x) != len(y):
        raise ValueError(
            f"expected as many examples as targets, got x of shape {x.shape} and y of shape "
            f"{y.shape}"
        )
    x, mask = _inputs(model, x, mask)
    return x, y, mask


def _validation(model, data):
    """Return (x, y) or (x, y, mask) as three checked arrays, the last perhaps None, or explain."""
    parts = len(data) if isinstance(data, (tuple, list)) else 0
    if parts not in (2, 3):
        got = f"{parts} parts" if parts else f"{data!r:.60}"
        raise ValueError(
            f"validation_data is (x, y) or (x, y, mask), got {got}. To hold out a share of the "
            "examples: nn.datasets.train_validation_split."
        )
    return _examples(model, *data)


def _part(arrays, index):
    """Return the same examples of each array; a missing one (the mask) stays None."""
    return tuple(None if array is None else array[index] for array in arrays)


def _slices(n, batch_size):
    """Return slices that cut n examples into batches; the last one may be short."""
    return [slice(start, start + batch_size) for start in range(0, n, batch_size)]


def _check_positive(**numbers):
    if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in numbers.values()):
        raise ValueError(
            f"expected whole and positive {' and '.join(numbers)}, got "
            f"{' and '.join(map(repr, numbers.values()))}"
        )


def _numbers(name, values):
    """Return at least one example, all numbers finite, or explain."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(
            f"the examples of {name} differ in shape. Sequences of unequal lengths? Pad them, and "
            "give the mask of the real steps."
        ) from None
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(f"expected at least one example, got {name} of shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} should hold numbers, got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = np.unique(np.nonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"{name} has NaN or infinite values in {len(bad)} of {len(array)} examples, first in "
            f"number {bad[0]}. Remove or fill them."
        )
    return array


def _mask(model, x, mask):
    """Return a mask under which every sequence has a step, None if there is none, or explain."""
    if mask is None:
        return None
    if not model.takes_mask:
        raise ValueError("a mask was given, but no layer of the model uses one")
    mask = checked_mask(mask, x.shape[:2], "the model")
    empty = np.flatnonzero(~mask.any(axis=1))
    if len(empty):
        raise ValueError(
            f"the mask leaves {len(empty)} of {len(mask)} sequences without a step, first number "
            f"{empty[0]}. Remove them."
        )
    return mask
