"""The collector as it runs: one publishes, evenly; whoever dies is followed; Redis may go."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from redis.asyncio import Redis

from hsi.keys import digest
from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.bus.intake import Classification, examine
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.clients import get_json, http_client, metric, until
from tests.replicas import Replica
from tests.servers import (
    AiServer,
    OwnPostgres,
    RedisServer,
    as_user,
    hangs,
    says,
    with_clock_ahead,
)
from tests.stalling import StallingProxy

INTERVAL = 2.0
AHEAD = 20.75
"""Seconds: of another phase than the interval's."""
_CALM = "host_cpu=998/999,host_disk=998/999"
CALM = {"ALERT_THRESHOLDS": f"{_CALM},host_ram=998/999"}
"""No alert, however busy this machine is."""
ALWAYS = {"ALERT_THRESHOLDS": f"{_CALM},host_ram=0.01/0.02", "ALERT_AFTER": "0"}
"""One alert, always."""
FIRED = 'hsi_alerts_fired_total{metric="host_ram",severity="critical"}'

StartCollector = Callable[..., ServiceProcess]


@pytest.fixture
def start_collector(tmp_path: Path, cleanup: Callable[[Process], None]) -> StartCollector:
    def start(redis_url: str, *, ahead: float = 0.0, **settings: str) -> ServiceProcess:
        port = free_port()
        replica = Replica(
            "collector",
            name=f"collector-{port}",
            port=port,
            log=tmp_path / f"collector-{port}.log",
            REDIS_URL=as_user("collector", redis_url),
            **{
                "BROADCAST_INTERVAL": str(INTERVAL),
                "DRAIN_DELAY": "0",
                "DRAIN_WINDOW": "0",
            }
            | settings,
        )
        if ahead:
            replica.command = with_clock_ahead(ahead, "services.collector")
        cleanup(replica)
        replica.start()
        return replica

    return start


class Ear:
    """Somebody who listens to updates."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []

    async def listen(self, pubsub: Any) -> None:
        async for message in pubsub.listen():
            if message["type"] == "message":
                assert examine(message["data"]).classification is Classification.VALID
                said = msgspec.json.decode(message["data"])
                if said["type"] == "performance_update":
                    self.heard.append((time.monotonic(), said["data"]))

    async def next(self, *, within: float = 20) -> tuple[float, dict[str, Any]]:
        count = len(self.heard)

        async def more() -> bool:
            return len(self.heard) > count

        await until(more, within=within)
        return self.heard[-1]


@contextlib.asynccontextmanager
async def listening(redis_url: str) -> AsyncIterator[Ear]:
    ear = Ear()
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as pubsub:
        await pubsub.subscribe(channels.PERFORMANCE_UPDATE)
        task = asyncio.create_task(ear.listen(pubsub))
        yield ear
        await cancel_and_wait(task)


async def collector_of(replica: ServiceProcess) -> dict[str, Any]:
    report: dict[str, Any] = (await get_json(replica, "/status"))["own"]["collector"]
    return report


async def test_it_collects_always_and_publishes_while_somebody_listens(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    replica = start_collector(own_redis.url, BROADCAST_INTERVAL="0.5", **ALWAYS)

    async def has_history() -> bool:
        answer = await get_json(replica, "/api/performance/history?range=5m")
        return bool(answer.get("points"))

    await until(has_history, within=20)
    assert (await collector_of(replica))["published"] == 0
    async with listening(own_redis.url) as ear:
        _, data = await ear.next()
    assert data["alerts"][0]["message"].startswith("RAM critically high: ")
    assert await metric(replica, "hsi_performance_updates_total") >= 1
    assert (await collector_of(replica))["alerts"] == {"host_ram": "critical"}
    assert await metric(replica, 'hsi_alert{metric="host_ram",severity="critical"}') == 1
    assert await metric(replica, FIRED) == 1
    assert data["raised"][0]["metric"] == "host_ram"
    told = await get_json(replica, "/api/alerts")
    assert [alert["id"] for alert in told["alerts"]] == [data["raised"][0]["id"]]
    assert told["limits"]["host_ram"] == {"warning": 0.01, "critical": 0.02, "unit": "%"}
    assert len((await get_json(replica, "/api/alerts?active=1"))["alerts"]) == 1
    memory = await metric(replica, "hsi_host_memory_bytes")
    assert memory == pytest.approx(psutil.virtual_memory().total, rel=0.01)
    latest = await get_json(replica, "/api/performance")
    assert latest["databases"]["redis"]["status"] == "healthy"
    for name, step in (("24h", 120), ("7d", 900)):
        trend = await get_json(replica, f"/api/performance/trend?range={name}")
        assert (trend["range"], trend["step"]) == (name, step)
    async with http_client() as client:
        answer = await client.get(f"{replica.url}/api/performance/history?range=7m")
    assert answer.status_code == 400


async def test_one_of_two_publishes_and_when_it_is_killed_the_other_does_without_an_alert_twice(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    replicas = [start_collector(own_redis.url, **ALWAYS) for _ in range(2)]
    async with listening(own_redis.url) as ear:
        for _ in range(3):
            _, data = await ear.next()
            assert [alert["metric"] for alert in data["alerts"]] == ["host_ram"]
        gaps = [b[0] - a[0] for a, b in zip(ear.heard, ear.heard[1:], strict=False)]
        assert statistics.median(gaps) > INTERVAL / 2  # one of them, not both
        leads = [(await collector_of(replica))["leads"] for replica in replicas]
        assert sorted(leads) == [False, True]
        leader, other = (replicas[leads.index(True)], replicas[leads.index(False)])
        assert [await metric(replica, FIRED) for replica in (leader, other)] == [1, 0]
        # Either serves what the leader collected.
        first, second = [await get_json(replica, "/api/performance") for replica in replicas]
        assert first["alerts"] == second["alerts"] != []
        histories = [await get_json(r, "/api/performance/history?range=15m") for r in replicas]
        assert min(len(history["points"]) for history in histories) >= 1
        began = time.monotonic()
        leader.kill()
        at, data = await ear.next()
        assert at - began < 2 * INTERVAL + 2  # two intervals, and a busy machine's time
        assert [alert["metric"] for alert in data["alerts"]] == ["host_ram"]
        await ear.next()
    assert await metric(other, FIRED) == 0
    assert "an alert began" not in other.log.read_text()


async def test_a_replica_whose_clock_is_ahead_keeps_the_slots_and_the_time_of_the_others(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    replicas = [start_collector(own_redis.url, **CALM)]

    async def has_collected() -> bool:
        return bool((await get_json(replicas[0], "/api/performance")).get("timestamp"))

    await until(has_collected, within=20)
    replicas.append(start_collector(own_redis.url, ahead=AHEAD, **CALM))

    async def both_serve_the_leaders() -> bool:
        served = [await get_json(replica, "/api/performance") for replica in replicas]
        return len({each.get("timestamp") for each in served}) == 1

    async with listening(own_redis.url) as ear:
        await until(both_serve_the_leaders, within=20)
        replicas[0].stop()
        for _ in range(2):
            await ear.next()
    skew = (await collector_of(replicas[1]))["clock_skew_s"]
    assert skew == pytest.approx(AHEAD, abs=1)
    moments = [datetime.fromisoformat(data["timestamp"]) for _, data in ear.heard]
    slots = [int(moment.timestamp() // INTERVAL) for moment in moments]
    assert slots == sorted(set(slots))
    assert abs(moments[-1].timestamp() - time.time()) < AHEAD


async def test_updates_come_evenly_whatever_hangs(
    own_redis: RedisServer,
    own_postgres: OwnPostgres,
    ai_server: AiServer,
    start_collector: StartCollector,
) -> None:
    ai_server.behaviours |= {"/health": says({"status": "ok"}), "/slots": says([])}
    start_collector(
        own_redis.url,
        DATABASE_URL=own_postgres.url,
        YOLO26_URL=ai_server.url,
        NEMOTRON_URL=ai_server.url,
        CONTAINERS=f"a={ai_server.url}/health",
        **CALM,
    )
    async with listening(own_redis.url) as ear:
        for _ in range(2):
            _, data = await ear.next()
        assert data["ai_models"]["yolo26"]["status"] == "healthy"
        ai_server.behaviours |= {"/health": hangs, "/slots": hangs}
        own_postgres.freeze()
        for _ in range(3):
            _, data = await ear.next()
        own_postgres.thaw()
    assert data["ai_models"]["yolo26"]["status"] == "unreachable"
    assert data["databases"]["postgresql"]["status"] == "unreachable"
    assert data["databases"]["redis"]["status"] == "healthy"
    assert data["alerts"] == []
    times = [at for at, _ in ear.heard]
    # A busy machine may delay one; the next ones are in time again.
    assert times[-1] - times[0] < (len(times) - 0.5) * INTERVAL


async def test_without_redis_it_goes_on_collecting_and_publishes_when_it_is_back(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    replica = start_collector(own_redis.url, **ALWAYS)
    async with listening(own_redis.url) as ear:
        await ear.next()
    own_redis.kill()
    rounds = (await collector_of(replica))["rounds"]

    async def collects() -> bool:
        return bool((await collector_of(replica))["rounds"] >= rounds + 2)

    await until(collects, within=20)
    latest = await get_json(replica, "/api/performance")
    assert latest["databases"]["redis"]["status"] == "unreachable"
    age = time.time() - datetime.fromisoformat(latest["timestamp"]).timestamp()
    assert age < 2 * INTERVAL + 2
    async with http_client() as client:
        answer = await client.get(f"{replica.url}/api/performance/history")
    assert answer.status_code == 503
    own_redis.start()
    async with listening(own_redis.url) as ear:
        _, data = await ear.next()
    assert [alert["metric"] for alert in data["alerts"]] == ["host_ram"]
    assert await metric(replica, FIRED) == 1  # told once, before and after


async def test_a_round_that_a_stalled_connection_held_neither_follows_nor_replaces_a_newer_one(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    with StallingProxy(own_redis.url) as proxy:
        replica = start_collector(proxy.url, **ALWAYS)
        async with listening(own_redis.url) as ear, Redis.from_url(own_redis.url) as redis:
            await ear.next()
            proxy.stall("hsi-collector")
            rounds = (await collector_of(replica))["rounds"]

            async def has_held_one_back() -> bool:
                report = await collector_of(replica)
                return bool(report["rounds"] > rounds + 1)

            await until(has_held_one_back, within=20)
            await ear.next()
            proxy.go_on()
            await ear.next()
            await ear.next()
            points: Any = await redis.xrange(channels.PERFORMANCE_HISTORY)
    heard = [datetime.fromisoformat(data["timestamp"]) for _, data in ear.heard]
    assert heard == sorted(heard)
    moments = [msgspec.json.decode(fields[b"data"])["timestamp"] for _, fields in points]
    assert moments == sorted(moments)


async def test_a_replica_that_ends_in_order_is_followed_at_once(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    first = start_collector(own_redis.url)

    async def leads(replica: ServiceProcess) -> bool:
        return bool((await collector_of(replica))["leads"])

    await until(lambda: leads(first))
    second = start_collector(own_redis.url)
    assert first.stop() == 0
    await until(lambda: leads(second), within=5)


async def test_a_key_is_asked_for(own_redis: RedisServer, start_collector: StartCollector) -> None:
    replica = start_collector(own_redis.url, API_KEYS="0" * 64)
    async with http_client() as client:
        for path in ("", "/history", "/trend"):
            assert (await client.get(f"{replica.url}/api/performance{path}")).status_code == 401
        assert (await client.get(f"{replica.url}/api/alerts")).status_code == 401


async def test_an_alert_is_seen_for_all_by_who_may_act(
    own_redis: RedisServer, start_collector: StartCollector
) -> None:
    secrets = {"sister": "read", "mother": "act"}
    keys = [f"{name}:{scope}:{digest(name.encode()).hex()}" for name, scope in secrets.items()]
    replica = start_collector(own_redis.url, API_KEYS=",".join(keys), **ALWAYS)
    async with listening(own_redis.url) as ear, http_client(base_url=replica.url) as client:

        async def told(*, seen: bool) -> dict[str, Any]:
            """Return the alert of the first update that has it so."""
            while True:
                _, data = await ear.next()
                for alert in data["raised"]:
                    if ("seen" in alert) is seen:
                        found: dict[str, Any] = alert
                        return found

        path = f"/api/alerts/{(await told(seen=False))['id']}/seen"
        by_sister, by_mother = ({"X-API-Key": name} for name in secrets)
        assert (await client.post(path)).status_code == 401
        assert (await client.post(path, headers=by_sister)).status_code == 403
        answer = await client.post("/api/alerts/unknown-1/seen", headers=by_mother)
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such alert")
        seen = (await client.post(path, headers=by_mother)).json()["seen"]
        assert seen["by"] == "mother"
        assert (await told(seen=True))["seen"] == seen
        alerts = (await client.get("/api/alerts", headers=by_sister)).json()["alerts"]
        assert [alert["seen"] for alert in alerts] == [seen]
        assert (await client.delete(path, headers=by_mother)).json()["seen"] is None
        assert (await told(seen=False))["id"] in path
