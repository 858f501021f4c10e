"""Figures that keep their place while they load, and load when they are needed.

Each picture gets width and height, so that the text below it does not jump, and all but the first
of a page wait until the reader comes near. Figures hold twice as many pixels as they are wide, for
sharp screens; they say so by their resolution.
"""

import re
from pathlib import Path

from docutils import nodes
from PIL import Image

PICTURE = re.compile(r'<img (?![^>]*\bwidth=)([^>]*\bsrc="[^"]*_images/([^"]+\.(?:png|svg))")')


def size(path):
    """Return the width and height that a picture is to have on a page."""
    if path.suffix == ".svg":
        head = path.read_text(encoding="utf-8")[:2000]
        width, height = map(float, re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', head).groups())
        shown = (
            float(match[1]) if (match := re.search(r'<svg[^>]*\bwidth="([\d.]+)', head)) else width
        )
        return [round(shown), round(shown * height / width)]
    with Image.open(path) as image:
        sharp = image.info.get("dpi", (0,))[0] > 200
        return [length // (1 + sharp) for length in image.size]


def drop_fixed_sizes(app, doctree, docname):
    """Forget the size that a notebook notes for a sharp figure: on a phone it must shrink."""
    for image in doctree.findall(nodes.image):
        if image["uri"].endswith(".png"):
            for length in ("width", "height"):
                image.attributes.pop(length, None)


def reserve_places(app, pagename, template, context, doctree):
    """Write the sizes into the finished HTML."""
    sources = {name: source for source, name in getattr(app.builder, "images", {}).items()}
    seen = []

    def sized(found):
        width, height = size(Path(app.srcdir) / sources[found[2]])
        lazy = 'loading="lazy" decoding="async" ' * bool(seen)
        seen.append(found[2])
        return f'<img width="{width}" height="{height}" {lazy}{found[1]}'

    if doctree is not None:
        context["body"] = PICTURE.sub(sized, context["body"])


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-resolved", drop_fixed_sizes)
    app.connect("html-page-context", reserve_places)
    return {"version": "1", "parallel_read_safe": True}
