"""Reverse-mode automatic differentiation on single numbers.

A :class:`Value` is a number that remembers how it was made. The record of an expression is a graph,
and ``backward()`` walks it from the result to the leaves, applying the chain rule once on each
edge. The layers do the same with whole matrices, which is why they are fast and this is not.
"""

import math

from ._checks import power

__all__ = ["Value"]


class Value:
    """A number in a computation graph, with ``grad`` = d(result)/d(this number).

    Arithmetic (``+ - * / **``), :meth:`exp`, :meth:`log`, :meth:`tanh`, :meth:`sigmoid` and
    :meth:`relu` record their operands together with their local derivatives. Gradients of leaves
    (numbers that were not computed) accumulate over several ``backward()`` calls; those in between
    start afresh. PyTorch: ``torch.tensor(3.0, requires_grad=True)``.
    Sources: Linnainmaa (1970); Griewank and Walther (2008), chapter 3.

    Parameters
    ----------
    data : float
        The number.

    Raises
    ------
    TypeError
        If a power has a Value as its exponent.
    ValueError
        If a power is no real number.
    ZeroDivisionError
        If it divides by zero.

    Examples
    --------
    >>> x, y = Value(3.0), Value(4.0)
    >>> z = x * y + x**2
    >>> z.backward()
    >>> z.data, x.grad, y.grad  # dz/dx = y + 2x, dz/dy = x
    (21.0, 10.0, 3.0)
    """

    def __init__(self, data, _parents=()):
        self.data = float(data)
        self.grad = 0.0
        self._parents = _parents  # pairs (operand, d self / d operand)

    def backward(self):
        """Add d(self)/d(leaf) to the ``grad`` of every leaf this number was made from."""
        order = self._topological_order()
        for value in order:
            if value._parents:
                value.grad = 0.0
        self.grad += 1.0
        for value in reversed(order):
            for parent, derivative in value._parents:
                parent.grad += derivative * value.grad

    def _topological_order(self):
        """List every number the result depends on, operands first; without recursion."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            value, operands_done = stack.pop()
            if operands_done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack.extend((parent, False) for parent, _ in value._parents)
        return order

    def __add__(self, other):
        other = _as_value(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        other = _as_value(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, exponent):
        """Raise to a power that is a plain number, c; the derivative is c x**(c - 1)."""
        y, before = power(self.data, exponent)  # x**c and x**(c - 1)
        return Value(y, ((self, exponent * before),))

    def exp(self):
        """Exponential, e to this power; the derivative is the result itself."""
        y = math.exp(self.data)
        return Value(y, ((self, y),))

    def log(self):
        """Natural logarithm; the derivative is 1/x."""
        return Value(math.log(self.data), ((self, 1 / self.data),))

    def tanh(self):
        """Hyperbolic tangent; the derivative is 1 - y²."""
        y = math.tanh(self.data)
        return Value(y, ((self, 1 - y * y),))

    def sigmoid(self):
        """Logistic sigmoid; the derivative is y (1 - y)."""
        y = 0.5 * (1 + math.tanh(0.5 * self.data))
        return Value(y, ((self, y * (1 - y)),))

    def relu(self):
        """max(0, x); the derivative is 1 for x > 0, else 0."""
        return Value(max(self.data, 0.0), ((self, float(self.data > 0)),))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -_as_value(other)

    def __truediv__(self, other):
        return self * _as_value(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rsub__(self, other):
        return _as_value(other) - self

    def __rmul__(self, other):
        return self * other

    def __rtruediv__(self, other):
        return _as_value(other) / self

    def __repr__(self):
        return f"Value({self.data:.6g}, grad={self.grad:.6g})"


def _as_value(x):
    return x if isinstance(x, Value) else Value(x)
