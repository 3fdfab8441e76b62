"""Changes of cameras on a bad day: each is told once and in order, whichever replica leads.

Nobody listens but a consumer of the history. Cameras come and go, while the replica that leads is
killed, at any moment of its round, and Redis is killed and frozen.
"""

import asyncio
import contextlib
import json
import random
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hsi.schemas import channels
from local.service import ServiceProcess
from tests.clients import until
from tests.conftest import StartSystems
from tests.screens import INTERVAL, own
from tests.servers import OwnPostgres, RedisServer

SEED = 20261127
CHANGES = 12
SET = "UPDATE cameras SET status = '{status}' WHERE id = '{camera}'"
PATIENCE = 40
"""Seconds in which a change is told, whatever has happened."""


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_each_change_of_a_camera_is_told_once_and_in_order_whoever_dies(
    own_redis: RedisServer, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    chance = random.Random(SEED)
    own_postgres.execute(
        "INSERT INTO cameras (id, name, folder_path, status) VALUES"
        " ('a', 'A', '/a', 'online'), ('b', 'B', '/b', 'online')"
    )
    replicas = start_systems(own_redis.url, 3, DATABASE_URL=own_postgres.url)
    expected: dict[str, list[str]] = {"a": [], "b": []}

    async def are_known() -> bool:
        async with Redis.from_url(own_redis.url) as redis:
            return bool(await redis.exists(channels.CAMERAS))

    await until(are_known, within=PATIENCE)
    for number in range(CHANGES):
        camera = chance.choice("ab")
        status = "online" if expected[camera][-1:] == ["offline"] else "offline"
        own_postgres.execute(SET.format(status=status, camera=camera))
        expected[camera].append(status)
        await asyncio.sleep(chance.uniform(0, 3) * INTERVAL)  # any moment of a round
        match number % 3:
            case 0:
                await kill_the_leader(replicas)
            case 1:
                own_redis.kill()
                await asyncio.sleep(chance.uniform(0, 3) * INTERVAL)
                await asyncio.to_thread(own_redis.start)
            case _:
                own_redis.freeze()
                await asyncio.sleep(chance.uniform(0, 3) * INTERVAL)
                own_redis.thaw()

        async def is_told(count: int = number + 1) -> bool:
            return len(await told(own_redis)) >= count

        await until(is_told, within=PATIENCE)
    found = await told(own_redis)
    for camera, statuses in expected.items():
        assert [status for one, status in found if one == camera] == statuses


async def kill_the_leader(replicas: list[ServiceProcess]) -> None:
    """Kill the replica that leads, if one does, and start it again."""
    for replica in replicas:
        if (await own(replica))["lease"]["held"]:
            replica.kill()
            await asyncio.to_thread(replica.start)
            return


async def told(redis_server: RedisServer) -> list[tuple[str, str]]:
    """Return what the history says: each camera, and how it was told to be."""
    with contextlib.suppress(RedisError, OSError):
        async with Redis.from_url(redis_server.url) as redis:
            entries: Any = await redis.xrange(channels.history(channels.SYSTEM_STATUS))
            messages = [json.loads(fields[b"m"]) for _, fields in entries]
            cameras = [one["data"] for one in messages if one["type"] == "camera_status"]
            return [(one["camera_id"], one["status"]) for one in cameras]
    return []
