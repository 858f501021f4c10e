"""No attack gains a point, reads what it should not, or stops the class. All run in the sandbox."""

import csv
import json
import os
import secrets
import socket
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from classroom.attacks import ATTACKS as ALONE
from classroom.attacks import answer
from classroom.attacks_between import BOMBS, FURTHER, TALK

from nncourse.classroom.__main__ import main
from nncourse.classroom.sandbox import Sandbox
from nncourse.exercises import neurons

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
ATTACKS = ALONE | TALK | BOMBS | FURTHER
CANARY = f"canary {secrets.token_hex(16)}"
ANSWERS = Path(neurons.__file__)
FORBIDDEN = (CANARY, "_neuron_cases", "canary-left-by")
MAJORITY = "def majority(x):\n    return (2 * x.sum(axis=1) > x.shape[1]).astype(int)\n"
RIGHT = answer("return np.maximum(x @ w + b, 0)")
CONTROL = answer("raise ValueError(open('/course/worker.py').read())")
SABOTAGE = {  # what these break is their own
    "patch NumPy", "patch the worker", "close the connection", "a hundred forged replies",
    "a forged verdict", "forge the inputs, too",
}  # fmt: skip


def notebook(cells):
    cells = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


class Harbor:
    """What attacks are after: a secret that anyone here may read, and a port that listens."""

    def __init__(self, folder):
        self.secret = folder / "canary.txt"
        self.secret.write_text(CANARY)
        self.secret.chmod(0o666)
        self.folder, self.visits = folder, 0
        folder.chmod(0o777)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                visitor, _ = self.server.accept()
            except OSError:
                return
            self.visits += 1
            visitor.sendall(CANARY.encode())
            visitor.close()


def processes(folder):
    """Return the processes that see this folder of ours: those in its sandboxes, and no others."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            seen = (process / "mountinfo").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if folder.name.encode() in seen:
            found.append(process.name)
    return found


@pytest.fixture(scope="module")
def graded(sandboxed):
    with tempfile.TemporaryDirectory() as top, pytest.MonkeyPatch.context() as patch:
        top = Path(top)
        top.chmod(0o755)
        patch.setattr(tempfile, "tempdir", str(top))  # so the sandboxes of this run can be told
        (harbor_folder := top / "harbor").mkdir()
        harbor = Harbor(harbor_folder)
        patch.setenv("CANARY", CANARY)
        submissions = top / "submissions"
        everybody = ATTACKS | {"honest": RIGHT, "control": CONTROL}
        for name, cells in everybody.items():
            texts = [
                cell.replace("SECRET", repr(str(harbor.secret)))
                .replace("ANSWERS", repr(str(ANSWERS)))
                .replace("PORT", str(harbor.port))
                for cell in cells
            ]
            (submissions / name).mkdir(parents=True)
            (submissions / name / "01_neurons.ipynb").write_text(notebook([*texts, MAJORITY]))
        arguments = ["--exercise", "neuron", "--exercise", "majority", "--chapter", "01_neurons"]
        arguments += ["--cell-seconds", "3", "--jobs", "2", "--seed", "1"]
        code = main(["grade", str(submissions), "-o", str(top / "grades"), *arguments])
        rows = csv.DictReader((top / "grades" / "details.csv").read_text().splitlines())
        written = {
            path.relative_to(top): path.read_text()
            for path in (top / "grades").rglob("*")
            if path.is_file() and path.suffix != ".ipynb"  # a student's own notebook, with remarks
        }
        harbor.server.close()
        yield code, {row["Student"]: row for row in rows}, written, harbor


def test_there_are_more_than_forty(graded):
    assert len(ATTACKS) > 40
    code, rows, *_ = graded
    assert code == 0 and len(rows) == len(ATTACKS) + 2


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attack_gains_nothing(graded, name):
    _, rows, written, _ = graded
    assert rows[name]["neuron"] == "0"
    (page,) = (text for path, text in written.items() if path.name == rows[name]["Feedback"])
    assert not [token for token in FORBIDDEN if token in page]
    assert "<script>" not in page and "<img" not in page


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - SABOTAGE))
def test_its_other_answers_still_count(graded, name):
    assert graded[1][name]["majority"] == "1"


def test_honest_students_are_graded_as_ever(graded):
    _, rows, written, _ = graded
    assert (rows["honest"]["neuron"], rows["honest"]["majority"]) == ("1", "1")
    # The way out that attacks use is open: what the sandbox does contain, a notebook can show.
    assert "The inside of the sandbox" in written[Path("grades/feedback/control.html")]
    assert not [token for text in written.values() for token in FORBIDDEN if token in text]


def test_nothing_outside_was_touched(graded):
    harbor = graded[3]
    assert harbor.secret.read_text() == CANARY
    assert os.listdir(harbor.folder) == ["canary.txt"]
    assert harbor.visits == 0


def test_nothing_is_left_running(graded):
    top = graded[3].folder.parent
    assert processes(top) == []
    with Sandbox() as sandbox, sandbox.start():
        assert processes(top) != []
