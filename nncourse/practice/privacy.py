"""Differential privacy: training that gives almost the same model without any one person.

DP-SGD changes three things of a step of SGD. Examples are drawn independently
(:func:`poisson_batch`), each one's gradient is clipped to a length C (:func:`clipped_gradients`),
and normal noise of standard deviation ``noise * C`` is added to their sum (:func:`private_step`).
What a whole training gives away at most is one number, :func:`epsilon`: Rényi divergences, added up
over the steps and converted. It counts on all three. How to attack a model stands in
:mod:`nncourse.practice.membership`.
"""

from math import inf, log, log1p

import numpy as np

from .._checks import floating
from ..layers import BatchNorm, Dense, Sequential
from ..layers.core import _walk

__all__ = [
    "clipped_gradients",
    "epsilon",
    "fit_privately",
    "noise_for",
    "per_example_gradients",
    "poisson_batch",
    "private_step",
    "renyi_divergence",
]

ORDERS = (*(1 + k / 10 for k in range(1, 100)), *range(11, 65), 128, 256, 512, 1024)


def poisson_batch(n, rate, rng=None):
    """Draw a batch in which each of n examples is with probability ``rate``, whatever the others.

    Its size is random, ``n * rate`` on average; it may be empty.

    Returns
    -------
    int array
        Which examples, in increasing order.

    Raises
    ------
    ValueError
        If the rate is no probability.

    Examples
    --------
    >>> poisson_batch(20, 0.25, rng=0)
    array([ 2,  3, 11, 13, 15])
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"poisson_batch expects a rate in [0, 1], got {rate}")
    return np.flatnonzero(np.random.default_rng(rng).random(n) < rate)


def per_example_gradients(model, loss, x, y):
    """Return the gradient of each example's own loss, by one backward pass for each.

    Slow and right for every model. Parameters' gradients are left at zero. PyTorch:
    ``torch.func.vmap(grad(…))``; Opacus: ``GradSampleModule``.

    Parameters
    ----------
    model : Layer
    loss : callable
        ``loss(prediction, target)`` returns the mean loss and its gradient.
    x, y : arrays of shape (n, ...)

    Returns
    -------
    list of arrays of shape (n, *parameter.shape)

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Dense(3, 1, rng=0, dtype=np.float64)
    >>> x, y = np.eye(3)[:2], np.zeros((2, 1))
    >>> [g.shape for g in per_example_gradients(model, nn.losses.mean_squared_error, x, y)]
    [(2, 3, 1), (2, 1)]
    """
    _refuse_batch_statistics(model)
    parameters = model.parameters()
    each = [np.empty((len(x), *p.value.shape), p.value.dtype) for p in parameters]
    for i in range(len(x)):
        for p in parameters:
            p.zero_grad()
        model.backward(loss(model(x[i : i + 1], training=True), y[i : i + 1])[1])
        for store, p in zip(each, parameters, strict=True):
            store[i] = p.grad
    for p in parameters:
        p.zero_grad()
    return each


def clipped_gradients(model, loss, x, y, clip):
    """Leave the *sum* of the examples' clipped gradients in the parameters; return their lengths.

    ``sum over i of g[i] * min(1, clip / ‖g[i]‖)``, with g[i] the gradient of example i by all
    parameters. A chain of Dense layers, on rows, and layers without parameters needs two passes and
    no g[i]: the gradient of a kernel by one example is an outer product, ``‖a δᵀ‖ = ‖a‖ ‖δ‖``, and
    clipping an example is the same as scaling its loss. Other models take one pass for each.
    Source: Abadi et al. (2016), algorithm 1; for the lengths: Goodfellow (2015).

    Parameters
    ----------
    model, loss, x, y
        As in :func:`per_example_gradients`.
    clip : float
        C, the largest length that is left alone.

    Returns
    -------
    array of shape (n,)
        Lengths before clipping.

    Raises
    ------
    ValueError
        If clip is not positive, or the model mixes the examples of a batch (batch normalization):
        then there is no gradient of one example.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(2, 1, rng=0, dtype=np.float64))
    >>> x, y = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[9.0], [0.1]])
    >>> clipped_gradients(model, nn.losses.mean_squared_error, x, y, 1.0).round(1)
    array([106.5,   0.2])
    """
    if not clip > 0:
        raise ValueError(f"clipped_gradients expects clip > 0, got {clip}")
    _refuse_batch_statistics(model)
    inputs, top = _chain(model, x) if _is_chain(model) else (None, None)
    if inputs is None:
        each = per_example_gradients(model, loss, x, y)
        lengths = np.sqrt(sum(_squares(g.reshape(len(x), -1)) for g in each))
        factors = np.minimum(1, clip / np.maximum(lengths, 1e-12))
        for p, g in zip(model.parameters(), each, strict=True):
            p.grad = np.tensordot(factors, floating(g), axes=1)
        return lengths
    top = loss(top, y)[1] * len(x)  # the loss is a mean; the gradient of each example's own loss
    grad, squares = top, np.zeros(len(x))
    for layer, a in zip(reversed(model.layers), reversed(inputs), strict=True):
        if isinstance(layer, Dense):  # ‖a δᵀ‖² for the kernel, ‖δ‖² for the bias
            squares += _squares(grad) * (1 + _squares(a))
        grad = layer.backward(grad)
    lengths = np.sqrt(squares)
    factors = np.minimum(1, clip / np.maximum(lengths, 1e-12)).astype(top.dtype)
    for p in model.parameters():
        p.zero_grad()
    model.backward(top * factors[:, None])
    return lengths


def private_step(model, loss, optimizer, x, y, *, clip, noise, batch, rng=None):
    """Take one step of DP-SGD with the examples of a Poisson batch.

    The gradient that the optimizer sees is ``(sum of clipped gradients + noise * clip * e) /
    batch`` with e standard normal and ``batch`` the *expected* size: dividing by the real one would
    give away who was drawn. Source: Abadi et al. (2016), algorithm 1.

    Parameters
    ----------
    model, loss, x, y, clip
        As in :func:`clipped_gradients`; the batch may be empty.
    optimizer : Optimizer
    noise : float
        The noise multiplier σ: standard deviation of the noise, in units of clip.
    batch : float
        Expected number of examples.
    rng : int, Generator or None

    Raises
    ------
    ValueError
        If the noise is negative or ``batch`` is not positive; and as :func:`clipped_gradients`.

    Examples
    --------
    >>> import nncourse as nn
    >>> model = nn.Sequential(nn.Dense(2, 1, rng=0))
    >>> sgd = nn.SGD(model.parameters(), 0.1)
    >>> x, y = np.ones((3, 2), np.float32), np.ones((3, 1), np.float32)
    >>> loss = nn.losses.mean_squared_error
    >>> private_step(model, loss, sgd, x, y, clip=1.0, noise=1.1, batch=4, rng=0)
    """
    if not (0 <= noise < inf and 0 < batch < inf):
        raise ValueError(f"expected noise >= 0 and batch > 0, got noise={noise}, batch={batch}")
    rng = np.random.default_rng(rng)
    for p in model.parameters():
        p.zero_grad()
    if len(x):
        clipped_gradients(model, loss, x, y, clip)
    for p in model.parameters():
        more = noise * clip * rng.standard_normal(p.value.shape, np.float32)
        p.grad = (floating(p.grad) + more) / batch
    optimizer.step()


def fit_privately(model, loss, optimizer, x, y, *, clip, noise, rate, steps, rng=None):
    """Train with DP-SGD: ``steps`` steps, each on a Poisson batch of ``rate * len(x)`` on average.

    The model that comes out is (ε, δ)-private with ε = ``epsilon(noise, rate, steps, delta)``,
    for datasets that differ by one example more or less.

    Parameters
    ----------
    model, loss, optimizer, x, y, clip, noise
        As in :func:`private_step`.
    rate : float
        Probability that an example is in a batch.
    steps : int
    rng : int, Generator or None
        For the batches and the noise.

    Examples
    --------
    >>> import nncourse as nn
    >>> x, y = nn.datasets.make_blobs(200, classes=2, rng=0)
    >>> model = nn.Sequential(nn.Dense(2, 2, rng=0))
    >>> loss, sgd = nn.losses.softmax_cross_entropy, nn.SGD(model.parameters(), 0.5)
    >>> settings = dict(clip=1.0, noise=2.0, rate=0.2, steps=50, rng=0)
    >>> fit_privately(model, loss, sgd, x.astype(np.float32), y, **settings)
    """
    rng, x, y, rate = np.random.default_rng(rng), np.asarray(x), np.asarray(y), float(rate)
    for _ in range(steps):
        drawn = poisson_batch(len(x), rate, rng)
        private_step(
            model, loss, optimizer, x[drawn], y[drawn],
            clip=clip, noise=noise, batch=rate * len(x), rng=rng,
        )  # fmt: skip


def renyi_divergence(noise, rate, order):
    """Return the Rényi divergence of one step of DP-SGD with an example from one without it.

    ``log E[((1 - q) + q exp((2 z - 1) / (2 σ²)))^α] / (α - 1)`` with z normal of standard deviation
    σ. The mean is a sum over a fine grid, which for such a smooth function is exact to many digits;
    for whole α it equals the binomial sum of the source. Source: Mironov, Talwar and Zhang (2019),
    section 3.3, whose A_α this is.

    Parameters
    ----------
    noise : float
        The noise multiplier σ.
    rate : float
        q, the probability that an example is in a batch.
    order : float
        α > 1.

    Examples
    --------
    Every example in every batch is the plain Gaussian mechanism, α / (2 σ²):

    >>> round(renyi_divergence(2.0, 1.0, 8), 6)
    1.0
    """
    noise, rate, order = float(noise), float(rate), float(order)
    step = noise / 25
    z = np.arange(-20 * noise, order + 20 * noise, step)
    without = log1p(-rate) if rate < 1 else -inf
    ratio = np.logaddexp(without, log(rate) + (2 * z - 1) / (2 * noise**2))
    logs = order * ratio - np.square(z / noise) / 2
    top = logs.max()
    moment = top + log(np.exp(logs - top).sum() * step / noise / np.sqrt(2 * np.pi))
    return float(max(moment, 0.0) / (order - 1))


def epsilon(noise, rate, steps, delta, orders=ORDERS):
    """Return the ε of DP-SGD: with it, the training is (ε, δ)-private.

    Rényi divergences of the steps add up to r = ``steps * renyi_divergence``; each order α then
    gives ``ε = r + log(1 - 1/α) - log(δ α) / (α - 1)``, and the smallest counts. Exact accountants
    are tighter by some percent. Source: Mironov (2017), Canonne, Kamath and Steinke (2020),
    proposition 12. ``dp_accounting.rdp.RdpAccountant`` gives the same numbers for whole orders; for
    the others it adds the sizes of alternating terms, and is larger by up to a thousandth.

    Parameters
    ----------
    noise, rate
        As in :func:`renyi_divergence`. The batches must really be drawn so: :func:`poisson_batch`.
    steps : int
    delta : float
        δ, much smaller than one over the number of examples.
    orders : sequence of float
        The α to try.

    Raises
    ------
    ValueError
        If the noise is not positive, rate or delta are no probabilities, or steps are negative.

    Examples
    --------
    The setting of a well-known tutorial: 60 epochs of the 60,000 digits in batches of 256.

    >>> round(epsilon(1.1, 256 / 60000, 60 * 60000 // 256, 1e-5), 3)
    2.597
    """
    if not (0 < noise < inf and 0 <= rate <= 1 and 0 < delta < 1 and 0 <= steps < inf):
        raise ValueError(
            "epsilon expects noise > 0, rate in [0, 1], delta in (0, 1) and steps >= 0, got "
            f"{noise}, {rate}, {delta} and {steps}"
        )
    steps, delta = float(steps), float(delta)
    if not rate or not steps:
        return 0.0
    found = (
        steps * renyi_divergence(noise, rate, a) + log1p(-1 / a) - log(delta * a) / (a - 1)
        for a in orders
    )
    return float(max(min(found), 0.0))


def noise_for(target, rate, steps, delta):
    """Return the smallest noise multiplier whose ε does not exceed ``target``, to 0.1 %.

    Raises
    ------
    ValueError
        If the target is not positive; and as :func:`epsilon`.

    Examples
    --------
    >>> noise = noise_for(2.0, 0.02, 500, 1e-5)
    >>> 1.99 < epsilon(noise, 0.02, 500, 1e-5) <= 2.0
    True
    """
    few = (*np.arange(1.25, 12, 0.25), *range(12, 64, 2), 128, 256)
    if not target > 0:
        raise ValueError(f"noise_for expects a target > 0, got {target}")
    low, high = 0.1, 0.2
    while epsilon(high, rate, steps, delta, few) > target:
        low, high = high, 2 * high
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        if epsilon(middle, rate, steps, delta, few) > target:
            low = middle
        else:
            high = middle
    return float(high)


def _squares(rows):
    """Return each row's sum of squares; those of whole numbers and float16 would overflow."""
    return np.square(floating(rows)).sum(axis=1)


def _is_chain(model):
    """Whether only Dense layers have parameters, each its own, and one follows the other."""
    if type(model) is not Sequential:
        return False
    dense = all(isinstance(layer, Dense) or not layer.parameters() for layer in model.layers)
    return dense and sum(len(layer.parameters()) for layer in model.layers) == len(
        model.parameters()
    )


def _chain(model, x):
    """Return the input of each layer, and the output; none if a Dense layer reads sequences."""
    inputs = []
    for layer in model.layers:
        inputs.append(x)
        x = layer(x, training=True)
    rows = all(
        a.ndim == 2 for layer, a in zip(model.layers, inputs, strict=True) if layer.parameters()
    )
    return (inputs, x) if rows else (None, None)


def _refuse_batch_statistics(layer):
    """Raise if a layer inside computes with several examples at once."""
    for inner in _walk(layer):
        if isinstance(inner, BatchNorm):
            raise ValueError(
                f"{inner!r} mixes the examples of a batch, so no example has a gradient of its "
                "own. Use LayerNorm."
            )
