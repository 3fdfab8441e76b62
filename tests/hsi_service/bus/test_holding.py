"""A holder stops in time, whatever is slow or lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.bus.holding import MARGIN, Holding


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_holder_stops_before_redis_lets_another_in() -> None:
    ticks = Clock()
    holding = Holding(10, ticks)
    assert not holding.held
    ticks.now = 3.0  # the answer took three seconds
    holding.answered(granted=True, asked_at=0.0)
    assert holding.remaining() == pytest.approx(10 * (1 - MARGIN) - 3)
    ticks.now = 8.999
    assert holding.held
    ticks.now = 9.0  # Redis: at 10 at the earliest
    assert not holding.held
    assert holding.remaining() == 0


def test_a_grant_that_comes_too_late_is_none() -> None:
    ticks = Clock()
    holding = Holding(10, ticks)
    ticks.now = 20.0
    holding.answered(granted=True, asked_at=0.0)
    assert not holding.held


def test_a_refusal_ends_it_at_once_and_what_is_given_up_stays_so() -> None:
    holding = Holding(10, Clock())
    holding.answered(granted=True, asked_at=0.0)
    holding.answered(granted=False, asked_at=0.0)
    assert not holding.held
    holding.give_up()
    holding.answered(granted=True, asked_at=0.0)
    assert not holding.held


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.floats(0, 12),
            st.floats(0, 12),
            st.booleans(),
            st.floats(0, 12),
        ),
        max_size=40,
    )
)
def test_two_never_hold_it_whatever_is_slow_or_lost(
    steps: list[tuple[int, float, float, bool, float]],
) -> None:
    """Redis is played out: who asks, when it does what was asked, and whether the answer comes."""
    ticks = Clock()
    holdings = [Holding(10, ticks), Holding(10, ticks)]
    owner, expires = -1, 0.0
    for who, before, travel, answer_lost, back in steps:
        ticks.now += before
        asked_at = ticks.now
        ticks.now += travel
        granted = owner in (-1, who) or ticks.now >= expires
        if granted:
            owner, expires = who, ticks.now + 10
        assert not all(holding.held for holding in holdings)
        ticks.now += back
        if not answer_lost:
            holdings[who].answered(granted=granted, asked_at=asked_at)
        assert not all(holding.held for holding in holdings)
