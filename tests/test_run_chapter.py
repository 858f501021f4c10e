"""``make chapter`` and ``make book`` keep what a run gave, and nothing of a run that failed."""

import base64
from io import BytesIO

import execution
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import run_chapter
from nbclient.exceptions import CellExecutionError
from nbformat import v4
from PIL import Image

COST = "Measured on two shared cores, without a GPU: **1 s** and **1 MB**."


def write(path, *codes):
    cells = [v4.new_markdown_cell(COST), *map(v4.new_code_cell, codes)]
    nbformat.write(v4.new_notebook(cells=cells), path)


def test_a_run_is_kept_with_its_cost(tmp_path):
    path = tmp_path / "01_small.ipynb"
    write(
        path,
        "import os\nfor _ in range(3):\n    print(os.path.basename(os.getcwd()), flush=True)",
        "'This run: 17 s, peak memory 230 MB'",
    )
    assert run_chapter.run(path) == ("17", "230")
    text, printed, _ = nbformat.read(path, as_version=4).cells
    assert text.source == COST.replace("1 s", "17 s").replace("1 MB", "230 MB")
    assert [output.text for output in printed.outputs] == [f"{tmp_path.name}\n" * 3]
    assert "execution" not in printed.metadata and printed.execution_count == 1


def test_figures_get_a_palette_and_look_the_same():
    figure, drawn = plt.figure(figsize=(3, 2)), BytesIO()
    figure.subplots().plot(np.sin(np.arange(50)), color="#d55e00")
    figure.savefig(drawn, dpi=220)
    plt.close(figure)
    saved = base64.b64decode(run_chapter.with_palette(base64.b64encode(drawn.getvalue())))
    with Image.open(drawn) as before, Image.open(BytesIO(saved)) as after:
        assert after.size == before.size and after.mode == "P"
        assert round(after.info["dpi"][0]) == 220
        change = np.subtract(before.convert("RGB"), after.convert("RGB"), dtype=float)
        assert np.abs(change).mean() < 0.2
    assert len(saved) < 0.8 * len(drawn.getvalue())


def test_a_failed_run_changes_nothing(tmp_path):
    path = tmp_path / "01_small.ipynb"
    for code, error in ("1 / 0", CellExecutionError), ("'no cost'", SystemExit):
        write(path, code)
        before = path.read_bytes()
        with pytest.raises(error):
            run_chapter.run(path)
        assert path.read_bytes() == before


def test_a_name_that_is_no_chapter_is_refused():
    with pytest.raises(SystemExit, match="no chapter '77_nothing'; there are 01_neurons, 02"):
        run_chapter.main(["77_nothing"])


def test_the_book_is_run_ahead_and_only_once(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(execution, "ROOT", tmp_path)
    (tmp_path / "book").mkdir()
    write(tmp_path / "book" / "01_good.ipynb", "print('well')")
    write(tmp_path / "book" / "02_bad.ipynb", "1 / 0")
    execution.run_ahead()
    said = capfd.readouterr().out
    assert "Running 2 of 2 chapters" in said
    assert "01_good: ran" in said and "02_bad: failed" in said
    execution.run_ahead()
    assert "Running 1 of 2 chapters" in capfd.readouterr().out
