"""What the collector found reaches statuses, and a client before whom nobody was here."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from hsi.schemas import channels
from local.processes import free_port
from local.service import ServiceProcess
from services.system.latest_performance import LatestPerformance
from services.system.settings import SystemSettings
from tests.clients import golden, until
from tests.conftest import StartSystems
from tests.screens import screens
from tests.servers import RedisServer, as_user

NVML = """
import sys, runpy
from types import ModuleType
from tests.hsi_service.sources.test_gpu import A5500, FakeNvml
sys.modules["pynvml"] = FakeNvml(A5500, {"trouble": "GPU is lost"})
runpy.run_module("services.collector", run_name="__main__")
"""
"""A collector on a machine with two GPUs, of which one is lost."""


async def test_beside_a_collector_that_has_nvml_a_system_service_without_it_shows_its_gpu(
    own_redis: RedisServer, start_systems: StartSystems, tmp_path: Path
) -> None:
    port = free_port()
    collector = ServiceProcess(
        "collector",
        name="collector",
        port=port,
        log=tmp_path / "collector.log",
        REDIS_URL=as_user("collector", own_redis.url),
        BROADCAST_INTERVAL="0.5",
    )
    collector.command[1:] = ["-c", NVML]
    collector.start()
    try:
        [replica] = start_systems(own_redis.url)
        async with Redis.from_url(own_redis.url) as redis:

            async def has_history() -> bool:
                return bool(await redis.xlen(channels.PERFORMANCE_HISTORY))

            await until(has_history)
        async with screens(replica) as [screen]:

            async def shows_both() -> bool:
                return bool(screen.statuses and screen.of("performance_update"))

            await until(shows_both)
            # The first client: its figures come from the history, with its first status.
            assert [message["type"] for message in screen.got[:2]] == [
                "system_status",
                "performance_update",
            ]
            assert screen.latest["gpu"] == {
                "name": "NVIDIA RTX A5500",
                "utilization": 38,
                "memory_used": 7168,
                "memory_total": 24576,
                "temperature": 65,
                "power_usage": 126,
                "source": "collector",
            }
            update = screen.of("performance_update")[0]["data"]
            assert [gpu["uuid"] for gpu in update["gpus"]] == ["GPU-1", None]
            collector.kill()

            async def says_nothing_of_a_gpu() -> bool:
                return screen.latest["gpu"] is None

            await until(says_nothing_of_a_gpu)
            async with screens(replica) as [late]:

                async def shows_a_status() -> bool:
                    return bool(late.statuses)

                await until(shows_a_status)
                await asyncio.sleep(0.1)
                assert not late.of("performance_update")  # what is over is not shown as now
    finally:
        collector.stop()


async def test_a_crowd_of_first_clients_asks_redis_once(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    [replica] = start_systems(own_redis.url, BROADCAST_INTERVAL="3600")
    data = msgspec.json.decode(golden("performance_update"))["data"]
    data["timestamp"] = datetime.now(UTC).isoformat()
    async with Redis.from_url(own_redis.url) as redis:
        await redis.xadd(channels.PERFORMANCE_HISTORY, {"data": msgspec.json.encode(data)})
        await redis.config_resetstat()
        async with screens(*[replica] * 20) as shown:

            async def all_show_it() -> bool:
                return all(screen.of("performance_update") for screen in shown)

            await until(all_show_it)
            assert {
                screen.of("performance_update")[0]["data"]["timestamp"] for screen in shown
            } == {data["timestamp"]}
        asked = (await redis.info("commandstats"))["cmdstat_xrevrange"]["calls"]
    assert asked <= 2


async def test_it_takes_no_longer_than_the_round_of_which_it_is_a_part(
    own_redis: RedisServer,
) -> None:
    latest = LatestPerformance(SystemSettings(redis_url=own_redis.url), clock=time.time, limit=0.2)
    assert (await latest.read()).reason == ""
    own_redis.freeze()
    asked_at_once = await asyncio.gather(latest.read(), latest.read())
    own_redis.thaw()
    assert [reading.reason for reading in asked_at_once] == ["no answer within 0.2 s"] * 2
    await latest.aclose()
