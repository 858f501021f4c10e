"""Damage an equation in every small way that a slip of the pen might; each must be noticed."""

import re
from dataclasses import replace

from .nodes import (
    Big,
    Binary,
    Conditions,
    Derivative,
    Fraction,
    Group,
    Name,
    Number,
    Product,
    Script,
    Sum,
    walk,
)

ASYMPTOTIC = ("O", r"\mathcal{O}")
ORDERINGS = {
    r"\in": r"\notin",
    r"\notin": r"\in",
    "<": ">",
    ">": "<",
    r"\le": r"\ge",
    r"\leq": r"\geq",
    r"\ge": r"\le",
    r"\geq": r"\leq",
}


def mutants(text, statements):
    """Yield (name, text) for every damaged version of a cleaned equation.

    Names count the places of one kind from the left: ``flip sign 2``.
    """
    edits = sorted(edit for statement in statements for edit in _edits(text, statement))
    seen, counts = {text}, {}
    for start, end, kind, replacement in edits:
        counts[kind] = counts.get(kind, 0) + 1
        damaged = text[:start] + replacement + text[end:]
        if re.sub(r"\s", "", damaged) not in seen:
            seen.add(re.sub(r"\s", "", damaged))
            yield f"{kind} {counts[kind]}", damaged


def _edits(text, statement):
    """Yield (start, end, kind, replacement) for one statement."""
    relations = [relation for relation, _ in statement.chain.links]
    yield from _flipped_orderings(text, statement.chain)
    if all(relation in ORDERINGS for relation in relations):
        return  # a bound may survive a change: it is then another bound, and not a wrong one
    relation, side = statement.chain.links[-1]
    start, end = side.span
    if relation not in (r"\in", r"\notin") and text[start:end].strip() != "0":
        yield start, end, "negate side", f"-({text[start:end]})"
    if isinstance(side, Group) and relation in (r"\in", r"\notin"):
        return
    if statement.conditions and _only_excludes(statement.conditions):
        statement = replace(statement, conditions=None)
    nodes = list(walk(statement))
    arguments = {span for node in nodes for span in _differentiated_arguments(node)}
    for node in nodes:
        for edit in KINDS.get(type(node), lambda *_: ())(text, node):
            if edit[:2] not in arguments or edit[2] != "drop factor":
                yield edit


def _only_excludes(conditions):
    """Return whether all that is asked is that something differs from something."""
    return all(relation == r"\ne" for chain in conditions.chains for relation, _ in chain.links)


def _differentiated_arguments(node):
    """Yield the place of x in df(x)/dx: without it, it means the same."""
    if (
        isinstance(node, Derivative)
        and isinstance(node.top, Product)
        and len(node.top.factors) == 2
    ):
        yield node.top.factors[1].span
    if isinstance(node, Product) and isinstance(node.factors[0], Derivative):
        if node.factors[0].top is None and len(node.factors) == 3:
            yield node.factors[2].span


def _sum(text, node):
    for place, (sign, term) in enumerate(node.terms):
        start, end = term.span
        at = text.rfind(sign, 0, start) if sign else start
        remainder = isinstance(term, Product) and getattr(term.factors[0], "text", "") in ASYMPTOTIC
        if sign and not remainder:
            yield at, at + 1, "flip sign", "-" if sign == "+" else "+"
        if len(node.terms) == 1:
            continue
        if place == 0:
            following, after = node.terms[1][0], node.terms[1][1].span[0]
            end = text.rfind(following, 0, after) + (following == "+")
        yield at, end, "drop term", " "


def _product(text, node):
    for place, factor in enumerate(node.factors):
        following = node.factors[place + 1] if place + 1 < len(node.factors) else None
        is_one = isinstance(factor, Name) and factor.text in (r"\mathbf{1}", r"\mathbb{1}")
        if not (is_one and isinstance(following, Group)):  # 1[condition]: the 1 is only notation
            yield (*factor.span, "drop factor", " ")


def _binary(text, node):
    (left, middle), (right, end) = node.left.span, node.right.span
    if node.operator != "/":
        yield left, right, "drop factor", " "
    yield middle, end, "drop factor", " "
    if node.operator == r"\times" and text[:left].rstrip().endswith("^{"):  # a shape
        swapped = f"{text[right:end]} {text[middle:right]} {text[left:middle]}"
        yield left, end, "swap sizes", swapped


def _fraction(text, node):
    yield (*node.span, "drop denominator", f"({text[slice(*node.top.span)]})")
    swapped = f"{{{text[slice(*node.bottom.span)]}}}{{{text[slice(*node.top.span)]}}}"
    yield (*node.span, "swap fraction", rf"\frac{swapped}")


def _big(text, node):
    start, end = node.span
    if node.operator in (r"\sum", r"\prod"):
        yield start, end, "negate sum", f"(-{text[start:end]})"
    else:
        other = {"max": "min", "min": "max"}.get(node.operator[-3:])
        if other:
            yield start, start + len(node.operator), "swap extremum", node.operator[:-3] + other


def _script(text, node):
    start, end = node.span
    source = text[start:end]
    for match in re.finditer(r"\^\{\\top\}|(?<=[)\]}])\\top(?=\s*\})|(?<=\)) \\top", source):
        if match.start() >= node.base.span[1] - start:
            yield start + match.start(), start + match.end(), "drop transpose", " "
    if node.primes:
        at = start + source.index("'", node.base.span[1] - start)
        yield at, at + 1, "drop prime", ""
    for kind, exponent in node.post:
        if kind != "transpose" and not isinstance(exponent, Number):
            at = text.rfind("^", start, exponent.span[0])
            yield at, text.index("}", exponent.span[1]) + 1, "drop power", " "
    items = [item.chain.first for item in node.sub]
    if len(items) == 1 and isinstance(items[0], Product):
        items = items[0].factors
    if len(items) == 2 and len({text[slice(*item.span)] for item in items}) == 2:
        (a, b), (c, d) = items[0].span, items[1].span
        yield a, d, "swap indices", text[c:d] + text[b:c] + text[a:b]


def _number(text, node):
    number = node.text
    changed = str(int(number) + 1) if number.isdigit() else str(float(number) * 2)
    yield (*node.span, "change number", changed)


def _conditions(text, node):
    for chain in node.chains:
        yield from _flipped_orderings(text, chain)


def _flipped_orderings(text, chain):
    left = chain.first
    for relation, right in chain.links:
        if relation in ORDERINGS:
            at = text.index(relation, left.span[1])
            yield at, at + len(relation), "flip relation", ORDERINGS[relation] + " "
        left = right


def _group(text, node):
    for item in node.items:
        yield from _flipped_orderings(text, item.chain)


KINDS = {
    Sum: _sum,
    Product: _product,
    Binary: _binary,
    Fraction: _fraction,
    Big: _big,
    Script: _script,
    Number: _number,
    Conditions: _conditions,
    Group: _group,
}
