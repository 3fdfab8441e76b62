"""A table that is locked for long: statuses go on, and few questions wait for it."""

import asyncio

import asyncpg
import pytest

from tests.clients import until
from tests.conftest import StartSystems
from tests.screens import have, have_more, screens

LOCKED = 20
"""Seconds; forty rounds of the statuses of tests."""
MAX_OPEN = 2
"""Questions of one process that PostgreSQL may be at."""


@pytest.mark.chaos
@pytest.mark.timeout(120)
async def test_a_locked_table_costs_its_figures_and_two_connections(
    redis_url: str, database_url: str, start_systems: StartSystems
) -> None:
    (replica,) = start_systems(redis_url, DATABASE_URL=database_url)
    locking, watching = [await asyncpg.connect(database_url) for _ in range(2)]

    async def open_questions() -> int:
        return int(
            await watching.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hsi%'"
            )
        )

    async def cameras_are_known() -> bool:
        return all(screen.latest["cameras"] is not None for screen in shown)

    async with screens(replica) as shown:
        await have(shown, 2)
        await until(cameras_are_known)
        most = 0
        async with locking.transaction():
            await locking.execute("LOCK TABLE cameras IN ACCESS EXCLUSIVE MODE")
            for _ in range(LOCKED):
                await asyncio.sleep(1)
                most = max(most, await open_questions())
            (screen,) = shown
            assert screen.latest["cameras"] is None
            await have_more(shown, 3)
        await until(cameras_are_known)
        slots = screen.slots()
        assert slots == list(range(slots[0], slots[0] + len(slots)))  # none is missing or twice
    assert 0 < most <= MAX_OPEN
    for connection in (locking, watching):
        await connection.close()
