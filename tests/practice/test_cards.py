"""Model cards have all of their sections; energy is counted in kilowatt-hours."""

import pytest

from nncourse.practice import cards


def test_a_card_wants_all_of_its_sections():
    said = dict.fromkeys(cards.SECTIONS, "Said.")
    card = cards.model_card("T", said | {"Results": [{"a": 0.12345, "b": 2}]})
    assert "| a | b |\n|---|---|\n| 0.123 | 2 |" in card
    assert [line[3:] for line in card.splitlines() if line[:3] == "## "] == list(cards.SECTIONS)
    with pytest.raises(ValueError, match=r"missing or empty \['Caveats'\], unknown \['Notes'\]"):
        cards.model_card("T", said | {"Caveats": "", "Notes": "x"})


def test_energy_by_hand():
    assert cards.energy(7200, watts=10, overhead=1.5) == pytest.approx(0.03, rel=1e-14)
    with pytest.raises(ValueError, match="negative"):
        cards.energy(-1)


def test_a_number_in_a_card_has_three_digits():
    said = dict.fromkeys(cards.SECTIONS, "Said.")
    card = cards.model_card("T", said | {"Metrics": {"error": 0.123456, "n": 1234567}})
    assert card.startswith("# T\n\n## Model\n\nSaid.\n") and card.endswith("Said.\n")
    assert "- error: 0.123\n- n: 1234567\n" in card


def test_a_core_of_a_data_center_takes_three_and_a_half_watts_unless_told():
    """The docstring's: 3.5 W a core; 13.5 % on top for the building."""
    assert cards.energy(3.6e6) == pytest.approx(3.5 * 1.135, rel=1e-14)
    assert cards.energy(0) == cards.energy(9, watts=0) == cards.energy(9, overhead=0) == 0
    with pytest.raises(ValueError, match="overhead is a number that is not negative, got inf"):
        cards.energy(1, overhead=float("inf"))


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("Words.", "Words."),
        ({"a": 0.5, "b": "c"}, "- a: 0.5\n- b: c"),
        (
            [{"a": 1 / 3, "b": 2}, {"a": 40.0, "b": 5}],
            "| a | b |\n|---|---|\n| 0.333 | 2 |\n| 40 | 5 |",
        ),
    ],
)
def test_a_section_is_a_text_a_list_or_a_table(content, written):
    said = dict.fromkeys(cards.SECTIONS, "Said.")
    card = cards.model_card("T", said | {"Model": content})
    assert card.startswith(f"# T\n\n## Model\n\n{written}\n\n## Intended use\n\nSaid.")
    for wrong in ([{"a": 1}, {"b": 1}], [{"a": 1}, "b"], 5, None):
        with pytest.raises(TypeError, match="'Model' to be a text, a dict, or a list of dicts"):
            cards.model_card("T", said | {"Model": wrong})
    for empty in ("", {}, []):
        with pytest.raises(ValueError, match=r"missing or empty \['Model'\], unknown \[\]"):
            cards.model_card("T", said | {"Model": empty})
    del said["Caveats"]
    with pytest.raises(ValueError, match=r"missing or empty \['Caveats'\]"):
        cards.model_card("T", said)
    with pytest.raises(
        TypeError, match=r"expected a dict .*, got list\. The sections are Model, In"
    ):
        cards.model_card("T", [])
