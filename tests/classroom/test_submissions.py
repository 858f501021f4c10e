"""Who handed in what: layouts of learning platforms, versions, and files made to do harm."""

import csv
import os

import pytest
from classroom.notebooks import MAJORITY, NEURON, hand_in, notebook

from nncourse.classroom.__main__ import main
from nncourse.classroom.submissions import MAXIMUM_BYTES, find, load


def found(folder):
    """Return (student, number, files) of each submission."""
    return [(s.name, s.number, [str(p.relative_to(folder)) for p in s.paths]) for s in find(folder)]


LAYOUTS = {
    "canvas": (
        "doejane_12345_67890_01_neurons.ipynb", "roejoe_LATE_12346_67891_my work.ipynb",
        [("doejane", "12345"), ("roejoe", "12346")],
    ),
    "moodle": (
        "Jane Doe_12345_assignsubmission_file_/a.ipynb",
        "Joe von Roe_12346_assignsubmission_file_/deep/b.ipynb",
        [("Jane Doe", "12345"), ("Joe von Roe", "12346")],
    ),
    "nbgrader": (
        "submitted/jane/01_neurons/01_neurons.ipynb", "submitted/joe/01_neurons/01_neurons.ipynb",
        [("jane", ""), ("joe", "")],
    ),
    "inside submitted": (
        "jane/01_neurons/01_neurons.ipynb", "joe/01_neurons/01_neurons.ipynb",
        [("jane", ""), ("joe", "")],
    ),
    "folders": ("Jane/x.ipynb", "Joe/x.ipynb", [("Jane", ""), ("Joe", "")]),
    "files": ("Jane.ipynb", "joe_01_neurons.ipynb", [("Jane", ""), ("joe", "")]),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout):
    *names, expected = LAYOUTS[layout]
    hand_in(tmp_path, {name: notebook(NEURON) for name in [*names, ".ipynb_checkpoints/x.ipynb"]})
    assert found(tmp_path) == [(*who, [n]) for who, n in zip(expected, names, strict=True)]


def test_the_last_version_counts_and_lateness_is_noted(tmp_path):
    files = [f"doe_LATE_1_{n}_work-{n}.ipynb" for n in (2, 10)]
    hand_in(tmp_path, {name: notebook(NEURON) for name in ["doe_1_5_work.ipynb", *files]})
    (one,) = find(tmp_path)
    assert [path.name for path in one.paths] == [files[1]] and one.late
    assert sorted(path.name for path in one.superseded) == ["doe_1_5_work.ipynb", files[0]]


def test_several_chapters_of_one_student_belong_together(tmp_path):
    names = ["ada_1_2_01_neurons.ipynb", "ada_1_3_02_linear_models.ipynb"]
    hand_in(tmp_path, {name: notebook(NEURON) for name in names})
    assert found(tmp_path) == [("ada", "1", names)]


def test_no_one_can_hand_in_for_another(tmp_path):
    """Names inside a student's own folder say nothing about whose they are."""
    names = [
        "eve/doejane_12345_67890_x.ipynb", "eve/submitted/jane/01_neurons/x.ipynb",
        "eve/Jane Doe_12345_assignsubmission_file_/x.ipynb",
    ]  # fmt: skip
    hand_in(tmp_path, {name: notebook(NEURON) for name in names})
    assert {who for who, *_ in found(tmp_path)} == {"eve"}


def test_names_of_files_are_safe_and_unique(tmp_path):
    names = ["a-b", "A", "a", "ä", "ö", "=1+1", "x" * 200, "..x", "<b>", "new\nline", " ", "con.",
             "\u202egnp", "-rf"]  # fmt: skip
    hand_in(tmp_path, {f"{name}/x.ipynb": notebook(NEURON) for name in names})
    ids = [one.id for one in find(tmp_path)]
    assert len({i.casefold() for i in ids}) == len(ids) == len(names)
    assert all(len(i) <= 70 and i.strip("-.") == i != "" for i in ids)
    assert all(c.isascii() and (c.isalnum() or c in "-.") for i in ids for c in i)


def test_an_empty_folder_is_an_error(tmp_path, capsys):
    assert main(["grade", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "expected a folder of notebooks" in capsys.readouterr().err


# Hostile files --------------------------------------------------------------------------------

HOSTILE = {
    "not JSON": ("print('hello')", "not a notebook"),
    "a list": ("[]", "no list of cells"),
    "cells are a number": ('{"cells": 1}', "no list of cells"),
    "deep": ("[" * 10**6, "not a notebook"),
    "a huge number": ('{"cells": [' + "9" * 10**5 + "]}", "not a notebook"),
    "too many cells": ('{"cells": [' + '{"cell_type": "code"},' * 2000 + "1]}", "1,000 are"),
    "too large": (" " * (MAXIMUM_BYTES + 1), "more than 20,000,000 bytes"),
}
STRANGE = {
    "cells of all kinds": '{"cells": [1, null, [], {"cell_type": "code", "source": [1, {}]}]}',
    "no source": '{"cells": [{"cell_type": "code"}, {"cell_type": "code", "source": 5}]}',
    "half a character": notebook("x = 1").replace("x = 1", "x = '\\ud800'"),
    "a null byte": notebook("x = '\0'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_remark(tmp_path, name):
    text, words = HOSTILE[name]
    (one,) = find(hand_in(tmp_path, {"x.ipynb": text}))
    cells, (remark,) = load(one)
    assert cells == [] and words in remark


def test_links_and_pipes_are_not_opened(tmp_path):
    hand_in(tmp_path, {"secret/notes.ipynb": notebook("secret"), "class/ok.ipynb": notebook("1")})
    os.symlink(tmp_path / "secret" / "notes.ipynb", tmp_path / "class" / "link.ipynb")
    os.symlink(tmp_path / "secret", tmp_path / "class" / "folder")
    os.mkfifo(tmp_path / "class" / "pipe.ipynb")
    loaded = {one.student: load(one) for one in find(tmp_path / "class")}
    assert set(loaded) == {"ok", "link", "pipe"}
    assert loaded["link"][0] == [] and "links are refused" in loaded["link"][1][0]
    assert loaded["pipe"][0] == [] and "not a regular file" in loaded["pipe"][1][0]


@pytest.mark.usefixtures("sandboxed")
def test_a_class_with_all_of_them_is_graded(tmp_path):
    names = {"=cmd|' /C calc'!A0": "formula", "<script>alert(1)</script>": "markup"}
    folder = tmp_path / "class"
    hand_in(folder, {f"{name}/x.ipynb": text for name, (text, _) in HOSTILE.items()})
    hand_in(folder, {f"{name}/x.ipynb": text for name, text in STRANGE.items()})
    hand_in(folder, {f"{name.replace('/', '')}/x.ipynb": notebook(NEURON) for name in names})
    (folder / os.fsdecode(b"bytes-\xff")).mkdir()
    hand_in(folder, {os.fsdecode(b"bytes-\xff/x.ipynb"): notebook(NEURON)})
    hand_in(folder, {"honest/x.ipynb": notebook(NEURON, MAJORITY)})
    arguments = ["--chapter", "01_neurons", "--exercise", "neuron", "--seed", "0"]
    assert main(["grade", str(folder), "-o", str(tmp_path / "out"), *arguments]) == 0
    with open(tmp_path / "out" / "gradebook.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[2:]
    points = {row[0]: row[-1] for row in rows}
    assert len(points) == len(HOSTILE) + len(STRANGE) + len(names) + 2
    assert points["honest"] == "1" and points["not JSON"] == "0"
    assert points["'=cmd|' C calc'!A0".replace(" C", " C")] == "1"
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    for page in (tmp_path / "out").rglob("*.html"):
        assert "<script" not in page.read_text(encoding="utf-8")
