"""When a slot begins, and which one a moment is of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.slots import due_after, slot_of


@given(st.floats(0, 4e9), st.sampled_from([0.1, 0.5, 5.0, 3600.0]))
def test_the_next_moment_is_after_now_and_at_most_an_interval_away(
    now: float, interval: float
) -> None:
    due = due_after(now, interval)
    assert due > now - 1e-6  # to a float's grain
    assert due - now <= interval + 1e-6
    assert abs(due / interval - round(due / interval)) < 1e-3


def test_all_replicas_have_the_same_moments() -> None:
    assert {due_after(now, 5) for now in (1000.0, 1000.1, 1004.999)} == {1005.0}
    assert due_after(1005.0, 5) == 1010.0


@pytest.mark.parametrize(
    ("time", "interval", "slot"), [(0.0, 5.0, 0), (4.999, 5.0, 0), (5.0, 5.0, 1), (1.25, 0.5, 2)]
)
def test_a_slot_is_an_interval_from_the_moment_on_at_which_a_round_is_due(
    time: float, interval: float, slot: int
) -> None:
    assert slot_of(time, interval) == slot
