"""Redis away for a while: what /ws/system shows meanwhile, and when all of it is back."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from local.processes import Process, free_port
from local.service import ServiceProcess
from services.system.degraded import SERVICE
from tests.clients import until
from tests.conftest import StartSystems
from tests.screens import Screen, collected_at, screens
from tests.servers import OwnRedis, as_user

INTERVAL = 5.0
"""Seconds between two statuses, and two updates, as everywhere: an outage is measured by it."""
TIMEOUT = 30.0
"""Seconds that the breaker leaves Redis alone."""
BUSY = 2.0
"""Seconds that this machine may be busy with something else."""

StartHome = Callable[[str], tuple[OwnRedis, ServiceProcess]]


@pytest.fixture
def start_home(
    tmp_path: Path, start_systems: StartSystems, cleanup: Callable[[Process], None]
) -> StartHome:
    """Start a Redis, a collector and a system service of their own."""

    def start(name: str) -> tuple[OwnRedis, ServiceProcess]:
        redis = OwnRedis(tmp_path / name)
        cleanup(redis)
        redis.start()
        port = free_port()
        collector = ServiceProcess(
            "collector",
            name=f"collector-{name}",
            port=port,
            log=tmp_path / f"collector-{name}.log",
            REDIS_URL=as_user("collector", redis.url),
            DRAIN_DELAY="0",
            DRAIN_WINDOW="0",
        )
        cleanup(collector)
        collector.spawn()
        [system] = start_systems(redis.url, BROADCAST_INTERVAL=str(INTERVAL))
        return redis, system

    return start


@contextlib.asynccontextmanager
async def an_outage(
    redis: OwnRedis, system: ServiceProcess, seconds: float
) -> AsyncIterator[Screen]:
    """Take Redis away just before figures are due, for so long; yield what is shown meanwhile."""
    async with screens(system) as [screen]:
        await come_figures(screen)
        await asyncio.sleep(INTERVAL - 0.3)
        redis.kill()
        await asyncio.sleep(seconds)  # how long it lasts is the fault
        redis.start()
        yield screen


async def come_figures(screen: Screen) -> None:
    """Wait until an update comes that has not come yet."""
    count = len(screen.of("performance_update"))

    async def more() -> bool:
        return len(screen.of("performance_update")) > count

    await until(more, within=TIMEOUT + 2 * INTERVAL + BUSY)


def longest_gap(times: list[float]) -> float:
    return max(later - earlier for earlier, later in itertools.pairwise(times))


@pytest.mark.faults
async def test_an_outage_of_up_to_three_seconds_is_bridged_without_a_word(
    start_home: StartHome,
) -> None:
    """At most one update, and one status, is late; a restart of an instant costs no more."""

    async def hold(seconds: float) -> None:
        async with an_outage(*start_home(f"{seconds}"), seconds) as screen:
            await come_figures(screen)
        assert screen.told(SERVICE) == []
        assert longest_gap(screen.arrivals("performance_update")) < 2 * INTERVAL + BUSY
        moments = [collected_at(message) for message in screen.statuses]
        assert longest_gap(moments) < 2 * INTERVAL + BUSY

    await asyncio.gather(hold(0.05), hold(2), hold(3))


@pytest.mark.faults
async def test_a_longer_outage_is_told_once_each_way_and_is_over_within_the_breakers_timeout(
    start_home: StartHome,
) -> None:
    """And an interval: for the figures. Statuses never pause."""

    async def hold(seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        async with an_outage(*start_home(f"{seconds}"), seconds) as screen:
            back_at = clock()
            await come_figures(screen)
            assert clock() - back_at < TIMEOUT + INTERVAL + BUSY
        assert screen.told(SERVICE) == ["degraded", "healthy"]
        moments = [collected_at(message) for message in screen.statuses]
        assert longest_gap(moments) < 2 * INTERVAL + BUSY

    await asyncio.gather(hold(10), hold(45))
