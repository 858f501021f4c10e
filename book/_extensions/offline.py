"""Keep every page to itself: whatever a page loads comes from the book, never from another host.

Thebe, which Jupyter Book adds to every page although nothing here uses it, is left out.
"""

THEBE = ("init_thebe_core", "update_thebe_context")


def leave_out_thebe(app):
    """Disconnect the two functions that would write Thebe's scripts into each page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if getattr(one.handler, "__name__", "") not in THEBE
        ]


def setup(app):
    """Connect to Sphinx."""
    leave_out_thebe(app)
    return {"version": "1", "parallel_read_safe": True}
