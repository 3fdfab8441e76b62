"""Figures that can be true, and all others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.sources.validate import LARGEST, count, number, word

ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
)


@given(ANYTHING)
def test_a_number_is_within_bounds_or_none_at_all(value: Any) -> None:
    found = number(value, most=100)
    assert found is None or (0 <= found <= 100 and found == value)


@pytest.mark.parametrize(
    "value", [None, True, "5", "hot", float("nan"), float("inf"), -0.1, 100.1, 10**400, [5], {}]
)
def test_what_cannot_be_is_none(value: Any) -> None:
    assert number(value, most=100) is None


def test_the_bounds_themselves_can_be() -> None:
    assert (number(-40, least=-40), number(100, most=100), number(0)) == (-40.0, 100.0, 0.0)
    assert number(LARGEST) == LARGEST


@given(ANYTHING)
def test_a_count_is_a_whole_number_or_none(value: Any) -> None:
    found = count(value)
    assert found is None or (found >= 0 and found == value)


@pytest.mark.parametrize(
    ("value", "found"), [(3, 3), (3.0, 3), (3.5, None), (-1, None), ("3", None)]
)
def test_counts(value: Any, found: int | None) -> None:
    assert count(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("cuda:0", "cuda:0"), ("", None), (None, None), (3, None), ("x" * 300, "x" * 200)],
)
def test_a_word_is_a_text_and_not_endless(value: Any, found: str | None) -> None:
    assert word(value) == found
