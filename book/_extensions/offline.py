"""Keep every page to itself: whatever a page loads comes from the book, never from another host.

MathJax 3.2.2 is taken from the wheel `sphinx-mathjax-offline` (Apache License 2.0) and copied
into the built site only; none of its files is in the repository. Thebe, which Jupyter Book adds
to every page although nothing here uses it, is left out.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

# The bundle, the TeX packages that it loads on demand (\boldsymbol …), its fonts, and what its
# own menu needs to read formulas aloud.
MATHJAX = (
    "tex-mml-chtml.js",
    "input/tex/extensions/*.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/*.js",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)
THEBE = ("init_thebe_core", "update_thebe_context")


def use_own_mathjax(app, config):
    """Point every page at the book's own copy."""
    config.mathjax_path = f"mathjax/{MATHJAX[0]}"


def copy_mathjax(app, error):
    """Copy what the pages need into `_static/mathjax` of the finished site."""
    if error is not None or app.builder.format != "html":
        return
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for pattern in MATHJAX:
        found = sorted(source.glob(pattern))
        if not found:
            raise FileNotFoundError(f"MathJax has no {pattern} below {source}")
        for path in found:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def leave_out_thebe(app):
    """Disconnect the two functions that would write Thebe's scripts into each page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if getattr(one.handler, "__name__", "") not in THEBE
        ]


def setup(app):
    """Connect to Sphinx."""
    leave_out_thebe(app)
    app.connect("config-inited", use_own_mathjax)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True}
