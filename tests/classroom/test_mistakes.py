"""What instructors get wrong: it is said in one line, and nothing is left of a call that fails."""

import csv

import pytest
from classroom.notebooks import MAJORITY, NEURON, NoSandbox, hand_in, notebook

from nncourse.classroom import running
from nncourse.classroom.__main__ import main
from nncourse.classroom.sandbox import SandboxError

WORK = notebook(NEURON, MAJORITY)
FILES = {
    "class/ada.ipynb": WORK, "text.txt": "x", "long.csv": "Name\n" + "x" * 200_000,
    "letters.csv": "student,exercise,points\nada,neuron,all\n", "ok.csv": "Name\nada\n",
    "empty.csv": "Name\n", "zero.csv": "Name,Grade\nada,\n",
    "checks/own.py": "from nncourse.exercises import Exercise\n"
    "EXERCISES = (Exercise('neuron', abs, lambda rng: [(rng.normal(),)], points=0),)\n",
}  # fmt: skip
WRONG = {  # the folder of the class, further arguments, what is said
    "no class": ("nobody", [], "expected a folder or ZIP file: "),
    "a text": ("text.txt", [], "expected a folder or ZIP file: "),
    "an output below a file": ("class", ["-o", "text.txt/out"], "Not a directory"),
    "a table without end": ("class", ["--roster", "long.csv"], "expected a CSV file: "),
    "points in letters": ("class", ["--overrides", "letters.csv"],
                          "line 2: expected one of ['neuron', "),
    "a table of nobody": ("class", ["--roster", "empty.csv"], "or nobody in it: ['Name']"),
    "a host's name": ("class", ["--cluster", "localhost"],
                      "expected an address such as tcp://10.0.0.1:8786, got 'localhost'"),
    "no address": ("class", ["--cluster", ""], "expected an address such as "),
    "a penalty above all": ("class", ["--late-penalty", "101"], "expected 20 or 10/day"),
}  # fmt: skip


def graded_by(judge, monkeypatch):
    monkeypatch.setattr(running, "Sandbox", NoSandbox)
    monkeypatch.setattr(running, "grade_all", judge)


def full_marks(jobs, *_, **__):
    for job in jobs:
        first = [name for name, *_ in job.notebooks][:1]
        one = {"points": len(first), "possible": 1, "message": "", "aside": [], "cell": None}
        found = {name: one | {"notebook": "".join(first)} for name in job.names}
        yield job.key, [{"notes": [], "exercises": found}]


def grade(folder, *arguments):
    given = ["--chapter", "01_neurons", "--exercise", "neuron", "--seed", "1"]
    return main(["grade", str(folder / "class"), "-o", str(folder / "out"), *given, *arguments])


def earned(folder):
    with open(folder / "out" / "gradebook.csv", encoding="utf-8", newline="") as file:
        return {row[0]: row[-1] for row in csv.reader(file)}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_nothing_changes(tmp_path, name, monkeypatch, capsys):
    graded_by(full_marks, monkeypatch)
    monkeypatch.chdir(hand_in(tmp_path, FILES))
    before = sorted(tmp_path.rglob("*"))
    folder, arguments, words = WRONG[name]
    try:
        code = main(["grade", folder, "-o", "out", "--chapter", "01_neurons", *arguments])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2 and words in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_cannot_be_replaced_leaves_no_part_of_another(tmp_path, monkeypatch, capsys):
    graded_by(full_marks, monkeypatch)
    (hand_in(tmp_path, FILES) / "out" / "gradebook.csv").mkdir(parents=True)
    assert grade(tmp_path) == 2 and "gradebook.csv" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.part"))


def test_a_grader_that_fails_blames_nobody_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    """It would otherwise count as one of the two times that a submission may end it."""

    def broken(jobs, *_, **__):
        next(jobs)
        raise SandboxError("the sandbox does not start")
        yield

    graded_by(broken, monkeypatch)
    hand_in(tmp_path, FILES)
    for _ in range(3):
        assert grade(tmp_path) == 2 and not (tmp_path / "out").exists()
    graded_by(full_marks, monkeypatch)
    assert grade(tmp_path) == 0 and earned(tmp_path)["ada"] == "1"
    assert capsys.readouterr().err.count("does not start") == 3


def test_a_column_takes_points_of_exercises_that_give_none(tmp_path, monkeypatch):
    graded_by(full_marks, monkeypatch)
    hand_in(tmp_path, {**FILES, "class/ada.ipynb": notebook("own = abs")})
    hand_in(tmp_path, {"checks/own.py": FILES["checks/own.py"].replace("neuron", "own")})
    given = ["--extra-checks", str(tmp_path / "checks"), "--roster", str(tmp_path / "zero.csv")]
    assert main(["grade", str(tmp_path / "class"), "-o", str(tmp_path / "out"), *given]) == 0
    assert (tmp_path / "out" / "upload.csv").exists()


def test_who_is_late_without_a_notebook_is_late(tmp_path, monkeypatch, capsys):
    graded_by(full_marks, monkeypatch)
    hand_in(tmp_path / "class", {"ada_LATE_1_2_x.pdf": "x", "bob_2_3_x.ipynb": WORK})
    assert grade(tmp_path) == 1
    assert "1 late" in capsys.readouterr().out
    hand_in(tmp_path, {"until.csv": "student,until\n1,\n"})
    grade(tmp_path, "--extensions", str(tmp_path / "until.csv"))
    assert "0 late" in capsys.readouterr().out


def test_handing_in_again_too_late_costs_nothing(tmp_path, monkeypatch, capsys):
    """What came in time counts first; the late one is not looked at if that is right."""
    graded_by(full_marks, monkeypatch)
    for day, hour in (("Nov 30, 2026", "110 PM"), ("Dec 1, 2026", "900 AM")):
        hand_in(tmp_path / "class", {f"7-1 - Jane Doe - {day} {hour}/x.ipynb": WORK})
    given = ["--deadline", "2026-11-30T18:00", "--late-penalty", "50"]
    assert grade(tmp_path, *given) == 0 and earned(tmp_path)["Jane Doe"] == "1"
    page = next((tmp_path / "out" / "feedback").glob("*.html")).read_text(encoding="utf-8")
    assert "7-1 - Jane Doe - Nov 30, 2026 110 PM/x.ipynb: counts for neuron" in page
    given[1] = "2026-11-30T12:00"
    assert grade(tmp_path, *given) == 0 and earned(tmp_path)["Jane Doe"] == "0.5"


def test_a_deadline_where_no_name_tells_a_time_is_told(tmp_path, monkeypatch, capsys):
    graded_by(full_marks, monkeypatch)
    hand_in(tmp_path, FILES)
    assert grade(tmp_path, "--deadline", "2026-11-28") == 1
    assert "--deadline: 1 submissions tell no time" in capsys.readouterr().out


def test_one_student_s_remarks_hide_nobody_else_s(tmp_path, monkeypatch, capsys):
    graded_by(full_marks, monkeypatch)
    hand_in(tmp_path / "class", {f"ada/{i}.ipynb": "{" for i in range(30)} | {"zoe/x.ipynb": "{"})
    assert grade(tmp_path) == 1
    assert "  zoe: x.ipynb: it is not a notebook" in capsys.readouterr().out


def test_a_cluster_without_workers_is_said(tmp_path, monkeypatch, capsys):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("nncourse.classroom.cluster.WAIT", 0.2)
    hand_in(tmp_path, FILES)
    quiet = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**quiet, protocol="tcp", host="127.0.0.1") as cluster:
        assert grade(tmp_path, "--cluster", cluster.scheduler_address) == 2
    assert "no cluster with workers at tcp://127.0.0.1:" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
