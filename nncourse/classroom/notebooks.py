"""Read a notebook that a stranger wrote, as data and within limits: nothing in it is run."""

import json
import re
from typing import NamedTuple

from .files import FileError

__all__ = ["Notebook", "code_cells", "read_cells"]

MAXIMUM_CELLS, MAXIMUM_CODE, MAXIMUM_TEXTS, MAXIMUM_PARTS = 1000, 3_000_000, 1_000_000, 400_000
SCRIPT_CELL = re.compile(r"^# (?:%%|In\[[ \d]*\]:|<codecell>).*$", re.MULTILINE)


class Notebook(NamedTuple):
    """A notebook that was handed in: its name, and the sources of its code cells."""

    name: str
    cells: list
    late: bool = False


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


def _source(cell):
    lines = cell.get("source", cell.get("input"))
    return "".join(map(_text, lines)) if isinstance(lines, list) else _text(lines)


def _text(value):
    return value if isinstance(value, str) else ""
