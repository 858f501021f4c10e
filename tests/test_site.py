"""What surrounds the pages: map, glossary, description of the package, Binder, workflows."""

import importlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import api
import chapters
import explorables
import formulas
import numbering
import pydata_sphinx_theme
import pytest
import styles
import yaml
from book_rules import BOOK, Chapter, labels
from docutils import nodes
from fontTools.ttLib import TTFont
from pybtex.database import parse_string
from sphinx.addnodes import start_of_file

import nncourse

ROOT = BOOK.parent
NOTEBOOKS = {path.stem: Chapter.read(path) for path in sorted(BOOK.glob("[0-9]*.ipynb"))}
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


# The map --------------------------------------------------------------------------------------


def test_the_map_holds_what_the_notebooks_say():
    book = chapters.chapters()
    assert list(book) == list(NOTEBOOKS)
    for name, chapter in NOTEBOOKS.items():
        wanted = set(re.findall(r"\b\d\d_\w+", chapter.section("What you need")))
        assert set(book[name].needs) == wanted
        assert book[name].counts["equations"] == len(labels(chapter))
        assert book[name].counts["cells"] == len(chapter.code)
        assert all(f"**{number}" in chapter.section("Run time and memory")
                   for number in book[name].cost)  # fmt: skip


def make_book(**needs):
    return {
        name: chapters.Chapter(name, 0, "", False, tuple(wanted.split()), (), {})
        for name, wanted in needs.items()
    }


def test_only_direct_needs_are_drawn():
    book = make_book(a="", b="a", c="a b", d="a c", e="b")
    assert chapters.direct_needs(book) == {"a": [], "b": ["a"], "c": ["b"], "d": ["c"], "e": ["b"]}


@pytest.mark.parametrize(
    "book",
    [
        make_book(a="", b="a", c="b"),
        make_book(a="", b="a", c="a", d="b c"),
        make_book(a="", b="a", c="a", d="a", e="b d", f="c"),
        chapters.chapters(),
    ],
)
def test_each_line_of_the_map_leads_from_a_chapter_to_one_that_needs_it(book):
    """Follow each line down, row by row, and see where it ends."""
    lane, strokes = chapters.tracks(book)
    names = list(book)
    found = set()
    for start in names:
        ends = [stroke[2] for stroke in strokes[start] if stroke[1] == 50]
        for via in ends:
            for name in names[names.index(start) + 1 :]:
                down = {stroke for stroke in strokes[name] if stroke[:2] == (via, 0)}
                assert down, "the line breaks off"
                found |= {(start, name) for stroke in down if stroke[2:] == (lane[name], 50)}
                if not any(stroke[3] == 100 for stroke in down):
                    break
    wanted = {(need, name) for name, needs in chapters.direct_needs(book).items() for need in needs}
    assert found == wanted
    for name in names:
        assert len({stroke[2] for stroke in strokes[name] if stroke[3] == 50}) <= 1
        crossed = {a for a, top, b, end in strokes[name] if (top, end) == (0, 100)}
        assert lane[name] not in crossed, "a line runs through a chapter that it does not concern"


def test_pages_follow_one_another_in_the_table_of_contents():
    numbers = [chapter.number for chapter in chapters.chapters().values()]
    assert all(a < b for a, b in pairwise(numbers))


def test_every_explorable_figure_has_its_place():
    cells = (cell for chapter in NOTEBOOKS.values() for cell in chapter.code)
    placed = sorted(c.metadata["explorable"] for c in cells if "explorable" in c.metadata)
    assert placed == sorted(explorables.ROOM) and len(placed) == 9
    assert set(placed) <= {path.stem for path in explorables.SOURCES.glob("*.js")}


# Words ----------------------------------------------------------------------------------------


def test_a_chapter_has_the_number_of_its_file_even_where_one_is_missing():
    """Sphinx has counted 1, 2; LaTeX counts on from the number before."""
    link = nodes.reference(secnumber=[2], refuri="book/09_b")
    env = SimpleNamespace(
        tocs={"book/09_b": nodes.bullet_list("", nodes.list_item("", link)), "book/faq": link},
        titles={"book/09_b": nodes.title(secnumber=[2])},
        toc_secnumbers={"book/09_b": {"": (2,), "#deeper": ()}, "book/faq": {"": (3,)}},
        toc_fignumbers={"book/09_b": {"exercise": {"ex-b": (2, 1)}, "displaymath": {"e": (2, 7)}}},
    )
    assert numbering.number_chapters(None, env) == []
    assert env.toc_secnumbers == {"book/09_b": {"": (9,), "#deeper": ()}, "book/faq": {"": (3,)}}
    assert env.toc_fignumbers["book/09_b"] == {"exercise": {"ex-b": (9, 1)},
                                               "displaymath": {"e": (9, 7)}}  # fmt: skip
    assert link["secnumber"] == env.titles["book/09_b"]["secnumber"] == [9]
    whole = nodes.section("", *(start_of_file(docname=name) for name in ("book/09_b", "book/faq")))
    latex = SimpleNamespace(builder=SimpleNamespace(name="latex"))
    numbering.count_from_there(latex, whole, "book/index")
    assert whole.astext().strip() == r"\setcounter{chapter}{8}"


def test_the_glossary_sends_to_chapters_that_use_the_word():
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^(\w[^\n]*)\n  (\S+)\. .+ → \{doc\}`(\w+)`$", text, re.M)
    assert len(entries) > 50
    words = [term.lower() for term, *_ in entries]
    assert words == sorted(words)
    pages = NOTEBOOKS | {"mathematics": Chapter.read(BOOK / "mathematics.ipynb")}
    for term, chinese, name in entries:
        word = term.split(" (")[0].lower()
        assert word in "\n".join(pages[name].prose).lower(), f"{name} does not say {term!r}"
        assert re.search("[\u4e00-\u9fff]", chinese), term


def test_the_clinic_leads_to_every_published_mistake_and_its_repair():
    clinic = (BOOK / "bug_clinic.md").read_text(encoding="utf-8")
    repair = re.compile(r"\{exercise\} ★+ (?:Fix|Mend|Repair) .*\n:label: (\S+)")
    for name, chapter in NOTEBOOKS.items():
        assert f"({name}.ipynb#" in clinic, name
        for label in repair.findall("\n".join(chapter.prose)):
            assert f"{{ref}}`{label}`" in clinic, label


ANSWERS = "|".join(nncourse.exercises._CHAPTERS)
HIDDEN = re.compile(rf"\.(classroom|_\w+)\b|\.exercises\.({ANSWERS})$")


def modules():
    """Return the modules that offer what they define, without the answers and the grading."""
    for found in pkgutil.walk_packages(nncourse.__path__, "nncourse."):
        if not HIDDEN.search(found.name):
            module = importlib.import_module(found.name)
            offered = [getattr(module, name) for name in getattr(module, "__all__", ())]
            if any(getattr(thing, "__module__", None) == found.name for thing in offered):
                yield found.name


def test_everything_that_the_package_offers_is_described():
    pages = [page.read_text(encoding="utf-8") for page in (BOOK / "api").glob("*.md")]
    listed = [f"nncourse.{name}" for page in pages for name in api.listed(page)]
    described = set(modules())
    assert sorted(listed) == sorted(described), "each module has its place on one page of book/api"
    for name in nncourse.__all__:
        thing = getattr(nncourse, name)
        if hasattr(thing, "__path__") and name != "exercises":
            continue  # a room: its modules are described
        module = thing.__name__ if not hasattr(thing, "__module__") else thing.__module__
        assert module in described, name
    assert "nncourse.exercises" in described


def test_dois_are_well_formed():
    text = (BOOK / "references.bib").read_text(encoding="utf-8")
    # A brace that is missing would hide one entry in another; every program must read all of them.
    entries = parse_string(text, "bibtex").entries
    assert len(entries) == len(re.findall(r"^@", text, re.M))
    needed = {"book": "publisher", "article": "journal", "inproceedings": "booktitle"}
    lacking = [
        key for key, one in entries.items() if needed.get(one.type, "year") not in one.fields
    ]
    assert lacking == []  # the strict build of the book warns of them, minutes later
    dois = re.findall(r"^\s*doi\s*=\s*[{\"](.*?)[}\"],?$", text, re.M)
    assert len(dois) > 20
    for doi in dois:
        assert re.fullmatch(r"10\.\d{4,9}/[^\s{}\"]+", doi), doi
    assert not re.search(r"doi\.org", text), "a DOI belongs into its own field"


def test_no_two_works_are_cited_alike():
    """A letter after the year tells two works of the same authors apart."""
    entries = parse_string((BOOK / "references.bib").read_text(encoding="utf-8"), "bibtex").entries
    named = [
        (tuple(str(p) for p in one.persons["author"][: 1 if len(one.persons["author"]) > 2 else 2]),
         len(one.persons["author"]) > 2, one.fields["year"])
        for one in entries.values()
    ]  # fmt: skip
    assert len(set(named)) == len(named) > 250


# Binder and workflows -------------------------------------------------------------------------


def test_binder_picks_up_environment_and_start_page():
    program = Path(sys.executable).with_name("jupyter-repo2docker")
    done = run(str(program), "--no-build", "--debug", str(ROOT))
    assert done.returncode == 0, done.stderr
    recipe = done.stdout + done.stderr
    assert "Building conda environment for python=3.12" in recipe
    assert '--file "environment.yml"' in recipe
    assert "RUN ./postBuild" in recipe


def test_the_start_page_lists_the_notebooks(tmp_path):
    for path in [ROOT / "_toc.yml", *BOOK.glob("[0-9]*.ipynb")]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    environment = os.environ | {"NB_PYTHON_PREFIX": str(tmp_path / "env")}
    done = run(sys.executable, str(ROOT / "postBuild"), cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    start = (tmp_path / "START.md").read_text(encoding="utf-8")
    assert re.findall(r"\(book/(\w+)\.ipynb\)", start) == list(NOTEBOOKS)
    (settings,) = (tmp_path / "env").rglob("overrides.json")
    (plugin,) = json.loads(settings.read_text(encoding="utf-8")).values()
    assert plugin == {"defaultViewers": {"markdown": "Markdown Preview"}}
    assert os.access(ROOT / "postBuild", os.X_OK)
    assert "START.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_workflows_keep_githubs_schema():
    program = Path(sys.executable).with_name("check-jsonschema")
    files = map(str, WORKFLOWS)
    done = run(str(program), "--builtin-schema", "vendor.github-workflows", *files)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_what_exists_and_trust_nothing_that_moves(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for command in re.findall(r"run: make (.*)$", text, re.M):
        assert {word for word in command.split() if "=" not in word} <= targets
    for action in re.findall(r"uses: (.*)$", text, re.M):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values() if "needs" not in job)


def test_workflows_test_every_python_that_is_supported():
    (test,) = (path for path in WORKFLOWS if path.stem == "test")
    matrix = yaml.safe_load(test.read_text(encoding="utf-8"))["jobs"]["test"]["strategy"]["matrix"]
    supported = re.search(
        r"Python ([\d., or]+) and `make`", (ROOT / "README.md").read_text("utf-8")
    )
    assert matrix["python"] == re.findall(r"3\.\d+", supported[1])


# Formulas and styles --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tex", "parts"),
    [
        (r"\boldsymbol{\Delta}\boldsymbol{\mu}\mathbf x", [f"<mi>{x}</mi>" for x in "𝚫𝝁𝐱"]),
        (r"\lVert x \rVert_2", ['<mo form="prefix" stretchy="false">‖', 'form="postfix"']),
        (r"y \log p", ['form="prefix" lspace="0.1667em" rspace="0.1667em">log</mo>']),
        (r"\log(p)", ['rspace="0em">log</mo>']),
        (r"10{,}000", ["<mn>10</mn><mtext>,</mtext><mn>000</mn>"]),
        (r"a = -b", ['<mo form="prefix">−</mo>']),
        (r"x_{i-1}", ['<mo lspace="0em" rspace="0em">−</mo>']),
        (r"f'(z)", ['<mi>f</mi><mo form="postfix" lspace="0em" rspace="0em">′</mo>']),
        (r"x'_i", ["<msub><mrow><mi>x</mi><mo", "<mi>i</mi></msub>"]),
        (r"a_1+\dots+a_n", ["⋯", "<mo>+</mo><msub>"]),
        (r"\bigl(a\bigr)^2", ['<mo stretchy="false" mathsize="120%">)</mo>']),
        (r"\left(\sum_i x\right)", ["<munder><mo>∑</mo>"]),
    ],
)  # fmt: skip
def test_formulas_are_what_browsers_draw(tex, parts):
    for part in parts:
        assert part in formulas.mathml(tex)


def test_no_line_begins_with_the_sign_after_a_formula():
    x = '<math data-tex="x">\n<mi>x</mi></math>'
    context = {"body": f"<p>Of {x} and {x}, ({x}) or (so {x}).</p><div>{x}</div>"}
    formulas.glue(None, None, None, context, None)
    kept = f'<p>Of {x} and <span class="glued">{x},</span> <span class="glued">({x})</span> or '
    assert context["body"] == f'{kept}(so <span class="glued">{x}).</span></p><div>{x}</div>'


def test_a_formula_that_cannot_be_converted_stops_the_build():
    formula = nodes.math("", r"\unheard{x}")
    formula.source, formula.line = "book/01.md", 7
    with pytest.raises(formulas.ExtensionError, match=r"book/01\.md:7: .*unheard"):
        formulas.written(formula)
    formula = nodes.math("", r'x < "y"')
    assert formulas.written(formula).startswith("<math data-tex='x &lt; \"y\"' xmlns=")


def test_only_rules_that_nothing_can_use_are_dropped():
    css = ".a,.b{x:1}.c:not(.z){x:2}@media print{.z{x:3}}p{x:4}@font-face{x:5}"
    css += "@media all{.a .z,.a{x:6}}"
    rules = styles.tinycss2.parse_stylesheet(css)
    kept = "".join(styles.shortened(rules, {"a", "c"}).split("\n"))
    assert kept == ".a{x:1}.c:not(.z){x:2}p{x:4}@font-face{x:5}@media all{.a{x:6}}"


def test_fonts_of_icons_keep_what_is_shown(tmp_path):
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static"
    (whole,) = theme.glob("vendor/fontawesome/webfonts/fa-solid-900.ttf")
    part = shutil.copy(whole, tmp_path)
    styles.keep_icons(part, "\uf0c9\uf062")
    with TTFont(part) as kept:
        assert set(kept.getBestCmap()) == {0xF0C9, 0xF062}
    assert Path(part).stat().st_size < whole.stat().st_size / 50
