"""The pages about the package: made from its docstrings, and linked from wherever it is named.

A page in `book/api` lists modules; each becomes a section, below a table of them all. `book/api.md`
shows the tables of all pages. On the other pages `nn.Dense` becomes a link to its description, in
the text and in code. Left out is what belongs to exercises and grading: the answers.
"""

import builtins
import importlib
import inspect
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util.nodes import make_refnode

import nncourse

FRONT = "book/api"
LISTED = re.compile(r"^```\{modules\}\n(.*?)^```$", re.M | re.S)
SECTION = """
## {short}

```{{eval-rst}}
.. automodule:: nncourse.{name}
   :members:
```
"""
NAME = r'<span class="n">{}</span>'  # as Pygments writes a name, and a dot
DOT = r'<span class="o">\.</span>'
PART = DOT + NAME.format(r"(\w+)")
NAMED_IN_CODE = re.compile(NAME.format("nn") + PART + f"(?:{PART})?")


def listed(page):
    """Return the modules that a page lists, without the name of the package."""
    return LISTED.search(page)[1].split()


def short(name):
    """Return a module's name without its folder, which is that of the page."""
    return name.rpartition(".")[2]


def table(names):
    """Return the modules as a table, each with the first line of what it says of itself."""
    rows = ["| module | what it is about |", "|---|---|"]
    for name in names:
        about = inspect.getdoc(importlib.import_module(f"nncourse.{name}")).split("\n")[0]
        about = re.sub(r":(\w+):`", r"{py:\1}`", about)  # roles, as Markdown writes them
        rows.append(f"| {{py:mod}}`{short(name)} <nncourse.{name}>` | {about} |")
    return "\n".join(rows)


def write_sections(app, docname, source):
    """Fill in the tables and the sections while a page is read."""
    if docname == FRONT:
        for page in app.config.external_site_map[FRONT].child_files():
            path = Path(app.env.doc2path(page))
            app.env.note_dependency(str(path))
            text = path.read_text(encoding="utf-8")
            source[0] += f"\n#{LISTED.sub('', text)}\n{table(listed(text))}\n"
    elif docname.startswith(f"{FRONT}/"):
        names = listed(source[0])
        sections = "".join(SECTION.format(name=name, short=short(name)) for name in names)
        source[0] = LISTED.sub(lambda _: table(names) + "\n" + sections, source[0])


def skip_borrowed(app, what, name, thing, skip, options):
    """Leave out what a module or a class has from elsewhere: it is described there."""
    if what == "module":
        here = app.env.temp_data.get("autodoc:module")
        return True if getattr(thing, "__module__", here) != here else None
    return True if what == "class" and "." not in getattr(thing, "__qualname__", ".") else None


def described(path, objects, thing=nncourse):
    """Return the name under which the page describes `thing.path`, or None."""
    for part in path.split("."):
        thing = getattr(thing, part, None)
    if inspect.ismodule(thing):
        name = thing.__name__
    else:
        name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
    return objects.get(name)


def resolve(app, env, node, text):
    """Find what a docstring names as its own module does; other libraries' names stay text."""
    if node.get("refdomain") != "py":
        return None
    objects, target = env.domains["py"].objects, node["reftarget"]
    for place in (sys.modules.get(node.get("py:module"), nncourse), nncourse):
        if entry := described(target, objects, place):
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, text)
    foreign = not isinstance(text, nodes.literal) or hasattr(builtins, target)
    return text if foreign else None


def link_text(app, doctree, docname):
    """Turn each `nn.…` in the text that is described into a link."""
    objects = app.env.domains["py"].objects
    for literal in list(doctree.findall(nodes.literal)):
        named = re.fullmatch(r"nn\.([\w.]+?)(?:\(\))?", literal.astext())
        if named and not isinstance(literal.parent, nodes.reference):
            if entry := described(named[1], objects):
                link = make_refnode(
                    app.builder, docname, entry.docname, entry.node_id, literal.deepcopy()
                )
                literal.replace_self(link)


def link_code(app, pagename, template, context, doctree):
    """Turn each `nn.…` in highlighted code that is described into a link."""
    objects = app.env.domains["py"].objects

    def link(found):
        path = ".".join(filter(None, found.groups()))
        if entry := described(path, objects) or described(found[1], objects):
            address = f"{app.builder.get_relative_uri(pagename, entry.docname)}#{entry.node_id}"
            return f'<a class="to-api" href="{address}">{found[0]}</a>'
        return found[0]

    if doctree is not None and not pagename.startswith(FRONT):
        context["body"] = NAMED_IN_CODE.sub(link, context["body"])


def setup(app):
    """Connect to Sphinx."""
    app.connect("source-read", write_sections)
    app.connect("autodoc-skip-member", skip_borrowed)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", link_text)
    app.connect("html-page-context", link_code)
    return {"version": "1", "parallel_read_safe": True}
