"""Batches: examples with their targets, masks and weights, checked, then one part after another."""

import numpy as np

from .._checks import finite_numbers
from ..layers.masks import checked_mask, real_steps


class ArrayBatches:
    """Arrays (x, y, mask, weight), the last two perhaps None, cut into batches."""

    def __init__(self, arrays, batch_size):
        self.arrays, self.batch_size = arrays, batch_size

    def __len__(self):
        return -(-len(self.arrays[0]) // self.batch_size)

    def example(self):
        """Return the first example as a batch of one."""
        return _part(self.arrays, slice(1))

    def in_order(self):
        """Yield the batches as the examples stand; the last one may be short."""
        for start in range(0, len(self.arrays[0]), self.batch_size):
            yield _part(self.arrays, slice(start, start + self.batch_size))

    def shuffled(self, rng):
        """Yield batches of the examples in a new order."""
        order = rng.permutation(len(self.arrays[0]))
        for start in range(0, len(order), self.batch_size):
            yield _part(self.arrays, order[start : start + self.batch_size])


class GivenBatches:
    """Batches that somebody else makes: anything that can be gone through, again and again."""

    def __init__(self, model, batches):
        self.model, self.batches = model, batches
        if isinstance(batches, np.ndarray) or not hasattr(batches, "__iter__"):
            raise ValueError(
                "expected arrays x and y, or one iterable of batches (x, y), got "
                f"{type(batches).__name__} alone"
            )
        if iter(batches) is batches:
            raise ValueError(
                f"batches are gone through more than once, which a {type(batches).__name__} does "
                "not allow. Give a list, or an object whose __iter__ starts anew."
            )

    def __len__(self):
        return len(self.batches) if hasattr(self.batches, "__len__") else 0

    def example(self):
        """Return the first example of the first batch."""
        return _part(next(self.in_order()), slice(1))

    def in_order(self):
        """Yield the batches, each checked as it comes."""
        batch = None
        for batch in self.batches:
            if not isinstance(batch, (tuple, list)) or not 2 <= len(batch) <= 4:
                raise ValueError(f"a batch is (x, y) or (x, y, mask), got {batch!r:.60}")
            yield _examples(self.model, *batch)
        if batch is None:
            raise ValueError("expected at least one batch, got none")

    def shuffled(self, rng):
        """Yield the batches as they come; their order is in the hands of who makes them."""
        return self.in_order()


def training_batches(model, x, y, mask, weight, batch_size):
    """Return batches of arrays, or of an iterable ``x`` where there is no ``y``."""
    if y is not None:
        return ArrayBatches(_examples(model, x, y, mask, weight), batch_size)
    if mask is not None or weight is not None:
        raise ValueError("with an iterable of batches, masks and weights belong in the batches")
    return GivenBatches(model, x)


def validation_batches(model, data, batch_size):
    """Return batches of (x, y), (x, y, mask) or (x, y, mask, weight), or of an iterable."""
    together = isinstance(data, list) and data and isinstance(data[0], tuple)
    if not isinstance(data, (tuple, list)) or together:
        if together or (hasattr(data, "__iter__") and not isinstance(data, (str, np.ndarray))):
            return GivenBatches(model, data)
        got = f"{data!r:.60}"
    elif 2 <= len(data) <= 4:
        return ArrayBatches(_examples(model, *data), batch_size)
    else:
        got = f"{len(data)} parts"
    raise ValueError(
        f"validation_data is (x, y) or (x, y, mask), or an iterable of these, got {got}. To hold "
        "out a share of the examples: nn.datasets.train_validation_split."
    )


def inputs(model, x, mask):
    """Return examples, in the type of the model's parameters, and their mask, or explain."""
    x = finite_numbers("x", x)
    parameters = model.parameters()
    if x.dtype.kind == "f" and parameters:  # integers stay as they are
        x = x.astype(parameters[0].value.dtype, copy=False)
    return x, _mask(model, x, mask)


def judged(output, target, mask, weight):
    """Return predictions, targets and weights at the real steps, which a loss is to judge."""
    prediction, real = real_steps(output, target, mask)
    if weight is not None and prediction is not output:  # each step has its sequence's weight
        weight = np.broadcast_to(weight.reshape(len(weight), -1), mask.shape)[mask]
    return prediction, real, weight


def _examples(model, x, y, mask=None, weight=None):
    """Return examples, one target for each, the mask and the weights, or explain."""
    x, y = finite_numbers("x", x), finite_numbers("y", y)
    weight = None if weight is None else finite_numbers("sample_weight", weight)
    for name, array in {"targets": y, "weights": weight}.items():
        if array is not None and len(x) != len(array):
            raise ValueError(
                f"expected as many examples as {name}, got x of shape {x.shape} and "
                f"{'y' if array is y else 'sample_weight'} of shape {array.shape}"
            )
    x, mask = inputs(model, x, mask)
    return x, y, mask, weight


def _part(arrays, index):
    """Return the same examples of each array; a missing one (the mask) stays None."""
    return tuple(None if array is None else array[index] for array in arrays)


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
