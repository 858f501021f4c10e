"""Notebooks that are handed out: statements, stubs and checks; for nbgrader the solutions, too."""

import functools
import inspect
import re

import numpy as np
from nbformat import v4

from ..exercises import all_exercises
from ..exercises.recorded import record
from ..exercises.tasks import CHECK, find_book, read, tasks
from .own import loaded

__all__ = ["chapter_notebook", "own_notebook"]

SETUP = "import numpy as np\n\nimport nncourse as nn"
COMMENT = '# What check("…") needs here: inputs, results and hints. Grading uses other inputs.\n'
EMBED = "nn.exercises.add(\n    {text}\n)"
HOW = """# Exercises: {title}

Write your code where the comment stands and run the cell. The check draws new random inputs each
time; when it says ✗, it also says where to look. Keep the names of the functions, and hand in this
file.

{chapter}"""


@functools.cache
def converter(book):
    """Return what knows the book and makes plain Markdown of it: book/tools/runner.py."""
    return loaded(find_book() / "tools" / "runner.py").Book(book)


def chapter_notebook(chapter, book, only=(), *, source=False):
    """Return a chapter's exercises as a notebook: statements, stubs and checks, and no answers.

    With ``source`` it is one for nbgrader: with solutions, and with a graded cell for each.
    """
    notebook = read(chapter, book)
    title = re.search(r"^# (.*)$", notebook.cells[0].source, re.MULTILINE)[1]
    cells = _opening(title, chapter, book)
    for task in _chosen(chapter, notebook, only):
        cells.append(v4.new_markdown_cell(_statement(task, book)))
        about = {"nncourse": {"exercise": task.name}} if task.name else {}
        stub = v4.new_code_cell(task.stub, metadata=about)
        cells += _solved(task) if source and task.name else [stub]
    return _assembled(chapter, cells)


def _solved(task):
    """Return the cells that nbgrader needs: the solution, and a check with its points."""
    test = f'verdict = nn.exercises.check("{task.name}", {task.name})\n'
    test += "assert verdict.passed, verdict"
    graded = {"grade": True, "points": all_exercises()[task.name].points}
    return [
        v4.new_code_cell(CHECK.sub("", task.solution).strip(), metadata=_nbgrader(task.name)),
        v4.new_code_cell(test, metadata=_nbgrader(f"check-{task.name}", **graded)),
    ]


def _nbgrader(grade_id, *, grade=False, **points):
    about = {"grade_id": grade_id, "solution": not grade, "grade": grade, "locked": grade}
    return {"nbgrader": about | {"schema_version": 3, "task": False, "cell_type": "code"} | points}


def _opening(title, name, book):
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


def _assembled(chapter, cells):
    """Return the notebook of a chapter made of cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for number, cell in enumerate(cells):
        cell["id"] = f"{chapter.replace('_', '-')}-{number}"
    return v4.new_notebook(cells=cells, metadata=metadata | {"nncourse": {"chapter": chapter}})


def _chosen(chapter, notebook, only):
    found = tasks(notebook)
    known = [task.name for task in found if task.name]
    if unknown := set(only) - set(known):
        raise ValueError(f"{chapter} has no exercise {sorted(unknown)}; it has {known}")
    return [task for task in found if not only or task.name in only]


def _statement(task, book):
    """Return the statement as plain Markdown, the equations that it refers to written out."""
    known = converter(book)
    text = known.writer(where=f"the exercise {task.title!r}").markdown(task.body)
    labels = dict.fromkeys(re.findall(r"\{eq\}`([\w-]+)`", task.body))
    equations = [known.equation(label) for label in labels]
    return "\n\n".join(filter(None, [f"## {task.title}", text, *equations, task.plot]))


def own_notebook(name, module, book, only=()):
    """Return a notebook for students with statement, stub and check of each exercise.

    The check is a recording: inputs, and what the answer and each mistake make of them. No code of
    the instructor's goes along, and grading uses other inputs.
    """
    statements, known = getattr(module, "STATEMENTS", {}), {}
    for exercise in module.EXERCISES:
        known.setdefault(exercise.name.partition(".")[0], []).append(exercise)
    if unknown := (set(only) | set(statements)) - set(known):
        raise ValueError(f"{name} has no exercise {sorted(unknown)}; it has {list(known)}")
    cells = _opening(getattr(module, "TITLE", name), name, book)
    if data := getattr(module, "DATA", {}):
        lines = [_assigned(variable, value) for variable, value in data.items()]
        cells.append(v4.new_code_cell("\n".join(["# Your own data", *lines])))
    for function in only or known:
        arguments = ", ".join(inspect.signature(known[function][0].answer).parameters)
        text = statements.get(function, f"Write a function `{function}({arguments})`.")
        embedded = [EMBED.format(text=_wrapped(record(each))) for each in known[function]]
        stub = f"def {function}({arguments}):\n    ...\n\n"
        stub += "".join(f'\nnn.exercises.check("{e.name}", {function})' for e in known[function])
        cells += [
            v4.new_markdown_cell(f"## {function}\n\n{inspect.cleandoc(text)}"),
            v4.new_code_cell(COMMENT + "\n".join(embedded)),
            v4.new_code_cell(stub, metadata={"nncourse": {"exercise": function}}),
        ]
    return _assembled(name, cells)


def _assigned(name, value):
    """Return the line that gives a student a value of ``DATA``; not every value can be written."""
    text = f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)
    try:
        exec(line := f"{name} = {text}", {"np": np})
    except Exception as error:
        raise ValueError(f"DATA, {name}: a notebook cannot hold {text[:60]} ({error})") from None
    return line


def _wrapped(text, width=90):
    return "\n    ".join(f'"{text[i : i + width]}"' for i in range(0, len(text), width))
