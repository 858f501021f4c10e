"""One style sheet for a page in place of a dozen, and in it only what some page can use.

Text waits for its styles: for each file, and once more for each that a file imports. Of the rules
that the theme brings, four in five are for things that the book does not have. A rule stays unless
it asks for a class whose name stands in no page and in no script. Of the theme's fonts of icons,
which hold some two thousand, only those stay that a rule still shows.
"""

import hashlib
import posixpath
import re
from pathlib import Path

import tinycss2
from fontTools import subset

LINK = re.compile(r'\s*<link (?=[^>]*rel="stylesheet")[^>]*href="([^"?]+)[^"]*"[^>]*>')
IMPORT = re.compile(r"@import (?:url\()?[\"']([^\"']+)[\"']\)?;")
URL = re.compile(r"url\([\"']?(?!data:|#)([^\"')]+)[\"']?\)")
WORD = re.compile(r"[\w-]+")
FONT = re.compile(r'url\("([^"]+)\.woff2"\) format\("woff2"\),(url\("\1\.ttf"\))')
ICON = re.compile("[\ue000-\uf8ff]")


def read(path, top):
    """Return a style sheet with what it imports; addresses count from the folder `top`."""
    text = path.read_text(encoding="utf-8")
    here = posixpath.relpath(path.parent.as_posix(), top.as_posix())
    text = URL.sub(lambda found: f'url("{posixpath.normpath(f"{here}/{found[1]}")}")', text)
    return IMPORT.sub(lambda found: read(path.parent / found[1], top), text)


def wanted(selector, words):
    """Return whether each class that a selector asks for is among the words."""
    pairs = zip([None, *selector], selector, strict=False)
    return all(
        token.type != "ident" or before is None or before != "." or token.value in words
        for before, token in pairs
    )


def selectors(prelude):
    """Split a list of selectors at its commas; what stands in brackets is left whole."""
    parts = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def shortened(rules, words):
    """Return as text the rules that can apply to something."""
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            parts = [part for part in selectors(rule.prelude) if wanted(part, words)]
            if parts:
                head = ",".join(tinycss2.serialize(part).strip() for part in parts)
                kept.append(f"{head}{{{tinycss2.serialize(rule.content).strip()}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, True, True)
            if text := shortened(inner, words):
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{text}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword != "charset":
            kept.append(rule.serialize())
    return "\n".join(kept)


def keep_icons(font, icons):
    """Leave in a font nothing but these characters."""
    options = subset.Options(layout_features=[], glyph_names=False)
    part = subset.Subsetter(options)
    part.populate(text=icons)
    with subset.load_font(str(font), options, lazy=False) as whole:
        part.subset(whole)
        subset.save_font(whole, str(font), options)


def join(app, error):
    """Write one file for each list of style sheets, and let the pages ask for that."""
    if error is not None or app.builder.name != "html":
        return
    top = Path(app.outdir)
    static = top / "_static"
    pages = {page: page.read_text(encoding="utf-8") for page in top.glob("**/*.html")
             if static not in page.parents}  # fmt: skip
    scripts = [path.read_text(encoding="utf-8", errors="ignore") for path in static.glob("**/*.js")]
    words = set(WORD.findall(" ".join([*pages.values(), *scripts])))
    made, fonts, icons = {}, set(), ""
    for page, text in pages.items():
        sheets = tuple((page.parent / link).resolve() for link in LINK.findall(text))
        if not sheets:
            continue
        if sheets not in made:
            whole = "\n".join(read(sheet, static.resolve()) for sheet in sheets)
            rules = tinycss2.parse_stylesheet(whole, True, True)
            text_of_rules = shortened(rules, words)
            fonts.update(static / found[1] for found in FONT.finditer(text_of_rules))
            icons += "".join(ICON.findall(text_of_rules))
            content = FONT.sub(r"\2", text_of_rules).encode()
            name = f"styles-{hashlib.sha256(content).hexdigest()[:10]}.css"
            (static / name).write_bytes(content)
            made[sheets] = name
        folder = posixpath.relpath(static.as_posix(), page.parent.as_posix())
        link = f'\n<link rel="stylesheet" href="{folder}/{made[sheets]}">'
        text = LINK.sub(lambda found, link=link: link, text, count=1)
        start = text.index(link) + len(link)
        page.write_text(text[:start] + LINK.sub("", text[start:]), encoding="utf-8")
    for font in fonts:
        font.with_suffix(".woff2").unlink()
        keep_icons(font.with_suffix(".ttf"), icons)


def setup(app):
    """Connect to Sphinx, after all has been written."""
    app.connect("build-finished", join, priority=900)
    return {"version": "1", "parallel_read_safe": True}
