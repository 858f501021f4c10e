"""Speculative decoding: a cheap draft proposes tokens, the model checks several in one pass.

Reading five tokens takes a model hardly longer than reading one, since its weights travel from
memory once. So let something cheap guess the next ones, and keep a guess with just the probability
that makes the text distributed as if the model alone had written it.
Source: Leviathan, Kalman and Matias (2023); Chen et al. (2023).
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from .sampling import probabilities
from .words import checked_ids

__all__ = ["CopyDraft", "Speculation", "residual", "speculate", "verify"]


class Speculation(NamedTuple):
    """What :func:`speculate` returns: the new ids, and how they came about.

    Parameters
    ----------
    ids : list of int
    passes : int
        How often the model was run.
    proposed, accepted : int
        Tokens of the draft.

    Examples
    --------
    >>> Speculation([3, 1, 2], passes=1, proposed=2, accepted=2).ids
    [3, 1, 2]
    """

    ids: list
    passes: int
    proposed: int
    accepted: int


class CopyDraft:
    """A draft that costs nothing: what followed the last time when these tokens stood here.

    Looks for the longest end of the text, of at most ``order`` tokens, that has occurred before,
    in the text itself or in what it was given, and proposes its latest successor.

    Parameters
    ----------
    vocabulary : int
    order : int
        The most tokens that it compares.
    source : sequence of int
        A text to copy from, besides the one that is being written.

    Raises
    ------
    ValueError
        If the order is less than 1.

    Examples
    --------
    >>> draft = CopyDraft(5, order=2)
    >>> draft([1, 2, 3, 1, 2]).argmax(), draft([0, 4]) is None
    (np.int64(3), True)
    """

    def __init__(self, vocabulary, *, order=3, source=()):
        if order < 1:
            raise ValueError(f"order is a whole number of at least 1, got {order!r}.")
        self.vocabulary, self.order = vocabulary, order
        self._text, self._seen = [], defaultdict(list)  # from what stood before to what followed
        self._read(source)
        self._source, self._text, self._seen = self._seen, [], defaultdict(list)

    def _read(self, ids):
        """Note what follows what in a text that is mostly the one of the last time."""
        ids = list(ids)
        while self._text != ids[: len(self._text)]:  # what was guessed then, and refused
            for before in self._ends():
                self._seen[before].pop()
            self._text.pop()
        for token in ids[len(self._text) :]:
            self._text.append(token)
            for before in self._ends():
                self._seen[before].append(token)

    def _ends(self):
        """Yield what stands before the last token, from the shortest to the longest."""
        for n in range(2, min(self.order + 1, len(self._text)) + 1):
            yield tuple(self._text[-n:-1])

    def __call__(self, ids):
        """Return all probability on one token, shape (vocabulary,), or None for no idea."""
        self._read(ids)
        for n in range(min(self.order, len(self._text)), 0, -1):
            for table in (self._seen, self._source):
                followed = table.get(tuple(self._text[-n:]))
                if followed:
                    return np.where(np.arange(self.vocabulary) == followed[-1], 1.0, 0.0)
        return None


def residual(p, q):
    """Return the distribution to draw from after a refusal: ``max(p - q, 0)``, scaled to sum to 1.

    Parameters
    ----------
    p, q : array of shape (vocabulary,)
        Probabilities of the model and of the draft.

    Examples
    --------
    >>> residual(np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.8, 0.1]))
    array([0.8, 0. , 0.2])
    """
    more = np.maximum(p - q, 0)
    return more / more.sum() if more.any() else p


def verify(p, q, guess, rng):
    """Keep a beginning of the guess, and add one token: all are distributed as the model's own.

    Guess i is kept with probability ``min(1, p_i / q_i)``. At the first refusal the token comes
    from :func:`residual` instead, and the rest of the guess is dropped; without one, one more token
    is drawn from the last row of ``p``.

    Parameters
    ----------
    p : sequence of arrays of shape (vocabulary,), one more than guesses
        The model's distribution at each place, given the guesses before it.
    q : sequence of arrays of shape (vocabulary,)
        The draft's, from which the guess was drawn.
    guess : sequence of int
    rng : Generator

    Returns
    -------
    list of int
        From 1 to ``len(guess) + 1`` tokens.

    Examples
    --------
    >>> sure = np.eye(3)
    >>> verify([sure[0], sure[2], sure[1]], [sure[0], sure[1]], [0, 1], np.random.default_rng(0))
    [0, 2]
    """
    kept = []
    for row, draft, token in zip(p, q, guess, strict=False):
        share = min(1.0, row[token] / draft[token])
        if not rng.choice(2, p=[1 - share, share]):
            rest = residual(row, draft)
            return [*kept, int(rng.choice(len(rest), p=rest))]
        kept.append(int(token))
    return [*kept, int(rng.choice(len(p[-1]), p=p[-1]))]


def speculate(
    model,
    draft,
    ids,
    *,
    max_new_tokens,
    ahead=4,
    temperature=0,
    top_k=None,
    top_p=None,
    stop=None,
    rng=None,
):
    """Continue a sequence as ``model.generate`` does, with fewer passes through the model.

    Parameters
    ----------
    model : Llama
    draft : callable
        From the ids so far to a distribution of shape (vocabulary,), or None: it has no idea.
    ids : sequence of int
    max_new_tokens : int
        At least 1.
    ahead : int
        The most tokens that are guessed at once.
    temperature, top_k, top_p, stop, rng
        As for :meth:`Llama.generate <nncourse.language.llama.Llama.generate>`. At temperature 0 the
        ids are those of ``generate``; else they are other draws from the same distribution.

    Returns
    -------
    Speculation

    Raises
    ------
    ValueError
        If a number is out of range, as in ``generate``.

    Examples
    --------
    >>> from nncourse.language.llama import Llama, weight_shapes
    >>> from nncourse.scale.architectures import Architecture
    >>> sizes = {"layers": 1, "dim": 8, "heads": 2, "kv_heads": 1, "hidden": 16}
    >>> tiny = Architecture.llama(vocabulary=6, context=64, **sizes)
    >>> rng = np.random.default_rng(0)
    >>> weights = {name: rng.normal(size=shape) for name, shape in weight_shapes(tiny).items()}
    >>> model = Llama(tiny, weights)
    >>> made = speculate(model, CopyDraft(6), [1, 2, 3], max_new_tokens=20)
    >>> made.ids == model.generate([1, 2, 3], max_new_tokens=20), made.passes < 20
    (True, True)
    """
    for name, number in {"max_new_tokens": max_new_tokens, "ahead": ahead}.items():
        if not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{name} is a whole number of at least 1, got {number!r}.")
    context, vocabulary = model.architecture.context, model.architecture.vocabulary
    stop = model.end if stop is None else [stop] if isinstance(stop, int | np.integer) else stop
    stop, ids = set(checked_ids(stop, vocabulary)), model._checked_ids(ids)
    rng = np.random.default_rng(rng)
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    limit = min(len(ids) + max_new_tokens, context)
    cache, text, unread = model.cache(limit), list(ids), ids
    passes = proposed = accepted = 0
    while len(text) < limit:
        guess, q = [], []
        while len(guess) < min(ahead, limit - len(text) - 1):
            row = draft(text + guess)
            if row is None:
                break
            guess.append(int(rng.choice(vocabulary, p=row)))
            q.append(row)
        read = model._read(model._checked_ids([*unread, *guess], cache), cache)
        logits = read[-1 - len(guess) :] @ model.output  # not of the whole beginning
        p = [probabilities(row, **options) for row in logits]
        new = verify(p, q, guess, rng)
        passes, proposed, accepted = passes + 1, proposed + len(guess), accepted + len(new) - 1
        cache.rewind(len(text) + len(new) - 1)  # what was refused is forgotten
        text, unread = text + new, new[-1:]
        ends = [i for i, token in enumerate(text[len(ids) :], len(ids)) if token in stop]
        if ends:
            text = text[: ends[0]]
            break
    return Speculation(text[len(ids) :], passes, proposed, accepted)
