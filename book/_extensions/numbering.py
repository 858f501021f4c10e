"""A chapter has the number of its file, in every edition: `09_mnist_tensorflow` is chapter 9.

Sphinx counts the chapters that there are, and so does LaTeX. While one is missing, all later ones
would be off by one: in the table of contents, and with them their equations and exercises.
"""

import re
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.addnodes import start_of_file


def number_of(docname):
    """Return the number that a chapter's file begins with; None if it is no chapter."""
    found = re.match(r"(\d\d)_", PurePosixPath(docname).name)
    return int(found[1]) if found else None


def number_chapters(app, env):
    """Put the file's number in place of what Sphinx has counted, wherever it keeps that."""
    for docname, sections in env.toc_secnumbers.items():
        number = number_of(docname)
        if number is not None:
            in_contents = env.tocs[docname].findall(nodes.reference)
            for place in (env.titles[docname], *in_contents):
                if place.get("secnumber"):
                    place["secnumber"] = [number, *place["secnumber"][1:]]
            for numbers in (sections, *env.toc_fignumbers.get(docname, {}).values()):
                numbers.update({at: (number, *n[1:]) for at, n in numbers.items() if n})
    return []


def count_from_there(app, doctree, docname):
    """Set LaTeX's own counter before each chapter."""
    if app.builder.name == "latex":
        for chapter in list(doctree.findall(start_of_file)):
            number = number_of(chapter["docname"])
            if number is not None:
                counter = rf"\setcounter{{chapter}}{{{number - 1}}}"
                chapter.insert(0, nodes.raw("", counter, format="latex"))


def setup(app):
    """Connect to Sphinx, after it has counted."""
    app.connect("env-get-updated", number_chapters, priority=900)
    app.connect("doctree-resolved", count_from_there)
    return {"version": "1", "parallel_read_safe": True}
