"""Reading by keyboard, without scripts, without a network, on paper, and on a budget."""

from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from browser.serve import pages

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [page for page in pages() if page.startswith(("book/0", "book/1"))] or ["not built"]
FIRST = CHAPTERS[0]
FOCUS = "document.activeElement"


# By keyboard ----------------------------------------------------------------------------------


def test_the_first_stop_skips_to_the_text(visit):
    page = visit(FIRST)
    page.keyboard.press("Tab")
    assert page.evaluate(f"{FOCUS}.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    page.keyboard.press("Tab")
    assert page.evaluate(f"document.querySelector('main').contains({FOCUS})")
    outline = page.evaluate(
        f"getComputedStyle({FOCUS}).outlineStyle + getComputedStyle({FOCUS}).boxShadow"
    )
    assert outline != "nonenone", "one cannot see where the focus is"


def test_search_by_keyboard(visit):
    page = visit(FIRST)
    page.keyboard.press("Control+k")
    assert page.evaluate(f"{FOCUS}.name") == "q"
    page.keyboard.type("notation")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")


def test_menus_and_solutions_by_keyboard(visit):
    page = visit(FIRST)
    launch = page.get_by_role("button", name="Launch interactive content")
    launch.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    assert "mybinder.org" in page.evaluate(f"{FOCUS}.href")
    page.keyboard.press("Escape")
    folded = page.locator("article details").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.evaluate("e => e.open")
    solution = page.locator("article .admonition.dropdown").first
    solution.locator("button").focus()
    before = solution.bounding_box()["height"]
    page.keyboard.press("Enter")
    page.wait_for_function(
        "([e, h]) => e.getBoundingClientRect().height > h + 20",
        arg=[solution.element_handle(), before],
    )


def test_the_menu_of_a_phone_by_keyboard(visit):
    page = visit(FIRST, viewport={"width": 390, "height": 800})
    entry = page.locator(".bd-sidenav a").nth(1)
    assert not entry.is_visible()
    page.locator(".primary-toggle").focus()
    page.keyboard.press("Enter")
    entry.wait_for(state="visible")
    page.keyboard.press("Escape")
    entry.wait_for(state="hidden")


def test_the_network_on_the_first_page_computes(visit):
    page = visit("book/index.html")
    says = page.locator(".network-inputs output")
    x1, x2 = page.locator(".network-inputs button").all()
    answers = []
    for button in (x1, x2, x1, x2):
        button.press("Enter")
        pressed = [b.get_attribute("aria-pressed") == "true" for b in (x1, x2)]
        answers.append((*pressed, says.inner_text().startswith("output 1")))
    assert {a[:2] for a in answers} == {(a, b) for a in (False, True) for b in (False, True)}
    assert all((a != b) == output for a, b, output in answers)


# Where one is --------------------------------------------------------------------------------


def test_the_contents_follow_the_reader(visit):
    page = visit(CHAPTERS[-1], viewport={"width": 1280, "height": 700})
    page.wait_for_function("window.scripted")
    for title in ("The way back", "Summary", "A rule inside the network"):
        heading = page.locator("section > h2").filter(has_text=title).last
        heading.evaluate("e => e.parentElement.scrollIntoView({behavior: 'instant'})")
        page.mouse.wheel(0, 40)
        page.wait_for_function(
            """title => {
                const here = [...document.querySelectorAll("#pst-page-toc-nav a[aria-current]")];
                return here.length === 1 && here[0].textContent === title
                    && here[0].getBoundingClientRect().bottom < innerHeight;
            }""",
            arg=title,
        )


# Without scripts, without a network, on paper -------------------------------------------------


@pytest.mark.parametrize("address", ["book/index.html", FIRST])
def test_without_scripts(address, visit):
    page = visit(address, java_script_enabled=False)
    assert page.locator("article h1").is_visible()
    assert page.locator("article p").first.is_visible()
    if address == FIRST:
        assert page.locator("article .math math").first.bounding_box()["height"] > 15
        picture = page.locator("article img").first
        assert picture.is_visible() and picture.bounding_box()["height"] > 100
        for solution in page.locator("article .admonition.dropdown").all():
            assert solution.locator("p:not(details p)").last.is_visible()
    assert not [trouble for trouble in page.troubles if not trouble.startswith("failed: ")]


def test_without_a_network_after_the_first_visit(visit):
    page = visit(FIRST)
    page.wait_for_function("document.documentElement.dataset.kept !== undefined")
    assert page.troubles == []
    page.context.set_offline(True)
    page.reload()
    page.wait_for_function("document.querySelectorAll('math').length > 20")
    for picture in page.locator("article img").all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function(
            "e => e.complete && e.naturalWidth > 0", arg=picture.element_handle()
        )
    assert page.locator(".bd-sidenav").first.is_visible()


def test_on_paper(visit):
    page = visit(FIRST)
    page.emulate_media(media="print")
    for left_out in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer"):
        assert not page.locator(left_out).first.is_visible()
    assert page.locator("h1:visible").count() == 1
    assert page.locator("article img").first.is_visible()
    cut = "[...document.querySelectorAll('article pre')].filter(e => e.scrollWidth > e.clientWidth)"
    page.set_viewport_size({"width": 680, "height": 900})  # A4 between its margins
    assert page.evaluate(f"{cut}.length") == 0


def test_the_dark_is_not_printed(visit):
    page = visit(FIRST, color_scheme="dark")
    theme = "document.documentElement.dataset.theme"
    page.evaluate(f"window.addEventListener('beforeprint', () => window.printed = {theme})")
    page.pdf()
    assert page.evaluate("[window.printed, " + theme + "]") == ["light", "dark"]


def test_figures_follow_the_page_into_the_dark(visit):
    page = visit(FIRST, color_scheme="dark", viewport={"width": 1000, "height": 900})
    figures = page.locator("article .cell_output img:visible")
    for figure in figures.all():
        figure.scroll_into_view_if_needed()
        figure.evaluate("e => e.decode()")
        page.wait_for_function("new Promise(requestAnimationFrame)")
        pixels = plt.imread(BytesIO(figure.screenshot()))[..., :3]
        paper, ink = pixels[:3].mean(), pixels.max(axis=(0, 1)).min()
        assert paper < 0.15 and ink > 0.8, figure.get_attribute("alt")
    assert figures.count() > 5


def test_scales_of_many_colors_stay_as_they_are_in_the_dark(visit):
    page = visit("book/07_convolutional_networks.html", color_scheme="dark")
    on_paper = page.locator("article .cell_output img.paper:visible")
    assert on_paper.count() == 3
    pixels = plt.imread(BytesIO(on_paper.first.screenshot()))[..., :3]
    assert pixels[12:20].mean() > 0.8


# On a budget ----------------------------------------------------------------------------------


def test_the_text_waits_for_no_script_font_or_picture(site, browser):
    page = browser.new_page()
    unanswered = []

    def hold(route):
        asks_for, url = route.request.resource_type, route.request.url
        if asks_for in {"script", "font", "image"} and "documentation_options" not in url:
            unanswered.append(url)
        else:
            route.continue_()

    page.route("**/*", hold)
    page.goto(site + FIRST, wait_until="commit")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    assert page.locator("article h1").is_visible()
    page.locator("article h2").last.wait_for()
    for kind in ".js", "_images", ".woff2":
        assert any(kind in url for url in unanswered)
    page.close()


def pictures_of(cell):
    """Count the pictures that a page shows of a notebook's cell."""
    if cell.cell_type != "code":
        return cell.source.count("![")
    outputs = (output.get("data", {}) for output in cell.outputs)
    return sum("image/png" in data for data in outputs)


@pytest.mark.parametrize("address", CHAPTERS)
def test_figures_keep_their_places(address, visit):
    page = visit(address, java_script_enabled=False)
    pictures = page.locator("article img[src*='_images']")
    for picture in pictures.all():
        assert picture.get_attribute("width") and picture.get_attribute("height")
    notebook = nbformat.read(ROOT / Path(address).with_suffix(".ipynb"), as_version=4)
    assert pictures.count() == sum(map(pictures_of, notebook.cells))
    figure = page.locator("article .cell_output img[src*='_images']").first
    assert figure.evaluate("e => e.naturalWidth") // 2 == int(figure.get_attribute("width"))
    assert pictures.last.get_attribute("loading") == "lazy"


# Text first -----------------------------------------------------------------------------------


LATE = r"/(bootstrap|pydata-sphinx-theme|copybutton|togglebutton)\.js/"


def test_scripts_are_fetched_when_the_page_has_been_painted(visit):
    page = visit(FIRST)
    painted, *fetched = page.evaluate(f"""[
        performance.getEntriesByName("first-contentful-paint")[0].startTime,
        ...performance.getEntriesByType("resource")
            .filter(entry => entry.initiatorType === "script" && {LATE}.test(entry.name))
            .map(entry => entry.startTime)]""")
    assert len(fetched) == 4 and min(fetched) > painted
    assert not page.locator("script[type=late]").count()


@pytest.mark.parametrize(("stored", "wanted"), [("auto", "dark"), ("light", "light")])
def test_the_colors_are_chosen_before_scripts_arrive(stored, wanted, site, browser):
    page = browser.new_page(color_scheme="dark")
    page.route("**/*.js*", lambda route: route.abort())
    # Stored as the page begins: what another page has just stored may come a moment late.
    page.add_init_script(f"localStorage.setItem('mode', '{stored}')")
    page.goto(site + FIRST)
    assert page.evaluate("document.documentElement.dataset.theme") == wanted
    page.close()


def test_code_that_unfolds_can_be_scrolled_by_keyboard(visit):
    page = visit(FIRST, viewport={"width": 390, "height": 844})
    folded = page.locator("article details.hide")
    widths = "e => [...e.querySelectorAll('pre')].some(pre => pre.scrollWidth > pre.clientWidth)"
    for part in folded.all():
        part.locator("summary").click()
        if part.evaluate(widths):
            break
    else:
        pytest.fail("no folded code is wider than a phone")
    stop = "e => [...e.querySelectorAll('pre')].some(pre => pre.tabIndex === 0)"
    page.wait_for_function(stop, arg=part.element_handle())
