"""A number and its unit stay on one line of a page."""

import pytest
import units
from docutils.core import publish_doctree


@pytest.mark.parametrize("unit", ["%", "s", "ms", "MB", "kWh", "W", "min"])
def test_a_unit_stays_with_its_number(unit):
    assert units.together(f"about 14 {unit} of it") == f"about 14\xa0{unit} of it"
    assert units.together(f"about 14\n{unit}") == f"about 14\xa0{unit}"


@pytest.mark.parametrize("text", ["3 states", "of 5 minutes", "in 2 Bytes", "no % here", "4 more"])
def test_other_words_may_begin_a_line(text):
    assert units.together(text) == text


def test_code_is_left_as_it_is():
    page = publish_doctree("From 3 % to ``7 % 2`` in 5 s.")
    units.keep_together(None, page, "page")
    assert page.astext() == "From 3\xa0% to 7 % 2 in 5\xa0s."
