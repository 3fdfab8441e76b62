"""One client's connection, from handshake to close: the same for every service."""

import asyncio
import contextlib
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Self

from litestar import WebSocket
from litestar.connection.base import empty_receive, empty_send
from litestar.exceptions import WebSocketDisconnect

from hsi.schemas.close_codes import CloseCode
from hsi_service.door.door import Admission, refuse
from hsi_service.door.limits import Bucket
from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES, reply_to
from hsi_service.fanout.direct_peer import ConnectionHandler, DirectPeer
from hsi_service.fanout.hub import Hub
from hsi_service.fanout.ordered_topic import OrderedTopic
from hsi_service.fanout.peer import AsgiPeer, Peer
from hsi_service.fanout.takeover import EXTENSION, TakeoverProtocol
from hsi_service.fanout.topic import Topic
from hsi_service.skeleton.service import Service

logger = logging.getLogger(__name__)

Socket = WebSocket[Any, Any, Any]

SUBSCRIBE_TIMEOUT = 2.0
"""Seconds that a handshake waits until the channel is heard.

So whoever is connected hears what is published from then on. Without Redis the client is accepted
all the same, and hears when Redis is back.
"""
MAX_TAIL = 1000
"""Messages that `?tail` may ask for."""


class StartAt(NamedTuple):
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


class Visit(ABC):
    """What one client came for; each service has its own kind."""

    topics: Sequence[Topic]
    """What it listens to, from when it is made until it is over."""

    async def ready(self) -> None:
        """Wait until the client will hear everything from then on."""
        for topic in self.topics:
            await topic.ready()

    @abstractmethod
    def begin(self) -> Coroutine[Any, Any, None] | None:
        """Let the client hear what it came for, once it is connected.

        Returns:
            What takes longer, if anything does.

        """


class OrderedVisit(Visit):
    """A client that came for a channel with a history."""

    def __init__(self, peer: Peer, topic: OrderedTopic, start: StartAt) -> None:
        self.topics = [topic]
        self._peer = peer
        self._topic = topic
        self._start = start

    async def ready(self) -> None:
        """Wait until the channel is heard; who begins just now, hears it from here on."""
        await super().ready()
        if self._start == StartAt():
            self._topic.join(self._peer)

    def begin(self) -> Coroutine[Any, Any, None] | None:
        """Bring the client to where the topic is."""
        if self._start.since is not None:
            return self._topic.resume(self._peer, self._start.since)
        if self._start.tail is not None:
            return self._topic.begin_with_the_last(self._peer, self._start.tail)
        self._topic.join(self._peer)
        self._peer.release()
        return None


Receive = Callable[[Peer], Visit]
"""Takes a client in. Raises ValueError if it asks for what makes no sense; its text says why."""


class Stay(ConnectionHandler):
    """A client's time here: who hears it, and what is given back when it leaves."""

    __slots__ = ("_admission", "_beginning", "_hub", "topics")

    def __init__(self, hub: Hub, admission: Admission) -> None:
        self._hub = hub
        self._admission = admission
        self._beginning: asyncio.Task[None] | None = None
        self.topics: Sequence[Topic] = ()

    def hear(self, peer: Peer, message: str | bytes) -> None:
        """Reply a message from the client, unless it says too much."""
        if not peer.may_send_more():
            return
        if len(message) > MAX_CLIENT_MESSAGE_BYTES:
            # uvicorn has done this by itself; another server may have a larger limit.
            peer.close(CloseCode.TOO_BIG, "message over 64 KiB")
            return
        reply = reply_to(message)
        self._hub.metrics.client_frames.labels(reply.frame).inc()
        if reply.text is not None:
            peer.send(reply.text)

    def leave(self, peer: Peer) -> None:
        """Forget the client, and give its place back."""
        self._hub.leave(peer, *self.topics)
        if peer.closing:
            self._hub.metrics.closes.labels(str(int(peer.closing[0]))).inc()
        if self._beginning:
            self._beginning.cancel()
        self._admission.release()

    def begin(self, peer: Peer, beginning: Coroutine[Any, Any, None]) -> None:
        """Let what the client came for begin, while it listens already."""

        def begun(task: asyncio.Task[None]) -> None:
            self._beginning = None
            if not task.cancelled() and (error := task.exception()):
                logger.error("a client's visit failed", exc_info=error)
                peer.close(CloseCode.RESTART, "a fault of ours: come back")

        self._beginning = asyncio.create_task(beginning)
        self._beginning.add_done_callback(begun)


async def serve_client(socket: Socket, service: Service, receive: Receive) -> None:
    """Let a client listen until either side closes; return once it needs nobody for that.

    Args:
        socket: The client, before its handshake is answered.
        service: The replica. Its door decides whether the client gets in.
        receive: What it came for.

    """
    admission = await service.door.admit(socket)
    if admission is None:
        return
    stay = Stay(service.hub, admission)
    peer = connect(socket, stay)
    handed_over = False
    try:
        handed_over = await _serve(socket, service, receive, peer, stay, admission.subprotocol)
    except (WebSocketDisconnect, OSError):
        pass  # It left. How clients leave is nobody's trouble.
    finally:
        if not handed_over:
            stay.leave(peer)


async def _serve(  # noqa: PLR0917 (all of it is this client's)
    socket: Socket,
    service: Service,
    receive: Receive,
    peer: Peer,
    stay: Stay,
    protocol: str | None,
) -> bool:
    """Let a client listen that was let in; tell whether its connection was handed over."""
    peer.inbound = Bucket(service.door.message_rate)
    if age := service.settings.max_connection_age:
        # Not all at once, after a restart at which all came at once.
        peer.expires = asyncio.get_running_loop().time() + age * random.uniform(0.8, 1)  # noqa: S311
    try:
        visit = receive(peer)
    except ValueError as error:
        service.hub.metrics.refusals.labels("400").inc()
        await refuse(socket, 400, str(error))
        return False
    stay.topics = tuple(visit.topics)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
            await visit.ready()
    await socket.accept(protocol)
    if isinstance(peer, DirectPeer):
        hand_over(socket, peer)
        if beginning := visit.begin():
            stay.begin(peer, beginning)
        return True
    if isinstance(peer, AsgiPeer):
        await _converse(socket, peer, visit, stay)
    return False


def connect(socket: Socket, handler: ConnectionHandler) -> Peer:
    """Return the hub's side of a connection: past ASGI where the server has our extension."""
    address = ":".join(map(str, socket.scope.get("client") or ("unknown",)))
    if _takeover_of(socket):
        return DirectPeer(address, handler)
    return AsgiPeer(address, socket.send)


def hand_over(socket: Socket, peer: DirectPeer) -> None:
    """Give an accepted connection to its peer, and let go of all else.

    Raises:
        ConnectionError: The client has left.

    """
    if wire := _takeover_of(socket):
        wire.hand_over(peer)
    # Litestar's two refer to the socket, which is a cycle.
    socket.receive, socket.send = empty_receive, empty_send


def _takeover_of(socket: Socket) -> TakeoverProtocol | None:
    extension: Any = (socket.scope.get("extensions") or {}).get(EXTENSION)
    return extension["protocol"] if extension else None


async def _converse(socket: Socket, peer: AsgiPeer, visit: Visit, stay: Stay) -> None:
    """Send what it came for and answer what the client says, until one of them ends."""
    ends = [peer.run(), _listen(socket, peer, stay)]
    beginning = visit.begin()
    async with _running(*ends) as running, _running(*filter(None, [beginning])) as begun:
        done, _ = await asyncio.wait([*begun, *running], return_when=asyncio.FIRST_COMPLETED)
        if done == set(begun) and not begun[0].exception():
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


async def _listen(socket: Socket, peer: Peer, stay: Stay) -> None:
    while True:
        event = await socket.receive()
        if event["type"] != "websocket.receive":
            return
        text = event.get("text")
        stay.hear(peer, (event.get("bytes") or b"") if text is None else text)
