"""Checks of what is handed in: they explain, so that losses and metrics need only compute.

Each function returns its arguments as arrays, ready to be computed with, or raises an error that
says what was expected, what came, and what to try. Lists and whole numbers count as real numbers.
"""

import numpy as np


def floating(array):
    """Return real numbers as floats of at least 32 bits, in which squares and sums are safe."""
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def as_floats(x, dtype=np.float64):
    """Return lists and whole numbers as floats of this type, floats as they are, or explain."""
    x = np.asarray(x)
    if x.dtype.kind not in "biufc":
        raise TypeError(f"expected numbers, got {x.dtype}. Try np.asarray(x, np.float32).")
    return x.astype(dtype) if x.dtype.kind in "biu" else x


def power(x, c):
    """Return ``x**c`` and ``x**(c - 1)`` of plain numbers, or say why there is no such number."""
    if not isinstance(c, (int, float, np.number)):
        raise TypeError(
            f"a power of a Value is a plain number, got {type(c).__name__}. For a Value as the "
            "exponent write (exponent * x.log()).exp()."
        )
    if isinstance(c, np.generic):  # computed with Python's own digits
        return tuple(map(np.float64, power(x, c.item())))
    if x == 0 and c < 0:
        raise ZeroDivisionError("division by a Value of 0")
    if x < 0 and c % 1:
        raise ValueError(f"({x:g}) ** {c:g} is no real number")
    if x == 0 and c < 1:  # vertical where a root starts, level where everything is 1
        return x**c, np.inf if c else 0.0
    return x**c, x ** (c - 1)


def same_shape(name, prediction, target):
    """Return predictions and targets of one shape and one floating-point type."""
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.dtype.kind not in "biuf" or target.dtype.kind not in "biuf":
        raise ValueError(f"{name} expects real numbers, got {prediction.dtype} and {target.dtype}")
    if prediction.size == 0:
        raise ValueError(f"{name} needs at least one element, got shape {prediction.shape}")
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name} expects prediction and target of one shape, got {prediction.shape} and "
            f"{target.shape}. Reshape one of them, e.g. target[:, None] or prediction[:, 0]."
        )
    prediction = floating(prediction)
    return prediction, target.astype(prediction.dtype, copy=False)


def between_0_and_1(name, target):
    """Return targets that are 0, 1, or between."""
    if not (np.min(target) >= 0 and np.max(target) <= 1):
        raise ValueError(
            f"{name} expects targets between 0 and 1, got values from {np.min(target)} to "
            f"{np.max(target)}. Map labels such as -1/+1 to 0/1."
        )
    return target


def logits_and_classes(name, logits, target):
    """Return logits (..., classes) as floats, and class numbers (...) or probabilities."""
    logits, target = np.asarray(logits), np.asarray(target)
    if logits.dtype.kind not in "biuf" or logits.ndim < 1 or logits.size == 0:
        raise ValueError(
            f"{name} expects logits (..., classes), real numbers, with at least one example, got "
            f"{logits.dtype} of shape {logits.shape}"
        )
    if target.shape == logits.shape and target.dtype.kind in "biuf":
        return floating(logits), _probabilities(name, target)
    if target.dtype.kind == "f":
        raise ValueError(
            f"{name} expects integer classes of shape {logits.shape[:-1]} or probabilities of "
            f"shape {logits.shape}, got {target.dtype} of shape {target.shape}. Integer classes "
            "stored as floats? Use target.astype(int)."
        )
    if target.shape != logits.shape[:-1] or target.dtype.kind not in "biu":
        column = target.shape == (*logits.shape[:-1], 1)
        advice = " A column of labels? Use target[:, 0]." if column else ""
        raise ValueError(
            f"{name} expects class numbers of shape {logits.shape[:-1]} for logits of shape "
            f"{logits.shape}, got {target.dtype} of shape {target.shape}.{advice}"
        )
    return floating(logits), class_numbers(name, target, logits.shape[-1])


def in_order(name, values):
    """Return a row of numbers that can be sorted, as floats, or explain: NaN has no place."""
    array = as_floats(values).ravel()
    if np.isnan(array).any():
        raise ValueError(f"{name} should hold numbers that can be sorted, got NaN. Remove them.")
    return array


def class_numbers(name, target, classes):
    """Return whole numbers from 0 to ``classes - 1`` as integers of 64 bits."""
    if target.dtype.kind not in "biu":
        raise ValueError(f"{name} expects class numbers, whole and from 0, got {target.dtype}")
    if target.size and (target.min() < 0 or target.max() >= classes):
        raise ValueError(
            f"{name} expects class numbers from 0 to {classes - 1}, got values from "
            f"{target.min()} to {target.max()}. Do the labels start at 0?"
        )
    return target.astype(np.int64, copy=False)


def _probabilities(name, target):
    target = floating(target)
    sums = np.sum(target, axis=-1)
    if not np.min(target) >= 0 or not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(
            f"{name} expects probabilities: rows that are not negative and sum to 1, got a minimum "
            f"of {np.min(target):.3g} and sums from {sums.min():.3g} to {sums.max():.3g}"
        )
    return target


def example_weights(sample_weight, shape):
    """Return weights that are not negative, shaped so that they multiply one loss for each entry.

    They belong to the leading axes of ``shape``, usually to the first alone: the examples.
    """
    weight = floating(as_floats(sample_weight))
    if weight.shape != shape[: weight.ndim] or weight.ndim == 0:
        raise ValueError(
            f"a loss expects one sample_weight for each example, {shape[:1]}, got {weight.shape}"
        )
    if not (np.min(weight) >= 0 and np.max(weight) < np.inf):
        raise ValueError(
            f"a loss expects sample_weight >= 0, all finite, got values from {np.min(weight)} to "
            f"{np.max(weight)}"
        )
    return weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim))


def scores_and_classes(name, prediction, target):
    """Return scores (..., classes) of two or more classes, and class numbers (...)."""
    scores, target = np.asarray(prediction), np.asarray(target)
    if scores.ndim == 0 or scores.dtype.kind not in "biuf" or target.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} expects scores (n, classes) and class numbers, got {scores.dtype} of shape "
            f"{scores.shape} and {target.dtype} of shape {target.shape}"
        )
    if target.shape == scores.shape and scores.ndim > 1 and scores.size:
        target = target.argmax(-1)
    if target.shape != scores.shape[:-1] or target.size == 0 or scores.shape[-1] < 2:
        one = "use binary_accuracy" if name == "accuracy" else "give both one shape"
        raise ValueError(
            f"{name} expects scores (n, classes) of two or more classes and n >= 1 class numbers, "
            f"got {scores.shape} and {target.shape}. One logit for each example, and targets 0 and "
            f"1? Then {one}. Class numbers? Give the scores themselves."
        )
    if target.dtype.kind == "f" and (target % 1 == 0).all():  # whole numbers, though not so typed
        target = target.astype(np.int64)
    return scores, class_numbers(name, target, scores.shape[-1])


def logits_and_binary(name, prediction, target):
    """Return logits and targets between 0 and 1, of one shape."""
    logits, target = np.asarray(prediction), np.asarray(target)
    if logits.shape != target.shape or target.size == 0:
        raise ValueError(
            f"{name} expects logits and targets of one shape, got {logits.shape} and {target.shape}"
        )
    if target.dtype.kind not in "biuf" or not (target.min() >= 0 and target.max() <= 1):
        raise ValueError(
            f"{name} expects targets between 0 and 1, got {np.unique(target)[:5].tolist()}. More "
            "than two classes? Give scores (n, classes) and class numbers (accuracy and others)."
        )
    return logits, target


def two_lists_of_classes(name, prediction, target, classes):
    """Return predicted and true class numbers as integers of 64 bits, and how many classes."""
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.dtype.kind not in "biu" or target.dtype.kind not in "biu":
        raise ValueError(
            f"{name} expects class numbers, got {prediction.dtype} and {target.dtype}. "
            "Scores? Use scores.argmax(-1)."
        )
    if prediction.shape != target.shape or target.ndim != 1 or target.size == 0:
        raise ValueError(
            f"{name} expects two arrays of n >= 1 class numbers, got shapes {prediction.shape} and "
            f"{target.shape}"
        )
    lowest = int(min(prediction.min(), target.min()))
    highest = int(max(prediction.max(), target.max()))
    classes = highest + 1 if classes is None else classes
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"{name} expects class numbers from 0 to {classes - 1}, got values from {lowest} to "
            f"{highest}"
        )
    return prediction.astype(np.int64), target.astype(np.int64), classes  # uint8 would overflow


def finite_numbers(name, values):
    """Return at least one example, all numbers finite."""
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


def check_positive(**numbers):
    """Return Python's own numbers, which cannot overflow; explain what is not whole and >= 1."""
    if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in numbers.values()):
        raise ValueError(
            f"expected whole and positive {' and '.join(numbers)}, got "
            f"{' and '.join(map(repr, numbers.values()))}"
        )
    return tuple(map(int, numbers.values()))


def check_callable(what, given, example):
    """Explain what is no function."""
    if not callable(given):
        raise TypeError(f"{what} is a function such as {example}, got {given!r:.60}")


def regions_of_classes(regions, points, labels, colors):
    """Return the class that a classifier gives each point of the plane, as integers."""
    regions = np.asarray(regions)
    if regions.shape != (points,) or regions.dtype.kind not in "biu":
        raise ValueError(
            "plot_decision_regions expects predict to return one class number for each point, "
            f"shape {(points,)}, got {regions.dtype} of shape {regions.shape}. Scores? "
            "lambda x: model(x).argmax(-1), or (model(x)[:, 0] > 0).astype(int)."
        )
    both = np.concatenate([labels, regions.astype(int)])
    if both.min() < 0 or both.max() >= colors:
        raise ValueError(
            f"plot_decision_regions has colors for the classes 0 to {colors - 1}, got "
            f"{np.unique(labels).tolist()}. Labels of -1 and 1? Use (y + 1) // 2."
        )
    return regions.astype(int)
