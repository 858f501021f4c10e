"""Cells that run in the page: which chapters, with what, and what the site must hold for them.

A chapter is live if its first cell, and most others, need nothing that a page cannot have, such as
TensorFlow. Its page gets a line below the title, the list of its cells and one script; the site
gets Pyodide, the packages that the live chapters import, and the course's own package. The
notebooks stay as they are. Where Pyodide or CodeMirror cannot be had, the book is built without
live cells, and says so.

What an author can say in a cell's metadata: `{"live": {"smaller": {"epochs=20": "epochs=2"},
"seconds": 60}}`: what to replace so that it takes seconds, and how long it takes as printed.
`{"live": {"lacks": "the weights"}}`: it cannot run in a page, and why. In the metadata of a
notebook, `{"live": false}` leaves out a chapter.
"""

import ast
import hashlib
import html
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import vendor_live
from chapters import chapters, doors
from docutils import nodes
from sphinx.util import logging

import nncourse
from nncourse.exercises.tasks import withhold

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "book" / "live"
PAGE = ("live.js", "kernel.js", "store.js", "map.js", "worker.js", "kernel.py")
FIRST = ("pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
PACKAGES = {
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "PIL": "pillow",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
}
ELSEWHERE = {"IPython", "nncourse", *PACKAGES}
FEW = 0.25  # of a live chapter's cells may need what a browser cannot have
CHECK = re.compile(r'\bcheck\("(\w+)",')
log = logging.getLogger(__name__)


# Chapters -------------------------------------------------------------------------------------


def imported(code):
    """Return the modules that a cell imports in any case; none if it is not plain Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return set()
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def lacking(code):
    """Return a module that a cell imports and no page can have, or nothing."""
    there = sys.stdlib_module_names | ELSEWHERE
    return next(iter(sorted(imported(code) - there)), "")


def smaller(code, replaced):
    """Return a cell's code with an author's replacements, each of which must be found."""
    for old, new in replaced.items():
        if old not in code:
            raise ValueError(f"the smaller version of a live cell replaces {old!r}; no such text")
        code = code.replace(old, new)
    return code


def read_cells(notebook):
    """Return what the page must know of each code cell, in order, and the sources."""
    cells, sources = [], []
    for cell in notebook["cells"]:
        code = "".join(cell["source"]).strip("\n")
        if cell["cell_type"] != "code" or "%pip" in code:
            continue
        tags, told = cell["metadata"].get("tags", ()), cell["metadata"].get("live", {})
        info = {}
        if {"remove-cell", "remove-input"} & set(tags):
            info["hidden"] = code
        if "exercise" in tags and (named := CHECK.search(code)):
            info["exercise"] = named[1]
        for tag in ("check", "solution"):
            if tag in tags:
                info[tag] = True
        if lacks := told.get("lacks") or lacking(code):
            info["lacks"] = lacks
        if "smaller" in told:
            info["smaller"] = smaller(code, told["smaller"])
        if "seconds" in told:
            info["seconds"] = told["seconds"]
        cells.append(info)
        sources.append(code)
    return cells, sources


def live_chapters(withheld=False, names=None):
    """Return the live chapters of the table of contents, or of `names`: their cells and sources."""
    found = {}
    for name in names or chapters():
        notebook = json.loads((ROOT / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))
        if notebook["metadata"].get("live") is False:
            continue
        cells, sources = read_cells(withhold(notebook) if withheld else notebook)
        lacks = sum("lacks" in info for info in cells)
        if cells and "lacks" not in cells[0] and lacks <= FEW * len(cells):
            found[name] = cells, sources
    return found


def packages(sources):
    """Return the packages of Pyodide that some cells import."""
    names = set().union(*map(imported, sources))
    return sorted({"numpy", *(PACKAGES[name] for name in names & set(PACKAGES))})


# The site -------------------------------------------------------------------------------------


def course(path):
    """Write the package as a ZIP file, always the same for the same sources."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        package = Path(nncourse.__file__).parent
        for file in sorted(package.rglob("*")):
            parts = file.relative_to(package.parent).parts
            if file.is_file() and not {"__pycache__", "classroom"} & set(parts):
                info = zipfile.ZipInfo("/".join(parts), (2000, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, file.read_bytes())


def prepare(app):
    """Fetch what live cells need and put the page's side together, before any page is written."""
    app.live = None
    if app.builder.name != "html":
        return
    found = live_chapters(app.config.nncourse_withhold_solutions)
    needed = packages(code for _, sources in found.values() for code in sources)
    try:
        folder, lock = vendor_live.pyodide(needed)
        editor = vendor_live.editor()
    except (vendor_live.Missing, OSError) as error:
        log.info(f"live cells: not built in. {error}")
        return
    made = ROOT / "_build" / "live"
    made.mkdir(parents=True, exist_ok=True)
    for name in PAGE:
        shutil.copyfile(SOURCES / name, made / name)
    shutil.copyfile(editor, made / "editor.js")
    course(made / "course.zip")
    files = {path.name: path.read_bytes() for path in sorted(made.iterdir())}
    mark = hashlib.sha256(b"".join(files.values())).hexdigest()[:10]
    wheels = vendor_live.wanted(lock, needed)
    numpy = lock["packages"]["numpy"]["file_name"]
    sizes = {name: (folder / name).stat().st_size for name in wheels}
    sizes |= {name: len(content) for name, content in files.items()}
    app.live = {"chapters": found, "made": made, "mark": mark, "pyodide": folder, "sizes": sizes,
                "wheels": [*wheels, "pyodide-lock.json"],
                "first": [*FIRST, numpy, "course.zip", "kernel.py"]}  # fmt: skip


INTRO = """<p class="live-intro" id="live-intro">Live: each cell runs here, in your browser.
Press <em>▶ Run</em>, or change the cell first. <span class="live-mine"></span></p>"""


def add_intro(app, doctree, docname):
    """Write the line below the facts of a live chapter."""
    name = docname.removeprefix("book/")
    if app.live and name in app.live["chapters"]:
        for facts in doctree.findall(nodes.paragraph):
            if "chapter-facts" in facts["classes"]:
                place = facts.parent.index(facts) + 1
                facts.parent.insert(place, nodes.raw("", INTRO, format="html"))
                return


def add_script(app, pagename, template, context, doctree):
    """Give a live page its script and the list of its cells; the map its marks."""
    if not app.live or doctree is None:
        return
    folder = context["pathto"](f"_static/live-{app.live['mark']}/", 1)
    name = pagename.removeprefix("book/")
    if found := app.live["chapters"].get(name):
        told = {
            "chapter": name,
            "title": context["title"],
            "cells": found[0],
            "version": vendor_live.VERSION,
            "first": app.live["first"],
            "sizes": app.live["sizes"],
            "colab": dict(doors(app.config, name)).get("Colab", ""),
        }
        text = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
        context["body"] += f'<script type="application/json" id="live-cells">{text}</script>'
        context["body"] += f'<script type="module" src="{folder}live.js"></script>'
    if 'class="live-chapter"' in context["body"]:
        context["body"] += f'<script type="module" src="{folder}map.js"></script>'


def mark_map(app, doctree, docname):
    """Keep a place on the map where a reader's own progress is shown."""
    if not app.live:
        return
    for facts in doctree.findall(nodes.paragraph):
        if "chapter-facts" in facts["classes"] and (name := facts.get("chapter")):
            if found := app.live["chapters"].get(name):
                graded = sum("exercise" in info for info in found[0])
                span = (
                    f'<span class="live-chapter" data-live-chapter="{html.escape(name)}" '
                    f'data-live-exercises="{graded}"></span>'
                )
                facts += nodes.raw("", span, format="html")


def copy(app, error):
    """Copy into the finished site what its live pages load."""
    if error is not None or not getattr(app, "live", None):
        return
    static = Path(app.outdir) / "_static"
    for old in static.glob("live-*"):
        shutil.rmtree(old)
    shutil.copytree(app.live["made"], static / f"live-{app.live['mark']}")
    target = static / f"pyodide-{vendor_live.VERSION}"
    target.mkdir(exist_ok=True)
    for name in app.live["wheels"]:
        shutil.copyfile(app.live["pyodide"] / name, target / name)


def setup(app):
    """Connect to Sphinx, after the line of facts is written."""
    app.connect("builder-inited", prepare)
    app.connect("doctree-resolved", mark_map, priority=600)
    app.connect("doctree-resolved", add_intro, priority=700)
    app.connect("html-page-context", add_script, priority=950)
    app.connect("build-finished", copy)
    return {"version": "1", "parallel_read_safe": True}
