"""When rounds are due, whatever happens to the clock meanwhile."""

import asyncio
import time

from hsi_service.rhythm import wait_until_due


async def test_no_moment_comes_twice() -> None:
    slots = [await wait_until_due(0.02, time.time) for _ in range(10)]
    assert len(set(slots)) == 10


async def test_a_clock_that_is_set_back_stops_nothing() -> None:
    back = 0.0
    waiting = asyncio.create_task(wait_until_due(0.2, lambda: time.time() - back))
    await asyncio.sleep(0)
    back = 3600.1
    async with asyncio.timeout(10):
        slot = await waiting
    # It is a moment of the clock as it is now, and no other.
    assert 0 <= time.time() - back - slot * 0.2 < 0.2


async def test_a_clock_that_is_set_ahead_is_followed_within_a_second() -> None:
    ahead = 0.0
    waiting = asyncio.create_task(wait_until_due(3600, lambda: time.time() + ahead))
    await asyncio.sleep(0)
    ahead = 3600.0
    async with asyncio.timeout(10):
        await waiting
