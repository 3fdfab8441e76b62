"""A `system_status` is complete, on time and honest, whatever its sources do."""

import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest
from redis.asyncio import Redis

from hsi.schemas import PerformanceUpdate
from hsi.schemas.base import now
from hsi.schemas.system import CameraCounts, GpuStatus, QueueDepths
from hsi.schemas.validation import encode
from hsi.settings import load
from hsi_service.sources import Reading, SourceSettings
from hsi_service.sources.ai import GIB, Nemotron, Yolo26
from hsi_service.sources.database import Cameras
from hsi_service.sources.gpu import Gpu
from hsi_service.sources.latest_round import Round
from hsi_service.sources.queues import Depths
from services.system.camera_monitor import CameraLook
from services.system.cameras import CamerasFound
from services.system.collection import CollectedStatus, Looked, StatusCollector, compose_status
from tests.clients import golden, until
from tests.hsi.schemas.test_schemas import comparable
from tests.servers import AiServer, OwnPostgres, RedisServer, hangs, says

MIB = 1024**2
HEALTH = {"status": "healthy", "vram_used_gb": 2.0, "gpu_utilization": 45.0, "temperature": None}
LIMIT = 1.5


@contextlib.asynccontextmanager
async def collector(**environment: str) -> AsyncIterator[StatusCollector]:
    collector = StatusCollector(load(SourceSettings, environment), limit=LIMIT)
    yield collector
    await collector.aclose()


def composed(**other: Any) -> CollectedStatus:
    """Compose a status of everything, but for these."""
    found: dict[str, Any] = {
        "gpus": Reading(
            [
                Gpu(
                    index=0,
                    name="NVIDIA RTX A5500",
                    utilization=45.2,
                    memory_used=7168 * MIB,
                    memory_total=24576 * MIB,
                    temperature=65.0,
                    power=125.5,
                )
            ]
        ),
        "yolo26": Reading(Yolo26(health="healthy")),
        "nemotron": Reading(Nemotron(health="healthy")),
        "depths": Reading(Depths(detection=3, analysis=1, dead_letters=0)),
        "cameras": Reading(CamerasFound(Cameras(total=4, online=4, offline=0), {})),
        "at": now(),
    } | other
    looked = Looked(*(found.pop(name) for name in Looked._fields))
    return compose_status(looked, **found)


def test_the_seeds_figures_make_the_seeds_example() -> None:
    status = composed().status
    said, example = comparable(encode(status)), comparable(golden("system_status"))
    assert said["data"] == example["data"]
    assert said["type"] == example["type"]


def test_what_cannot_be_read_is_null_and_said_why() -> None:
    nothing = Reading(None, "it is dark")
    status, observed = composed(
        gpus=nothing, yolo26=nothing, nemotron=nothing, depths=nothing, cameras=nothing
    )
    assert (status.data.gpu, status.data.queues, status.data.cameras) == (None, None, None)
    assert set(status.data.services.values()) == {"unreachable"}
    assert {result.reason for result in observed.health.values()} == {"it is dark"}
    assert observed.cameras is None
    assert encode(status)


def test_what_there_is_not_is_not_spoken_of() -> None:
    found = composed(yolo26=Reading(None), nemotron=Reading(None))
    assert found.status.data.services == {"redis": "healthy"}


def a_round(**gpu: Any) -> Round:
    """Return a round of the collector in which this is what it says of its GPU."""
    data = msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate).data
    for name, value in gpu.items():
        setattr(data.gpu, name, value)
    return Round(data, "")


def test_without_nvml_here_the_gpu_is_the_collectors_in_mib() -> None:
    yolo26 = Reading(Yolo26(health="healthy", vram_used=round(0.2 * GIB), temperature=1.0))
    here = {"gpus": Reading(None, "NVML does not work"), "yolo26": yolo26}
    found = composed(**here, collected=Reading(a_round()))
    assert found.status.data.gpu == GpuStatus(
        name="NVIDIA RTX A5500",
        utilization=38.0,
        memory_used=round(22.7 * 1024),
        memory_total=24 * 1024,
        temperature=38.0,
        power_usage=31.0,
        source="collector",
    )


def test_whose_figures_the_collector_has_stays_said() -> None:
    seen = a_round(name=None, vram_used_gb=None, vram_total_gb=None, source="yolo26")
    found = composed(gpus=Reading([]), collected=Reading(seen))
    assert found.status.data.gpu
    assert (found.status.data.gpu.source, found.status.data.gpu.memory_used) == ("yolo26", None)


async def test_everything_there_is_is_asked(
    redis_url: str, database_url: str, ai_server: AiServer
) -> None:
    ai_server.behaviours["/health"] = says(HEALTH)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO cameras (id, name, folder_path, status) VALUES ('a', 'A', '/a', 'online')"
    )
    await connection.close()
    queue = f"hsi:queue:{uuid.uuid4().hex}"
    async with Redis.from_url(redis_url) as redis:
        await redis.rpush(queue, 1, 2)
        async with collector(
            REDIS_URL=redis_url,
            DATABASE_URL=database_url,
            YOLO26_URL=ai_server.url,
            DETECTION_QUEUE=queue,
            ANALYSIS_QUEUE=queue,
            DEAD_LETTER_QUEUES="",
        ) as sources:
            found = await sources.collect()
        await redis.delete(queue)
    data = found.status.data
    assert data.queues == QueueDepths(detection_queue=2, analysis_queue=2, dlq_total=0)
    assert data.cameras == CameraCounts(total=1, online=1, offline=0)
    assert data.services == {"yolo26": "healthy", "redis": "healthy"}
    assert found.observed.cameras == {"a": CameraLook("A", "online")}
    if data.gpu and data.gpu.name is None:  # no NVML here: yolo26's, with its null temperature
        assert data.gpu == GpuStatus(
            name=None,
            utilization=45.0,
            memory_used=None,
            memory_total=None,
            temperature=None,
            power_usage=None,
            source="yolo26",
        )


async def test_a_look_asks_only_how_services_and_cameras_are(
    own_redis: RedisServer, own_postgres: OwnPostgres, ai_server: AiServer
) -> None:
    ai_server.behaviours |= {"/health": says({"status": "ok"}), "/slots": says([])}
    own_postgres.execute("INSERT INTO cameras (id, name, folder_path) VALUES ('a', 'A', '/a')")
    async with (
        Redis.from_url(own_redis.url) as redis,
        collector(
            REDIS_URL=own_redis.url,
            DATABASE_URL=own_postgres.url,
            YOLO26_URL=ai_server.url,
            NEMOTRON_URL=ai_server.url,
        ) as sources,
    ):
        await sources.collect()
        ai_server.asked.clear()
        await redis.config_resetstat()
        observed = await sources.observe(redis_refuses="OOM")
        asked = set(await redis.info("commandstats"))
    assert sorted(set(ai_server.asked)) == ["/health", "/slots"]
    assert asked <= {"cmdstat_llen", "cmdstat_config|resetstat", "cmdstat_info"}
    assert observed.cameras == {"a": CameraLook("A", "unknown")}
    assert {name: result.health for name, result in observed.health.items()} == {
        "yolo26": "healthy",
        "nemotron": "healthy",
        "redis": "unhealthy",
    }


async def test_on_a_bad_day_a_round_is_on_time_and_the_next_ones_recover(
    own_redis: RedisServer, own_postgres: OwnPostgres, ai_server: AiServer
) -> None:

    ai_server.behaviours |= {"/health": says({"status": "ok"}), "/slots": says([])}
    async with collector(
        REDIS_URL=own_redis.url,
        DATABASE_URL=own_postgres.url,
        YOLO26_URL=ai_server.url,
        NEMOTRON_URL=ai_server.url,
    ) as sources:
        fine = {"yolo26": "healthy", "nemotron": "healthy", "redis": "healthy"}

        async def all_fine() -> bool:
            data = (await sources.collect()).status.data
            return data.services == fine and None not in (data.cameras, data.queues)

        assert await all_fine()
        own_redis.freeze()
        own_postgres.freeze()
        ai_server.behaviours["/health"] = hangs
        for _ in range(3):
            began = time.monotonic()
            data = (await sources.collect()).status.data
            assert time.monotonic() - began < LIMIT + 4  # a busy machine has its time
            assert data.services == dict.fromkeys(fine, "unreachable")
            assert (data.cameras, data.queues) == (None, None)
        own_redis.thaw()
        own_postgres.thaw()
        ai_server.behaviours["/health"] = says({"status": "ok"})
        await until(all_fine, within=30)


@pytest.mark.parametrize("temperature", [None, "hot", -1000])
async def test_a_temperature_that_is_none_takes_nothing_else_along(
    redis_url: str, ai_server: AiServer, temperature: Any
) -> None:
    ai_server.behaviours["/health"] = says(HEALTH | {"temperature": temperature})
    async with collector(REDIS_URL=redis_url, YOLO26_URL=ai_server.url) as sources:
        data = (await sources.collect()).status.data
    assert data.services["yolo26"] == "healthy"
    assert data.gpu is not None
    assert data.gpu.utilization is not None
