"""Explaining by switching regions on and off: LIME, and Shapley values in four ways.

All of them play the same *game*: the players are regions of an image (or columns of a table),
``game(masks)`` takes an array (coalitions, players) of zeros and ones and returns the model's score
for each row, with the players of the zeros switched off. :func:`switched` makes such a game of an
image. What the model is inside plays no part.
"""

from math import comb
from typing import NamedTuple

import numpy as np

from .._checks import as_floats

__all__ = [
    "Surrogate",
    "grid",
    "kernel_shap",
    "lime",
    "linear_fit",
    "nearness",
    "shapley_exact",
    "shapley_kernel",
    "shapley_sampled",
    "switched",
]


class Surrogate(NamedTuple):
    """A linear model beside another one: what :func:`lime` returns.

    Examples
    --------
    >>> Surrogate(np.array([1.0, 2.0]), 0.5, 0.9).r2
    0.9
    """

    weights: np.ndarray
    intercept: float
    r2: float


def grid(height, width, size):
    """Return an image's squares, numbered row by row: int array of shape (height, width).

    Examples
    --------
    >>> grid(4, 4, 2)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1],
           [2, 2, 3, 3],
           [2, 2, 3, 3]])
    """
    height, width, size = int(height), int(width), int(size)
    across = -(-width // size)
    return np.arange(height)[:, None] // size * across + np.arange(width) // size


def switched(predict, x, target, segments, *, fill=0.0, batch_size=512):
    """Return the game in which regions of an image are switched off.

    Parameters
    ----------
    predict : callable
        From (batch, height, width, channels) to scores (batch, classes).
    x : array of shape (height, width, channels)
        One image.
    target : int
        The class whose score is played for.
    segments : int array of shape (height, width)
        Each pixel's region, from 0.
    fill : float or array
        What a region shows that is off: a number, a color, or another image.
    batch_size : int

    Returns
    -------
    callable
        ``game(masks)``, from (coalitions, regions) to scores (coalitions,).

    Raises
    ------
    ValueError
        If the regions have not the size of the image.

    Examples
    --------
    >>> game = switched(lambda b: b.sum(axis=(1, 2)), np.ones((4, 4, 1)), 0, grid(4, 4, 2))
    >>> game(np.array([[1, 1, 1, 1], [1, 0, 0, 0]]))
    array([16.,  4.])
    """
    x, segments = as_floats(x), np.asarray(segments)
    if segments.shape != x.shape[:2]:
        raise ValueError(f"expected regions of shape {x.shape[:2]}, got {segments.shape}")
    other = np.asarray(fill, x.dtype)

    def game(masks):
        scores = []
        for i in range(0, len(masks), batch_size):
            on = np.asarray(masks[i : i + batch_size], bool)[:, segments][..., None]
            scores.append(predict(np.where(on, x, other))[:, target])
        return np.concatenate(scores)

    return game


def linear_fit(masks, scores, weights, strength=0.0):
    """Fit ``scores ≈ intercept + masks @ w`` by weighted least squares with an L2 penalty.

    Minimizes ``sum of weights * error² + strength * |w|²``; the intercept is not penalized.

    Returns
    -------
    Surrogate
        ``weights`` (players,), ``intercept``, and the weighted share of variance ``r2``.

    Examples
    --------
    >>> masks = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    >>> fit = linear_fit(masks, 3 + masks @ np.array([2.0, -1.0]), np.ones(4))
    >>> np.round(fit.weights, 6), round(float(fit.intercept), 6)
    (array([ 2., -1.]), 3.0)
    """
    masks, scores, weights = (np.asarray(a, float) for a in (masks, scores, weights))
    shares = weights / np.sum(weights)
    mean_mask, mean_score = shares @ masks, shares @ scores
    centered, rest = masks - mean_mask, scores - mean_score
    normal = centered.T @ (weights[:, None] * centered) + strength * np.eye(masks.shape[1])
    w = np.linalg.lstsq(normal, centered.T @ (weights * rest), rcond=None)[0]
    error, total = rest - centered @ w, weights @ rest**2
    r2 = 1 - weights @ error**2 / total if total > 0 else 1.0
    return Surrogate(w, mean_score - mean_mask @ w, float(r2))


def nearness(masks, kernel_width=0.25):
    """Return how much each mask counts for LIME: ``sqrt(exp(-d² / kernel_width²))``.

    d is the cosine distance of a mask to a row of ones: with m of M players on, ``1 - sqrt(m/M)``.

    Examples
    --------
    >>> np.round(nearness(np.array([[1, 1, 1, 1], [1, 0, 0, 0]]), kernel_width=0.5), 4)
    array([1.    , 0.6065])
    """
    distance = 1 - np.sqrt(np.mean(masks, axis=1, dtype=float))
    return np.sqrt(np.exp(-(distance**2) / kernel_width**2))


def lime(game, players, *, samples=1000, kernel_width=0.25, strength=1.0, masks=None, rng=None):
    """Explain by a linear model that is right near the whole input.

    Random coalitions, weighted by their :func:`nearness` to the full one, and a
    :func:`linear_fit`. All settings, the kernel's width and the penalty among them, are those
    of the package ``lime`` for images. Source: Ribeiro, Singh and Guestrin (2016), algorithm 1.

    Parameters
    ----------
    game : callable
        See :func:`switched`.
    players : int
    samples : int
    kernel_width : float
        How far "near" reaches. It decides the answer as much as the model does.
    strength : float
        Of the penalty on the weights.
    masks : array of shape (samples, players), optional
        Coalitions to use instead of random ones.
    rng : int, Generator or None

    Returns
    -------
    Surrogate

    Examples
    --------
    >>> fit = lime(lambda masks: masks @ np.array([3.0, 2.0, -1.0]), 3, strength=0, rng=0)
    >>> np.round(fit.weights, 6)
    array([ 3.,  2., -1.])
    """
    if masks is None:
        masks = np.random.default_rng(rng).integers(0, 2, (samples, players))
        masks[0] = 1
    return linear_fit(masks, game(masks), nearness(masks, kernel_width), strength)


def shapley_exact(game, players):
    """Return the Shapley values, from all ``2**players`` coalitions.

    ``sum over S without i of |S|! (M - |S| - 1)! / M! * (v(S + i) - v(S))``: what player i adds,
    averaged over all orders in which the players can come. Source: Shapley (1953), equation 12.

    Parameters
    ----------
    game : callable
        See :func:`switched`.
    players : int

    Returns
    -------
    array of shape (players,)

    Raises
    ------
    ValueError
        If there are no players, or more than 20.

    Examples
    --------
    Two players who achieve something only together share it:

    >>> shapley_exact(lambda masks: 6.0 * masks.prod(axis=1), 2)
    array([3., 3.])
    """
    if not 1 <= players <= 20:
        raise ValueError(
            f"expected 1 to 20 players, got {players}: their coalitions are 2 to that power. "
            "Try shapley_sampled."
        )
    players = int(players)
    codes = np.arange(2**players)
    masks = codes[:, None] >> np.arange(players) & 1
    scores = np.asarray(game(masks), float)
    orders = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    values = np.empty(players)
    for i in range(players):
        without = codes[masks[:, i] == 0]
        gain = scores[without | 1 << i] - scores[without]
        values[i] = orders[masks[without].sum(axis=1)] @ gain
    return values


def shapley_sampled(game, players, *, permutations=100, rng=None):
    """Estimate the Shapley values from random orders of the players, with standard errors.

    Each order gives one gain for each player; they add up to ``v(all) - v(none)`` in every order,
    so the estimates do, too. Source: Castro, Gómez and Tejada (2009).

    Parameters
    ----------
    game, players
        As in :func:`shapley_exact`, for any number of players.
    permutations : int
        At least 2. The game is asked ``permutations * (players + 1)`` times.
    rng : int, Generator or None

    Returns
    -------
    values, standard_errors : arrays of shape (players,)

    Raises
    ------
    ValueError
        If there are fewer than two permutations, which have no spread.

    Examples
    --------
    >>> values, errors = shapley_sampled(lambda m: m @ np.array([1.0, 2.0, 3.0]), 3, rng=0)
    >>> np.round(values, 6), np.round(errors, 6)
    (array([1., 2., 3.]), array([0., 0., 0.]))
    """
    if permutations < 2:
        raise ValueError(f"expected at least 2 permutations, got {permutations!r}")
    rng, steps, players = np.random.default_rng(rng), [], int(players)
    ranks = rng.permuted(np.tile(np.arange(players), (permutations, 1)), axis=1)
    at_once = 1 + 2**22 // (players + 1) ** 2  # orders whose masks take about 34 MB
    for start in range(0, permutations, at_once):
        part = ranks[start : start + at_once]
        masks = part[:, None, :] < np.arange(players + 1)[None, :, None]  # who came before
        scores = np.asarray(game(masks.reshape(-1, players).astype(int)), float)
        steps.append(np.diff(scores.reshape(len(part), players + 1), axis=1))
    gains = np.take_along_axis(np.concatenate(steps), ranks, axis=1)
    return gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(permutations)


def shapley_kernel(players, size):
    """Return KernelSHAP's weight of one coalition of a size: ``(M-1) / (C(M,s) s (M-s))``.

    Examples
    --------
    >>> [round(shapley_kernel(4, size), 4) for size in (1, 2, 3)]
    [0.25, 0.125, 0.25]
    """
    players, size = int(players), int(size)  # Python's own do not overflow
    return (players - 1) / (comb(players, size) * size * (players - size))


def kernel_shap(game, players, *, samples=None, rng=None):
    """Return Shapley values as the weighted linear fit that they are.

    Least squares with the weights of :func:`shapley_kernel`, under the constraint that the values
    add up to ``v(all) - v(none)``. With all coalitions the result is exact; with ``samples`` of
    them, drawn in pairs (a coalition and the rest) by their weight, an estimate. Source: Lundberg
    and Lee (2017), theorem 2; pairs: Covert and Lee (2021).

    Parameters
    ----------
    game, players
        As in :func:`shapley_exact`; at least two players.
    samples : int, optional
        How many coalitions to ask for; all, if not given.
    rng : int, Generator or None

    Returns
    -------
    array of shape (players,)

    Raises
    ------
    ValueError
        If there are fewer than two players, or more than 20 and no ``samples``.

    Examples
    --------
    >>> kernel_shap(lambda masks: 6.0 * masks.prod(axis=1), 2)
    array([3., 3.])
    """
    if players < 2 or (samples is None and players > 20):
        raise ValueError(f"expected 2 to 20 players, or samples=, got {players} players")
    players, samples = int(players), None if samples is None else int(samples)
    if samples is None:
        masks = np.arange(1, 2**players - 1)[:, None] >> np.arange(players) & 1
        weights = np.array([shapley_kernel(players, size) for size in masks.sum(axis=1)])
    else:
        rng, sizes = np.random.default_rng(rng), np.arange(1, players)
        chances = 1 / (sizes * (players - sizes))
        drawn = rng.choice(sizes, -(-samples // 2), p=chances / chances.sum())
        ranks = rng.permuted(np.tile(np.arange(players), (len(drawn), 1)), axis=1)
        half = (ranks < drawn[:, None]).astype(int)
        masks, weights = np.concatenate([half, 1 - half]), np.ones(2 * len(drawn))
    ends = np.concatenate([np.zeros((1, players), int), np.ones((1, players), int)])
    none, full = (float(score) for score in game(ends))
    scores = np.asarray(game(masks), float) - none
    # The last player takes what the others leave: then the constraint holds by itself.
    last = masks[:, -1:]
    table, rest = (masks - last)[:, :-1], scores - last[:, 0] * (full - none)
    scale = np.sqrt(weights)
    others = np.linalg.lstsq(scale[:, None] * table, scale * rest, rcond=None)[0]
    return np.append(others, full - none - others.sum())
