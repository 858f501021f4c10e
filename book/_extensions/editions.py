"""The other editions, PDF and EPUB: what they need, and links to those that were built.

`make pdf` and `make epub` put them into `_build/editions`; the site carries along what it finds
there. Readers of e-books run no scripts; formulas are MathML there as everywhere (formulas.py).
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import only, start_of_file

import nncourse

PROPERTIES = {"<math": "mathml", "<svg": "svg"}
SUMMARY = re.compile(r'<p( class="(?:collapsed|expanded) admonition-title">.*?)</p>')
BUILT = Path(__file__).resolve().parents[2] / "_build" / "editions"


def configure(app, config):
    """Set what the EPUB must have and a YAML file cannot say."""
    config.version = config.release = nncourse.__version__
    config.epub_cover = ("_static/cover.png", "")
    left_out = ("nncourse.css", "screenshot.png", "stix-two-math.txt", "stix-two-math.woff2")
    config.epub_exclude_files = [f"_static/{name}" for name in left_out]


def prepare(app):
    """Set up the builder: no launch buttons in the EPUB, the editions on the site."""
    if app.builder.name == "epub":
        app.config.html_theme_options = {}
        pack = app.builder.build_epub
        app.builder.build_epub = lambda: (declare_properties(Path(app.outdir)), pack())
    if app.builder.name == "html" and BUILT.is_dir():
        app.config.html_extra_path.append(str(BUILT))


def leave_out_the_front_page(app, doctree, docname):
    """Keep of the front page what holds the chapters: else they would be counted from 5 on."""
    if app.builder.name == "latex" and docname == app.config.root_doc:
        page = doctree.next_node(nodes.section)
        for part in page.children[1:]:
            if part.next_node(start_of_file) is None:
                page.remove(part)


def close_tags(app, doctree, docname):
    """Make pieces of raw HTML the XHTML that an e-book is made of, without scripts."""
    if app.builder.name == "epub":
        for raw in doctree.findall(nodes.raw):
            soup = BeautifulSoup(raw.astext(), "html.parser")
            for left_out in soup.select("script, form, .track"):
                left_out.decompose()
            for svg in soup("svg"):  # the parser writes all names in small letters
                svg["viewBox"] = svg.attrs.pop("viewbox")
            raw.children = [nodes.Text(str(soup))]


def drop_repeated_names(app, doctree, docname):
    """Leave out the ids that sphinx-exercise gives to every exercise alike."""
    for section in doctree.findall(nodes.section):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["ids"] = []


def keep_to_xhtml(app, pagename, template, context, doctree):
    """Leave out styles that no e-book holds, and paragraphs where XHTML allows none."""
    if app.builder.name == "epub":
        held = ("_static/epub.css", "_static/pygments.css")
        context["css_files"] = [css for css in context["css_files"] if css.filename in held]
        context["body"] = SUMMARY.sub(r"<span\1</span>", context.get("body", ""))


def declare_properties(folder):
    """Say in an e-book's list of contents which of its pages hold formulas or drawings."""
    content = folder / "content.opf"

    def declared(item):
        page = (folder / item[1]).read_text(encoding="utf-8")
        held = " ".join(name for tag, name in PROPERTIES.items() if tag in page)
        return item[0] + f' properties="{held}"' if held else item[0]

    listed = content.read_text(encoding="utf-8")
    listed = re.sub(r'<item [^>]*href="([^"]+\.xhtml)"', declared, listed)
    content.write_text(listed, encoding="utf-8")


class Editions(Directive):
    """A line of links to the editions that were built; nothing if none was."""

    def run(self):
        """Return the line."""
        line = nodes.paragraph(classes=["editions"])
        for file in sorted(BUILT.glob("nncourse.*")):
            size = file.stat().st_size / 1e6
            name = f"{file.suffix[1:].upper()} ({size:.0f} MB)"
            line += [nodes.Text(" · " if len(line) else "The whole book in one file: ")]
            line += nodes.reference("", name, refuri=f"../{file.name}")
        return [only("", line, expr="html and not epub")] if len(line) else []


def setup(app):
    """Connect to Sphinx."""
    app.add_directive("editions", Editions)
    app.connect("config-inited", configure)
    app.connect("builder-inited", prepare)
    app.connect("doctree-resolved", leave_out_the_front_page)
    app.connect("doctree-resolved", close_tags)
    app.connect("doctree-resolved", drop_repeated_names)
    app.connect("html-page-context", keep_to_xhtml, priority=900)
    return {"version": "1", "parallel_read_safe": True}
