"""What Lighthouse says of the built book: scores, and when a page is there.

Pages are served compressed, from below a path, as GitHub Pages does. Lighthouse (the version of
VERSION, through npm) measures them in the system's Chromium as a middling phone on a slow 4G line,
which it simulates. The figures are reported, never a condition.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from browser.serve import PREFIX, SITE, BelowPrefix

VERSION = "13.5.0"
PAGES = ["book/index.html", "book/04_backpropagation.html", "book/11_attention.html"]
CATEGORIES = ["performance", "accessibility", "best-practices", "seo"]
MOMENTS = {
    "first-contentful-paint": "first paint (s)",
    "largest-contentful-paint": "largest paint (s)",
    "total-blocking-time": "blocked (s)",
    "cumulative-layout-shift": "layout shift",
    "total-byte-weight": "weight (kB)",
}


class Compressed(BelowPrefix):
    """Serve the site as a public server would: text compressed, everything cacheable."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        body, packed = path.read_bytes(), path.suffix not in {".png", ".woff", ".woff2"}
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Cache-Control", "max-age=31536000")
        if packed:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving():
    """Serve the site on a free port; the value is its address."""

    def handler(*args):
        return Compressed(*args, directory=str(SITE))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


def report(url, chromium):
    """Return Lighthouse's report of one page."""
    command = ["npm", "exec", "--yes", f"--package=lighthouse@{VERSION}", "--", "lighthouse", url]
    command += ["--output=json", "--output-path=stdout", "--quiet"]
    command += ["--chrome-flags=--headless=new --no-sandbox"]
    run = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"CHROME_PATH": chromium}
    )
    if run.returncode:
        raise RuntimeError(f"Lighthouse failed on {url}:\n{run.stderr[-2000:]}")
    return json.loads(run.stdout)


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    missing = [name for name, found in {
        "the built book (make html)": (SITE / "index.html").exists(),
        "Chromium (make chromium)": chromium,
        "npm (Node.js 18.16 or newer)": shutil.which("npm"),
    }.items() if not found]  # fmt: skip
    if missing:
        print(f"Lighthouse is left out; it needs {', '.join(missing)}.")
        return
    print(f"\nLighthouse {VERSION}: a middling phone, a slow 4G line (both simulated)\n")
    head = [name.replace("-", " ") for name in CATEGORIES] + list(MOMENTS.values())
    print(f"{'':28}" + "".join(f"{name:>19}" for name in head))
    with serving() as address:
        for page in PAGES:
            found = report(address + page, chromium)
            scores = [f"{100 * found['categories'][name]['score']:.0f}" for name in CATEGORIES]
            for name, label in MOMENTS.items():
                value = found["audits"][name]["numericValue"]
                value /= 1000 if label.endswith(("(s)", "(kB)")) else 1
                scores.append(f"{value:.2f}")
            print(f"{page:28}" + "".join(f"{score:>19}" for score in scores), flush=True)


if __name__ == "__main__":
    main()
