"""The runner's edition: notebooks that read as well where they are run as on the page.

Colab, Binder, JupyterLab, VS Code and GitHub know no MyST. Here boxes, references and numbers
become plain Markdown, LaTeX and the little HTML that all of these keep (`TAGS`); what a page folds
is folded; code stays, but for a first line that says what is hidden. The unknown stops it.
"""

import html
import json
import re
import unicodedata
from functools import cached_property
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOW = Path(__file__).with_name("how_to_run.md")
TAGS = {"details", "summary", "b", "i", "code", "sup"}  # all the HTML that is written
TITLE = "# @title "  # Colab's form view shows it, and so does a folded cell in JupyterLab
GPU = "A GPU helps here: in Colab, choose *Runtime*, *Change runtime type*, *T4 GPU* first.\n"
ASKED, ANSWER, MORE = "Compare with your prediction", "Show a solution", "Show more of the solution"
BOXES = ("note", "tip", "hint", "important", "warning", "caution", "seealso")
FENCE = re.compile(r"^( *)(`{3,}|:{3,}|~{3,})(?:\{([^}]*)\})? *(.*)$")
OPTION = re.compile(r"^ *:([\w-]+): *(.*)$")
EQUATION = re.compile(r"\$\$(.+?)\$\$ \(([\w-]+)\)", re.S)
INLINE = re.compile(
    r"""\{(?P<role>[\w:+-]+)\}(?P<ticks>`+)(?P<content>.+?)(?P=ticks)
    |(?P<mark>`+)(?!`).+?(?<!`)(?P=mark)(?!`)
    |\$\$(?P<display>.+?)\$\$(?:[ ]\((?P<label>[\w-]+)\))?
    |(?<![\\$])\$(?P<math>(?:\\.|[^$\\])+?)\$
    |^\((?P<target>[\w-]+)\)=\n+
    |\[\^(?P<note>\w+)\](?P<colon>:?)
    |!\[(?P<alt>[^\]]*)\]\((?P<source>[^)\s]+)\)
    |\[(?P<text>[^\]`]*)\]\((?P<page>[\w/]+)\.(?:md|ipynb)(?:\#(?P<anchor>[\w-]+))?\)
    |^\#[^\n]*$
    |(?P<stars>\*\*?)(?P<word>[^*\n`$\[]{2,60}?)(?P=stars)""",
    re.S | re.M | re.X,
)
EXTRA = re.compile(r"\b(?:import |from |nncourse\[)(tensorflow|(?<=\[)\w+)")
USES_GPU = "list_physical_devices("
HEADING = re.compile(r"^#.*$", re.M)
CODE = re.compile(r"^( *`{3,}).*?^\1|(`+)(?!`).+?(?<!`)\2(?!`)", re.S | re.M)
ONLY_IN_THE_SOURCES = re.compile(r"`(?:make \w+|(book/tools/\w+\.py))`")
LEFT_OVER = re.compile(
    r"^.*(?:\{[\w:+-]+\}`|^ *:::|```\{|\(eq-[\w-]+\)|\[\^|^\([\w-]+\)=).*$", re.M
)


class Book:
    """All that can be referred to: titles, equations, exercises, sections, works and words.

    ``problem`` is called with a message about whatever is unknown; by default it raises ValueError.
    """

    def __init__(self, folder=ROOT / "book", problem=None):
        self.folder, self.problem = Path(folder), problem or self.stop
        config = (self.folder.parent / "_config.yml").read_text(encoding="utf-8")
        found = re.search(r"^repository:\s+url: (\S+)\s+branch: (\S+)", config, re.M)
        self.url, self.branch = found.groups()
        self.place = self.url.removeprefix("https://github.com/")
        owner, name = self.place.split("/")
        withheld = re.search(r"^\s*nncourse_withhold_solutions: *true\b", config, re.M)
        # A book that withholds its solutions leads nowhere: they may stand there.
        self.site = "" if withheld else f"https://{owner.lower()}.github.io/{name}/"
        self.titles, self.equations, self.labels, self.words = {}, {}, {}, {}
        for path in sorted([*self.folder.glob("*.md"), *self.folder.glob("*.ipynb")]):
            self._read(path)

    @staticmethod
    def stop(message):
        raise ValueError(message)

    def _read(self, path):
        page, text = path.stem, path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        title = re.search(r"^# (.*)$", text, re.M)
        self.titles[page] = title[1] if title else page
        number = f"{int(page[:2])}." if page[:2].isdigit() else ""
        first = 1 if number else 1 + sum("." not in one[1] for one in self.equations.values())
        for count, (tex, label) in enumerate(EQUATION.findall(text), start=first):
            self.equations[label] = page, f"{number}{count}", " ".join(tex.split())
        exercises = re.findall(r"^[`:]{3,}\{exercise\}.*\n(?::.*\n)*?:label: (\S+)", text, re.M)
        for count, label in enumerate(exercises, start=1):
            self.labels[label] = page, f"Exercise {number}{count}"
        for label, title in re.findall(r"^\(([\w-]+)\)=\n+#+ (.*)$", text, re.M):
            self.labels[label] = page, title
        listed = re.search(r"^:::\{glossary\}$(.*?)^:::$", text, re.M | re.S)
        for term in re.findall(r"^(\w.*)\n  \S", listed[1] if listed else "", re.M):
            plain = unicodedata.normalize("NFKD", term).encode("ascii", "ignore").decode()
            anchor = re.sub(r"[^\w.]+", "-", plain).strip("-")
            self.words[term.split(" (")[0].lower()] = f"term-{anchor}"

    @cached_property
    def _works(self):
        from pybtex.database import parse_file

        return parse_file(self.folder / "references.bib", "bibtex").entries

    def writer(self, page="", where=""):
        """Return a :class:`Writer` for the cells of a notebook, here named by its page."""
        return Writer(self, page, where)

    def cited(self, key):
        """Return the authors and the year of a work."""
        from pybtex.richtext import Text

        people = self._works[key].persons["author"]
        names = [str(Text.from_latex(" ".join([*p.prelast_names, *p.last_names]))) for p in people]
        if len(names) > 2 or names[-1] == "others":
            names = [f"{names[0]} et al."]
        return " and ".join(names), self._works[key].fields["year"]

    def equation(self, label):
        """Return a displayed formula with its number."""
        return "$$ {1} \\tag{{{0}}} $$".format(*self.equations[label][1:])

    def link(self, text, page, anchor=""):
        """Return a link to a published page; the text alone where there is no site to lead to."""
        anchor = f"#{anchor}" if anchor else ""
        return f"[{text}]({self.site}book/{page}.html{anchor})" if self.site else text

    def in_sources(self, found):
        """Return a command or file that the branch *run* has not, as a link to the sources."""
        address = f"{self.url}/blob/{self.branch}/{found[1]}" if found[1] else self.url
        return f"[{found[0]}]({address})" if self.site else found[0]

    def notebook(self, name, source=None):
        """Return the runner's edition of a notebook; both are dictionaries as in a file."""
        source = source or json.loads((self.folder / f"{name}.ipynb").read_text(encoding="utf-8"))
        text, writer, cells = json.dumps(source["cells"]), self.writer(name), []
        for number, cell in enumerate(source["cells"]):
            writer.where, old = f"{name}.ipynb, cell {number}", "".join(cell["source"])
            if cell["cell_type"] == "code":
                new, metadata = writer.code(old, cell["metadata"])
            else:
                new, metadata = writer.markdown(old), {}
            if not cells:
                title, _, new = new.partition("\n")
                about = self.about(title, name, text)
                cells.append(
                    {**cell, "id": "about", "metadata": {}, "source": about.splitlines(True)}
                )
            if new or cell["cell_type"] == "code":
                new = new.lstrip("\n").splitlines(True)
                cells.append({**cell, "metadata": metadata, "source": new})
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        colab = {"provenance": [], "toc_visible": True}
        metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "colab": colab}
        metadata |= {"accelerator": "GPU"} if USES_GPU in text else {}
        return {**source, "cells": cells, "metadata": metadata}

    def about(self, title, name, text):
        """Return the first cell: what this is, where its page is, how to run it."""
        chapter = f"Chapter {int(name[:2])}" if name[:2].isdigit() else "An appendix"
        if not self.site:
            return f"{title}\n\n*{chapter} of Neural networks, checked.*"
        cost = re.search(r"\*\*(\d+ s)\*\* and \*\*(\d+ MB)\*\*", text)
        cost = f" (about {cost[1]} and {cost[2]} of memory)" if cost else ""
        book, page = f"[Neural networks, checked]({self.site})", self.link("as a page", name)
        extras = ",".join(dict.fromkeys(["chapters", *EXTRA.findall(text)]))
        how = self.how(f"book/{name}.ipynb", extras, GPU if USES_GPU in text else "")
        how = folded(f"How to run this notebook{cost}", how.strip())
        return f"{title}\n\n*{chapter} of {book}. You can also read it {page}.*\n\n{how}"

    def how(self, path, extras, gpu=""):
        """Return how to run the notebooks, in a browser and on Windows, macOS and Linux."""
        colab = f"https://colab.research.google.com/github/{self.place}/blob/run/{path}"
        binder = f"https://mybinder.org/v2/gh/{self.place}/run?urlpath=lab/tree/{path}"
        words = {"doors": f"[Colab]({colab}) or [Binder]({binder})", "extras": extras, "gpu": gpu}
        words["zip"] = f"{self.url}/archive/refs/heads/run.zip"
        return HOW.read_text(encoding="utf-8").format(**words)


class Writer:
    """Writes the cells of one notebook, in their order."""

    def __init__(self, book, page, where):
        self.book, self.page, self.words, self.where = book, page, dict(book.words), where
        self.solution, self.asked = "", ""

    def code(self, source, metadata):
        """Return the source and the metadata of a code cell."""
        tags, title = set(metadata.get("tags", ())), ""
        prompt = metadata.get("mystnb", {}).get("code_prompt_show")
        if source.startswith("# Installs the course's package"):
            title = "Set up: install the course's package where it is missing"
        elif self.solution or "solution" in tags:
            title = prompt or ANSWER
        elif tags & {"hide-input", "hide-cell"}:
            title = prompt or "Show the code"
        elif tags & {"remove-cell", "remove-input"}:
            title = "Set up"
        self.asked = self.asked and "run"
        kept = sorted(tag for tag in tags if tag.startswith("nbval-") or tag == "raises-exception")
        hidden = {"source_hidden": True} if title else {}
        if self.solution or tags & {"hide-cell", "hide-output"}:
            hidden["outputs_hidden"] = True
        new = ({"tags": kept} if kept else {}) | ({"jupyter": hidden} if hidden else {})
        if title and not source.startswith("%%"):  # a magic must stay the first line
            return f"{TITLE}{title}\n{source}", new | {"cellView": "form"}
        return source, new

    def markdown(self, text):
        """Return the text of a cell as plain Markdown."""
        written = [self._piece(*piece) for piece in _pieces(text)]
        text = re.sub(r"\n{3,}", "\n\n", "\n\n".join(filter(None, written))).strip()
        if left := LEFT_OVER.search(CODE.sub("", text)):
            self.book.problem(f"{self.where}: cannot convert: {left[0].strip()}")
        return text

    def _piece(self, name, title, options, body):
        """Return the plain form of a piece: text, a block of code, or a directive."""
        if name == "code":
            return body
        if name == "text":
            if HEADING.search(body):
                self.asked = ""
            plain = INLINE.sub(self._inline, body).strip("\n")
            plain = ONLY_IN_THE_SOURCES.sub(self.book.in_sources, plain)
            if self.solution and plain.strip():
                plain, self.solution = folded(self.solution, plain), MORE
            elif self.asked == "run" and plain.strip():
                plain, self.asked = _answer_folded(plain), ""
            return plain
        self.asked = "box" if title == "Predict" else self.asked  # a new question folds no answer
        inside, title = self.markdown(body), INLINE.sub(self._inline, title)
        if name == "admonition":
            if "dropdown" in options.get("class", ""):
                return folded(_as_html(title), inside)
            return quoted(title, inside)
        if name in BOXES:
            return quoted(name.capitalize(), f"{title}\n\n{inside}".strip())
        if name == "exercise":
            _, number = self.book.labels.get(options.get("label"), ("", "Exercise"))
            return f"### {number}: {title}\n\n{inside}"
        if name == "solution":
            return folded(ANSWER, inside)
        if name not in ("solution-start", "solution-end"):
            told = f"{self.where}: the directive {{{name}}} is not known: {title or body}"
            self.book.problem(told)
        self.solution = ANSWER if name == "solution-start" else ""
        return ""

    def _inline(self, found):
        """Return the plain form of what stands within a line."""
        try:
            if found["role"]:
                return self._role(found["role"], " ".join(found["content"].split()), found[0])
            if found["label"]:
                return self.book.equation(found["label"])
        except KeyError as error:
            self.book.problem(f"{self.where}: the label {error} is nowhere")
            return found["content"] or found["display"]
        if found["display"]:
            return f"$$ {' '.join(found['display'].split())} $$"
        if found["math"]:
            return f"${' '.join(found['math'].split())}$"
        if found["target"]:
            return ""
        if found["note"]:
            return "<sup>*</sup>" + " " * bool(found["colon"])
        if found["source"] and "://" not in found["source"]:  # Colab shows no attachment
            raw = f"https://raw.githubusercontent.com/{self.book.place}/{self.book.branch}/book/"
            return f"![{found['alt']}]({raw}{found['source']})"
        if found["page"]:
            return self.book.link(found["text"], found["page"], found["anchor"])
        return self._word(found["stars"], found["word"]) if found["word"] else found[0]

    def _word(self, stars, word):
        """Return a stressed word; the first time, with a link to the glossary."""
        plain = word.lower().rstrip(".:,")
        plain = plain if plain in self.words else plain.removesuffix("s")
        if plain in self.words:
            word = self.book.link(word, "glossary", self.words.pop(plain))
        return f"{stars}{word}{stars}"

    def _role(self, role, content, whole):
        text, target = re.fullmatch(r"(?:(.+?) *<)?([^<>]+)>?", content).groups()
        if role == "doc":
            return self.book.link(text or self.book.titles[target], target)
        if role == "eq":
            page, number, _ = self.book.equations[target]
            link = self.book.link(f"({number})", page, f"equation-{target}")
            return f"({number})" if page == self.page else link
        if role in ("ref", "numref"):
            page, name = self.book.labels[target]
            return self.book.link(text or name, page, target)
        if role not in ("cite:t", "cite:p"):
            self.book.problem(f"{self.where}: the role {{{role}}} is not known: {whole}")
            return content
        form = "{} ({})" if role == "cite:t" else "{}, {}"
        works = [
            self.book.link(form.format(*self.book.cited(key)), "references", f"cite-{key}")
            for key in re.split(r"\s*,\s*", target.strip())
        ]
        return ", ".join(works) if role == "cite:t" else f"({'; '.join(works)})"


def _pieces(text):
    """Yield text, blocks of code and directives, as (name, title, options, body)."""
    plain, lines = [], iter(text.split("\n"))
    for line in lines:
        found = FENCE.match(line)
        if not found or (found[2][0] == ":" and not found[3]):
            plain.append(line)
            continue
        yield "text", "", {}, "\n".join(plain)
        plain, end = [], re.compile(rf" *{found[2][0]}{{{len(found[2])},}} *$")
        body = [*takewhile(lambda line, end=end: not end.match(line), lines)]
        if not found[3]:
            yield "code", "", {}, "\n".join([line, *body, found[1] + found[2]])
            continue
        head = [*takewhile(bool, map(OPTION.match, body))]
        options = {option[1]: option[2] for option in head}
        yield found[3], found[4].strip(), options, "\n".join(body[len(head) :])
    yield "text", "", {}, "\n".join(plain)


def folded(title, text):
    """Return a text that is closed until a reader opens it."""
    return f"<details>\n<summary><b>{title}</b></summary>\n\n{text}\n\n</details>"


def quoted(title, text):
    """Return a box: a title, and a quiet border."""
    return "\n".join(f"> {line}".rstrip() for line in f"**{title}**\n\n{text}".split("\n"))


def _answer_folded(text):
    """Fold the paragraph that follows what a reader had to predict: it begins with the answer."""
    blocks = text.split("\n\n")
    if re.match(r"[#|>-]|<details|\*[^*]+\*$|\d+\. ", blocks[0]):  # not a paragraph
        return text
    whole = (i for i, block in enumerate(blocks, 1) if re.search(r"[.!?)*`]$", block.rstrip()))
    end = next(whole, len(blocks))
    return "\n\n".join([folded(ASKED, "\n\n".join(blocks[:end])), *blocks[end:]])


def _as_html(text):
    """Return a line of Markdown as HTML: within a summary, no Markdown is read."""
    text = html.escape(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text), quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*?([^*]+)\*\*?", r"<i>\1</i>", text)


def save(notebook, path):
    """Write a notebook as Jupyter does."""
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
