"""`make test` itself: every stage runs, no gap goes unsaid, and the last line can be counted."""

import os
import sys

import execution
import pytest
import suite
from suite import Stage


def says(text, code=0):
    return (sys.executable, "-c", f"print({text!r}); raise SystemExit({code})")


@pytest.fixture
def staged(monkeypatch, tmp_path, capfd):
    """Run stages in an empty folder; return the exit code and all that is shown."""
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    monkeypatch.setattr(suite, "PROVED", tmp_path / "_build" / "proved")
    for name in ("CI", "STRICT"):
        monkeypatch.delenv(name, raising=False)

    def run(*stages, chosen=()):
        monkeypatch.setattr(suite, "stages", lambda: stages)
        code = suite.main(chosen)
        return code, capfd.readouterr().out

    return run


def test_every_stage_runs_and_the_table_tells(staged):
    code, said = staged(
        Stage("one", "a", says("== 1 failed, 3 passed, 1 error in 0.10s ==", 1)),
        Stage("two", "b", says("nothing to count", 2)),
        Stage("three", "c", says("=== 4 passed, 2 skipped in 61.00s (0:01:01) ===")),
    )
    *_, one, two, three, empty, total = said.splitlines()
    assert code == 1
    assert one.split()[:5] == ["one", "a", "FAILED", "3", "2"]
    assert two.split()[:4] == ["two", "b", "FAILED", "1"]
    assert three.split()[:5] == ["three", "c", "passed", "4", "2"]
    assert (empty, total) == ("", "7 passed, 3 failed, 2 skipped")
    assert "=== 4 passed, 2 skipped in 61.00s (0:01:01) ===" in said


def test_a_good_run_ends_with_zero(staged):
    code, said = staged(
        Stage("lint", "a", says("fine")), Stage("unit", "b", says("9 passed in 1s"))
    )
    assert code == 0 and said.endswith("\n9 passed, 0 failed, 0 skipped\n")


def test_one_stage_can_be_chosen(staged):
    stages = Stage("lint", "a", says("fine")), Stage("unit", "b", says("9 passed in 1s"))
    assert "9 passed in" not in staged(*stages, chosen=["lint"])[1]
    with pytest.raises(SystemExit, match=r"no stage \['lind'\]; there are lint, unit"):
        staged(*stages, chosen=["lind"])


@pytest.mark.parametrize("strict", [False, True])
def test_what_was_not_run_is_named_and_fails_where_that_is_asked_for(staged, strict, monkeypatch):
    monkeypatch.setenv("STRICT", "1" if strict else "")
    (suite.ROOT / "Makefile").write_text("tool:\n\t@echo tool is missing >&2; exit 1\n")
    skips = "SKIPPED [7] tests/x.py:3: not run: no sandbox\n== 2 passed, 7 skipped in 1.0s =="
    code, said = staged(
        Stage("unit", "a", says(skips)), Stage("browser", "b", says("== 1 passed =="), needs="tool")
    )
    assert "unit: not run: no sandbox (7 tests)\nbrowser: not run: tool is missing\n" in said
    assert "browser    b  not run " in said
    assert code == strict and f"2 passed, {int(strict)} failed, 8 skipped" in said


def test_a_stage_beside_another_is_shown_after_it(staged):
    code, said = staged(
        Stage("slow", "a", (sys.executable, "-c", "print('first')")),
        Stage("early", "b", says("then", 1), beside=True),
        Stage("last", "c", says("last")),
    )
    assert code == 1
    places = [said.index(f"\n{word}\n") for word in ("first", "then", "last")]
    assert places == sorted(places)


# Chapters -------------------------------------------------------------------------------------


@pytest.fixture
def book(staged):
    """Chapters of different length, and a stage that runs them."""
    (suite.ROOT / "book").mkdir()
    for name, seconds in ("01_short", 5), ("02_long", 90), ("03_new", None):
        text = f"**{seconds} s** and **300 MB**" if seconds else ""
        (suite.ROOT / "book" / f"{name}.ipynb").write_text(text)

    def run(text="== 3 passed in 1s ==", code=0):
        command = f"import sys; print(*sys.argv[1:]); print({text!r}); sys.exit({code})"
        code, said = staged(Stage("notebooks", "a", (sys.executable, "-c", command), chapters=True))
        return [line.split() for line in said.splitlines() if line.startswith("book/")], said

    return run


def test_chapters_run_longest_first_and_only_when_something_has_changed(book, monkeypatch):
    everything = [[f"book/{name}.ipynb" for name in ("02_long", "01_short", "03_new")]]
    assert book()[0] == everything
    ran, said = book()
    assert ran == [] and "unchanged since they passed (CI=1 runs them, too): 02_long 01" in said
    (suite.ROOT / "book" / "01_short.ipynb").write_text("**6 s** and **300 MB**")
    assert book()[0] == [["book/01_short.ipynb"]]
    (suite.ROOT / "constraints.txt").write_text("numpy==0")
    assert book()[0] == everything
    for name in ("CI", "STRICT"):
        monkeypatch.setenv(name, "true")
        assert book()[0] == everything
        monkeypatch.delenv(name)
    assert len(os.listdir(suite.PROVED)) == 3


def test_only_a_chapter_that_has_passed_is_left_out(book):
    book("FAILED book/02_long.ipynb::Cell 3\n== 1 failed, 2 passed in 1s ==", 1)
    assert book("3 failed", 3)[0] == [["book/02_long.ipynb"]]
    assert book()[0] == [["book/02_long.ipynb"]]
    assert book()[0] == []
    (suite.ROOT / "constraints.txt").write_text("numpy==0")
    book("a crash that names nothing", 1)
    assert len(book()[0][0]) == 3


def test_the_order_is_that_of_the_times_that_chapters_state():
    chapters = execution.longest_first((execution.ROOT / "book").glob("[0-9]*.ipynb"))
    assert len(chapters) > 10 and chapters != sorted(chapters)
