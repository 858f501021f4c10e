"""Optimizers: how a gradient becomes a step.

An optimizer holds the parameters it updates. ``zero_grad()`` clears their gradients, a backward
pass fills them, and ``step()`` changes the values in place. Below, w is a value, g its gradient,
and t counts the steps from 1. The learning rate is a number or one of
:mod:`nncourse.training.schedules`.
"""

from math import sqrt

import numpy as np

from ..layers.parameter import _checked_parameters

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]

_BLOCK = 65_536  # entries updated at a time, so that they stay in the cache between operations


class Optimizer:
    """Base class: walks over the parameters; a subclass defines ``update`` for a block of them.

    ``update(w, g, *slots, scratch=, rate=)`` changes the values ``w`` in place. It gets their
    gradient ``g``, the arrays named in ``slots``, which start at zero and last from step to step,
    the learning rate, and ``scratch``, an array to compute in, so that a step makes none of its
    own. All are flat and of one length. Frozen parameters (``trainable`` is False) are left out.
    State, gradient and scratch of float16 parameters are float32: their small numbers need it.

    Parameters
    ----------
    parameters : list of Parameter
        What to update, usually ``model.parameters()``.
    learning_rate : float or callable
        The rate, or a schedule from the number of steps done to the rate.

    Attributes
    ----------
    iterations : int
        Steps done so far.

    Raises
    ------
    TypeError
        If it is given something other than parameters, for instance a layer instead of its own.
    ValueError
        If there are no parameters or the rate is negative or not finite.

    Examples
    --------
    >>> import nncourse as nn
    >>> class SignDescent(Optimizer):
    ...     def update(self, w, g, *, scratch, rate):
    ...         w -= rate * np.sign(g)
    >>> w = nn.Parameter(np.zeros(2), "w")
    >>> w.grad += [5.0, -0.1]
    >>> SignDescent([w], learning_rate=0.5).step()
    >>> w.value
    array([-0.5,  0.5])
    """

    slots = ()  # names of the arrays kept for each parameter

    def __init__(self, parameters, learning_rate):
        parameters = _checked_parameters(type(self).__name__, parameters)
        self.parameters = list({id(p): p for p in parameters}.values())
        if not self.parameters:
            raise ValueError("an optimizer expects parameters, got none. Has the model any layers?")
        for p in self.parameters:
            p._unlock()
        self.learning_rate = learning_rate
        self.iterations = 0
        self._rate()
        self.state = [
            {slot: np.zeros(p.value.shape, _wide(p.value)) for slot in self.slots}
            for p in self.parameters
        ]

    def zero_grad(self):
        """Set all gradients to zero."""
        for p in self.parameters:
            p.zero_grad()

    def step(self):
        """Change every parameter once, by its gradient."""
        rate = self._rate()
        self.iterations += 1
        if self.iterations % 100 == 0:
            self._flush()
        for p, state in zip(self.parameters, self.state, strict=True):
            if not p.trainable:
                continue
            p.value = np.asarray(p.value, order="C")  # so that what follows is a view of it
            dtype = _wide(p.value)
            flat = [a.reshape(-1) for a in (p.value, p.grad, *state.values())]
            scratch = np.empty(min(p.value.size, _BLOCK), dtype)
            for start in range(0, p.value.size, _BLOCK):
                w, g, *slots = (a[start : start + _BLOCK] for a in flat)
                g = g.astype(dtype, copy=False)
                self.update(w, g, *slots, scratch=scratch[: w.size], rate=rate)

    def _flush(self):
        """Set tiny numbers in the state to zero.

        Where gradients stay zero (a dead ReLU), averages of them decay forever and end up among the
        denormal numbers, which processors multiply a hundred times more slowly than others.
        """
        for state in self.state:
            for array in state.values():
                array[np.abs(array) < 1e-30] = 0

    def _rate(self):
        rate = self.learning_rate
        rate = rate(self.iterations) if callable(rate) else rate
        number = np.asarray(rate)
        if number.ndim or number.dtype.kind not in "iuf" or not 0 <= number < np.inf:
            raise ValueError(
                f"the learning rate must be a number, finite and not negative, got {rate!r}"
            )
        return float(rate)


def _wide(value):
    return np.result_type(value, np.float32)


class SGD(Optimizer):
    """Gradient descent, plain or with momentum.

    Plain: ``w ← w - rate * g``. With momentum β: ``v ← β v - rate * g``, then ``w ← w + v``, or for
    Nesterov ``w ← w + β v - rate * g``. PyTorch's ``SGD`` leaves the rate out of v, which is the
    same while the rate is constant. Sources: Polyak (1964); Nesterov (1983), in the form of Bengio,
    Boulanger-Lewandowski and Pascanu (2013), which takes the gradient where the weights are.

    Parameters
    ----------
    parameters, learning_rate
        See :class:`Optimizer`.
    momentum : float
        β, at least 0 and below 1.
    nesterov : bool
        Whether to look ahead; needs momentum.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import nncourse as nn
    >>> w = nn.Parameter(np.array([1.0]), "w")
    >>> optimizer = SGD([w], learning_rate=0.1)
    >>> w.grad += 2 * w.value  # the loss is w**2
    >>> optimizer.step()
    >>> w.value
    array([0.8])
    """

    def __init__(self, parameters, learning_rate=0.01, *, momentum=0.0, nesterov=False):
        _check_decays(momentum=momentum)
        if nesterov and not momentum:
            raise ValueError("Nesterov needs momentum > 0, got 0. Try momentum=0.9.")
        self.momentum, self.nesterov = float(momentum), nesterov
        self.slots = ("velocity",) if momentum else ()
        super().__init__(parameters, learning_rate)

    def update(self, w, g, v=None, *, scratch, rate):
        np.multiply(g, rate, out=scratch)
        if v is None:
            w -= scratch
            return
        v *= self.momentum
        v -= scratch
        if self.nesterov:
            w -= scratch
            np.multiply(v, self.momentum, out=scratch)
            w += scratch
        else:
            w += v


class RMSprop(Optimizer):
    """Divide each step by a running root mean square of the gradient.

    ``v ← rho v + (1 - rho) g²``, then ``w ← w - rate * g / (sqrt(v) + epsilon)``: the epsilon is
    outside the root, as in PyTorch's ``RMSprop``; Keras puts it inside.
    Source: Tieleman and Hinton (2012), lecture 6e.

    Parameters
    ----------
    parameters, learning_rate
        See :class:`Optimizer`.
    rho : float
        Share of the old average that is kept, at least 0 and below 1.
    epsilon : float
        Keeps the division finite.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import nncourse as nn
    >>> w = nn.Parameter(np.array([1.0]), "w")
    >>> w.grad += 4.0
    >>> RMSprop([w], learning_rate=0.1, rho=0.75).step()
    >>> w.value.round(6)  # 1 - 0.1 * 4 / sqrt(0.25 * 16)
    array([0.8])
    """

    slots = ("mean_square",)

    def __init__(self, parameters, learning_rate=0.001, *, rho=0.9, epsilon=1e-7):
        _check_decays(rho=rho)
        _check_epsilon(epsilon)
        self.rho, self.epsilon = float(rho), float(epsilon)
        super().__init__(parameters, learning_rate)

    def update(self, w, g, v, *, scratch, rate):
        np.multiply(g, g, out=scratch)
        scratch *= 1 - self.rho
        v *= self.rho
        v += scratch
        np.sqrt(v, out=scratch)
        scratch += self.epsilon
        np.divide(g, scratch, out=scratch)
        scratch *= rate
        w -= scratch


class Adam(Optimizer):
    """Momentum and RMSprop together, each corrected for its start at zero.

    ``m ← β1 m + (1 - β1) g``, ``v ← β2 v + (1 - β2) g²``, ``m̂ = m / (1 - β1^t)``,
    ``v̂ = v / (1 - β2^t)``, then ``w ← w - rate * m̂ / (sqrt(v̂) + epsilon)``. The epsilon stands
    as in the paper's algorithm 1 and in PyTorch's ``Adam``; Keras adds it to ``sqrt(v)`` before
    the correction. Source: Kingma and Ba (2015).

    In NumPy as in the paper, which makes an array for each operation::

        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        w = w - rate * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)

    ``update`` computes the same in place.

    Parameters
    ----------
    parameters, learning_rate
        See :class:`Optimizer`.
    beta_1, beta_2 : float
        Shares of the old averages that are kept, at least 0 and below 1.
    epsilon : float
        Keeps the division finite.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import nncourse as nn
    >>> w = nn.Parameter(np.array([1.0]), "w")
    >>> w.grad += 123.0
    >>> Adam([w], learning_rate=0.1).step()  # the first step is the rate, whatever the gradient
    >>> w.value.round(6)
    array([0.9])
    """

    slots = ("m", "v")

    def __init__(self, parameters, learning_rate=0.001, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        _check_decays(beta_1=beta_1, beta_2=beta_2)
        _check_epsilon(epsilon)
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)
        super().__init__(parameters, learning_rate)

    def update(self, w, g, m, v, *, scratch, rate):
        t = self.iterations
        scale_m, scale_v = 1 - self.beta_1**t, sqrt(1 - self.beta_2**t)
        # m = beta_1 * m + (1 - beta_1) * g
        m *= self.beta_1
        np.multiply(g, 1 - self.beta_1, out=scratch)
        m += scratch
        # v = beta_2 * v + (1 - beta_2) * g**2
        v *= self.beta_2
        np.square(g, out=scratch)
        scratch *= 1 - self.beta_2
        v += scratch
        # w = w - rate * (m / (1 - beta_1**t)) / (sqrt(v / (1 - beta_2**t)) + epsilon)
        np.sqrt(v, out=scratch)
        scratch += self.epsilon * scale_v
        np.divide(m, scratch, out=scratch)
        scratch *= rate * scale_v / scale_m
        w -= scratch


class AdamW(Adam):
    """Adam with weight decay that does not pass through the moments.

    Before Adam's step, ``w ← w - rate * weight_decay * w``, for parameters with ``regularize=True``
    (kernels) only. PyTorch's ``AdamW`` decays biases too unless it is told otherwise.
    Source: Loshchilov and Hutter (2019), algorithm 2; there the decay is not multiplied by the
    base rate, here it is, as in PyTorch and Keras.

    Parameters
    ----------
    parameters, learning_rate
        See :class:`Optimizer`.
    weight_decay : float
        Share of a weight that is taken away in each step, divided by the rate.
    **options
        ``beta_1``, ``beta_2`` and ``epsilon`` of :class:`Adam`.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import nncourse as nn
    >>> w = nn.Parameter(np.array([1.0]), "w", regularize=True)
    >>> AdamW([w], learning_rate=0.1, weight_decay=0.5).step()  # the gradient is zero
    >>> w.value
    array([0.95])
    """

    def __init__(self, parameters, learning_rate=0.001, *, weight_decay=0.01, **options):
        if not 0 <= weight_decay < float("inf"):
            raise ValueError(f"AdamW expects weight_decay >= 0, got {weight_decay}")
        self.weight_decay = float(weight_decay)
        super().__init__(parameters, learning_rate, **options)

    def step(self):
        keep = 1 - self._rate() * self.weight_decay
        for p in self.parameters:
            if p.regularize and p.trainable:
                p.value *= keep
        super().step()


def _check_epsilon(epsilon):
    if not 0 < epsilon < float("inf"):
        raise ValueError(f"epsilon must be positive and finite, got {epsilon!r}")


def _check_decays(**decays):
    for name, value in decays.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
