"""The page on speed says what the benchmarks have kept, and the runner of them all goes on."""

import json
import subprocess
import sys

import draw_speed
import pytest

RESULTS = draw_speed.load()
AGAIN = "Run: .venv/bin/python book/tools/draw_speed.py"


def test_the_page_holds_what_was_measured():
    text = draw_speed.PAGE.read_text(encoding="utf-8")
    assert draw_speed.page(text, RESULTS) == text, AGAIN


def test_the_figure_shows_what_was_measured():
    figure = draw_speed.FIGURE.read_text(encoding="utf-8")
    assert draw_speed.digest(RESULTS) in figure, AGAIN
    assert all(title in figure for title in draw_speed.LENGTHS.values())


def test_every_target_is_shown_met_or_missed():
    shown = draw_speed.targets(RESULTS)
    kept = [entry for results in RESULTS.values() for entry in results.get("targets", {}).values()]
    assert shown.count("**missed**") == sum(not entry["met"] for entry in kept)
    assert len(shown.splitlines()) == 2 + len(kept)


def test_exponents_on_the_page_keep_their_limits():
    for name, entry in RESULTS["growth"]["growth"].items():
        _, time, _ = entry["time"]
        assert time < entry["limits"][0] + 0.15, name
        assert entry["memory"] < entry["limits"][1] + 0.1, name


PRODUCTS = """
import numpy as np
from _measure import FASTEST, best_product
rng = np.random.default_rng(0)
for shapes in (((5, 3), (3, 4)), ((2, 5, 3), (2, 3, 4))):
    a, b = (rng.random(shape, np.float32) for shape in shapes)
    for layout in ("CCC", "CFC", "FCC", "FFC", "CCF", "CFF", "FCF", "FFF", None):
        FASTEST.clear()
        if layout:
            FASTEST[a.shape, b.shape, a.dtype] = layout
        product = best_product(a, b, rounds=1)
        assert product.layout == layout or not layout
        found = product() if product.layout[2] == "C" else product().swapaxes(-1, -2)
        np.testing.assert_allclose(found, a @ b, rtol=1e-5)
"""


def test_each_layout_of_a_product_computes_the_same():
    # In a process of its own: the benchmarks set the number of threads, and TensorFlow's kernels.
    folder = draw_speed.RESULTS.parent
    subprocess.run([sys.executable, "-c", PRODUCTS], cwd=folder, check=True)


@pytest.fixture
def benchmarks(tmp_path):
    """A folder with the runner and three benchmarks of which one cannot be imported."""
    folder = draw_speed.RESULTS.parent
    for name in ("_all.py", "_measure.py"):
        (tmp_path / name).write_text((folder / name).read_text("utf-8"), encoding="utf-8")
    measured = "import _measure\n_measure.report('at most 2', {}, {})\n"
    (tmp_path / "first.py").write_text(measured.format(1.5, True), encoding="utf-8")
    (tmp_path / "lacking.py").write_text("import no_such_peer\n", encoding="utf-8")
    (tmp_path / "second.py").write_text(measured.format(2.5, False), encoding="utf-8")
    return tmp_path


def test_a_missing_peer_takes_one_line_and_the_table_comes_last(benchmarks):
    command = [sys.executable, benchmarks / "_all.py"]
    run = subprocess.run([*command, "--save"], capture_output=True, text=True, check=True)
    ending = run.stdout.split("── targets")[1].splitlines()[1:]
    assert [line.split() for line in ending[:3]] == [
        ["first", "at", "most", "2", "1.50", "met"],
        ["second", "at", "most", "2", "2.50", "MISSED"],
        ["1", "of", "2", "targets", "met"],
    ]
    assert ending[3] == "lacking did not run: ModuleNotFoundError: No module named 'no_such_peer'"
    kept = json.loads((benchmarks / "results" / "first.json").read_text("utf-8"))
    assert kept["targets"] == {"at most 2": {"value": 1.5, "met": True}}
    assert set(kept["run"]) >= {"day", "processor", "python"}


def test_without_save_nothing_is_kept(benchmarks):
    run = subprocess.run([sys.executable, benchmarks / "_all.py", "first"], capture_output=True,
                         text=True, check=True)  # fmt: skip
    assert "1 of 1 targets met" in run.stdout
    assert not (benchmarks / "results").exists()


def test_what_stops_halfway_replaces_nothing(benchmarks):
    earlier = '{"targets": {"at most 1": {"value": 1.0, "met": true}}}\n'
    kept = benchmarks / "results" / "halfway.json"
    kept.parent.mkdir()
    kept.write_text(earlier, encoding="utf-8")
    code = "import _measure\n_measure.report('at most 2', 2.5, False)\nraise SystemExit('enough')\n"
    (benchmarks / "halfway.py").write_text(code, encoding="utf-8")
    run = subprocess.run([sys.executable, benchmarks / "_all.py", "--save", "halfway"],
                         capture_output=True, text=True, check=True)  # fmt: skip
    assert run.stdout.endswith("0 of 1 targets met\nhalfway did not run: enough\n")
    assert kept.read_text("utf-8") == earlier
