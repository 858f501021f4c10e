"""The tree of an equation. Every node knows its place in the cleaned LaTeX."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Node:
    """A piece of an equation and where it stands in the cleaned text."""

    span: tuple[int, int]


@dataclass(frozen=True)
class Number(Node):
    text: str


@dataclass(frozen=True)
class Name(Node):
    text: str


@dataclass(frozen=True)
class Script(Node):
    """``base_{sub}^{(tag)mark}'`` and then the operations `post`: powers, transposes."""

    base: Node
    sub: tuple[Node, ...] = ()
    sub_text: str = ""
    tag: Node | None = None
    tag_text: str = ""
    mark: str = ""
    primes: int = 0
    post: tuple[tuple[str, Node | None], ...] = ()


@dataclass(frozen=True)
class Group(Node):
    open: str
    close: str
    items: tuple["Statement", ...]


@dataclass(frozen=True)
class Fraction(Node):
    top: Node
    bottom: Node


@dataclass(frozen=True)
class Root(Node):
    degree: int
    body: Node


@dataclass(frozen=True)
class Product(Node):
    """Factors side by side; which of them are functions applied to the next is known later."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Sum(Node):
    terms: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Big(Node):
    """A sum, product, extremum or limit: `index` are its conditions, `upper` its upper limit."""

    operator: str
    index: tuple["Statement", ...]
    upper: Node | None
    body: Node


@dataclass(frozen=True)
class Derivative(Node):
    """``top`` by ``variables``; without ``top`` it acts on the factors that follow."""

    top: Node | None
    variables: tuple[Node, ...]


@dataclass(frozen=True)
class Cases(Node):
    rows: tuple[tuple[Node, "Conditions | None"], ...]


@dataclass(frozen=True)
class Matrix(Node):
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Chain(Node):
    """``first`` relation operand relation operand …."""

    first: Node
    links: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Conditions(Node):
    chains: tuple[Chain, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Statement(Node):
    chain: Chain
    conditions: Conditions | None = None


def children(node):
    """Yield the nodes directly below, in the order of the text."""
    for field in fields(node):
        yield from _nodes(getattr(node, field.name))


def _nodes(value):
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(node):
    """Yield the node and all below."""
    yield node
    for child in children(node):
        yield from walk(child)


def join(factors):
    """Return one node for factors that stand side by side."""
    if len(factors) == 1:
        return factors[0]
    return Product((factors[0].span[0], factors[-1].span[1]), tuple(factors))
