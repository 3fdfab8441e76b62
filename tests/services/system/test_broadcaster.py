"""/ws/system: one status per interval for every client, whoever collects it."""

import itertools
import signal
import statistics
from functools import partial

import msgspec
import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from local.service import ServiceProcess
from tests.clients import golden, metric, publish, until
from tests.conftest import StartSystems
from tests.screens import (
    INTERVAL,
    Screen,
    collected_at,
    have,
    have_more,
    leader_of,
    own,
    screens,
    slot,
)
from tests.servers import AiServer, RedisServer, hangs, says
from tests.stalling import StallingProxy

PUBLISHED = 'hsi_system_statuses_total{to="published"}'
LONG = "3600"
"""An interval that does not end while a test runs."""


async def test_thirty_clients_get_one_status_per_interval_and_another_leads_when_one_ends(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    replicas = start_systems(own_redis.url, 3, HEARTBEAT_INTERVAL="2")
    async with screens(*replicas * 10) as shown:
        await have(shown, 3)
        first = max(slot(screen.statuses[-1]) for screen in shown) + 1
        await until(lambda: has_come_to(shown, first + 12), within=20)
        leader = await leader_of(replicas)
        for replica in replicas:
            await tells_what_it_is_at(replica, leads=replica is leader)
        published = [await metric(replica, PUBLISHED) for replica in replicas]
        assert sum(published) >= 11
    for screen in shown:
        statuses = [status for status in screen.statuses if first <= slot(status) < first + 12]
        assert 11 <= len(statuses) <= 12
        assert len({slot(status) for status in statuses}) == len(statuses)  # never two
        arrivals = screen.arrivals("system_status")[-12:]
        # A busy machine may delay one by an interval, and the next ones by nothing.
        assert (arrivals[-1] - arrivals[0]) / 11 == pytest.approx(INTERVAL, rel=0.2)
        heartbeats = screen.arrivals("ping")  # two channels, and one heartbeat
        assert len(heartbeats) >= 2
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(heartbeats))
    # All show the same, and it was collected once.
    assert len({collected_at(screen.statuses[-2]) for screen in shown}) <= 2
    assert not any(screen.of("service_status") for screen in shown)
    await others_take_over_from(leader, signal.SIGTERM, replicas, missed=1)
    await others_take_over_from(await leader_of(replicas), signal.SIGKILL, replicas, missed=2)


async def others_take_over_from(
    leader: ServiceProcess, end: signal.Signals, replicas: list[ServiceProcess], *, missed: int
) -> None:
    """End the leader; the others' clients miss no more than this, and never get two at once."""
    replicas.remove(leader)
    async with screens(leader, *replicas * 3) as [_, *others]:
        await have(others, 2)
        leader.signal(end)
        await have_more(others, 4)
    for screen in others:
        gaps = [later - earlier for earlier, later in itertools.pairwise(screen.slots())]
        assert min(gaps) >= 1
        assert max(gaps) <= missed + 1
        assert not screen.closed


async def tells_what_it_is_at(replica: ServiceProcess, *, leads: bool) -> None:
    """GET /status and Prometheus have it all."""
    told = await own(replica)
    assert told["clients"] == 10
    assert 0 <= told["status_age_s"] < 20
    assert (told["alone"], told["degraded_mode"]["degraded"]) == (False, False)
    assert told["lease"]["held"] is leads
    assert told["circuit_breaker"]["state"] == "closed"
    assert told["circuit_breaker"]["config"]["recovery_timeout"] == 30
    if leads:  # what has led before may know it too
        assert told["health"] == {"redis": "healthy"}
        assert await metric(replica, PUBLISHED) >= 1
    assert await metric(replica, "hsi_system_leads") == leads
    assert await metric(replica, "hsi_system_alone") == 0
    assert await metric(replica, 'hsi_system_circuit{state="closed"}') == 1
    assert 0 <= await metric(replica, "hsi_system_status_age_seconds") < 20


async def has_come_to(shown: list[Screen], last: int) -> bool:
    return all(slot(screen.statuses[-1]) >= last for screen in shown)


async def test_while_nobody_listens_the_leader_looks_at_services_and_publishes_no_status(
    own_redis: RedisServer, ai_server: AiServer, start_systems: StartSystems
) -> None:
    ai_server.behaviours["/health"] = says({"status": "healthy"})
    replicas = start_systems(own_redis.url, 2, YOLO26_URL=ai_server.url)
    leader = await leader_of(replicas)
    other = next(replica for replica in replicas if replica is not leader)
    await until(partial(has_looked, ai_server, 3))
    for replica in replicas:
        assert await metric(replica, "hsi_system_collections_total") == 0
        assert await metric(replica, PUBLISHED) == 0
    async with screens(other) as [screen]:
        await have([screen], 3)
        assert (await own(leader))["clients"] == 0  # it publishes for the others' clients
        assert await metric(leader, PUBLISHED) >= 1
        assert await metric(other, PUBLISHED) == 0

    async def nobody() -> bool:
        async with Redis.from_url(own_redis.url) as redis:
            return all(not count for _, count in await redis.pubsub_numsub(channels.SYSTEM_STATUS))

    await until(nobody)
    await until(partial(has_looked, ai_server, len(ai_server.asked) + 2))  # a round under way
    collected = await metric(leader, "hsi_system_collections_total")
    await until(partial(has_looked, ai_server, len(ai_server.asked) + 3))
    assert await metric(leader, "hsi_system_collections_total") == collected


async def has_looked(server: AiServer, times: int) -> bool:
    return len(server.asked) >= times


async def test_clients_that_connect_at_once_share_one_collection_and_see_it_at_once(
    own_redis: RedisServer, ai_server: AiServer, start_systems: StartSystems
) -> None:
    ai_server.behaviours["/health"] = says({"status": "healthy"})
    [replica] = start_systems(own_redis.url, BROADCAST_INTERVAL=LONG, YOLO26_URL=ai_server.url)
    async with screens(*[replica] * 20) as shown:
        assert ai_server.asked == ["/health"]
        assert len({screen.texts[0] for screen in shown}) == 1
        for name in ("alert", "performance_update"):
            message = golden(name)
            await publish(own_redis.url, channels.PERFORMANCE_UPDATE, message)

            async def forwarded(text: str = message.decode()) -> bool:
                return all(screen.texts[-1] == text for screen in shown)

            await until(forwarded)
        update = message
        async with screens(replica) as [late]:

            async def has_both() -> bool:
                return len(late.texts) == 2

            await until(has_both)
            assert late.texts == [shown[0].texts[0], update.decode()]
    assert ai_server.asked == ["/health"]
    assert await metric(replica, "hsi_system_collections_total") == 1


async def test_what_is_published_is_a_plain_message_and_its_publisher_ignores_the_echo(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    replicas = start_systems(own_redis.url, 2)
    async with (
        Redis.from_url(own_redis.url) as redis,
        redis.pubsub(ignore_subscribe_messages=True) as pubsub,
        screens(*replicas) as shown,
    ):
        await pubsub.subscribe(channels.SYSTEM_STATUS)
        published: list[str] = []
        while len(published) < 3:
            if message := await pubsub.get_message(timeout=10):
                published.append(message["data"].decode())
        # Another producer's go to everybody, and so does one that repeats what we said.
        service_status = golden("service_status").decode()
        await publish(own_redis.url, channels.SYSTEM_STATUS, service_status.encode())

        async def told() -> bool:
            return all(service_status in screen.texts for screen in shown)

        await until(told)
    for screen in shown:
        assert all(screen.texts.count(text) == 1 for text in published[1:])
        assert screen.texts.count(service_status) == 1
    assert all(set(msgspec.json.decode(t)) == {"type", "data", "timestamp"} for t in published)


async def test_a_change_of_health_is_told_once_and_a_new_leader_knows_of_it(
    own_redis: RedisServer, ai_server: AiServer, start_systems: StartSystems
) -> None:
    ai_server.behaviours["/health"] = says({"status": "healthy"})
    replicas = start_systems(own_redis.url, 2, YOLO26_URL=ai_server.url)
    leader = await leader_of(replicas)
    [other] = [replica for replica in replicas if replica is not leader]
    async with screens(leader, other) as shown:
        await have(shown, 3)
        # A busy machine may have answered the first question late.
        before = shown[0].told("yolo26")
        ai_server.behaviours["/health"] = says({}, status=500)
        await until(lambda: have_told(shown, [*before, "unhealthy"]))
        change = shown[0].changes("yolo26")[-1]
        assert change["data"]["message"].startswith("Health check failed: ")
        assert shown[1].changes("yolo26")[-1] == change
        leader.kill()
        await have_more(shown[1:], 3)
        assert shown[1].told("yolo26") == [*before, "unhealthy"]
        ai_server.behaviours["/health"] = says({"status": "healthy"})
        await until(lambda: have_told(shown[1:], [*before, "unhealthy", "healthy"]))
        await have_more(shown[1:], 2)
        assert shown[1].told("yolo26") == [*before, "unhealthy", "healthy"]
        assert shown[1].changes("yolo26")[-1]["data"]["message"] == "Health check succeeded"


async def have_told(shown: list[Screen], changes: list[str]) -> bool:
    return all(screen.told("yolo26") == changes for screen in shown)


async def test_a_status_that_a_stalled_connection_held_does_not_follow_a_newer_one(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    with StallingProxy(own_redis.url) as proxy:
        [leader] = start_systems(proxy.url)
        await leader_of([leader])
        [other] = start_systems(own_redis.url)
        async with screens(leader, other) as [_, screen]:
            await have([screen], 3)
            proxy.stall("hsi-system-publisher")

            async def has_held_one_back() -> bool:
                return await metric(leader, "hsi_system_unpublished_total") >= 1

            await until(has_held_one_back)
            await have_more([screen], 2)  # over another connection
            proxy.go_on()
            await have_more([screen], 2)
    moments = [collected_at(status) for status in screen.statuses]
    assert moments == sorted(moments)


async def test_an_ai_service_that_misbehaves_costs_neither_time_nor_truth(
    own_redis: RedisServer, ai_server: AiServer, start_systems: StartSystems
) -> None:
    figures = {"status": "healthy", "gpu_utilization": 40.0, "temperature": None}
    ai_server.behaviours["/health"] = says(figures)
    [replica] = start_systems(own_redis.url, YOLO26_URL=ai_server.url)
    async with screens(replica) as [screen]:

        async def shows(health: str) -> bool:
            return bool(screen.latest["services"].get("yolo26") == health)

        await until(lambda: shows("healthy"))
        assert screen.latest["gpu"] is not None  # the temperature alone is missing
        for behaviour, health in (
            (hangs, "unreachable"),
            (says(figures, status=500), "unhealthy"),
            (says(b"<html>"), "unhealthy"),
            (says(None), "unhealthy"),
        ):
            ai_server.behaviours["/health"] = behaviour
            await until(partial(shows, health))
        ai_server.stop()
        await until(lambda: shows("unreachable"))
        ai_server.start()
        ai_server.behaviours["/health"] = says(figures)
        await until(lambda: shows("healthy"))
        slots = screen.slots()
    gaps = [later - earlier for earlier, later in itertools.pairwise(slots)]
    assert statistics.mean(gaps) < 1.2
    assert max(gaps) <= 2
