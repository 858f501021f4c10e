"""Text first: a page is light, and its scripts are fetched and run when it has been painted.

Each script that a page loads, each element of it and each change to its root costs a slow phone
time in which nothing can be touched. So the pieces of code that look like plain text are no
elements of their own, the colors are chosen before anything is painted, nobody measures what is
folded away, and the scripts come last (the lines that fetch them are in _templates/layout.html).
"""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

AT_ONCE = "documentation_options.js"  # a line in the page itself writes to it
TABS = "design-tabs.js"
SEARCH = "search"  # there, scripts further down use these while the page is read

SCRIPT = re.compile(r'<script\b(?=[^>]* (?:defer\b|type="(module)"))[^>]*\b(src="[^"]+")[^>]*>')
PRELOADED = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
PLAIN = re.compile(r'<span class="[nopw]">([^<]*)</span>')  # names, operators, punctuation, blanks
STORED = 'localStorage.getItem("theme") || "auto"'
CHOSEN = """\
["light", "dark"].find(mode => mode === document.documentElement.dataset.mode)
      ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")"""
THEME = "_static/scripts/pydata-sphinx-theme.js"
MEASURED = "e.tabIndex=e.scrollWidth>e.clientWidth||e.scrollHeight>e.clientHeight?0:-1"
UNFOLDED = f'e.closest("details:not([open])")||({MEASURED})'


def defer_scripts(app, pagename, template, context, doctree):
    """Mark the scripts that can wait; they keep their order."""
    tabs = "sd-tab-set" in context.get("body", "")
    context["script_files"] = [
        script for script in context["script_files"] if tabs or TABS not in (script.filename or "")
    ]
    for script in context["script_files"]:
        if script.filename and AT_ONCE not in script.filename:
            script.attributes.pop("defer", None)
            if pagename != SEARCH:
                script.attributes["defer"] = "defer"


def replaced(path, old, new):
    """Return the text of a file of the theme with one passage replaced."""
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ExtensionError(f"{path.name}: expected once, found {text.count(old)} times: {old}")
    return text.replace(old, new)


def late(script):
    """Return a script's element as one that waits for the lines in _templates/layout.html."""
    kind = ' data-type="module"' if script[1] else ""
    return f'<script type="late"{kind} {script[2]}>'


def lighten(app, error):
    """Take from each page what delays it."""
    if error is not None or app.builder.name != "html":
        return
    top = Path(app.outdir)
    script = top / THEME
    script.write_text(replaced(script, MEASURED, UNFOLDED), encoding="utf-8")
    for page in top.glob("**/*.html"):
        if top / "_static" in page.parents or STORED not in page.read_text(encoding="utf-8"):
            continue
        text = PLAIN.sub(r"\1", replaced(page, STORED, CHOSEN))
        if page.stem != SEARCH:
            text = SCRIPT.sub(late, PRELOADED.sub("", text))
        page.write_text(text, encoding="utf-8")


def setup(app):
    """Connect to Sphinx, after the extensions that add scripts to single pages."""
    app.connect("html-page-context", defer_scripts, priority=900)
    app.connect("build-finished", lighten, priority=900)
    return {"version": "1", "parallel_read_safe": True}
