"""The e-book and the PDF, where they were built: whole, and linked from the first page."""

import posixpath
import re
import zipfile
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree

import pytest
from browser.serve import SITE, pages

BOOKS = sorted(path.name for path in SITE.glob("nncourse.*"))
MATH = "{http://www.w3.org/1998/Math/MathML}math"
ITEM = "{http://www.idpf.org/2007/opf}item"
CHAPTERS = [page for page in pages() if page.startswith(("book/0", "book/1"))]


def test_the_first_page_offers_what_was_built():
    front = (SITE / "book" / "index.html").read_text(encoding="utf-8")
    assert sorted(re.findall(r'href="\.\./(nncourse\.\w+)"', front)) == BOOKS


@pytest.mark.skipif("nncourse.epub" not in BOOKS, reason="no EPUB was built (make epub)")
def test_the_ebook_is_whole():
    with zipfile.ZipFile(SITE / "nncourse.epub") as book:
        assert book.testzip() is None
        assert book.namelist()[0] == "mimetype"
        names = set(book.namelist())
        assert {page.replace(".html", ".xhtml") for page in CHAPTERS} <= names
        formulas = 0
        for name in names:
            if name.endswith((".xhtml", ".opf", ".ncx")):
                page = ElementTree.fromstring(book.read(name))
                anchors = [tag.get("id") for tag in page.iter() if tag.get("id")]
                assert len(anchors) == len(set(anchors)), name
                refers = {tag.get(key, "") for tag in page.iter() for key in ("src", "href")}
                for link in {urldefrag(link)[0] for link in refers} - {""}:
                    if not link.startswith(("http", "mailto:", "data:image/")):
                        assert posixpath.normpath(f"{name}/../{unquote(link)}") in names
                loaded = [tag.get("src", "") for tag in page.iter()]
                assert not [link for link in loaded if link.startswith("http")], name
                held = len(list(page.iter(MATH)))
                assert bool(held) == ("mathml" in properties(book).get(name, "")), name
                formulas += held
        assert formulas > 500


def properties(book):
    """Return what the list of contents says of each page."""
    contents = ElementTree.fromstring(book.read("content.opf"))
    return {item.get("href"): item.get("properties", "") for item in contents.iter(ITEM)}


@pytest.mark.skipif("nncourse.pdf" not in BOOKS, reason="no PDF was built (make latex pdf)")
def test_the_pdf_has_pages_and_bookmarks():
    pdf = (SITE / "nncourse.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert len(pdf) > 1e6
