"""When statuses are due, and which of them are our own."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.rhythm import due_after, wait_until_due


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


async def test_no_moment_comes_twice() -> None:
    moments = []
    for _ in range(10):
        await wait_until_due(0.02)
        moments.append(time.time() // 0.02)
    assert len(set(moments)) == 10


async def test_a_clock_that_is_set_back_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = asyncio.create_task(wait_until_due(0.2))
    await asyncio.sleep(0)
    an_hour_ago = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    async with asyncio.timeout(10):
        await waiting
