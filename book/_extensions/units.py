"""A number and its unit, and a number and its percent sign, stay on one line.

The sources hold plain spaces, which are easy to write; a page gets spaces that do not break.
"""

import re

from docutils import nodes

UNITS = r"%|(?:[mµ]?s|min|[kMGT]?B|[kMG]?W|[kM]?Wh|[GM]Hz|px)\b"
BREAK = re.compile(rf"(?<=\d)[ \n](?={UNITS})")
AS_IT_IS = nodes.literal | nodes.literal_block | nodes.math | nodes.math_block | nodes.raw


def together(text):
    r"""Return the text with the space between a number and its unit unbroken.

    >>> together("98 % in 3 s").split(" ")
    ['98\xa0%', 'in', '3\xa0s']
    """
    return BREAK.sub("\N{NO-BREAK SPACE}", text)


def keep_together(app, doctree, docname):
    """Bind the units of a page's prose."""
    for text in list(doctree.findall(nodes.Text)):
        bound = together(text)
        if bound != text and not isinstance(text.parent, AS_IT_IS):
            text.parent.replace(text, nodes.Text(bound))


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-resolved", keep_together)
    return {"version": "1", "parallel_read_safe": True}
