"""Small notebooks for the tests of the classroom."""

import html
import io
import json
import re
import zipfile
from pathlib import Path

from nncourse.exercises.tasks import read as read_chapter
from nncourse.exercises.tasks import tasks, withhold

BOOK = Path(__file__).resolve().parents[2] / "book"
CHAPTERS = [path.stem for path in sorted(BOOK.glob("[0-9]*.ipynb"))]
NEURON = "def neuron(x, w, b):\n    return np.maximum(x @ w + b, 0)\n"
MAJORITY = "def majority(x):\n    return (2 * x.sum(axis=1) > x.shape[1]).astype(int)\n"


def original(chapter):
    """Return a chapter's notebook as it is in the repository."""
    return json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))


def repository():
    """Return the repository's address, with a slash at the end."""
    config = (BOOK.parent / "_config.yml").read_text(encoding="utf-8")
    return re.search(r"url: https://(\S+)", config)[1] + "/"


def leaks(chapter, files):
    """Return what the files hold of the solutions of a chapter: the name of the file, the line."""

    def lines(notebook):
        text = json.dumps(notebook, ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"')
        return {line.strip(' ",') for line in text.splitlines()}

    secret = lines(original(chapter)) - lines(withhold(original(chapter)))
    secret = [line for line in secret if len(line) > 30]
    assert len(secret) > 30
    found = set()
    for path in files:
        if path.suffix not in {".png", ".woff", ".woff2", ".ttf"}:
            text = path.read_bytes().decode("utf-8", "replace")
            plain = html.unescape(re.sub(r"<[^>]+>", "", text)).replace('\\"', '"')
            found |= {(path.name, line) for line in secret if line in text or line in plain}
    return found


def notebook(*cells):
    """Return the text of a notebook with these code cells."""
    cells = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def grade(notebooks, exercises, sandbox, *, seed=0, **limits):
    """Return the results of one submission: of notebooks, or of the cells of a single one."""
    from nncourse.classroom.grading import Job, grade_all  # Linux has what it needs

    if notebooks and isinstance(notebooks[0], str):
        notebooks = [("", notebooks)]
    job = Job("", notebooks, list(exercises), seed)
    ((_, (results,)),) = grade_all([job], lambda _: [exercises], sandbox, **limits)
    return results


class NoSandbox:
    """Stands for the sandbox where results are made up."""

    def __init__(self, **_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def hand_in(folder, files):
    """Write files (from path to text or bytes) and return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def zipped(files):
    """Return the bytes of a ZIP file with these files (from name, or ZipInfo, to text)."""
    with zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def graded_tasks(chapter):
    """Return the graded exercises of a chapter."""
    return [task for task in tasks(read_chapter(chapter, BOOK)) if task.name]


def own_words(task):
    """Return the solution as a student might have written it, without the book's marks."""
    return re.sub(r"^ *### (BEGIN|END) SOLUTION\n", "", task.solution, flags=re.MULTILINE)


def secret_lines(task):
    """Return the lines that only the solution of an exercise has."""
    region = re.search(r"### BEGIN SOLUTION\n(.*?)### END", task.solution, re.S)[1]
    lines = [line.strip() for line in region.splitlines()]
    return [line for line in lines if len(line) > 15 and line not in task.body + task.stub]
