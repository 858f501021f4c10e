"""Hints at copied answers: real ones are found, what everybody writes is not."""

import pytest
from classroom.notebooks import NoSandbox, graded_tasks, hand_in, notebook, own_words

from nncourse.classroom import running
from nncourse.classroom.__main__ import main
from nncourse.classroom.similarity import alike, answer_of

LONG = """def f(x, n):
    total = 0.0
    for k in range(n):  # begin at zero
        if k % 2 == 0:
            total += x[k] * (k + 1)
        else:
            total -= x[k] / (k + 2)
    return total if total > 0 else -total
"""
RENAMED = LONG.replace("total", "acc").replace("k", "i").replace("  # begin at zero", "")
OTHER = """def f(x, n):
    signs = np.where(np.arange(n) % 2, -1 / (np.arange(n) + 2), np.arange(n) + 1)
    return abs(float(np.sum(signs * np.asarray(x)[:n])))
"""


def pairs(answers, messages=None, known=()):
    found = alike({"f": answers}, {"f": messages or {}}, known)
    return [(one, other, reasons) for _, _, one, other, reasons in found]


def test_renamed_copies_are_found():
    others = {f"s{i}": OTHER + f"# {i}" for i in range(4)}
    ((one, other, (reason,)),) = pairs({"ann": LONG, "bob": RENAMED} | others)
    assert (one, other) == ("ann", "bob") and reason == "the same structure (100 %)"


def test_what_many_write_or_the_book_prints_is_no_hint():
    assert pairs({f"s{i}": LONG for i in range(5)}) == []
    assert pairs({"ann": LONG, "bob": RENAMED}, known=[LONG]) == []
    short = {who: "def f(x, n):\n    return x\n" for who in ("ann", "bob")}
    assert pairs(short) == []
    assert pairs({"ann": "def f(:", "bob": "def f(:"}) == []
    huge = f"def f(x):\n    return 0x{'f' * 9000}"  # a number that Python does not write out
    assert pairs({"ann": huge, "bob": huge}) == []


def test_shared_comments_and_mistakes_are_found():
    answers = {"ann": "def f(x):\n    return 1  # as Mr. Brown said", "cy": OTHER,
               "bob": "def f(x):\n    y = x\n    # as Mr. Brown said\n    return y"}  # fmt: skip
    assert pairs(answers)[0][2] == ["the same comment: as Mr. Brown said"]
    odd = dict.fromkeys(("ann", "bob"), "the result should be 4, but is 17.3")
    short = {who: f"def f({who}):\n    return {who} * 17.3" for who in ("ann", "bob")}
    assert pairs(short | {"cy": OTHER}, odd)[0][2] == [f"the same mistake: {odd['ann']}"]


def test_the_last_definition_is_the_answer():
    cells = [
        "def f(x):\n    return 1",
        "x = 1\ndef f(x):\n\n    return 2\n# end\ny = 3\ndef g(): ...",
    ]
    assert answer_of(cells, "f") == "def f(x):\n\n    return 2\n# end"
    assert answer_of(cells, "h") == "" and answer_of(["def f(x): return 3"], "f").endswith("3")


@pytest.fixture
def no_sandbox(monkeypatch):
    zero = {"points": 0, "possible": 1, "message": ""}

    def judge(jobs, *_, **__):
        for job in jobs:
            yield job.key, [{"notes": [], "exercises": dict.fromkeys(job.names, zero)}]

    monkeypatch.setattr(running, "Sandbox", NoSandbox)
    monkeypatch.setattr(running, "grade_all", judge)


def test_the_page_shows_pairs_side_by_side(tmp_path, no_sandbox):
    name = "first_repeat"
    task = next(task for task in graded_tasks("01_neurons") if task.name == name)
    book = notebook(own_words(task))
    copy = LONG.replace("def f", f"def {name}")
    hand_in(tmp_path / "class", {
        "ann/x.ipynb": notebook(copy.replace("0.0", "'<b>'")), "eve<i>/x.ipynb": notebook(copy),
        "cy/x.ipynb": book, "dan/x.ipynb": book,
    })  # fmt: skip
    given = ["-o", str(tmp_path / "out"), "--chapter", "01_neurons", "--exercise", name]
    assert main(["grade", str(tmp_path / "class"), *given, "--similar"]) == 0
    page = (tmp_path / "out" / "similar.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 1 and "ann and eve&lt;i&gt;" in page
    assert "<mark>    for k in range(n):  # begin at zero</mark>" in page
    assert "total = &#x27;&lt;b&gt;&#x27;" in page and "cy" not in page.split("<h1>")[1]


def test_a_missing_library_is_named_before_anybody_is_graded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    given = ["grade", str(tmp_path), "-o", str(tmp_path / "out"), "--similar"]
    assert main(given) == 2 and "--similar needs rapidfuzz" in capsys.readouterr().err
