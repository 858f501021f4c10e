"""The structure of the book: its chapters, its table of contents, its first page."""

import re
from collections import Counter
from copy import deepcopy
from xml.etree import ElementTree

import nbformat.v4 as v4
import numpy as np
import pytest
import yaml
from book_rules import BOOK, CLOSING, OPENING, PLAN, RULES, Chapter, labels
from reading_rules import PROMPT, STATED_BOUNDS, TERMS

ROOT = BOOK.parent
CHAPTERS = [Chapter.read(path) for path in sorted(BOOK.glob("[0-9]*.ipynb"))]
NAMES = [chapter.name for chapter in CHAPTERS]


# The book -------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_chapter_keeps_the_rules(chapter):
    offenses = [f"{rule.__name__}: {text}" for rule in RULES for text in rule(chapter)]
    assert not offenses, "\n".join(offenses)


def test_every_stated_bound_is_still_stated():
    for name, bounds in STATED_BOUNDS.items():
        (text,) = ("\n".join(chapter.prose) for chapter in CHAPTERS if chapter.name == name)
        assert [bound for bound in bounds if bound not in text] == [], name


@pytest.mark.parametrize("term", TERMS)
def test_standard_terms_are_introduced_in_bold_and_stand_in_the_glossary(term):
    glossary = (BOOK / "glossary.md").read_text(encoding="utf-8")
    assert re.search(rf"^{term}$", glossary, re.M | re.I), "the glossary"
    (chapter,) = (chapter for chapter in CHAPTERS if chapter.name == TERMS[term])
    bold = rf"\*\*[\w-]*{term.removesuffix('ion').removesuffix('e')}[\w-]*\*\*"
    assert re.search(bold, "\n".join(chapter.prose), re.I), "in bold, where it is introduced"


def test_chapter_10_quotes_what_chapter_9_has_printed():
    attention, sequences = (
        next(chapter for chapter in CHAPTERS if chapter.name == name)
        for name in ("11_attention", "10_recurrent_networks")
    )
    sources = "\n".join(cell.source for cell in attention.notebook.cells)
    outputs = (o for cell in sequences.notebook.cells for o in cell.get("outputs", ()))
    printed = "".join(o.get("text", "") for o in outputs)
    quoted = re.findall(
        r'"([\w-]+)": ([\d.]+)', re.search(r"^before = \{(.*)\}$", sources, re.M).group(1)
    )
    assert len(quoted) >= 2
    for name, bits in quoted:
        found = re.search(rf"^{name}\b\D*?([\d.]+) bits(?: per|, perp)", printed, re.M)
        assert f"{float(found.group(1)):.2f}" == bits, name


def test_labels_of_equations_are_unique_in_the_whole_book():
    pages = [Chapter(p.stem, v4.new_notebook(cells=[v4.new_markdown_cell(p.read_text("utf-8"))]))
             for p in BOOK.glob("*.md")]  # fmt: skip
    counts = Counter(label for page in [*CHAPTERS, *pages] for label in labels(page))
    assert [label for label, count in counts.items() if count > 1] == []


def test_lessons_are_planned_by_sections_that_exist():
    _, *parts = re.split(
        r"^\{doc\}`(\d\d_\w+)`$", (BOOK / "teaching.md").read_text(encoding="utf-8"), flags=re.M
    )
    plans = dict(zip(parts[::2], parts[1::2], strict=True))
    for chapter in CHAPTERS:
        lines = re.findall(r"^\*\*(?:In class|At home).*?\*\* (.+)$", plans[chapter.name], re.M)
        planned = {re.sub(r" \d+\.?$", "", part) for line in lines for part in line.split(" · ")}
        assert planned, chapter.name
        assert planned <= {text for _, text in chapter.headings}, chapter.name


def test_table_of_contents_lists_what_exists_in_the_planned_order():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    for name in [contents["root"], *listed]:
        assert (ROOT / f"{name}.md").exists() or (ROOT / f"{name}.ipynb").exists(), name
    chapters = [name.removeprefix("book/") for name in listed if name[5].isdigit()]
    existing = {path.stem for path in BOOK.glob("[0-9]*.*")}
    assert chapters == [name for name in PLAN if name in existing]
    assert existing <= set(PLAN)
    pages = {f"book/{path.stem}" for path in BOOK.glob("*.md")}
    assert pages <= {contents["root"], *listed}


def test_chapters_stand_in_their_parts():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    bounds = {
        "Foundations": ("01", "06"),
        "Architectures": ("07", "11"),
        "Large models": ("12", "14"),
        "Practice": ("15", "18"),
    }
    captions = [part["caption"] for part in contents["parts"]]
    assert captions == [c for c in (*bounds, "Appendices") if c in captions]
    for part in contents["parts"]:
        for entry in part["chapters"]:
            number = entry["file"][5:7]
            if number.isdigit():
                low, high = bounds[part["caption"]]
                assert low <= number <= high


# The first page -------------------------------------------------------------------------------


def test_the_first_page_lists_the_chapters_that_exist():
    text = (BOOK / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^\{doc\}`(\d\d_\w+)`$", text, re.M) == NAMES


def test_the_network_on_the_first_page_computes_the_table_beside_it():
    svg = ElementTree.parse(BOOK / "assets" / "network.svg").getroot()
    number = {}
    for text in svg.iter("{http://www.w3.org/2000/svg}text"):
        for kind in ("data-weight", "data-bias"):
            if name := text.get(kind):
                number[name] = float(text.text.replace("−", "-"))
    assert len(number) == 9, "the page says that the picture holds nine numbers"
    table = re.findall(
        r"^\| ([01]) \| ([01]) \| ([01]) \|$", (BOOK / "index.md").read_text("utf-8"), re.M
    )
    x1, x2, expected = np.array(table, dtype=float).T
    assert set(zip(x1, x2, strict=True)) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    hidden = {
        h: np.maximum(0, number[f"x1 {h}"] * x1 + number[f"x2 {h}"] * x2 + number[h])
        for h in ("h1", "h2")
    }
    output = number["h1 y"] * hidden["h1"] + number["h2 y"] * hidden["h2"] + number["y"]
    np.testing.assert_array_equal(output, expected)
    np.testing.assert_array_equal(expected, np.logical_xor(x1, x2))


@pytest.mark.parametrize("page", ["README.md", "book/index.md"])
def test_python_on_the_front_pages_runs(page):
    for block in re.findall(
        r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.M | re.S
    ):
        exec(compile(block, page, "exec"), {})


# The rules themselves: each of them can fail --------------------------------------------------


def good_chapter():
    """Build the smallest chapter that keeps every rule."""
    markdown, code = v4.new_markdown_cell, v4.new_code_cell
    needs = "Only {doc}`01_neurons`."
    kinds = ["Pencil: a", "Pencil: b", "Pencil: c", "Explain this plot: d", "Project: e"]
    exercises = "\n".join(
        f"```{{exercise}} ★ {kind}\n:label: ex-{i}\nProve it. Rubric.\n```\n"
        for i, kind in enumerate(kinds)
    )
    texts = dict.fromkeys([*OPENING, "A section of its own", *CLOSING], "Text.")
    texts |= {"What you need": needs, "Exercises": exercises}
    texts["Run time and memory"] = (
        "Measured on two shared cores, without a GPU: **60 s** and **400 MB**. Not much."
    )
    texts["Find the bug"] = ":::{note}\n$$ y = x $$ (eq-inside)\n:::"
    texts["Further reading"] = "{cite:t}`rumelhart1986`, {cite:p}`kingma2015, glorot2010`"
    bootstrap = (BOOK / "bootstrap.ipy").read_text(encoding="utf-8").strip()
    picture = v4.new_output("display_data", {"image/png": "", "text/plain": "<Figure>"})
    cells = [
        markdown("# A title\n\n```sh\n# a comment, no title\n```"),
        code(bootstrap, metadata={"tags": ["remove-cell"]}, execution_count=1),
        *(code("check()", execution_count=2 + i, metadata={"tags": ["exercise"]})
          for i in range(4)),
        code("assert x == 1", execution_count=6,
             metadata={"tags": ["check", "hide-input"], "mystnb": dict(PROMPT)}),
        *(markdown(f"## {heading}\n\n{text}") for heading, text in texts.items()),
        markdown("$$\nz = \\mathbf{w}^\\top\\mathbf{x} + b\n$$ (eq-good)\n\nIn a line: $a$."),
        code("plot()", execution_count=7, outputs=[picture],
             metadata={"mystnb": {"image": {"alt": "A line that rises from 0 to 1."}}}),
        code("1 / 0", execution_count=8, metadata={"tags": ["raises-exception"]},
             outputs=[v4.new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])]),
        code("run", execution_count=9, outputs=[
            v4.new_output("execute_result", {"text/plain": "This run: 50 s, peak memory 410 MB"})]),
    ]  # fmt: skip
    return Chapter("03_multilayer_perceptrons", v4.new_notebook(cells=cells))


def test_a_good_chapter_offends_no_rule():
    chapter = good_chapter()
    assert [offense for rule in RULES for offense in rule(chapter)] == []
    assert labels(chapter) == ["eq-inside", "eq-good"]


def prose(old, new):
    """Replace a piece of text in the Markdown cells."""

    def spoil(cells):
        assert any(old in cell.source for cell in cells)
        for cell in cells:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace(old, new)

    return spoil


def last_cell(**changes):
    """Change the last code cell but the one that measures the run."""
    return lambda cells: cells[-2].update(deepcopy(changes))


def stream(name, text):
    """Let the last cell print something."""
    return last_cell(outputs=[v4.new_output("stream", name=name, text=text)], metadata={})


BAD = {
    "no title": (prose("# A title", "A title"), "first cell"),
    "two titles": (prose("In a line", "# Another title\n\nIn a line"), "one title"),
    "slot missing": (prose("## Summary\n", "Summary\n"), "sections must be"),
    "slots swapped": (prose("## Checkpoint", "## Summary"), "sections must be"),
    "nothing of its own": (prose("## A section of its own", "### Detail"), "sections must be"),
    "slot repeated": (prose("## A section of its own", "## Exercises"), "among the chapter's own"),
    "needs a later chapter": (prose("01_neurons", "04_backpropagation"), "not an earlier"),
    "needs itself": (prose("01_neurons", "03_multilayer_perceptrons"), "not an earlier"),
    "needs nothing": (prose("Only {doc}`01_neurons`.", "Nothing."), "no earlier chapter"),
    "cell too long": (last_cell(source="x = 1\n" * 41), "41 lines"),
    "cells too long": (
        lambda cells: [c.update(source="x = 1\n" * 9) for c in cells if c.cell_type == "code"],
        "median",
    ),
    "not run": (last_cell(execution_count=None), "execution counts"),
    "run twice": (last_cell(execution_count=5), "execution counts"),
    "error": (last_cell(metadata={}), "ZeroDivisionError"),
    "stderr": (stream("stderr", "careful"), "stderr"),
    "warning": (stream("stdout", "UserWarning: careful"), "'UserWarning'"),
    "path": (stream("stdout", "saved in /Users/me/x"), "'/Users/me'"),
    "widget": (
        last_cell(
            outputs=[
                v4.new_output(
                    "display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "7"}}
                )
            ]
        ),
        "shows a widget",
    ),
    "no alt text": (lambda cells: cells[-3].update(metadata={}), "mystnb.image.alt"),
    "empty alt text": (prose("Text.", "![](x.png)"), "no alt text"),
    "no label": (prose("$$ (eq-good)", "$$"), "no label"),
    "no label inside a directive": (prose(" (eq-inside)", ""), "no label"),
    "label without prefix": (prose("(eq-good)", "(good)"), "must be eq-"),
    "align": (prose("Text.", "\\begin{align}\na = b\n\\end{align}"), "no label"),
    "math directive": (prose("Text.", "```{math}\na = b\n```"), "no label"),
    "displayed within a line": (prose("Text.", "So $$a = b$$ holds."), "no label"),
    "unknown citation": (prose("kingma2015", "nobody1900"), "'nobody1900'"),
    "other bootstrap": (lambda cells: cells[1].update(source="import nncourse"), "differs"),
    "visible bootstrap": (lambda cells: cells[1].update(metadata={}), "remove-cell"),
    "!pip": (last_cell(source="!pip install x"), "installs"),
    "%pip": (last_cell(source="if a:\n    %pip install x"), "installs"),
    "no cost": (prose("Measured on", "Guessed on"), "must state"),
    "cost not measured": (lambda cells: cells[-1].update(outputs=[]), "must state"),
    "slower than stated": (prose("**60 s**", "**30 s**"), "stated are 30 s"),
    "larger than stated": (prose("**400 MB**", "**300 MB**"), "stated are 300 MB"),
    "three exercises": (
        lambda cells: [
            cell.update(source=cell.source.replace("```{exercise} ★ P", "```{note} P"))
            for cell in cells
        ],
        "1 exercises; at least",
    ),
}


def extra(*cells):
    """Add cells after the bootstrap."""
    return lambda into: into.__setitem__(slice(2, 2), deepcopy(cells))


HARD_TO_READ = {
    "too many cells": (extra(*(v4.new_code_cell("x = 1") for _ in range(52))), "visible code"),
    "too many words": (prose("Text.", "word " * 5501), "words without"),
    "visible assert": (last_cell(source="x = 1\nassert x", metadata={}), "is visible and asserts"),
    "visible proof": (last_cell(source="nn.exercises.assert_same(a, b, c)"), "visible and asserts"),
    "loud check": (
        last_cell(source="assert x", metadata={"tags": ["hide-input"]}), "only asserts; tag it"),
    "untitled check": (
        last_cell(source="assert x", metadata={"tags": ["hide-input", "check"]}), "fold it"),
    "most readers": (prose("In a line", "Most readers expect a line"), "no source"),
    "published": (prose("In a line", "A published update forgets it"), "no citation"),
    "tolerance": (prose("In a line", "It reads at least 98 % of them"), "print what was measured"),
    "two bounds": (prose("In a line", "between 1.85 and 1.94 bits"), "print what was measured"),
    "two graded": (
        lambda cells: [cell.update(metadata={}) for cell in cells[2:4]], "2 exercises are graded"),
    "no pencil": (prose("Pencil: b", "Paper: b"), "2 exercises are titled 'Pencil"),
    "no plot": (prose("Explain this plot", "Plot"), "0 exercises are titled 'Explain"),
    "no project": (prose("Project", "Task"), "0 exercises are titled 'Project"),
    "no rubric": (prose("Rubric.", ""), "no rubric"),
}  # fmt: skip


def test_the_state_of_widgets_is_refused():
    chapter = good_chapter()
    chapter.notebook.metadata["widgets"] = {}
    (offense,) = (offense for rule in RULES for offense in rule(chapter))
    assert "widgets" in offense


ALL_BAD = BAD | HARD_TO_READ


@pytest.mark.parametrize("name", ALL_BAD)
def test_a_bad_chapter_is_found(name):
    spoil, complaint = ALL_BAD[name]
    chapter = good_chapter()
    spoil(chapter.notebook.cells)
    found = [offense for rule in RULES for offense in rule(chapter)]
    assert any(complaint in offense for offense in found), found


def test_every_rule_is_seen_to_fail():
    offended = set()
    for spoil, _ in ALL_BAD.values():
        chapter = good_chapter()
        spoil(chapter.notebook.cells)
        offended |= {rule.__name__ for rule in RULES if list(rule(chapter))}
    assert offended == {rule.__name__ for rule in RULES}
