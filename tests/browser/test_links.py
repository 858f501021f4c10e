"""Every link that stays within the built book leads to a page that is there, and to its anchor."""

import re
from functools import cache
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from browser.serve import SITE, pages
from bs4 import BeautifulSoup
from classroom.notebooks import leaks, repository

PAGES = [page for page in pages() if not page.startswith("_modules/")] or ["not built"]


@cache
def read(page):
    """Return the addresses that a page refers to, and the anchors that it has."""
    html = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
    links = {tag[key] for key in ("href", "src") for tag in html.select(f"[{key}]")}
    anchors = {tag[key] for key in ("id", "name") for tag in html.select(f"[{key}]")}
    return links, anchors


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_book(page):
    broken = []
    for link in read(page)[0]:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        address, anchor = urldefrag(urljoin(page, link))
        target = unquote(urlsplit(address).path) or page
        if not (SITE / target).is_file():
            broken.append(f"{link}: no such file")
        elif anchor and target.endswith(".html") and unquote(anchor) not in read(target)[1]:
            broken.append(f"{link}: no such anchor")
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("book/")])
def test_a_shared_link_shows_the_first_sentences(page):
    html = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
    tags = {tag.get("property") or tag.get("name"): tag.get("content") for tag in html("meta")}
    text = " ".join(html.article.get_text().split())
    assert tags["og:description"][:20] in text
    assert len(tags["description"]) > 60 and " · " not in tags["description"]
    site = tags["og:url"].removesuffix(page)
    assert site.startswith("https://") and (SITE / tags["og:image"].removeprefix(site)).is_file()


CHAPTERS = [page for page in PAGES if page.startswith(("book/0", "book/1"))]


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_has_the_number_of_its_file(page):
    html = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
    number = int(page.removeprefix("book/")[:2])
    equations = {label.get_text().strip("(#)").split(".")[0] for label in html.select(".eqno")}
    captions = html.select(".admonition.exercise .caption-number")
    exercises = {re.search(r"\d+", caption.get_text())[0] for caption in captions}
    assert equations == exercises == {str(number)}
    entry = html.select_one(".bd-sidenav .current a").get_text().strip()
    assert entry.startswith(f"{number}. ")


def test_the_search_for_withheld_solutions_finds_those_that_are_not():
    """What tests/classroom/test_withhold.py looks for is in this book, in each place it looks."""
    chapter = "05_gradient_descent"
    page = SITE / "book" / f"{chapter}.html"
    source = SITE / "_sources" / "book" / f"{chapter}.ipynb"
    for file in (page, source):
        assert len(leaks(chapter, [file])) > 15
    assert repository() in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", CHAPTERS)
def test_stressed_words_lead_to_the_glossary(page):
    html = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")
    links = html.select("article a.to-glossary")
    assert len(links) > 2
    for link in links:
        definition = read_glossary()[link["href"].removeprefix("glossary.html#")]
        assert link["title"] in definition
    assert len({link["href"] for link in links}) == len(links)


@cache
def read_glossary():
    """Return the definition below each anchor of the glossary."""
    html = (SITE / "book/glossary.html").read_text(encoding="utf-8")
    return {
        term["id"]: re.sub(r"\\[()]", "", term.find_next("dd").get_text())
        for term in BeautifulSoup(html, "html.parser").select("dl.glossary dt")
    }
