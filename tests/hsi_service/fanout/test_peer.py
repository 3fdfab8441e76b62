"""What the hub may expect of a client, whichever way leads to it: the same for all three."""

import asyncio
import contextlib
import json
import math
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from litestar import Litestar, WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import TEXT

from hsi.schemas.close_codes import CloseCode
from hsi.tasks import cancel_and_wait
from hsi_service.door.handshake import RequestHead, switching, upgrade_of
from hsi_service.door.limits import Bucket, Rate
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.connection_handler import ConnectionHandler, KeepAlive
from hsi_service.fanout.direct_peer import DirectPeer
from hsi_service.fanout.incoming import Incoming
from hsi_service.fanout.memory import Memory
from hsi_service.fanout.peer import MAX_STALLED, MAX_UNSENT, STALL_PATIENCE, AsgiPeer, Peer
from hsi_service.fanout.sse_peer import SsePeer
from hsi_service.fanout.turns import FRAMES, MAX_FRAMES_AT_ONCE, Turns
from tests.clients import until
from tests.hsi_service.fanout.test_incoming import sent
from tests.servers import under_uvicorn
from tests.sse import SseClient


class Line:
    """One client and the peer that the hub would have of it."""

    def __init__(
        self, peer: Peer, client: ClientConnection | SseClient, ended: asyncio.Event
    ) -> None:
        self.peer = peer
        self.client: Any = client
        self.ended = ended
        """Set when the application is done with the client."""

    def write(self, *texts: str, replaces: str | None = None) -> None:
        self.peer.write(Batch(texts, replaces=replaces))

    def form_of(self, batch: Batch) -> Batch:
        """Return what the client is sent of a batch."""
        return batch.as_events() if isinstance(self.peer, SsePeer) else batch

    async def heard(self) -> list[str | int]:
        """Return all that the client hears until it is closed, and the code."""
        heard: list[str | int] = []
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    heard.append(str(await self.client.recv()))
        return [*heard, self.client.close_code or 0]

    async def stop_reading(self) -> None:
        """Let the client read nothing, and see that the server cannot write any more."""
        self.client.transport.pause_reading()
        async with asyncio.timeout(20):
            while not self.peer.behind:
                self.write("x" * 100_000)
                await asyncio.sleep(0.001)

    async def stop_taking(self) -> None:
        """Let the client, which is held, read nothing of what it is sent, and see that it waits."""
        self.client.transport.pause_reading()
        async with asyncio.timeout(20):
            while not self.peer.behind:
                self.peer.send("x" * 100_000)
                await asyncio.sleep(0.02)  # Until the kernels have moved what they could.

    def read_on(self) -> None:
        self.client.transport.resume_reading()


class Ending(ConnectionHandler):
    """Says when a client is gone, and keeps what it said."""

    def __init__(self, ended: asyncio.Event) -> None:
        self.ended = ended
        self.heard: list[str | bytes] = []

    def hear(self, peer: Peer, message: str | bytes) -> None:  # noqa: ARG002 (there is one alone)
        self.heard.append(message)

    def leave(self, peer: Peer) -> None:  # noqa: ARG002 (there is one alone)
        self.ended.set()

    def gone(self, peer: Peer) -> None:
        """Nothing is given back here."""


class Greeting(asyncio.Protocol):
    """Answers a handshake, and hands the connection over."""

    def __init__(
        self,
        peers: asyncio.Queue[Peer],
        handler: ConnectionHandler,
        connections: set[asyncio.Protocol],
    ) -> None:
        self._peers = peers
        self._handler = handler
        self._connections = connections
        self._turns = Turns(FRAMES, lambda: 0.0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        peer = DirectPeer("test", self._handler)
        answer = switching(upgrade_of(RequestHead.parse(data)).key, None)
        keepalive = KeepAlive(math.inf, math.inf)
        peer.take_over(self._transport, keepalive, self._turns, self._connections, answer)
        self._peers.put_nowait(peer)


@contextlib.asynccontextmanager
async def directly(peers: asyncio.Queue[Peer], ended: asyncio.Event) -> AsyncIterator[Any]:
    """Serve clients whose connections are handed over; give the address."""
    loop = asyncio.get_running_loop()
    connections: set[asyncio.Protocol] = set()
    async with await loop.create_server(
        lambda: Greeting(peers, Ending(ended), connections), "127.0.0.1", 0
    ) as server:
        yield server.sockets[0].getsockname()
        await eventually(lambda: not connections)  # The client is gone.


@contextlib.asynccontextmanager
async def by_asgi(peers: asyncio.Queue[Peer], ended: asyncio.Event) -> AsyncIterator[Any]:
    """Serve clients through Litestar and uvicorn as they are; give the address."""

    @websocket("/")
    async def handler(socket: WebSocket[Any, Any, Any]) -> None:
        peer = AsgiPeer("test", socket.send)
        await socket.accept()
        sending = asyncio.create_task(peer.run())
        peers.put_nowait(peer)
        with contextlib.suppress(WebSocketDisconnect, OSError):
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
        await cancel_and_wait(sending)
        ended.set()

    app = Litestar([handler], logging_config=None)
    options = {"ws": "websockets-sansio", "lifespan": "off"}
    async with under_uvicorn(app, **options) as address:
        yield address


@contextlib.asynccontextmanager
async def by_server_sent_events(
    peers: asyncio.Queue[Peer], ended: asyncio.Event
) -> AsyncIterator[Any]:
    """Serve clients by an answer that does not end, through uvicorn as it is; give the address."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        peer = SsePeer("test", send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send(peer.begin())
        sending = asyncio.create_task(peer.run())
        peers.put_nowait(peer)
        while (await receive())["type"] != "http.disconnect":
            pass
        await cancel_and_wait(sending)
        ended.set()

    async with under_uvicorn(app, lifespan="off") as address:
        yield address


@contextlib.asynccontextmanager
async def line_through(way: Any) -> AsyncIterator[Line]:
    """Connect a client in one of the three ways."""
    peers: asyncio.Queue[Peer] = asyncio.Queue()
    ended = asyncio.Event()
    ours = socket.socket()
    # A small window, so that a client which does not read is noticed before megabytes went out.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    ours.settimeout(0)
    async with way(peers, ended) as address:
        await asyncio.get_running_loop().sock_connect(ours, address)
        connecting: Any = (
            SseClient.open("/", sock=ours)
            if way is by_server_sent_events
            else connect(
                "ws://test/",
                sock=ours,
                compression=None,
                ping_interval=None,
                max_queue=None,
                max_size=None,
            )
        )
        async with connecting as client:
            yield Line(await peers.get(), client, ended)
            client.transport.abort()


WAYS: dict[str, tuple[Any, type[Peer]]] = {
    "direct": (directly, DirectPeer),
    "plain ASGI": (by_asgi, AsgiPeer),
    "server-sent events": (by_server_sent_events, SsePeer),
}


@pytest.fixture(params=WAYS)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """A client; its peer is still held."""
    way, kind = WAYS[request.param]
    async with line_through(way) as line:
        line.peer.account = Memory().account_of("127.0.0.1:1")
        assert type(line.peer) is kind
        yield line


@pytest.fixture
async def live(line: Line) -> Line:
    """A client that gets what is written."""
    line.peer.release()
    return line


async def eventually(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await until(holds)


async def test_what_was_written_before_the_close_is_sent_before_it(live: Line) -> None:
    live.write("1", "2")
    live.write("3")
    live.peer.close(CloseCode.RESTART, "restart")
    live.write("4")
    live.peer.close(CloseCode.NORMAL, "second thoughts")
    assert await live.heard() == ["1", "2", "3", 1012]
    assert live.client.close_reason == "restart"
    await live.ended.wait()


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 200_000])
async def test_a_text_of_any_size_arrives_as_it_is(live: Line, size: int) -> None:
    text = ("é" * (size // 2)).ljust(size - size // 2, "x")
    live.write(text, text)
    live.peer.close(CloseCode.NORMAL, "")
    assert await live.heard() == [text, text, 1000]


async def test_what_is_held_waits_and_what_is_said_goes_before_it(line: Line) -> None:
    line.write("held 1")
    line.peer.send("said 1")
    line.write("held 2")
    line.peer.send("said 2", "said 3")
    assert [await line.client.recv() for _ in range(3)] == ["said 1", "said 2", "said 3"]
    line.peer.release()
    line.write("live")
    line.peer.close(CloseCode.NORMAL, "")
    assert await line.heard() == ["held 1", "held 2", "live", 1000]


async def test_who_is_closed_while_held_hears_what_was_said_alone(line: Line) -> None:
    line.write("held")
    line.peer.send("said")
    line.peer.close(CloseCode.RESTART, "restart")
    line.peer.release()
    line.peer.send("too late")
    assert await line.heard() == ["said", 1012]


async def test_a_client_that_reads_may_be_sent_any_amount(live: Line) -> None:
    big = "x" * (MAX_UNSENT // 4)
    hearing = asyncio.create_task(live.heard())
    for _ in range(6):
        live.write(big)
        await live.peer.drained()
    live.peer.close(CloseCode.NORMAL, "done")
    assert await hearing == [big] * 6 + [1000]


async def test_drained_waits_until_the_client_has_taken_what_waited(live: Line) -> None:
    await live.stop_reading()
    waiting = asyncio.create_task(live.peer.drained())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    live.read_on()
    await waiting
    await eventually(lambda: live.peer.unsent == 0)


async def test_whoever_waits_for_a_client_is_let_go_when_it_is_closed_or_leaves(live: Line) -> None:
    await live.stop_reading()
    waiting = asyncio.create_task(live.peer.drained())
    await asyncio.sleep(0)
    live.peer.close(CloseCode.RESTART, "restart")
    await waiting


async def test_a_client_for_whom_too_much_waits_is_closed_and_its_queue_let_go(
    live: Line, caplog: pytest.LogCaptureFixture
) -> None:
    await live.stop_reading()
    for _ in range(MAX_UNSENT // 100_000 + 2):
        live.write("x" * 100_000)
    assert live.peer.closing
    assert live.peer.closing[0] is CloseCode.TOO_SLOW
    assert live.peer.unsent < MAX_STALLED
    live.read_on()
    *heard, code = await live.heard()
    assert code == CloseCode.TOO_SLOW
    assert len(heard) < MAX_UNSENT // 100_000  # What waited here was given up.
    (told,) = [record for record in caplog.records if "too slow" in record.message]
    assert told.__dict__["why"] == "over 8 MiB wait for it"
    await live.ended.wait()


async def test_a_client_that_takes_nothing_for_five_seconds_is_closed(live: Line) -> None:
    await live.stop_reading()
    live.write("x" * MAX_STALLED)
    for second in range(int(STALL_PATIENCE)):
        live.peer.check(second)
        assert not live.peer.closing
    live.peer.check(STALL_PATIENCE)
    assert live.peer.closing
    assert live.peer.closing[0] is CloseCode.TOO_SLOW
    live.read_on()
    assert (await live.heard())[-1] == CloseCode.TOO_SLOW


async def test_a_client_that_is_replayed_something_may_not_let_a_byte_wait(line: Line) -> None:
    """It has asked for it, and is held until it has taken all: nothing else would end it."""
    ours = line.peer
    ours.write(Batch(["held: it waits for this side, and not for the client"]))
    ours.check(0)
    ours.check(1000 * STALL_PATIENCE)
    assert not ours.closing
    await line.stop_taking()
    ours.check(2001 * STALL_PATIENCE)
    assert ours.unsent < MAX_STALLED
    for second in range(1, int(STALL_PATIENCE)):
        ours.check(2001 * STALL_PATIENCE + second)
        assert not ours.closing
    ours.check(2002 * STALL_PATIENCE)
    assert ours.closing
    assert ours.closing[0] is CloseCode.TOO_SLOW
    line.read_on()
    assert (await line.heard())[-1] == CloseCode.TOO_SLOW


async def test_a_replayed_client_on_a_slow_link_is_left_alone_while_it_takes_anything() -> None:
    async with line_through(directly) as line:
        ours = line.peer
        await line.stop_taking()
        ours.send("y" * 500_000)
        taking = line.client.transport.get_extra_info("socket").dup()
        for round_ in range(8):
            before, taken = ours.progress(), 0
            # A few kilobytes at a time: this machine's kernel has no room for more meanwhile.
            async with asyncio.timeout(20):
                while ours.progress() <= before:
                    with contextlib.suppress(BlockingIOError):
                        taken += len(taking.recv(4096))
                    await asyncio.sleep(0.001)
            ours.check(round_ * STALL_PATIENCE)
            assert not ours.closing
        taking.close()
        ours.check(8 * STALL_PATIENCE)
        assert ours.closing


async def test_what_waits_is_charged_to_its_account_until_it_is_taken_dropped_or_the_client_left(
    line: Line,
) -> None:
    memory = Memory()
    ours = line.peer
    ours.account = memory.account_of("192.0.2.1:1")
    large = Batch(["x" * 200_000])
    ours.write(large)
    assert memory.waiting == line.form_of(large).memory
    ours.release()
    await eventually(lambda: memory.waiting == 0 and ours.copied == 0)
    await line.stop_reading()
    ours.write(large)
    assert memory.waiting >= line.form_of(large).memory
    ours.write(Batch(["status"], replaces="status"))
    ours.write(Batch(["status"], replaces="status"))
    line.read_on()
    await eventually(lambda: memory.waiting == 0 and ours.copied == 0)
    await line.stop_reading()
    for _ in range(20):
        ours.write(large)
    ours.give_up("for a test")
    assert memory.waiting == 0


async def test_a_large_batch_waits_in_all_transports_and_is_copied_by_none() -> None:
    memory = Memory()
    shared = Batch(["x" * 200_000])
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line_through(directly)) for _ in range(5)]
        for line in lines:
            line.peer.account = memory.account_of("192.0.2.1:1")
            line.client.transport.pause_reading()
            for _ in range(MAX_UNSENT // shared.size - 1):
                line.peer.send_batches(shared)
            await asyncio.sleep(0.02)
        assert all(line.peer.behind for line in lines)
        assert memory.used([line.peer for line in lines]) == shared.memory


async def test_a_client_that_takes_a_little_is_left_alone(live: Line) -> None:
    for second in range(4):
        await live.stop_reading()
        live.write(*["x" * 1000] * (2 * MAX_STALLED // 1000))
        before = live.peer.progress()
        live.peer.check(second * STALL_PATIENCE)
        assert not live.peer.closing
        live.read_on()
        await eventually(lambda before=before: live.peer.progress() != before)  # type: ignore[misc]


async def test_a_client_with_little_waiting_may_take_its_time(live: Line) -> None:
    await live.stop_reading()
    live.write("a little")
    live.peer.check(0)
    live.peer.check(1000 * STALL_PATIENCE)
    assert not live.peer.closing


async def test_a_client_that_is_behind_gets_the_latest_snapshot_and_every_message(
    live: Line,
) -> None:
    await live.stop_reading()
    for number in range(1000):
        live.write(json.dumps({"status": number}), replaces="status")
        live.write(json.dumps({"figures": number}), replaces="figures")
        if number % 250 == 0:
            live.write(f"told {number}")
    live.read_on()
    live.peer.close(CloseCode.NORMAL, "")
    heard = [text for text in await live.heard() if not str(text).startswith("x")]
    assert [text for text in heard if str(text).startswith("told")] == [
        "told 0",
        "told 250",
        "told 500",
        "told 750",
    ]
    statuses = [text for text in heard if '"status"' in str(text)]
    # One may have been on its way when the client stopped.
    assert len(statuses) <= 2
    assert statuses[-1] == '{"status": 999}'
    assert '{"figures": 999}' in heard
    assert heard[-1] == 1000


async def test_a_client_that_is_old_enough_is_asked_to_come_back(live: Line) -> None:
    live.peer.expires = 100.0
    live.peer.check(99.9)
    assert not live.peer.closing
    live.peer.check(100.0)
    assert await live.heard() == [1012]


async def test_writing_to_a_client_that_left_is_nothing(live: Line) -> None:
    await live.stop_reading()
    live.client.transport.abort()
    await live.ended.wait()
    live.write("into the void")
    live.peer.send("into the void")
    live.peer.close(CloseCode.NORMAL, "")


async def test_a_client_that_is_closed_and_never_reads_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its transport would wait for ever for a last byte to be taken."""
    monkeypatch.setattr("hsi_service.fanout.direct_peer.FAREWELL_TIMEOUT", 0.2)
    for code in (CloseCode.TOO_SLOW, CloseCode.RESTART):
        async with line_through(directly) as line:
            line.peer.release()
            await line.stop_reading()
            line.write("x" * 100_000)
            line.peer.close(code, "")
            peer = line.peer
            assert isinstance(peer, DirectPeer)
            await eventually(lambda peer=peer: not peer.connected)  # type: ignore[misc]
            await line.ended.wait()


async def test_a_client_that_pings_and_does_not_read_gets_no_mountain_of_pongs() -> None:
    async with line_through(directly) as line:
        line.peer.release()
        await line.stop_reading()
        before = line.peer.unsent
        for _ in range(1000):
            await line.client.ping()
        await line.client.send("done")
        await asyncio.sleep(0.05)
        assert line.peer.unsent <= before
        line.read_on()
        await eventually(lambda: line.peer.unsent == 0)


FLOODS = {
    "pongs": b"\x8a\x80abcd",
    "pings": b"\x89\x80abcd",
    "empty messages": b"\x81\x80abcd",
    "empty parts": b"\x00\x80abcd",
}


@pytest.mark.parametrize("frame", FLOODS.values(), ids=FLOODS)
async def test_every_frame_is_charged_and_after_the_end_none_is_read(
    frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[object] = []
    read = Incoming.read

    def counted(incoming: Incoming) -> object:
        reads.append(event := read(incoming))
        return event

    monkeypatch.setattr(Incoming, "read", counted)
    monkeypatch.setattr("hsi_service.fanout.direct_peer.FAREWELL_TIMEOUT", 0.2)
    async with line_through(directly) as line:
        line.peer.release()
        line.peer.inbound = Bucket(Rate.per_minute(60))
        begin = b"\x01\x80abcd" if frame[0] == 0 else b""
        line.client.transport.write(begin + frame * 100_000)
        assert (await line.heard())[-1] == CloseCode.TOO_FAST
        await line.ended.wait()
    assert len(reads) <= 62


async def test_a_large_frame_is_charged_for_its_size() -> None:
    async with line_through(directly) as line:
        line.peer.release()
        line.peer.inbound = Bucket(Rate.per_minute(50))
        await line.client.send("x" * 60_000)
        assert (await line.heard())[-1] == CloseCode.TOO_FAST


async def test_what_completes_nothing_is_charged_too() -> None:
    async with line_through(directly) as line:
        line.peer.release()
        line.peer.inbound = Bucket(Rate.per_minute(1))
        assert isinstance(line.peer, DirectPeer)
        for _ in range(20):
            line.peer.data_received(b"")
        assert line.peer.closing


async def test_others_have_their_turn_while_a_client_has_sent_much() -> None:
    async with line_through(directly) as line:
        assert isinstance(line.peer, DirectPeer)
        handler = line.peer._handler  # noqa: SLF001 (what it was served by)
        assert isinstance(handler, Ending)
        line.peer.data_received(sent(TEXT, b"x") * (3 * MAX_FRAMES_AT_ONCE))
        turns = [len(handler.heard)]
        for _ in range(3):
            await asyncio.sleep(0)
            turns.append(len(handler.heard))
        assert turns == [16, 32, 48, 48]


async def test_what_comes_byte_by_byte_waits_when_others_have_said_enough() -> None:
    async with line_through(directly) as line:
        line.peer.release()
        assert isinstance(line.peer, DirectPeer)
        turns = line.peer._turns  # noqa: SLF001 (which it shares with all)
        frame = sent(TEXT, b"x" * 100)
        for byte in frame[:50]:
            line.peer.data_received(bytes([byte]))
        assert turns.is_over
        reading = line.peer._transport.is_reading()  # noqa: SLF001 (as above)
        assert not reading, "the kernel keeps the rest until its turn"
        await eventually(line.peer._transport.is_reading)  # noqa: SLF001 (as above)
