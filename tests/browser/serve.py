"""The built book on this machine's loopback address, and a browser that can reach nothing else.

Run as a script it serves the book to a reader: ``make serve``.
"""

import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PREFIX = "/some/where/"  # books are often served below a path; nothing may depend on the root
PATIENCE = 300_000  # milliseconds for whatever is waited for, on a machine that has other work
ONLY_LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


def pages():
    """Return every page of the built site, as addresses relative to it."""
    return sorted(path.relative_to(SITE).as_posix() for path in SITE.glob("**/*.html")
                  if "_static" not in path.parts)  # fmt: skip


class BelowPrefix(SimpleHTTPRequestHandler):
    """Serve a folder below PREFIX and nothing above it."""

    def translate_path(self, path):
        """Map an address to a file; what is outside PREFIX does not exist."""
        if not path.startswith(PREFIX):
            return str(SITE / "outside the book")
        return super().translate_path("/" + path.removeprefix(PREFIX))

    def log_message(self, *args):
        """Say nothing."""


@contextmanager
def serving():
    """Serve the site on a free port; the value is its address."""
    if not (SITE / "index.html").exists():
        raise FileNotFoundError(f"There is no built book at {SITE}. Run: make html")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(BelowPrefix, directory=SITE)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


@contextmanager
def chromium():
    """Start the system's Chromium, cut off from every host but the loopback address."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        raise FileNotFoundError(
            "The browser test needs Chromium. On Debian: apt-get install chromium"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", ONLY_LOOPBACK]
        )
        for name in ("new_context", "new_page"):
            setattr(browser, name, _patient(getattr(browser, name)))
        yield browser
        browser.close()


def _patient(opening):
    """Let what a browser opens wait longer than Playwright does."""

    def open_it(**options):
        opened = opening(**options)
        opened.set_default_timeout(PATIENCE)
        return opened

    return open_it


def settle(page):
    """Wait until fonts and images have found their places and all scripts have run."""
    page.evaluate("""async () => {
        for (const image of document.images) image.loading = "eager";
        await document.fonts.ready;
        await window.scripted;
    }""")
    page.wait_for_load_state("networkidle")


def serve_forever(port=8000):
    """Serve the book to a reader on `port`, or on a free one if it is taken."""
    handler = partial(SimpleHTTPRequestHandler, directory=SITE)
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with server:
        print(f"The book is at http://127.0.0.1:{server.server_port}/  (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    serve_forever()
