"""Text first: scripts are fetched while a page is shown, and run when it is complete.

A script at the head of a page holds up everything below it until it has arrived. None of them is
needed that early, except the options that a line in the page itself writes to.
"""

AT_ONCE = "documentation_options.js"
SEARCH = "search"  # there, scripts further down use these while the page is read


def defer_scripts(app, pagename, template, context, doctree):
    """Mark the scripts that can wait; they keep their order."""
    for script in context["script_files"]:
        if script.filename and AT_ONCE not in script.filename:
            script.attributes.pop("defer", None)
            if pagename != SEARCH:
                script.attributes["defer"] = "defer"


def setup(app):
    """Connect to Sphinx, after the extensions that add scripts to single pages."""
    app.connect("html-page-context", defer_scripts, priority=900)
    return {"version": "1", "parallel_read_safe": True}
