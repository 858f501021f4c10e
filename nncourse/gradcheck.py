"""Gradient checks: a derivative, held against the function it was derived from.

A central difference needs only the function itself, so it is an independent witness. Its error is
of order h² (the formula) plus machine precision / h (rounding): about 1e-10 at h = 1e-6 in
float64, and useless in float32. The checks below therefore work on float64 copies.
"""

import copy

import numpy as np

from .layers.core import _walk

__all__ = ["GradientError", "check_function", "check_layer", "numerical_gradient"]


class GradientError(AssertionError):
    """A derivative disagrees with its finite difference.

    Examples
    --------
    >>> issubclass(GradientError, AssertionError)
    True
    """


def numerical_gradient(f, x, h=1e-6):
    """Gradient of a scalar function by central differences, ``(f(x + h) - f(x - h)) / 2h``.

    Parameters
    ----------
    f : callable
        From an array of the shape of ``x`` to a number.
    x : array
        Where; it is copied, in float64, and not changed.
    h : float
        Step size.

    Returns
    -------
    array of the shape of ``x``

    Raises
    ------
    ValueError
        If ``f`` returns more than one number.

    Examples
    --------
    >>> numerical_gradient(lambda x: np.sum(x**3), [1.0, 2.0]).round(6)
    array([ 3., 12.])
    """
    x = np.array(x, dtype=np.float64)
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        here = x[i]
        x[i] = here + h
        above = f(x)
        if np.ndim(above):
            raise ValueError(
                f"f should return one number, got an array of shape {np.shape(above)}. Add it up: "
                "np.sum(...)."
            )
        x[i] = here - h
        below = f(x)
        x[i] = here
        gradient[i] = (above - below) / (2 * h)
    return gradient


def check_function(f, gradient, x, *, h=1e-6, tolerance=1e-6):
    """Compare a derived gradient with central differences.

    Parameters
    ----------
    f : callable
        From an array to a number.
    gradient : callable or array
        From an array to an array of the same shape; or that array, for this ``x``.
    x : array
        Where to compare.
    h, tolerance : float
        Step size, and the largest relative error allowed.

    Returns
    -------
    float
        The relative error: the largest difference divided by the largest entry of either gradient
        (by 1e-3, if all entries are smaller: differences below 1e-9 are rounding).

    Raises
    ------
    GradientError
        If the error is larger than ``tolerance``, or the shape is wrong; names the worst entry.

    Examples
    --------
    >>> check_function(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, -3.0])) < 1e-6
    True
    >>> check_function(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, -3.0]))
    Traceback (most recent call last):
    ...
    nncourse.gradcheck.GradientError: gradient: relative error 5.0e-01 > 1.0e-06, worst at \
entry (1,): derived -3, finite difference -6 (their ratio is 0.5)
    """
    x = np.array(x, dtype=np.float64)
    derived = gradient(x.copy()) if callable(gradient) else gradient
    return _compare("gradient", derived, numerical_gradient(f, x, h), tolerance)


def check_layer(layer, x, *, training=False, h=1e-6, tolerance=1e-6, rng=0):
    """Compare a layer's backward pass with central differences, for x and every parameter.

    The loss is ``sum(r * layer(x))`` with random r. The layer given is not changed: the check works
    on float64 copies, which also replay the same dropout mask each time.
    PyTorch: ``torch.autograd.gradcheck``.

    Parameters
    ----------
    layer : Layer
        What to check; a whole network will do.
    x : array
        A small batch: the check costs two forward passes for every number in x and in the
        parameters. Keep it off kinks (ReLU at 0). Integers (class or token numbers) are not
        differentiated.
    training : bool
        Passed on to ``forward``.
    h, tolerance : float
        See :func:`check_function`.
    rng : int, Generator or None
        Source of r.

    Returns
    -------
    dict
        The relative error for ``"x"`` and for each parameter, by its path.

    Raises
    ------
    GradientError
        If an error is larger than ``tolerance``, and not only by rounding; names parameter, entry,
        and both values.
    ValueError
        If x is empty.

    Examples
    --------
    >>> import nncourse as nn
    >>> errors = check_layer(nn.Dense(3, 2, rng=0), np.array([[1.0, 2.0, 3.0]]))
    >>> list(errors), max(errors.values()) < 1e-6
    (['x', 'kernel', 'bias'], True)
    """
    layer = _float64(layer)
    x = np.asarray(x)
    if x.size == 0:
        raise ValueError(f"check_layer expects at least one number in x, got shape {x.shape}")
    x = x if x.dtype.kind in "iu" else x.astype(np.float64)
    y = _replay(layer, x, training)
    r = np.random.default_rng(rng).normal(size=y.shape)
    rounding = np.finfo(y.dtype).eps * np.abs(r * y).sum() / h  # of a central difference
    floor = max(1e-3, rounding / tolerance)

    working = copy.deepcopy(layer)
    for p in working.parameters():
        p.zero_grad()
    working.forward(x.copy(), training=training)
    dx = working.backward(r.copy())

    errors = {}
    if x.dtype.kind == "f":
        numerical = numerical_gradient(lambda x: np.vdot(r, _replay(layer, x, training)), x, h)
        errors["x"] = _compare("x", dx, numerical, tolerance, floor)
    pairs = zip(layer.named_parameters().items(), working.parameters(), strict=True)
    for (name, p), done in pairs:

        def loss(value, p=p):
            kept, p.value = p.value, value
            try:
                return np.vdot(r, _replay(layer, x, training))
            finally:
                p.value = kept

        numerical = numerical_gradient(loss, p.value, h)
        errors[name] = _compare(name, done.grad, numerical, tolerance, floor)
    return errors


def _float64(layer):
    layer = copy.deepcopy(layer)
    for p in layer.parameters():
        p.value, p.grad = p.value.astype(np.float64), p.grad.astype(np.float64)
    return layer


def _replay(layer, x, training):
    """Run the layer and undo what that changes: random masks and averages start alike each time."""
    kept = [(vars(part), dict(vars(part))) for part in _walk(layer)]
    values = [value for _, before in kept for value in before.values()]
    states = [
        (rng.bit_generator, rng.bit_generator.state)
        for rng in values
        if isinstance(rng, np.random.Generator)
    ]
    arrays = [
        (array, array.copy())
        for array in values
        if isinstance(array, np.ndarray) and array.flags.writeable
    ]
    try:
        return layer.forward(x, training=training)
    finally:
        for attributes, before in kept:
            attributes.clear()
            attributes.update(before)
        for generator, state in states:
            generator.state = state
        for array, before in arrays:
            array[...] = before


def _compare(name, derived, numerical, tolerance, floor=1e-3):
    if np.shape(derived) != numerical.shape:
        raise GradientError(
            f"{name}: the derived gradient has shape {np.shape(derived)}, expected the shape of "
            f"what it is a gradient of, {numerical.shape}"
        )
    derived = np.asarray(derived)
    if not (np.isfinite(derived).all() and np.isfinite(numerical).all()):
        raise GradientError(f"{name}: NaN or infinity in the derived gradient or the function")
    difference = np.abs(derived - numerical)
    scale = max(np.max(np.abs(derived)), np.max(np.abs(numerical)), floor)
    error = float(np.max(difference) / scale)
    if error > tolerance:
        worst = np.unravel_index(np.argmax(difference), difference.shape)
        a, n = derived[worst], numerical[worst]
        ratio = f" (their ratio is {a / n:.4g})" if n else ""
        raise GradientError(
            f"{name}: relative error {error:.1e} > {tolerance:.1e}, worst at entry "
            f"{tuple(map(int, worst))}: derived {a:.6g}, finite difference {n:.6g}{ratio}"
        )
    return error
