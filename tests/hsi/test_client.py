"""Our Python client comes back by itself, and knows when not to."""

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hsi.client import Received, RefusedError, State, Stream, SyncStream
from hsi.client.following import FIRST_DELAY, MAX_DELAY, Following, delays
from hsi.publisher import Publisher
from hsi.schemas import Event, Resumed, ResumedData
from tests.clients import golden, has_connections, publish, until
from tests.conftest import StartReplica
from tests.servers import RedisServer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hsi.client.following.FIRST_DELAY", 0.05)
    monkeypatch.setattr("hsi.client.following.MAX_DELAY", 0.2)


async def follow_async(url: str) -> list[str]:
    return [received.text async for received in Stream(url).messages()]


async def follow_sync(url: str) -> list[str]:
    return await asyncio.to_thread(lambda: [got.text for got in SyncStream(url).messages()])


Follow = Callable[[str], Awaitable[list[str]]]
both = pytest.mark.parametrize("follow", [follow_async, follow_sync])
"""With asyncio and without: a stream's whole life."""


def url_of(server: Server) -> str:
    host, port = next(iter(server.sockets)).getsockname()[:2]
    return f"ws://{host}:{port}/ws/events"


async def test_messages_are_typed_and_heartbeats_are_not_messages(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, HEARTBEAT_INTERVAL="0.2")
    url = replica.url.replace("http", "ws") + "/ws/events"
    live = asyncio.Event()
    stream = Stream(url, on_state=lambda state, _: live.set() if state is State.LIVE else None)
    async with contextlib.aclosing(stream.messages()) as messages:
        first = asyncio.ensure_future(anext(messages))
        await asyncio.wait_for(live.wait(), 10)
        await asyncio.sleep(0.5)  # some heartbeats
        await publish(redis_url, channel, golden("event"), b'{"type":"other","data":{}}')
        event = await asyncio.wait_for(first, 10)
        assert event.text == golden("event").decode()
        assert isinstance(event.message, Event)
        assert event.message.data.camera_id == "front_door"
        other = await asyncio.wait_for(anext(messages), 10)
        assert (other.text, other.message) == ('{"type":"other","data":{}}', None)


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "ALL_PROXY"])
@both
async def test_what_is_on_this_machine_is_reached_past_every_proxy(
    follow: Follow, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "socks5://127.0.0.1:9")

    async def greet(socket: ServerConnection) -> None:
        await socket.send(golden("event").decode())

    async with serve(greet, "127.0.0.1", 0) as server, asyncio.timeout(10):
        assert await follow(url_of(server)) == [golden("event").decode()]


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("ws://127.0.0.1:8080", False),
        ("ws://localhost/", False),
        ("wss://[::1]:8443", False),
        ("wss://hsi.example", True),
        ("ws://192.168.1.7", True),
    ],
)
def test_what_is_elsewhere_is_reached_as_the_environment_says(url: str, *, proxied: bool) -> None:
    following = Following(url, since=None, tail=0, api_key="")
    assert following.proxy is (True if proxied else None)


async def test_it_comes_back_after_a_restart(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    states: list[State] = []
    stream = Stream(
        replica.url.replace("http", "ws") + "/ws/events",
        on_state=lambda state, _: states.append(state),
    )
    async with contextlib.aclosing(stream.messages()) as messages:
        first = asyncio.ensure_future(anext(messages))
        await until(lambda: has_connections(replica, 1))
        await until(lambda: is_true(stream.cursor is not None))
        replica.stop()
        async with Publisher(redis_url) as publisher:
            missed = await publisher.publish(channel, golden("event"))
        replica.start()
        received = await asyncio.wait_for(first, 10)
        assert isinstance(received.message, Event)
        assert received.message.cursor == missed.cursor == stream.cursor
    assert states == [State.LIVE, State.CONNECTING, State.LIVE]


async def is_true(value: bool) -> bool:
    return value


async def test_it_says_when_something_is_missing(
    own_redis: RedisServer, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(own_redis.url, channel)
    stream = Stream(replica.url.replace("http", "ws") + "/ws/events", since="1-1")
    async with (
        contextlib.aclosing(stream.messages()) as messages,
        Publisher(own_redis.url) as publisher,
    ):
        await publisher.publish(channel, golden("event"))
        gap = await asyncio.wait_for(anext(messages), 10)
        assert isinstance(gap.message, Resumed)
        assert gap.message.data == ResumedData(recovered=False, replayed=1, since="1-1")
        event = await asyncio.wait_for(anext(messages), 10)
        assert isinstance(event.message, Event)


@both
@pytest.mark.parametrize("code", [4401, 4403])
async def test_a_terminal_close_is_an_error_and_the_end(code: int, follow: Follow) -> None:
    handshakes = 0

    async def refuse(connection: ServerConnection) -> None:
        nonlocal handshakes
        handshakes += 1
        await connection.close(code, "no")

    async with serve(refuse, "127.0.0.1", 0) as server:
        with pytest.raises(RefusedError) as caught:
            await follow(url_of(server))
    assert (caught.value.code, caught.value.reason, handshakes) == (code, "no", 1)


@both
async def test_a_normal_close_is_the_end(follow: Follow) -> None:
    async def say_one_thing(connection: ServerConnection) -> None:
        await connection.send('{"type":"other","data":{}}')

    async with serve(say_one_thing, "127.0.0.1", 0) as server:
        received = await follow(url_of(server))
    assert received == ['{"type":"other","data":{}}']


@both
@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 4408, 4429])
async def test_any_other_close_means_come_back(code: int, follow: Follow) -> None:
    handshakes = 0

    async def drop_twice(connection: ServerConnection) -> None:
        nonlocal handshakes
        handshakes += 1
        if handshakes <= 2:
            if code == 1006:
                connection.transport.abort()
            else:
                await connection.close(code)
            return
        await connection.send(json.dumps({"type": "handshake", "data": {"number": handshakes}}))

    async with serve(drop_twice, "127.0.0.1", 0) as server:
        received = await follow(url_of(server))
    assert [json.loads(text)["data"]["number"] for text in received] == [3]


@both
@pytest.mark.parametrize("status", [429, 503])
async def test_a_full_pod_is_asked_again(status: int, follow: Follow) -> None:
    refusals = 2

    async def handler(connection: ServerConnection) -> None:
        await connection.send('{"type":"in","data":{}}')

    def full(connection: ServerConnection, _: object) -> object:
        nonlocal refusals
        refusals -= 1
        return connection.respond(status, "full") if refusals >= 0 else None

    async with serve(handler, "127.0.0.1", 0, process_request=full) as server:  # type: ignore[arg-type]
        received = await follow(url_of(server))
    assert received == ['{"type":"in","data":{}}']


@both
async def test_a_wrong_address_is_an_error(
    redis_url: str, channel: str, start_replica: StartReplica, follow: Follow
) -> None:
    replica = start_replica(redis_url, channel)
    with pytest.raises(InvalidStatus):
        await follow(replica.url.replace("http", "ws") + "/ws/nothing")


async def test_without_asyncio_every_event_comes_once_and_in_order_through_a_restart(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    with SyncStream(replica.url.replace("http", "ws") + "/ws/events") as stream:
        got: list[Received] = []

        def follow() -> None:
            got.extend(itertools.islice(stream.messages(), 20))

        following = asyncio.create_task(asyncio.to_thread(follow))
        await until(lambda: has_connections(replica, 1))
        await until(lambda: is_true(stream.cursor is not None))
        async with Publisher(redis_url) as publisher:
            cursors = [
                (await publisher.publish(channel, golden("event"))).cursor for _ in range(10)
            ]
            replica.stop()
            cursors += [
                (await publisher.publish(channel, golden("event"))).cursor for _ in range(10)
            ]
        replica.start()
        async with asyncio.timeout(20):
            await following
    assert [received.message and received.message.cursor for received in got] == cursors


async def test_without_asyncio_it_ends_when_it_is_closed_from_another_thread(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    stream = SyncStream(replica.url.replace("http", "ws") + "/ws/events")
    following = asyncio.create_task(asyncio.to_thread(lambda: list(stream.messages())))
    await until(lambda: has_connections(replica, 1))
    stream.close()
    async with asyncio.timeout(20):
        assert await following == []


async def take_one_async(url: str) -> float:
    async with contextlib.aclosing(Stream(url).messages()) as messages:
        await anext(messages)
        await asyncio.sleep(0.3)  # more may come than is read ahead
        began = time.monotonic()
    return time.monotonic() - began


async def take_one_sync(url: str) -> float:
    def take() -> float:
        with SyncStream(url) as stream:
            for _ in stream.messages():
                time.sleep(0.3)  # more may come than is read ahead
                began = time.monotonic()
                break
        return time.monotonic() - began

    return await asyncio.to_thread(take)


leaving = pytest.mark.parametrize("take_one", [take_one_async, take_one_sync])
TakeOne = Callable[[str], Awaitable[float]]


@leaving
async def test_leaving_the_loop_closes_the_connection_with_1000(take_one: TakeOne) -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def say_one_thing_and_stay(connection: ServerConnection) -> None:
        await connection.send('{"type":"other","data":{}}')
        await connection.wait_closed()
        codes.put_nowait(connection.close_code)

    async with serve(say_one_thing_and_stay, "127.0.0.1", 0) as server:
        await take_one(url_of(server))
        assert await asyncio.wait_for(codes.get(), 10) == 1000


@leaving
async def test_leaving_the_loop_does_not_wait_for_a_server_that_sends_without_end(
    take_one: TakeOne,
) -> None:
    async def flood(connection: ServerConnection) -> None:
        message = json.dumps({"type": "other", "data": {"text": "x" * 10_000}})
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(message)

    async with serve(flood, "127.0.0.1", 0) as server:
        assert await take_one(url_of(server)) < 5


@both
async def test_a_handshake_that_is_cut_off_is_tried_again(follow: Follow) -> None:
    handshakes = 0

    async def cut_off_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal handshakes
        handshakes += 1
        if handshakes > 1:
            await reader.readuntil(b"\r\n\r\n")
        if handshakes > 2:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(cut_off_twice, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        with pytest.raises(InvalidStatus, match="404"):
            await follow(f"ws://{host}:{port}/")
    assert handshakes == 3


async def test_without_asyncio_closing_ends_the_wait_for_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hsi.client.following.FIRST_DELAY", 3600)
    monkeypatch.setattr("hsi.client.following.MAX_DELAY", 3600)
    away = threading.Event()
    stream = SyncStream("ws://127.0.0.1:1/", on_state=lambda *_: away.set())
    following = asyncio.create_task(asyncio.to_thread(lambda: list(stream.messages())))
    await until(lambda: is_true(away.is_set()))
    stream.close()
    async with asyncio.timeout(20):
        assert await following == []


LOST = '{"type":"resumed","data":{"recovered":false,"replayed":0,"since":"1-1"}}'


@pytest.mark.parametrize(
    ("text", "cursor", "is_handed_over"),
    [
        ('{"cursor":"7-2","type":"other","data":{}}', "7-2", True),
        ('{"type":"other","data":{}}', "1-1", True),
        ("what is this", "1-1", True),
        ('{"type":"ping","cursor":"7-3"}', "7-3", False),
        ('{"type":"ping"}', "1-1", False),
        ('{"type":"pong"}', "1-1", False),
        ('{"type":"error","data":{"code":"invalid_json","message":"no"}}', "1-1", False),
        (LOST.replace("false", "true"), "1-1", False),
        (LOST, None, True),
    ],
)
def test_each_frame_moves_the_cursor_and_only_messages_are_handed_over(
    text: str, cursor: str | None, *, is_handed_over: bool
) -> None:
    following = Following("ws://127.0.0.1/", since="1-1", tail=0, api_key="")
    received = following.take(text)
    assert following.cursor == cursor
    assert (received is not None) is is_handed_over
    assert received is None or received.text == text


def test_it_asks_for_a_tail_until_it_has_a_cursor() -> None:
    url = "ws://127.0.0.1/ws/jobs/7/logs?level=INFO"
    following = Following(url, since=None, tail=5, api_key="")
    assert following.address() == f"{url}&tail=5"
    following.take('{"cursor":"7-1","type":"other","data":{}}')
    assert following.address() == f"{url}&since=7-1"


def test_delays_grow_with_jitter_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert all(next(delays()) <= FIRST_DELAY for _ in range(100))
    forever = delays()
    waits = [next(forever) for _ in range(100)]
    assert MAX_DELAY / 2 < max(waits) <= MAX_DELAY
    assert len(set(waits)) == len(waits)


def test_without_its_extra_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['websockets'] = None; from hsi.client import Stream"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1].endswith("pip install 'hsi-client[client]'")
