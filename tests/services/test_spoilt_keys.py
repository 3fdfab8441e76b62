"""What a key holds that does not belong there costs itself: no service stops, fails or floods."""

import json
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.latency import LatencyRecorder
from hsi.schemas import channels
from tests.clients import golden, until
from tests.redis_data import TYPES, spoil_async
from tests.servers import RedisServer, as_user
from tests.services.running import running

pytestmark = pytest.mark.faults

DEEP = b"[" * 200_000
LAST_ID = f"{2**64 - 1}-{2**64 - 1}"
JUNK = {
    "empty": b"",
    "not UTF-8": b'{"\xff":1}',
    "not JSON": b"somebody's own",
    "deep": DEEP,
    "deep in an unknown field": b'{"a":{"unknown":' + DEEP,
    "null": b"null",
    "a list": b"[]",
    "a number": b"7",
    "a huge number": b"9" * 10_000,
    "not a number": b"NaN",
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "fields of other types": b'{"raised":7,"engine":[],"redis":"ill","status":[]}',
}


# The collector's own keys: its leader replaces what is there.


@pytest.mark.parametrize("kind", [*TYPES, "the last id"])
async def test_a_spoilt_history_of_figures_is_named_and_replaced(
    own_redis: RedisServer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.PERFORMANCE_HISTORY
    async with running("collector", own_redis.url, channels.PERFORMANCE_UPDATE) as collector:
        for _ in range(2):
            await collector.hears()
            if kind == "the last id":
                await collector.redis.xadd(key, {"data": "x"}, id=LAST_ID)
            else:
                await spoil_async(collector.redis, key, kind)
            await collector.get("/api/performance")
            await collector.get("/api/performance/history")
            await collector.hears()
            await until(lambda: is_of(collector.redis, key, b"stream"))

        async def has_points() -> bool:
            return bool((await collector.get("/api/performance/history"))["points"])

        await until(has_points)
        assert collector.failures() == 0
    assert f"the key {key} does not hold what it should: " in caplog.text
    # Two readers name it, each once; one that reads after it was replaced does not.
    assert caplog.text.count("does not hold what it should") <= 2


async def is_of(redis: Redis, key: str, kind: bytes) -> bool:
    return bool(await redis.type(key) == kind)


@pytest.mark.parametrize("junk", JUNK)
async def test_points_that_cannot_be_read_cost_no_other(
    own_redis: RedisServer, junk: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running("collector", own_redis.url, channels.PERFORMANCE_UPDATE) as collector:
        await collector.hears()
        for _ in range(20):
            await collector.redis.xadd(channels.PERFORMANCE_HISTORY, {"data": JUNK[junk]})
        await collector.redis.xadd(channels.PERFORMANCE_HISTORY, {b"\xff": b"\xff"})
        await collector.get("/api/performance")
        assert (await collector.get("/api/performance/history"))["points"]
        await collector.hears()
        assert collector.failures() == 0
    named = f"the key {channels.PERFORMANCE_HISTORY} does not hold what it should"
    assert 1 <= caplog.text.count(named) <= 2  # Two readers name it, each once.


@pytest.mark.parametrize(
    "timestamp",
    [
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-01-17T10:32:05",
    ],
)
async def test_a_point_of_any_time_is_read(own_redis: RedisServer, timestamp: str) -> None:
    async with running("collector", own_redis.url, channels.PERFORMANCE_UPDATE) as collector:
        update = (await collector.hears())["data"]
        odd = update | {"timestamp": timestamp}
        odd["host"] = dict.fromkeys(
            ("cpu_percent", "ram_used_gb", "ram_total_gb", "disk_used_gb", "disk_total_gb"), 0
        )
        odd["gpu"] = dict.fromkeys(
            ("name", "utilization", "vram_used_gb", "vram_total_gb", "power_watts")
        ) | {"temperature": 10**40}
        await collector.redis.xadd(channels.PERFORMANCE_HISTORY, {"data": json.dumps(odd)})
        assert (await collector.get("/api/performance"))["timestamp"] != timestamp
        points = (await collector.get("/api/performance/history"))["points"]
        assert timestamp not in [point["timestamp"] for point in points]
        assert points
        await collector.hears()


@pytest.mark.parametrize("spoilt", [*sorted(set(TYPES) - {"string"}), *JUNK])
async def test_a_new_leader_goes_on_from_spoilt_alerts(
    own_redis: RedisServer, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.PERFORMANCE_ALERTS
    async with Redis.from_url(own_redis.url) as redis:
        if spoilt in JUNK:
            await redis.set(key, JUNK[spoilt])
        else:
            await spoil_async(redis, key, spoilt)
    async with running("collector", own_redis.url, channels.PERFORMANCE_UPDATE) as collector:
        await collector.hears()
        assert json.loads(await collector.redis.get(key) or b"").keys() == {
            "as_of",
            "raised",
            "engine",
        }
        assert collector.failures() == 0
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


@pytest.mark.parametrize("junk", JUNK)
async def test_a_new_leader_goes_on_from_an_alert_engine_that_cannot_be_read(
    own_redis: RedisServer, junk: str
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        told = json.loads(golden("alert"))["data"] | {"metric": "nobodys"}
        raised = json.dumps({"nobodys": told}).encode()
        memory = (
            b'{"as_of":"2024-01-15T10:30:00Z","raised":'
            + raised
            + b',"engine":'
            + JUNK[junk]
            + b"}"
        )
        await redis.set(channels.PERFORMANCE_ALERTS, memory)
    async with running("collector", own_redis.url, channels.PERFORMANCE_UPDATE) as collector:
        await collector.hears()
        assert collector.failures() == 0


# The system service's.


@pytest.mark.parametrize("spoilt", [*sorted(set(TYPES) - {"string"}), *JUNK])
async def test_spoilt_health_mutes_no_status_and_is_named_and_replaced(
    own_redis: RedisServer, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.SYSTEM_HEALTH
    async with Redis.from_url(own_redis.url) as redis:
        if spoilt in JUNK:
            await redis.set(key, JUNK[spoilt])
        else:
            await spoil_async(redis, key, spoilt)
    async with running("system", own_redis.url, channels.SYSTEM_STATUS) as system:
        assert (await system.hears())["type"] == "system_status"
        assert json.loads(await system.redis.get(key) or b"").keys() >= {"redis"}
        assert system.failures() == 0
    named = caplog.text.count(f"the key {key} does not hold what it should: ")
    assert named == (0 if spoilt == "empty" else 1)


# What else their values may be: tests/services/system/test_changes.py.
@pytest.mark.parametrize("key", [channels.CAMERAS, channels.SYSTEM_CHANGES])
@pytest.mark.parametrize("spoilt", ["hash", "not JSON"])
async def test_what_a_leader_left_of_cameras_and_changes_mutes_no_status_either(
    own_redis: RedisServer, key: str, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        if spoilt in JUNK:
            await redis.set(key, JUNK[spoilt])
        else:
            await spoil_async(redis, key, spoilt)
    async with running("system", own_redis.url, channels.SYSTEM_STATUS) as system:
        assert (await system.hears())["type"] == "system_status"
        assert system.failures() == 0
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


# Keys of the pipeline: stepped around.


@pytest.mark.parametrize("name", ["system", "collector"])
@pytest.mark.parametrize("kind", sorted({*TYPES} - {"list"}))
async def test_a_queue_that_is_no_list_has_no_depth_and_is_named(
    own_redis: RedisServer, name: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        await spoil_async(redis, channels.DETECTION_QUEUE, kind)
        await redis.rpush(channels.ANALYSIS_QUEUE, 1, 2)
    channel = channels.SYSTEM_STATUS if name == "system" else channels.PERFORMANCE_UPDATE
    async with running(name, own_redis.url, channel) as service:
        for _ in range(2):
            data = (await service.hears())["data"]
            if name == "system":
                depths = data["queues"]
                assert data["services"]["redis"] == "healthy"
                assert (depths["detection_queue"], depths["analysis_queue"]) == (None, 2)
            else:
                while data["inference"] is None:  # Redis took its time in this round.
                    data = (await service.hears())["data"]
                assert data["inference"]["queues"] == {"detection": None, "analysis": 2}
    assert (
        caplog.text.count(
            f"the key {channels.DETECTION_QUEUE} does not hold what it should: expected a list"
        )
        == 1
    )


@pytest.mark.parametrize("spoilt", [*sorted(set(TYPES) - {"stream"}), "entries"])
async def test_a_spoilt_stage_has_no_figures_and_the_others_have(
    own_redis: RedisServer, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.latency("yolo26")
    async with Redis.from_url(own_redis.url) as redis:
        await redis.xadd(channels.latency("nemotron"), {"ms": 7})
        if spoilt == "entries":
            for value in (*JUNK.values(), b"\xff", b"-1", b"inf", b"1e999", b"9" * 100_000):
                await redis.xadd(key, {b"\xff": b"\xff", b"ms": value})
            await redis.xadd(key, {"other": "5"})
        else:
            await spoil_async(redis, key, spoilt)
    async with running("collector", own_redis.url, channels.PERFORMANCE_UPDATE) as collector:
        inference = (await collector.hears())["data"]["inference"]
        # The number among the junk can be true.
        found = inference["yolo26_latency_ms"]
        assert (found and found["avg"]) == (7 if spoilt == "entries" else None)
        assert inference["nemotron_latency_ms"]["avg"] == 7
        assert collector.failures() == 0
    named = caplog.text.count(f"the key {key} does not hold what it should: expected a stream")
    assert named == (0 if spoilt == "entries" else 1)


@pytest.mark.parametrize("spoilt", [*sorted(set(TYPES) - {"stream"}), "the last id"])
async def test_a_stage_to_which_nothing_can_be_appended_is_replaced_by_its_next_samples(
    own_redis: RedisServer, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.latency("yolo26")
    recorder = LatencyRecorder(as_user("producer", own_redis.url))
    async with Redis.from_url(own_redis.url) as redis:
        if spoilt == "the last id":
            await redis.xadd(key, {"ms": 1}, id=LAST_ID)
        else:
            await spoil_async(redis, key, spoilt)

        async def has_samples() -> bool:
            recorder.record("yolo26", 5)
            recorder.record("nemotron", 5)
            newest: Any = (
                await redis.xrevrange(key, count=1) if await is_of(redis, key, b"stream") else []
            )
            return bool(newest) and newest[0][1] == {b"ms": b"5.000"}

        await until(has_samples)
        assert await is_of(redis, channels.latency("nemotron"), b"stream")
    recorder.close()
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


# Jobs.


@pytest.mark.parametrize("kind", sorted({*TYPES} - {"zset"}))
async def test_an_index_of_jobs_that_is_none_is_named_to_who_asks_and_in_the_log(
    own_redis: RedisServer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running("joblogs", own_redis.url) as joblogs:
        await spoil_async(joblogs.redis, channels.JOBS, kind)
        for _ in range(3):
            detail = (await joblogs.get("/api/jobs", status=503))["detail"]
            assert "the key jobs in Redis is not the sorted set of jobs" in detail
        await joblogs.redis.delete(channels.JOBS)
        assert await joblogs.get("/api/jobs") == []
        assert joblogs.failures() == 0
    assert (
        caplog.text.count("the key jobs does not hold what it should: expected a sorted set") == 1
    )


ODD_STATES = JUNK | {
    "odd values": b'{"status":["running"],"started_at":{},"completed_at":7,"exit_code":1e999}',
    "a naive time": b'{"status":"running","started_at":"2026-01-17T10:32:05"}',
    "the first time": b'{"status":"running","started_at":"0001-01-01T00:00:00+14:00"}',
    "the last time": b'{"status":"failed","completed_at":"9999-12-31T23:59:59-14:00"}',
    "an odd offset": b'{"status":"failed","completed_at":"2026-01-17T10:32:05+00:00:30.5"}',
    "an ordinal time": b'{"status":"failed","completed_at":"2026-W03-6"}',
    "a surrogate": b'{"status":"failed","started_at":"\\ud800"}',
}


@pytest.mark.parametrize("spoilt", [*sorted(set(TYPES) - {"string"}), *ODD_STATES])
async def test_one_bad_job_costs_no_other_its_place_in_the_list(
    own_redis: RedisServer, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.job("bad")
    async with running("joblogs", own_redis.url) as joblogs:
        redis = joblogs.redis
        await redis.zadd(channels.JOBS, {"good": time.time(), "bad": time.time() - 1})
        await redis.zadd(channels.JOBS, {b"\xff": 1})
        await redis.zadd(channels.JOBS, {"a" * 100_000: 2, "late": "+inf"})
        await redis.set(channels.job("good"), '{"status":"running"}')
        if spoilt in ODD_STATES:
            await redis.set(key, ODD_STATES[spoilt])
        else:
            await spoil_async(redis, key, spoilt)
        await spoil_async(redis, channels.number(channels.job_logs("bad")), "hash")
        for _ in range(3):
            jobs = {job["id"]: job for job in await joblogs.get("/api/jobs")}
            assert jobs.keys() == {"good", "bad", "late"}
            assert jobs["good"]["status"] == "running"
            assert jobs["bad"]["lines"] is None
        assert joblogs.failures() == 0
    assert caplog.text.count(f"the key {key} does not hold what it should: ") <= 1


# Leases: taken over, or nobody would ever lead again.

SPOILT_LEASES = [*TYPES, "without an end", "for ten minutes"]


@pytest.mark.parametrize("name", ["system", "collector"])
@pytest.mark.parametrize("spoilt", SPOILT_LEASES)
async def test_a_spoilt_lease_is_named_and_taken_over(
    own_redis: RedisServer, name: str, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.lease(name)
    channel = channels.SYSTEM_STATUS if name == "system" else channels.PERFORMANCE_UPDATE
    async with running(name, own_redis.url, channel) as service:
        await service.hears()
        if spoilt in TYPES:
            await spoil_async(service.redis, key, spoilt)
        else:
            await service.redis.set(key, "x", ex=600 if spoilt == "for ten minutes" else None)

        async def is_taken_over() -> bool:
            return await is_of(service.redis, key, b"string") and await service.redis.pttl(key) > 0

        await until(is_taken_over)
        for _ in range(2):
            await service.hears()
        assert service.failures() == 0
    assert caplog.text.count(f"the key {key} does not hold what it should: ") == 1


@pytest.mark.parametrize("name", ["system", "collector"])
@pytest.mark.parametrize("spoilt", [*sorted(set(TYPES) - {"string"}), *JUNK])
async def test_a_spoilt_term_of_a_lease_stops_no_leader(
    own_redis: RedisServer, name: str, spoilt: str
) -> None:
    key = channels.term(name)
    channel = channels.SYSTEM_STATUS if name == "system" else channels.PERFORMANCE_UPDATE
    async with running(name, own_redis.url, channel) as service:
        await service.hears()
        if spoilt in JUNK:
            await service.redis.set(key, JUNK[spoilt])
        else:
            await spoil_async(service.redis, key, spoilt)
        for _ in range(3):
            await service.hears()
        assert await is_of(service.redis, key, b"string")
        assert service.failures() == 0
