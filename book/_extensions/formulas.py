r"""Formulas as MathML, written when the book is built: a page shows them without a script.

The converter's names and attributes are those of old MathML. What browsers draw today is MathML
Core, where letters are bold by their own characters and every operator has its place from its
form; `core` turns the one into the other. A font with the measures that mathematics needs comes
with the book: assets/stix-two-math.woff2, made by tools/math_font.py. A formula that the converter
does not know stops the build.
"""

import re
from html import unescape
from unicodedata import lookup, name
from xml.etree.ElementTree import Element, fromstring, tostring
from xml.sax.saxutils import quoteattr

from docutils import nodes
from docutils.utils import get_source_line
from latex2mathml.converter import convert_to_element
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

# Names that the converter knows, for names that it does not or that lose something on the way.
TEX = {
    r"\{aligned\}": "{split}",
    r"\\mathrm\b": r"\\text",
    r"(?<=\d)\{,\}(?=\d)": r"\\text{,}",
}
BARS = re.compile(r"\\([lr])[vV]ert(?![a-zA-Z])|\\\||\|")
FORMS = {"l": "prefix", "r": "postfix"}
CLOSE = ")]}⌋⌉"
ACCENTS = {"^": "ˆ", "~": "˜", "¯": "¯"}
LIMITS = ("max", "min", "lim")
SUMS = ("∑", "∏")
LIMITED = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
SIGNS = ("−", "+", "±", "∓")
PRIMES = set("′″‴")
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
FORMULA = r"<math (?:(?!</math>).)*</math>"
GLUED = re.compile(rf"\(?{FORMULA}[,.;:!?)]+|\({FORMULA}", re.S)
THIN = "0.1667em"
TIGHT = {"lspace": "0em", "rspace": "0em"}


def mathml(tex, display="inline"):
    """Return a formula of TeX as MathML."""
    bars = [FORMS.get(found[1], "infix") for found in BARS.finditer(tex)]
    for pattern, known in TEX.items():
        tex = re.sub(pattern, known, tex)
    root = convert_to_element(tex, display=display)
    for element in root.iter():
        element.text = unescape(element.text or "")
        if "\\" in element.text:
            raise ValueError(f"the converter does not know {element.text}")
    core(root, bars)
    if len(root[0]) == 1 and root[0][0].tag == "mo":  # an operator that the text speaks of
        root[0][0].attrib |= TIGHT
    return tostring(root, encoding="unicode")


def characters(tex):
    """Return the characters of a formula, for a place that shows text alone."""
    return "".join(fromstring(mathml(tex)).itertext())


def core(root, bars):
    """Change what MathML Core has no longer; `bars` are the forms of the vertical bars."""
    bars = iter(bars)
    for element in root.iter():
        style = element.get("mathvariant", "normal")
        if style != "normal" and element.tag in ("mi", "mn"):
            del element.attrib["mathvariant"]
            element.text = "".join(styled(letter, style) for letter in element.text)
        elif element.text in ("∂", "∞"):
            element.tag = "mi"
        elif element.text in ("∇", "⊤") or (element.tag == "mi" and "Α" <= element.text <= "Ω"):
            element.tag = "mi"
            element.set("mathvariant", "normal")
        elif element.tag == "mo" and element.text in ("|", "‖"):
            element.set("form", next(bars, "infix"))
            element.attrib.setdefault("stretchy", "false")
        elif element.tag == "mover" and element[1].text in ACCENTS:
            element.set("accent", "true")
            element[1].text = ACCENTS[element[1].text]
            element[1].set("stretchy", "false")
        elif element.get("width") == "negativethinmathspace":
            element.set("width", "-" + THIN)
        elif element.text == "*" and element.tag == "mo":
            element.text = "∗"
        elif element.get("minsize") == "1.2em":  # \big: browsers leave too much room for a variant
            element.attrib = {"stretchy": "false", "mathsize": "120%"}
        for at, child in enumerate(element):
            if child.tag == "mrow" and len(child) == 1 and element.tag != "math":
                child = element[at] = child[0]
            if child.tag in ("msup", "msubsup") and set(child[-1].text or "x") <= PRIMES:
                element[at] = primed(child)
        if element.tag in SCRIPTS:
            if element[0].text in SUMS:
                element.tag = LIMITED.get(element.tag, element.tag)
            for sign in (sign for script in element[1:] for sign in script.iter("mo")):
                sign.attrib |= TIGHT
        space_names(element)


def primed(powers):
    """Return a letter and its primes as a row; in the place of a power they would float."""
    row, prime = Element("mrow"), powers[-1]
    prime.tag = "mo"
    prime.attrib |= {"form": "postfix"} | TIGHT
    row.extend([powers[0], prime])
    if powers.tag == "msup":
        return row
    powers[:] = [row, powers[1]]
    powers.tag = "msub"
    return powers


def styled(letter, style):
    """Return the character that is a letter or digit in bold or bold italic."""
    if "Α" <= letter <= "Ω":
        style = "bold"  # as in TeX, where capital Greek letters stand upright
    plain = re.sub(r"^(?:LATIN|GREEK) (\w+) LETTER", r"\1", name(letter))
    return lookup(f"MATHEMATICAL {style.replace('-', ' ').upper()} {plain}")


def space_names(row):
    """Set the names of functions apart from what they stand beside, as TeX does."""
    if row.tag not in ("mrow", "mtd", "math", "mstyle", "msqrt"):
        return
    for at, child in enumerate(row):
        if (named := head(child)) is not None:
            before = row[at - 1] if at else None
            after = row[at + 1] if at + 1 < len(row) else None
            named.tag = "mo"
            named.set("form", "prefix")
            if named.text in LIMITS and child.tag == "msub":
                child.tag = "munder"
                named.set("movablelimits", "true")
            touches = before is not None and is_word(last(before), CLOSE)
            named.set("lspace", THIN if touches else "0em")
            goes_on = after is not None and (head(after) is not None or is_word(first(after)))
            named.set("rspace", THIN if goes_on else "0em")
        elif child.text == "…":
            around = [row[i] if 0 <= i < len(row) else child for i in (at - 1, at + 1)]
            child.text = "⋯" if {other.text for other in around} & set(SIGNS) else "…"
            child.set("lspace", "0em" if around[0].tag == "mo" else THIN)
            child.set("rspace", "0em" if around[1].tag == "mo" and around[1].text != "," else THIN)
        elif child.text == "/":
            child.attrib |= TIGHT
        elif child.text in SIGNS and at and row[at - 1].tag == "mo":
            if row[at - 1].text not in CLOSE + "|‖…⋯′″‴":
                child.set("form", "prefix")


def head(element):
    """Return the name of a function at the head of an element, with its limits and powers."""
    while element.tag in SCRIPTS:
        element = element[0]
    named = element.tag in ("mi", "mo") and re.fullmatch(r"[A-Za-z]{2,}", element.text or "")
    return element if named else None


def first(element):
    """Return the first leaf."""
    return first(element[0]) if len(element) else element


def last(element):
    """Return the leaf on the line at the end: the base of what has indices."""
    if not len(element):
        return element
    return last(element[0] if element.tag.startswith(("msu", "mu", "mo")) else element[-1])


def is_word(leaf, also=""):
    """Return whether a leaf is a letter, number or text, or one of the signs in `also`."""
    return leaf.tag in ("mi", "mn", "mtext") or bool(leaf.text and leaf.text in also)


# Into the pages -------------------------------------------------------------------------------


def written(node, display="inline"):
    """Return a formula of the book as MathML, with its TeX; if there is no way, say where it is."""
    tex = node.astext()
    try:
        return mathml(tex, display).replace("<math ", f"<math data-tex={quoteattr(tex)} ", 1)
    except Exception as error:
        source, line = get_source_line(node)
        raise ExtensionError(f"{source}:{line}: no MathML for {tex!r}: {error}") from error


def inline(self, node):
    """Write a formula within a line."""
    self.body.append(written(node))
    raise nodes.SkipNode


def displayed(self, node):
    """Write a displayed formula and its number."""
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f"<div>{written(node, 'block')}</div></div>\n")
    raise nodes.SkipNode


def glue(app, pagename, template, context, doctree):
    """Keep a formula on one line with the signs beside it: a browser breaks on both its sides."""
    if "body" in context:
        context["body"] = GLUED.sub(r'<span class="glued">\g<0></span>', context["body"])


def setup(app):
    """Offer to Sphinx what `html_math_renderer: mathml` asks for."""
    app.connect("html-page-context", glue)
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"version": "1", "parallel_read_safe": True}
