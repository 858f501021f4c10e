"""Figures that keep their place while they load, and load when they are needed.

Each PNG gets its width and height, so that the text below it does not jump, and all but the first
of a page wait until the reader comes near.
"""

import re
import struct
from pathlib import Path

PICTURE = re.compile(r'<img (?![^>]*\bwidth=)([^>]*\bsrc="[^"]*_images/([^"]+\.png)")')


def size(path):
    """Return width and height of a PNG, from the first bytes of the file."""
    with path.open("rb") as file:
        return struct.unpack(">16x2I", file.read(24))


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
    app.connect("html-page-context", reserve_places)
    return {"version": "1", "parallel_read_safe": True}
