"""Read the displayed equations out of the book's pages."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

BOOK = Path(__file__).parents[2] / "book"
CODE = ("code-cell", "code-block", "code", "literalinclude", "mermaid", "raw", "bibliography")
DISPLAYED = re.compile(r"(?<!\\)\$\$(.+?)(?<!\\)\$\$(?:[ \t]*\(([^()\s]+)\))?", re.S)
OTHER = re.compile(r"\\\[|\\begin\{(?:equation|align|gather|multline|eqnarray)\*?\}|\{math\}")


@dataclass(frozen=True)
class Equation:
    """A displayed equation: the page it stands on, its label (or None) and its LaTeX."""

    page: str
    label: str | None
    latex: str


def pages(book=BOOK):
    """Return {page: its markdown}, notebooks and Markdown files alike."""
    found = {}
    for path in sorted(book.rglob("*")):
        inside = path.relative_to(book)
        if any(part.startswith((".", "_")) for part in inside.parts):
            continue
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
            found[inside.with_suffix("").as_posix()] = "\n\n".join(texts)
        elif path.suffix == ".md":
            found[inside.with_suffix("").as_posix()] = path.read_text(encoding="utf-8")
    return found


def equations(book=BOOK):
    """Return every displayed equation of the book."""
    return [equation for page, text in pages(book).items() for equation in read(page, text)]


def read(page, text):
    """Return the displayed equations of one page."""
    prose = without_code(text)
    found = [
        Equation(page, label or None, re.sub(r"(?m)^\s*>", "", latex))
        for latex, label in DISPLAYED.findall(prose)
    ]
    others = OTHER.findall(DISPLAYED.sub("", prose))
    return found + [Equation(page, None, other) for other in others]


def without_code(text):
    """Drop fenced code and code spans, but keep what directives such as {note} enclose."""
    lines, open_fences = [], []
    for line in text.splitlines():
        mark = re.match(r"\s*(`{3,}|~{3,})\s*(\{[\w:-]+\})?", line)
        in_code = any(is_code for _, is_code in open_fences)
        if mark and open_fences and line.strip().startswith(open_fences[-1][0]) and not mark[2]:
            open_fences.pop()
        elif mark and not in_code:
            directive = mark[2] or ""
            open_fences.append((mark[1], directive[1:-1] in ("", *CODE)))
            lines.append(directive)
        elif not in_code:
            lines.append(line)
    return re.sub(r"(?<!`)(`+)(?!`)(?:(?!\n\n)[^`])+?\1(?!`)", "", "\n".join(lines))
