"""Progress: a bar where tqdm can draw one, else nothing."""

import os
import warnings
from contextlib import nullcontext
from importlib.util import find_spec


class NoBar:
    """What stands in for a bar that is not to be seen."""

    def update(self):
        pass

    def set_postfix(self, values):
        pass


def progress_bar(total, show):
    """Return a context manager that is a bar of ``total`` steps; None if nobody knows how many."""
    # The last is tqdm's own switch, which its bar for notebooks does not obey.
    if not show or find_spec("tqdm") is None or os.environ.get("TQDM_DISABLE"):
        return nullcontext(NoBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns where notebook widgets are not installed
        from tqdm.auto import tqdm
    return tqdm(total=total, unit="step")
