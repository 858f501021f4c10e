"""The runner's edition: the same program, in text that Colab, GitHub and JupyterLab can show."""

import json
import re

import nbformat
import pytest
import run_branch
import runner
import yaml
from book_rules import BOOK, Chapter
from markdown_it import MarkdownIt
from plain_rules import broken

ROOT = BOOK.parent
NAMES = run_branch.names(ROOT)
each_notebook = pytest.mark.parametrize("name", NAMES)
KNOWN = runner.Book()


def made_of(book, name):
    return nbformat.reads(json.dumps(book.notebook(name)), as_version=4)


MADE = {name: made_of(KNOWN, name) for name in NAMES}


def texts(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


# The same program -----------------------------------------------------------------------------


@each_notebook
def test_code_and_outputs_are_those_of_the_chapter(name):
    """But for one line: the title that a folded cell shows."""
    theirs = Chapter.read(BOOK / f"{name}.ipynb").notebook
    theirs = [cell for cell in theirs.cells if cell.cell_type == "code"]
    mine = [cell for cell in MADE[name].cells if cell.cell_type == "code"]
    assert len(mine) == len(theirs)
    for new, old in zip(mine, theirs, strict=True):
        title = runner.TITLE if new.metadata.get("cellView") == "form" else ""
        assert new.source.startswith(title)
        assert new.source.split("\n", 1)[bool(title) :] == [old.source] or new.source == old.source
        assert new.outputs == old.outputs and new.id == old.id
        strict = [tag for tag in old.metadata.get("tags", []) if tag.startswith(("nbval", "rais"))]
        assert sorted(strict) == new.metadata.get("tags", [])


@each_notebook
def test_what_the_page_folds_is_folded(name):
    theirs = [
        c for c in Chapter.read(BOOK / f"{name}.ipynb").notebook.cells if c.cell_type == "code"
    ]
    mine = [cell for cell in MADE[name].cells if cell.cell_type == "code"]
    for new, old in zip(mine, theirs, strict=True):
        tags = set(old.metadata.get("tags", []))
        shown = old.metadata.get("mystnb", {}).get("code_prompt_show", "")
        if tags & {"hide-input", "remove-cell", "solution"}:
            assert new.metadata.jupyter.source_hidden and new.metadata.cellView == "form"
            assert shown in new.source.splitlines()[0]
        if "solution" in tags:
            assert new.metadata.jupyter.outputs_hidden
        if not tags:
            assert (
                not new.metadata.get("jupyter", {}).get("source_hidden") or "solution" in new.source
            )


@each_notebook
def test_the_notebook_is_valid_and_says_what_it_is(name):
    nbformat.validate(MADE[name])
    first = MADE[name].cells[0].source
    title = Chapter.read(BOOK / f"{name}.ipynb").notebook.cells[0].source.splitlines()[0]
    assert first.startswith(f"{title}\n")
    for words in (f"{KNOWN.site}book/{name}.html", "cmd or PowerShell", "zsh", "jupyterlab book"):
        assert words in first
    rest = "\n".join(cell.source for cell in MADE[name].cells[1:])
    asked_for = {*re.findall(r"nncourse\[(\w+)\]", rest)}
    asked_for |= {*re.findall(r"^ *(?:import|from) (tensorflow)", rest, re.M)}
    ways = re.findall(r'-e "\.\[([\w,]+)\]"', first)
    assert ways and all(asked_for <= {*installed.split(",")} for installed in ways)
    needs_gpu = name == "09_mnist_tensorflow"
    assert ("T4 GPU" in first) == needs_gpu == ("accelerator" in MADE[name].metadata)
    cost = (
        Chapter.read(BOOK / f"{name}.ipynb").section("Run time and memory")
        if name[0] != "m"
        else ""
    )
    assert [number for number in re.findall(r"\*\*(\d+) ", cost)[:2] if number not in first] == []


# Its text -------------------------------------------------------------------------------------


@each_notebook
def test_the_text_is_plain(name):
    assert [each for text in texts(MADE[name]) for each in broken(text)] == []


@each_notebook
def test_details_close_and_formulas_keep_their_numbers(name):
    text = "\n\n".join(texts(MADE[name]))
    for tag in ("details", "summary", "b", "i", "code", "sup"):
        assert text.count(f"<{tag}>") == text.count(f"</{tag}>")
    numbers = re.findall(r"\\tag\{(?:\d+\.)?(\d+)\}", text)
    first = int(numbers[0]) if name == "mathematics" else 1  # appendices are numbered as one
    assert [*map(int, numbers)] == [*range(first, first + len(numbers))]
    for each in texts(MADE[name]):
        for token in MarkdownIt("commonmark", {"html": True}).parse(each):
            if token.type == "html_block":
                assert re.fullmatch(
                    r"(<details>\n<summary>.*</summary>|</details>)\n?", token.content
                )


def converted(markdown, page="04_backpropagation"):
    return KNOWN.writer(page, "04_backpropagation.ipynb, cell 7").markdown(markdown)


def test_references_have_numbers_titles_and_addresses():
    book = f"{KNOWN.site}book/"
    assert converted("by {eq}`eq-chain-rule`") == "by (4.2)"
    there = converted("by {eq}`eq-chain-rule`", "05_gradient_descent")
    assert there == f"by [(4.2)]({book}04_backpropagation.html#equation-eq-chain-rule)"
    assert converted("{doc}`notation`") == f"[Notation]({book}notation.html)"
    assert converted("{doc}`the\nlist <notation>`") == f"[the list]({book}notation.html)"
    assert converted("[x](bug_clinic.md)") == f"[x]({book}bug_clinic.html)"
    assert converted("{cite:t}`squire1998`").startswith("[Squire and Trapp (1998)](")
    both = re.sub(r"\(http[^)]*\)", "", converted("{cite:p}`squire1998,martins2003`"))
    assert both == "([Squire and Trapp, 1998]; [Martins et al., 2003])"
    assert (
        converted("*logits* and *logits*")
        == f"*[logits]({book}glossary.html#term-logit)* and *logits*"
    )


@each_notebook
def test_what_only_the_sources_have_is_linked_there(name):
    """The branch *run* has neither the Makefile nor the tools of the book."""
    for text in texts(MADE[name]):
        for found in re.finditer(r"(.)`(make \w+|book/tools/[^`]*)`(\S*)", text):
            before, what, after = found.groups()
            assert before == "[" and after.startswith(f"]({KNOWN.url}"), what
            if "/" in what:
                assert (ROOT / what).is_file() and f"/blob/{KNOWN.branch}/{what})" in after


def test_boxes_exercises_and_solutions():
    box = ":::{admonition} Predict\n:class: tip\nIs $a\n= b$?\n\n$$ x $$ (eq-chain-rule)\n:::"
    assert converted(box) == "> **Predict**\n>\n> Is $a = b$?\n>\n> $$ x $$".replace(
        "$$ x $$", KNOWN.equation("eq-chain-rule")
    )
    answer = "1. One\n\n   ```{admonition} Why `a` < *b*?\n   :class: dropdown\n   So.\n   ```"
    assert "<summary><b>Why <code>a</code> &lt; <i>b</i>?</b></summary>\n\nSo." in re.sub(
        r"\n +", "\n", converted(answer)
    )
    exercise = "```{exercise} ★ Try\n:label: ex-softmax\n\nDo it.\n```\n\n"
    exercise += "```{solution} ex-softmax\nDone.\n```"
    made = converted(exercise)
    assert re.match(r"### Exercise 4\.\d+: ★ Try\n\nDo it\.\n\n<details>\n<summary><b>Show a", made)
    assert converted("```python\n{eq}`x` :::\n```") == "```python\n{eq}`x` :::\n```"
    assert converted("`{eq}` is a role") == "`{eq}` is a role"


def test_a_prediction_hides_its_answer():
    writer = KNOWN.writer("04_backpropagation")
    writer.markdown(":::{admonition} Predict\n:class: tip\n4 or 5?\n:::\n\nRun it:")
    writer.code("print(5)", {})
    made = writer.markdown("Five, for\n\n$$ 5 $$\n\nis five.\n\nMore.")
    hidden = (
        "<details>\n<summary><b>Compare with your prediction</b></summary>\n\nFive, for\n\n$$ 5 $$"
    )
    assert made == f"{hidden}\n\nis five.\n\n</details>\n\nMore."
    assert writer.markdown("Next.") == "Next."
    for _ in range(2):
        question = writer.markdown(":::{admonition} Predict\n4 or 5?\n:::")
        assert question == "> **Predict**\n>\n> 4 or 5?"
        writer.code("print(5)", {})
    assert writer.markdown("## A new section\n\nText.") == "## A new section\n\nText."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("see {nonsense}`x`", "the role {nonsense} is not known: {nonsense}`x`"),
        (":::{video} a.mp4\n:::", "the directive {video} is not known: a.mp4"),
        ("{eq}`eq-nowhere`", "the label 'eq-nowhere' is nowhere"),
        ("{cite:t}`nobody1900`", "the label 'nobody1900' is nowhere"),
        ("$$ a $$ (eq-new)", "the label 'eq-new' is nowhere"),
        ("a {role}``", "cannot convert: a {role}``"),
    ],
)
def test_what_is_not_known_stops_with_file_cell_and_text(text, said):
    with pytest.raises(ValueError, match=re.escape(f"04_backpropagation.ipynb, cell 7: {said}")):
        converted(text)


# The branch -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def branch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run_branch.write(folder)
    return folder


def test_the_branch_has_notebooks_package_and_data(branch):
    assert sorted(path.stem for path in branch.glob("book/*.ipynb")) == sorted(NAMES)
    for name in ("nncourse/__init__.py", "book/data/mnist.npz", "constraints.txt", "postBuild"):
        assert (branch / name).is_file()
    environment = yaml.safe_load((branch / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"][-1]["pip"][0] == "-c constraints.txt"
    readme = (branch / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(book/(\w+)\.ipynb\)", readme) == NAMES
    for name in NAMES:
        text = (branch / "book" / f"{name}.ipynb").read_text(encoding="utf-8")
        assert json.loads(text) == json.loads(json.dumps(KNOWN.notebook(name)))


def test_readme_and_first_page_give_the_same_lines_to_install():
    lines = re.findall(r"^(?:py|\.venv|python3).*$", runner.HOW.read_text(encoding="utf-8"), re.M)
    assert len(lines) == 6
    lines = [line.replace("{extras}", "chapters,tensorflow") for line in lines]
    for path in (ROOT / "README.md", BOOK / "index.md"):
        text = path.read_text(encoding="utf-8")
        assert [line for line in lines if line not in text] == [], path
        assert f"{KNOWN.url}/archive/refs/heads/run.zip" in text


def test_a_book_without_solutions_leads_nowhere(tmp_path):
    for name in ("04_backpropagation.ipynb", "01_neurons.ipynb", "notation.md", "references.bib"):
        (tmp_path / "book").mkdir(exist_ok=True)
        (tmp_path / "book" / name).write_bytes((BOOK / name).read_bytes())
    config = (
        (ROOT / "_config.yml")
        .read_text(encoding="utf-8")
        .replace("solutions: false", "solutions: true")
    )
    (tmp_path / "_config.yml").write_text(config, encoding="utf-8")
    told = []
    book = runner.Book(tmp_path / "book", problem=told.append)
    made = made_of(book, "04_backpropagation")
    assert KNOWN.place not in "".join(texts(made)) and "(1.24)" in "".join(texts(made))
    assert all("is nowhere" in each for each in told)
