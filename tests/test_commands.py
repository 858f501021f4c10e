"""The commands of the Makefile: what they say, and that they need no program but Python and make.

Each runs in a copy of the Makefile with an environment that stands for `.venv`, and finds the few
programs that every system has: on a bare machine nothing may break, and nothing may go unsaid.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import make_env
import pytest
import suite

ROOT = Path(__file__).resolve().parents[1]
BASICS = """awk basename bash cat chmod cp cut date dirname env expand expr find git grep head id ln
ls make mkdir mktemp mv rm sed sh sleep sort tail touch tr true uname""".split()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A folder with the basics and Python: the only programs of a bare machine."""
    folder = tmp_path_factory.mktemp("programs")
    for name in BASICS:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    program(folder / "python3", f'exec "{sys.executable}" "$@"')
    return folder


@pytest.fixture
def copy(tmp_path):
    """What the commands need of the project, with an environment that has Python alone."""
    names = ("Makefile", "pyproject.toml", "constraints.txt", "tests/suite.py",
             "book/_extensions/execution.py", "book/tools/make_env.py")  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program(tmp_path / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    (tmp_path / ".venv" / ".made").touch()
    return tmp_path


def program(path, *lines):
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def run(*command, path, cwd=ROOT, **environment):
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True,
                          env={"PATH": str(path), **environment})  # fmt: skip


def make(*words, path, cwd, **environment):
    return run("make", "--no-print-directory", *words, path=path, cwd=cwd, **environment)


# Targets --------------------------------------------------------------------------------------


def test_targets_that_are_named_exist():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.M))
    pages = "README.md", "CONTRIBUTING.md", "book/index.md", "book/instructors.md"
    named = {word for page in pages
             for word in re.findall(r"^make ([a-z]+)|`make ([a-z]+)",
                                    (ROOT / page).read_text(encoding="utf-8"), re.M)
             for word in word if word}  # fmt: skip
    assert {"book", "test"} <= named <= targets
    phony = set(text.split(".PHONY:")[1].splitlines()[0].split())
    assert phony == targets
    assert {stage.name for stage in suite.stages()} <= targets


def test_help_lists_the_targets(bare):
    listed = make(path=bare, cwd=ROOT).stdout
    assert re.search(r"^ +make book +run every notebook", listed, re.M)


def test_an_unsupported_python_gets_one_clear_line(copy, bare):
    shutil.rmtree(copy / ".venv")
    program(copy / "python3.9", '[ "$1" = --version ] && echo "Python 3.9.1" && exit', "exit 1")
    done = make("env", f"PYTHON={copy / 'python3.9'}", path=bare, cwd=copy)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [
        "nncourse needs Python 3.11, 3.12 or 3.13; found: Python 3.9.1. "
        "Name another: make env PYTHON=python3.12"
    ]
    assert not (copy / ".venv").exists()


@pytest.mark.parametrize("installed", ["latexmk", "xelatex"])
def test_half_of_latex_is_none(installed, copy, bare):
    """Of two programs one: `make pdf` says what to do, `make editions` leaves the PDF out."""
    latex = copy / "latex"
    latex.mkdir()
    program(latex / installed, "exit 1")
    program(latex / "fc-list", "echo DroidSansFallback")
    program(copy / ".venv" / "bin" / "jupyter-book",
            "mkdir -p _build/epub && touch _build/epub/nncourse.epub")  # fmt: skip
    pdf, editions = (make(goal, path=f"{latex}:{bare}", cwd=copy) for goal in ("pdf", "editions"))
    assert pdf.returncode != 0 and "The PDF needs LaTeX. Run: make latex" in pdf.stderr
    assert editions.returncode == 0, editions.stderr
    assert "No PDF: LaTeX is not installed (make latex)." in editions.stdout
    assert (copy / "_build" / "editions" / "nncourse.epub").exists()


def test_continuous_integration_calls_make_test():
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


# The environment ------------------------------------------------------------------------------


def test_an_installer_is_heard_only_when_it_fails(copy, bare):
    shutil.rmtree(copy / ".venv")
    lines = ['[ "$1" = --version ] && exit', 'echo "four hundred lines"',
             'case "$*" in *broken*) exit 3; esac', "mkdir -p .venv/bin"]  # fmt: skip
    uv = copy / "uv folder"
    uv.mkdir()
    program(uv / "uv", *lines)
    path = f"{uv}:{bare}"
    done = make("env", path=path, cwd=copy)
    assert done.returncode == 0, done.stderr
    (said,) = done.stdout.splitlines()
    assert re.fullmatch(
        r"Installing \[test\] into \.venv, Python 3\.1\d\.\d+, with uv … done in \d+ s", said
    )
    assert "four hundred" in (copy / "_build" / "env.log").read_text()
    (copy / ".venv" / ".made").unlink()
    failed = make("env", "CONSTRAINTS=-c broken.txt", path=path, cwd=copy)
    assert failed.returncode != 0 and not (copy / ".venv" / ".made").exists()
    assert "four hundred lines" in failed.stderr and "what uv said" in failed.stderr


def test_a_uv_that_does_not_run_is_none(tmp_path, monkeypatch):
    """Version managers leave programs that only say where the real one could come from."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not make_env.has_uv()
    program(tmp_path / "uv", "exit 127")
    assert not make_env.has_uv()
    assert make_env.creating("e", uv=False) == [sys.executable, "-m", "venv", "--clear", "e"]
    assert make_env.installing("e", False, "x")[:4] == ["e/bin/python", "-m", "pip", "install"]


# A bare machine -------------------------------------------------------------------------------


def test_what_cannot_be_installed_is_named(copy, bare):
    for target, package in ("chromium", "chromium"), ("bubblewrap", "bubblewrap libseccomp2"):
        done = make(target, path=bare, cwd=copy)
        assert done.returncode != 0
        assert (
            f"{target} is not installed, and cannot be installed from here "
            f"(on Debian and Ubuntu: apt-get install {package})."
        ) in done.stderr


CHEAP = (
    "tests/test_project.py",
    "tests/test_site.py",
    "tests/classroom/test_attacks.py::test_honest_students_are_graded_as_ever",
    "tests/classroom/test_grade.py::test_what_is_missing_is_said",
    "tests/classroom/test_grade.py::test_without_a_sandbox_nothing_is_run",
)


def test_the_cheap_parts_pass_on_a_bare_machine(bare, tmp_path):
    """No uv, no browser, no sandbox, no LaTeX, no home with caches: nothing fails, gaps are named.

    Left out are tests that build environments or look through the whole book.
    """
    slow = "not numpy_alone and not forgotten"
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", slow, *CHEAP)
    done = run(*command, path=bare, HOME=str(tmp_path), PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout
    assert "not run: bubblewrap is not installed" in done.stdout
    assert ", 2 skipped, " in done.stdout.splitlines()[-1]
