"""Read a notebook that a stranger wrote, as data and within limits: nothing in it is run."""

import json
import re
from typing import NamedTuple

from ..exercises.tasks import parsed
from .files import FileError

__all__ = ["Notebook", "amounts", "as_notebook", "as_python", "code_cells", "printed", "read_cells"]

MAXIMUM_CELLS, MAXIMUM_CODE, MAXIMUM_TEXTS, MAXIMUM_PARTS = 1000, 3_000_000, 1_000_000, 400_000
FULL, DEFINITIONS, SKIPPED = range(3)  # how much of a cell is run
TITLED = re.compile(r"\A# @title .*\n")  # the first line of a cell that is folded where it is run
SCRIPT_CELL = re.compile(r"^# (?:%%|In\[[ \d]*\]:|<codecell>).*$", re.MULTILINE)

LONGEST = 50_000  # characters that are worth the trouble: no student types more
TIMED = re.compile(r"\s*%%(?:time|capture|prun)\b[^\n]*")  # their bodies are ordinary cells
TIMED_LINE = re.compile(r"(^[ \t]*|=[ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)  # and so is a line
# What is not plain Python: an escape or a prompt at the start of a line, or after "=", a question
# mark at the end, a first line that is indented.
SPECIAL = re.compile(
    r"^[ \t]*(?:[%!?,;/]|>>>|In ?\[|\.\.\. )|=[ \t]*[%!]|\?[ \t]*$|\A\s*^[ \t]+\S", re.MULTILINE
)


class Notebook(NamedTuple):
    """A notebook that was handed in: its code cells; whether it is called late, or its time."""

    name: str
    cells: list
    late: bool | str = False


def code_cells(data, name):
    """Return the sources of the code cells of a notebook, or of a Python script.

    Raises
    ------
    FileError
        If the bytes are not a notebook, or one beyond the limits.
    """
    code = [source for kind, source in read_cells(data, name) if kind == "code"]
    if len(code) > MAXIMUM_CELLS:
        raise FileError(f"it has {len(code):,} code cells; {MAXIMUM_CELLS:,} are allowed")
    if sum(map(len, code)) > MAXIMUM_CODE:
        raise FileError(f"its code has more than {MAXIMUM_CODE:,} characters")
    return [source for source in code if source.strip()]


def read_cells(data, name):
    r"""Return pairs (kind, source) of all cells.

    Examples
    --------
    >>> read_cells(b"x = 1\n# %%\ny = 2", "work.py")
    [('code', 'x = 1\n'), ('code', '\ny = 2')]
    """
    if name.lower().endswith(".py"):
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        return [("code", source) for source in SCRIPT_CELL.split(text)]
    if data.count(b'"') > 2 * MAXIMUM_TEXTS or sum(map(data.count, b"[{")) > MAXIMUM_PARTS:
        raise FileError("it is not a notebook: it has too many parts")
    try:
        # No number in a notebook matters here; their lengths cost no memory.
        notebook = json.loads(data, parse_int=len, parse_float=len)
    except (ValueError, RecursionError) as error:
        raise FileError(f"it is not a notebook: {str(error)[:80]}") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # format 3
        sheets = notebook.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        cells = [s["cells"] for s in sheets if isinstance(s, dict) and "cells" in s]
        cells = cells[0] if cells else None
    if not isinstance(cells, list):
        raise FileError("it is not a notebook: it has no list of cells")
    return [(_text(c.get("cell_type")), _source(c)) for c in cells if isinstance(c, dict)]


def as_notebook(cells):
    """Return pairs (kind, source) as the text of a notebook; what is not code is Markdown."""
    made = []
    for i, (kind, source) in enumerate(cells):
        cell = {"cell_type": "markdown", "id": f"cell-{i}", "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"cell_type": "code", "execution_count": None, "outputs": []}
        made.append(cell)
    kernel = {"kernelspec": {"display_name": "Python 3", "name": "python3"}}
    whole = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _source(cell):
    lines = cell.get("source", cell.get("input"))
    return "".join(map(_text, lines)) if isinstance(lines, list) else _text(lines)


def _text(value):
    return value if isinstance(value, str) else ""


def printed(book):
    """Return how much to run of each code cell of the book, if a student hands it in as it is.

    The book's own experiments may take minutes: their definitions are enough. Its solutions are
    nobody's answers, and are not run at all.
    """
    amount = {}
    for path in book.glob("[0-9]*.ipynb"):
        for cell in parsed(path).cells:
            solution = "solution" in cell.metadata.get("tags", [])
            amount[cell.source.strip()] = SKIPPED if solution else DEFINITIONS
    return amount


def amounts(cells, known):
    """Return how much to run of each cell; ``known`` is what :func:`printed` returns."""
    return [known.get(TITLED.sub("", source).strip(), FULL) for source in cells]


def as_python(source):
    r"""Return the source of a cell as plain Python, by IPython's own rules; or as it is.

    Nothing is executed. Magics become calls of ``get_ipython()``, which the sandbox answers with a
    stand-in (:mod:`.standins`); pasted prompts and a common indentation vanish.

    Examples
    --------
    >>> as_python("%matplotlib inline\nx = 1")
    "get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1\n"
    >>> as_python("%%time\n>>> x = 1")
    'x = 1\n'
    """
    if len(source) > LONGEST or not SPECIAL.search(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    if timed := TIMED.match(source):
        return as_python(source[timed.end() :])
    try:
        return TransformerManager().transform_cell(TIMED_LINE.sub(r"\1", source))
    except Exception:
        return source
