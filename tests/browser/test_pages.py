"""The built book in a real browser that can reach no other machine."""

import gzip
import re
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.serve import PREFIX, SITE, pages

WIDTHS = (1280, 640, 390, 320)  # 640 is what 1280 becomes when a reader zooms to 200 %
# Sphinx marks bibliographies up with a role that has been deprecated since, and nests a list badly.
NOT_OURS = {
    "book/references.html": ("aria-deprecated-role", "aria-required-children"),
    "_modules/index.html": ("list",),
}
# Thousands of elements: browsers read MathML out; the theme of the code is a tested one.
# axe walks through them even so, five times as long as through the rest, if they are not emptied.
LEFT_OUT = "math, .highlight pre"
PROSE = {"exclude": [["math"], [".highlight"]]}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "rules": {"heading-order": {"enabled": True}},
    "resultTypes": ["violations"],
}
# The dark scheme changes nothing but colors.
COLORS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
# Of the pages that show source text, all made alike, one stands for all.
ALIKE = [page for page in pages() if page.startswith("_modules/nncourse")][1:]
ADDRESSES = [page for page in pages() if page not in ("index.html", *ALIKE)] or ["not built"]
CHAPTERS = [page for page in ADDRESSES if page.startswith(("book/0", "book/1"))] or ["not built"]
LIMITS = {"book/index.html": 2.5e5, **dict.fromkeys(CHAPTERS, 2.5e6)}  # bytes of a page


@pytest.mark.parametrize("address", ADDRESSES)
def test_page(address, visit):
    """A page loads whole, on its own, with its mathematics, at every width; opened once for all."""
    page = visit(address)
    assert page.troubles == []
    assert page.locator("h1:visible").count() == 1
    assert page.locator("link[rel=stylesheet]").count() == 1
    if address in LIMITS:
        check_weight(page, LIMITS[address])
        check_stillness(page)
    check_mathematics(page)
    check_pictures(page)
    check_widths(page)
    check_accessibility(page, address)


def check_weight(page, limit):
    """A server that compresses sends no more than so many bytes."""
    asked = {urlsplit(url).path.removeprefix(PREFIX) for url in page.answers}
    files = [SITE / path for path in asked if (SITE / path).is_file()]
    packed = (".png", ".woff", ".woff2", ".ttf")
    contents = [(file.suffix in packed, file.read_bytes()) for file in files]
    sent = sum(len(data) if done else len(gzip.compress(data)) for done, data in contents)
    assert {".css", ".js", ".woff2", ".ttf"} <= {file.suffix for file in files}
    assert 1e5 < sent < limit


def check_stillness(page):
    """Nothing moves while a page loads: what Google's Web Vitals call good."""
    page.wait_for_function("new Promise(done => setTimeout(done, 300, true))")
    assert page.evaluate("window.moved") < 0.1


@pytest.mark.parametrize("address", CHAPTERS)
def test_nothing_moves_on_a_phone(address, visit):
    check_stillness(visit(address, viewport={"width": 390, "height": 800}))


def check_mathematics(page):
    """Each formula is MathML, drawn by the browser, and no source of one is left in the text."""
    assert page.locator("div.math").count() == page.locator("div.math math").count()
    assert page.locator("span.math, merror").count() == 0
    assert page.evaluate("typeof MathJax") == "undefined"
    prose = page.evaluate("""() => {
        const article = document.querySelector("article")?.cloneNode(true);
        article?.querySelectorAll("pre, code, script").forEach(e => e.remove());
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
    page.set_viewport_size({"width": 1280, "height": 720})
    page.evaluate("""left_out => {
        for (const part of document.querySelectorAll(left_out)) part.textContent = "left out";
    }""", LEFT_OUT)  # fmt: skip
    for scheme, rules, enough in (("light", RULES, 10), ("dark", COLORS, 0)):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
        found = Axe().run(page, PROSE, rules).response
        assert len(found["passes"]) > enough
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
    for address in CHAPTERS:
        links = re.findall(r'href="([^"]*)"', (SITE / address).read_text(encoding="utf-8"))
        notebook = address.replace(".html", ".ipynb")
        for host in ("colab.research.google.com", "mybinder.org"):
            assert any(host in link and link.endswith(notebook) for link in links)
