"""What wrong numbers have in common with the right ones: sign, factor, order, a small number."""

from collections import defaultdict
from itertools import permutations, product

import numpy as np

from .compare import difference, numbers

__all__ = ["diagnosis", "vague"]

_RELATIONS = "times what it should be.", "than it should be."
FACTORS = {2.0: "2", 0.5: "1/2", np.log(2): "ln 2", 1 / np.log(2): "1/ln 2", np.pi: "π"}


def diagnosis(failing):
    """Return a sentence that holds for at least half of the failing cases, and two; or ''.

    Parameters
    ----------
    failing : list of (arguments, received, expected)

    Examples
    --------
    >>> diagnosis([((x,), -x, x) for x in (1.0, 2.0)])
    'It has the opposite sign.'
    """
    if failing and all(_exchanged(r, e) for _, r, e in failing):
        return "The parts are right, but in another order than they should be returned in."
    part, trials, only = _one_part(failing)
    trials = [(a, numbers(r), numbers(e)) for a, r, e in trials]
    trials = [(a, r, e) for a, r, e in trials if r is not None and e is not None]
    looks = (_shape, _same_shape, _sizes, _places)
    said = defaultdict(list)
    for look, trial in product(looks, trials):
        for text in look(*trial):
            said[text].append(trial[2])
    for text, right in sorted(said.items(), key=lambda item: -len(item[1])):
        if 2 * len(right) < len(failing) or len(right) < min(2, len(failing)):
            break
        if _not_by_chance(text, right, len(failing)):
            return f"{part}: {text}" if part else text[:1].upper() + text[1:]
    same = all(r.shape == e.shape for _, r, e in trials)
    return f"{part} is wrong; the rest is right." if only and same else ""


def vague(text):
    """Say whether a diagnosis tells only where the wrong numbers stand, or a factor.

    Examples
    --------
    >>> vague("It is 0.83 times what it should be."), vague("It has the opposite sign.")
    (True, False)
    >>> vague("Only the last row is wrong.")
    True
    """
    where = "the rest is right.", "have in common?", "entry is wrong.", "row is wrong."
    along = "How is it scaled?", "all of the row.", "all of the column."
    return text.endswith((*where, *along, *_RELATIONS))


def _exchanged(r, e):
    """Say whether the right parts have been returned in another order."""
    same = isinstance(e, tuple) and isinstance(r, (tuple, list)) and len(r) == len(e) < 5
    if not same or not difference(r, e):
        return False
    return any(not difference(order, e) for order in permutations(r))


def _not_by_chance(text, right, count):
    """One number stands in some ratio to any other: two different ones must agree on it.

    Whole numbers agree by chance: a cause must hold in all failing cases, and a factor have a name.
    """
    values = np.unique(np.concatenate([e.ravel() for e in right]))
    if all(e.dtype.kind in "iub" for e in right):
        named = _RELATIONS[0] not in text or any(f" {n} times" in text for n in FACTORS.values())
        if len(right) < count or not named:
            return False
    elif not text.endswith(_RELATIONS):
        return True
    about = _RELATIONS[0] in text or "by a factor that is" in text
    return len(values[values != 0] if about else values) > 1


def _one_part(failing):
    """Where the answer has several parts, and one of them is wrong each time: only that part."""
    lengths = {len(e) if isinstance(e, tuple) else 0 for _, _, e in failing}
    same = all(isinstance(r, (tuple, list)) and len(r) in lengths for _, r, _ in failing)
    if lengths == {0} or len(lengths) > 1 or not same:
        return "", failing, False
    (count,) = lengths
    bad = [{i for i in range(count) if difference(r[i], e[i])} for _, r, e in failing]
    for i in sorted(set.intersection(*bad)):
        only = set.union(*bad) == {i}
        return f"Part {i} of the result", [(a, r[i], e[i]) for a, r, e in failing], only
    return "", failing, False


def _close(a, b):
    return a.shape == b.shape and difference(a, b) is None


def _shape(arguments, r, e):
    """Right numbers in another shape or order."""
    if r.size != e.size or (r.size < 2 and r.shape == e.shape):
        return
    if r.shape != e.shape and _close(r.ravel(), e.ravel()):
        yield "the numbers are right, their shape is not. Which axis is too much, or missing?"
    elif r.ndim == e.ndim == 2 and _close(r.T, e):
        yield "it is transposed: rows and columns are exchanged."
    elif (
        r.dtype.kind != "b" and np.unique(e).size > 2 and _close(np.sort(r, None), np.sort(e, None))
    ):
        yield "the same numbers, but in another order."


def _same_shape(arguments, r, e):
    """One rule that leads from the right numbers to these."""
    if r.shape != e.shape or not r.size or e.dtype.kind == "b" or r.dtype.kind == "b":
        return
    r, e = r.astype(float), e.astype(float)
    finite = np.isfinite(e)
    if not np.isfinite(r[finite]).all():
        yield (
            "there is nan or inf where a number should be: a division by 0, the logarithm of 0, "
            "or the exponential of a large number?"
        )
        return
    r, e = r[finite], e[finite]
    if not r.size or not e.any():
        return
    with np.errstate(all="ignore"):
        yield from _rules(r, e)


def _rules(r, e):
    far = float(np.max(np.abs(r - e)))
    if _close(r, -e):
        yield "it has the opposite sign."
    elif far <= 1e-4 * float(np.max(np.abs(e))):
        yield f"it differs by {far:.0e} at most. Did you add a small number somewhere, or round?"
    elif _close(np.abs(r), np.abs(e)):
        yield "only the sign of some numbers is wrong."
    elif _close(r, 1 - e):
        yield "it is 1 minus what it should be."
    elif (
        not (e == 0).all() and (factor := _constant(r[e != 0] / e[e != 0])) and not r[e == 0].any()
    ):
        named = [name for value, name in FACTORS.items() if abs(factor - value) < 1e-6 * value]
        yield f"it is {(named or [f'{factor:.4g}'])[0]} times what it should be."
    elif (offset := _constant(r - e)) and (e.size > 1 or abs(offset - round(offset)) < 1e-9):
        way = "more" if offset > 0 else "less"
        yield f"it is {abs(offset):.4g} {way} than it should be."
    elif _close(r, e**2):
        yield "it is the square of what it should be. Is a root missing?"
    elif (e >= 0).all() and _close(r, np.sqrt(e)):
        yield "it is the square root of what it should be."
    elif r.any() and (_close(r, np.round(e)) or _close(r, np.floor(e))):
        yield "it is rounded to whole numbers. Is there a // or an int() too much?"


def _constant(values):
    """Return the one value of all entries, or 0."""
    first = float(values.flat[0])
    same = np.isfinite(first) and np.allclose(values, first, rtol=1e-6, atol=1e-12)
    return first if same and abs(first) > 1e-9 else 0.0


def _sizes(arguments, r, e):
    """A factor that is a size of the input, or one over it."""
    if r.shape != e.shape or not np.any(e) or not np.isfinite(e).all() or e.dtype.kind == "b":
        return
    with np.errstate(all="ignore"):
        factor = _constant(np.asarray(r, float)[e != 0] / np.asarray(e, float)[e != 0])
    for i, argument in enumerate(arguments, 1):
        for axis, size in enumerate(np.shape(argument) if isinstance(argument, np.ndarray) else ()):
            for value, way in ((size, "large"), (1 / size if size else 0, "small")):
                if size > 1 and factor and abs(factor - value) < 1e-6 * value:
                    where = f"axis {axis} of argument {i}"
                    yield f"it is too {way} by a factor that is the size of {where}. Sum or mean?"
        if isinstance(argument, (int, float)) and argument > 0 and argument not in (0.5, 1, 2):
            for power, words in ((1, ""), (2, "the square of "), (0.5, "the root of ")):
                for sign, way in ((1, "large"), (-1, "small")):
                    value = np.float64(argument) ** (sign * power)  # Python's may overflow
                    if factor and abs(factor - value) < 1e-6 * value:
                        yield f"it is too {way} by a factor that is {words}argument {i}."


def _places(arguments, r, e):
    """Where the wrong entries stand, and what holds along an axis."""
    if r.shape != e.shape or e.ndim not in (1, 2) or e.size < 3:
        return
    if e.dtype.kind != "b" and r.dtype.kind != "b":
        yield from _moved(r.astype(float), e.astype(float))
    wrong = np.array([difference(a, b) is not None for a, b in zip(r, e, strict=True)])
    if len(wrong) > 2 and wrong.sum() == 1 and (wrong[0] or wrong[-1]):
        yield (
            f"only the {'first' if wrong[0] else 'last'} entry is wrong."
            if e.ndim == 1
            else (f"only the {'first' if wrong[0] else 'last'} row is wrong.")
        )
    elif e.ndim == 2 and min(e.shape) > 2 and not wrong.all() and wrong.any():
        yield "some rows are right, others are not. What do the wrong ones have in common?"


def _moved(r, e):
    if not np.isfinite(r).all() or not np.isfinite(e).all():
        return
    zero, missing = e == 0, r == 0
    if zero.any() and not zero.all() and np.array_equal(zero, ~missing):
        yield "it is 0 just where it should not be, and the other way around."
    elif len(e) > 2 and np.unique(e, axis=0).shape[0] > 2:
        if _close(r[1:], e[:-1]) or _close(r[:-1], e[1:]):
            yield "it is shifted by one place along axis 0."
    if e.ndim != 2 or min(e.shape) < 2:
        return
    for axis, kind in ((1, "row"), (0, "column")):
        total = e.sum(axis=axis)
        several = np.sum(~np.isclose(r, e).all(axis=axis)) > 1
        if np.allclose(total, 1) and (e >= 0).all() and not np.allclose(r.sum(axis=axis), 1):
            yield f"each {kind} should sum to 1."
        elif several and (e != 0).all() and _alike_along(r / e, axis):
            yield f"each {kind} is off by a factor of its own. How is it scaled?"
        elif several and _alike_along(r - e, axis):
            yield f"each {kind} is off by a number of its own, the same for all of the {kind}."


def _alike_along(values, axis):
    return np.allclose(values, values.mean(axis=axis, keepdims=True), rtol=1e-6, atol=1e-10)
