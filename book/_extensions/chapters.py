"""The map of the chapters, and the line of facts at the top of each.

Everything is read from `_toc.yml` and from the notebooks themselves: the order and the parts, what
a chapter builds on ("What you need"), what running it costs ("Run time and memory"), and how much
there is in it. A chapter that is added to the table of contents is on the map.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from docutils.parsers.rst import Directive

ROOT = Path(__file__).resolve().parents[2]
LANE = 26  # pixels from one track of the map to the next


@dataclass(frozen=True)
class Chapter:
    """A chapter's place in the book, what it builds on, and what is in it."""

    name: str
    number: int
    part: str
    opens_part: bool
    needs: tuple
    cost: tuple
    counts: dict


def read(name, part, opens_part):
    """Read one notebook."""
    cells = json.loads((ROOT / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    needs = re.search(r"^## What you need\n(.*?)^## ", text, re.M | re.S)
    counts = {
        "equations": len(re.findall(r"\$\$ \(eq-[a-z0-9-]+\)", text)),
        "exercises": len(re.findall(r"^:{3,}\{exercise|^`{3,}\{exercise", text, re.M)),
        "cells": sum(c["cell_type"] == "code" for c in cells),
    }
    return Chapter(
        name=name,
        number=int(name[:2]),
        part=part,
        opens_part=opens_part,
        needs=tuple(sorted(set(re.findall(r"\b\d\d_\w+", needs[1] if needs else "")))),
        cost=tuple(re.findall(r"\*\*(\d+) (?:s|MB)\*\*", text)[:2]),
        counts=counts,
    )


@cache
def chapters():
    """Return the chapters of the table of contents, in its order, by name."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found = {}
    for part in contents.get("parts", ()):
        names = [Path(entry["file"]).name for entry in part["chapters"]]
        for name in names:
            if name[:2].isdigit() and (ROOT / "book" / f"{name}.ipynb").exists():
                found[name] = read(name, part["caption"], name == names[0])
    return found


def direct_needs(book):
    """Return for each chapter what it needs and no other of its needs includes already."""
    whole = {}
    for name, chapter in book.items():
        whole[name] = set(chapter.needs).union(*(whole[need] for need in chapter.needs))
    return {
        name: sorted(set(c.needs) - set().union(*(whole[need] for need in c.needs)))
        for name, c in book.items()
    }


def tracks(book):
    """Lay the map out: return each chapter's lane, and the strokes that cross its row.

    A chapter goes on in the lane of the latest one that it builds on, or opens a new lane when
    another has done so. A stroke is (lane, height, lane, height), with heights from 0 to 100.
    """
    names, lane, last = list(book), {}, []
    strokes = {name: set() for name in names}

    def draw(start, end, via):
        strokes[start].add((lane[start], 50, via, 100))
        for passed in names[names.index(start) + 1 : names.index(end)]:
            strokes[passed].add((via, 0, via, 100))
        strokes[end].add((via, 0, lane[end], 50))

    for name, needs in direct_needs(book).items():
        if needs and last[lane[needs[-1]]] == needs[-1]:
            lane[name] = lane[needs[-1]]
            last[lane[name]] = name
        else:
            lane[name] = len(last)
            last.append(name)
        for need in needs:
            between = names[names.index(need) + 1 : names.index(name)]
            taken = {lane[other] for other in between}
            free = [one for one in (lane[name], lane[need]) if one not in taken]
            draw(need, name, free[0] if free else len(last))
    return lane, strokes


def picture(name, book):
    """Return the piece of the map in this chapter's row, as HTML."""
    lane, strokes = tracks(book)
    width = LANE * (1 + max(max(s[0], s[2]) for row in strokes.values() for s in row | {(0,) * 4}))

    def x(number):
        return LANE * number + LANE // 2

    def path(a, top, b, end):
        middle = (top + end) // 2
        return f'<path d="M{x(a)} {top}C{x(a)} {middle} {x(b)} {middle} {x(b)} {end}"/>'

    paths = "".join(path(*stroke) for stroke in sorted(strokes[name]))
    return (
        f'<div class="track" aria-hidden="true" style="width:{width}px">'
        f'<svg viewBox="0 0 {width} 100" preserveAspectRatio="none">{paths}</svg>'
        f'<span style="left:{x(lane[name])}px">{book[name].number}</span></div>'
    )


class ChapterRow(Directive):
    """A chapter on the map: its title as ``{doc}``, then what it asks, then what it gives."""

    has_content = True

    def run(self):
        """Return the row."""
        name = re.search(r"\{doc\}`(\w+)`", "\n".join(self.content))
        book = chapters()
        if name is None or name[1] not in book:
            raise self.error(f"name a chapter of _toc.yml as {{doc}}`…`, one of {list(book)}")
        chapter = book[name[1]]
        needs = [str(book[need].number) for need in direct_needs(book)[chapter.name]]
        facts = [f"builds on {' and '.join(needs)}" if needs else "start here"]
        facts += ["{} s, {} MB".format(*chapter.cost)] * bool(chapter.cost)
        text = nodes.container(classes=["chapter-text"])
        self.state.nested_parse(self.content, self.content_offset, text)
        line = {"classes": ["chapter-facts"], "chapter": chapter.name}
        text += nodes.paragraph("", " · ".join(facts), **line)
        row = nodes.container(classes=["chapter-row"])
        if chapter.opens_part:
            row["classes"].append("opens-part")
            text.insert(0, nodes.paragraph("", chapter.part, classes=["part"]))
        row += [nodes.raw("", picture(chapter.name, book), format="html"), text]
        return [row]


def count(role, rawtext, text, lineno, inliner, options=None, content=None):
    """Count something in all chapters: {count}`chapters`, `equations`, `exercises` or `cells`."""
    book = chapters().values()
    if text != "chapters" and any(text not in c.counts for c in book):
        message = inliner.reporter.error(f"cannot count {text!r}", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    number = len(book) if text == "chapters" else sum(c.counts[text] for c in book)
    return [nodes.Text(f"{number:,}")], []


def doors(config, name):
    """Return where this chapter can be run, as pairs of a name and an address."""
    theme = config.html_theme_options
    place = theme["repository_url"].removeprefix("https://github.com/")
    launch, branch = theme["launch_buttons"], "run"  # the notebooks of tools/runner.py
    if launch:  # none where the solutions are withheld: a launched notebook would have them
        yield "Colab", f"{launch['colab_url']}/github/{place}/blob/{branch}/book/{name}.ipynb"
        binder = f"{launch['binderhub_url']}/v2/gh/{place}/{branch}"
        yield "Binder", f"{binder}?urlpath=lab/tree/book/{name}.ipynb"
    yield "Download", f"../_sources/book/{name}.ipynb"


def add_facts(app, doctree, docname):
    """Say below a chapter's title where it stands, what it costs, and where it can be run."""
    chapter = chapters().get(docname.removeprefix("book/"))
    if app.builder.name != "html" or chapter is None:
        return
    line = nodes.paragraph(classes=["chapter-facts"])
    text = f"{chapter.part}, chapter {chapter.number}"
    if chapter.cost:
        text += " · runs in {} s with {} MB".format(*chapter.cost)
    line += nodes.Text(text)
    for name, address in doors(app.config, chapter.name):
        line += [nodes.Text(" · "), nodes.reference("", name, refuri=address)]
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def setup(app):
    """Connect to Sphinx."""
    app.add_directive("chapter", ChapterRow)
    app.add_role("count", count)
    app.connect("doctree-resolved", add_facts)
    return {"version": "1", "parallel_read_safe": True}
