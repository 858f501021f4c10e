"""Which answer counts, what runs, for how long, and what a bomb costs."""

import os
import signal
from dataclasses import replace

import psutil
import pytest
from classroom.notebooks import MAJORITY, NEURON, grade

from nncourse.classroom import children, process
from nncourse.classroom.children import Lost, in_children
from nncourse.classroom.grading import Job, grade_all
from nncourse.exercises import Exercise, all_exercises

EXERCISES = all_exercises()
TWO = {name: [EXERCISES[name]] for name in ("neuron", "majority")}
STUB = "def neuron(x, w, b):\n    ...\n"
WRONG = "def neuron(x, w, b):\n    return x @ w\n"


def judged(sandbox, *cells, only="neuron", **settings):
    """Return the result of one exercise in one notebook, and the notes."""
    checks = {only: [EXERCISES[only]]}
    found = grade([("a.ipynb", list(cells))], checks, sandbox, seed=1, **settings)
    return found["exercises"][only], found["notes"]


# Which definition counts ----------------------------------------------------------------------


def test_an_untouched_copy_takes_nothing_away(sandbox):
    notebooks = [("01 (1).ipynb", [NEURON, MAJORITY]), ("01.ipynb", [STUB])]
    for order in (notebooks, notebooks[::-1]):
        found = grade(order, TWO, sandbox, seed=1)["exercises"]
        assert [found[name]["points"] for name in TWO] == [1, 1]
        assert found["neuron"]["notebook"] == "01 (1).ipynb" and found["neuron"]["cell"] == 1
    assert found["neuron"]["aside"] == ["01.ipynb, code cell 1: not solved yet: your function "
                                        "returns nothing."]  # fmt: skip


def test_notebooks_share_no_names(sandbox):
    one = ["def helper(x):\n    return np.maximum(x, 0)", "def neuron(x, w, b):\n"
           "    return helper(x @ w + b)"]  # fmt: skip
    two = ["def helper(x):\n    return 2 * x.sum(axis=1) > x.shape[1]", "def majority(x):\n"
           "    return helper(x).astype(int)", "np.maximum = None"]  # fmt: skip
    for order in ([("1", one), ("2", two)], [("2", two), ("1", one)]):
        found = grade(order, TWO, sandbox, seed=1)["exercises"]
        assert [found[name]["points"] for name in TWO] == [1, 1], found


AFTER = {  # cells, the number of the one that counts
    "a name that changes later": (["low = 0", NEURON.replace(", 0)", ", low)"), "low = 9"], 2),
    "a helper that comes later": (
        ["def neuron(x, w, b):\n    return relu(x @ w + b)",
         "def relu(x):\n    return np.maximum(x, 0)"], None),
    "a stub below": ([NEURON, STUB], 1),
    "a worse one below": ([NEURON, WRONG], 1),
    "a better one below": ([WRONG, NEURON], 2),
    "another name, handed to the check": (
        [NEURON.replace("neuron", "mine") + "\nnn.exercises.check('neuron', mine)"], 1),
    "the check in another cell": ([STUB, NEURON.replace("neuron", "mine"),
                                   "nn.exercises.check('neuron', mine)"], 3),
}  # fmt: skip


@pytest.mark.parametrize("name", AFTER)
def test_an_answer_counts_as_its_check_saw_it(sandbox, name):
    cells, number = AFTER[name]
    result, _ = judged(sandbox, *cells)
    assert (result["points"], result["cell"]) == (1, number), result


def test_guessing_on_is_no_use(sandbox):
    """An answer is judged five times in a notebook, not as often as it is defined."""
    cells = [f"def neuron(x, w, b):\n    return 0 * x[:, 0] + {i}" for i in range(20)]
    result, _ = judged(sandbox, *cells, NEURON)
    assert result["points"] == 0 and result["cell"] == 5


# What runs in Jupyter -------------------------------------------------------------------------

JUPYTER = {
    "magics": ["%matplotlib inline\n%time y = 3\nnames = !ls\n!pip install x\nnp?\n" + NEURON],
    "a timed answer": ["%%time\n" + NEURON],
    "a captured answer with a magic in it": ["%%capture out\n%precision 3\n" + NEURON],
    "prompts pasted along": ["".join(f">>> {line}" if not line.startswith(" ") else f"... {line}"
                                     for line in NEURON.splitlines(keepends=True))],
    "numbered prompts": ["In [3]: def neuron(x, w, b):\n   ...:     "
                         "return np.maximum(x @ w + b, 0)"],
    "an indented cell": ["    def neuron(x, w, b):\n        return np.maximum(x @ w + b, 0)"],
    "await": ["import asyncio\nasync def zero():\n    await asyncio.sleep(0.01)\n    return 0",
              "low = await zero()", NEURON.replace(", 0)", ", low)")],
    "lines that end in other ways": [NEURON.replace("\n", "\r\n"), "text = 'a\u2028%b'\x0c"],
    "a percent sign in a text": ["text = '''\n%time\n!x\n'''\nassert text[1] == '%'\n" + NEURON],
    "annotations that name nothing": [
        "from __future__ import annotations", NEURON.replace("(x,", "(x: Batch,")],
    "drawing": ["%matplotlib inline\nimport matplotlib.pyplot as plt, seaborn as sns\n"
                "from IPython.display import display\nfrom tqdm.auto import tqdm",
                "fig, axes = plt.subplots(1, 2, figsize=(8, 4))\naxes[0].plot([1, 2])\n"
                "low = 1\nfor i in tqdm(range(3)):\n    low -= 1 / 3\ndisplay(fig)\nplt.show()\n"
                "low = round(low)\n" + NEURON.replace(", 0)", ", low)")],
    "a file that a cell writes": [
        "%%writefile mine.py\nlow = 0", "from mine import low", NEURON.replace(", 0)", ", low)")],
    "a timed line with a result": ["low = %time 1 - 1", NEURON.replace(", 0)", ", low)")],
    "objects that are pickled": [
        "import pickle\nclass Unit:\n    def __call__(self, x, w, b):\n"
        "        return np.maximum(x @ w + b, 0)\nneuron = pickle.loads(pickle.dumps(Unit()))"],
    "an import that fails beside others": [
        "import pandas as pd, numpy as xp, sklearn.svm\nfrom math import nothing, pi",
        "low = 0 * pi\n" + NEURON.replace("np.", "xp.").replace(", 0)", ", low)")],
}  # fmt: skip


@pytest.mark.parametrize("name", JUPYTER)
def test_what_runs_in_jupyter_runs_here(sandbox, name):
    result, notes = judged(sandbox, *JUPYTER[name])
    assert result["points"] == 1 and notes == [], (result, notes)


KINDS = {
    "a namedtuple": "return namedtuple('P', 'a b')(*answer(z, grad))",
    "a list": "return [list(part) for part in answer(z, grad)]",
    "a deque": "return deque(answer(z, grad))",
    "big-endian": "return tuple(part.astype('>f8') for part in answer(z, grad))",
    "long double": "return tuple(part.astype(np.longdouble) for part in answer(z, grad))",
    "array.array": "return tuple(rows(p, lambda row: array('d', row)) for p in answer(z, grad))",
    "a matrix's kin": "return tuple(part.view(Mine) for part in answer(z, grad))",
    "objects with an array inside": "return tuple(map(Inside, answer(z, grad)))",
    "numbers as objects": "return tuple(part.astype(object) for part in answer(z, grad))",
    "own kinds of float": "return tuple(rows(p, lambda row: [*map(Real, row)]) "
    "for p in answer(z, grad))",
}
RELU = """
from array import array
from collections import deque, namedtuple
import numpy as np
class Mine(np.ndarray): pass
class Real(float): pass
class Inside:
    def __init__(self, data): self.data = data
    def __array__(self, dtype=None, copy=None): return self.data
def rows(part, make):
    return make(part) if part.ndim == 1 else [rows(row, make) for row in part]
def answer(z, grad):
    return np.maximum(z, 0), grad * (z > 0)
def mend_relu(z, grad):
    """


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_check_accepts_the_grader_accepts(sandbox, kind):
    namespace = {}
    exec(RELU + KINDS[kind], namespace)
    here = EXERCISES["mend_relu"].check(namespace["mend_relu"], 1)
    there, _ = judged(sandbox, RELU + KINDS[kind], only="mend_relu")
    assert here.passed and there["points"] == 2, (here, there)


def test_notebook_and_grader_say_the_same(sandbox):
    namespace = {}
    source = "def majority(x):\n    return (x.sum(axis=1) > 2).astype(int) / len('ab')\n"
    exec(source, namespace)
    here = EXERCISES["majority"].check(namespace["majority"], 5).message.splitlines()[0]
    there, _ = judged(sandbox, source, only="majority")
    assert there["message"].splitlines()[0].partition("(")[0] == here.partition("(")[0]


# Time -----------------------------------------------------------------------------------------

BUSY = "while True:\n    pass\n"


def test_slow_cells_cost_their_own_time_only(sandbox):
    """Each is interrupted, none is run again, and what comes before and after counts."""
    cells = ["low = 0", BUSY, NEURON.replace(", 0)", ", low)"), BUSY + MAJORITY]
    found = grade([("a", cells)], TWO, sandbox, seed=1, cell_seconds=0.3)
    assert [r["points"] for r in found["exercises"].values()] == [1, 1]
    slow = "it did not end within 0.3 seconds. Only its definitions were run then."
    assert found["notes"] == [f"Code cell {i}: {slow}" for i in (2, 4)]


def test_a_loop_is_stopped_and_said(sandbox):
    loop = "def neuron(x, w, b):\n    while True:\n        pass"
    found = grade([("a", [loop, MAJORITY])], TWO, sandbox, seed=1, call_seconds=0.3)
    assert [r["points"] for r in found["exercises"].values()] == [0, 1]
    said = found["exercises"]["neuron"]["message"]
    assert said.startswith("your function was stopped: it did not end within 0.3 seconds.")
    assert "It was neuron(np.array(" in said


def test_whoever_cannot_be_interrupted_is_ended(sandbox, monkeypatch):
    monkeypatch.setattr(process, "GRACE", 0.1)
    deaf = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + BUSY
    found = grade([("a", [deaf, NEURON, MAJORITY])], TWO, sandbox, seed=1, cell_seconds=0.3)
    assert [r["points"] for r in found["exercises"].values()] == [1, 1]


def test_the_time_of_a_whole_submission_ends(sandbox):
    cells = [NEURON, *[BUSY] * 50, MAJORITY]
    found = grade([("a", cells)], TWO, sandbox, seed=1, cell_seconds=0.2, total_seconds=0.6)
    assert [r["points"] for r in found["exercises"].values()] == [1, 0]
    assert (
        "0.6 seconds for one submission were used up" in found["exercises"]["majority"]["message"]
    )


def test_waiting_for_a_processor_is_not_counted(monkeypatch):
    """A neighbor takes half of the processor: of a second, half is one's own."""
    clock = process.Clock(1)
    readings = iter([(0, 0.0), (0.5, 0.4), (0.2, 0.9)])
    monkeypatch.setattr(process.Clock, "__call__", lambda self: next(readings))
    start = clock()
    assert clock.since(start) == 0.5 and clock.since(start) == 0.9


# The trusted side has limits ------------------------------------------------------------------


def no_children():
    """Say whether this process has no children left, not even dead ones, besides sandboxes'."""
    try:
        return os.waitpid(-1, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return True


def test_children_keep_to_their_limits(monkeypatch):
    monkeypatch.setattr(children, "SECONDS", 1)
    monkeypatch.setattr(children, "MEMORY", 1 << 26)

    def work(task, tell, lost):
        tell([task])
        if task == "loop":
            while True:
                pass
        if task == "memory":
            return len(bytearray(1 << 28))
        if task == "leave":
            os._exit(3)
        if task == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    found = dict(in_children(["loop", "memory", "leave", "kill", "fine"], work, jobs=3))
    assert found["fine"] == "fine" and no_children()
    lost = {task: outcome for task, outcome in found.items() if isinstance(outcome, Lost)}
    assert set(lost) == {"loop", "memory", "leave", "kill"}
    assert all(outcome.step == [task] for task, outcome in lost.items())
    assert "MemoryError" in lost["memory"].reason


def test_a_bomb_costs_its_own_exercise(sandbox, monkeypatch):
    """Stands for what no one has thought of: comparing this answer never ends."""
    monkeypatch.setattr(children, "SECONDS", 1)

    def never(*arguments):
        while True:
            pass

    bomb = Exercise("neuron", answer=never, cases=EXERCISES["neuron"].cases)
    checks = {"neuron": [bomb], "majority": TWO["majority"]}
    names = list(checks)
    classmates = [
        Job("bomb", [("a", [NEURON, MAJORITY])], names, 1),
        Job("honest", [("b", [MAJORITY])], names, 1),
    ]
    graded = grade_all(classmates, lambda _: [checks], sandbox, processes=2)
    found = {key: results for key, (results,) in graded}
    assert found["honest"]["exercises"]["majority"]["points"] == 1
    assert found["bomb"]["exercises"]["majority"]["points"] == 1
    said = "what it returns cannot be compared: it took too much time or memory."
    assert found["bomb"]["exercises"]["neuron"]["message"] == said


def test_stopping_waits_for_nobody(sandbox):
    """Whatever the children do: these would go on for a year."""
    busy, year = Job("a", [("a", [BUSY])], list(TWO), 1), 365 * 24 * 3600
    limits = {"cell_seconds": year, "total_seconds": year}
    grading = grade_all([busy] * 2, lambda _: [TWO], sandbox, processes=2, **limits)
    own = set(psutil.Process().children())

    def interrupt(*_):
        begun = set(psutil.Process().children()) - own
        if len(begun) == 2 and all(child.children() for child in begun):  # in their sandboxes
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.1)
    with pytest.raises(KeyboardInterrupt):
        next(grading)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    assert no_children() and set(psutil.Process().children()) <= own


def test_private_checks_show_nothing_of_what_is_expected(sandbox):
    private = replace(EXERCISES["neuron"], mistakes=())
    cells = ["def neuron(x, w, b):\n    return 7.5"]
    found = grade([("a", cells)], {"neuron": [private]}, sandbox, seed=1)
    said = found["exercises"]["neuron"]["message"]
    assert said == "the result does not have the shape that it should have, but ()"
