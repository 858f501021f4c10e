"""What the symbols of an equation are bound to, and how a symbol finds its binding."""

import re
from functools import cache, lru_cache

import numpy as np

from .latex import clean, parse
from .nodes import Name, Number, Product, Script


class EquationError(Exception):
    """The equation cannot be evaluated, or does not hold."""


class UnboundError(EquationError):
    """A symbol has no binding."""


class given:
    """A quantity computed from the other symbols: ``given(lambda v: v["w"] * v["x"])``."""

    def __init__(self, function):
        self.function = function


class Draws(np.ndarray):
    """A random quantity: samples along axis 0, one value in each."""


def draws(samples):
    """Bind a symbol to samples, one per row; E and Var average over them."""
    return np.asarray(samples, dtype=float).view(Draws)


def row(array):
    """Bind a symbol to a row vector, shape (1, d); a 1-D array is a column."""
    return np.asarray(array, dtype=float).reshape(1, -1)


@lru_cache(maxsize=4096)
def key_of(latex):
    """Return the one spelling of a symbol's LaTeX."""
    text = clean(latex)
    updated, text = text.startswith(r"\leftarrow"), text.removeprefix(r"\leftarrow")
    (statement,) = parse(text)
    node = statement.chain.first
    parts = split(node)
    if parts is None or statement.chain.links:
        raise EquationError(f"{latex!r} is not one symbol, so it cannot be bound")
    base, tag, sub, mark, primes = parts
    return (r"\leftarrow" if updated else "") + spell(base, sub, tag, mark, primes)


def split(node):
    """Return base, tag, subscript, mark and primes of a symbol, all as text; None if it is none."""
    if isinstance(node, Name):
        return node.text, "", "", "", 0
    if isinstance(node, Script) and isinstance(node.base, Name):
        return node.base.text, node.tag_text, node.sub_text, node.mark, node.primes
    return None


def spell(base, sub="", tag="", mark="", primes=0):
    """Return the key of a symbol's parts, whatever the order they were written in."""
    return base + (f"_{{{sub}}}" if sub else "") + (f"^{tag}" if tag else "") + mark + "'" * primes


@cache
def is_bold(base):
    return re.search(r"\\(mathbf|boldsymbol)", base) is not None


@cache
def forms_of(base, indexed):
    r"""Return what an indexed symbol may be part of; \mathbf{x}_i first of all of \mathbf{X}."""
    forms = (base, *(form for form in bold_forms(base) if form != base)) if indexed else (base,)
    return forms[::-1] if is_bold(base) else forms


def bold_forms(base):
    r"""Yield the arrays whose elements a symbol may be: of x these are \mathbf{x}, \mathbf{X}."""
    accent = re.fullmatch(r"(\\(?:hat|bar|tilde|Delta)\{)(.*)\}", base)
    if accent:
        yield from (accent[1] + form + "}" for form in bold_forms(accent[2]))
        return
    styled = re.fullmatch(r"\\(mathbf|boldsymbol)\{(.*)\}", base)
    letter = styled[2] if styled else base
    capital = letter.upper() if len(letter) == 1 else letter[:1] + letter[1:].capitalize()
    for form in dict.fromkeys((letter, capital)):
        for style in ("mathbf", "boldsymbol"):
            yield rf"\{style}{{{form}}}"


class Environment:
    """Symbols and their values; computed ones are computed once, when first asked for."""

    def __init__(self, bindings, origin=1):
        self.bindings = {key_of(latex): value for latex, value in bindings.items()}
        self.origin = origin
        self.indices = {}
        self._values = {}
        self.compared = {}  # statements that hold: how often they were compared

    def __getitem__(self, latex):
        """Return the value of a symbol, for the functions inside `given`."""
        key = key_of(latex)
        if key not in self:
            raise UnboundError(f"{latex!r} is not bound; bound are: {', '.join(self.bindings)}")
        return self.value(key)

    def __contains__(self, key):
        return key in self.indices or key in self.bindings

    def value(self, key):
        if key in self.indices:
            return self.indices[key]
        if key not in self._values:
            value = self.bindings[key]
            if isinstance(value, given):
                value = value.function(self)
            if not (callable(value) or isinstance(value, range | Draws)):
                value = np.array(value, dtype=float)
            self._values[key] = value
        return self._values[key]

    def at(self, indices):
        """Return the same symbols with indices set; computed values stay."""
        copy = object.__new__(Environment)
        vars(copy).update(vars(self), indices={**self.indices, **indices})
        return copy

    def with_value(self, key, value):
        """Return the same symbols with one replaced; what is computed from it is computed anew."""
        copy = object.__new__(Environment)
        vars(copy).update(vars(self), bindings={**self.bindings, key: value}, _values={})
        if key in self.indices:
            copy.indices = {**self.indices, key: value}
        return copy

    def ranges(self):
        """Return the symbols bound to ranges: an equation must hold for each of their values."""
        return {key: value for key, value in self.bindings.items() if isinstance(value, range)}

    def locate(self, node, integer):
        """Return (key, index nodes) of a symbol: it is that binding, or an element or row of it.

        `integer` evaluates a node of an index, and raises UnboundError where it can't.
        """
        if isinstance(node, Name) and node.text in self:
            return node.text, ()
        parts = split(node)
        if parts is None:
            raise UnboundError("only a symbol can be looked up")
        base, tag, sub, mark, primes = parts
        tags = [tag]
        if tag:
            try:
                tags.append(tag[0] + str(integer(node.tag)) + tag[-1])
            except EquationError:
                pass
        items = index_items(node)
        for prefix in range(len(items), -1, -1):
            names, index = items[:prefix], items[prefix:]
            for text in _subscripts(names, sub if not index else None, integer):
                for form in forms_of(base, bool(index)):
                    for a_tag in tags:
                        key = spell(form, text, a_tag, mark, primes)
                        if key in self and self._fits(key, form, base, index):
                            return key, index
        raise UnboundError(f"{spell(base, sub, tags[-1], mark, primes)} is not bound")

    def _fits(self, key, form, base, index):
        """Italic letters are numbers: they take as many indices as their bold array has axes."""
        if not index:
            return True
        value = self.value(key)
        if callable(value) or isinstance(value, range):
            return False
        axes = np.ndim(value) - isinstance(value, Draws)
        axes -= axes == 2 and np.shape(value)[0] == 1  # a row
        digits = isinstance(index[0], Number) and len(index) == 1 and len(index[0].text) == axes > 1
        if is_bold(base):
            return 1 <= axes >= len(index) and not (form != base and len(index) == axes)
        return digits or len(index) == axes or (form == base and axes == 1)


def index_items(node):
    """Return the nodes of a subscript one by one: _{ij} and _{i,j} have two."""
    if not isinstance(node, Script) or not node.sub:
        return ()
    if len(node.sub) == 1 and isinstance(node.sub[0].chain.first, Product):
        return node.sub[0].chain.first.factors
    return tuple(statement.chain.first for statement in node.sub)


def _subscripts(names, literal, integer):
    """Yield the spellings of a subscript that belongs to the name: as written, and evaluated."""
    if not names:
        yield ""
        return
    if literal:
        yield literal
    try:
        yield ",".join(str(integer(name)) for name in names)
    except EquationError:
        return
