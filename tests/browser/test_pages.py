"""The built book in a real browser that can reach no other machine."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.serve import SITE, pages

WIDTHS = (1280, 640, 390, 320)  # 640 is what 1280 becomes when a reader zooms to 200 %
# Sphinx marks bibliographies up with a role that has been deprecated since, and nests a list badly.
NOT_OURS = {
    "book/references.html": ("aria-deprecated-role", "aria-required-children"),
    "_modules/index.html": ("list",),
}
# Thousands of glyphs each: MathJax speaks for its own, and the theme of the code is a tested one.
PROSE = {"exclude": [["mjx-container"], [".highlight"]]}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"heading-order": {"enabled": True}},
}
# Of the pages that show source text, all made alike, one stands for all.
ALIKE = [page for page in pages() if page.startswith("_modules/nncourse")][1:]
ADDRESSES = [page for page in pages() if page not in ("index.html", *ALIKE)] or ["not built"]


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
        found = Axe().run(page, PROSE, RULES).response
        assert len(found["passes"]) > 10
        for rule in found["violations"]:
            if rule["id"] not in NOT_OURS.get(address, ()):
                assert [node["html"] for node in rule["nodes"]] == [], f"{rule['help']} ({scheme})"


def check_widths(page):
    """The page never scrolls sideways, and pictures keep their shape."""
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
        squeezed = page.evaluate("""() => [...document.querySelectorAll("article img")].filter(
            image => {
                const shown = image.width / image.height;
                const whole = image.naturalWidth / image.naturalHeight;
                return image.width && Math.abs(shown / whole - 1) > .03;
            }).map(image => image.outerHTML.slice(0, 120))""")
        assert squeezed == [], f"at {width} px pictures lose their shape"
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


@pytest.mark.parametrize(
    ("kind", "word", "where"),
    [
        ("heading", "notation", "Notation"),
        ("heading", "pooling", "Images: one window"),
        ("prose", "sunspots", "Sequences"),
        ("code", "set_random_seed", "The same, in TensorFlow"),
        ("package", "clip_by_global_norm", "nncourse.training.clipping.clip_by_global_norm"),
        ("glossary", "hyperplane", "hyperplane"),
    ],
)
def test_search_finds_it_without_a_server(kind, word, where, visit):
    page = visit(f"search.html?q={word}")
    page.wait_for_function(
        "where => document.querySelector('#search-results').innerText.includes(where)", arg=where
    )
    assert page.troubles == []


def test_launch_buttons_point_at_the_chapter():
    chapters = [page for page in ADDRESSES if page.startswith(("book/0", "book/1"))]
    assert chapters
    for address in chapters:
        links = re.findall(r'href="([^"]*)"', (SITE / address).read_text(encoding="utf-8"))
        notebook = address.replace(".html", ".ipynb")
        for host in ("colab.research.google.com", "mybinder.org"):
            assert any(host in link and link.endswith(notebook) for link in links)
