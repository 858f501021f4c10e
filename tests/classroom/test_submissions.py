"""Who handed in what: layouts of learning platforms, whatever the files are called."""

import os
import unicodedata

import pytest
from classroom.notebooks import NEURON, hand_in, notebook, zipped

from nncourse.classroom.__main__ import main
from nncourse.classroom.layouts import recognize
from nncourse.classroom.submissions import Submission, find, load

WORK = notebook(NEURON)
DECOMPOSED = unicodedata.normalize("NFD", "müllerjürgen")
METADATA = """
submission_71:
  :submitters:
  - :name: Jane Doe
    :sid: '501'
    :email: jane@school.example
  :created_at: 2026-11-28 12:00:00.000000000 Z
submission_72:
  :submitters:
  - :name: !ruby/string Joe Roe
    :email: joe@school.example
  - :name: Ann Poe
    :sid: ''
  :created_at: 2026-11-28 12:00:00.000000000 Z
"""
SLIP = "Name: {} ({})\nAssignment: HW 4\nDate Submitted: today\n\nComments:\nName: Eve (eve)\n"


def found(folder):
    """Return (student, number, names of notebooks) of each submission."""
    return [(s.name, s.number, [n.name for n in load(s)[0]]) for s in find(folder).submissions]


# From the files of a download to (student, number, notebooks) of each of its students.
LAYOUTS = {
    "canvas": (
        ["doejane_12345_67890_01_neurons.ipynb", "roejoe_LATE_12346_67891_my work.ipynb"],
        [("doejane", "12345", 1), ("roejoe", "12346", 1)],
    ),
    "canvas, names of all kinds": (
        ["देवनागरी_11_1_a.ipynb", f"{DECOMPOSED}_12_2_a.ipynb", "de_la_cruz_LATE_13_3_a.ipynb",
         "o-12-5-x_14_4_a.ipynb", "anon_LATE_Ab1Zz_5_a.ipynb", "李雷_15_6_a_16_7_b.ipynb"],
        [("anon", "Ab1Zz", 1), ("de_la_cruz", "13", 1), ("müllerjürgen", "12", 1),
         ("o-12-5-x", "14", 1), ("देवनागरी", "11", 1), ("李雷", "15", 1)],
    ),
    "canvas, different files": (
        ["doe_1_5_hw-4.ipynb", "doe_1_6_hw-5.ipynb", "doe_1_7_hw.ipynb", "roe_2_8_hw-1.ipynb"],
        [("doe", "1", 3), ("roe", "2", 1)],
    ),
    "canvas, text and pictures": (
        ["doe_1_5_x.pdf", "roe_2_text.html", "poe_3_8_x.ipynb"],
        [("doe", "1", 0), ("poe", "3", 1), ("roe", "2", 0)],
    ),
    "moodle": (
        ["Jane Doe_12345_assignsubmission_file_/a.ipynb",
         "Joe von Roe_12346_assignsubmission_file/deep/b.ipynb",
         "Joe von Roe_12346_assignsubmission_onlinetext_/onlinetext.html"],
        [("Jane Doe", "12345", 1), ("Joe von Roe", "12346", 1)],
    ),
    "moodle, flat": (
        ["Jane Doe_12345_assignsubmission_file_a_1_2_b.ipynb",
         "Zoë_von_Roe_12346_assignsubmission_file_01_neurons.ipynb",
         "Zoë_von_Roe_12346_assignsubmission_file_02_linear_models.ipynb"],
        [("Jane Doe", "12345", 1), ("Zoë_von_Roe", "12346", 2)],
    ),
    "nbgrader": (
        ["submitted/jane/01_neurons/01_neurons.ipynb", "submitted/joe/01_neurons/01_neurons.ipynb",
         "submitted/joe/01_neurons/timestamp.txt", "release/01_neurons/01_neurons.ipynb",
         "source/01_neurons/01_neurons.ipynb"],
        [("jane", "", 1), ("joe", "", 1)],
    ),
    "inside submitted": (
        ["jane/01_neurons/01_neurons.ipynb", "joe/01_neurons/01_neurons.ipynb",
         "joe/02_linear_models/02_linear_models.ipynb"],
        [("jane", "", 1), ("joe", "", 2)],
    ),
    "gradescope": (
        {"submission_metadata.yml": METADATA, "submission_71/hw.ipynb": WORK,
         "submission_72/hw.ipynb": WORK},
        [("Jane Doe", "501", 1), ("Joe Roe and Ann Poe", "joe@school.example", 1)],
    ),
    "gradescope without its list": (
        ["submission_71/hw.ipynb", "submission_72/hw.ipynb"],
        [("submission_71", "71", 1), ("submission_72", "72", 1)],
    ),
    "otter": (
        {f"jane_hw4_2026_11_28T12_30_5{i}_1.zip": zipped({"hw4.ipynb": WORK, ".OTTER_LOG": "x"})
         for i in "12"},
        [("jane_hw4_2026_11_28T12_30_51_1", "", 1), ("jane_hw4_2026_11_28T12_30_52_1", "", 1)],
    ),
    "blackboard": (
        {"HW 4_a_doe_attempt_2026-11-28-12-30-59_01_neurons.ipynb": WORK,
         "HW 4_a_doe_attempt_2026-11-28-12-30-59.txt": SLIP.format("Ann Doe", "a_doe"),
         "HW 4_b_doe_attempt_2026-11-28-12-31-59_x.ipynb": WORK,
         "HW 4_b_doe_attempt_2026-11-28-12-31-59.txt": SLIP.format("Bo Doe (Bob)", "b_doe"),
         "HW 4_zed_attempt_2026-11-28-12-31-59_x.ipynb": WORK},
        [("Ann Doe", "a_doe", 1), ("Bo Doe (Bob)", "b_doe", 1), ("zed", "", 1)],
    ),
    "blackboard, files that look like others'": (
        {"HW 4_eve_attempt_2026-11-28-12-30-59_doe_attempt_2026-11-27-12-30-59_x.ipynb": WORK,
         "HW 4_eve_attempt_2026-11-28-12-30-59_doe_attempt_2026-11-27-12-30-59.txt":
             SLIP.format("Ann Doe", "doe"),
         "HW 4_eve_attempt_2026-11-28-12-30-59.txt": SLIP.format("Eve", "eve"),
         "HW 4_doe_attempt_2026-11-28-12-30-59_x.zip": zipped({"a/x.ipynb": WORK})},
        [("doe", "", 1), ("Eve", "eve", 1)],
    ),
    "brightspace": (
        ["index.html", "101-7 - Jane Doe - Nov 28, 2026 1234 PM/a.ipynb",
         "102-7 - Ann-Lee O'Poe - 28 November, 2026 934 AM/a.ipynb"],
        [("Ann-Lee O'Poe", "102", 1), ("Jane Doe", "101", 1)],
    ),
    "brightspace, flat": (
        ["101-7 - Jane Doe - Nov 28, 2026 1234 PM - a - b.ipynb",
         "102-7 - Joe Roe - Nov 28, 2026 1234 PM - a.ipynb"],
        [("Jane Doe", "101", 1), ("Joe Roe", "102", 1)],
    ),
    "github classroom": (
        ["hw4-submissions/hw4-jane/.git/x.ipynb", "hw4-submissions/hw4-jane/work.ipynb",
         "hw4-submissions/hw4-hw4-joe/src/work.ipynb", "hw4-submissions/hw4-/x.ipynb",
         "hw4-submissions/hw4-hw4-/x.ipynb"],
        [("", "", 1), ("hw4-", "", 1), ("hw4-joe", "", 1), ("jane", "", 1)],
    ),
    "folders": (["Jane/x.ipynb", "Joe/x.ipynb"], [("Jane", "", 1), ("Joe", "", 1)]),
    "files": (
        ["Jane.ipynb", "joe_01_neurons.ipynb", "joe_02_linear_models (1).ipynb", "ann.IPYNB",
         "01_neurons (1).ipynb", "01_neurons (2).ipynb"],
        [("01_neurons (1)", "", 1), ("01_neurons (2)", "", 1), ("ann", "", 1), ("Jane", "", 1),
         ("joe", "", 2)],
    ),
    "zips": (
        {"Jane.zip": zipped({"w/x.ipynb": WORK}), "Joe.ZIP": zipped({"x.ipynb": WORK})},
        [("Jane", "", 1), ("Joe", "", 1)],
    ),
}  # fmt: skip
WRAPPED = {"as it is": "", "in a folder": "hw4/", "in two folders": "download/hw4/"}


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout, wrapped):
    names, expected = LAYOUTS[layout]
    files = names if isinstance(names, dict) else dict.fromkeys(names, WORK)
    top = WRAPPED[wrapped] if layout != "files" else ""  # there it is a question: see below
    files = {top + name: text for name, text in files.items()}
    hand_in(tmp_path / "c", files | {f"{top}.ipynb_checkpoints/x.ipynb": WORK, ".DS_Store": "x"})
    assert [(s, n, len(work)) for s, n, work in found(tmp_path / "c")] == expected
    assert len({one.id for one in find(tmp_path / "c").submissions}) == len(expected)
    if not any(isinstance(text, bytes) for text in files.values()):
        (tmp_path / "all.zip").write_bytes(zipped(files))
        assert found(tmp_path / "all.zip") == found(tmp_path / "c")


NAMES = ["x.ipynb", "x.IPYNB", "x.ipynb.txt", "x.ipynb.json", "x.ipynb (1)", "x (1).ipynb"]


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_under_other_names(tmp_path, name):
    (one,) = find(hand_in(tmp_path, {f"jane/{name}": WORK})).submissions
    assert load(one) == ([(name, [NEURON], False)], [], [])


def test_scripts_and_old_notebooks(tmp_path):
    old = '{"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\\n", "b"]}]}]}'
    script = "# coding: utf-8\n# In[1]:\nx = 1\n# %% [markdown]\n# text\n# %%\ny = 2\n"
    hand_in(tmp_path, {"ann/x.py": script, "bob/x.ipynb": old, "cy/x.ipynb": "\ufeff" + WORK})
    ann, bob, cy = (load(one)[0][0].cells for one in find(tmp_path).submissions)
    assert [cell.strip() for cell in ann] == ["# coding: utf-8", "x = 1", "# text", "y = 2"]
    assert bob == ["a = 1\nb"] and cy == [NEURON]


def test_lateness_is_of_a_notebook(tmp_path):
    hand_in(tmp_path, dict.fromkeys(["doe_1_5_a.ipynb", "doe_LATE_1_6_b.ipynb"], WORK))
    (one,) = find(tmp_path).submissions
    assert [(n.name[-7:-6], n.late) for n in load(one)[0]] == [("a", False), ("b", True)]
    assert one.late


def test_a_class_in_one_folder_is_a_question(tmp_path):
    hand_in(tmp_path, {"hw4/jane.ipynb": WORK, "hw4/joe.ipynb": WORK})
    with pytest.raises(ValueError, match=r"one student, or a class.*--layout files.*folders"):
        find(tmp_path)
    assert [s.student for s in find(tmp_path, layout="files").submissions] == ["jane", "joe"]
    assert [s.student for s in find(tmp_path, layout="folders").submissions] == ["hw4"]


def test_files_of_the_same_name_in_two_folders_are_two_students(tmp_path):
    names = ["a/work.ipynb", "b/work.ipynb", "b/jane_01_neurons.ipynb", "b/jane_02_mlp.ipynb"]
    hand_in(tmp_path, dict.fromkeys(names, WORK))
    submissions = find(tmp_path, layout="files").submissions
    assert [s.student for s in submissions] == ["a/work", "b/work", "jane"]
    assert len({s.id for s in submissions}) == 3


@pytest.mark.parametrize("text", ["[", "a: b", "- 1", "a: {':submitters': 5}", "\0", "a: &a [*a]"])
def test_a_strange_list_of_gradescope_s_is_told(tmp_path, text):
    hand_in(tmp_path, {"submission_metadata.yml": text, "submission_7/x.ipynb": WORK})
    all_of_it = find(tmp_path)
    assert "not Gradescope's list" in all_of_it.unread[0][1]
    assert [one.number for one in all_of_it.submissions] == ["7"]


def test_one_odd_entry_of_gradescope_s_list_costs_nobody_else_a_name(tmp_path):
    odd = "submission_73:\n  :submitters: []\n  :created_at: 2026-11-28 10:00:00\n"
    folders = (f"submission_{i}/x.ipynb" for i in (71, 72, 73))
    hand_in(tmp_path, {"submission_metadata.yml": METADATA + odd, **dict.fromkeys(folders, WORK)})
    found = find(tmp_path)
    assert [s.student for s in found.submissions] == [
        "Jane Doe", "Joe Roe and Ann Poe", "submission_73"]  # fmt: skip
    assert "not in these: submission_73" in found.unread[0][1]


def test_numbers_that_are_not_canvas_s_are_a_question(tmp_path):
    hand_in(tmp_path, {f"{who}_2026_11_neurons.ipynb": WORK for who in ("jane", "joe")})
    with pytest.raises(ValueError, match="number 2026 stands for several students: jane, joe"):
        find(tmp_path)
    whos = [s.student for s in find(tmp_path, layout="files").submissions]
    assert whos == ["jane_2026", "joe_2026"]


def test_the_folders_of_one_student_are_no_class(tmp_path):
    names = ["jane/01_neurons/x.ipynb", "jane/02_linear_models/x.ipynb", "jane/x.ipynb"]
    hand_in(tmp_path, dict.fromkeys(names, WORK))
    assert [(s, len(work)) for s, _, work in found(tmp_path)] == [("jane", 3)]


def test_no_one_can_hand_in_for_another(tmp_path):
    """Names inside a student's own folder say nothing about whose they are."""
    names = [
        "eve/doejane_12345_67890_x.ipynb", "eve/submitted/jane/01_neurons/x.ipynb",
        "eve/Jane Doe_12345_assignsubmission_file_/x.ipynb",
        "Eve_66_assignsubmission_file_/Jane_5_assignsubmission_file_x.ipynb",
    ]  # fmt: skip
    hand_in(tmp_path, {name: notebook(NEURON) for name in names})
    assert {who for who, *_ in found(tmp_path)} == {"Eve", "eve"}
    twice = "Jane_5_assignsubmission_file__66_assignsubmission_file_x"
    hand_in(tmp_path, {f"{twice}.ipynb": WORK, f"{twice}/x.ipynb": WORK})
    assert not {"Jane", "5"} & {part for who in found(tmp_path) for part in who[:2]}


def test_ids_are_safe_and_unique_whoever_is_called_what(tmp_path):
    names = ["a-b", "A", "a", "ä", "ö", "=1+1", "x" * 200, "..x", "<b>", "new\nline", " ", "con.",
             "\u202egnp", "-rf", "doe_1", DECOMPOSED, "müllerjürgen"]  # fmt: skip
    hand_in(tmp_path, {f"{name}/x.ipynb": WORK for name in names})
    hand_in(tmp_path, {"doe_1_2_x.ipynb": WORK})
    for other in [one.id for one in find(tmp_path).submissions]:  # those that are known by now
        hand_in(tmp_path, {f"{other}/x.ipynb": WORK})
    ids = [one.id for one in find(tmp_path).submissions]
    assert len({i.casefold() for i in ids}) == len(ids) > len(names) + 9
    assert all(len(i) <= 70 and i.strip("-.") == i != "" for i in ids)
    assert all(c.isascii() and (c.isalnum() or c in "-._") for i in ids for c in i)
    assert Submission("jane").id == "jane"


def test_what_is_not_understood_is_told(tmp_path):
    files = {"notes.pdf": "x", "jane/work.ipynb": WORK, "jane/work.pdf": "x", "joe/work.docx": "x",
             "ann.zip": "no zip", "bob/lost.rar": "x", "bob/x.ipynb": "x"}  # fmt: skip
    hand_in(tmp_path / "c", files)
    os.symlink(tmp_path / "c" / "jane", tmp_path / "c" / "link")
    os.symlink(tmp_path / "c" / "jane" / "work.ipynb", tmp_path / "c" / "joe" / "work.ipynb")
    all_of_it = find(tmp_path / "c")
    assert all_of_it.unread == [
        ("link", "it is a link; links are refused"),
        ("notes.pdf", "it is no notebook, and nobody's"),
    ]
    told = {one.student: load(one)[1:] for one in all_of_it.submissions}
    assert told["jane"] == ([], ["work.pdf"]) and told["joe"][1] == ["work.docx"]
    assert told["joe"][0][0] == "work.ipynb: it is a link; links are refused"
    assert "it is not a ZIP file" in told["ann"][0][0]
    assert told["bob"][1] == ["lost.rar"] and "not a notebook" in told["bob"][0][0]
    assert all(told[who][0][-1] == "there is no notebook that can be read" for who in
               ("ann", "bob", "joe"))  # fmt: skip


def test_the_output_is_not_taken_for_a_student(tmp_path):
    hand_in(tmp_path, {"jane.ipynb": WORK, "grades/feedback/x.ipynb": WORK})
    assert [s.student for s in find(tmp_path, without=[tmp_path / "grades"]).submissions] == [
        "jane"
    ]


def test_times_in_names_are_read():
    """Brightspace leaves out a zero: 110 PM is ten past one, not eleven."""
    for text, hour, minute in (("110 PM", 13, 10), ("1234 PM", 12, 34), ("934 AM", 9, 34)):
        who = recognize(f"101-7 - Jane - Nov 28, 2026 {text}", folder=True)
        assert (who.time.hour, who.time.minute) == (hour, minute)


def test_a_file_in_a_zip_in_a_zip_belongs_to_whom_the_platform_names(tmp_path):
    """Whatever the folders inside are called."""
    inner = zipped({"Ann Poe_7_assignsubmission_file_/x.ipynb": WORK, "__MACOSX/._x": "x"})
    moodle = {"Jane Doe_5_assignsubmission_file_/joe_1_2_w.zip": inner}
    hand_in(tmp_path, {"m/class.zip": zipped(moodle), "c/joe_1_2_w.zip": zipped(moodle)})
    assert [(s, n, len(work)) for s, n, work in found(tmp_path / "m")] == [("Jane Doe", "5", 1)]
    assert [(s, n, len(work)) for s, n, work in found(tmp_path / "c")] == [("joe", "1", 1)]


def test_an_empty_folder_is_an_error(tmp_path, capsys):
    assert main(["grade", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "expected a folder of notebooks" in capsys.readouterr().err
