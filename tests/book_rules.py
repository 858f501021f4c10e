"""What a chapter must be: rules that take a chapter and yield a sentence for each offense.

The rules know nothing of pytest; test_book.py applies them to the book, and to small bad notebooks
to show that each rule can fail.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from reading_rules import READING_RULES

BOOK = Path(__file__).resolve().parents[1] / "book"
PLAN = (
    "01_neurons",
    "02_linear_models",
    "03_multilayer_perceptrons",
    "04_backpropagation",
    "05_gradient_descent",
    "06_regularization",
    "07_convolutional_networks",
    "08_deep_networks",
    "09_mnist_tensorflow",
    "10_recurrent_networks",
    "11_attention",
    "12_scaling",
    "13_language_models",
    "14_assistants",
    "15_deployment",
    "16_explaining",
    "17_responsibility",
    "18_what_next",
)
OPENING = ("What you will be able to do", "What you need", "Run time and memory")
CLOSING = ("Checkpoint", "Find the bug", "Exercises", "Summary", "Further reading")
VERBATIM = ("{code", "{literal", "{raw", "{math", "{mermaid")  # directives that hold no Markdown

markdown = (
    MarkdownIt("commonmark")
    .enable("table")
    .use(dollarmath_plugin, allow_labels=True, double_inline=True)
    .use(amsmath_plugin)
    .use(colon_fence_plugin)
)


def blocks(text) -> Iterator:
    """Yield the block tokens of a text, those inside directives included."""
    for token in markdown.parse(text):
        yield token
        directive = token.type in ("fence", "colon_fence") and token.info.startswith("{")
        if directive and not token.info.startswith(VERBATIM):
            yield from blocks(token.content)


@dataclass
class Chapter:
    """A notebook, its name in the plan, and the views of it that the rules need."""

    name: str
    notebook: nbformat.NotebookNode

    @classmethod
    def read(cls, path):
        """Read a chapter from its file."""
        return cls(Path(path).stem, nbformat.read(path, as_version=4))

    @cached_property
    def prose(self):
        """The text of each Markdown cell."""
        return [cell.source for cell in self.notebook.cells if cell.cell_type == "markdown"]

    @cached_property
    def code(self):
        """The code cells."""
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @cached_property
    def tokens(self):
        """The block tokens of the whole text."""
        return [token for text in self.prose for token in blocks(text)]

    @cached_property
    def headings(self):
        """Pairs of level and text."""
        return [
            (token.tag, following.content)
            for token, following in zip(self.tokens, self.tokens[1:], strict=False)
            if token.type == "heading_open"
        ]

    def section(self, heading):
        """Return the text below an H2 heading, up to the next one."""
        text = "\n\n".join(self.prose)
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        return found[1] if found else ""


def title_comes_first(chapter):
    """The first cell holds the title, and there is no other."""
    cell = chapter.notebook.cells[0]
    if cell.cell_type != "markdown" or not cell.source.startswith("# "):
        yield "the first cell must start with the title, '# …'"
    if (titles := [text for level, text in chapter.headings if level == "h1"]) and len(titles) > 1:
        yield f"one title is expected, there are {titles}"


def slots_are_in_order(chapter):
    """The fixed sections frame the chapter's own ones."""
    sections = tuple(text for level, text in chapter.headings if level == "h2")
    own = sections[len(OPENING) : -len(CLOSING)]
    if sections[: len(OPENING)] != OPENING or sections[-len(CLOSING) :] != CLOSING or not own:
        yield f"sections must be {[*OPENING, '…', *CLOSING]}, they are {list(sections)}"
    for repeated in set(own) & {*OPENING, *CLOSING}:
        yield f"the section {repeated!r} stands among the chapter's own ones"


def needs_only_earlier_chapters(chapter):
    """'What you need' links to chapters before this one, and to at least one if there is any."""
    links = re.findall(r"\b(\d\d_\w+)", chapter.section("What you need"))
    for link in links:
        if link not in PLAN[: PLAN.index(chapter.name)]:
            yield f"'What you need' names {link}, which is not an earlier chapter"
    if not links and chapter.name != PLAN[0]:
        yield "'What you need' links to no earlier chapter"


def cells_are_short(chapter):
    """The median code cell has at most 8 lines, the longest at most 40."""
    lengths = [len(cell.source.splitlines()) for cell in chapter.code]
    if lengths and median(lengths) > 8:
        yield f"the median code cell has {median(lengths)} lines; 8 are allowed"
    for number, length in enumerate(lengths, start=1):
        if length > 40:
            yield f"code cell {number} has {length} lines; 40 are allowed"


def was_run_in_order(chapter):
    """The code cells were executed once each, from top to bottom."""
    counts = [cell.execution_count for cell in chapter.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts must be 1 … {len(counts)}, they are {counts}"


def has_clean_outputs(chapter):
    """No error, warning or widget, nothing on stderr, and no path of somebody's machine."""
    if "widgets" in chapter.notebook.metadata:
        yield "the notebook's metadata hold the state of widgets"
    for number, cell in enumerate(chapter.code, start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                if "raises-exception" not in cell.metadata.get("tags", []):
                    yield f"code cell {number} ends with {output.ename}"
                continue
            if output.get("name") == "stderr":
                yield f"code cell {number} writes to stderr: {output.text[:80]!r}"
            data = output.get("data", {})
            if "application/vnd.jupyter.widget-view+json" in data:
                yield f"code cell {number} shows a widget, which a page cannot"
            text = output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")
            for refused in re.findall(r"\w*Warning\b|/(?:home|root|tmp|work|Users)/\w+", text):
                yield f"code cell {number} prints {refused!r}"


def pictures_have_alt_text(chapter):
    """Whoever cannot see a figure is told what it shows."""
    for number, cell in enumerate(chapter.code, start=1):
        shown = any(
            kind.startswith("image/") for out in cell.outputs for kind in out.get("data", {})
        )
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if shown and "remove-output" not in cell.metadata.get("tags", []) and len(alt) < 20:
            yield f"code cell {number} shows a picture; its metadata mystnb.image.alt is {alt!r}"
    for image in re.findall(r"!\[\]\([^)]*\)", "\n".join(chapter.prose)):
        yield f"the picture {image} has no alt text"


def equations_are_labeled(chapter):
    """Each displayed equation is `$$ … $$ (eq-slug)`."""
    for token in chapter.tokens:
        if token.type == "math_block_label" and not re.fullmatch(r"eq-[a-z0-9-]+", token.info):
            yield f"the label {token.info!r} must be eq- and a slug"
        unlabeled = token.type in ("math_block", "amsmath") or token.info.startswith("{math}")
        doubled = [t for t in token.children or () if t.type == "math_inline_double"]
        for equation in [token] * unlabeled + doubled:
            yield f"no label: {' '.join(equation.content.split())[:60]!r}"


def cites_what_exists(chapter):
    """Each citation has an entry in references.bib."""
    keys = set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text("utf-8"), re.M))
    for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", "\n".join(chapter.prose)):
        for key in group.split(","):
            if key.strip() not in keys:
                yield f"references.bib has no entry {key.strip()!r}"


def installs_in_one_cell_only(chapter):
    """The first code cell is the common one; no other cell installs anything."""
    bootstrap = (BOOK / "bootstrap.ipy").read_text(encoding="utf-8").strip()
    first, *others = chapter.code
    if first.source != bootstrap:
        yield "the first code cell differs from book/bootstrap.ipy"
    if "remove-cell" not in first.metadata.get("tags", []):
        yield "the first code cell must be tagged remove-cell"
    for number, cell in enumerate(others, start=2):
        if re.search(r"^\s*[!%].*\b(pip|conda|uv|apt(-get)?) ", cell.source, re.M):
            yield f"code cell {number} installs something"


def states_its_measured_cost(chapter):
    """The stated run time and memory are those that the last cell measured, within their noise."""
    statement = "Measured on two shared cores, without a GPU: **{} s** and **{} MB**."
    pattern = re.escape(statement).replace(r"\{\}", r"(\d+)")
    stated = re.search(pattern, chapter.section("Run time and memory"))
    outputs = chapter.code[-1].outputs
    shown = outputs[-1].get("data", {}).get("text/plain", "") if outputs else ""
    measured = re.fullmatch(r"This run: (\d+) s, peak memory (\d+) MB", shown)
    if not stated or not measured:
        yield f"'Run time and memory' must state {statement!r}, and the last cell measure it"
        return
    (seconds, memory), (real_seconds, real_memory) = (
        map(int, stated.groups()),
        map(int, measured.groups()),
    )
    if not real_seconds / 1.5 <= seconds <= 1.5 * real_seconds:
        yield f"stated are {seconds} s, the last cell measured {real_seconds} s"
    if not real_memory / 1.2 <= memory <= 1.2 * real_memory:
        yield f"stated are {memory} MB, the last cell measured {real_memory} MB"


def has_exercises(chapter):
    """There are at least four exercises."""
    count = sum(
        token.info.startswith(("{exercise}", "{exercise-start}")) for token in chapter.tokens
    )
    if count < 4:
        yield f"{count} exercises; at least four are expected"


RULES = (
    title_comes_first,
    slots_are_in_order,
    needs_only_earlier_chapters,
    cells_are_short,
    was_run_in_order,
    has_clean_outputs,
    pictures_have_alt_text,
    equations_are_labeled,
    cites_what_exists,
    installs_in_one_cell_only,
    states_its_measured_cost,
    has_exercises,
    *READING_RULES,
)


def labels(chapter):
    """Return the labels of the displayed equations."""
    return [token.info for token in chapter.tokens if token.type == "math_block_label"]
