"""The built book in a real browser that can reach no other machine."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.serve import SITE, chromium, pages, serving, settle

WIDTHS = (1280, 390, 320)
# Sphinx marks bibliographies up with a role that has been deprecated since.
NOT_OURS = {"book/references.html": ("aria-deprecated-role", "aria-required-children")}
# Thousands of glyphs each: MathJax speaks for its own, and the theme of the code is a tested one.
PROSE = {"exclude": [["mjx-container"], [".highlight"]]}
ADDRESSES = [page for page in pages() if page != "index.html"] or ["not built: run make html"]


@pytest.fixture(scope="module")
def site():
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def visit(site, browser):
    """Open a page and note everything that goes wrong with it."""
    contexts = []

    def open_page(address, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.troubles = troubles = []
        page.on("console", lambda message: message.type in ("error", "warning")
                and troubles.append(f"console {message.type}: {message.text}"))  # fmt: skip
        page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))
        page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
        page.on("response", lambda response: response.status >= 400
                and troubles.append(f"{response.status}: {response.url}"))  # fmt: skip
        page.on("request", lambda request: request.url.startswith((site, "data:", "blob:"))
                or troubles.append(f"asks another host: {request.url}"))  # fmt: skip
        page.goto(site + address)
        settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("address", ADDRESSES)
def test_page(address, visit):
    """A page loads whole, on its own, with its mathematics, at every width."""
    page = visit(address)
    assert page.troubles == []
    assert page.locator("h1:visible").count() == 1
    check_mathematics(page)
    check_pictures(page)
    check_accessibility(page, address)
    check_widths(page)


def check_mathematics(page):
    """Each formula is typeset, and no source of one is left in the text."""
    formulas = page.locator(".math").count()
    assert page.locator("mjx-container").count() >= formulas
    assert page.locator("mjx-merror, .MathJax_Error").count() == 0
    prose = page.evaluate("""() => {
        const article = document.querySelector("article")?.cloneNode(true);
        article?.querySelectorAll("pre, code, mjx-container, script").forEach(e => e.remove());
        return article?.textContent ?? "";
    }""")
    for raw in ("$$", "\\(", "\\[", "\\begin{", "{doc}`", "{eq}`", "{cite"):
        assert raw not in prose


def check_pictures(page):
    """Each picture is there, and has words for whoever cannot see it."""
    pictures = page.evaluate("""() => [...document.querySelectorAll("article img")].map(
        image => [image.src.split("/").pop(), image.alt, image.naturalWidth])""")
    for source, alt, width in pictures:
        assert width > 0, f"{source} did not load"
        assert len(alt) > 10 and not alt.startswith(("_images", "../")), f"{source}: alt {alt!r}"


def check_accessibility(page, address):
    """The page keeps WCAG 2 A and AA, in the light and in the dark, as far as axe can tell."""
    still = "*, *::before, *::after { transition: none !important; animation: none !important; }"
    page.add_style_tag(content=still)  # or axe measures a color halfway from light to dark
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        found = Axe().run(page, PROSE, {"runOnly": ["wcag2a", "wcag2aa"]}).response
        assert len(found["passes"]) > 10
        for rule in found["violations"]:
            if rule["id"] not in NOT_OURS.get(address, ()):
                assert [node["html"] for node in rule["nodes"]] == [], f"{rule['help']} ({scheme})"


def check_widths(page):
    """The page never scrolls sideways."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        wider = page.evaluate("""() => {
            const limit = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= limit) return [];
            return [...document.querySelectorAll("article *")].filter(
                e => e.getBoundingClientRect().right > limit + 1).slice(0, 3).map(
                e => e.outerHTML.slice(0, 120));
        }""")
        assert wider == [], f"at {width} px the page scrolls sideways because of {wider}"
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), f"at {width} px the page scrolls sideways"


def test_the_front_door_leads_to_the_index(site, browser):
    page = browser.new_page()
    page.goto(site)
    page.wait_for_url("**/book/index.html")
    assert "checked" in page.locator("h1:visible").inner_text()
    page.close()


def test_dark_mode_can_be_switched(visit):
    page = visit("book/index.html", color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    switch = page.locator(".theme-switch-button:visible").first
    for _ in range(3):
        switch.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(background) != light
    assert page.troubles == []


def test_search_finds_a_page_without_a_server(visit):
    page = visit("search.html?q=notation")
    page.wait_for_selector("#search-results li a")
    assert "Notation" in page.locator("#search-results").inner_text()
    assert page.troubles == []


def test_launch_buttons_point_at_the_chapter():
    chapters = [page for page in ADDRESSES if page.startswith(("book/0", "book/1"))]
    assert chapters
    for address in chapters:
        links = re.findall(r'href="([^"]*)"', (SITE / address).read_text(encoding="utf-8"))
        notebook = address.replace(".html", ".ipynb")
        for host in ("colab.research.google.com", "mybinder.org"):
            assert any(host in link and link.endswith(notebook) for link in links)
