"""The notebooks to run, beside the pages of the book, and as JupyterLab shows them."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from functools import cache
from importlib.util import find_spec
from urllib.parse import urldefrag

import nbformat
import pytest
import runner
from browser.serve import SITE
from bs4 import BeautifulSoup

BOOK = runner.Book()
DOWNLOADS = sorted((SITE / "_sources" / "book").glob("*.ipynb"))
each_download = pytest.mark.parametrize("path", DOWNLOADS, ids=lambda path: path.stem)
SHOWN = "04_backpropagation"
BROKEN = r"\{[\w:]+\}`|:::|\beq-\w|\bex-\w+-\w|\$\$|\\tag|\\begin|\[\^"
READ = (
    "() => [...document.querySelectorAll('.jp-RenderedMarkdown')].map(e => e.innerText).join('\\n')"
)


@cache
def page(name):
    return BeautifulSoup(
        (SITE / "book" / f"{name}.html").read_text(encoding="utf-8"), "html.parser"
    )


@cache
def anchors(name):
    return {tag["id"] for tag in page(name).select("[id]")}


# What it says, beside the pages ---------------------------------------------------------------


@each_download
def test_a_download_is_the_notebook_to_run(path):
    assert json.loads(path.read_text(encoding="utf-8")) == BOOK.notebook(path.stem)


@each_download
def test_links_lead_to_pages_that_are_there_with_the_same_words(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = re.findall(rf"\[([^\]]+)\]\({re.escape(BOOK.site)}book/(\w+)\.html(#[^)]*)?\)", text)
    assert len(found) > 5
    for words, name, anchor in found:
        anchor = urldefrag(anchor)[1]
        assert not anchor or anchor in anchors(name), anchor
        if anchor.startswith("equation-"):
            number = page(name).select_one(f"#{anchor} .eqno").get_text().rstrip("#")
            assert number == words
        elif anchor.startswith("ex-") and words.startswith("Exercise"):
            assert words in page(name).select_one(f"#{anchor}").get_text()
    numbers = re.findall(r"\\tag\{([\d.]+)\}", text)
    printed = [one.get_text().strip("()#") for one in page(path.stem).select(".eqno")]
    assert numbers == printed


@each_download
def test_works_are_cited_in_the_words_of_the_page(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    mine = re.findall(r"\[([^\]]+)\]\([^)]*references\.html#cite-(\w+)\)", text)
    shown = page(path.stem).select(".bibtex-citation")
    plain = " ".join(" ".join(one.get_text() for one in shown).split())
    plain = plain.replace(" and others", " et al.")
    for words, _ in mine:
        authors, year = re.fullmatch(r"(.*?),? \(?(\w+)\)?", words).groups()
        assert f"{authors}, {year}" in plain or f"{authors} [{year}]" in plain, words


def test_buttons_lead_to_the_branch_of_these_notebooks():
    for path in DOWNLOADS:
        html = str(page(path.stem))
        for address in re.findall(r'https://(?:colab|mybinder)[^"]*', html):
            assert re.search(rf"/(?:blob/)?run[/?].*{path.name}", address), address
        assert html.count(f"/blob/run/book/{path.name}") >= 1


# As JupyterLab shows it -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab on the downloads; the value is its address."""
    if not find_spec("jupyterlab"):
        pytest.skip('not run: JupyterLab is not installed (pip install "nncourse[teach]")')
    top = tmp_path_factory.mktemp("lab")
    settings = top / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    options = {"windowingMode": "none", "autoStartDefault": False}
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps(options))
    folders = {f"JUPYTER_{name}_DIR": str(top / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ip=127.0.0.1", "--IdentityProvider.token=", f"--ServerApp.root_dir={SITE}"]
    command += [f"--LabApp.user_settings_dir={top / 'settings'}"]
    command += [f"--LabApp.workspaces_dir={top / 'workspaces'}"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(top / "log", "wb") as log:
        server = subprocess.Popen(command, env=os.environ | folders, stdout=log, stderr=log)
    try:
        for _ in range(12_000):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, (top / "log").read_text()
            time.sleep(0.1)  # the server needs some seconds to start
        yield f"http://127.0.0.1:{port}/lab/tree/_sources/book/"
    finally:
        server.terminate()
        server.wait()


def test_jupyterlab_shows_a_chapter_as_the_page_does(lab, browser):
    cells = BOOK.notebook(SHOWN)["cells"]
    hidden = [cell["metadata"].get("jupyter", {}) for cell in cells]
    opened = browser.new_page()
    opened.goto(f"{lab}{SHOWN}.ipynb")
    all_there = "count => document.querySelectorAll('.jp-Notebook .jp-Cell').length >= count"
    opened.wait_for_function(all_there, arg=len(cells))
    opened.wait_for_function("() => document.querySelectorAll('mjx-container').length > 200")
    text = opened.evaluate(READ)
    assert re.findall(rf".*(?:{BROKEN}).*", text) == [] and "(4.2)" in opened.content()
    assert opened.locator("mjx-merror").count() == 0
    closed = opened.locator(".jp-InputPlaceholder").count()
    assert closed == sum(one.get("source_hidden", False) for one in hidden)
    assert opened.locator("details[open]").count() == 0 < opened.locator("details").count()
    titles = opened.locator(".jp-InputPlaceholder").all_text_contents()
    assert all(title.startswith(runner.TITLE) for title in titles)
    opened.close()
