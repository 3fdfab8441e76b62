"""/ws/events, through real handshakes, a real Redis and a real replica."""

import contextlib
import json
import random
from datetime import datetime

import pytest
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from hsi.schemas.validation import MAX_MESSAGE_BYTES
from tests.clients import (
    dashboard,
    dashboards,
    get_json,
    golden,
    has_connections,
    hear,
    meanwhile,
    metric,
    publish,
    until,
)
from tests.conftest import StartReplica
from tests.servers import RedisServer

MARK = b'{"type":"mark","data":{}}'


async def test_an_event_arrives_byte_for_byte(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    odd = b' { "data" : {"b":1, "b":2, "\xc3\xa9":"\\u00e9"} ,\n"type":"event"} '
    async with dashboard(replica) as client:
        await publish(redis_url, channel, golden("event"), odd)
        assert await hear(client) == golden("event").decode()
        assert await hear(client) == odd.decode()


async def test_every_dashboard_on_every_replica_hears_every_event_in_order(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replicas = [start_replica(redis_url, channel) for _ in range(2)]
    events = [b'{"type":"event","data":{"id":%d}}' % number for number in range(200)]
    async with dashboards(*replicas * 3) as clients:
        await publish(redis_url, channel, *events)
        for client in clients:
            assert [await hear(client) for _ in events] == [event.decode() for event in events]


async def test_whoever_is_connected_is_heard_by_redis_already(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    """No event falls between the end of the handshake and the subscription."""
    replica = start_replica(redis_url, channel)
    async with Redis.from_url(redis_url) as redis:
        for _ in range(100):
            async with dashboard(replica):
                assert await redis.publish(channel, MARK) == 1


async def test_the_channel_is_subscribed_once_while_somebody_listens(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with Redis.from_url(redis_url, decode_responses=True) as redis:

        async def subscribers() -> int:
            return int(dict(await redis.pubsub_numsub(channel))[channel])

        assert await subscribers() == 0
        clients = [await dashboard(replica) for _ in range(5)]
        assert await subscribers() == 1
        for client in clients[1:]:
            await client.close()
        await until(lambda: has_connections(replica, 1))
        assert await subscribers() == 1
        await clients[0].close()

        async def nobody() -> bool:
            return await subscribers() == 0

        await until(nobody)
    assert (await get_json(replica, "/status"))["redis"]["state"] == "idle"


async def test_bad_messages_on_the_channel_are_counted_and_the_stream_goes_on(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    bad = {
        "not_json": b"hello",
        "not_text": b'{"type":"event","data":{"a":"\xff"}}',
        "not_a_message": b'{"type":7,"data":{}}',
        "too_deep": b'{"type":"event","data":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "too_big": b'{"type":"event","data":{"a":"' + b"a" * MAX_MESSAGE_BYTES + b'"}}',
    }
    async with dashboard(replica) as client:
        await publish(redis_url, channel, *bad.values(), *bad.values(), MARK)
        assert await hear(client) == MARK.decode()
    for verdict in bad:
        assert await metric(replica, f'hsi_messages_total{{verdict="{verdict}"}}') == 2
    log = replica.log.read_text()
    assert log.count("dropped a message") == 1


async def test_odd_messages_are_forwarded_and_counted(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    odd = {
        "schema_break": b'{"type":"event","data":{"risk_score":"high"}}',
        "unknown_type": b'{"type":"scene_change","data":{"camera":"a"}}',
    }
    async with dashboard(replica) as client:
        await publish(redis_url, channel, *odd.values())
        assert [await hear(client), await hear(client)] == [p.decode() for p in odd.values()]
    for verdict in odd:
        assert await metric(replica, f'hsi_messages_total{{verdict="{verdict}"}}') == 1


async def test_any_bytes_on_the_channel_leave_the_stream_alive(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    chance = random.Random(20260117)
    async with dashboard(replica) as client:
        for _ in range(20):
            payloads = [chance.randbytes(chance.randrange(200)) for _ in range(50)]
            await publish(redis_url, channel, *payloads, MARK)
            while await hear(client) != MARK.decode():
                pass


@pytest.mark.parametrize("message", ["ping", '{"type":"ping"}'])
async def test_a_clients_ping_gets_a_pong(
    redis_url: str, channel: str, start_replica: StartReplica, message: str
) -> None:
    async with dashboard(start_replica(redis_url, channel)) as client:
        await client.send('{"type":"pong"}')  # silent
        await client.send(message)
        pong = json.loads(await hear(client))
        assert (pong["type"], pong["cursor"], pong["heard"]) == ("pong", "0-0", True)


async def test_bad_messages_from_a_client_get_an_error_and_it_stays(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    bad: list[str | bytes] = ["hello", "[]", '{"type":"x"}', b"\x00\xff", "[" * 60_000]
    async with dashboard(replica) as client:
        for message in bad:
            await client.send(message)
            assert json.loads(await hear(client))["type"] == "error"
        await client.send("ping")
        assert json.loads(await hear(client))["type"] == "pong"
        await publish(redis_url, channel, MARK)
        assert await hear(client) == MARK.decode()
    assert await metric(replica, 'hsi_client_frames_total{frame="invalid"}') == len(bad)


async def test_a_client_message_over_64_kib_closes_with_1009(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica) as other, dashboard(replica) as client:
        await client.send("x" * (64 * 1024))  # as much as is allowed
        assert json.loads(await hear(client))["type"] == "error"
        await client.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert client.close_code == 1009
        await publish(redis_url, channel, MARK)
        assert await hear(other) == MARK.decode()


async def test_invalid_utf8_from_a_client_closes_it_alone(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica) as other, dashboard(replica) as client:
        await client.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert client.close_code == 1007
        assert "Traceback" not in replica.log.read_text()
        await publish(redis_url, channel, MARK)
        assert await hear(other) == MARK.decode()


@pytest.mark.parametrize("how", ["text", "protocol ping"])
async def test_a_client_that_says_too_much_is_closed_with_4429(
    redis_url: str, channel: str, start_replica: StartReplica, how: str
) -> None:
    replica = start_replica(redis_url, channel, MESSAGE_RATE_LIMIT="5")
    async with dashboard(replica) as other, dashboard(replica) as client:
        for _ in range(6):
            await (client.send("ping") if how == "text" else client.ping())
        with contextlib.suppress(ConnectionClosed):
            while True:
                assert json.loads(await hear(client))["type"] == "pong"
        assert client.close_code == 4429
        await publish(redis_url, channel, MARK)
        assert await hear(other) == MARK.decode()
    assert await metric(replica, 'hsi_closes_total{code="4429"}') == 1


async def test_a_client_that_was_connected_for_long_enough_is_asked_to_come_back(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, MAX_CONNECTION_AGE="1")
    async with dashboards(*[replica] * 3) as clients:
        for client in clients:
            with pytest.raises(ConnectionClosed):
                await hear(client)
            assert client.close_code == 1012


async def test_a_heartbeat_comes_every_interval(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, HEARTBEAT_INTERVAL="0.2")
    async with dashboard(replica) as client:
        beats = [json.loads(await hear(client)) for _ in range(3)]
    assert [(beat["type"], beat["cursor"], beat["heard"]) for beat in beats] == [
        ("ping", "0-0", True)
    ] * 3
    async with Redis.from_url(redis_url) as redis:
        seconds, _ = await redis.time()
    assert abs(datetime.fromisoformat(beats[-1]["now"]).timestamp() - seconds) < 5


async def test_clients_are_told_at_once_that_redis_is_heard_no_longer_and_when_it_is_again(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    """Without a heartbeat's interval in between; and so is who asks /status."""
    replica = start_replica(own_redis.url, channel)

    async def is_heard() -> object:
        return (await get_json(replica, "/status"))["redis"]["heard"]

    assert await is_heard() is None
    async with dashboard(replica) as client:
        await client.send("ping")
        assert json.loads(await hear(client))["heard"] is True
        assert await is_heard() is True
        own_redis.kill()
        lost = json.loads(await hear(client))
        assert (lost["type"], lost["heard"]) == ("ping", False)
        assert await is_heard() is False
        own_redis.start()
        assert json.loads(await hear(client))["heard"] is True


async def test_a_client_that_answers_no_protocol_ping_is_found(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    """A peer that vanished without a word: its side of TCP is silent, not closed."""
    replica = start_replica(redis_url, channel, HEARTBEAT_INTERVAL="0.3")

    async def keep_publishing() -> None:
        while True:
            await publish(redis_url, channel, *[MARK] * 50)

    async with meanwhile(keep_publishing()):
        for _ in range(5):
            client = await dashboard(replica)
            client.transport.pause_reading()
            await until(lambda: has_connections(replica, 0))
            client.transport.abort()
    assert "Traceback" not in replica.log.read_text()


async def test_clients_that_vanish_are_forgotten(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboards(*[replica] * 20) as clients:
        for client in clients:
            client.transport.abort()
        await until(lambda: has_connections(replica, 0))
        assert "Traceback" not in replica.log.read_text()


async def test_any_messages_from_a_client_leave_it_connected(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    chance = random.Random(20260117)
    async with dashboard(start_replica(redis_url, channel)) as client:
        for _ in range(200):
            noise = chance.randbytes(chance.randrange(50))
            await client.send(noise if chance.random() < 0.5 else noise.decode("latin-1"))
            assert json.loads(await hear(client))["type"] == "error"
        await client.send("ping")
        assert json.loads(await hear(client))["type"] == "pong"
