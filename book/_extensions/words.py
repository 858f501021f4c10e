"""The first time a chapter stresses a word of the glossary, the word leads there.

Nothing is written into the notebooks for it. Whoever hovers over the link reads the definition.
"""

from docutils import nodes
from formulas import characters
from sphinx.addnodes import glossary
from sphinx.util.nodes import make_refnode

PAGE = "book/glossary"


def definitions(env):
    """Return, for each word of the glossary, its anchor and its definition."""
    found = {}
    for listed in env.get_doctree(PAGE).findall(glossary):
        for item in listed.findall(nodes.definition_list_item):
            word = item[0].astext().split(" (")[0].lower()
            meaning = next(item.findall(nodes.definition)).deepcopy()
            for formula in list(meaning.findall(nodes.math)):  # a tooltip shows text alone
                formula.replace_self(nodes.Text(characters(formula.astext())))
            found[word] = item[0]["ids"][0], meaning.astext().split(" → ")[0]
    return found


def link_words(app, doctree, docname):
    """Turn the first stressed mention of each word into a link."""
    if PAGE not in app.env.all_docs or not docname.startswith(("book/0", "book/1")):
        return
    words = definitions(app.env)
    for node in list(doctree.findall(lambda n: isinstance(n, nodes.strong | nodes.emphasis))):
        stressed = node.astext().lower().rstrip(".:,")
        word = stressed if stressed in words else stressed.removesuffix("s")
        if word in words and not isinstance(node.parent, nodes.reference | nodes.title):
            anchor, meaning = words.pop(word)
            link = make_refnode(app.builder, docname, PAGE, anchor, nodes.inline(), meaning)
            link["classes"].append("to-glossary")
            node.replace_self(link)
            link[0] += node


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-resolved", link_words)
    return {"version": "1", "parallel_read_safe": True}
