"""Notebooks that are handed out: statements, stubs and checks; for nbgrader the solutions, too."""

import functools
import importlib.util
import re

from nbformat import v4

from ..exercises import all_exercises
from ..exercises.tasks import CHECK, find_book, parsed, read, tasks
from .grading import DEFINITIONS, SKIPPED

__all__ = [
    "assembled",
    "nbgrader_notebook",
    "opening",
    "printed",
    "student_notebook",
]

SETUP = "import numpy as np\n\nimport nncourse as nn"
HOW = """# Exercises: {title}

Write your code where the comment stands and run the cell. The check draws new random inputs each
time; when it says ✗, it also says where to look. Keep the names of the functions, and hand in this
file.

{chapter}"""


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


@functools.cache
def converter(book):
    """Return what knows the book and makes plain Markdown of it: book/tools/runner.py."""
    path = find_book() / "tools" / "runner.py"
    spec = importlib.util.spec_from_file_location("runner", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Book(book)


def student_notebook(chapter, book, only=()):
    """Return a notebook with statements, stubs and checks, and with nothing that answers them."""
    notebook = read(chapter, book)
    cells = opening(_title(notebook), chapter, book)
    for task in _chosen(notebook, only):
        cells.append(v4.new_markdown_cell(_statement(task, book)))
        metadata = {"nncourse": {"exercise": task.name}} if task.name else {}
        cells.append(v4.new_code_cell(task.stub, metadata=metadata))
    return assembled(chapter, cells)


def nbgrader_notebook(chapter, book, only=()):
    """Return a source notebook for nbgrader: with solutions, and with a graded cell for each."""
    notebook = read(chapter, book)
    cells = opening(_title(notebook), chapter, book)
    points = {name: exercise.points for name, exercise in all_exercises().items()}
    for task in _chosen(notebook, only):
        cells.append(v4.new_markdown_cell(_statement(task, book)))
        if not task.name:
            cells.append(v4.new_code_cell(""))
            continue
        answer = CHECK.sub("", task.solution).strip()
        test = f'verdict = nn.exercises.check("{task.name}", {task.name})\n'
        test += "assert verdict.passed, verdict"
        for source, about in (
            (answer, _nbgrader(task.name, solution=True)),
            (test, _nbgrader(f"check-{task.name}", grade=True, points=points[task.name])),
        ):
            cells.append(v4.new_code_cell(source, metadata={"nbgrader": about}))
    return assembled(chapter, cells)


def _nbgrader(grade_id, *, solution=False, grade=False, points=None):
    about = {"grade_id": grade_id, "solution": solution, "grade": grade, "locked": grade}
    about |= {"schema_version": 3, "task": False, "cell_type": "code"}
    return about | ({"points": points} if grade else {})


def opening(title, name, book):
    """Return the title, the cell that installs the package on Colab, and the imports."""
    known, chapter = converter(book), ""
    if name in known.titles:
        chapter = f"They belong to the chapter {known.link(known.titles[name], name)}."
    bootstrap = (book / "bootstrap.ipy").read_text(encoding="utf-8").strip()
    bootstrap, metadata = known.writer().code(bootstrap, {})
    return [
        v4.new_markdown_cell(HOW.format(title=title, chapter=chapter).strip()),
        v4.new_code_cell(bootstrap, metadata=metadata),
        v4.new_code_cell(SETUP),
    ]


def assembled(chapter, cells):
    """Return the notebook of a chapter made of cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for number, cell in enumerate(cells):
        cell["id"] = f"{chapter.replace('_', '-')}-{number}"
    return v4.new_notebook(cells=cells, metadata=metadata | {"nncourse": {"chapter": chapter}})


def _title(notebook):
    return re.search(r"^# (.*)$", notebook.cells[0].source, re.MULTILINE)[1]


def _chosen(notebook, only):
    found = tasks(notebook)
    known = [task.name for task in found if task.name]
    if unknown := set(only) - set(known):
        raise ValueError(f"the chapter has no exercise {sorted(unknown)}; it has {known}")
    return [task for task in found if not only or task.name in only]


def _statement(task, book):
    """Return the statement as plain Markdown, the equations that it refers to written out."""
    known = converter(book)
    text = known.writer(where=f"the exercise {task.title!r}").markdown(task.body)
    labels = dict.fromkeys(re.findall(r"\{eq\}`([\w-]+)`", task.body))
    equations = [known.equation(label) for label in labels]
    return "\n\n".join([f"## {task.title}", text, *equations])
