"""Derivatives and limits, numerically: move a symbol, compute anew what depends on it."""

import numpy as np

from .environment import EquationError
from .nodes import Group, Name, Script, join

# Steps for the first, second and third derivative: the error is h⁴ (truncation) plus 1e-16 / hᵏ
# (rounding). The first is small, to keep off the kink of a ReLU.
STEPS = (2e-4, 2e-3, 5e-3)


def stencil(function, step):
    """Return the derivative at 0 by the central difference of fourth order."""
    near = (function(step) - function(-step)) / (2 * step)
    far = (function(2 * step) - function(-2 * step)) / (4 * step)
    return (4 * near - far) / 3


def prime(function, order=1):
    """Return a derivative of a function that acts element by element."""
    for _ in range(order):
        function = _prime(function, _step(order))
    return function


def _prime(function, step):
    return lambda x: stencil(lambda h: np.asanyarray(function(x + h)), step)


def _step(order):
    return STEPS[min(order, len(STEPS)) - 1]


def derivative(evaluator, top, variables, step=None):
    """Return the derivative of a node by each of the variables in turn."""
    first, *others = variables
    step = step or _step(len(variables))

    def differentiated(env):
        inner = type(evaluator)(env)
        if others:
            return derivative(inner, top, others, step)
        return _value(inner, top, first)

    return _by(evaluator, differentiated, first, step)


def gradient(evaluator, nabla, target):
    r"""Return \nabla_w L, or \nabla f(x): the derivative of a function by its argument."""
    if isinstance(nabla, Script) and nabla.sub:
        return derivative(evaluator, join(target), [nabla.sub[0].chain.first])
    function = evaluator.function(target[0])
    if function is None or len(target) != 2 or not isinstance(target[1], Group):
        raise EquationError(r"write \nabla_{x} of a quantity, or \nabla of a function f(x)")
    argument = evaluator.item(target[1].items[0])
    return _along(lambda x: evaluator.call(function, [x]), argument, _step(1))


def limit(evaluator, node):
    """Return a limit, extrapolated from two points near it (or from far out, at infinity)."""
    chain = node.index[0].chain
    if not isinstance(chain.first, Name) or chain.links[0][0] not in (r"\to", r"\rightarrow"):
        raise EquationError(r"write \lim_{x \to c}")
    target = evaluator.value(chain.links[0][1])

    def body(x):
        return evaluator.at(**{chain.first.text: np.float64(x)}).value(node.body)

    if np.isinf(target):
        return body(np.sign(target) * 40)
    return 2 * body(target + 5e-5) - body(target + 1e-4)


def _value(evaluator, top, variable):
    """Return what is differentiated; a bare function f means f of the variable."""
    function = evaluator.function(top) if isinstance(top, Name | Script) else None
    if function is None:
        return evaluator.value(top)
    return evaluator.call(function, [evaluator.value(variable)])


def _by(evaluator, function, variable, step):
    """Return the derivative of function(environment) by a binding or an element of one."""
    env = evaluator.env
    key, index = env.locate(variable, evaluator.integer)
    whole = env.value(key)
    if callable(whole):
        raise EquationError(f"no derivative by the function {key}")
    position = evaluator.position(whole, index) if index else ()

    def replaced(part):
        moved = np.array(whole, dtype=float)
        moved[position] = part
        return function(env.with_value(key, moved))

    return _along(replaced, np.asarray(whole)[position], step)


def _along(function, x, step):
    """Return d function / dx with the axes of the value before those of x."""
    x = np.asarray(x, dtype=float)
    columns = []
    for index in np.ndindex(x.shape):

        def moved(h, index=index):
            y = x.copy()
            y[index] += h
            return np.asarray(function(y), dtype=float)

        columns.append(stencil(moved, step))
    shape = np.shape(columns[0])
    jacobian = np.stack(columns, axis=-1).reshape(shape + x.shape) if x.shape else columns[0]
    if shape and x.shape:  # a Jacobian of rows by rows has the same two axes as one of columns
        return jacobian.reshape([size for size in jacobian.shape if size > 1])
    return jacobian
