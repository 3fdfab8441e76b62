"""What a collector says of alerts in each update, and what it tells people of them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from hsi.schemas import PerformanceUpdate, RaisedAlertData, channels
from hsi.schemas.performance import Alert
from hsi.tasks import cancel_and_wait
from hsi_service.metrics import Metrics
from services.collector import performance
from services.collector.collection import CollectedPerformance
from services.collector.performance import PerformanceCollector
from services.collector.reads import StoreError
from services.collector.settings import CollectorSettings
from services.collector.store import MAX_ALERTS
from services.collector.trend import RESOLUTIONS
from tests.clients import golden, until
from tests.servers import RedisServer, as_user
from tests.services.collector.test_trend_store import put_rounds

NOBODY = "redis://127.0.0.1:1/0"
INTERVAL = 0.5


class Rounds:
    """A collector whose sources say what the test says."""

    def __init__(self, redis_url: str, **settings: Any) -> None:
        self.metrics = Metrics()
        self.collector = PerformanceCollector(
            CollectorSettings(redis_url=redis_url, broadcast_interval=INTERVAL, **settings),
            self.metrics,
        )
        self.said: dict[str, float | None] = {}

    async def collect(self, **_: bool) -> CollectedPerformance:
        """Stand in for the sources."""
        data = msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate).data
        return CollectedPerformance(data, self.said)

    async def round(self, **said: float | None) -> list[Alert]:
        """Go through a round in which this is said; return the alerts of its update."""
        self.said = said
        await self.collector.round()
        latest = await self.collector.latest()
        assert latest is not None
        return latest.alerts

    @contextlib.asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        lease = self.collector.lease
        task = asyncio.create_task(lease.run())

        async def held() -> bool:
            return lease.held

        await until(held)
        try:
            yield
        finally:
            await cancel_and_wait(task)
            await lease.give_up()

    async def told(self, *, active: bool = False) -> list[RaisedAlertData]:
        """Return what the API tells of alerts."""
        found = await self.collector.alerts(active=active)
        return found.alerts if found else []


Start = Callable[..., Rounds]


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    # A busy machine does not lose the lease.
    monkeypatch.setattr(performance, "LEASE_SHARE", 20)
    async with contextlib.AsyncExitStack() as stack:

        def started(redis_url: str, **settings: Any) -> Rounds:
            rounds = Rounds(redis_url, **settings)
            monkeypatch.setattr(rounds.collector._sources, "collect", rounds.collect)  # noqa: SLF001
            stack.push_async_callback(rounds.collector.aclose)
            return rounds

        yield started


async def test_an_update_tells_what_exceeds_its_threshold_in_it_and_nothing_else(
    start: Start,
) -> None:
    rounds = start(NOBODY, alert_after=0.3)
    for _ in range(4):
        (alert,) = await rounds.round(gpu_temperature=82)
        assert (alert.value, alert.threshold, alert.severity) == (82, 75, "warning")
        assert alert.message == "GPU temperature high: 82C"
    assert await rounds.round(gpu_temperature=38) == []
    assert await rounds.round(gpu_temperature=None) == []
    assert await rounds.round(gpu_temperature=74) == []


async def test_people_are_told_once_of_each_change_whichever_replica_leads(
    own_redis: RedisServer, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    url = as_user("collector", own_redis.url)
    first, second = (start(url, alert_after=0) for _ in range(2))
    heard: list[dict[str, Any]] = []
    async with Redis.from_url(own_redis.url) as redis, redis.pubsub() as pubsub:
        await pubsub.subscribe(channels.PERFORMANCE_UPDATE)
        async with first.leading():
            await second.round(gpu_temperature=90)  # which does not lead, and tells nobody
            await first.round(gpu_temperature=82)
            await first.round(gpu_temperature=90)
            await first.round(gpu_temperature=None)
            (alert,) = await second.told(active=True)
            assert alert.unknown_since is not None
        async with second.leading():
            await second.round(gpu_temperature=84)
            assert await second.told() == await second.told(active=True) != []
            await second.round(gpu_temperature=38)
        async for message in pubsub.listen():
            if message["type"] == "message":
                heard.append(msgspec.json.decode(message["data"]))
            if sum(each["type"] == "performance_update" for each in heard) == 5:
                break
        entries: Any = await redis.xrange(channels.ALERTS_HISTORY)
        kept = [msgspec.json.decode(fields[b"data"]) for _, fields in entries]
    changes = [message for message in heard if message["type"] == "alert"]
    assert changes == kept
    assert [
        (each["data"]["severity"], each["data"]["ended"] is not None, each["data"]["peak"])
        for each in changes
    ] == [("warning", False, 82), ("critical", False, 90), ("critical", True, 90)]
    assert len({each["data"]["id"] for each in changes}) == 1
    updates = [each["data"] for each in heard if each["type"] == "performance_update"]
    assert [[alert["severity"] for alert in each["raised"]] for each in updates] == [
        ["warning"],
        ["critical"],
        ["critical"],
        ["critical"],
        [],
    ]
    assert [each["alerts"] for each in updates[2::2]] == [[], []]  # not known, and calm again
    (ended,) = await first.told()
    assert ended.id == changes[0]["data"]["id"]
    assert (ended.ended is not None, await first.told(active=True)) == (True, [])
    for what in ("began", "changed", "ended"):
        assert caplog.text.count(f"an alert {what}") == 1
    labels = '{metric="gpu_temperature",severity="critical"} 1.0'
    assert f"hsi_alerts_changed_total{labels}" in first.metrics.exposition().decode()
    assert f"hsi_alerts_resolved_total{labels}" in second.metrics.exposition().decode()


async def test_what_redis_did_without_an_answer_is_told_once_all_the_same(
    own_redis: RedisServer,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rounds = start(own_redis.url, alert_after=0)
    store = rounds.collector._store  # noqa: SLF001
    save = store.save

    async def save_unheard(*args: Any) -> int:
        await save(*args)
        raise StoreError("no answer")

    async with Redis.from_url(own_redis.url) as redis, rounds.leading():
        await rounds.round(host_cpu=10)
        monkeypatch.setattr(store, "save", save_unheard)
        await rounds.round(host_cpu=99)
        monkeypatch.setattr(store, "save", save)
        await rounds.round(host_cpu=99)
        assert await redis.xlen(channels.ALERTS_HISTORY) == 1
    assert caplog.text.count("an alert began") == 1
    text = rounds.metrics.exposition().decode()
    assert 'hsi_alerts_fired_total{metric="host_cpu",severity="critical"} 1.0' in text


async def test_the_history_of_alerts_is_bounded_and_what_cannot_be_read_costs_itself(
    own_redis: RedisServer, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = start(own_redis.url, alert_after=0)
    example = msgspec.json.decode(golden("alert"))
    example["data"]["ended"] = "2024-01-15T10:31:00Z"
    async with Redis.from_url(own_redis.url) as redis, rounds.leading():
        assert await rounds.collector.alerts(active=True) is None  # nothing was told yet
        await rounds.round(host_cpu=99)
        async with redis.pipeline() as pipeline:
            for number in range(4 * MAX_ALERTS):
                example["data"]["id"] = f"{number}"
                data = msgspec.json.encode(example) if number != 3500 else b"rubbish"
                pipeline.xadd(channels.ALERTS_HISTORY, {"data": data})
            await pipeline.execute()
        await rounds.round(host_cpu=10)
        length = await redis.xlen(channels.ALERTS_HISTORY)
        assert length < 3.2 * MAX_ALERTS
        alerts = await rounds.told()
        assert len(alerts) == MAX_ALERTS
        assert [alert.id for alert in alerts[1:3]] == ["3999", "3998"]
        assert alerts[0].metric == "host_cpu"
        assert caplog.text.count("its entry ") == 1
        await redis.delete(channels.ALERTS_HISTORY)
        await redis.rpush(channels.ALERTS_HISTORY, "somebody's")
        assert await rounds.told() == []
        await rounds.round(host_cpu=99)
        await rounds.round(host_cpu=10)
        assert [alert.metric for alert in await rounds.told()] == ["host_cpu"]
    assert caplog.text.count(f"the key {channels.ALERTS_HISTORY} does not hold") == 1


async def test_the_leader_keeps_the_trends_as_it_goes_and_any_replica_serves_them(
    own_redis: RedisServer, start: Start
) -> None:
    url = as_user("collector", own_redis.url)
    leader, other = start(url), start(url)
    async with Redis.from_url(own_redis.url) as redis, leader.leading():
        step = RESOLUTIONS["24h"].step
        began = [int(time.time()) // step * step - 5 * step + step * n for n in range(4)]
        await put_rounds(redis, [began[0] + 20 * n for n in range(4 * step // 20)])
        await other.round(host_cpu=1)
        assert msgspec.json.decode(await other.collector.trend("24h"))["began"] == []
        await leader.round(host_cpu=1)
        told = await other.collector.trend("24h")
        assert msgspec.json.decode(told)["began"][:4] == began
        assert told == await leader.collector.trend("24h")
        assert await other.collector.trend("24h") is told  # made once for all who ask
