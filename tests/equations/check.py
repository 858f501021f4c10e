"""Does a statement hold? Every link of its chain, for every value of its free indices."""

import numpy as np

from . import algebra, indices
from .environment import EquationError
from .evaluate import Evaluator
from .latex import parse
from .nodes import Binary, Group, Name, Product, Script, walk

ASYMPTOTIC = ("O", r"\mathcal{O}")
ORDERINGS = {
    "<": np.less,
    ">": np.greater,
    r"\le": np.less_equal,
    r"\leq": np.less_equal,
    r"\ge": np.greater_equal,
    r"\geq": np.greater_equal,
}
EQUALITIES = ("=", ":=", r"\equiv", r"\approx", r"\leftarrow", r"\gets")


def count_comparisons(text, env, rtol=1e-6):
    """Return how often each statement of a cleaned equation was compared; raise where one fails.

    What has been found to hold in an environment is not compared there again.
    """
    counts = []
    for first, statement in _statements(parse(text)):
        key = text[slice(*first.span)], text[slice(*statement.span)], rtol
        if key not in env.compared:
            with np.errstate(all="ignore"):
                env.compared[key] = _check_statement((first, statement), env, rtol, text)
        counts.append(env.compared[key])
    return counts


def _statements(statements):
    r"""Give to each of x, y \in S its own relation."""
    result, waiting = [], []
    for statement in statements:
        waiting.append(statement)
        if statement.chain.links:
            result += [(s.chain.first, statement) for s in waiting]
            waiting = []
    if waiting:
        raise EquationError("a statement without a relation claims nothing")
    return result


def _check_statement(pair, env, rtol, text):
    first, statement = pair
    used = {node.text for node in walk(statement) if isinstance(node, Name)}
    ranges = {name: values for name, values in env.ranges().items() if name in used}
    compared = 0
    for chosen in indices.assignments(ranges):
        outer = Evaluator(env.at(chosen))
        free = [name for name in indices.free(outer, statement) if name not in outer.env]
        loops = {name: indices.free_range(outer, statement, name) for name in free}
        for places in indices.assignments(loops):
            inner = outer.at(**places)
            if statement.conditions is None or np.all(inner.truth(statement.conditions)):
                _check_chain(inner, first, statement.chain.links, rtol, text)
                compared += 1
    return compared


def _check_chain(evaluator, left, links, rtol, text):
    for relation, right in links:
        if relation in (r"\in", r"\notin"):
            _check_member(evaluator, left, right, relation, text)
        elif relation in (r"\leftarrow", r"\gets"):
            updated = evaluator.env.value(r"\leftarrow" + text[left.span[0] : left.span[1]].strip())
            _compare(relation, updated, evaluator.value(right), rtol, (left, right), text)
        elif relation in EQUALITIES or relation in ORDERINGS:
            order = next((n for n in _calls(left, right)), None)
            if order is not None:
                _check_order(evaluator, left, right, order, text)
            else:
                sides = evaluator.value(left), evaluator.value(right)
                _compare(relation, *sides, rtol, (left, right), text)
        else:
            raise EquationError(f"{relation} claims nothing to compute; it is for definitions")
        left = right


def _compare(relation, a, b, rtol, nodes, text):
    zero = any(text[slice(*node.span)].strip() in ("0", r"\mathbf{0}") for node in nodes)
    problem = None
    if np.shape(a) != np.shape(b) and not (zero or relation in ORDERINGS):
        problem = f"shapes {np.shape(a)} and {np.shape(b)}"
    elif not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        problem = "a value that is not finite"
    elif relation in ORDERINGS:
        if not np.all(ORDERINGS[relation](a, b)):
            problem = f"{relation} does not hold"
    elif not np.allclose(a, b, rtol=rtol, atol=min(rtol, 1e-8)):
        problem = f"values differ by up to {np.max(np.abs(np.subtract(a, b))):.3g}"
    if problem:
        left, right = (text[slice(*node.span)].strip() for node in nodes)
        raise EquationError(f"{problem}\n  {left}\n    = {_show(a)}\n  {right}\n    = {_show(b)}")


def _show(value):
    text = np.array2string(np.asarray(value), precision=6, threshold=12, separator=", ")
    return text.replace("\n", "")


# Remainders O(h^p)


def _calls(*nodes):
    """Yield the arguments of O( ) in the nodes."""
    for node in (inner for outer in nodes for inner in walk(outer) if isinstance(inner, Product)):
        for function, argument in zip(node.factors, node.factors[1:], strict=False):
            if getattr(function, "text", "") in ASYMPTOTIC and isinstance(argument, Group):
                yield argument.items[0].chain.first


def _check_order(evaluator, left, right, argument, text):
    """The remainder must shrink with h as O says: as fast, and not faster."""
    names = (node.text for node in walk(argument) if isinstance(node, Name))
    symbol = next((name for name in names if name in evaluator.env), None)
    if symbol is None:
        raise EquationError("O( ) of no bound symbol")
    h = evaluator.env.value(symbol)

    def at(step):
        inner = Evaluator(evaluator.env.with_value(symbol, step))
        difference = algebra.add(inner.value(left), -inner.value(right))
        return np.linalg.norm(np.ravel(difference)), float(inner.value(argument))

    (coarse, coarse_scale), (fine, fine_scale) = at(h), at(h / 2)
    order, expected = np.log2(coarse / fine), np.log2(coarse_scale / fine_scale)
    if not abs(order - expected) < 0.3:
        left, right = (text[slice(*node.span)].strip() for node in (left, right))
        raise EquationError(
            f"the remainder is of order {order:.2f} in {symbol}, not {expected:.2f}\n"
            f"  {left}\n  {right}"
        )


# Membership


def _check_member(evaluator, node, container, relation, text):
    value = evaluator.value(node)
    problem = _missing(evaluator, value, container)
    if (problem is None) == (relation == r"\notin"):
        left, right = (text[slice(*n.span)].strip() for n in (node, container))
        claim = f"{left} {relation} {right} does not hold: {problem}"
        raise EquationError(f"{claim}\n  {left}\n    = {_show(value)}")


def _missing(evaluator, value, container):
    """Say why a value is not in a set; None if it is."""
    base = container.base if isinstance(container, Script) else container
    if isinstance(base, Name) and base.text in (r"\mathbb{R}", r"\mathbb{N}", r"\mathbb{Z}"):
        post = container.post if isinstance(container, Script) else ()
        expected = tuple(evaluator.integer(size) for size in _sizes(post[0][1])) if post else ()
        shape = np.shape(value)
        if shape != expected and not (len(expected) == 1 and shape == (1, *expected)):
            return f"its shape is {shape}, not {expected}"
        whole = base.text == r"\mathbb{R}" or np.all(value == np.round(value))
        positive = base.text != r"\mathbb{N}" or np.all(value >= 0)
        return None if whole and positive else "its values are of another kind"
    if not isinstance(base, Group):
        raise EquationError(
            r"a set is \mathbb{R}^{n}, \mathbb{N}, \mathbb{Z}, \{…\} or an interval"
        )
    nodes = [item.chain.first for item in base.items]
    dots = [isinstance(n, Name) and n.text == r"\dots" for n in nodes]
    numbers = [evaluator.value(n) for n, dot in zip(nodes, dots, strict=True) if not dot]
    if base.open == r"\{":
        if any(dots):
            numbers = np.arange(numbers[0], numbers[-1] + 1)
        return None if np.all(np.isin(value, numbers)) else f"it is none of {numbers}"
    low, high = numbers
    above = np.greater_equal if base.open == "[" else np.greater
    below = np.less_equal if base.close == "]" else np.less
    return None if np.all(above(value, low)) and np.all(below(value, high)) else "outside"


def _sizes(node):
    r"""Return the sizes of n \times d."""
    if isinstance(node, Binary) and node.operator == r"\times":
        return (*_sizes(node.left), node.right)
    return (node,)
