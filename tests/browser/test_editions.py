"""The e-book and the PDF, where they were built: whole, and linked from the first page."""

import re
import zipfile
from xml.etree import ElementTree

import pytest
from browser.serve import SITE, pages

BOOKS = sorted(path.name for path in SITE.glob("nncourse.*"))
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
                formulas += sum(1 for _ in page.iter("{http://www.w3.org/1998/Math/MathML}math"))
                for tag in page.iter():
                    assert not tag.get("src", "").startswith("http"), f"{name}: {tag.get('src')}"
        assert formulas > 500


@pytest.mark.skipif("nncourse.pdf" not in BOOKS, reason="no PDF was built (make latex pdf)")
def test_the_pdf_has_pages_and_bookmarks():
    pdf = (SITE / "nncourse.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert len(pdf) > 1e6
