"""Live cells in a real browser: run, change, fail, stop, solve, remember, and without a network."""

import json
import re

import pytest
from browser.serve import SITE, pages

FIRST = next((page for page in pages() if page.startswith("book/01_")), "not built")
PAGE = (SITE / FIRST).read_text(encoding="utf-8") if (SITE / FIRST).is_file() else ""
TOLD = re.search(r'id="live-cells">(.*?)</script>', PAGE)
pytestmark = pytest.mark.skipif(
    TOLD is None, reason="not run: the book was built without live cells"
)
RIGHT = """def neuron(x, w, b):
    return np.maximum(x @ w + b, 0)


nn.exercises.check("neuron", neuron)"""
WRONG = RIGHT.replace(" + b", "")


def opened(visit, **options):
    page = visit(FIRST, **options)
    page.wait_for_function("document.documentElement.dataset.live !== undefined")
    return page


def cell(page, text):
    """Return the first cell that has this text, unfolded."""
    found = page.locator("article div.cell").filter(has_text=text).first
    found.evaluate("e => e.querySelector('details')?.setAttribute('open', '')")
    return found


def write(page, where, code):
    """Replace a cell's code in its editor, by keyboard."""
    if not where.locator(".cm-content").count():
        where.hover()
        where.get_by_role("button", name="Edit").click()
    where.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def run(where):
    """Run a cell, wait for the end, and return what it shows and what is said above it."""
    where.locator(".live-run").click()
    return ended(where)


def ended(where):
    where.page.wait_for_function(
        """e => {
            const says = e.querySelector(".live-caption")?.textContent ?? "running …";
            return says !== "running …" && e.querySelector(".live-run").textContent === "▶ Run"
                && document.querySelector(".live-status").hidden;
        }""", arg=where.element_handle())  # fmt: skip
    return where.locator(".live-output").inner_text().strip()


@pytest.fixture(scope="module")
def reading(site, browser):
    """A page that the tests below share, for Python takes seconds to start.

    Each of them makes what it needs: two workers may share the tests.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.troubles, page.asked = [], []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(site + FIRST)
    page.wait_for_function("document.documentElement.dataset.live !== undefined")
    page.wait_for_function("document.documentElement.dataset.kept !== undefined")
    yield page
    assert page.troubles == []
    assert [url for url in page.asked if not url.startswith((site, "data:", "blob:"))] == []
    context.close()


def answered(page, code=RIGHT):
    """Answer the first exercise; return its cell, and what is said."""
    exercise = cell(page, 'check("neuron", neuron)')
    write(page, exercise, code)
    return exercise, run(exercise)


def test_nothing_is_loaded_before_the_first_run(reading):
    assert not [url for url in reading.asked if re.search("pyodide|worker.js|editor", url)
                and "service-worker" not in url]  # fmt: skip


def test_a_cell_brings_along_what_it_builds_on(reading):
    plain = cell(reading, "def weighted_sum(w, x, b)")
    said = run(plain)
    assert said.startswith("The same as printed")


def test_change_it_run_it_again_and_go_back(reading):
    plain = cell(reading, "def weighted_sum(w, x, b)")
    write(reading, plain, "print('hello')\n6 * 7")
    reading.keyboard.press("Shift+Enter")
    said = ended(plain)
    assert said.startswith("Your result") and said.split("\n")[-1] == "42" and "hello" in said
    assert not plain.locator(".cell_output:not(.live-output)").is_visible()
    reading.keyboard.press("Escape")
    assert reading.evaluate("document.activeElement.textContent") == "▶ Run"
    plain.get_by_role("button", name="Reset").click()
    assert plain.locator(".cell_output:not(.live-output)").is_visible()
    assert plain.locator(".live-output, .live-editor").count() == 0


def test_an_error_says_where(reading):
    plain = cell(reading, "def weighted_sum(w, x, b)")
    write(reading, plain, "a = 1\nb = a / 0\n")
    said = run(plain)
    assert "Line 2: ZeroDivisionError" in said
    assert plain.locator(".live-error-line").inner_text() == "b = a / 0"
    write(reading, plain, "for")
    assert "Line 1: SyntaxError" in run(plain)
    write(reading, plain, "not_defined_anywhere")
    assert "Nothing above has defined not_defined_anywhere" in run(plain)
    plain.get_by_role("button", name="Reset").click()


def test_an_exercise_fails_with_its_hint_and_passes(reading):
    _, said = answered(reading, WRONG)
    assert "✗ neuron:" in said and "Where does b come in?" in said and "Line" not in said
    assert "✓ neuron: 1 of 1 points" in answered(reading)[1]
    intro = reading.locator(".live-intro")
    assert "✓ 1 of" in intro.inner_text() and "the grader alone" in intro.inner_text()


def test_what_is_exported_passes_where_grades_are_given(reading):
    answered(reading)
    with reading.expect_download() as loading:
        reading.get_by_role("button", name="Export my answers").click()
    path = loading.value.path()
    from nncourse.classroom.notebooks import code_cells
    from nncourse.exercises import all_exercises

    assert loading.value.suggested_filename == FIRST.split("/")[1].replace(".html", ".ipynb")
    cells = code_cells(path.read_bytes(), "work.ipynb")
    assert len(cells) > 4 and not any("SOLUTION" in code for code in cells)
    space = {}
    for code in cells:
        exec(code, space)
    assert all_exercises()["neuron"].check(space["neuron"]).passed
    assert not all_exercises()["majority"].check(space["majority"]).passed


def test_a_figure_is_drawn_and_follows_the_page_into_the_dark(reading):
    figure = cell(reading, "examples = x_test[[np.flatnonzero")
    run(figure)
    drawn = figure.locator(".live-output img")
    assert drawn.evaluate("e => e.naturalWidth") > 800
    assert len(drawn.get_attribute("alt")) > 60
    reading.emulate_media(color_scheme="dark")
    reading.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert "invert" in drawn.evaluate("e => getComputedStyle(e).filter")
    reading.emulate_media(color_scheme="light")


def test_an_endless_loop_is_stopped_and_the_next_run_begins_afresh(reading):
    plain = cell(reading, "def weighted_sum(w, x, b)")
    write(reading, plain, "while True:\n    pass")
    plain.locator(".live-run").click()
    reading.wait_for_function(
        "document.querySelector('.live-says').textContent.startsWith('Running this cell: ')"
    )
    reading.get_by_role("button", name="Stop").click()
    assert reading.locator(".live-says").inner_text().startswith("Stopped.")
    plain.get_by_role("button", name="Reset").click()
    assert run(plain).startswith("The same as printed")


def test_changes_and_passes_survive_a_visit_without_a_network_and_can_be_forgotten(reading):
    answered(reading)
    reading.context.set_offline(True)
    reading.reload()
    exercise = cell(reading, 'check("neuron", neuron)')
    exercise.locator(".cm-content").wait_for()
    assert "np.maximum(x @ w + b, 0)" in exercise.locator(".cm-content").inner_text()
    assert "✓ neuron: 1 of 1 points" in run(exercise)
    reading.context.set_offline(False)
    reading.goto(reading.url.replace(FIRST, "book/index.html").split("#")[0])
    reading.locator(".live-chapter").first.filter(has_text="✓ 1 of").wait_for()
    reading.go_back()
    reading.once("dialog", lambda dialog: dialog.accept())
    reading.get_by_role("button", name="Forget my changes").click()
    assert reading.evaluate("Object.keys(localStorage).filter(k => k.includes('live')).length") == 0


def test_the_map_follows_what_another_tab_does(visit):
    shelf = visit("book/index.html")
    said = shelf.locator(".live-chapter").first
    assert said.inner_text() == ""
    store = shelf.locator("script[src$='map.js']").evaluate("e => new URL('store.js', e.src).href")
    chapter = json.loads(TOLD[1])["chapter"]
    other = shelf.context.new_page()
    other.goto(shelf.url)
    keep = """async ([store, chapter, passed]) =>
        (await import(store)).keep(chapter, kept => { kept.passed = passed; })"""
    other.evaluate(keep, [store, chapter, {"neuron": True}])
    said.filter(has_text="✓ 1 of").wait_for()
    other.evaluate(keep, [store, chapter, {}])
    shelf.wait_for_function("e => e.textContent === ''", arg=said.element_handle())


def test_on_a_phone(visit):
    page = opened(visit, viewport={"width": 390, "height": 800}, has_touch=True)
    exercise = cell(page, 'check("neuron", neuron)')
    exercise.scroll_into_view_if_needed()
    edit = exercise.get_by_role("button", name="Edit")
    assert edit.evaluate("e => getComputedStyle(e).opacity") == "1"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_webassembly_one_sentence(site, browser):
    page = browser.new_page()
    page.add_init_script("delete window.WebAssembly")
    page.goto(site + FIRST)
    page.wait_for_function("document.documentElement.dataset.live !== undefined")
    assert page.locator(".live-intro").inner_text().startswith("This browser cannot run Python")
    assert "colab" in page.locator(".live-intro a").get_attribute("href")
    assert page.locator(".live-bar").count() == 0
    page.close()


def test_the_page_knows_its_cells():
    told = json.loads(TOLD[1])
    assert len(told["cells"]) > 50 and told["first"] and told["chapter"] in FIRST
    visible = sum("hidden" not in info for info in told["cells"])
    assert visible == len(re.findall(r'<div class="cell_input', PAGE))
