"""The exercises of a chapter as its notebook states them, and the notebook without their answers.

Whatever makes a version without solutions (a page, a released notebook, a download) goes through
here, and is made of what is *kept*: statements and stubs. Whatever else stands among the exercises
is left out, whatever it is.
"""

import copy
import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

__all__ = ["Task", "find_book", "graded_names", "parsed", "read", "tasks", "withhold"]

SECTION = re.compile(r"^## (.*)$", re.MULTILINE)
STATEMENT = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{exercise\} *(?P<title>[^\n]*)\n"
    r"(?P<options>(?::[\w-]+:[^\n]*\n)*)\n*(?P<body>.*?)\n?^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
EXPLAIN = "Explain this plot:"
CHECK = re.compile(r'^[\w.]*\bcheck\("(\w+)", (\w+)\)\s*$', re.MULTILINE)


@dataclass
class Task:
    """One exercise as it stands in a chapter; ``name`` is empty if it is not graded.

    ``plot`` is Markdown that shows the figure that it asks to explain, and needs no other file.

    Examples
    --------
    >>> Task("★ Pencil: a sum", "Add 1 and 2.").name
    ''
    """

    title: str
    body: str
    name: str = ""
    stub: str = ""
    solution: str = ""
    plot: str = ""


def find_book():
    """Return the folder of the chapters.

    Raises
    ------
    ValueError
        If the package is installed without the book.

    Examples
    --------
    >>> find_book().name
    'book'
    """
    for root in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (root / "book" / "bootstrap.ipy").exists():
            return root / "book"
    raise ValueError("found no book: run this in a clone of the course's repository")


def read(chapter, book):
    """Return the notebook of a chapter, given by its name.

    Raises
    ------
    ValueError
        If there is no such chapter.

    Examples
    --------
    >>> read("01", find_book())
    Traceback (most recent call last):
    ...
    ValueError: there is no chapter '01'; there are 01_neurons, ...
    """
    path = book / f"{chapter}.ipynb"
    if not re.fullmatch(r"\w+", chapter) or not path.exists():
        known = ", ".join(p.stem for p in sorted(book.glob("[0-9]*.ipynb")))
        raise ValueError(f"there is no chapter {chapter!r}; there are {known}")
    return parsed(path)


def graded_names(path):
    """Return the names of the graded exercises in a notebook, in their order.

    Examples
    --------
    >>> graded_names(find_book() / "01_neurons.ipynb")[:2]
    ['neuron', 'majority']
    """
    return [task.name for task in tasks(parsed(path)) if task.name]


@functools.cache
def parsed(path):
    """Return the cells of a notebook of the book, known to be valid.

    Of each its kind, source and metadata, and the plot that an exercise in it asks to explain:
    that of the next cell, or of the cell that its metadata name.

    Examples
    --------
    >>> parsed(find_book() / "01_neurons.ipynb").cells[0].cell_type
    'markdown'
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    keys = ("cell_type", "source", "metadata")
    found = [SimpleNamespace(**{key: cell[key] for key in keys}) for cell in cells]
    by_id = {cell["id"]: cell for cell in cells}
    for cell, after in zip(found, [*cells[1:], {}], strict=True):
        cell.source, cell.plot = "".join(cell.source), ""
        if EXPLAIN in cell.source:
            drawn = cell.metadata.get("nncourse", {}).get("plot")
            cell.plot = _picture(by_id[drawn] if drawn else after)
    return SimpleNamespace(cells=found)


def _picture(cell):
    """Return a cell's figure as Markdown; "" if it has none."""
    drawn = (one.get("data", {}).get("image/png") for one in cell.get("outputs", ()))
    alt = cell.get("metadata", {}).get("mystnb", {}).get("image", {}).get("alt", "")
    pictures = ("".join(png).replace("\n", "") for png in drawn if png)
    return "\n\n".join(f"![{alt}](data:image/png;base64,{png})" for png in pictures)


def tasks(notebook):
    """Return the exercises of a chapter's notebook in their order.

    Examples
    --------
    >>> any(task.name == "majority" for task in tasks(read("01_neurons", find_book())))
    True
    """
    found, by_name = [], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in STATEMENT.finditer(cell.source):
                task = Task(match["title"].strip(), match["body"].strip())
                task.plot = getattr(cell, "plot", "") if EXPLAIN in task.title else ""
                if named := re.search(r"[Cc]heck name: `(\w+)`", task.body):
                    task.name = named[1]
                    by_name[task.name] = task
                found.append(task)
        for tag in {"exercise", "solution"} & set(cell.metadata.get("tags", [])):
            name = CHECK.search(cell.source)[1]
            setattr(by_name[name], "stub" if tag == "exercise" else tag, cell.source)
    return found


def withhold(notebook):
    """Return a copy of a notebook (a dict as in its file) without answers to its exercises.

    In the section "Exercises" only its first paragraphs, the statements, the stubs and the plots
    that are to be explained are kept.

    Examples
    --------
    >>> cells = [{"cell_type": "markdown", "source": "## Exercises", "metadata": {}}]
    >>> cells += [{"cell_type": "code", "source": "answer = 42", "metadata": {}}]
    >>> len(withhold({"cells": cells})["cells"])
    1
    """
    notebook = copy.deepcopy(notebook)
    kept, inside, plot = [], False, False
    for cell in notebook["cells"]:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            last = source.rpartition("{exercise}")[2]
            plot = EXPLAIN in last and "{solution" not in last
        if cell["cell_type"] == "markdown" and (headings := SECTION.findall(source)):
            inside = headings[-1] == "Exercises"
            kept.append(cell)
            continue
        if not inside:
            kept.append(cell)
        elif cell["cell_type"] == "markdown":
            cell["source"] = "\n\n".join(match[0] for match in STATEMENT.finditer(source))
            kept += [cell] if cell["source"] else []
        elif plot or "exercise" in cell["metadata"].get("tags", []):
            kept.append(cell)
    notebook["cells"] = kept
    return notebook
