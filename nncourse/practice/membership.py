"""Membership inference: telling whether an example was in the training data.

An attack gives each example a score, large for what it takes for members. The simplest score is how
sure the model is of the right answer (:func:`confidence`); a better one compares that with models
that did and did not see the example (:func:`likelihood_ratios`). :func:`attack_rates` says what an
attack achieves: judge it by its true positives at a low false-positive rate.
"""

import numpy as np

from .._checks import class_numbers, in_order

__all__ = ["attack_rates", "confidence", "likelihood_ratios", "operating_points"]


def confidence(logits, labels):
    """Return how sure a model is of the right answer, as log-odds: ``log(p / (1 - p))``.

    p is the softmax probability of the label. From logits it is ``z[label] - log(sum of exp of the
    other z)``, exact where p is 1 in floating point. Source: Carlini et al. (2022), section IV-C.

    Parameters
    ----------
    logits : array of shape (n, classes)
        From a model that is *not* in training mode.
    labels : int array of shape (n,)

    Raises
    ------
    ValueError
        If the shapes do not fit, or a label is no class.

    Examples
    --------
    >>> confidence(np.array([[0.0, 0.0], [900.0, 0.0]]), np.array([0, 0]))
    array([  0., 900.])
    """
    z, labels = np.array(logits, np.float64), np.asarray(labels)
    if z.ndim != 2 or labels.shape != z.shape[:1]:
        raise ValueError(
            f"expected logits (n, classes) and n labels, got {z.shape}, {labels.shape}"
        )
    rows, labels = np.arange(len(z)), class_numbers("confidence", labels, z.shape[1])
    right = z[rows, labels]
    z[rows, labels] = -np.inf
    return right - np.logaddexp.reduce(z, axis=1)


def likelihood_ratios(confidences, members):
    """Return how much likelier each confidence is of a member: the attack LiRA.

    Each model is attacked with the help of the others. For an example, their confidences have a
    mean with it (``in``) and without it (``out``), and over all examples two spreads; the score is
    ``log N(c; mean_in, spread_in) - log N(c; mean_out, spread_out)``. Source: Carlini et al.
    (2022), algorithm 1, with a common spread since the models are few.

    Parameters
    ----------
    confidences : array of shape (models, examples)
    members : bool array of shape (models, examples)
        Whether the model's training data held the example. Each drawn independently: anything else
        tells the attack what it is to find.

    Returns
    -------
    array of shape (models, examples)

    Raises
    ------
    ValueError
        If the shapes differ, or without a model some example has only been in, or only out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = rng.random((12, 50)) < 0.5
    >>> scores = likelihood_ratios(rng.normal(size=(12, 50)) + 3 * members, members)
    >>> bool(scores[members].mean() > 1 > scores[~members].mean())
    True
    """
    c, inside = np.asarray(confidences, np.float64), np.asarray(members, bool)
    if c.shape != inside.shape or c.ndim != 2:
        raise ValueError(f"expected two tables (models, examples), got {c.shape}, {inside.shape}")
    scores = np.empty_like(c)
    for model in range(len(c)):
        others = np.arange(len(c)) != model
        log_density = []
        for group in (inside[others], ~inside[others]):
            counts = group.sum(axis=0)
            if not counts.all():
                raise ValueError("an example was never in, or never out: train more models")
            mean = (c[others] * group).sum(axis=0) / counts
            error = (c[others] - mean) * group
            variance = max(np.sum(error * error) / (counts - 1).clip(1).sum(), 1e-12)
            log_density.append(-((c[model] - mean) ** 2) / variance / 2 - np.log(variance) / 2)
        scores[model] = log_density[0] - log_density[1]
    return scores


def operating_points(scores, members):
    """Return what the attack's thresholds give: false- and true-positive rates.

    Examples with equal scores are accused together. A plot of one against the other is the ROC
    curve (chapter 2).

    Returns
    -------
    false, true : arrays
        From the highest threshold, (0, 0), to the lowest, (1, 1).

    Raises
    ------
    ValueError
        If there are no members or nobody else, the shapes differ, or a score is NaN.

    Examples
    --------
    >>> operating_points([4, 3, 3, 1], [True, True, False, False])
    (array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    scores, members = in_order("scores", scores), np.ravel(members).astype(bool)
    if scores.shape != members.shape:
        raise ValueError(f"expected as many scores as members, got {scores.size}, {members.size}")
    if members.all() or not members.any():
        raise ValueError("expected scores of members and of others")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # the last of equal scores
    true, false = np.cumsum(members[order])[last], np.cumsum(~members[order])[last]
    return np.append(0, false / (~members).sum()), np.append(0, true / members.sum())


def attack_rates(scores, members, at=(0.001, 0.01)):
    """Return the attack's advantage, and its true-positive rates at low false-positive rates.

    ``advantage = max over thresholds of (TPR - FPR)``: 0 for guessing, 1 for certainty. Source:
    Yeom et al. (2018), definition 4, for the advantage; Carlini et al. (2022) for the rates.

    Parameters
    ----------
    scores : array
        Large for members.
    members : bool array of the same shape
    at : sequence of float
        False-positive rates that are not exceeded. Below one over the number of others they mean
        "no false positive at all".

    Returns
    -------
    advantage : float
    rates : list of float

    Examples
    --------
    >>> attack_rates([9, 8, 7, 6, 5, 4], [1, 1, 0, 1, 0, 0], at=(0, 0.4))
    (0.6666666666666667, [0.6666666666666666, 1.0])
    """
    false, true = operating_points(scores, members)
    return float((true - false).max()), [float(true[false <= rate].max()) for rate in at]
