"""What changes is told once, with history, whichever replica leads, listeners or not."""

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.consumer import Consumer, Entry
from hsi.publishing import LIBRARY
from hsi.schemas import CameraState, CameraStatus, channels
from hsi.schemas.base import ServiceHealth
from hsi_service.bus.lease import Lease, Turn
from hsi_service.metrics import Metrics
from services.system.camera_monitor import CameraLook
from services.system.changes import Change, Left, Observed
from services.system.health import HealthResult
from services.system.leading import Leading
from services.system.publication import NoAnswerError
from services.system.report import SystemMetrics
from tests.clients import metric, until
from tests.conftest import StartSystems
from tests.screens import leader_of, screens
from tests.servers import OwnPostgres, RedisServer

_GOES: list[CameraState] = ["online", "offline"]
NOW = datetime(2026, 11, 27, tzinfo=UTC)


class Redises:
    """What stands in Redis, and what it was told; it fails where it is told to."""

    def __init__(self) -> None:
        self.stands = Left(None, None, None)
        self.told: dict[str, str] = {}
        self.statuses: list[bytes] = []
        self.writes = 0
        self.fails: set[str] = set()

    async def left(self) -> Left:
        self._may("left")
        return self.stands

    async def publish(self, turn: Turn, messages: list[bytes], *, left: Left) -> None:  # noqa: ARG002
        self._may("publish")
        self.stands = left
        self.statuses += messages
        self.writes += 1
        self._may("answer")

    async def tell(self, changes: list[Change]) -> None:
        self._may("tell")
        for change in changes:
            self.told.setdefault(change.key, change.message)

    def _may(self, what: str) -> None:
        if what in self.fails:
            raise NoAnswerError(what)


class Replica:
    """One that leads, or did."""

    def __init__(self, redis: Redises) -> None:
        self.lease = Lease("redis://127.0.0.1:1", "system", duration=60)
        self.lease.term = 1
        self.heard: list[Change] = []
        metrics = SystemMetrics(Metrics(), lambda: pytest.fail("nobody asks"))
        self.leading = Leading(
            self.lease,
            redis,  # type: ignore[arg-type]  # it is asked the same
            metrics,
            now=lambda: NOW,
            on_told=self.heard.extend,
        )

    async def finds(
        self, camera: CameraState, yolo26: ServiceHealth = "healthy", status: bytes | None = None
    ) -> bool:
        looks = {"a": CameraLook("A", camera)}
        observed = Observed({"yolo26": HealthResult(yolo26)}, looks)
        return await self.leading.publish(None, status, observed)


def kinds(redis: Redises) -> list[str]:
    return [json.loads(message)["type"] for message in redis.told.values()]


async def test_what_is_the_same_is_not_written_again_and_no_status_goes_out_unasked() -> None:
    redis = Redises()
    replica = Replica(redis)
    for _ in range(5):
        assert await replica.finds("online")
    assert (redis.writes, redis.statuses, redis.told) == (1, [], {})
    await replica.finds("online", status=b"status")
    assert redis.statuses == [b"status"]


async def test_a_change_is_written_before_it_is_told_and_taken_off_afterwards() -> None:
    redis = Redises()
    replica = Replica(redis)
    for camera in (*_GOES, _GOES[-1]):
        redis.fails = {"tell"}
        await replica.finds(camera)
    assert redis.told == {}
    assert b"camera_status" in (redis.stands.changes or b"")
    redis.fails = set()
    await replica.finds("offline")
    assert kinds(redis) == ["camera_status"]
    assert redis.stands.changes == b"[]"
    assert [change.message for change in replica.heard] == list(redis.told.values())


@pytest.mark.parametrize("at", ["before", "between", "after"])
async def test_a_leader_that_dies_leaves_each_change_to_be_told_once(at: str) -> None:
    redis = Redises()
    first = Replica(redis)
    for camera in _GOES:
        await first.finds(camera)
    redis.fails = {"before": {"tell"}, "between": set(), "after": set()}[at]
    if at == "between":  # told, and Redis was not told so
        tell = redis.tell

        async def tell_and_die(changes: list[Change]) -> None:
            await tell(changes)
            raise NoAnswerError("killed")

        redis.tell = tell_and_die  # type: ignore[method-assign]
    await first.finds("offline", "unhealthy")
    if at == "between":
        redis.tell = tell  # type: ignore[method-assign]
    redis.fails = set()
    second = Replica(redis)
    for _ in range(3):
        await second.finds("offline", "unhealthy")
    assert sorted(kinds(redis)) == ["camera_status", "service_status"]


async def test_what_changed_while_redis_was_away_is_told_when_it_is_back() -> None:
    redis = Redises()
    replica = Replica(redis)
    await replica.finds("online")
    redis.fails = {"left", "publish", "tell"}
    for _ in range(4):
        await replica.finds("offline")
    assert redis.told == {}
    redis.fails = set()
    for _ in range(3):
        await replica.finds("offline")
    assert kinds(redis) == ["camera_status"]


async def test_a_redis_that_was_wiped_takes_nothing_from_who_leads() -> None:
    redis = Redises()
    replica = Replica(redis)
    await replica.finds("online")
    redis.stands = Left(None, None, None)
    replica.leading.rest()
    for _ in range(3):
        await replica.finds("offline")
    assert kinds(redis) == ["camera_status"]


async def test_an_answer_that_was_lost_makes_no_second_change() -> None:
    redis = Redises()
    replica = Replica(redis)
    for camera in _GOES:
        await replica.finds(camera)
    redis.fails = {"answer"}
    assert not await replica.finds("offline")
    redis.fails = set()
    for _ in range(3):
        await replica.finds("offline")
    assert kinds(redis) == ["camera_status"]


# With real replicas.


async def test_at_night_a_camera_that_goes_is_told_with_history_and_stands_in_its_key(
    own_redis: RedisServer, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    own_postgres.execute(
        "INSERT INTO cameras (id, name, folder_path, status) VALUES"
        " ('a', 'Front door', '/a', 'online'), ('b', 'Garden', '/b', 'online')"
    )
    replicas = start_systems(own_redis.url, 2, DATABASE_URL=own_postgres.url)
    async with Redis.from_url(own_redis.url) as redis:

        async def stands() -> bool:
            return bool(await redis.exists(channels.CAMERAS))

        await until(stands)
        async with (
            Consumer(own_redis.url, "test", channels.SYSTEM_STATUS) as consumer,
            aclosing(consumer.messages()) as messages,
        ):
            following = asyncio.ensure_future(anext(messages))
            await until(lambda: exists(redis, "consumer:test"))
            own_postgres.execute("UPDATE cameras SET status = 'offline' WHERE id = 'a'")
            async with asyncio.timeout(20):
                told = await following
        assert isinstance(told, Entry)
        assert isinstance(told.message, CameraStatus)
        data = told.message.data
        assert (data.camera_id, data.name, data.status) == ("a", "Front door", "offline")
        kept = json.loads(await redis.get(channels.CAMERAS) or b"")
        assert [(one["id"], one["status"]) for one in kept["cameras"]] == [
            ("a", "offline"),
            ("b", "online"),
        ]
    # Dashboards hear it as they did, whatever replica they are at; it has its cursor first.
    async with screens(*replicas) as shown:
        own_postgres.execute("UPDATE cameras SET status = 'online' WHERE id = 'a'")
        await until(lambda: have_heard(shown, "camera_status"))
    for screen in shown:
        [text] = [text for text in screen.texts if "camera_status" in text]
        assert text.startswith('{"cursor":"')


async def exists(redis: Redis, key: str) -> bool:
    return bool(await redis.exists(key))


async def have_heard(shown: list[Any], kind: str) -> bool:
    return all(screen.of(kind) for screen in shown)


REFUSES = """#!lua name=hsi_realtime_v2
redis.register_function('hsi_publish_v2', function() return redis.error_reply('ERR not now') end)
"""
"""In place of the library that publishes."""


@pytest.mark.faults
async def test_a_leader_that_is_killed_between_finding_and_telling_costs_no_change_and_doubles_none(
    own_redis: RedisServer, own_postgres: OwnPostgres, start_systems: StartSystems
) -> None:
    own_postgres.execute(
        "INSERT INTO cameras (id, name, folder_path, status) VALUES ('a', 'A', '/a', 'online')"
    )
    replicas = start_systems(own_redis.url, 2, DATABASE_URL=own_postgres.url)
    history = channels.history(channels.SYSTEM_STATUS)
    async with Redis.from_url(own_redis.url, decode_responses=True) as redis:
        await until(lambda: exists(redis, channels.CAMERAS))
        await redis.function_load(REFUSES, replace=True)
        own_postgres.execute("UPDATE cameras SET status = 'offline'")

        async def is_found() -> bool:
            return "camera_status" in str(await redis.get(channels.SYSTEM_CHANGES))

        await until(is_found)
        leader = await leader_of(replicas)
        assert await metric(leader, "hsi_system_untold_changes") == 1
        leader.kill()
        assert not await redis.exists(history)
        await redis.function_load(LIBRARY, replace=True)

        async def is_told() -> bool:
            return await redis.get(channels.SYSTEM_CHANGES) == "[]"

        await until(is_told, within=20)
        own_postgres.execute("UPDATE cameras SET status = 'online'")

        async def are_told() -> bool:
            return await redis.xlen(history) >= 2

        await until(are_told, within=20)
        await until(is_told)
        entries: Any = await redis.xrange(history)
    told = [json.loads(fields["m"])["data"]["status"] for _, fields in entries]
    assert told == ["offline", "online"]
