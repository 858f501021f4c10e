"""Files made to do harm: broken notebooks, bombs, links, folders without end. The class goes on."""

import csv
import io
import os
import stat
import struct
import tracemalloc
import warnings
import zipfile

import pytest
from classroom.notebooks import MAJORITY, NEURON, hand_in, notebook, zipped

from nncourse.classroom.__main__ import main
from nncourse.classroom.files import MAXIMUM_BYTES
from nncourse.classroom.submissions import find, load

WORK = notebook(NEURON)

HOSTILE = {
    "not JSON": ("print('hello')", "not a notebook"),
    "a list": ("[]", "no list of cells"),
    "cells are a number": ('{"cells": 1}', "no list of cells"),
    "deep": ("[" * 10**6, "not a notebook"),
    "a million lists": ('{"cells": [' + "[]," * 10**6 + "[]]}", "too many parts"),
    "a million texts": ('{"cells": [' + '"",' * 10**6 + '""]}', "too many parts"),
    "too much code": (notebook("x" * 4 * 10**6), "more than 3,000,000 characters"),
    "too many cells": ('{"cells": [' + '{"cell_type": "code"},' * 2000 + "1]}", "1,000 are"),
    "too large": (" " * (MAXIMUM_BYTES + 1), "more than 20,000,000 bytes"),
}
STRANGE = {
    "cells of all kinds": '{"cells": [1, null, [], {"cell_type": "code", "source": [1, {}]}]}',
    "no source": '{"cells": [{"cell_type": "code"}, {"cell_type": "code", "source": 5}]}',
    "a huge number": '{"cells": [' + "9" * 10**5 + "]}",
    "half a character": notebook("x = 1").replace("x = 1", "x = '\\ud800'"),
    "a null byte": notebook("x = '\0'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_remark(tmp_path, name):
    text, words = HOSTILE[name]
    (one,) = find(hand_in(tmp_path, {"x.ipynb": text})).submissions
    notebooks, (remark, _), _ = load(one)
    assert notebooks == [] and words in remark


def test_links_and_pipes_are_not_opened(tmp_path):
    hand_in(tmp_path, {"secret/notes.ipynb": notebook("secret"), "class/ok.ipynb": notebook("1")})
    os.symlink(tmp_path / "secret" / "notes.ipynb", tmp_path / "class" / "link.ipynb")
    os.symlink(tmp_path / "secret", tmp_path / "class" / "folder")
    os.mkfifo(tmp_path / "class" / "pipe.ipynb")
    loaded = {one.student: load(one) for one in find(tmp_path / "class").submissions}
    assert set(loaded) == {"ok", "link", "pipe"}
    assert loaded["link"][0] == [] and "links are refused" in loaded["link"][1][0]
    assert loaded["pipe"][0] == [] and "not a regular file" in loaded["pipe"][1][0]


# ZIP files ------------------------------------------------------------------------------------


def link():
    info = zipfile.ZipInfo("x.ipynb")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return {info: "/etc/passwd"}


def flagged(data, where, flag):
    """Return an archive of one file whose headers say something else."""
    data = bytearray(data)
    for signature, offset in ((b"PK\3\4", where), (b"PK\1\2", where + 2)):
        data[data.index(signature) + offset] = flag
    return bytes(data)


def nested(depth):
    data = zipped({"x.ipynb": WORK})
    for _ in range(depth):
        data = zipped({"x.zip": data})
    return data


def same(*texts):
    """Return an archive that holds a file several times."""
    with zipfile.ZipFile(out := io.BytesIO(), "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in texts:
            archive.writestr("x.ipynb", text)
    return out.getvalue()


def overlapping(count):
    """Return an archive whose list names the same bytes many times."""
    data = zipped({"x.ipynb": " " * 10**7})
    at, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    size = count * (end - at)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, at, 0)
    return data[:at] + data[at:-22] * count + end


ZIPS = {
    "a path that leads out": (zipped({"../../x.ipynb": WORK}), "leads out of the ZIP file"),
    "an absolute path": (zipped({"/tmp/x.ipynb": WORK}), "leads out of the ZIP file"),
    "a drive": (zipped({"C:\\x.ipynb": WORK}), "leads out of the ZIP file"),
    "a link": (zipped(link()), "links are refused"),
    "a bomb": (zipped({"x.ipynb": " " * (MAXIMUM_BYTES + 10)}), "more than 20,000,000 bytes"),
    "1,100 folders": (zipped({"a/" * 1100 + "x.ipynb": WORK}), "too many folders"),
    "encrypted": (flagged(zipped({"x.ipynb": WORK}), 6, 1), "it is encrypted"),
    "another method": (flagged(zipped({"x.ipynb": WORK}), 8, 12), "not read here"),
    "cut off": (zipped({"x.ipynb": WORK})[:-30], "not a ZIP file"),
    "damaged": (flagged(zipped({"x.ipynb": WORK}), 14, 1), "cannot be unpacked"),
    "an endless list": (zipped({f"{i}" * 20000: "" for i in range(300)}), "contains too much"),
    "a second list": (zipped({"x.ipynb": WORK}) + b"PK\6\7" + bytes(16), "contains too much"),
    "in too many others": (nested(4), "in too many others"),
    "wide and deep": (zipped({f"{i}.zip": nested(3) for i in range(30)}), "only 20 ZIP files"),
    "the same twice": (same("x", "{}"), "no list of cells"),
    "the same bytes often": (overlapping(900), "it is not a notebook"),
    "backslashes": (zipped({"..\\..\\x.ipynb": WORK}), "leads out of the ZIP file"),
    "a null in its name": (zipped({"x.txtX.ipynb": WORK}).replace(b"xtX", b"xt\0"), "no notebook"),
    "patched data": (flagged(zipped({"x.ipynb": WORK}), 6, 32), "cannot be unpacked"),
    "only what macOS adds": (zipped({"__MACOSX/._x.ipynb": "x"}), "no notebook that can"),
    "not a ZIP": (b"PK\3\4" + bytes(100), "not a ZIP file"),
}


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_zips_are_refused_with_a_remark(tmp_path, name):
    data, words = ZIPS[name]
    hand_in(tmp_path, {"eve.zip": data, "honest.zip": nested(2)})
    submissions = {one.student: one for one in find(tmp_path).submissions}
    assert [n.cells for n in load(submissions["honest"])[0]] == [[NEURON]]
    notebooks, remarks, _ = load(submissions["eve"])
    assert notebooks == [] and words in remarks[0], remarks
    assert sorted(os.listdir(tmp_path)) == ["eve.zip", "honest.zip"]  # nothing is unpacked


def test_of_two_files_of_one_name_the_last_counts_and_it_is_said(tmp_path):
    joe = zipped({"./": "", "./x.ipynb": WORK})
    hand_in(tmp_path, {"eve.zip": same("{}", WORK), "joe.zip": joe})
    eve, joe = (load(one) for one in find(tmp_path).submissions)
    assert [n.cells for n in eve[0]] == [n.cells for n in joe[0]] == [[NEURON]] and joe[1] == []
    assert eve[1] == ["x.ipynb: the ZIP file has it twice; the last one counts"]


# Too much of everything -----------------------------------------------------------------------


def deep(folder):
    """Make 1,100 folders, one inside the other, as a careless unpacking does."""
    (folder / "a").mkdir()
    for _ in range(1100):
        (folder / "b").mkdir()
        os.rename(folder / "a", folder / "b" / "a")
        os.rename(folder / "b", folder / "a")


def not_deep(folder):
    """Take them apart again: pytest, which removes old folders, would stumble."""
    while (folder / "a" / "a").exists():
        os.rename(folder / "a" / "a", folder / "b")
        (folder / "a").rmdir()
        os.rename(folder / "b", folder / "a")


def many(folder):
    for i in range(1100):
        (folder / f"{i:05}.txt").touch()


def notebooks(folder):
    hand_in(folder, {f"{i:02}.ipynb": WORK for i in range(40)})


def large(folder):
    hand_in(folder, {f"{i}.ipynb": WORK + " " * 19_000_000 for i in range(5)})


def zips(folder):
    hand_in(folder, {f"{i}.zip": zipped({"x.txt": ""}) for i in range(30)})


def bombs(folder):
    bomb = zipped({f"{i}.ipynb": " " * 10 for i in range(100)})
    hand_in(folder, {"bombs.zip": bomb})


TOO_MUCH = {
    zips: "only 20 ZIP files",
    bombs: "only 20 notebooks",
    deep: "it lies in too many folders",
    many: "more than 1,000 files",
    notebooks: "only 20 notebooks",
    large: "it has more than",
}


@pytest.mark.parametrize("make", TOO_MUCH)
def test_limits_are_of_one_student_and_told(tmp_path, make):
    hand_in(tmp_path, {"eve/0.ipynb": WORK, "honest/x.ipynb": WORK})
    make(tmp_path / "eve")
    tracemalloc.start()
    eve, honest = (load(one) for one in find(tmp_path).submissions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    not_deep(tmp_path / "eve")
    assert [n.cells for n in honest[0]] == [[NEURON]] and honest[1] == []
    assert TOO_MUCH[make] in " ".join(eve[1]) and len(eve[1]) <= 21
    assert eve[0] and peak < 70_000_000


@pytest.mark.parametrize(("part", "size"), [("1.5,", 4), ("[],", 20), ("{},", 20), ('"ab",', 20)])
def test_the_memory_of_a_notebook_is_bounded(tmp_path, part, size):
    text = '{"cells": [' + part * (size * 1_000_000 // len(part) - 20) + "1]}"
    (one,) = find(hand_in(tmp_path, {"eve.ipynb": text})).submissions
    del text
    tracemalloc.start()
    load(one)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (25_000_000 if size == 4 else 150_000_000)


@pytest.mark.usefixtures("sandboxed")
def test_a_class_with_all_of_them_is_graded(tmp_path):
    names = {"=cmd|' /C calc'!A0": "formula", "<script>alert(1)</script>": "markup"}
    folder = tmp_path / "class"
    hand_in(folder, {f"{name}/x.ipynb": text for name, (text, _) in HOSTILE.items()})
    hand_in(folder, {f"zip {name.replace(',', '')}.zip": data for name, (data, _) in ZIPS.items()})
    hand_in(folder, {f"{name}/x.ipynb": text for name, text in STRANGE.items()})
    hand_in(folder, {f"{name.replace('/', '')}/x.ipynb": notebook(NEURON) for name in names})
    (folder / os.fsdecode(b"bytes-\xff")).mkdir()
    hand_in(folder, {os.fsdecode(b"bytes-\xff/x.ipynb"): notebook(NEURON)})
    hand_in(folder, {"honest/x.ipynb": notebook(NEURON, MAJORITY)})
    arguments = ["--chapter", "01_neurons", "--exercise", "neuron", "--seed", "0"]
    assert main(["grade", str(folder), "-o", str(tmp_path / "out"), *arguments]) == 1
    with open(tmp_path / "out" / "gradebook.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[2:]
    points = {row[0]: row[-1] for row in rows}
    assert len(points) == len(HOSTILE) + len(STRANGE) + len(ZIPS) + len(names) + 2
    assert points["honest"] == "1" and points["not JSON"] == "0"
    assert points["'=cmd|' C calc'!A0".replace(" C", " C")] == "1"
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    for page in (tmp_path / "out").rglob("*.html"):
        assert "<script" not in page.read_text(encoding="utf-8")
