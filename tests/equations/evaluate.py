"""The value of a tree: what an equation's side is worth where its symbols are bound."""

from dataclasses import replace
from functools import partial, reduce

import numpy as np

from . import algebra, differentiate, indices
from .environment import Draws, EquationError, UnboundError, index_items
from .functions import CONSTANTS, FUNCTIONS
from .nodes import Derivative, Group, Name, Number, Product, Script, join

RELATIONS = {
    "=": partial(np.isclose, rtol=1e-9, atol=1e-12),
    "<": np.less,
    ">": np.greater,
    r"\le": np.less_equal,
    r"\leq": np.less_equal,
    r"\ge": np.greater_equal,
    r"\geq": np.greater_equal,
    r"\ne": lambda a, b: ~np.isclose(a, b, rtol=1e-9, atol=1e-12),
}
ENCLOSED = {
    r"\lvert": np.abs,
    r"\lVert": algebra.norm,
    r"\lfloor": np.floor,
    r"\lceil": np.ceil,
}


class Evaluator:
    """Evaluates nodes in one environment."""

    def __init__(self, env):
        self.env = env

    def at(self, **indices):
        return Evaluator(self.env.at(indices))

    def value(self, node):
        """Return the number or array that a node stands for."""
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise EquationError(f"a {type(node).__name__} has no value here")
        return method(node)

    def integer(self, node):
        """Return the value of an index."""
        value = self.value(node)
        if np.ndim(value) or value != round(float(value)):
            raise EquationError(f"an index must be a whole number, not {value}")
        return int(value)

    def truth(self, conditions):
        """Return whether conditions hold, element by element."""
        result = self.relations(conditions.chains[0])
        for operator, chain in zip(conditions.operators, conditions.chains[1:], strict=True):
            combine = np.logical_or if operator == "or" else np.logical_and
            result = combine(result, self.relations(chain))
        return result

    # Leaves

    def _number(self, node):
        return np.float64(node.text)

    def _name(self, node):
        return self._symbol(node)

    def _symbol(self, node):
        try:
            key, index = self.env.locate(node, self.integer)
        except UnboundError:
            bare = node.base if isinstance(node, Script) else node
            if bare.text in CONSTANTS and (bare is node or not (node.sub or node.tag or node.mark)):
                return CONSTANTS[bare.text]
            raise
        value = self.env.value(key)
        if callable(value):
            raise EquationError(f"{key} is a function and has no argument here")
        if isinstance(value, range):
            raise EquationError(f"{key} is bound to a range and stands outside of an equation")
        return self.element(value, index)

    def element(self, value, nodes):
        """Return an element, or a row, of an array."""
        if not nodes:
            return value
        index = self.position(value, nodes)
        part = np.asarray(value)[(slice(None), *index) if isinstance(value, Draws) else index]
        return part.view(Draws) if isinstance(value, Draws) else part

    def position(self, value, nodes):
        """Return the NumPy index that index nodes stand for."""
        shape = np.shape(value)[1:] if isinstance(value, Draws) else np.shape(value)
        text = nodes[0].text if isinstance(nodes[0], Number) else ""
        if len(nodes) == 1 and len(text) == len(shape) > 1:  # w_{12} has two indices
            numbers = [int(digit) for digit in text]
        else:
            numbers = [self.integer(node) for node in nodes]
        if len(shape) == 1 < len(numbers):
            numbers = [int(np.prod(numbers))]
        index = [number - self.env.origin for number in numbers]
        if len(shape) == 2 and shape[0] == 1 == len(index):
            index = [0, *index]
        sizes = shape[: len(index)]
        if len(index) > len(shape) or not all(map(range.__contains__, map(range, sizes), index)):
            raise EquationError(f"index {numbers} is outside of an array of shape {shape}")
        return tuple(index)

    # Compounds

    def _script(self, node):
        if isinstance(node.base, Name):
            return self._post(self._symbol(node), node.post)
        if isinstance(node.base, Number) and not node.sub:
            return self._post(self.value(node.base), node.post)
        if not isinstance(node.base, Group):
            raise EquationError("put parentheses around what a subscript or power belongs to")
        return self._scripted(self._group(node.base, node.sub_text), node)

    def _scripted(self, value, node):
        """Apply what stands after a closing parenthesis."""
        if node.tag or node.mark or node.primes:
            raise EquationError("only a symbol takes a tag, a mark or a prime")
        if node.base.open != r"\lVert":
            value = self.element(value, index_items(node))
        return self._post(value, node.post)

    def _post(self, value, post):
        for kind, exponent in post:
            if kind == "transpose":
                value = algebra.transpose(value)
            elif kind == "elementwise":
                value = np.power(value, self.value(exponent))
            else:
                value = algebra.power(value, self.value(exponent))
        return value

    def _group(self, node, order=""):
        if len(node.items) != 1:
            raise EquationError("a list is no value: is a function missing before the parenthesis?")
        value = self.item(node.items[0])
        if node.open == r"\lVert":
            return algebra.norm(value, order)
        return ENCLOSED.get(node.open, lambda x: x)(value)

    def item(self, statement):
        """Return the value in a parenthesis; of a relation 1 where it holds and 0 elsewhere."""
        if statement.chain.links:
            return np.asarray(self.relations(statement.chain), dtype=float)
        return self.value(statement.chain.first)

    def relations(self, chain):
        result, left = True, self.value(chain.first)
        for relation, node in chain.links:
            if relation not in RELATIONS:
                raise EquationError(f"{relation} is no condition")
            right = self.value(node)
            result = np.logical_and(result, RELATIONS[relation](left, right))
            left = right
        return result

    def _fraction(self, node):
        return algebra.divide(self.value(node.top), self.value(node.bottom))

    def _root(self, node):
        value = self.value(node.body)
        return np.sqrt(value) if node.degree == 2 else np.power(value, 1 / node.degree)

    def _sum(self, node):
        total = None
        for sign, term in node.terms:
            value = self.value(term)
            value = -value if sign == "-" else value
            total = value if total is None else algebra.add(total, value)
        return total

    def _binary(self, node):
        if node.operator == "/" and isinstance(node.right, Product):
            if self.extent(node.right.factors, 0) != len(node.right.factors):
                raise EquationError("after / there may be one factor only; write \\frac")
        left, right = self.value(node.left), self.value(node.right)
        if node.operator == r"\odot":
            return algebra.elementwise(np.multiply, left, right)
        if node.operator == r"\oslash":
            return algebra.elementwise(np.divide, left, right)
        if node.operator == r"\oplus":
            return np.mod(left + right, 2)
        if node.operator == r"\cdot":
            return algebra.dot(left, right)
        operation = algebra.divide if node.operator == "/" else algebra.multiply
        return operation(left, right)

    def _cases(self, node):
        covered, result = np.False_, 0
        for branch, conditions in node.rows:
            holds = np.logical_not(covered) if conditions is None else self.truth(conditions)
            if np.any(covered & holds):
                raise EquationError("two cases apply at once")
            if np.any(holds):  # elsewhere a branch need not have a value
                result = np.where(holds, self.value(branch), result)
            covered = covered | holds
        if not np.all(covered):
            raise EquationError("no case applies")
        return result

    def _matrix(self, node):
        array = np.array([[self.value(cell) for cell in row] for row in node.rows])
        return array.reshape(-1) if array.shape[1] == 1 else array

    def _derivative(self, node):
        return differentiate.derivative(self, node.top, node.variables)

    # Products: who is a function, and of what?

    def _product(self, node):
        value, here = None, 0
        while here < len(node.factors):
            factor, here = self.operand(node.factors, here)
            value = factor if value is None else algebra.multiply(value, factor)
        return value

    def operand(self, factors, here):
        """Return the value of the operand at `here` and where the next one starts."""
        node, end = factors[here], self.extent(factors, here)
        if isinstance(node, Derivative) and node.top is None:
            if here + 1 == end:
                raise EquationError("a derivative of nothing")
            return self._derivative(replace(node, top=join(factors[here + 1 :]))), end
        if _is_nabla(node):
            return differentiate.gradient(self, node, factors[here + 1 : end]), end
        if self._marks_indicator(factors, here):
            return self.value(factors[here + 1]), end
        function = self.function(node)
        if function is None:
            return self.value(node), end
        argument = factors[here + 1] if here + 1 < end else None
        group = argument.base if isinstance(argument, Script) else argument
        if not isinstance(group, Group) or group.open.startswith(r"\l"):
            return self.call(function, [self.operand(factors[:end], here + 1)[0]]), end
        value = self.call(function, [self.item(item) for item in group.items])
        return (self._scripted(value, argument) if isinstance(argument, Script) else value), end

    def extent(self, factors, here):
        """Return where the operand that starts at `here` ends."""
        node = factors[here]
        if isinstance(node, Derivative) and node.top is None:
            return len(factors)
        takes_next = _is_nabla(node) or self._marks_indicator(factors, here) or self.function(node)
        if not takes_next:
            return here + 1
        if here + 1 >= len(factors):
            raise EquationError("a function without an argument")
        return self.extent(factors, here + 1)

    def _marks_indicator(self, factors, here):
        r"""Return whether it is the 1 of \mathbf{1}[condition]."""
        node, following = factors[here], factors[here + 1 : here + 2]
        is_one = isinstance(node, Name) and node.text in (r"\mathbf{1}", r"\mathbb{1}")
        group = following[0] if following else None
        return is_one and isinstance(group, Group) and bool(group.items[0].chain.links)

    def function(self, node):
        """Return the function that a symbol is bound to, with its primes and power; or None."""
        if not isinstance(getattr(node, "base", node), Name):
            return None
        symbol, primes, post = node, 0, ()
        if isinstance(node, Script):
            symbol, primes, post = replace(node, post=()), node.primes, node.post
            if primes and not self._is_bound(symbol):  # f' is the derivative of f
                symbol = replace(symbol, primes=0)
            else:
                primes = 0
        function = self._function_named(symbol)
        if not callable(function):
            return None
        function = differentiate.prime(function, primes)
        for kind, exponent in post:
            function = self._powered(function, kind, exponent)
        return function

    def _is_bound(self, symbol):
        try:
            return bool(self.env.locate(symbol, self.integer))
        except UnboundError:
            return False

    def _function_named(self, symbol):
        try:
            key, index = self.env.locate(symbol, self.integer)
            return None if index else self.env.value(key)
        except UnboundError:
            bare = symbol.base if isinstance(symbol, Script) else symbol
            if isinstance(symbol, Script) and getattr(bare, "text", "") == r"\log" and symbol.sub:
                base = self.value(symbol.sub[0].chain.first)
                return lambda x: np.log(x) / np.log(base)
            return FUNCTIONS.get(getattr(bare, "text", None))

    def _powered(self, function, kind, exponent):
        if kind != "power" or self.integer(exponent) < 1:
            raise EquationError("a function takes a positive power only: f^2(x) is f(x) squared")
        return lambda *arguments: function(*arguments) ** self.integer(exponent)

    def call(self, function, arguments):
        """Call a bound function and make a number or array of what it returns."""
        result = np.asanyarray(function(*arguments))
        return result if result.dtype.kind in "fc" else result.astype(float)

    def _big(self, node):
        if node.operator == r"\lim":
            return differentiate.limit(self, node)
        values, places = [], []
        for chosen in indices.combinations(self, node):
            inner = self.at(**chosen)
            if all(inner.relations(chain) for chain in indices.filters(node)):
                values.append(inner.value(node.body))
                places.append(chosen)
        if node.operator == r"\sum":
            return reduce(algebra.add, values) if values else np.float64(0)
        if node.operator == r"\prod":
            return reduce(algebra.multiply, values) if values else np.float64(1)
        if not values or np.ndim(values[0]):
            raise EquationError(f"{node.operator} over nothing, or over arrays")
        best = np.argmax(values) if node.operator.endswith("max") else np.argmin(values)
        if node.operator.startswith(r"\arg"):
            return next(iter(places[best].values()))
        return values[best]


def _is_nabla(node):
    base = node.base if isinstance(node, Script) else node
    return isinstance(base, Name) and base.text == r"\nabla"
