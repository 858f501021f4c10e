"""One switch builds the book without the answers to its exercises; not a line of them remains."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from classroom.notebooks import BOOK, CHAPTERS, graded_tasks, secret_lines

from nncourse.classroom.chapters import withhold


def lines(notebook):
    """Return the lines of all cells, sources and outputs."""
    text = json.dumps(notebook, ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"')
    return {line.strip(' ",') for line in text.splitlines()}


def original(chapter):
    return json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_statements_and_stubs_stay_and_solutions_go(chapter):
    whole, kept = original(chapter), withhold(original(chapter))
    assert [c for c in kept["cells"] if c not in whole["cells"] and "```{exercise}" not in
            "".join(c["source"])] == []  # fmt: skip
    tags = [tag for cell in kept["cells"] for tag in cell["metadata"].get("tags", [])]
    text = "\n".join("".join(cell["source"]) for cell in kept["cells"])
    assert tags.count("exercise") == len(graded_tasks(chapter)) and "solution" not in tags
    assert "{solution" not in text and "SOLUTION" not in text
    end = "\n".join("".join(c["source"]) for c in whole["cells"]).split("\n## Summary\n")[1]
    assert text.split("\n## Summary\n")[1] == end
    for task in graded_tasks(chapter):
        assert task.stub in text and task.body in text
        exercises = text.split("\n## Exercises\n")[1].split("\n## Summary\n")[0]
        assert [line for line in secret_lines(task) if line in exercises] == []


@pytest.mark.parametrize("withheld", [True, False])
def test_nothing_leaks_into_the_built_site(tmp_path, withheld):
    """Chapter 5 has a solution in each form: a cell, a directive, a remark, a hidden cell."""
    chapter = "05_gradient_descent"
    (tmp_path / "book").mkdir()
    for name in ("_extensions", "_root", "_templates", "assets"):
        shutil.copytree(BOOK / name, tmp_path / "book" / name)
    for name in (f"{chapter}.ipynb", "notation.md", "references.bib", "references.md"):
        shutil.copy(BOOK / name, tmp_path / "book")
    config = (BOOK.parent / "_config.yml").read_text(encoding="utf-8")
    switch = "nncourse_withhold_solutions: "
    assert config.count(switch + "false") == 1
    (tmp_path / "_config.yml").write_text(
        config.replace(switch + "false", switch + str(withheld).lower()), encoding="utf-8"
    )
    (tmp_path / "_toc.yml").write_text(
        f"format: jb-book\nroot: book/{chapter}\nchapters:\n- file: book/notation\n"
        "- file: book/references\n"
    )
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    secret = lines(original(chapter)) - lines(withhold(original(chapter)))
    secret = [line for line in secret if len(line) > 30]
    assert len(secret) > 30
    leaks = set()
    for path in (tmp_path / "_build").rglob("*"):
        if path.is_file() and path.suffix not in {".png", ".woff", ".woff2", ".ttf"}:
            text = path.read_bytes().decode("utf-8", "replace")
            plain = html.unescape(re.sub(r"<[^>]+>", "", text)).replace('\\"', '"')
            leaks |= {(path.name, line) for line in secret if line in text or line in plain}
    page = (tmp_path / "_build" / "html" / "book" / f"{chapter}.html").read_text("utf-8")
    repository = re.search(r"url: (\S+)", config)[1].removeprefix("https://")
    assert "valley_plan" in page
    assert (f"{repository}/" in page) != withheld
    assert not leaks if withheld else len(leaks) > 30
