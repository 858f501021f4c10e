"""Explorable figures: small scripts beside the figures of some chapters, on the page alone.

The cell that draws a figure names the explorable one in its metadata: ``{"explorable": "neuron"}``.
The notebook stays a plain notebook, and no other edition shows anything. The scripts are in
``book/explorables``, with all that they say in ``strings.json``. A page without scripts, or on
paper, shows the figure alone.
"""

import hashlib
import html
import json
import re
import shutil
from pathlib import Path

from docutils import nodes

SOURCES = Path(__file__).resolve().parents[1] / "explorables"
# Room that is kept for each, so that nothing moves: height in rem, on a wide page and on a phone.
ROOM = {
    "neuron": (32, 50),
    "logistic": (42, 73),
    "tape": (46, 47),
    "ravine": (36, 54),
    "degree": (34, 56),
    "convolution": (44, 74),
    "lstm": (44, 38),
    "attention": (49, 80),
    "diffusion": (32, 54),
}
BLOCK = """<div class="explorable" id="explore-{name}" data-explorable="{name}"
style="--room:{wide}rem;--narrow-room:{narrow}rem">
<p class="explorable-question"><strong>{tried}:</strong> {question}</p>
<div class="explorable-body"></div></div>"""


def strings():
    """Return everything that the explorable figures say, by figure."""
    return json.loads((SOURCES / "strings.json").read_text(encoding="utf-8"))


def files():
    """Return what the site must hold, by name."""
    found = {path.name: path.read_bytes() for path in sorted(SOURCES.iterdir())}
    table = found.pop("strings.json").decode()
    return found | {"strings.js": f"export default {table}".encode()}


def folder():
    """Return the name of the folder on the site: another one for other contents."""
    contents = b"".join(name.encode() + content for name, content in sorted(files().items()))
    return f"explorables-{hashlib.sha256(contents).hexdigest()[:10]}"


def place(app, doctree, docname):
    """Put each explorable figure behind the cell that names it."""
    if app.builder.name != "html":
        return
    for cell in list(doctree.findall(nodes.container)):
        name = cell.get("cell_metadata", {}).get("explorable")
        if name is None:
            continue
        if name not in ROOM:
            raise ValueError(f"{docname}: there is no explorable figure {name!r}: {sorted(ROOM)}")
        said = strings()
        block = BLOCK.format(
            name=name,
            wide=ROOM[name][0],
            narrow=ROOM[name][1],
            tried=html.escape(said["all"]["try"]),
            question=html.escape(said[name]["question"]),
        )
        cell.parent.insert(cell.parent.index(cell) + 1, nodes.raw("", block, format="html"))


def add_script(app, pagename, template, context, doctree):
    """Give a page with explorable figures its one script."""
    if doctree is not None and re.search(r"data-explorable=", context["body"]):
        source = context["pathto"](f"_static/{folder()}/explorables.js", 1)
        context["body"] += f'<script type="module" src="{source}"></script>'


def copy(app, error):
    """Write the scripts into the finished site."""
    if error is not None or app.builder.name != "html":
        return
    static = Path(app.outdir) / "_static"
    for old in static.glob("explorables-*"):
        shutil.rmtree(old)
    (static / folder()).mkdir()
    for name, content in files().items():
        (static / folder() / name).write_bytes(content)


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-resolved", place)
    app.connect("html-page-context", add_script, priority=950)
    app.connect("build-finished", copy)
    return {"version": "1", "parallel_read_safe": True}
