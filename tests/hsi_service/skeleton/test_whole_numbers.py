"""Whole numbers of a query."""

import pytest

from hsi_service.skeleton.whole_numbers import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("000", 0), ("080", 80), ("100", 100)])
def test_a_number_within_its_bound_is_one(text: str, number: int) -> None:
    assert whole_number("min_risk", text, most=100) == number


@pytest.mark.parametrize(
    "text",
    ["", "101", "-1", "abc", "1.0", "+1", " 1", "²", "0000000009999", "0" * 9 + "9" * 4500],
)
def test_any_other_is_refused_in_one_line_that_names_the_parameter(text: str) -> None:
    with pytest.raises(ValueError, match="min_risk: expected a number from 0 to 100"):
        whole_number("min_risk", text, most=100)
