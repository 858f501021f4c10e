"""Write files that nobody can misuse: whole or not at all, no formulas, no foreign markup."""

import csv
import html
import io
import os
import re
import string
import unicodedata
from pathlib import Path

from .files import visible

__all__ = ["as_csv", "inert", "page", "points", "table", "write"]

PIECE = re.compile(r"(^|[;,|])(\s*)(?=(.?))")  # other programs end a cell at other signs
PAGE = Path(__file__).with_name("page.html")  # $title, $body, $width


def write(path, content):
    """Write a file whole or not at all; text or bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def inert(text):
    """Return a text for a cell of a table, so that no spreadsheet takes it for a formula.

    Programs that end a cell at a semicolon must not find one behind it, either; full-width and
    other forms of the signs count as the signs.

    Examples
    --------
    >>> inert("=1+1"), inert(" ＝SUM(A1)"), inert("a;@x"), inert("Ada"), inert("-")
    ("'=1+1", "' ＝SUM(A1)", "a;'@x", 'Ada', '-')
    """
    text = visible(text)

    def guarded(match):
        sign = unicodedata.normalize("NFKC", match[3])[:1]
        return f"{match[1]}'{match[2]}" if sign and sign in "=+-@|%" else match[0]

    return text if text == "-" else PIECE.sub(guarded, text)


def as_csv(rows):
    """Return rows as CSV; texts must be inert by now."""
    csv.writer(out := io.StringIO()).writerows(rows)
    return out.getvalue()


def points(number):
    """Return a number of points as text, no digit more than needed.

    Examples
    --------
    >>> points(2.0), points(1.75), points(2 / 3)
    ('2', '1.75', '0.67')
    """
    return f"{number:.2f}".rstrip("0").rstrip(".")


def table(head, rows):
    """Return an HTML table."""
    lines = [("th", head), *(("td", row) for row in rows)]
    cells = ["".join(f"<{t}>{html.escape(visible(c))}</{t}>" for c in row) for t, row in lines]
    return "<table>\n" + "\n".join(f"<tr>{row}</tr>" for row in cells) + "\n</table>"


def page(title, body, width="46rem"):
    """Return a page that needs no other file and runs nothing."""
    page = string.Template(PAGE.read_text(encoding="utf-8"))
    return page.substitute(title=html.escape(visible(title)), body=body, width=width)
