"""Experiments that chapters repeat with other seeds: the tables belong to the code on the page."""

import math
from dataclasses import replace

import pytest
import runs

import nncourse as nn

EXPERIMENTS = {experiment.name: experiment for experiment in runs.experiments()}


def test_every_table_belongs_to_an_experiment():
    tables = {path.stem for path in runs.FOLDER.iterdir()} if runs.FOLDER.exists() else set()
    assert tables == set(EXPERIMENTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_table_comes_from_the_code_on_the_page(experiment):
    code, rows = runs.kept(experiment.table)
    assert code == experiment.code, f"the code has changed: make runs NAME={experiment.name}"
    settings = [{key: row[key] for key in experiment.over} for row in rows]
    assert settings == [{k: str(v) for k, v in s.items()} for s in experiment.settings()]
    assert experiment.name.startswith(experiment.chapter.name[:2] + "_")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_chapter_reads_its_table(experiment):
    columns = nn.datasets.load_runs(experiment.name)
    assert len({len(column) for column in columns.values()}) == 1
    for name in set(columns) - set(experiment.over):
        if name.startswith("text"):
            assert all(value.strip() for value in columns[name]), name
        else:
            assert all(math.isfinite(value) for value in columns[name]), name
    text = experiment.chapter.read_text(encoding="utf-8")
    assert f'load_runs(\\"{experiment.name}\\")' in text


@pytest.mark.parametrize("name", ["00_nothing", "../scoreboard", "", 8])
def test_what_is_not_there_is_refused_and_what_is_there_named(name):
    with pytest.raises(ValueError, match=r"no runs .*08_depth"):
        nn.datasets.load_runs(name)


def test_an_experiment_runs_the_cells_it_names(tmp_path):
    cells = ("start = 2", "def double(seed):\n    return {'twice': start * seed}")
    over = {"kind": ["a"], "seed": [1, 4]}
    made = runs.Experiment(tmp_path / "00_x.ipynb", "00_x", cells, "double(seed)", over)
    found = [(row["kind"], row["seed"], row["twice"]) for row in made.run()]
    assert found == [("a", 1, 2), ("a", 4, 8)]
    assert made.code != replace(made, call="double(0)").code
    assert made.code != replace(made, cells=cells[1:]).code


def test_a_call_sees_the_setting_in_a_comprehension_too(tmp_path):
    call = "{'sum': sum(seed * x for x in (1, 2))}"
    made = runs.Experiment(tmp_path / "00_x.ipynb", "00_x", ("",), call, {"seed": [1, 2]})
    assert [row["sum"] for row in made.run()] == [3, 6]


def test_an_unknown_experiment_is_refused_before_anything_runs():
    with pytest.raises(SystemExit, match=r"no experiment 08_dept; there are: .*08_depth"):
        runs.main(["08_depth", "08_dept"])
