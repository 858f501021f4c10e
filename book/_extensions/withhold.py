"""Withhold the answers to the exercises: `nncourse_withhold_solutions: true` in `_config.yml`.

Sphinx is handed notebooks without solutions, so nothing of them can reach a page, the search
index or any other file of the site; running.py makes the downloads without them. Buttons that lead
to the repository, which has them, go, too.
"""

import json

from nncourse.exercises.tasks import withhold

BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")


def remove(app, docname, source):
    """Take the solutions out of a notebook before it is parsed."""
    if app.config.nncourse_withhold_solutions and app.env.doc2path(docname).endswith(".ipynb"):
        source[0] = json.dumps(withhold(json.loads(source[0])))


def leave_out_links(app, config):
    """Remove the buttons that lead to the repository's notebooks."""
    if config.nncourse_withhold_solutions:
        config.html_theme_options |= dict.fromkeys(BUTTONS, False) | {"launch_buttons": {}}


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("nncourse_withhold_solutions", False, "env", bool)
    app.connect("config-inited", leave_out_links)
    app.connect("source-read", remove)
    return {"version": "1", "parallel_read_safe": True}
