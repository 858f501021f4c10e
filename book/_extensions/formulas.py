r"""Formulas as MathML, written when the book is built: a page shows them without a script.

The converter's names and attributes are those of old MathML. What browsers draw today is MathML
Core, where letters are bold by their own characters and every operator has its place from its
form; `core` turns the one into the other. A font with the measures that mathematics needs comes
with the book, in assets/: STIX Two Math, of which pyftsubset has kept the characters that a book
like this one can use, and the feature ssty.
"""

import re
from html import unescape
from unicodedata import lookup, name
from xml.etree.ElementTree import tostring

from docutils import nodes
from latex2mathml.converter import convert_to_element
from sphinx.util.math import get_node_equation_number

# Names that the converter knows, for names that it does not or that lose something on the way.
TEX = {
    r"\{aligned\}": "{split}",
    r"\\mathrm\b": r"\\text",
    r"(?<=\d)\{,\}(?=\d)": r"\\text{,}",
}
BARS = re.compile(r"\\([lr])[vV]ert(?![a-zA-Z])|\\\||\|")
FORMS = {"l": "prefix", "r": "postfix"}
OPEN, CLOSE = "([{⌊⌈", ")]}⌋⌉"
ACCENTS = {"^": "ˆ", "~": "˜", "¯": "¯"}
LIMITS = ("max", "min", "lim")
SIGNS = ("−", "+", "±", "∓")
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
THIN = "0.1667em"


def mathml(tex, display="inline"):
    """Return a formula of TeX as MathML."""
    bars = [FORMS.get(found[1], "infix") for found in BARS.finditer(tex)]
    for pattern, known in TEX.items():
        tex = re.sub(pattern, known, tex)
    root = convert_to_element(tex, display=display)
    for element in root.iter():
        element.text = unescape(element.text or "")
    core(root, bars)
    return tostring(root, encoding="unicode")


def core(root, bars):
    """Change what MathML Core has no longer; `bars` are the forms of the vertical bars."""
    bars = iter(bars)
    for element in root.iter():
        style = element.get("mathvariant", "normal")
        if style != "normal" and element.tag in ("mi", "mn"):
            del element.attrib["mathvariant"]
            element.text = "".join(styled(letter, style) for letter in element.text)
        elif element.text in ("∂", "…"):
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
        elif element.text and set(element.text) <= set("′″‴"):
            element.set("class", "prime")
        for at, child in enumerate(element):
            if child.tag == "mrow" and len(child) == 1 and element.tag != "math":
                element[at] = child[0]
        if element.tag in SCRIPTS:
            for sign in (sign for script in element[1:] for sign in script.iter("mo")):
                sign.attrib |= {"lspace": "0em", "rspace": "0em"}
        space_names(element)


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
            touches = before is not None and head(before) is None and is_word(last(before), CLOSE)
            named.set("lspace", THIN if touches else "0em")
            goes_on = after is not None and (head(after) is not None or is_word(first(after)))
            named.set("rspace", THIN if goes_on else "0em")
        elif child.tag == "mo" and child.text in OPEN + CLOSE:
            if not {"stretchy", "minsize"} & set(child.attrib) and row.find("mtable") is None:
                child.set("stretchy", "false")
        elif child.text == "/":
            child.attrib |= {"lspace": "0em", "rspace": "0em"}
        elif child.text in SIGNS and at and row[at - 1].tag == "mo":
            if row[at - 1].text not in CLOSE + "|‖":
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


def inline(self, node):
    """Write a formula within a line."""
    self.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def displayed(self, node):
    """Write a displayed formula and its number."""
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    self.body.append(f"<div>{mathml(node.astext(), 'block')}</div>")
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Offer to Sphinx what `html_math_renderer: mathml` asks for."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"version": "1", "parallel_read_safe": True}
