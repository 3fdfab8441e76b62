"""What is known of a home: as much as Redis proves, and nothing that it does not."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from hsi.publishing import LIBRARY
from hsi.schemas import channels
from tests.clients import golden, meanwhile, publish
from tests.hsi.test_verdict import CASES
from tests.hsi_service.home.following import MINUTE, following, now_at
from tests.servers import RedisServer


@pytest.fixture(autouse=True)
async def _publishing(request: pytest.FixtureRequest) -> None:
    """Have the function that publishes in Redis."""
    if "redis_url" in request.fixturenames:
        await load(request.getfixturevalue("redis_url"))


async def load(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.function_load(LIBRARY, replace=True)


async def known_for(redis_url: str, channel: str, minutes: float) -> None:
    async with Redis.from_url(redis_url) as redis:
        since = await now_at(redis) - round(minutes * MINUTE)
        await redis.set(channels.since(channel), since)


async def test_all_is_quiet_when_everything_proves_it(redis_url: str, channel: str) -> None:
    await known_for(redis_url, channel, 20)
    async with following(redis_url, channel) as followed:
        await followed.says("Waiting for a status")
        await followed.tells_status()
        await followed.is_so("quiet")
        assert followed.home.verdict.title == "All quiet"
        assert followed.home.heard_at is not None
        await followed.tells_status(cameras={"total": 2, "online": 1, "offline": 1})
        await followed.is_so("quiet_at")


async def test_what_happens_is_known_at_once_and_a_seen_danger_asks_for_nothing(
    redis_url: str, channel: str
) -> None:
    await known_for(redis_url, channel, 20)
    async with following(redis_url, channel) as followed:
        await followed.tells_status()
        await followed.says("No event in 15 minutes")
        await followed.happens(event_id=7, camera_id="front_door", risk_level="high", summary="Man")
        await followed.is_so("look_now")
        assert followed.home.latest["front_door"].data["summary"] == "Man"
        mark = {"at": "2026-11-27T00:00:00Z", "by": "kitchen", "risk_level": "high"}
        data = {"id": "7", "seen": True, **mark}
        message = json.dumps({"type": "event_seen", "data": data}).encode()
        await publish(redis_url, channel, message)
        await followed.is_so("seen")


async def test_cameras_and_alerts_are_followed(redis_url: str, channel: str) -> None:
    camera = {"id": "front_door", "name": "Front door", "status": "online"}
    at = "2026-11-27T00:00:00Z"
    async with Redis.from_url(redis_url) as redis:
        value = {"at": at, "cameras": [{**camera, "since": at}]}
        await redis.set(channels.CAMERAS, msgspec.json.encode(value))
    async with following(redis_url, channel) as followed:
        home = followed.home
        await followed.waits_for(lambda: "front_door" in home.cameras)
        assert home.cameras["front_door"].status == "online"
        await publish(redis_url, channels.SYSTEM_STATUS, golden("camera_status"))
        await followed.waits_for(lambda: home.cameras["front_door"].status == "offline")
        await publish(redis_url, channels.PERFORMANCE_UPDATE, golden("alert"))
        await followed.waits_for(lambda: len(home.alerts) == 1)


async def test_that_no_alert_is_raised_is_known_once_figures_say_so(
    redis_url: str, channel: str
) -> None:
    async with following(redis_url, channel, interval=0.1) as followed:
        home = followed.home
        assert not home.knows_alerts
        update = json.loads(golden("performance_update"))
        update["data"]["raised"] = [json.loads(golden("alert"))["data"]]
        await publish(redis_url, channels.PERFORMANCE_UPDATE, json.dumps(update).encode())
        await followed.waits_for(lambda: home.knows_alerts)
        assert len(home.alerts) == 1
        await followed.waits_for(lambda: not home.knows_alerts)


async def test_of_two_who_wait_for_changes_neither_misses_one(redis_url: str, channel: str) -> None:
    async with following(redis_url, channel) as followed:
        seen: dict[str, int] = {}

        async def follow(name: str, pause: float) -> None:
            while True:
                await followed.home.changed()
                seen[name] = len(followed.home.facts.events)
                await asyncio.sleep(pause)  # it is at work

        async with meanwhile(follow("quick", 0)), meanwhile(follow("slow", 0.2)):
            for number in range(10):
                await followed.happens(event_id=number, camera_id="yard")
            await followed.waits_for(lambda: seen == {"quick": 10, "slow": 10})


async def test_a_status_that_no_longer_comes_says_nothing_about_now(
    redis_url: str, channel: str
) -> None:
    await known_for(redis_url, channel, 20)
    async with following(redis_url, channel, interval=0.1) as followed:
        await followed.tells_status()
        await followed.is_so("quiet")
        await followed.says("No news of cameras, AI and queues")
        assert followed.home.status is None
        assert followed.home.verdict.since is not None


async def test_a_queue_that_does_not_move_is_noticed(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi.verdict.QUEUE_PATIENCE", 50)
    await known_for(redis_url, channel, 20)
    async with following(redis_url, channel) as followed:
        waiting = {"detection_queue": 3, "analysis_queue": 0, "dlq_total": 0}
        await followed.tells_status(queues=waiting)
        await followed.is_so("quiet")
        await asyncio.sleep(0.06)  # how long it stands is the fault
        await followed.tells_status(queues=waiting)
        await followed.says("The detection queue does not move")


async def test_a_machine_whose_clock_is_wrong_follows_the_clock_of_redis(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = time.time
    monkeypatch.setattr(time, "time", lambda: machines() + 3600)
    await known_for(redis_url, channel, 20)
    async with following(redis_url, channel) as followed:
        await followed.waits_for(lambda: followed.service.probe.now() is not None)
        await followed.tells_status()
        await followed.is_so("quiet")
        await followed.happens(event_id=1, risk_level="critical", ended_at="2026-11-27T00:00:00Z")
        await followed.is_so("act_now")


async def test_a_camera_that_was_deleted_goes_when_the_counts_say_so(
    redis_url: str, channel: str
) -> None:
    at = "2026-11-27T00:00:00Z"

    async def listed(*names: str) -> None:
        cameras = [{"id": one, "name": one, "status": "online", "since": at} for one in names]
        async with Redis.from_url(redis_url) as redis:
            await redis.set(channels.CAMERAS, json.dumps({"at": at, "cameras": cameras}))

    await listed("a", "b")
    async with following(redis_url, channel) as followed:
        await followed.waits_for(lambda: followed.home.cameras.keys() == {"a", "b"})
        await listed("b")
        await followed.tells_status(cameras={"total": 1, "online": 1, "offline": 0})
        await followed.waits_for(lambda: followed.home.cameras.keys() == {"b"})


def is_told_by_redis(case: dict[str, Any]) -> bool:
    """Return whether a case's facts stand in Redis, and need no fault and no time to pass."""
    facts = case["facts"]
    events = [event["data"].get("event_id", object()) for event in facts.get("events", ())]
    cursors = [event for event in facts.get("events", ()) if "cursor" in event]
    # What is told twice of one event is one event here, and in a page.
    is_one = len(set(map(str, events))) < len(events)
    other = facts.keys() & {"feed", "window", "status", "queues", "now"}
    return not (other or is_one or cursors or "to the millisecond" in case["name"])


@pytest.mark.faults  # It takes a home for each of some dozen cases.
async def test_the_shared_cases_are_the_verdict_of_what_stands_in_redis(
    redis_url: str, channel: str
) -> None:
    cases = [case for case in CASES["cases"] if is_told_by_redis(case)]
    assert len(cases) > 20
    for number, case in enumerate(cases):
        of_case = f"{channel}:{number}"
        await stands(redis_url, of_case, case["facts"])
        async with following(redis_url, of_case) as followed:
            facts = CASES["base"] | case["facts"]
            await followed.tells_status(cameras=facts["cameras"], services=facts["ai"])
            await followed.waits_for(lambda: followed.home.status is not None)
            verdict = msgspec.structs.asdict(followed.home.verdict)
        expected = {
            name: value
            for name, value in case["expect"].items()
            if name in {"state", "title", "detail"}
        }
        assert {name: verdict[name] for name in expected} == expected, case["name"]


async def stands(redis_url: str, channel: str, facts: dict[str, Any]) -> None:
    """Have the events and the marks of a case stand in Redis."""
    async with Redis.from_url(redis_url) as redis:
        now = await now_at(redis)
        events = sorted(facts.get("events", ()), key=lambda event: float(event["arrived"]))
        count = 0
        for event in events:
            for _ in range(event.get("times", 1)):
                count += 1
                message = json.dumps({"type": "event", "data": event["data"]})
                cursor = f"{now + round(event['arrived'] * 1000)}-{count}"
                await redis.xadd(channels.history(channel), {"m": message}, id=cursor)
        await redis.set(channels.number(channel), count)
        await redis.set(channels.since(channel), now - 25 * 60 * MINUTE)
        for key, mark in facts.get("seen", {}).items():
            at = datetime.fromtimestamp((now / 1000) + mark["at"], UTC).isoformat()
            await redis.hset(channels.seen(channel), key, json.dumps({**mark, "at": at}))


@pytest.mark.faults
async def test_without_redis_nobody_can_tell_and_afterwards_it_is_known_again(
    own_redis: RedisServer, channel: str
) -> None:
    await load(own_redis.url)
    await known_for(own_redis.url, channel, 20)
    async with following(own_redis.url, channel) as followed:
        await followed.tells_status()
        await followed.is_so("quiet")
        own_redis.kill()
        await followed.is_so("cant_tell")
        assert followed.home.verdict.detail == "No news of events"
        assert followed.home.heard_at is not None
        await asyncio.to_thread(own_redis.start)
        await followed.redis.connection_pool.disconnect()
        # Before it hears again, somebody publishes, and somebody else sees another event.
        await followed.happens(event_id=9, camera_id="yard", risk_level="high", summary="Man")
        await followed.says("yard: Man")
        mark = {"at": "2026-11-27T00:00:00Z", "by": "kitchen", "risk_level": "high"}
        own_redis.kill()
        await followed.waits_for(lambda: followed.home.facts.feed.state == "silent")
        await asyncio.to_thread(own_redis.start)
        await followed.redis.connection_pool.disconnect()
        await followed.redis.hset(channels.seen(channel), "9", json.dumps(mark))
        await followed.is_so("seen", within=20)


@pytest.mark.faults
async def test_a_redis_that_lost_all_is_told_as_a_window_that_is_not_known(
    own_redis: RedisServer, channel: str
) -> None:
    await load(own_redis.url)
    await known_for(own_redis.url, channel, 20)
    async with following(own_redis.url, channel) as followed:
        for number in range(3):
            await followed.happens(event_id=number, camera_id="yard", risk_level="low")
        await followed.tells_status()
        await followed.is_so("quiet")
        await followed.redis.flushall()
        await load(own_redis.url)
        await followed.happens(event_id=9, camera_id="yard", risk_level="low")
        await followed.says("Only part of the last 15 minutes is known")
        assert len(followed.home.facts.events) == 4  # what was heard is known
        await followed.happens(event_id=10, camera_id="yard", risk_level="high")
        await followed.is_so("look_now")
