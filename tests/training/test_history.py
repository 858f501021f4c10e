"""The record of a training, as a table."""

import pytest

import nncourse as nn


def test_history_is_a_table():
    history = nn.History()
    history.append({"loss": 1.0, "val_accuracy": 0.25})
    history.append({"loss": 0.123456, "val_accuracy": 1.0})
    assert repr(history).splitlines() == [
        "epoch    loss  val_accuracy",
        "    1  1.0000        0.2500",
        "    2  0.1235        1.0000",
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0, "0.0000"), (0.001, "0.0010"), (0.000999, "0.000999"), (-0.5, "-0.5000"),
        (9999.0, "9999.0000"), (10_000, "1e+04"), (float("nan"), "nan"),
    ],
)  # fmt: skip
def test_small_and_large_numbers_keep_three_digits(value, cell):
    assert nn.History({"loss": [value]}).latest() == {"loss": cell}


def test_a_history_of_nothing_is_its_heading():
    assert repr(nn.History()) == "epoch"
