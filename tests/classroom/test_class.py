"""What an instructor sees and decides: the summary, the roster, decisions on points, feedback."""

import csv
import json
import zipfile
from datetime import datetime

import nbformat
import pytest
from classroom.notebooks import MAJORITY, NEURON, NoSandbox, hand_in, notebook

from nncourse.classroom import running
from nncourse.classroom.__main__ import main

ONLY = ["--exercise", "neuron", "--exercise", "majority", "--seed", "7"]
WRONG = "def neuron(x, w, b):\n    return np.maximum(x @ w, 0)\n"
STUB = "def neuron(x, w, b):\n    ...\n"
CLASS = {
    "doejane_11_1_work.ipynb": notebook(NEURON, MAJORITY),
    "poeann_LATE_12_2_work.ipynb": notebook(NEURON, MAJORITY),
    "roejoe_13_3_01_neurons.ipynb": notebook(STUB),
    "roejoe_13_4_01_neurons (1).ipynb": notebook("# mine", NEURON, "x = 1"),
    "zoezed_14_5_work.pdf": "x",
    "notes.txt": "x",
}
CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,HW 4 (901),HW 5 (902)
,,,,,Manual Posting,
    Points Possible,,,,,20,10
"Doe, Jane",11,s11,jane,A,,
"Poe, Ann",12,s12,ann,A,3,
"Roe, Joe",13,s13,joe,A,,
"=Mia, Tam",15,s15,mia,A,,
"Student, Test",99,,,A,,
"""


def grade(folder, *arguments):
    """Grade a class without a sandbox of each test's own: the results are made up."""
    return main(["grade", str(folder / "class"), "-o", str(folder / "out"), *ONLY, *arguments])


@pytest.fixture
def made_up(monkeypatch):
    """Stands for the sandbox: the exact answers are right, everything else is wrong."""
    graded = []

    def judge(jobs, *_, **__):
        for job in jobs:
            graded.append(sorted(job.names))
            found = {}
            for name in job.names:
                exact = {"neuron": NEURON, "majority": MAJORITY}.get(name)
                right = [title for title, cells, _ in job.notebooks if exact in cells]
                found[name] = {"points": int(bool(right)), "possible": 1, "aside": [], "cell": None}
                found[name]["message"] = "" if right else "Look <here>."
                found[name]["notebook"] = (right or [one[0] for one in job.notebooks] or [""])[0]
            yield job.key, [{"notes": [], "exercises": found}]

    monkeypatch.setattr(running, "Sandbox", NoSandbox)
    monkeypatch.setattr(running, "grade_all", judge)
    return graded


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def earned(folder):
    return {row[0]: row[-1] for row in rows(folder / "out" / "gradebook.csv")[2:]}


@pytest.mark.usefixtures("sandboxed")
def test_one_class_through_the_real_sandbox(tmp_path, capsys):
    """The best notebook counts; what was set aside or not understood is said everywhere."""
    hand_in(tmp_path / "class", CLASS)
    (tmp_path / "canvas.csv").write_text(CANVAS, encoding="utf-8")
    given = ["--roster", str(tmp_path / "canvas.csv"), "--column", "HW 4", "--late-penalty", "50"]
    assert grade(tmp_path, *given) == 1
    said = capsys.readouterr().out
    assert "4 graded, 0 known from before, 1 late, 1 missing: =Mia, Tam" in said
    assert "not understood: 3, all in report.html" in said
    assert "notes.txt: it is no notebook, and nobody's" in said
    assert "zoezed: there is no notebook that can be read" in said
    assert "zoezed: is in no row of the roster" in said
    assert earned(tmp_path) == {"doejane": "2", "poeann": "1", "roejoe": "1", "zoezed": "0"}
    joe = (tmp_path / "out" / "feedback" / "roejoe_13.html").read_text(encoding="utf-8")
    assert "roejoe_13_4_01_neurons (1).ipynb: counts for neuron" in joe
    assert "roejoe_13_3_01_neurons.ipynb: " in joe
    ann = (tmp_path / "out" / "feedback" / "poeann_12.html").read_text(encoding="utf-8")
    assert "late: 50 % of its points are lost" in ann and "0.5 of 1" in ann
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "notes.txt" in report and "=Mia, Tam" in report
    assert "zoezed_14_5_work.pdf" in (tmp_path / "out" / "feedback" / "zoezed_14.html").read_text(
        encoding="utf-8"
    )
    # The existing column of Canvas, scaled to its maximum, and nothing else.
    assert rows(tmp_path / "out" / "upload.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "HW 4 (901)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "20"],
        ["Doe, Jane", "11", "s11", "jane", "A", "20"],
        ["Poe, Ann", "12", "s12", "ann", "A", "10"],
        ["Roe, Joe", "13", "s13", "joe", "A", "10"],
        ["'=Mia, Tam", "15", "s15", "mia", "A", ""],
        ["Student, Test", "99", "", "", "A", ""],
    ]


def test_the_notebook_comes_back_with_remarks(tmp_path, made_up):
    cells = [{"cell_type": "markdown", "source": "# Mine"},
             {"cell_type": "code", "source": WRONG, "outputs": [{"text": "an output"}]},
             {"cell_type": "code", "source": "y = 1"}]  # fmt: skip
    hand_in(tmp_path / "class", {"ann.ipynb": json.dumps({"cells": cells})})
    assert grade(tmp_path, "--chapter", "01_neurons") == 0
    path = tmp_path / "out" / "feedback" / "ann.ipynb"
    back = nbformat.read(path, as_version=4)
    nbformat.validate(back)
    assert "an output" not in path.read_text(encoding="utf-8")
    assert [cell.source for cell in back.cells[:2]] == ["# Mine", WRONG]
    assert "<b>✗ neuron: 0 of 1 points</b>" in back.cells[2].source
    assert "Look &lt;here&gt;." in back.cells[2].source
    assert back.cells[3].source == "y = 1" and "majority" in back.cells[4].source


def test_feedback_is_packed_as_moodle_and_canvas_take_it_back(tmp_path, made_up):
    jane = "Jane Doe_5_assignsubmission_file_"
    hand_in(tmp_path / "class", {f"{jane}/x.ipynb": notebook(NEURON),
                                 "doe_1_2_x.ipynb": notebook(NEURON)})  # fmt: skip
    assert grade(tmp_path, "--chapter", "01_neurons") == 0
    with zipfile.ZipFile(tmp_path / "out" / "feedback.zip") as archive:
        assert archive.namelist() == ["doe_1_2_x.ipynb.feedback.html", f"{jane}/feedback.html"]
        page = (tmp_path / "out" / "feedback" / "doe_1.html").read_bytes()
        assert archive.read("doe_1_2_x.ipynb.feedback.html") == page


MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Feedback comments
Participant 5,Jane Doe,jane@s.example,Submitted,,100.00,
Participant 6,Jane Doe,other@s.example,-,-,100.00,
"""
EXCEL = "Name;Grade;Comment\nDöe, Jane;;a,b\n".encode("cp1252")  # as a spreadsheet may save it
GRADESCOPE = "First Name,Last Name,SID,Email,Total Score,Max Points\nJane,Doe,5,j@s.example,,4\n"


def test_moodle_s_worksheet_and_gradescope_s_table(tmp_path, made_up):
    hand_in(tmp_path / "class", {"Jane Doe_5_assignsubmission_file_/x.ipynb": notebook(NEURON)})
    for text, expected in (
        (MOODLE, [["Participant 5", "Jane Doe", "jane@s.example", "Submitted", "50", "100.00",
                   "majority: Look <here>."],
                  ["Participant 6", "Jane Doe", "other@s.example", "-", "-", "100.00", ""]]),
        (GRADESCOPE, [["Jane", "Doe", "5", "j@s.example", "2", "4"]]),
    ):  # fmt: skip
        hand_in(tmp_path, {"list.csv": text})
        given = ["--chapter", "01_neurons", "--roster", str(tmp_path / "list.csv")]
        assert grade(tmp_path, *given) == 0
        assert rows(tmp_path / "out" / "upload.csv")[1:] == expected


def test_a_roster_from_a_spreadsheet(tmp_path, made_up):
    hand_in(tmp_path, {"class/Jane Do\u0308e.ipynb": notebook(NEURON), "list.csv": EXCEL})
    assert grade(tmp_path, "--chapter", "01_neurons", "--roster", str(tmp_path / "list.csv")) == 0
    assert rows(tmp_path / "out" / "upload.csv")[1:] == [["Döe, Jane", "1", "a,b"]]


def test_rosters_that_do_not_fit(tmp_path, made_up, capsys):
    hand_in(tmp_path / "class", {"jane.ipynb": notebook(NEURON)})
    for text, column, words in (
        ("color\nred\n", "", "no column with names or numbers"),
        ("Name,A1,A2\njane,,\n", "A", "which column takes the points? 'A' fits 2"),
    ):
        (tmp_path / "list.csv").write_text(text, encoding="utf-8")
        given = ["--roster", str(tmp_path / "list.csv"), "--chapter", "01_neurons"]
        assert grade(tmp_path, *given, "--column", column) == 2
        assert not (tmp_path / "out").exists()  # it is said before anything is graded
        assert words in capsys.readouterr().err


def test_a_column_without_a_roster_is_refused(tmp_path, made_up, capsys):
    assert grade(tmp_path, "--column", "HW 4") == 2
    assert "--column names a column of the roster" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_grades_are_not_written_among_the_submissions(tmp_path, made_up, capsys):
    folder = hand_in(tmp_path / "class", CLASS)
    before = sorted(folder.rglob("*"))
    assert grade(tmp_path, "-o", str(folder / ".")) == 2
    assert "name another folder" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("option", ["roster", "extensions", "overrides"])
def test_a_list_that_is_not_there_is_named(tmp_path, option, capsys):
    with pytest.raises(SystemExit):
        grade(tmp_path, f"--{option}", str(tmp_path))
    assert f"--{option}: expected a file, got " in capsys.readouterr().err


def test_a_file_in_place_of_the_folder_for_the_grades_is_refused(tmp_path, capsys):
    path = tmp_path / "out"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        grade(tmp_path)
    assert stopped.value.code == 2 and path.read_text(encoding="utf-8") == "mine"
    assert "--output: expected a folder" in capsys.readouterr().err


def test_decisions_survive_and_can_be_taken_back(tmp_path, made_up, capsys):
    """Overrides and extensions are files of the instructor's; grading again changes nothing."""
    hand_in(tmp_path / "class", CLASS)
    (tmp_path / "over.csv").write_text(
        "student;exercise;points;reason\nroejoe_13;majority;0,5;a good idea\n"
        "nobody;neuron;1;\n", encoding="utf-8"
    )  # fmt: skip
    (tmp_path / "until.csv").write_text("student,until\n12,\n", encoding="utf-8")
    given = ["--overrides", str(tmp_path / "over.csv"), "--late-penalty", "10"]
    assert grade(tmp_path, *given) == 1
    assert "--overrides: 'nobody' is the name of 0 students" in capsys.readouterr().out
    assert earned(tmp_path)["roejoe"] == "1.5" and earned(tmp_path)["poeann"] == "1.8"
    page = (tmp_path / "out" / "feedback" / "roejoe_13.html").read_text(encoding="utf-8")
    assert "by hand: a good idea" in page and "0.5 of 1" in page
    given += ["--extensions", str(tmp_path / "until.csv"), "--regrade", "majority"]
    grade(tmp_path, *given)
    assert earned(tmp_path)["roejoe"] == "1.5" and earned(tmp_path)["poeann"] == "2"
    grade(tmp_path)
    assert earned(tmp_path)["roejoe"] == "1"
    (tmp_path / "over.csv").write_text("student,exercise,points\nx,newron,1\n", encoding="utf-8")
    assert grade(tmp_path, *given) == 2
    assert "line 2: expected one of ['neuron', 'majority']" in capsys.readouterr().err


def test_days_late(tmp_path, made_up, capsys):
    names = {"jane": "28-12-00-00", "joe": "28-12-00-01", "ann": "30-11-00-00"}
    text = notebook(NEURON, MAJORITY)
    files = {f"HW_{who}_attempt_2026-11-{time}_x.ipynb": text for who, time in names.items()}
    hand_in(tmp_path / "class", files)
    (tmp_path / "until.csv").write_text("student,until\nann,2026-11-29T12:00\n", encoding="utf-8")
    given = ["--chapter", "01_neurons", "--deadline", "2026-11-28T12:00"]
    assert grade(tmp_path, *given, "--late-penalty", "10/day") == 0
    assert earned(tmp_path) == {"ann": "1.6", "jane": "2", "joe": "1.8"}
    given += ["--late-penalty", "20", "--extensions", str(tmp_path / "until.csv")]
    assert grade(tmp_path, *given) == 0
    assert earned(tmp_path) == {"ann": "1.6", "jane": "2", "joe": "1.6"}
    there = datetime(2026, 11, 28, 12).astimezone().isoformat()  # the same, with its time zone
    assert grade(tmp_path, *given, "--deadline", there) == 0
    assert earned(tmp_path) == {"ann": "1.6", "jane": "2", "joe": "1.6"}
    (tmp_path / "until.csv").write_text("student,until\nann,28.11.2026\n", encoding="utf-8")
    assert grade(tmp_path, *given) == 2
    assert "line 2: expected a time such as 2026-" in capsys.readouterr().err


def test_one_exercise_is_graded_again_and_the_others_stay(tmp_path, made_up):
    hand_in(tmp_path / "class", {"jane.ipynb": notebook(NEURON, MAJORITY)})
    given = ["--chapter", "01_neurons"]
    for more in ([], ["--regrade", "majority"], ["--exercise", "majority"], []):
        assert grade(tmp_path, *given, *more) == 0
    assert made_up == [["majority", "neuron"], ["majority"]]
    assert grade(tmp_path, *given, "--regrade", "newron") == 2


def test_own_inputs_change_with_the_submission_only(tmp_path, made_up, monkeypatch):
    seeds, judge = [], running.grade_all

    def noting(jobs, *a, **k):
        return judge((seeds.append(job.seed) or job for job in jobs), *a, **k)

    monkeypatch.setattr(running, "grade_all", noting)
    texts = [notebook(NEURON), notebook(MAJORITY), notebook(NEURON), notebook(NEURON, "# again")]
    for i, text in enumerate(texts):
        hand_in(tmp_path / str(i) / "class", {"jane.ipynb": text})
        grade(tmp_path / str(i), "--chapter", "01_neurons", "--own-inputs", "--jobs", "1")
    assert seeds[0] == seeds[2] and len(set(seeds)) == 3


def test_one_student_s_trouble_with_the_grader_is_noted_and_the_class_goes_on(
    tmp_path, made_up, monkeypatch, capsys
):
    """Files are read in a child process: what ends it is told, and costs nobody else."""
    reading = running.load

    def trip(one):
        return [bytearray(1 << 31)] if one.student == "eve" else reading(one)

    monkeypatch.setattr(running, "load", trip)
    hand_in(tmp_path / "class", {"eve.ipynb": notebook("x"), "jane.ipynb": notebook(NEURON)})
    assert grade(tmp_path, "--chapter", "01_neurons") == 1
    said = capsys.readouterr()
    assert "eve: its files cannot be read: MemoryError" in said.out
    assert "Traceback" not in said.out + said.err
    assert earned(tmp_path) == {"eve": "0", "jane": "1"}


def test_who_ended_the_grader_twice_is_skipped(tmp_path, made_up, capsys):
    """A file says who was running; it stays when the grader is killed."""
    hand_in(tmp_path / "class", {"eve.ipynb": notebook(NEURON), "jane.ipynb": notebook(NEURON)})
    hand_in(tmp_path / "out" / "results", {"eve.started": "2"})
    assert grade(tmp_path, "--chapter", "01_neurons") == 1
    assert "eve: the grader was ended 2 times while this ran" in capsys.readouterr().out
    assert earned(tmp_path) == {"eve": "0", "jane": "1"}
    (tmp_path / "out" / "results" / "eve.started").write_text("1")
    assert grade(tmp_path, "--chapter", "01_neurons") == 0
    assert not list((tmp_path / "out" / "results").glob("*.started"))


def test_one_student_adds_no_columns(tmp_path, made_up):
    """A comment that mentions every exercise, and a helper with the name of another's."""
    words = '# check("relu_backward", x) check("mended_attention", x)\n'
    words += '"""\ndef mended_attention(): pass\n"""'
    files = {f"s{i}.ipynb": notebook(NEURON, MAJORITY) for i in range(3)}
    helper = "def mended_attention(): ...\ndef softmax_backward(): ..."
    hand_in(tmp_path / "class", files | {"eve.ipynb": notebook(words, helper)})
    assert main(["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out")]) == 0
    assert rows(tmp_path / "out" / "gradebook.csv")[0][5:] == ["01_neurons"]


def test_no_table_holds_a_formula_however_it_is_read(tmp_path, made_up):
    names = ["a;=1+1", "＝1＋1", "x;  @SUM(1)", "﹣2", "⁼3", "=4", "x|=5"]
    hand_in(tmp_path / "class", {f"{name}/x.ipynb": notebook(NEURON) for name in names})
    assert grade(tmp_path, "--chapter", "01_neurons") == 0
    for name in ("gradebook.csv", "details.csv"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        for separator in ",;|\t":
            for row in csv.reader(text.splitlines(), delimiter=separator):
                for cell in row:
                    sign = cell.strip(" \"'")[:1] if cell.strip()[:1] != "'" else ""
                    assert not sign or sign not in "=+-@＝＋－＠﹣⁼", (name, cell)


def test_errors_are_one_line(tmp_path, monkeypatch, capsys):
    hand_in(tmp_path / "class", {"jane.ipynb": notebook(NEURON)})
    monkeypatch.setattr("nncourse.classroom.command.find", lambda *a, **k: 1 / 0)
    assert grade(tmp_path) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "ZeroDivisionError: division by zero; see" in said
    assert "Traceback" in (tmp_path / "out" / "error.txt").read_text(encoding="utf-8")
