"""Nothing acknowledged is silently lost: through real handshakes, processes and faults."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hsi.publisher import Publisher
from hsi.schemas import channels
from hsi.schemas.close_codes import CloseCode
from local.processes import Process, free_port
from tests.clients import (
    dashboard,
    dashboards,
    get_json,
    golden,
    hear,
    meanwhile,
    metric,
    publish,
    until,
)
from tests.conftest import StartReplica
from tests.servers import RedisServer

PROMISE = 15
"""Seconds after Redis is back within which everything missed is there."""
PLAIN = b'{"type":"plain","data":{}}'


def event(number: int, padding: int = 0) -> bytes:
    return golden("event").replace(b'"id": 123', b'"id": %d' % number) + b" " * padding


def resume(server: Process, **query: str | int | None) -> Any:
    """Connect with query parameters."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return dashboard(server, uri=server.url.replace("http", "ws") + f"/ws/events?{asked}")


async def publish_events(redis_url: str, channel: str, *numbers: int, **options: Any) -> list[str]:
    """Publish events with these ids; return their cursors."""
    async with Publisher(redis_url, **options) as publisher:
        published = [
            asyncio.ensure_future(publisher.publish(channel, event(number))) for number in numbers
        ]
        return [one.cursor for one in await asyncio.gather(*published)]


async def ids(client: ClientConnection, count: int, *, within: float = PROMISE) -> list[int]:
    """Return the ids of the next events; heartbeats aside."""
    got: list[int] = []
    async with asyncio.timeout(within):
        while len(got) < count:
            message = json.loads(await client.recv())
            if message["type"] == "event":
                got.append(message["data"]["id"])
            else:
                assert message["type"] == "ping", message
    return got


async def ids_of_who_comes_back(
    replica: Process, client: ClientConnection, count: int
) -> list[int]:
    """Return the ids of the next events to a client that goes on where it was if it is too slow."""
    got: list[int] = []
    cursor = ""
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(PROMISE):
        while len(got) < count:
            try:
                message = json.loads(await client.recv())
            except ConnectionClosed:
                if client.close_code != CloseCode.TOO_SLOW:
                    raise
                client = await stack.enter_async_context(resume(replica, since=cursor))
                assert (await resumed(client))["recovered"]
                continue
            if message["type"] == "event":
                got.append(message["data"]["id"])
                cursor = message["cursor"]
    return got


async def resumed(client: ClientConnection, *, within: float = PROMISE) -> dict[str, Any]:
    """Return what the next frame says about continuity."""
    message = json.loads(await hear(client, within=within))
    while message["type"] == "ping":
        message = json.loads(await hear(client, within=within))
    assert message["type"] == "resumed", message
    data: dict[str, Any] = message["data"]
    return data


async def test_what_was_missed_comes_first_and_then_live_on_any_replica(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    first, second = (start_replica(redis_url, channel) for _ in range(2))
    async with dashboard(first) as client:
        (cursor,) = await publish_events(redis_url, channel, 1)
        live = await hear(client)
        assert json.loads(live)["cursor"] == cursor
    await publish_events(redis_url, channel, 2, 3, 4)
    for replica in (first, second):
        async with resume(replica, since=cursor) as client:
            assert await resumed(client) == {"recovered": True, "replayed": 3, "since": cursor}
            await publish_events(redis_url, channel, 5)
            assert await ids(client, 4) == [2, 3, 4, 5]
            await publish(redis_url, channel, PLAIN)
            assert await hear(client) == PLAIN.decode()
        async with Redis.from_url(redis_url) as redis:  # the same again for the other replica
            last: Any = await redis.xrevrange(channels.history(channel), count=1)
            await redis.xdel(channels.history(channel), last[0][0])


async def test_a_replayed_message_is_the_same_byte_for_byte(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica) as client:
        (cursor,) = await publish_events(redis_url, channel, 1)
        await publish_events(redis_url, channel, 2)
        live = [await hear(client), await hear(client)]
    async with resume(replica, since=cursor) as client:
        await resumed(client)
        assert await hear(client) == live[1]
    async with resume(replica, tail=2) as client:
        assert [await hear(client), await hear(client)] == live


async def test_resuming_without_a_gap_replays_nothing(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    (cursor,) = await publish_events(redis_url, channel, 1)
    async with resume(replica, since=cursor) as client:
        assert await resumed(client) == {"recovered": True, "replayed": 0, "since": cursor}


@pytest.mark.parametrize("cursor", ["1-1", "99999999999999-7", "hello", "", "%00", "1-1%27--"])
async def test_a_cursor_that_is_not_in_the_history_is_told_and_filters_nothing(
    redis_url: str, channel: str, start_replica: StartReplica, cursor: str
) -> None:
    replica = start_replica(redis_url, channel)
    await publish_events(redis_url, channel, 1, 2)
    async with resume(replica, since=cursor) as client:
        told = await resumed(client)
        assert (told["recovered"], told["replayed"]) == (False, 2)
        await publish_events(redis_url, channel, 3)
        assert await ids(client, 3) == [1, 2, 3]


@pytest.mark.parametrize(("tail", "expected"), [(0, []), (2, [2, 3]), (9, [1, 2, 3])])
async def test_tail_begins_with_the_last_few_and_ends_with_the_cursor(
    redis_url: str, channel: str, start_replica: StartReplica, tail: int, expected: list[int]
) -> None:
    replica = start_replica(redis_url, channel)
    cursors = await publish_events(redis_url, channel, 1, 2, 3)
    async with resume(replica, tail=tail) as client:
        assert await ids(client, len(expected)) == expected
        ping = json.loads(await hear(client))
        assert (ping["type"], ping["cursor"]) == ("ping", cursors[-1])
        await publish_events(redis_url, channel, 4)
        assert await ids(client, 1) == [4]


@pytest.mark.parametrize("tail", ["-1", "abc", "1001", "", "1e3"])
async def test_a_tail_that_makes_no_sense_is_refused_with_the_reason(
    redis_url: str, channel: str, start_replica: StartReplica, tail: str
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await resume(start_replica(redis_url, channel), tail=tail)
    assert refusal.value.response.status_code == 400
    assert b"expected a number from 0 to 1000" in refusal.value.response.body


async def test_an_entry_that_somebody_appended_by_hand_stops_nobody(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    (cursor,) = await publish_events(redis_url, channel, 1)
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd(channels.history(channel), {"other": "thing"})
    async with resume(replica, since=cursor) as client:
        assert (await resumed(client))["recovered"]
        assert json.loads(await hear(client))["type"] == "unreadable"
        await publish_events(redis_url, channel, 2)
        assert await ids(client, 1) == [2]


async def test_heartbeats_carry_the_cursor_so_that_whoever_heard_nothing_can_resume_too(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, HEARTBEAT_INTERVAL="1")
    async with dashboard(replica) as client:
        start = json.loads(await hear(client))
    assert (start["type"], start["cursor"]) == ("ping", "0-0")
    await publish_events(redis_url, channel, 1, 2)
    async with resume(replica, since=start["cursor"]) as client:
        assert await resumed(client) == {"recovered": True, "replayed": 2, "since": "0-0"}
        assert await ids(client, 2) == [1, 2]


async def test_without_a_cursor_a_message_is_live_and_in_its_place(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    async with dashboard(start_replica(redis_url, channel)) as client:
        for number in range(5):
            await publish_events(redis_url, channel, number)
            await publish(redis_url, channel, PLAIN)
        got = [json.loads(await hear(client))["type"] for _ in range(10)]
    assert got == ["event", "plain"] * 5


async def test_redis_killed_while_nothing_is_heard_clients_get_everything_without_reconnecting(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboard(replica) as client:
        await publish_events(own_redis.url, channel, 0)
        for number in range(1, 4):
            own_redis.kill()
            own_redis.start()
            # At once, before the replica is back: that is what its history is for.
            await publish_events(own_redis.url, channel, 10 * number, 10 * number + 1)
        assert await ids(client, 7) == [0, 10, 11, 20, 21, 30, 31]


async def test_a_wiped_redis_is_told_and_live_goes_on(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboard(replica) as client:
        cursors = await publish_events(own_redis.url, channel, 1, 2, 3)
        assert await ids(client, 3) == [1, 2, 3]
        async with Redis.from_url(own_redis.url) as redis:
            await redis.flushall()
        await publish_events(own_redis.url, channel, 4)
        assert await resumed(client) == {"recovered": False, "replayed": 1, "since": cursors[-1]}
        await publish_events(own_redis.url, channel, 5)
        assert await ids(client, 2) == [4, 5]
    async with resume(replica, since=cursors[-1]) as client:
        assert not (await resumed(client))["recovered"]
        assert await ids(client, 2) == [4, 5]
    assert await metric(replica, "hsi_gaps_total") == 1


async def test_a_wiped_redis_is_noticed_even_when_nothing_follows(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    async with dashboard(start_replica(own_redis.url, channel)) as client:
        await publish_events(own_redis.url, channel, 1)
        assert await ids(client, 1) == [1]
        async with Redis.from_url(own_redis.url) as redis:
            await redis.flushall()
        assert not (await resumed(client))["recovered"]


async def test_a_history_trimmed_beyond_the_cursor_is_told(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    (cursor,) = await publish_events(redis_url, channel, 0, history_length=100)
    await publish_events(redis_url, channel, *range(1, 500), history_length=100)
    async with resume(replica, since=cursor) as client:
        told = await resumed(client)
        assert not told["recovered"]
        assert 100 <= told["replayed"] < 300
        got = await ids(client, told["replayed"])
        assert got == list(range(500 - told["replayed"], 500))
        await publish_events(redis_url, channel, 500)
        assert await ids(client, 1) == [500]


async def test_a_redis_restarted_from_an_older_snapshot_is_told_and_live_goes_on(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboard(replica) as client:
        await publish_events(own_redis.url, channel, 1, 2)
        async with Redis.from_url(own_redis.url) as redis:
            await redis.config_set("appendonly", "no")  # from here on nothing is kept
        cursors = await publish_events(own_redis.url, channel, 3, 4)
        assert await ids(client, 4) == [1, 2, 3, 4]
        own_redis.kill()
        own_redis.start()
        told = await resumed(client)
        assert told == {"recovered": False, "replayed": 2, "since": cursors[-1]}
        await publish_events(own_redis.url, channel, 5)
        assert await ids(client, 3) == [1, 2, 5]
    async with resume(replica, since=cursors[-1]) as client:
        assert not (await resumed(client))["recovered"]
        assert await ids(client, 3) == [1, 2, 5]


async def test_the_subscription_killed_again_and_again_in_the_middle_of_a_flood(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    async with dashboards(*[replica] * 5) as clients:

        async def kill() -> None:
            async with Redis.from_url(own_redis.url) as redis:
                while True:
                    await redis.client_kill_filter(_type="pubsub")
                    await asyncio.sleep(0.05)

        async with meanwhile(kill()):
            for start in range(0, 2000, 200):
                await publish_events(own_redis.url, channel, *range(start, start + 200))
                await asyncio.sleep(0.05)
        for client in clients:
            assert await ids(client, 2000) == list(range(2000))
        assert await metric(replica, "hsi_redis_outages_total") > 1


async def test_a_replica_that_stopped_reading_until_redis_gave_it_up(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    """Redis closes a subscriber whose output buffer overflows."""
    replica = start_replica(own_redis.url, channel)
    async with (
        Redis.from_url(own_redis.url) as redis,
        dashboard(replica) as client,
        Publisher(own_redis.url) as publisher,
    ):
        await redis.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 1")
        await publisher.publish(channel, event(0))
        replica.signal(signal.SIGSTOP)
        for start in range(1, 3001, 500):
            await asyncio.gather(
                *(
                    publisher.publish(channel, event(number, padding=10_000))
                    for number in range(start, start + 500)
                )
            )

        async def given_up() -> bool:
            return not await redis.client_list(_type="pubsub")

        await until(given_up)
        replica.signal(signal.SIGCONT)
        assert await ids_of_who_comes_back(replica, client, 3001) == list(range(3001))


class Deafening:
    """A way to Redis on which, when told to, no pub/sub message arrives; all else does."""

    def __init__(self, redis_url: str) -> None:
        self._port = int(redis_url.rpartition(":")[2].partition("/")[0])
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.deaf = False
        self.swallowed = 0
        self._passing: list[asyncio.Task[Any]] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        yield
        server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deaf_for_good = False

        def forward(data: bytes) -> bytes:
            nonlocal deaf_for_good
            deaf_for_good |= self.deaf and b"$7\r\nmessage\r\n" in data
            if deaf_for_good and b"$7\r\nmessage\r\n" in data:
                self.swallowed += 1
                return b""
            return data

        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._passing += [
            asyncio.create_task(pump(reader, up_writer, lambda data: data)),
            asyncio.create_task(pump(up_reader, writer, forward)),
        ]


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]
) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(change(data))
            await writer.drain()
    except ConnectionError:
        pass  # One side is gone; so is the other, then.
    finally:
        writer.close()


async def test_a_subscription_lost_without_an_error_is_found_and_nothing_is_missed(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    """PINGs are answered, nothing is closed, and still no message comes: only doubt finds it."""
    way = Deafening(own_redis.url)
    async with way.open():
        replica = start_replica(way.url, channel)
        async with dashboard(replica) as client:
            await publish_events(own_redis.url, channel, 1)
            assert await ids(client, 1) == [1]
            way.deaf = True
            await publish_events(own_redis.url, channel, 2, 3)
            await until(lambda: is_true(way.swallowed > 0))
            way.deaf = False  # a new connection will hear
            assert await ids(client, 2, within=PROMISE) == [2, 3]
            await publish_events(own_redis.url, channel, 4)
            assert await ids(client, 1) == [4]

            async def is_found() -> bool:
                return await metric(replica, "hsi_deaf_total") == 1

            await until(is_found, within=PROMISE)
        replica.stop()


async def is_true(value: bool) -> bool:
    return value


async def test_a_client_connected_while_redis_is_away_is_resumed_when_it_is_back(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    (cursor,) = await publish_events(own_redis.url, channel, 1)
    own_redis.kill()
    async with resume(replica, since=cursor) as client:
        await client.send("ping")
        assert json.loads(await hear(client))["type"] == "pong"
        own_redis.start()
        await publish_events(own_redis.url, channel, 2)
        assert (await resumed(client))["recovered"]
        assert await ids(client, 1) == [2]


async def test_a_client_from_a_replica_that_was_ahead_gets_nothing_twice(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    way = Deafening(own_redis.url)
    async with way.open():
        behind = start_replica(way.url, channel)
        async with dashboard(behind) as other:
            await publish_events(own_redis.url, channel, 1)
            assert await ids(other, 1) == [1]
            way.deaf = True
            cursors = await publish_events(own_redis.url, channel, 2, 3)
            way.deaf = False
            async with resume(behind, since=cursors[-1]) as client:
                assert await resumed(client) == {
                    "recovered": True,
                    "replayed": 0,
                    "since": cursors[-1],
                }
                await publish_events(own_redis.url, channel, 4)
                assert await ids(client, 1) == [4]
            assert await ids(other, 3) == [2, 3, 4]
        behind.stop()


async def test_ten_thousand_events_are_replayed_while_others_go_on(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    cursors: list[str] = []
    for start in range(0, 10_000, 500):
        cursors += await publish_events(redis_url, channel, *range(start, start + 500))
    async with resume(replica, since=cursors[0]) as client:
        assert (await resumed(client))["replayed"] == 9_999
        publishing = asyncio.create_task(publish_events(redis_url, channel, *range(10_000, 10_500)))
        assert await ids(client, 10_499, within=60) == list(range(1, 10_500))
        await publishing


async def test_a_slow_client_is_closed_and_resumes_where_it_was(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    got: list[int] = []
    (cursor,) = await publish_events(redis_url, channel, 0)
    slow = await resume(replica, since=cursor)
    slow.transport.pause_reading()
    async with Publisher(redis_url) as publisher:
        for number in range(1, 80):
            await publisher.publish(channel, event(number, padding=200_000))
    await until(lambda: closed_as_slow(replica))
    slow.transport.resume_reading()
    with contextlib.suppress(ConnectionClosed):
        while True:
            message = json.loads(await hear(slow))
            cursor = message.get("cursor", cursor)
            got += [message["data"]["id"]] if message["type"] == "event" else []
    slow.transport.abort()
    async with resume(replica, since=cursor) as client:
        assert (await resumed(client))["recovered"]
        got += await ids(client, 79 - len(got))
    assert got == list(range(1, 80))


async def closed_as_slow(replica: Process) -> bool:
    return await metric(replica, 'hsi_closes_total{code="4408"}') == 1


async def test_status_shows_where_a_channel_is(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica) as client:
        (cursor,) = await publish_events(redis_url, channel, 1)
        await ids(client, 1)
        (status,) = (await get_json(replica, "/status"))["channels"]
    assert (status["live"], status["cursor"]) == (True, cursor)


FOREIGN = {
    "the greatest id": f"{2**64 - 1}-{2**64 - 1}",
    "a far one": f"{10**16}-0",
    "a cursor of the future": f"{10**13}-7",
}


@pytest.mark.parametrize("identifier", FOREIGN.values(), ids=FOREIGN)
async def test_an_entry_with_a_far_id_costs_itself_and_nobody_else(
    redis_url: str, channel: str, start_replica: StartReplica, identifier: str
) -> None:
    replica = start_replica(redis_url, channel)
    (first,) = await publish_events(redis_url, channel, 1)
    async with dashboard(replica) as before:
        async with Redis.from_url(redis_url) as redis:
            await redis.xadd(channels.history(channel), {"m": event(9)}, id=identifier)
        async with dashboard(replica) as after, resume(replica, since=first) as returned:
            assert await resumed(returned) == {"recovered": True, "replayed": 0, "since": first}
            await publish_events(redis_url, channel, 2, 3)
            for client in (before, after, returned):
                assert await ids(client, 2) == [2, 3]
            async with resume(replica, since="0-0") as late:
                assert (await resumed(late))["recovered"]
                assert await ids(late, 3) == [1, 2, 3]


async def test_a_history_of_another_type_is_named_and_costs_only_itself(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    key = channels.history(channel)
    async with Redis.from_url(redis_url) as redis:
        await redis.set(key, "nobody's")
    async with dashboard(replica) as client:
        await publish_events(redis_url, channel, 1, 2)
        assert await ids(client, 2) == [1, 2]
        async with resume(replica, since="0-0") as late:
            assert (await resumed(late))["recovered"]
            assert await ids(late, 2) == [1, 2]
    assert replica.log.read_text().count("is not the stream that it should be") == 1
    assert key in replica.log.read_text()


NOT_MESSAGES = {
    "no field": {b"other": b"thing"},
    "not UTF-8": {b"m": b'{"type":"a","data":{"b":"\xff"}}'},
    "not JSON": {b"m": b'{"garbage'},
    "no type": {b"m": b'{"data":{}}'},
    "too large": {b"m": b'{"type":"a","data":{"b":"' + b"x" * 300_000 + b'"}}'},
    "deep": {b"m": b'{"type":"a","data":{"b":' + b"[" * 100_000},
}


async def test_clients_get_no_entry_that_they_cannot_read(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    (first,) = await publish_events(redis_url, channel, 1)
    async with Redis.from_url(redis_url) as redis:
        for fields in NOT_MESSAGES.values():
            await redis.xadd(channels.history(channel), fields)  # type: ignore[arg-type]
    await publish_events(redis_url, channel, 2)
    async with resume(replica, since=first) as client:
        assert (await resumed(client))["recovered"]
        for _ in NOT_MESSAGES:
            message = json.loads(await hear(client))
            assert (message["type"], message["data"]) == ("unreadable", {})
        assert await ids(client, 1) == [2]


async def test_a_wipe_is_told_once_even_to_who_comes_back_before_it_is_noticed(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    (cursor,) = await publish_events(own_redis.url, channel, 1)
    async with dashboard(replica) as stayed:
        async with Redis.from_url(own_redis.url) as redis:
            await redis.flushall()
        async with resume(replica, since=cursor) as returned:
            assert not (await resumed(returned))["recovered"]
            assert not (await resumed(stayed))["recovered"]
            await publish_events(own_redis.url, channel, 2)
            assert await ids(returned, 1) == [2]  # which fails if it is told once more
            assert await ids(stayed, 1) == [2]
