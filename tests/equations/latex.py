"""From LaTeX to a tree: `clean` normalizes the text, `parse` reads it with `latex.lark`."""

import re
from functools import lru_cache
from pathlib import Path

import lark

from .nodes import (
    Big,
    Binary,
    Cases,
    Chain,
    Conditions,
    Derivative,
    Fraction,
    Group,
    Matrix,
    Name,
    Number,
    Product,
    Root,
    Script,
    Statement,
    Sum,
    join,
)


class LatexError(ValueError):
    """The text is not in the part of LaTeX that the equations of the book may use."""


SUBSTITUTIONS = [
    (r"(?<!\\)%[^\n]*", ""),
    (r"\\\\(?:\[[^\]]*\])?", " ⏎ "),
    (r"\\begin\{[bp]matrix\}", r"\\begin{matrix}"),
    (r"\\end\{[bp]matrix\}", r"\\end{matrix}"),
    (r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?", ""),
    (r"\\(?:displaystyle|textstyle|limits|nonumber|notag)(?![a-zA-Z])", ""),
    (r"(?<=\d)(?:\{,\}|\\,)(?=\d{3})", ""),
    (r"\\q?quad\s*\\text\s*\{\s*and\s*\}\s*\\q?quad(?![a-zA-Z])", " ; "),
    (r"\\text\s*\{\s*(?:that is|so that|so|hence|thus|therefore|then)\b[^{}]*\}(?=.*=)", " ; "),
    (r"\\coloneqq(?![a-zA-Z])", ":="),
    (r"\\colon(?![a-zA-Z])", ":"),
    (r"\\quad(?![a-zA-Z])|\\[,;:!> ]|~", " "),
    (r"\\neq(?![a-zA-Z])", r"\\ne "),
    (r"\\[dt]frac(?![a-zA-Z])", r"\\frac"),
    (r"\\(?:ldots|cdots|vdots)(?![a-zA-Z])", r"\\dots"),
    (r"\\text\s*\{\s*for (?:all|every|each)\b[^⏎]*", ""),
    (r"[,;\s]*\\forall(?![a-zA-Z])[^⏎]*", ""),
    (r"[,;]\s*(?:[a-z]|\\ell)\s*=\s*\d+\s*,\s*\\dots\s*,\s*[\w{}]+(?=\s*[,;.]?\s*(⏎|$))", ""),
    (r"\\operatorname\*?\s*\{\s*arg\s*(max|min)\s*\}", r"\\arg\1 "),
    (r"\\arg\s*\\(max|min)(?![a-zA-Z])", r"\\arg\1 "),
    (r"\\(?:operatorname\*?|text(?!\{\s*(?:for|if|when|where|with|otherwise|else|and|or)\b)"
     r"|textrm|textit)\s*(?=\{)", r"\\mathrm"),
    (r"\\(mathbf|boldsymbol|mathcal|mathbb|mathsf|mathrm)(?![a-zA-Z])\s*(\\[a-zA-Z]+|[A-Za-z0-9])",
     r"\\\1{\2}"),
    (r"\\(mathbf|boldsymbol|mathcal|mathbb|mathsf|mathrm)\s+\{", r"\\\1{"),
    (r"\\(hat|bar|tilde|dot|vec)(?![a-zA-Z])\s*(\\\w+\{[^{}]*\}|\\[a-zA-Z]+|[A-Za-z0-9])",
     r"\\\1{\2}"),
    (r"\\Delta\s*([a-z]|\\(?:mathbf|boldsymbol)\{[^{}]*\}|\\theta)(?![a-zA-Z])", r"\\Delta{\1}"),
    (r"\\(?:mathsf|mathrm)\{T\}|\\intercal(?![a-zA-Z])", r"\\top "),
    (r"\^\s*\{?\\prime\}?", "'"),
    (r"\^\s*\{\s*\\odot\s*", r"^{\\mathrm{elementwise} "),
    (r"\\frac\s*(\d|[a-z])\s*(\d|[a-z])", r"\\frac{\1}{\2}"),
    (r"\\frac\s*(\d|[a-z])\s*\{", r"\\frac{\1}{"),
    (r"\\sqrt\s*(\d|[a-z])", r"\\sqrt{\1}"),
    (r"([_^])\s*(\\\w+\{[^{}]*\}|\\[a-zA-Z]+|[A-Za-z0-9*])", r"\1{\2}"),
    (r"[,;.]\s*(?=⏎|&|\\end|$)", ""),
]  # fmt: skip


def clean(latex):
    """Return the text with one spelling for everything that has several."""
    text = latex.strip()
    for pattern, replacement in SUBSTITUTIONS:
        text = re.sub(pattern, replacement, text)
    text = re.sub(
        r"\\begin\{(aligned|split|gathered)\}(.*?)\\end\{\1\}", _join_rows, text, flags=re.S
    )
    text = re.sub(r"\s*\\qquad\s*", " ; ", text)
    text = _pair_bars(_pair_bars(text, r"\|", "V"), "|", "v")
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"[,;. ]+$", "", text)


def _join_rows(match):
    """Join the rows of an aligned environment; one without a left side continues the last."""
    text = ""
    for row in _split(match[2], "⏎"):
        head, *tail = _split(row, "&")
        starts_with_sign = re.match(
            r"\s*([=+<>-]|\\(le|ge|leq|geq|approx|cdot|odot)(?![a-z]))", row
        )
        continues = not head.strip() if tail else starts_with_sign
        text += (" " if continues or not text else " ; ") + " ".join([head, *tail])
    return text


def _split(text, separator):
    """Split at a separator that no inner environment encloses."""
    parts, depth = [""], 0
    for token in re.findall(r"\\begin|\\end|\\?.", text, flags=re.S):
        depth += {r"\begin": 1, r"\end": -1}.get(token, 0)
        if token == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    return parts[:1] + [part for part in parts[1:] if part.strip()]


def _pair_bars(text, bar, letter):
    r"""Turn each |x| into \lvert x\rvert: a bar opens where no operand stands before it."""
    pieces = re.split(r"(?<!\\)\|" if bar == "|" else re.escape(bar), text)
    result = pieces[0]
    for piece in pieces[1:]:
        opens = re.search(
            r"(^|[-+=(\[{<>,;/&]|\\[a-zA-Z]*vert|\\(cdot|odot|le|ge|leq|geq|frac)) *$", result
        )
        opens = opens and not result.rstrip().endswith(r"\r" + "vert")
        opens = opens or result.count(f"\\l{letter}ert") == result.count(f"\\r{letter}ert")
        result += f" \\{'l' if opens else 'r'}{letter}ert " + piece
    return result


GRAMMAR = lark.Lark(
    (Path(__file__).parent / "latex.lark").read_text(encoding="utf-8"),
    parser="lalr",
    propagate_positions=True,
    maybe_placeholders=True,
)


@lark.v_args(meta=True)
class _Builder(lark.Transformer):
    """From lark's tree to our nodes."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def start(self, meta, children):
        return tuple(child for child in children if isinstance(child, Statement))

    items = start

    def statement(self, meta, children):
        chain, *condition = children
        return Statement(_span(meta), chain, condition[-1] if condition else None)

    def conditions(self, meta, children):
        operators = tuple("or" if "or" in word else "and" for word in children[1::2])
        return Conditions(_span(meta), tuple(children[::2]), operators)

    def chain(self, meta, children):
        links = zip(map(str, children[1::2]), children[2::2], strict=True)
        return Chain(_span(meta), children[0], tuple(links))

    def sum(self, meta, children):
        sign, first, *rest = children
        if sign is None and not rest:
            return first
        pairs = zip(map(str, [sign or "", *rest[::2]]), [first, *rest[1::2]], strict=True)
        return Sum(_span(meta), tuple(pairs))

    def term(self, meta, children):
        left, *rest = children
        for operator, right in zip(rest[::2], rest[1::2], strict=True):
            left = Binary((left.span[0], right.span[1]), str(operator), left, right)
        return left

    def product(self, meta, children):
        return children[0] if len(children) == 1 else Product(_span(meta), tuple(children))

    def big(self, meta, children):
        operator, *scripts, body = children
        scripts = dict(scripts)
        if "sub" not in scripts:
            raise LatexError(f"{operator} needs a subscript that says what it runs over")
        upper = scripts.get("super")
        upper = upper[0].chain.first if upper else None
        return Big(_span(meta), str(operator), scripts["sub"], upper, body)

    def subscript(self, meta, children):
        return "sub", children[0]

    def superscript(self, meta, children):
        return "super", children[0]

    def primes(self, meta, children):
        return "primes", len(children[0])

    def factor(self, meta, children):
        base, *scripts = children
        if not scripts or isinstance(base, _Annotated):
            return base.body if isinstance(base, _Annotated) else base
        parts = {"post": ()}
        for kind, content in scripts:
            if kind == "sub":
                parts |= {"sub": content, "sub_text": self._source(content)}
            elif kind == "primes":
                parts["primes"] = content
            elif isinstance(content, lark.Token):
                parts["mark"] = str(content)
            else:
                parts |= self._superscript(base, content[0].chain.first, parts["post"])
        return Script(_span(meta), base, **parts)

    def _superscript(self, base, content, post):
        """Tell a tag ^{(l)} from a transpose, a mark ^* and a power."""
        factors = content.factors if isinstance(content, Product) else (content,)
        first, *rest = factors
        parts = {}
        tagged = isinstance(first, Group) and isinstance(base, Name) and base.text != "e"
        if tagged and first.open in "([":
            parts |= {"tag": first.items[0].chain.first, "tag_text": self._source([first])}
            factors = rest
        for first in factors[:1]:
            if isinstance(first, Name) and first.text in (r"\top", "*", r"\star", r"\ast"):
                parts |= (
                    {"post": (*post, ("transpose", None))}
                    if first.text == r"\top"
                    else {"mark": "*"}
                )
            elif isinstance(first, Name) and first.text == r"\mathrm{elementwise}":
                parts["post"] = (*post, ("elementwise", factors[1]))
            else:
                power = content if factors is not rest else first
                parts["post"] = (*post, ("power", power))
        return parts

    def _source(self, nodes):
        return re.sub(r"\s", "", self.text[nodes[0].span[0] : nodes[-1].span[1]])

    def number(self, meta, children):
        return Number(_span(meta), str(children[0]))

    def name(self, meta, children):
        return Name(_span(meta), re.sub(r"\s", "", children[0]))

    def braces(self, meta, children):
        (inner,) = children
        if isinstance(inner, Name):
            return inner
        return Group(_span(meta), "{", "}", (_statement(inner),))

    def annotated(self, meta, children):
        return _Annotated(children[1])

    def group(self, meta, children):
        opening, items, closing = children
        return Group(_span(meta), str(opening), str(closing), items)

    def fraction(self, meta, children):
        _, top, bottom = children
        derivative = _differentials(bottom)
        if derivative and _is_differential(top):
            return Derivative(_span(meta), None, derivative)
        if derivative and isinstance(top, Product) and _is_differential(top.factors[0]):
            return Derivative(_span(meta), join(top.factors[1:]), derivative)
        return Fraction(_span(meta), top, bottom)

    def root(self, meta, children):
        degree = re.search(r"\d", children[0])
        return Root(_span(meta), int(degree[0]) if degree else 2, children[1])

    def case(self, meta, children):
        return children[0], next((c for c in children if isinstance(c, Conditions)), None)

    def cases(self, meta, children):
        return Cases(_span(meta), tuple(row for row in children if isinstance(row, tuple)))

    def row(self, meta, children):
        return tuple(child for child in children if not isinstance(child, lark.Token))

    def matrix(self, meta, children):
        return Matrix(_span(meta), tuple(row for row in children if isinstance(row, tuple)))


class _Annotated:
    """The body of an underbrace, until its label is dropped."""

    def __init__(self, body):
        self.body = body


def _span(meta):
    return meta.start_pos, meta.end_pos


def _statement(node):
    return Statement(node.span, Chain(node.span, node, ()))


def _is_differential(node):
    r"""Return whether it is d, \mathrm{d} or \partial, perhaps with a power."""
    if isinstance(node, Script) and not node.sub and [kind for kind, _ in node.post] == ["power"]:
        node = node.base
    return isinstance(node, Name) and node.text in ("d", r"\mathrm{d}", r"\partial")


def _differentials(node):
    r"""Return the variables of \partial x \partial y^2, each as often as its power says."""
    factors = node.factors if isinstance(node, Product) else ()
    if len(factors) % 2 or not all(map(_is_differential, factors[::2])):
        return ()
    variables = []
    for variable in factors[1::2]:
        times = 1
        if isinstance(variable, Script) and variable.post:
            (_, power), *_ = variable.post
            if isinstance(power, Number):
                times = int(power.text)
                variable = _without_post(variable)
        variables += [variable] * times
    return tuple(variables)


def _without_post(script):
    bare = Script(**{**vars(script), "post": ()})
    plain = not (bare.sub or bare.tag or bare.mark or bare.primes)
    return bare.base if plain else bare


@lru_cache(maxsize=4096)
def parse(text):
    """Return the statements of an equation whose text `clean` has returned."""
    try:
        return _Builder(text).transform(GRAMMAR.parse(text))
    except lark.UnexpectedInput as error:
        place = getattr(error, "pos_in_stream", None)
        here = text if place is None or place < 0 else f"{text[:place]} ⟨HERE⟩ {text[place:]}"
        message = f"cannot read: {here}\nSee tests/equations/README.md for the LaTeX that is read."
        raise LatexError(message) from None
    except lark.exceptions.VisitError as error:
        raise LatexError(f"{error.orig_exc} in: {text}") from None
