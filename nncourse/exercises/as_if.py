"""Wrong results that would be right for other inputs: an argument left out, negated, exchanged."""

import copy
import inspect
import time
import warnings
from functools import partial
from itertools import combinations

import numpy as np

from .calling import called, plain, stoppable
from .compare import difference, finite, numbers

__all__ = ["as_if", "cases_needed", "explained", "first_explained"]

_TURNED = "were transposed. Along which axis do you work?"
_SECONDS = 1  # for one call of the reference with other inputs
_TOTAL = 3  # seconds of computing for one search; waiting for a processor is none


def as_if(answer, trials, tolerance=None):
    """Say which change of one argument explains the wrong results, or return ''.

    The reference is run with an argument replaced: by 0, by 1, by its opposite, by its square, by
    one more, by its neighbor. If it then gives what the answer gave in all failing cases, and two,
    that is said. Whole numbers agree by chance: for them right results must be the same, too.

    Parameters
    ----------
    answer : callable
        The reference.
    trials : list of (arguments, received, expected, problem)
        ``problem`` is None where the result is right.

    Examples
    --------
    >>> cases = [((x, b), 2 * x, 2 * x + b, "?") for x, b in ((1.0, 0.5), (2.0, 0.7))]
    >>> as_if(lambda x, b: 2 * x + b, cases)
    'Your result would be right if `b` were 0. Does it come in wherever it should?'
    """
    needed = cases_needed(trials)
    if not needed or not (stoppable() or _ends(answer)):
        return ""
    texts = _changes(answer, needed[0][0])
    changes = ((text, partial(_with_others, answer, text)) for text in texts)
    text = first_explained(changes, needed, tolerance)
    return f"Your result would be right if {text}" if text else ""


def _ends(answer):
    """Say whether a reference ends with any input: it is written here, without a while."""
    try:
        return "while " not in inspect.getsource(answer)
    except (OSError, TypeError):
        return False


def cases_needed(trials):
    """Return the cases that a slip must explain: the failing ones, for whole numbers all.

    Examples
    --------
    >>> cases_needed([((1.0,), 2.0, 2.0, None), ((2.0,), 5.0, 4.0, "?"), ((3.0,), 8.0, 6.0, "?")])
    [((2.0,), 5.0, 4.0, '?'), ((3.0,), 8.0, 6.0, '?')]
    """
    failing = [t for t in trials if t[3]]
    if any(isinstance(t[1], Exception) for t in failing):
        return []
    needed = failing if any(_has_fractions(t[2]) for t in failing) else trials
    return needed if len(needed) > 1 else []


def _has_fractions(value):
    if isinstance(value, (tuple, list)):
        return any(map(_has_fractions, value))
    array = numbers(value)
    return array is not None and array.dtype.kind == "f" and array.size > 0


def first_explained(changes, trials, tolerance):
    """Return the words of the first change that leads to the result in all cases, or ''.

    Parameters
    ----------
    changes : iterable of (words, changed reference)
        They are tried for a few seconds.

    Examples
    --------
    >>> cases = [((-1.0,), 1.0, -1.0, "?"), ((-2.0,), 2.0, -2.0, "?")]
    >>> first_explained([("it is rounded", round), ("a sign is lost", abs)], cases, None)
    'a sign is lost'
    """
    words, part = explained(changes, trials, tolerance)
    return words if part is None else ""


def explained(changes, trials, tolerance):
    """Return (words, None) of the first change that explains all, or (words, part) of one part.

    Examples
    --------
    >>> cases = [((x,), (3 * x, x**3), (x, x), "?") for x in (2.0, 5.0)]
    >>> explained([("it is cubed", lambda x: (x, x**3))], cases, None)
    ('it is cubed', 1)
    """
    end, found = time.process_time() + _TOTAL, ("", None)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for words, changed in changes:
            try:
                parts = _explained_parts(changed, trials, tolerance)
            except (TypeError, ValueError):  # what is no data cannot be compared
                parts = set()
            if "all" in parts:
                return words, None
            if parts and not found[0]:
                found = words, min(parts)
            if time.process_time() >= end:
                break
    return found


def _explained_parts(changed, trials, tolerance):
    """Return the parts of the results that a changed reference explains in all cases."""
    left = None
    for arguments, received, expected, problem in trials:
        result = called(changed, copy.deepcopy(arguments), seconds=_SECONDS)
        if isinstance(result, Exception) or not finite(result):
            return set()
        three = [plain(received), result, plain(expected)]
        if all(isinstance(p, (tuple, list)) for p in three) and len(set(map(len, three))) == 1:
            triples = [*enumerate(zip(*three, strict=True))]
            wrong = {i for i, (r, _, e) in triples if difference(r, e) or not problem}
            same = {i for i, (r, c, _) in triples if not difference(r, c, tolerance=tolerance)}
            one = {i for i in same & wrong if _has_fractions(three[2][i])}
            parts = one | ({"all"} if len(same) == len(triples) else set())
        else:
            parts = set() if difference(*three[:2], tolerance=tolerance) else {"all"}
        left = parts if left is None else left & parts
        if not left:
            break
    return left or set()


def _with_others(answer, text, *arguments):
    others = _changes(answer, arguments).get(text)
    if others is None:
        raise ValueError(text)
    result = answer(*others)
    return np.transpose(result) if _TURNED in text and np.ndim(result) == 2 else result


def _changes(answer, arguments):
    """Return a dict from what is changed, in words, to the arguments after that."""
    try:
        names = [f"`{name}`" for name in inspect.signature(answer).parameters]
    except ValueError:
        return {}
    if len(names) < len(arguments):  # *arguments: nothing can be named
        return {}
    found = {}
    for i, value in enumerate(arguments):
        for words, other in _others(value):
            changed = (*arguments[:i], other, *arguments[i + 1 :])
            found.setdefault(words.format(names[i]), changed)
    for i, j in combinations(range(len(arguments)), 2):
        a, b = arguments[i], arguments[j]
        if type(a) is type(b) in (float, np.ndarray) and np.shape(a) == np.shape(b):
            changed = list(arguments)
            changed[i], changed[j] = b, a
            found[f"{names[i]} and {names[j]} were exchanged. Which is which?"] = tuple(changed)
    if all(isinstance(a, np.ndarray) and a.ndim == 2 for a in arguments):
        words = f"{' and '.join(names[: len(arguments)])} {_TURNED}"
        found[words] = tuple(a.T.copy() for a in arguments)
    return found


def _others(value):
    """Yield the values that a slip puts in the place of one: (words, value)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.ndarray)):
        return
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not array.size:
        return

    def like(other):
        return other if array.ndim else type(value)(other)

    fraction, scalar = array.dtype.kind == "f", array.ndim == 0
    if fraction:
        yield "{} were 0. Does it come in wherever it should?", like(np.zeros_like(array))
    if not (scalar and value == 1):
        yield "{} were 1. Does it come in wherever it should?", like(np.ones_like(array))
    if not fraction:
        yield "{} were one more. Off by one?", like(array + 1)
        if (array >= (1 if scalar else 2)).all():
            yield "{} were one less. Off by one?", like(array - 1)
    else:
        yield "{} had the opposite sign.", like(-array)
        yield "{} were twice as large. Is a factor of 2 lost, or too much?", like(2 * array)
        yield "{} were half as large. Is a factor of 2 lost, or too much?", like(array / 2)
        if (array > 0).all():
            yield "{} were squared first. Is it a root that you need?", like(array**2)
            yield "the root of {} were taken first. Is it a square that you need?", like(array**0.5)
            yield "1 were divided by {} first. Multiply, or divide?", like(1 / array)
        if ((array > 0) & (array < 1)).all():
            yield "1 − {} stood in its place.", like(1 - array)
    if not scalar:
        if (array < 0).any():
            yield "no {} were negative. Where does the sign get lost?", np.abs(array)
        if array.ndim == 1 and fraction:
            yield "all {} were equal to their mean.", np.full_like(array, array.mean())
            yield "{} came in the opposite order.", array[::-1].copy()
            yield "{} came in the order of size.", np.sort(array)
