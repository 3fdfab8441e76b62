"""One client's connection, from handshake to close: the same for every service."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine
from typing import Any, NamedTuple, Self

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from shared.client_frames import MAX_CLIENT_MESSAGE_BYTES, answer
from shared.close_codes import CloseCode
from shared.door import Admission, refuse
from shared.limits import Bucket
from shared.metrics import Metrics
from shared.ordered import OrderedTopic
from shared.peer import AsgiPeer, Peer
from shared.service import Service
from shared.wire import EXTENSION, WireProtocol

Socket = WebSocket[Any, Any, Any]

SUBSCRIBE_TIMEOUT = 2.0
"""Seconds that a handshake waits until the channel is heard.

So whoever is connected hears what is published from then on. Without Redis the client is accepted
all the same, and hears when Redis is back.
"""
MAX_TAIL = 1000
"""Messages that `?tail` may ask for."""


class Start(NamedTuple):
    """Where a client wants to begin: after a cursor, with the last few messages, or just now."""

    since: str | None = None
    tail: int | None = None

    @classmethod
    def parse(cls, since: str | None, tail: str | None) -> Self:
        """Read the query parameters.

        Raises:
            ValueError: They make no sense; its text says why.

        """
        if tail is None or since is not None:
            return cls(since=since)
        if not (tail.isascii() and tail.isdigit() and int(tail) <= MAX_TAIL):
            raise ValueError(f"tail: expected a number from 0 to {MAX_TAIL}")
        return cls(tail=int(tail))


async def serve_client(
    socket: Socket, *, service: Service, channel: str, since: str | None, tail: str | None
) -> None:
    """Let a client listen to `channel` until either side closes.

    Args:
        socket: The client, before its handshake is answered.
        service: The replica. Its door decides whether the client gets in.
        channel: What it listens to.
        since: The query parameter: begin after this cursor.
        tail: The query parameter: begin with the last few messages.

    """
    admission = await service.door.admit(socket)
    if admission is None:
        return
    try:
        await _serve(socket, admission, service=service, channel=channel, since=since, tail=tail)
    finally:
        admission.release()


async def _serve(
    socket: Socket,
    admission: Admission,
    *,
    service: Service,
    channel: str,
    since: str | None,
    tail: str | None,
) -> None:
    """Let a client listen that was let in."""
    hub = service.hub
    try:
        start = Start.parse(since, tail)
    except ValueError as error:
        hub.metrics.refusals.labels("400").inc()
        await refuse(socket, 400, str(error))
        return
    peer = connect(socket)
    peer.inbound = Bucket(service.door.message_rate)
    if age := service.settings.max_connection_age:
        # Not all at once, after a restart at which all came at once.
        peer.expires = asyncio.get_running_loop().time() + age * random.uniform(0.8, 1)  # noqa: S311
    topic = hub.enter(peer, channel, OrderedTopic)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
                await topic.ready()
        if start == Start():
            topic.join(peer)
        await socket.accept(admission.subprotocol)
        await _converse(socket, peer, topic, start, service)
    except (WebSocketDisconnect, OSError):
        pass  # It left. How clients leave is nobody's trouble.
    finally:
        hub.leave(peer, topic)
        if peer.closing:
            hub.metrics.closes.labels(str(int(peer.closing[0]))).inc()


def connect(socket: Socket) -> Peer:
    """Return the hub's side of a connection: past ASGI where the server has our extension."""
    address = ":".join(map(str, socket.scope.get("client") or ("unknown",)))
    extension: Any = (socket.scope.get("extensions") or {}).get(EXTENSION)
    if extension:
        protocol: WireProtocol = extension["protocol"]
        return protocol.attach(address)
    return AsgiPeer(address, socket.send)


async def _converse(
    socket: Socket, peer: Peer, topic: OrderedTopic, start: Start, service: Service
) -> None:
    """Send what the topic writes and answer what the client says, until one of them ends."""
    ends = [*peer.jobs(), _listen(socket, peer, service.metrics)]
    if start == Start():
        peer.release()
        if len(ends) == 1:
            await ends[0]
            return
    async with _running(*ends) as running, _running(_begin(peer, topic, start)) as (begin,):
        done, _ = await asyncio.wait([begin, *running], return_when=asyncio.FIRST_COMPLETED)
        if done == {begin} and not begin.exception():
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


@contextlib.asynccontextmanager
async def _running(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run jobs side by side; cancel at the end what still runs."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _begin(peer: Peer, topic: OrderedTopic, start: Start) -> None:
    """Bring a client to where the topic is."""
    if start.since is not None:
        await topic.resume(peer, start.since)
    elif start.tail is not None:
        await topic.begin_with_the_last(peer, start.tail)


async def _listen(socket: Socket, peer: Peer, metrics: Metrics) -> None:
    while True:
        event = await socket.receive()
        if event["type"] != "websocket.receive":
            return
        if not peer.may_say_more():
            continue
        text = event.get("text")
        message = (event.get("bytes") or b"") if text is None else text
        if len(message) > MAX_CLIENT_MESSAGE_BYTES:
            # uvicorn has done this by itself; another server may have a larger limit.
            peer.close(CloseCode.TOO_BIG, "message over 64 KiB")
            continue
        reply = answer(message)
        metrics.client_frames.labels(reply.frame).inc()
        if reply.text is not None:
            peer.say(reply.text)
