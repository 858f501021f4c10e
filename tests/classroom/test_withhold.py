"""One switch builds the book without the answers to its exercises; not a line of them remains."""

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from classroom.notebooks import (
    BOOK,
    CHAPTERS,
    graded_tasks,
    leaks,
    original,
    repository,
    secret_lines,
)

from nncourse.exercises.tasks import withhold


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_statements_and_stubs_stay_and_solutions_go(chapter):
    whole, kept = original(chapter), withhold(original(chapter))
    assert [c for c in kept["cells"] if c not in whole["cells"] and "```{exercise}" not in
            "".join(c["source"])] == []  # fmt: skip
    tags = [tag for cell in kept["cells"] for tag in cell["metadata"].get("tags", [])]
    text = "\n".join("".join(cell["source"]) for cell in kept["cells"])
    for asked, plot in pairwise(whole["cells"]):
        words = "".join(asked["source"])
        if "Explain this plot:" in words and "{solution" not in words and "outputs" in plot:
            assert plot in kept["cells"], "the plot that is to be explained"
    assert tags.count("exercise") == len(graded_tasks(chapter)) and "solution" not in tags
    assert "{solution" not in text and "SOLUTION" not in text
    end = "\n".join("".join(c["source"]) for c in whole["cells"]).split("\n## Summary\n")[1]
    assert text.split("\n## Summary\n")[1] == end
    for task in graded_tasks(chapter):
        assert task.stub in text and task.body in text
        exercises = text.split("\n## Exercises\n")[1].split("\n## Summary\n")[0]
        assert [line for line in secret_lines(task) if line in exercises] == []


def build(folder, chapter):
    """Build a book of one chapter and what it refers to, with the solutions withheld."""
    (folder / "book").mkdir()
    for name in ("_extensions", "_root", "_templates", "assets", "explorables", "live", "tools"):
        shutil.copytree(BOOK / name, folder / "book" / name)
    for name in (f"{chapter}.ipynb", "notation.md", "references.bib", "references.md"):
        shutil.copy(BOOK / name, folder / "book")
    config = (BOOK.parent / "_config.yml").read_text(encoding="utf-8")
    switch = "nncourse_withhold_solutions: "
    assert config.count(switch + "false") == 1
    config = config.replace(switch + "false", switch + "true")
    (folder / "_config.yml").write_text(config, encoding="utf-8")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/notation\nparts:\n- caption: One\n  chapters:\n"
        f"  - file: book/{chapter}\n  - file: book/references\n"
    )
    program = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run([str(program), "build", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_leaks_into_the_built_site(tmp_path):
    """Chapter 5 has a solution in each form: a cell, a directive, a remark, a hidden cell.

    That the same search finds the solutions where they are not withheld, and the links to the
    repository, is tested on the built book: tests/browser/test_links.py.
    """
    chapter = "05_gradient_descent"
    build(tmp_path, chapter)
    built = [path for path in (tmp_path / "_build").rglob("*") if path.is_file()]
    assert leaks(chapter, built) == set()
    page = (tmp_path / "_build" / "html" / "book" / f"{chapter}.html").read_text("utf-8")
    assert "read_valley" in page
    assert repository() not in page
