"""Which values the indices of an equation take: those of the axes that they index."""

from dataclasses import replace
from itertools import product

import numpy as np

from .environment import Draws, EquationError
from .nodes import Big, Name, Product, Script, children


def combinations(evaluator, node):
    """Yield the values of the indices that a big operator runs over."""
    ranges = {}
    for name, chain in bound_by(node):
        if chain.links and chain.links[0][0] == "=":
            if node.upper is None:
                raise EquationError(f"{node.operator} over {name} has no upper limit")
            first, last = evaluator.integer(chain.links[0][1]), evaluator.integer(node.upper)
            ranges[name] = range(first, last + 1)
        else:
            ranges[name] = free_range(evaluator, node.body, name)
    yield from assignments(ranges)


def assignments(ranges):
    """Yield each combination of values: {name: number}."""
    for values in product(*ranges.values()):
        yield dict(zip(ranges, map(np.float64, values), strict=True))


def filters(node):
    """Return the conditions below a big operator, such as j != i."""
    return [c for _, c in bound_by(node) if c.links and c.links[0][0] not in ("=", r"\to")]


def bound_by(node):
    """Return (name, chain) for each index that a big operator binds."""
    pairs = []
    for statement in node.index:
        first = statement.chain.first
        names = first.factors if isinstance(first, Product) else (first,)
        if not all(isinstance(name, Name) for name in names):
            raise EquationError(f"{node.operator} needs index letters below it")
        pairs += [(name.text, statement.chain) for name in names]
    return pairs


def free_range(evaluator, node, wanted):
    """Return the range of one free index: the axes that it indexes must agree."""
    sizes = free(evaluator, node).get(wanted, set())
    if len(sizes) != 1:
        found = f"indexes axes of sizes {sorted(sizes)}" if sizes else "indexes nothing"
        raise EquationError(f"{wanted} {found}, so it has no range")
    origin = evaluator.env.origin
    return range(origin, origin + next(iter(sizes)))


def free(evaluator, node, bound=frozenset()):
    """Return the unbound names used as indices, each with the sizes of the axes they index."""
    found = {}
    if isinstance(node, Script) and node.sub:
        axes = _axes(evaluator, node).items()
        found = {name: sizes for name, sizes in axes if name not in bound}
    if isinstance(node, Big):
        bound = bound | {name for name, _ in bound_by(node)}
    for child in children(node):
        for name, sizes in free(evaluator, child, bound).items():
            found[name] = found.get(name, set()) | sizes
    return found


def _axes(evaluator, node):
    """Return which sizes the names in one subscript index."""
    env = evaluator.env
    try:
        key, index = env.locate(replace(node, primes=0, post=()), evaluator.integer)
    except EquationError:
        return {}
    value = env.value(key)
    shape = np.shape(value)[1:] if isinstance(value, Draws) else np.shape(value)
    if len(shape) == 2 and shape[0] == 1 == len(index):  # a row
        shape = shape[1:]
    found = {}
    for item, size in zip(index, shape, strict=False):
        if isinstance(item, Name) and item.text not in env:
            found.setdefault(item.text, set()).add(size)
    return found
