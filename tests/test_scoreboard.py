"""The scoreboard: its table, its recipes, and the chapters' own runs, which must fall into it."""

import re

import numpy as np
import pytest
import scoreboard
from book_rules import BOOK, PLAN, Chapter

import nncourse as nn

SCORES = {score.row: score for score in nn.datasets.load_scoreboard()}


def printed(name):
    """Return what a chapter's cells have printed."""
    outputs = (o for cell in Chapter.read(BOOK / f"{name}.ipynb").code for o in cell.outputs)
    return "".join(output.get("text", "") for output in outputs)


def test_rows_are_in_order_with_five_seeds_each():
    assert list(SCORES) == sorted(SCORES)
    for score in SCORES.values():
        assert len(score.accuracies) == 5 and 0.9 < min(score.accuracies) < 1
        assert any(name.startswith(score.chapter) for name in PLAN)
        assert max(score.accuracies) - min(score.accuracies) < 0.01, "five seeds, one recipe"


@pytest.mark.parametrize("row", [row for row in scoreboard.RECIPES if row in SCORES])
def test_a_recipe_makes_the_network_of_its_row(row):
    recipe, score = scoreboard.RECIPES[row], SCORES[row]
    model = nn.Sequential(*recipe.layers(np.random.default_rng(0)))
    assert (recipe.chapter, recipe.network) == (score.chapter, score.network)
    assert model.count_parameters() == score.parameters
    assert model(np.zeros((2, 28, 28, 1), np.float32)).shape == (2, 10)


@pytest.mark.parametrize("row", SCORES)
def test_the_chapters_own_run_falls_among_the_seeds(row):
    score = SCORES[row]
    (name,) = (name for name in PLAN if name.startswith(score.chapter))
    runs = re.findall(rf"^row {row}: ([\d.]+) %", printed(name), re.M)
    if not runs:
        pytest.skip(f"{name} prints no row {row}")
    low, high = 100 * min(score.accuracies), 100 * max(score.accuracies)
    room = max(high - low, 0.1)  # the sixth seed may be a little beyond the five
    assert low - room <= float(runs[-1]) <= high + room


def test_the_figure_shows_every_row():
    figure = (BOOK / "assets" / "scoreboard.svg").read_text(encoding="utf-8")
    for score in SCORES.values():
        assert f"{score.network} ({100 * score.mean:.2f} %)" in figure
