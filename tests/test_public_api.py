"""Every public name is documented, with an example that runs, and importing costs NumPy alone."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nncourse as nn

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nn.__path__, "nncourse.")
    if "classroom" not in module.name
)


def public_things():
    for name in MODULES:
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):
            thing = getattr(module, public)
            if getattr(thing, "__module__", None) == name and callable(thing):
                yield pytest.param(thing, id=f"{name}.{public}")


@pytest.mark.parametrize("name", MODULES)
def test_modules_open_with_a_docstring(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("thing", list(public_things()))
def test_documented_with_an_example(thing):
    doc = inspect.getdoc(thing) or ""
    assert ">>>" in doc or "See :func:" in doc, "no doctest"
    if inspect.isfunction(thing) or inspect.isclass(thing):
        source = inspect.getsource(thing)
        if re.search(r"raise \w*Error", source) and not issubclass_of_exception(thing):
            assert "Raises\n------" in doc, "raises, but does not say so"


def issubclass_of_exception(thing):
    return inspect.isclass(thing) and issubclass(thing, Exception)


PRIVATE = {name for name in MODULES if "._" in name}
CHECKS = {f"nncourse.exercises.{chapter}" for chapter in nn.exercises._CHAPTERS}


@pytest.mark.parametrize("name", sorted(set(MODULES) - CHECKS - PRIVATE))
def test_all_lists_what_exists_and_nothing_public_is_missing(name):
    module = importlib.import_module(name)
    listed = set(getattr(module, "__all__", ()))
    own = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", None) == name
    }
    assert own <= listed or (not listed and not own)
    assert all(hasattr(module, key) for key in listed)


def test_all_of_the_package_resolves_and_is_sorted_out():
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert len(set(nn.__all__)) == len(nn.__all__)
    assert dir(nn) == sorted(nn.__all__)
    assert set(nn._MODULES) <= set(nn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Desne'"):
        nn.Desne  # noqa: B018


def test_import_needs_numpy_alone():
    """In a fresh interpreter, only the standard library, NumPy and nncourse are loaded."""
    code = (
        "import sys, nncourse; nncourse.datasets.make_xor();"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"matplotlib", "tqdm", "pooch", "platformdirs", "IPython", "scipy", "pandas"}
    assert not heavy & set(loaded)


def code_lines(source):
    """Count the lines that hold code: no docstring, no comment, nothing blank."""
    documented = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            documented.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return sum(
        number not in documented and bool(line.strip()) and not line.lstrip().startswith("#")
        for number, line in enumerate(source.splitlines(), start=1)
    )


def test_what_counts_as_a_line_of_code():
    assert (
        code_lines('"""Two\nlines."""\n\n# a comment\ndef f():\n    """One."""\n    return 1\n')
        == 2
    )


@pytest.mark.parametrize("name", sorted(set(MODULES) - CHECKS))
def test_a_module_fits_in_a_readers_head(name):
    assert code_lines(inspect.getsource(importlib.import_module(name))) <= 200


def test_the_classroom_is_made_of_small_modules():
    lines = {
        path.name: code_lines(path.read_text(encoding="utf-8"))
        for path in (Path(nn.__file__).parent / "classroom").glob("*.py")
    }
    assert max(lines.values()) <= 200 and sum(lines.values()) <= 2500, lines


def test_no_global_random_state():
    for name in MODULES:
        source = inspect.getsource(importlib.import_module(name))
        assert not re.search(r"np\.random\.(?!default_rng|Generator|PCG64)\w+", source), name
