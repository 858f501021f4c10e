"""Checks on both sides of each of their borders: what is just let through, what is just refused."""

import re
from itertools import product

import numpy as np
import pytest

from nncourse import _checks, losses, metrics

SHAPES = [(), (0,), (1,), (3,), (3, 1), (3, 2), (2, 3), (2, 3, 2), (0, 2), (2, 0)]
ELEMENTWISE = [
    losses.mean_squared_error, losses.mean_absolute_error, losses.huber,
    losses.sigmoid_binary_cross_entropy, metrics.binary_accuracy, metrics.r2,
]  # fmt: skip
SHARES = [metrics.precision, metrics.recall, metrics.f1]


def one_hot(shape):
    """Rows with 1 in the first place: numbers, zeros and ones, and probabilities."""
    return np.broadcast_to(np.arange(shape[-1]) == 0, shape).astype(int) if shape else np.array(0)


def fits(function, prediction, target):
    """Say what the docstrings do: one shape; or classes (...) for scores (..., classes)."""
    full, rows = 0 not in prediction, len(prediction) > 0
    if function in ELEMENTWISE:
        return full and prediction == target
    if function in SHARES and prediction == target and (len(target) < 2 or target[-1] == 1):
        return full  # one logit for each example
    classes = full and rows and target == prediction[:-1]
    if function is losses.softmax_cross_entropy:
        return classes or (full and rows and target == prediction)
    several = full and rows and prediction[-1] > 1
    return several and (classes or (target == prediction and len(target) > 1))


@pytest.mark.parametrize(
    "function",
    [
        *ELEMENTWISE,
        *SHARES,
        losses.softmax_cross_entropy,
        metrics.accuracy,
        metrics.TopKAccuracy(1),
    ],
    ids=lambda f: f.__name__,
)
def test_a_pair_of_shapes_is_computed_with_or_explained(function):
    for prediction, target in product(SHAPES, SHAPES):
        classes = np.zeros(target, int) if target == prediction[:-1] else one_hot(target)
        if fits(function, prediction, target):
            function(np.zeros(prediction), classes)
        else:
            with pytest.raises(ValueError, match=re.escape(str(prediction))):
                function(np.zeros(prediction), classes)


BAD = {
    "an example of 0 axes": lambda: _checks.finite_numbers("x", 3.0),
    "no example": lambda: _checks.finite_numbers("x", []),
    "texts": lambda: _checks.finite_numbers("x", ["a"]),
    "NaN": lambda: _checks.finite_numbers("x", [0.0, np.nan]),
    "infinity": lambda: _checks.finite_numbers("x", [[0.0, np.inf]]),
    "lengths": lambda: _checks.finite_numbers("x", [[1, 2], [3]]),
    "complex": lambda: _checks.same_shape("f", [1j], [1]),
    "complex targets": lambda: _checks.same_shape("f", [1], [1j]),
    "above 1": lambda: _checks.between_0_and_1("f", np.array([0, 1 + 1e-15])),
    "below 0": lambda: _checks.between_0_and_1("f", np.array([-1e-300, 1])),
    "NaN as a target": lambda: _checks.between_0_and_1("f", np.array([np.nan, 1])),
    "a class too many": lambda: _checks.class_numbers("f", np.array([3]), 3),
    "many classes too many": lambda: _checks.class_numbers("f", np.array([0, 99]), 3),
    "a class below 0": lambda: _checks.class_numbers("f", np.array([-1]), 3),
    "a class far below 0": lambda: _checks.class_numbers("f", np.array([-99, 2]), 3),
    "far above 1": lambda: _checks.between_0_and_1("f", np.array([0, 99])),
    "far below 0": lambda: _checks.between_0_and_1("f", np.array([-99, 1])),
    "a logit's target far above 1": lambda: _checks.logits_and_binary("f", [1.0, 2], [0, 99]),
    "a logit's target far below 0": lambda: _checks.logits_and_binary("f", [1.0, 2], [-99, 1]),
    "a logit's target of text": lambda: _checks.logits_and_binary("f", [1.0], ["1"]),
    "a very negative weight": lambda: _checks.example_weights([1, -99], (2,)),
    "rows far above 1": lambda: _checks.logits_and_classes("f", [[1.0, 2]], [[99.0, 1]]),
    "rows with a negative share": lambda: _checks.logits_and_classes(
        "f", [[1.0, 2]], [[-99, 100.0]]
    ),
    "rows of nothing": lambda: _checks.logits_and_classes("f", [[1.0, 2]], [[0.0, 0]]),
    "half a class": lambda: _checks.class_numbers("f", np.array([0.5]), 3),
    "a negative weight": lambda: _checks.example_weights([1, -1e-9], (2,)),
    "an infinite weight": lambda: _checks.example_weights([1, np.inf], (2,)),
    "a weight of no axis": lambda: _checks.example_weights(1.0, (2,)),
    "too many axes": lambda: _checks.example_weights([[1], [1]], (2,)),
    "0 devices": lambda: _checks.check_positive(devices=0),
    "-99 devices": lambda: _checks.check_positive(devices=-99),
    "half a device": lambda: _checks.check_positive(devices=1.5),
    "one of two": lambda: _checks.check_positive(a=1, b=0),
    "the other": lambda: _checks.check_positive(a=0, b=1),
    "NaN in a row": lambda: _checks.in_order("f", [1, np.nan]),
    "a class not drawn": lambda: _checks.regions_of_classes([0, 3], 2, np.array([0]), 3),
    "a class far beyond": lambda: _checks.regions_of_classes([0, 99], 2, np.array([0]), 3),
    "a class of -1": lambda: _checks.regions_of_classes([0, -1], 2, np.array([0]), 3),
    "a class of -99": lambda: _checks.regions_of_classes([0, -99], 2, np.array([0]), 3),
    "a label not drawn": lambda: _checks.regions_of_classes([0, 1], 2, np.array([3]), 3),
    "a label of -1": lambda: _checks.regions_of_classes([0, 1], 2, np.array([-1]), 3),
    "too few regions": lambda: _checks.regions_of_classes([0], 2, np.array([0]), 3),
    "regions of floats": lambda: _checks.regions_of_classes([0.0, 1.0], 2, np.array([0]), 3),
    "a matrix's class": lambda: _checks.two_lists_of_classes("f", [0, 3], [0, 0], 3),
    "a matrix's class far beyond": lambda: _checks.two_lists_of_classes("f", [0, 99], [0, 0], 3),
    "a matrix's class far below": lambda: _checks.two_lists_of_classes("f", [0, -99], [0, 0], 3),
    "a matrix's target": lambda: _checks.two_lists_of_classes("f", [0, 0], [0, 3], 3),
    "negative": lambda: _checks.two_lists_of_classes("f", [0, 0], [0, -1], None),
    "a table": lambda: _checks.two_lists_of_classes("f", [[0, 1]], [[0, 1]], None),
    "floats": lambda: _checks.two_lists_of_classes("f", [0, 1], [0.0, 1.0], None),
    "nobody": lambda: _checks.two_lists_of_classes("f", np.zeros(0, int), np.zeros(0, int), None),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_just_refused(name):
    with pytest.raises(ValueError, match=r"got|differ in shape|NaN or infinite"):
        BAD[name]()


def test_what_is_just_let_through():
    for edge in (0, 1):
        assert _checks.between_0_and_1("f", np.array([edge])) == edge
        assert _checks.logits_and_binary("f", [5.0], [edge])[1] == edge
    np.testing.assert_array_equal(_checks.class_numbers("f", np.uint8([0, 2]), 3), [0, 2])
    assert _checks.class_numbers("f", np.zeros(0, int), 3).shape == (0,)
    assert _checks.class_numbers("f", np.array([True]), 2).dtype == np.int64
    assert _checks.example_weights([0, 1], (2, 3)).shape == (2, 1)
    assert _checks.example_weights([[0, 1, 1], [1, 1, 1]], (2, 3)).shape == (2, 3)
    assert _checks.check_positive(a=1, b=np.uint8(255)) == (1, 255)
    assert type(_checks.check_positive(a=np.uint8(255))[0]) is int
    regions = _checks.regions_of_classes(np.array([False, True]), 2, np.array([0, 2]), 3)
    assert regions.tolist() == [0, 1] and regions.dtype == int
    p, t, n = _checks.two_lists_of_classes("f", [0, 1], [2, 0], None)
    assert (p.tolist(), t.tolist(), n) == ([0, 1], [2, 0], 3)
    assert _checks.two_lists_of_classes("f", [0], [2], 3)[2] == 3
    np.testing.assert_array_equal(_checks.finite_numbers("x", [True, False]), [True, False])
    assert _checks.finite_numbers("x", np.zeros((1, 0))).shape == (1, 0)
    _checks.check_callable("f", len, "len")
    with pytest.raises(TypeError, match="f is a function such as len, got 3"):
        _checks.check_callable("f", 3, "len")


def test_bad_examples_are_counted_and_the_first_is_named():
    values = np.zeros((5, 2))
    values[2, 1], values[4], values[2, 0] = np.nan, np.inf, -np.inf
    with pytest.raises(ValueError, match=r"in 2 of 5 examples, first in number 2\. Remove"):
        _checks.finite_numbers("x", values)


@pytest.mark.parametrize("kind", "? u1 i8 f2 f4 f8 >f4 c8 O U1".split())
def test_types_that_are_computed_in(kind):
    """Whole numbers as float64, halves in 32 bits, the others as they are; no texts."""
    array = np.ones(2).astype(kind)
    if array.dtype.kind in "OU":
        with pytest.raises(TypeError, match="expected numbers, got"):
            _checks.as_floats(array)
        return
    whole = array.dtype.kind in "biu"
    assert _checks.as_floats(array).dtype == (np.float64 if whole else array.dtype)
    assert _checks.as_floats(array, np.float32).dtype == (np.float32 if whole else array.dtype)
    wide = {"f2": np.dtype("f4")}.get(kind, np.dtype("f8") if whole else array.dtype)
    assert _checks.floating(array).dtype == wide
    if kind in "f4 f8".split():
        assert _checks.floating(array) is array
    if array.dtype.kind != "c":
        prediction, target = _checks.same_shape("f", array, [0, 1])
        assert prediction.dtype == target.dtype == wide
        logits, classes = _checks.logits_and_classes("f", array[None], np.uint8([1]))
        assert logits.dtype == wide and classes.dtype == np.int64


@pytest.mark.parametrize(
    ("x", "exponent", "expected"),
    [
        (2, 3, (8, 4)), (2.0, -1, (0.5, 0.25)), (-2.0, 3, (-8, 4)), (-2, -1, (-0.5, 0.25)),
        (0, 1, (0, 1)), (0, 2, (0, 0)), (0, 0.5, (0, np.inf)), (0, 0, (1, 0)), (4, 0.5, (2, 0.5)),
    ],
)  # fmt: skip
def test_powers_and_their_slopes_without_the_factor(x, exponent, expected):
    assert _checks.power(x, exponent) == expected
    found = _checks.power(x, np.float32(exponent))
    assert found == expected and all(type(n) is np.float64 for n in found)


def test_powers_that_are_no_number():
    with pytest.raises(ZeroDivisionError, match="division by a Value of 0"):
        _checks.power(0.0, -0.5)
    with pytest.raises(ValueError, match=r"\(-2\) \*\* 0.5 is no real number"):
        _checks.power(-2.0, 0.5)
    with pytest.raises(TypeError, match="plain number, got str"):
        _checks.power(2.0, "2")
