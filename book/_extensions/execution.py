"""Choose between the committed outputs and a fresh run of every notebook.

Normally the book shows the outputs that are committed. With `NNCOURSE_EXECUTE=1` (`make book`)
each notebook is run. A result is used again only while nothing that it may depend on has
changed: the cache is named after a digest of the package, its data and all pinned versions.

Sphinx would run one notebook after the other. Run as a script, this fills the cache before, two
at a time; Sphinx then runs what is still missing, and shows what failed.
"""

import hashlib
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
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


def cache_path():
    """Return the folder of the cache that fits the present state."""
    return str(ROOT / "_build" / "executed" / digest())


def longest_first(chapters):
    """Return the chapters by the run time that each states, the longest first."""

    def seconds(path):
        stated = re.search(r"\*\*(\d+) s\*\* and \*\*\d+ MB\*\*", path.read_text(encoding="utf-8"))
        return int(stated[1]) if stated else 0

    return sorted(chapters, key=lambda path: (-seconds(path), path.name))


def run(path, cache_at):
    """Run one notebook and, if it comes to its end, keep the result."""
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn
    from jupyter_cache.executors.utils import single_nb_execution

    notebook = nbformat.read(path, as_version=4)
    options = {"timeout": 1800, "allow_errors": False, "extra_arguments": ["--log-level=ERROR"]}
    result = single_nb_execution(notebook, cwd=str(path.parent), **options)
    if result.err is None:
        kept = CacheBundleIn(notebook, str(path), data={"execution_seconds": result.time})
        get_cache(cache_at).cache_notebook_bundle(kept, overwrite=True)
    print(f"{path.stem}: {'failed' if result.err else 'ran'} in {result.time:.0f} s", flush=True)


def run_ahead(processes=2):
    """Run each chapter that is not in the cache, the longest first."""
    from jupyter_cache import get_cache

    cache = get_cache(cache_path())

    def is_missing(path):
        try:
            cache.match_cache_file(str(path))
        except KeyError:
            return True
        return False

    paths = longest_first(ROOT.glob("book/[0-9]*.ipynb"))
    missing = [path for path in paths if is_missing(path)]
    cache.db.dispose()
    print(f"Running {len(missing)} of {len(paths)} chapters, two at a time …", flush=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(run, cache_at=cache_path()), missing))


def choose(app, config):
    """Set myst-nb's execution mode."""
    if os.environ.get("NNCOURSE_EXECUTE") == "1":
        config.nb_execution_mode = "cache"
        config.nb_execution_cache_path = cache_path()
    else:
        config.nb_execution_mode = "off"


def setup(app):
    """Connect to Sphinx."""
    app.connect("config-inited", choose)
    return {"version": "1", "parallel_read_safe": True}


if __name__ == "__main__":
    run_ahead()
