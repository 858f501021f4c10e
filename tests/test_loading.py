"""What a page loses before it is painted: book/_extensions/loading.py."""

from types import SimpleNamespace

import loading
import pytest
import yaml
from book_rules import BOOK
from pygments.styles import get_style_by_name
from pygments.token import Token

ROOT = BOOK.parent

STORED = f"<head><script>theme = {loading.STORED};</script></head>"
HEAVY = """<link rel="preload" as="script" href="last.js" />
<script data-x="1" defer="defer" src="first.js?v=1"></script><script src="now.js"></script>
<script type="module" src="live.js"></script><script>defer = "none"</script>
<script defer src="last.js"></script>
<pre><span class="k">return</span> <span class="n">w</span> <span class="o">@</span>"""
LIGHT = """
<script type="late" src="first.js?v=1"></script><script src="now.js"></script>
<script type="late" data-type="module" src="live.js"></script><script>defer = "none"</script>
<script type="late" src="last.js"></script>
<pre><span class="k">return</span> w @"""


def make_site(top, pages, script=loading.MEASURED):
    (top / loading.THEME).parent.mkdir(parents=True)
    (top / loading.THEME).write_text(f"all.forEach(e=>{{{script}}})")
    for name, text in pages.items():
        (top / name).write_text(text)
    return SimpleNamespace(outdir=top, builder=SimpleNamespace(name="html"))


def test_a_page_loses_what_delays_it(tmp_path):
    pages = {"page.html": STORED + HEAVY, "search.html": STORED + HEAVY, "moved.html": HEAVY}
    loading.lighten(make_site(tmp_path, pages), None)
    head = STORED.replace(loading.STORED, loading.CHOSEN)
    assert (tmp_path / "page.html").read_text() == head + LIGHT
    assert (tmp_path / "search.html").read_text().count(" defer") == 2
    assert (tmp_path / "moved.html").read_text() == HEAVY
    assert 'closest("details:not([open])")||(e.tabIndex=' in (tmp_path / loading.THEME).read_text()


def test_another_theme_is_not_changed_silently(tmp_path):
    with pytest.raises(loading.ExtensionError, match=r"expected once, found 0 times: e\.tabIndex"):
        loading.lighten(make_site(tmp_path, {}, script="e.tabIndex=0"), None)


def test_code_without_an_element_has_the_color_of_plain_text():
    options = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    for scheme in ("light", "dark"):
        name = options["html_theme_options"][f"pygments_{scheme}_style"]
        style = get_style_by_name(name)
        plain = style.style_for_token(Token.Text)
        for token in (Token.Name, Token.Punctuation, Token.Text.Whitespace):
            assert style.style_for_token(token) == plain
