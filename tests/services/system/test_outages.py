"""Redis and PostgreSQL on a bad day: every client keeps its statuses, and is told once."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec

from hsi_service.bus.subscriber import BACKOFF_CAP
from local.service import ServiceProcess
from services.system.degraded import SERVICE
from tests.clients import golden, metric, until
from tests.conftest import StartSystems
from tests.screens import Screen, have, have_more, own, screens, slot
from tests.servers import OwnPostgres, OwnRedis, RedisServer

RECOVERY = 3.0
"""Seconds that the breaker stays open: a tenth of the real ones."""
BUSY = 10.0
"""Seconds that this machine may be busy with something else."""


async def test_without_redis_every_replica_serves_its_own_and_clients_are_told_once(
    own_redis: RedisServer,
    tmp_path: Path,
    start_systems: StartSystems,
) -> None:
    """Killed, and frozen: two homes side by side, since a frozen Redis is found out slowly."""
    frozen = OwnRedis(tmp_path / "frozen")
    frozen.start()
    try:
        settings = {"CIRCUIT_RECOVERY_TIMEOUT": str(RECOVERY)}
        homes = [start_systems(redis.url, 3, **settings) for redis in (own_redis, frozen)]
        await asyncio.gather(
            outage(homes[0], own_redis.kill, own_redis.start),
            outage(homes[1], frozen.freeze, frozen.thaw),
        )
    finally:
        frozen.stop()


async def outage(
    replicas: list[ServiceProcess], begin: Callable[[], object], end: Callable[[], None]
) -> None:
    """Let Redis go and come back; hold the clients of all replicas to what is promised."""
    async with screens(*replicas * 2) as shown:
        await have(shown, 3)
        assert same_moment(shown) == 1  # one collected for all
        assert not any(screen.told(SERVICE) for screen in shown)
        begin()
        await until(lambda: have_told(shown, ["degraded"]), within=25 + BUSY)
        await have_more(shown, 2)
        assert same_moment(shown) == len(replicas)  # each for its own
        for replica in replicas:
            state = await own(replica)
            assert state["degraded_mode"]["degraded"]
            assert state["circuit_breaker"]["state"] != "closed"
            assert state["alone"]
        assert all(screen.latest["services"]["redis"] == "unreachable" for screen in shown)
        async with screens(*replicas) as late:  # they are still accepted, and told
            await until(lambda: have_told(late, ["degraded"]))
        end()
        await until(
            lambda: have_told(shown, ["degraded", "healthy"]), within=RECOVERY + BACKOFF_CAP + BUSY
        )
        back = max(slot(screen.statuses[-1]) for screen in shown) + 2
        await until(lambda: have_come_to(shown, back + 4))
        for screen in shown:
            after = [s for s in screen.slots() if back <= s < back + 4]
            assert 3 <= len(after) <= 4
            assert len(set(after)) == len(after)
            gaps = [later - earlier for earlier, later in itertools.pairwise(screen.slots())]
            assert max(gaps) <= 4  # as Redis goes, at most two or three are missing
            assert not screen.closed
            told = [m for m in screen.of("service_status") if m["data"]["service"] == SERVICE]
            assert told[0] == msgspec.json.decode(golden("service_status_degraded"))
            assert told[1]["data"]["circuit_state"] == "closed"
            assert len(told) == 2
        assert same_moment(shown) == 1
        for replica in replicas:
            assert await metric(replica, "hsi_system_degraded_entered") == 1
            assert await metric(replica, "hsi_system_degraded_left") == 1


def same_moment(shown: list[Screen]) -> int:
    """Return how many different statuses they show of the last interval that all have."""
    last = min(slot(screen.statuses[-1]) for screen in shown)
    return len({m["timestamp"] for screen in shown for m in screen.statuses if slot(m) == last})


async def have_told(shown: list[Screen], told: list[str]) -> bool:
    return all(screen.told(SERVICE) == told for screen in shown)


async def have_come_to(shown: list[Screen], last: int) -> bool:
    return all(slot(screen.statuses[-1]) >= last for screen in shown)


async def test_without_postgresql_cameras_are_null_and_come_back(
    own_redis: RedisServer, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    [replica] = start_systems(own_redis.url, DATABASE_URL=own_postgres.url)
    none = {"total": 0, "online": 0, "offline": 0}
    async with screens(replica) as [screen]:

        async def shows(cameras: object) -> bool:
            return bool(screen.latest["cameras"] == cameras)

        await until(lambda: shows(none))
        own_postgres.kill()
        await until(lambda: shows(None))
        await have_more([screen], 2)
        assert await shows(None)
        own_postgres.start()
        await until(lambda: shows(none), within=20)
        gaps = [later - earlier for earlier, later in itertools.pairwise(screen.slots())]
    assert max(gaps) <= 3  # starting PostgreSQL keeps this machine busy
