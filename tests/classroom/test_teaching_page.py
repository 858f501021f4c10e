"""The page with teaching help fits the chapters: names, sums, and an answer to every question."""

import re

import pytest
from classroom.notebooks import BOOK, CHAPTERS
from nbformat import read

PAGE = (BOOK / "teaching.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^### (\d+)\. .*?\n(.*?)(?=^##|^\()", PAGE, re.MULTILINE | re.DOTALL)
PARTS = ["Show", "Wrong ideas", "Discuss", "Where they get stuck"]


def minutes(text):
    """Return by what the minutes are listed, and the (total, parts) for the class and for home."""
    pattern = r"\*\*(?:In class|At home), (\d+)(?: minutes by (\w+))?:\*\* (.*)\.$"
    found = re.findall(pattern, text, re.MULTILINE)
    parts = [[part.rsplit(" ", 1) for part in listed.split(" · ")] for *_, listed in found]
    totals = [int(total) for total, *_ in found]
    return found[0][1], list(zip(totals, parts, strict=True))


def test_every_chapter_has_its_section():
    assert [number for number, _ in SECTIONS] == [str(n) for n in range(1, 19)]
    for chapter in CHAPTERS:
        (text,) = (text for number, text in SECTIONS if int(number) == int(chapter[:2]))
        assert text.lstrip().startswith(f"{{doc}}`{chapter}`")


@pytest.mark.parametrize("number, text", SECTIONS, ids=[number for number, _ in SECTIONS])
def test_a_section_has_its_parts_and_every_question_an_answer(number, text):
    assert re.findall(r"^\*\*([A-Z][^*]*)\.\*\*", text, re.MULTILINE) == PARTS
    wrong = text.split("**Wrong ideas.**")[1].split("**Discuss.**")[0]
    assert 2 <= len(re.findall(r"^- \*[^*]+\*", wrong, re.MULTILINE)) <= 5
    asked = re.findall(r"^- .*", text.split("**Discuss.**")[1], re.MULTILINE)
    assert len(asked) >= 2
    for line in asked:
        assert re.match(r"- \*[^*]+[?.]\* \S+ \S+ \S+", line), line


@pytest.mark.parametrize("number, text", SECTIONS, ids=[number for number, _ in SECTIONS])
def test_the_minutes_name_the_sections_and_add_up(number, text):
    kind, lists = minutes(text)
    assert lists[0][0] <= 155
    for total, parts in lists:
        assert total == sum(int(count) for _, count in parts)
    if kind == "section":
        (chapter,) = (name for name in CHAPTERS if int(name[:2]) == int(number))
        cells = read(BOOK / f"{chapter}.ipynb", 4).cells
        headings = {line for cell in cells for line in re.findall(r"^## (.*)$", cell.source, re.M)}
        assert {name for _, parts in lists for name, _ in parts} <= headings


def test_the_short_courses_have_as_many_weeks_as_they_say():
    words = {"Seven": 7, "Ten": 10, "Twelve": 12}
    rows = re.findall(r"^\| (\w+) weeks, \w+ \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for name, listed in rows:
        weeks = 0
        for entry in listed.split(", "):
            first, *last = re.findall(r"\d+", entry) or ["1"]
            weeks += int(last[0]) - int(first) + 1 if last else 1
        assert weeks == words[name], listed


def test_the_rubric_and_the_grade_add_up():
    lines = re.findall(r"^\| \*\*.*", PAGE, re.MULTILINE)
    assert len(lines) == 6 and all(line.count("|") == 6 for line in lines)
    assert "0 to 3 points each, 18 in all" in PAGE
    shares = re.findall(r"^\| [^|]*, (\d+) % \|", PAGE, re.MULTILINE)
    assert sum(map(int, shares)) == 100
