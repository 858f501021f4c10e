"""The page of pictures prints what its cells compute: they are run again."""

import io
from contextlib import redirect_stdout

import matplotlib.pyplot as plt
import nbformat
import pytest
from book_rules import BOOK

CELLS = [
    cell
    for cell in nbformat.read(BOOK / "mathematics.ipynb", as_version=4).cells
    if cell.cell_type == "code"
]


@pytest.fixture
def namespace(monkeypatch):
    """Return a fresh namespace; nothing is shown, and drawing leaves no settings behind."""
    monkeypatch.setattr(plt, "show", lambda: None)
    before = plt.rcParams.copy()
    yield {}
    plt.close("all")
    plt.rcParams.update(before)


def test_it_prints_what_its_cells_compute(namespace):
    printed = []
    for cell in CELLS[1:-1]:  # without the cell that installs, and the cost of the run
        with redirect_stdout(io.StringIO()) as out:
            exec(cell.source, namespace)
        shown = "".join(o.text for o in cell.outputs if o.get("name") == "stdout")
        assert out.getvalue() == shown, cell.source
        printed.append(shown)
    assert sum(map(bool, printed)) >= 3


def test_its_pictures_have_alt_text():
    pictures = [c for c in CELLS if any("image/png" in o.get("data", ()) for o in c.outputs)]
    assert len(pictures) == 6
    assert all(len(cell.metadata.mystnb.image.alt) > 60 for cell in pictures)
