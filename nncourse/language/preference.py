"""From a predictor to an assistant: learning from answers, and from which of two is preferred.

Fine-tuning makes good answers likely: the loss counts the answer's tokens alone. Preferences say
which of two answers is better; direct preference optimization (DPO) makes the better one likelier,
against a copy of the model that stays as it was, the reference. What a model may gain by moving
away from its reference is weighed against how far it moves, the Kullback–Leibler divergence.

Logits have shape (batch, time, vocabulary): at each step the scores of the token that comes
*next*. Targets and masks have shape (batch, time): the token that came, and whether it counts.
"""

import numpy as np

from .._checks import as_floats, floating
from ..activations import sigmoid, softplus

__all__ = [
    "answer_loss",
    "bradley_terry",
    "dpo_loss",
    "implicit_reward",
    "kl_divergence",
    "reward_accuracy",
    "sequence_log_probability",
    "tilted",
]


def sequence_log_probability(logits, target, mask):
    """Log-probability of each sequence's counted tokens, and its gradient.

    ``sum_t mask[t] * log softmax(logits[t])[target[t]]``; its derivative by ``logits[t, k]`` is
    ``mask[t] * ((k == target[t]) - softmax(logits[t])[k])``. A sum, not a mean: it is the logarithm
    of the probability of the whole answer, so that longer answers have smaller ones.
    Source: Rafailov et al. (2023), section 3.

    Parameters
    ----------
    logits : array of shape (batch, time, vocabulary)
    target : array of int, shape (batch, time)
        The token that follows each step.
    mask : array of bool, shape (batch, time)
        True where the token belongs to the answer: not at the prompt, not at padding, but at the
        token that ends the answer.

    Returns
    -------
    log_probability : array of float64, shape (batch,)
    grad : array of shape (batch, time, vocabulary) and the type of the logits
        The derivative of ``log_probability[i]`` by ``logits[i]``.

    Raises
    ------
    ValueError
        If the shapes do not fit, the mask is not of bool, a sequence has no token that counts, or
        a target is out of range.

    Examples
    --------
    >>> logits = np.log([[[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]]])
    >>> mask = np.array([[False, True, True]])
    >>> value, grad = sequence_log_probability(logits, np.array([[0, 0, 1]]), mask)
    >>> np.exp(value).round(3)  # 0.9 times 0.75
    array([0.675])
    >>> grad.round(2).tolist()
    [[[0.0, 0.0], [0.1, -0.1], [-0.25, 0.25]]]
    """
    logits, target, mask = _checked("sequence_log_probability", logits, target, mask)
    log_p, dtype = _log_softmax(floating(logits)), logits.dtype
    counted = np.where(mask, target, 0)  # elsewhere it may be anything, as PyTorch's -100
    chosen = np.take_along_axis(log_p, counted[..., None], axis=-1)[..., 0]
    total = np.where(mask, chosen, 0).sum(axis=1, dtype=np.float64)
    grad = np.where(mask[..., None], -np.exp(log_p), 0)
    rows = np.nonzero(mask)
    grad[(*rows, target[rows])] += 1
    return total, grad.astype(dtype, copy=False) if dtype.kind == "f" else grad


def answer_loss(logits, target, mask):
    """Mean cross-entropy of the tokens that count: the loss of supervised fine-tuning.

    ``-sum(mask * log p) / sum(mask)``, over the whole batch; its derivative is that of
    :func:`sequence_log_probability`, divided by ``-sum(mask)``. PyTorch: ``cross_entropy`` with
    ``ignore_index`` at what does not count. Source: Ouyang et al. (2022), section 3.

    Parameters
    ----------
    logits, target, mask
        As for :func:`sequence_log_probability`.

    Returns
    -------
    loss : float
    grad : array of the shape and type of the logits

    Raises
    ------
    ValueError
        As :func:`sequence_log_probability` does.

    Examples
    --------
    >>> logits = np.log([[[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]]])
    >>> loss, grad = answer_loss(logits, np.array([[0, 0, 1]]), np.array([[False, True, True]]))
    >>> print(f"{np.exp(-2 * loss):.3f}")
    0.675
    """
    total, grad = sequence_log_probability(logits, target, mask)
    grad /= -np.sum(mask)
    return float(-total.sum() / np.sum(mask)), grad


def bradley_terry(reward, other):
    """Probability that an answer is preferred to another: ``sigmoid(reward - other)``.

    Its derivative by ``reward`` is ``p (1 - p)``. Source: Bradley and Terry (1952).

    Examples
    --------
    >>> print(f"{bradley_terry(np.log(9), np.log(1)):.2f}")
    0.90
    """
    return sigmoid(np.subtract(reward, other, dtype=np.float64))


def tilted(reference, reward, beta):
    """Distribution that gains most: ``reference * exp(reward / beta) / Z``.

    Of all distributions p over the last axis it has the largest ``sum(p * reward) - beta * KL(p,
    reference)``, namely ``beta * log(Z)``. Source: Rafailov et al. (2023), equation 4.

    Parameters
    ----------
    reference, reward : array of shape (..., answers)
        Probabilities that sum to 1; what each answer is worth.
    beta : float
        What a nat of divergence costs.

    Raises
    ------
    ValueError
        If beta is not positive.

    Examples
    --------
    >>> tilted(np.array([0.5, 0.5]), np.log([9, 1]), beta=1.0).round(2)
    array([0.9, 0.1])
    >>> tilted(np.array([0.5, 0.5]), np.log([9, 1]), beta=2.0).round(2)
    array([0.75, 0.25])
    """
    _check_beta("tilted", beta)
    exponent, possible = np.asarray(reward, np.float64) / beta, np.asarray(reference) > 0
    largest = np.where(possible, exponent, -np.inf).max(axis=-1, keepdims=True)
    p = reference * np.exp(np.where(possible, exponent - largest, -np.inf))
    return p / p.sum(axis=-1, keepdims=True)


def kl_divergence(logits, reference_logits):
    """Kullback–Leibler divergence of softmax(logits) from softmax(reference_logits), in nats.

    ``sum(p * (log p - log q))`` over the last axis: 0 if they are equal, else positive. Its
    derivative by ``logits[k]`` is ``p[k] * (log p[k] - log q[k] - KL)``.
    Source: Kullback and Leibler (1951).

    Parameters
    ----------
    logits, reference_logits : arrays of one shape (..., vocabulary)

    Returns
    -------
    array of float64, shape (...)

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> print(f"{kl_divergence(np.log([0.9, 0.1]), np.log([0.5, 0.5])):.3f}")
    0.368
    """
    logits, reference_logits = np.asarray(logits), np.asarray(reference_logits)
    if logits.shape != reference_logits.shape:
        raise ValueError(
            f"kl_divergence expects logits of one shape, got {logits.shape} and "
            f"{reference_logits.shape}"
        )
    log_p = _log_softmax(logits.astype(np.float64))
    log_q = _log_softmax(reference_logits.astype(np.float64))
    possible = log_p > -np.inf  # 0 * log 0 counts as 0
    ratio = np.subtract(log_p, log_q, out=np.zeros_like(log_p), where=possible)
    return (np.exp(log_p) * ratio).sum(axis=-1)


def implicit_reward(log_probability, reference, beta):
    """Return what a model behaves as if an answer were worth: ``beta * (log p - log p_ref)``.

    Up to a number that depends on the prompt alone. Source: Rafailov et al. (2023), equation 5.

    Examples
    --------
    >>> print(f"{implicit_reward(np.log(0.9), np.log(0.5), beta=1.0):.3f}")
    0.588
    """
    _check_beta("implicit_reward", beta)
    return beta * np.subtract(log_probability, reference, dtype=np.float64)


def reward_accuracy(chosen, rejected):
    """Share of the pairs in which the chosen answer has the larger reward.

    Raises
    ------
    ValueError
        If the shapes differ, or there is no pair.

    Examples
    --------
    >>> reward_accuracy(np.array([1.0, 0.0, 2.0, 3.0]), np.array([0.0, 1.0, 1.0, 1.0]))
    0.75
    """
    if np.shape(chosen) != np.shape(rejected) or not np.size(chosen):
        raise ValueError(
            "reward_accuracy expects two arrays of one shape, got "
            f"{np.shape(chosen)} and {np.shape(rejected)}"
        )
    return float(np.mean(np.greater(chosen, rejected)))


def dpo_loss(chosen, rejected, reference_chosen, reference_rejected, *, beta=0.1):
    """Loss of direct preference optimization, and its gradients.

    With ``margin = beta * ((chosen - reference_chosen) - (rejected - reference_rejected))`` the
    mean of ``-log sigmoid(margin)``. The derivative by ``chosen`` is ``-beta * sigmoid(-margin) /
    pairs``, and that by ``rejected`` its opposite. The reference is a number that no gradient
    reaches: compute it once, with a model that is not trained.
    Source: Rafailov et al. (2023), equation 7.

    Parameters
    ----------
    chosen, rejected : arrays of shape (pairs,)
        Log-probabilities of the preferred and of the other answer, from
        :func:`sequence_log_probability`.
    reference_chosen, reference_rejected : arrays of shape (pairs,)
        The same, computed with the reference.
    beta : float
        Large values keep the model near its reference.

    Returns
    -------
    loss : float
    grad_chosen, grad_rejected : arrays of float64, shape (pairs,)

    Raises
    ------
    ValueError
        If the shapes differ, there is no pair, beta is not positive, or a margin is undefined:
        where an answer is impossible for model and reference alike.

    Examples
    --------
    >>> loss, grad_chosen, grad_rejected = dpo_loss([-3.0], [-2.0], [-3.0], [-2.0], beta=0.5)
    >>> print(f"{loss:.3f}", grad_chosen, grad_rejected)  # nothing learned yet: log 2
    0.693 [-0.25] [0.25]
    """
    _check_beta("dpo_loss", beta)
    chosen, rejected, *reference = _pairs(chosen, rejected, reference_chosen, reference_rejected)
    with np.errstate(invalid="ignore"):
        margin = beta * ((chosen - reference[0]) - (rejected - reference[1]))
    _check_margin(margin)
    grad = beta * sigmoid(-margin) / len(margin)
    return float(softplus(-margin).mean()), -grad, grad


def _log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def _check_beta(name, beta):
    if not 0 < beta < np.inf:
        raise ValueError(f"{name} expects a positive beta, got {beta}")


def _pairs(*given):
    """Return floats of one shape, a number for each pair."""
    given = [np.asarray(x, np.float64) for x in given]
    if given[0].ndim != 1 or not given[0].size or any(x.shape != given[0].shape for x in given):
        raise ValueError(
            "dpo_loss expects four arrays of one shape (pairs,), got "
            f"{', '.join(str(x.shape) for x in given)}"
        )
    return given


def _check_margin(margin):
    if np.isnan(margin).any():
        raise ValueError(
            f"dpo_loss finds no margin for pair {np.flatnonzero(np.isnan(margin))[0]}: NaN, or an "
            "answer of log-probability minus infinity for model and reference alike"
        )


def _checked(name, logits, target, mask):
    """Return floats, whole numbers and a mask that fit each other."""
    logits, target, mask = as_floats(logits), np.asarray(target), np.asarray(mask)
    if logits.ndim != 3 or target.shape != logits.shape[:2] or mask.shape != target.shape:
        raise ValueError(
            f"{name} expects logits (batch, time, vocabulary) with target and mask (batch, time), "
            f"got {logits.shape}, {target.shape} and {mask.shape}"
        )
    if mask.dtype != bool or target.dtype.kind not in "iu":
        raise ValueError(
            f"{name} expects whole numbers and a mask of bool, got {target.dtype} and {mask.dtype}"
        )
    if not mask.any(axis=1).all():
        raise ValueError(f"{name} needs at least one token that counts in each sequence")
    if target[mask].min() < 0 or target[mask].max() >= logits.shape[-1]:
        raise ValueError(f"{name} expects targets from 0 to {logits.shape[-1] - 1}")
    return logits, target, mask
