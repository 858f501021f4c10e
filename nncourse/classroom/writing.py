"""Write files that nobody can misuse: whole or not at all, no formulas, no foreign markup."""

import csv
import html
import io
import os
import re
import unicodedata

from .files import visible

__all__ = ["as_csv", "inert", "page", "points", "table", "write"]

PIECE = re.compile(r"(^|[;,|])(\s*)(?=(.?))")  # other programs end a cell at other signs
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --right: #1a7f37; --part: #0072b2; --wrong: #b35900;
  --line: #8884; --soft: #8881 }}
@media (prefers-color-scheme: dark) {{
  :root {{ --right: #57ab5a; --part: #6cb6ff; --wrong: #e0823d }} }}
body {{ font: 1rem/1.55 system-ui, sans-serif; max-width: {width}; margin: 0 auto;
  padding: 1.5rem }}
h1 {{ font-size: 1.6rem; margin: .5rem 0 }}
h2 {{ font-size: 1.15rem; margin: 2rem 0 .6rem }}
.total {{ font-size: 1.3rem; margin: .3rem 0 1.2rem }}
.meter {{ height: .6rem; border-radius: .3rem; background: var(--line); overflow: hidden }}
.meter div {{ height: 100%; background: var(--right) }}
.answer {{ border: 1px solid var(--line); border-left: .35rem solid var(--wrong);
  border-radius: .4rem; padding: .7rem 1rem; margin: .7rem 0; overflow-wrap: anywhere }}
.answer.right {{ border-left-color: var(--right) }}
.answer.part {{ border-left-color: var(--part) }}
.answer p {{ margin: .35rem 0 0 }}
.name {{ font-weight: 600; font-family: ui-monospace, monospace }}
.points {{ float: right; margin-left: 1rem; white-space: nowrap }}
.small {{ font-size: .875rem; opacity: .8 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }}
td {{ vertical-align: top; overflow-wrap: anywhere }}
tr:hover td {{ background: var(--soft) }}
pre {{ font: .8rem/1.4 ui-monospace, monospace; white-space: pre-wrap; margin: 0;
  overflow-wrap: anywhere }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }}
.pair > div {{ border: 1px solid var(--line); border-radius: .4rem; padding: .6rem; min-width: 0 }}
@media (max-width: 40rem) {{ .pair {{ grid-template-columns: 1fr }} }}
mark {{ background: #e69f0055; color: inherit }}
svg {{ width: 100%; height: auto }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


def write(path, content):
    """Write a file whole or not at all; text or bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    if isinstance(content, bytes):
        part.write_bytes(content)
    else:
        part.write_text(content, encoding="utf-8", errors="replace", newline="")
    os.replace(part, path)


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
    return PAGE.format(title=html.escape(visible(title)), body=body, width=width)
