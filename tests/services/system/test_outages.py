"""Redis and PostgreSQL on a bad day: every client keeps its statuses, and is told once."""

import asyncio
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hsi_service.bus.subscriber import BACKOFF_CAP
from local.service import ServiceProcess
from services.system.degraded import SERVICE
from tests.clients import get_json, golden, metric, until
from tests.conftest import StartSystems
from tests.screens import (
    Screen,
    collected_at,
    have,
    have_more,
    leader_of,
    own,
    screens,
    slot,
)
from tests.servers import OwnPostgres, OwnRedis, RedisServer
from tests.stalling import StallingProxy

pytestmark = pytest.mark.faults

RECOVERY = 3.0
"""Seconds that the breaker stays open: a tenth of the real ones."""
FREEZES = (0.45, 0.75, 1.15, 1.4, 2.3)
"""Seconds: shorter than the lease, about as long, and longer."""
AHEAD = 20.25
"""Seconds: of half an interval's phase, so that slots by this clock are not those of the others."""
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
        homes = [
            start_systems(redis.url, 3, CIRCUIT_RECOVERY_TIMEOUT=str(RECOVERY))
            for redis in (own_redis, frozen)
        ]
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


async def test_where_freezes_end_no_client_is_shown_a_slot_twice_or_an_older_status(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    replicas = start_systems(own_redis.url, 3)
    async with screens(*replicas * 3) as shown:
        await have(shown, 3)
        for length in FREEZES:
            own_redis.freeze()
            await asyncio.sleep(length)  # how long it lasts is the fault
            own_redis.thaw()
            await have_more(shown, 2)
    for screen in shown:
        shows_each_slot_once_and_in_order(screen)


async def test_a_replica_whose_clock_is_ahead_keeps_the_slots_of_the_others(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    replicas = start_systems(own_redis.url) + start_systems(own_redis.url, ahead=AHEAD)
    began = time.time() - asyncio.get_running_loop().time()  # by this machine's clock
    async with screens(*replicas * 3) as shown:
        await have(shown, 4)
        own_redis.kill()

        async def all_are_alone() -> bool:
            return all([(await own(replica))["alone"] for replica in replicas])

        await until(all_are_alone)
        await have_more(shown, 3)
        own_redis.start()
        await have_more(shown, 4)
        skews = [(await own(replica))["clock_skew_s"] for replica in replicas]
    for screen in shown:
        shows_each_slot_once_and_in_order(screen)
        for arrived, status in zip(screen.arrivals("system_status"), screen.statuses, strict=True):
            assert abs(collected_at(status) - (began + arrived)) < AHEAD / 2
    assert skews == pytest.approx([0, AHEAD], abs=1)
    said = [replica.log.read_text().count("clock and Redis' differ") for replica in replicas]
    assert said == [0, 1]


@pytest.mark.parametrize("fault", [StallingProxy.mute, StallingProxy.stall_answers])
async def test_a_replica_that_hears_nothing_for_three_intervals_serves_its_own_whatever_it_believes(
    fault: Callable[[StallingProxy, str], None],
    own_redis: RedisServer,
    start_systems: StartSystems,
) -> None:
    [leader] = start_systems(own_redis.url)
    await leader_of([leader])
    with StallingProxy(own_redis.url) as proxy:
        [replica] = start_systems(proxy.url)
        async with screens(leader, replica) as [_, screen]:
            await have([screen], 3)
            fault(proxy, "hsi-system-subscriber")

            async def is_alone() -> bool:
                return bool((await own(replica))["alone"])

            await until(is_alone)
            bus = (await get_json(replica, "/status"))["redis"]
            assert (bus["state"], bus["outages"]) == ("listening", 0)
            await have_more([screen], 3)
            assert await metric(replica, 'hsi_system_statuses_total{to="local"}') >= 2
            proxy.go_on()  # and what was held comes now

            async def hears() -> bool:
                return not await is_alone()

            await until(hears)
            await have_more([screen], 3)
    shows_each_slot_once_and_in_order(screen)
    gaps = [later - earlier for earlier, later in itertools.pairwise(screen.slots())]
    assert max(gaps) <= 8  # three intervals of silence, and a busy machine


def shows_each_slot_once_and_in_order(screen: Screen) -> None:
    slots = screen.slots()
    assert slots == sorted(set(slots))


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
