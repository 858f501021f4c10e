"""Single numbers: borders that belong to a range, and those that do not."""

import numpy as np
import pytest

from nncourse._numbers import number, positive, share

SMALLEST = np.nextafter(0, 1)


@pytest.mark.parametrize("value", [SMALLEST, 0.5, 1, 7, 1e308, np.float32(0.5), np.uint8(200)])
def test_positive_numbers_come_back_as_pythons_own(value):
    found = positive("rate", value)
    assert found == value and type(found) is (int if value in (1, 7, 200) else float)
    if value <= 1:
        assert share("share", value) == value


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_nothing_and_all_are_shares(value):
    assert share("share", value) == value


@pytest.mark.parametrize("value", [-SMALLEST, -99, 1 + 1e-15, 2, 99, float("nan"), True, "1", None])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match="share is a number from 0 to 1, not a percentage, got"):
        share("share", value)


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), True, "1", np.array([1.0])])
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(ValueError, match="rate is a positive number, got"):
        positive("rate", value)


def test_sixty_letters_of_what_came_are_shown():
    with pytest.raises(ValueError, match="got '" + 59 * "a" + "$"):
        number("n", 99 * "a", "one", lambda v: True)
