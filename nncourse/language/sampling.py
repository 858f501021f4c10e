"""Sampling: from the scores of a language model to the next token.

A model gives one logit z for each entry of its vocabulary. Softmax turns them into probabilities;
a temperature T sharpens (T < 1) or flattens (T > 1) them; top-k and top-p cut off the tail of
unlikely tokens, of which there are many. What is left is drawn from.
"""

import numpy as np

from ..activations import softmax
from .words import checked_ids

__all__ = ["draw", "probabilities", "sample"]


def probabilities(logits, *, temperature=1.0, top_k=None, top_p=None):
    """Return the distribution over the vocabulary from which the next token is drawn.

    ``softmax(logits / temperature)``; then only the ``top_k`` most probable tokens are kept, and
    of these only the nucleus: the fewest, most probable first, whose share reaches ``top_p``.
    Among equals the lower index comes first. What is kept is scaled to sum to 1.

    Parameters
    ----------
    logits : array of shape (vocabulary,)
        Any floating-point type; minus infinity forbids a token.
    temperature : float
        0 puts all probability on the largest logit: greedy decoding.
    top_k : int, optional
        At least 1; None keeps all.
    top_p : float, optional
        In (0, 1]; None keeps all.

    Returns
    -------
    array of float64, shape (vocabulary,)

    Raises
    ------
    ValueError
        If an argument is out of its range, or the logits are no vector of numbers.

    Source: Holtzman, Buys, Du, Forbes and Choi (2020) for top-p; Fan, Lewis and Dauphin (2018) for
    top-k.

    Examples
    --------
    >>> logits = np.log([0.5, 0.25, 0.125, 0.125])
    >>> probabilities(logits).round(3)
    array([0.5  , 0.25 , 0.125, 0.125])
    >>> probabilities(logits, temperature=0.5).round(3)  # squares, scaled to sum to 1
    array([0.727, 0.182, 0.045, 0.045])
    >>> probabilities(logits, top_k=2).round(3)
    array([0.667, 0.333, 0.   , 0.   ])
    >>> probabilities(logits, top_p=0.8).round(3)
    array([0.571, 0.286, 0.143, 0.   ])
    """
    z = _checked(logits, temperature, top_k, top_p)
    if temperature == 0:
        return np.where(np.arange(len(z)) == z.argmax(), 1.0, 0.0)
    with np.errstate(over="ignore"):  # a tiny temperature leaves the largest alone
        p = softmax((z - z.max()) / temperature)
    if top_k is None and top_p is None:
        return p
    order = np.argsort(-p, kind="stable")[:top_k]
    if top_p is not None and top_p < 1:
        mass = np.cumsum(p[order] / p[order].sum())
        order = order[: 1 + np.searchsorted(mass, top_p - 1e-12)]  # rounding adds no token
    kept = np.zeros_like(p)
    kept[order] = p[order] / p[order].sum()
    return kept


def sample(logits, *, temperature=1.0, top_k=None, top_p=None, rng=None):
    """Draw the next token from :func:`probabilities`; return its index, an int.

    Parameters
    ----------
    logits, temperature, top_k, top_p
        As for :func:`probabilities`.
    rng : int, Generator or None
        Pass one Generator from token to token: an int draws the same number each time.

    Raises
    ------
    ValueError
        As :func:`probabilities` does.

    Examples
    --------
    >>> sample([0.0, 3.0, 1.0], temperature=0)
    1
    >>> rng = np.random.default_rng(0)
    >>> [sample([0.0, 3.0, 1.0], rng=rng) for _ in range(8)]
    [1, 1, 0, 0, 1, 2, 1, 1]
    """
    if temperature == 0:
        return int(_checked(logits, temperature, top_k, top_p).argmax())
    p = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    return int(np.random.default_rng(rng).choice(len(p), p=p))


def draw(
    predict,
    vocabulary,
    *,
    max_new_tokens,
    temperature=0,
    top_k=None,
    top_p=None,
    stop=None,
    rng=None,
):
    """Yield new tokens, one after the other: the loop of every model that generates.

    Parameters
    ----------
    predict : callable
        From the list of the new ids so far to the logits of the next one.
    vocabulary : int
        Number of different ids.
    max_new_tokens : int
        At least 1.
    temperature, top_k, top_p
        As for :func:`probabilities`.
    stop : int or sequence of int, optional
        Ids at which it ends; they are not yielded.
    rng : int, Generator or None
        Source of the draws.

    Raises
    ------
    ValueError
        If a number is out of range; at once, before anything is predicted.

    Examples
    --------
    A model that counts:

    >>> list(draw(lambda new: np.eye(5)[len(new)], 5, max_new_tokens=3))
    [0, 1, 2]
    >>> list(draw(lambda new: np.eye(5)[len(new)], 5, max_new_tokens=3, stop=1))
    [0]
    """
    if not isinstance(max_new_tokens, int | np.integer) or max_new_tokens < 1:
        raise ValueError(f"max_new_tokens is a whole number of at least 1, got {max_new_tokens!r}.")
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    _checked([0.0], **options)
    if isinstance(stop, int | np.integer):
        stop = [stop]
    stop = set(checked_ids(() if stop is None else stop, vocabulary))
    rng = np.random.default_rng(rng)

    def ids():
        new = []
        while len(new) < max_new_tokens:
            best = sample(predict(new), rng=rng, **options)
            if best in stop:
                return
            new.append(best)
            yield best

    return ids()


def _checked(logits, temperature, top_k, top_p):
    """Return the logits as float64, or say which argument is wrong."""
    z = np.asarray(logits)
    if z.ndim != 1 or len(z) == 0 or z.dtype.kind not in "fiu":
        raise ValueError(
            f"logits must be numbers of shape (vocabulary,), got {z.dtype} {z.shape}. One position "
            "at a time: logits[-1] is what follows the last token."
        )
    z = z.astype(np.float64)
    if not np.isfinite(z.max()) or np.isnan(z).any():
        raise ValueError("logits must be finite, or minus infinity for some; got NaN or infinity.")
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature must be 0 (greedy) or positive, got {temperature!r}.")
    if top_k is not None and (not isinstance(top_k, int | np.integer) or top_k < 1):
        raise ValueError(f"top_k must be an integer of at least 1, or None, got {top_k!r}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie in (0, 1], or be None, got {top_p!r}.")
    return z
