"""Choose between the committed outputs and a fresh run of every notebook.

Normally the book shows the outputs that are committed. With `NNCOURSE_EXECUTE=1` (`make book`)
each notebook is run. A result is used again only while nothing that it may depend on has
changed: the cache is named after a digest of the package, its data and all pinned versions.
"""

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INGREDIENTS = ("constraints.txt", "nncourse/**/*", "book/data/*")


def digest(root=ROOT):
    """Return a short digest of everything that a notebook's outputs may depend on."""
    total = hashlib.sha256(sys.version.encode())
    for pattern in INGREDIENTS:
        for path in sorted(Path(root).glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(str(path.relative_to(root)).encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def choose(app, config):
    """Set myst-nb's execution mode."""
    if os.environ.get("NNCOURSE_EXECUTE") == "1":
        config.nb_execution_mode = "cache"
        config.nb_execution_cache_path = str(ROOT / "_build" / "executed" / digest())
    else:
        config.nb_execution_mode = "off"


def setup(app):
    """Connect to Sphinx."""
    app.connect("config-inited", choose)
    return {"version": "1", "parallel_read_safe": True}
