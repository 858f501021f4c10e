"""All that leads from a page to its notebook leads to the runner's edition: see tools/runner.py.

Colab and Binder open the branch `run`. A download is the converted notebook. A role or directive
that the converter does not know is a warning here, and with it an error of the build.
"""

import json
import sys
from pathlib import Path

from sphinx.util import logging

from nncourse.exercises.tasks import withhold

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
import runner

BRANCH = "run"
logger = logging.getLogger(__name__)


def open_the_branch(app, pagename, template, context, doctree):
    """Let the buttons for Colab and Binder open the branch with the converted notebooks."""
    branch = app.config.html_theme_options.get("repository_branch", "main")
    for button in context.get("header_buttons", ()):
        for one in button.get("buttons", ()) if button.get("label") == "launch-buttons" else ():
            address = one["url"].replace(f"/blob/{branch}/", f"/blob/{BRANCH}/")
            one["url"] = address.replace(f"/{branch}?urlpath=", f"/{BRANCH}?urlpath=")


def convert_downloads(app, error):
    """Put the runner's edition in the place of each notebook that readers can download."""
    if error or app.builder.format != "html":
        return
    book = runner.Book(Path(app.srcdir) / "book", problem=logger.warning)
    for path in sorted(Path(app.outdir, "_sources", "book").glob("*.ipynb")):
        source = json.loads((book.folder / path.name).read_text(encoding="utf-8"))
        if app.config.nncourse_withhold_solutions:
            source = withhold(source)
        runner.save(book.notebook(path.stem, source), path)


def setup(app):
    """Connect to Sphinx, after the theme has made its buttons."""
    app.connect("html-page-context", open_the_branch, priority=900)
    app.connect("build-finished", convert_downloads, priority=900)
    return {"version": "1", "parallel_read_safe": True}
