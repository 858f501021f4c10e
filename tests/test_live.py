"""Live cells without a browser: what a cell shows, what it builds on, and what is pinned."""

import importlib.util
import json
import re
import sys
import types
from pathlib import Path

import live
import pytest
import vendor_live

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def kernel(monkeypatch):
    """Return the kernel of the pages, and the list that all it shows goes to."""
    for name in ("IPython", "IPython.display", "__main__"):
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name))  # to be put back
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    for name in ("MPLBACKEND", "NNCOURSE_OFFLINE", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "")
    spec = importlib.util.spec_from_file_location("live_kernel", live.SOURCES / "kernel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shown = []
    module.start(lambda *what: shown.append(what))
    return module, shown


def test_what_a_cell_shows(kernel):
    module, shown = kernel
    module.start(module.tell)  # again: pytest has put its own stdout there in the meantime
    assert (
        module.run(3, "print('a', end='')\nimport sys\nprint('b', file=sys.stderr)\n6 * 7") is None
    )
    assert shown == [(3, "stderr", "b\n"), (3, "stdout", "a"), (3, "text", "42")]
    shown.clear()
    module.run(4, "_ + 1;")
    module.run(4, "x = None\nx")
    assert shown == []
    module.run(5, "import nncourse as nn\nnn.exercises.check('neuron', len)")
    kinds = [kind for _, kind, _ in shown]
    assert kinds == ["verdict", "html"]
    assert json.loads(shown[0][2]) == {"exercise": "neuron", "passed": False}


def test_an_error_names_its_line_and_the_way_there(kernel):
    module, _ = kernel
    wrong = module.run(0, "def f(x):\n    return x / 0\n\n\nf(1)")
    assert (wrong["kind"], wrong["line"]) == ("ZeroDivisionError", 2)
    assert "line 5" in wrong["way"] and "live_kernel" not in wrong["way"]
    assert module.run(0, "a = (")["said"].startswith("SyntaxError")
    assert module.run(0, "nothing")["missing"] == "nothing"
    assert module.run(0, "raise SystemExit(1)")["kind"] == "SystemExit"


def test_a_module_that_pages_lack_is_missed_only_when_it_is_used(kernel):
    module, shown = kernel
    module.ABSENT.add("lzma")
    assert module.run(0, "import math, lzma\nmath.floor(2.5)") is None
    assert shown == [(0, "text", "2")]
    assert "not there in a page" in module.run(1, "lzma.compress(b'')")["said"]


CELLS = [
    "import numpy as np\nfrom math import pi as circle\nunused = slow()",
    "def area(r):\n    return circle * r * r",
    "r = 1",
    "r += 1\ntable = [area(s) for s in range(r)]",
    "def area(r):\n    return 0",
    "print(np.sum(table), len(table))",
    "lambda: hidden",
]


@pytest.mark.parametrize(
    ("target", "ran", "skipped", "expected"),
    [
        (5, (), (), {0: "import", 1: "all", 2: "all", 3: "all"}),
        (5, (1, 2), (), {0: "import", 3: "all"}),
        (5, (3,), (), {0: "import"}),
        (1, (), (), {0: "import"}),
        (2, (), (), {}),
        (6, (), (), {}),
        (3, (2,), (1,), {}),
    ],
)
def test_a_cell_brings_along_what_it_builds_on(kernel, target, ran, skipped, expected):
    module, _ = kernel
    steps = module.plan(target, CELLS, ran, skipped)
    assert {n: "all" if whole else "import" for n, _, whole in steps} == expected
    assert [n for n, *_ in steps] == sorted(expected)
    for n, code, whole in steps:
        assert code == CELLS[n] if whole else "slow" not in code


def test_what_is_there_already_is_not_imported_again(kernel):
    module, _ = kernel
    module.run(0, "import numpy as np")
    assert module.plan(1, ["import numpy as np", "np.ones(2)"], [], []) == []


def test_chapters_that_need_tensorflow_are_not_live():
    found = live.live_chapters()
    assert "01_neurons" in found and not any("tensorflow" in name for name in found)
    for name, (cells, sources) in found.items():
        assert not any("%pip" in code for code in sources), name
        assert sum("exercise" in info for info in cells) >= 4, name


def test_a_smaller_run_replaces_what_is_there():
    assert live.smaller("fit(epochs=20)", {"epochs=20": "epochs=2"}) == "fit(epochs=2)"
    with pytest.raises(ValueError, match="replaces 'rate=1'; no such text"):
        live.smaller("fit(epochs=20)", {"rate=1": "rate=2"})


def test_a_cell_lacks_only_what_it_imports_in_any_case():
    assert live.lacking("import numpy as np, tensorflow.keras") == "tensorflow"
    assert live.lacking("if find_spec('tensorflow'):\n    import tensorflow as tf") == ""
    assert live.packages(["import sklearn.datasets", "from matplotlib import pyplot"]) == [
        "matplotlib", "numpy", "scikit-learn"]  # fmt: skip


def test_the_zip_of_the_package_is_always_the_same(tmp_path):
    live.course(tmp_path / "a")
    live.course(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bytes_that_are_not_the_pinned_ones_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("NNCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(vendor_live, "run", lambda *_, **__: None)

    def other_bytes(folder):
        for name in ("pyodide-lock.json", *vendor_live.CORE):
            (folder / name).write_bytes(b"other")

    monkeypatch.setattr(vendor_live, "from_wheel", other_bytes)

    def no_mirror(folder, names):
        raise vendor_live.Missing("no network")

    monkeypatch.setattr(vendor_live, "from_mirror", no_mirror)
    with pytest.raises(vendor_live.Missing, match=r"not to be had .* no network"):
        vendor_live.pyodide(["numpy"])
    with pytest.raises(vendor_live.Missing):
        vendor_live.editor()


def test_without_pyodide_the_book_is_built_without_live_cells(monkeypatch, caplog):
    def missing(packages):
        raise vendor_live.Missing("no network")

    monkeypatch.setattr(vendor_live, "pyodide", missing)
    config = types.SimpleNamespace(nncourse_withhold_solutions=False)
    app = types.SimpleNamespace(builder=types.SimpleNamespace(name="html"), config=config)
    live.prepare(app)
    assert app.live is None
    context = {"body": "text"}
    live.add_script(app, "book/01_neurons", "page.html", context, object())
    assert context == {"body": "text"}


def test_the_pages_side_stays_small():
    files = [path for path in live.SOURCES.glob("*.js")]
    assert sum(len(path.read_text("utf-8").splitlines()) for path in files) <= 600
    worker = (live.SOURCES / "worker.js").read_text("utf-8")
    assert not re.search(r"https?://", worker)
