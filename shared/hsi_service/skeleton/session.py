"""One client's connection, from handshake to close: the same for every service."""

import asyncio
import contextlib
import math
import random
from abc import abstractmethod
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, NamedTuple, Self

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from hsi.schemas.close_codes import CloseCode
from hsi_service.door.access import Handshake
from hsi_service.door.door import Admission, Refusal
from hsi_service.door.limits import Bucket, NoRoomError
from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES, ClientFrame, reply_to
from hsi_service.fanout.connection_handler import ConnectionHandler
from hsi_service.fanout.peer import CHARGED_BYTES, AsgiPeer, Peer
from hsi_service.fanout.replay import begin_with_the_last, resume, resume_at_once
from hsi_service.fanout.topic import OrderedTopic, Topic
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.whole_numbers import whole_number

Socket = WebSocket[Any, Any, Any]

SUBSCRIBE_TIMEOUT = 2.0
"""Seconds that a handshake waits until the channel is heard.

So a client that is connected hears everything published from then on. Without Redis it is accepted
all the same, and hears when Redis is back.
"""
MAX_TAIL = 1000
"""Messages that `?tail` may ask for."""


class Session(ConnectionHandler):
    """One client's time here: what it listens to, and what it gives back when it leaves.

    Each service has its own kind. The peer holds its session, and not the other way round, so both
    are freed as soon as the client has left.
    """

    __slots__ = ("_beginning", "admission", "service", "topics")

    def __init__(self, service: Service) -> None:
        """Begin before the handshake is answered; `prepare` does the rest.

        Args:
            service: The replica.

        """
        self.service = service
        self.admission: Admission | None = None
        """The client's place, once the door has admitted it."""
        self.topics: Sequence[Topic] = ()
        """What it listens to, from `enter` on."""
        self._beginning: asyncio.Task[None] | None = None

    # What each kind of session decides.

    @abstractmethod
    def enter(self, peer: Peer) -> None:
        """Take the client in: set `topics`.

        Raises:
            ValueError: It asks for something that makes no sense; the text says why.
            NoRoomError: It asks for something of which there is too much already.

        """

    def is_ready(self) -> bool:
        """Return whether a client that joins now hears every later message."""
        return all(topic.is_ready() for topic in self.topics)

    async def ready(self) -> None:
        """Wait until a client that joins hears every later message."""
        for topic in tuple(self.topics):
            await topic.ready()

    def join(self, peer: Peer) -> None:
        """Let the client join where it can before its handshake is answered."""

    @abstractmethod
    def begin(self, peer: Peer) -> Coroutine[Any, Any, None] | None:
        """Let the connected client hear what it came for.

        Returns:
            The part that takes longer, if there is one.

        """

    # What the connection tells.

    def hear(self, peer: Peer, message: str | bytes) -> None:
        """Reply to a message from the client."""
        peer.heard_at = asyncio.get_running_loop().time()
        if len(message) > MAX_CLIENT_MESSAGE_BYTES:
            # uvicorn closes by itself; another server may have a larger limit.
            peer.close(CloseCode.TOO_BIG, "message over 64 KiB")
            return
        reply = reply_to(message)
        self.service.metrics.client_frames.labels(reply.frame).inc()
        if reply.frame is ClientFrame.PING:
            peer.send_batches(self.topics[0].pong(peer))
        elif reply.text is not None:
            peer.send(reply.text)

    def leave(self, peer: Peer) -> None:
        """Forget the client."""
        self.service.hub.leave(peer, *self.topics)
        if peer.closing:
            self.service.metrics.closes.labels(str(int(peer.closing[0]))).inc()
        if self._beginning:
            self._beginning.cancel()

    def gone(self, peer: Peer) -> None:  # noqa: ARG002 (each client has a session of its own)
        """Give the client's place back: one that is being closed has it until then."""
        if self.admission:
            self.admission.release()

    def begin_in_background(self, peer: Peer) -> None:
        """Let the client hear what it came for, while it listens already."""
        beginning = self.begin(peer)
        if beginning is None:
            return

        def ended(task: asyncio.Task[None]) -> None:
            self._beginning = None
            if not task.cancelled() and task.exception():
                peer.close(CloseCode.RESTART, "internal error: come back")

        self._beginning = self.service.supervisor.spawn("session", beginning)
        self._beginning.add_done_callback(ended)


class StartAt(NamedTuple):
    """Where a client wants to begin: after a cursor, with the last messages, or just now."""

    since: str | None = None
    """The cursor, as the client sent it."""
    tail: int | None = None
    """How many of the last messages."""

    @classmethod
    def parse(cls, since: str | None, tail: str | None) -> Self:
        """Read the query parameters.

        Raises:
            ValueError: They make no sense; its text says why.

        """
        if tail is None or since is not None:
            return cls(since=since)
        return cls(tail=whole_number("tail", tail, most=MAX_TAIL))


NOW = StartAt()


class OrderedSession(Session):
    """A client of one channel with a history."""

    __slots__ = ("_query", "_start")

    def __init__(self, service: Service, *, since: str | None, tail: str | None) -> None:
        """Begin before the handshake is answered.

        Args:
            service: The replica.
            since: Go on after the message with this cursor.
            tail: Begin with this many of the last messages.

        """
        super().__init__(service)
        self._query: tuple[str | None, str | None] = since, tail
        self._start = NOW

    @abstractmethod
    def listen(self, peer: Peer) -> OrderedTopic:
        """Return the topic that the client listens to, with the client in it.

        Raises:
            ValueError: The client asks for something that makes no sense; the text says why.
            NoRoomError: It asks for something of which there is too much already.

        """

    def enter(self, peer: Peer) -> None:
        """Take the client in, where it wants to begin."""
        start = StartAt.parse(*self._query)
        self.topics = (self.listen(peer),)
        if start != NOW:
            self._start = start

    @property
    def topic(self) -> OrderedTopic:
        """What it listens to."""
        (topic,) = self.topics
        assert isinstance(topic, OrderedTopic)  # noqa: S101 (`enter` has set it)
        return topic

    def join(self, peer: Peer) -> None:
        """Let a client join that begins now: it hears what is published during its handshake."""
        if self._start is NOW:
            self.topic.join(peer)

    def begin(self, peer: Peer) -> Coroutine[Any, Any, None] | None:
        """Bring the client to where the topic is."""
        topic = self.topic
        if self._start.since is not None:
            since = self._start.since
            return None if resume_at_once(topic, peer, since) else resume(topic, peer, since)
        if self._start.tail is not None:
            return begin_with_the_last(topic, peer, self._start.tail)
        if peer not in topic.peers:
            topic.join(peer)  # Redis is away, and the handshake did not wait for it.
        peer.release()
        return None


def prepare(session: Session, peer: Peer, admission: Admission) -> None:
    """Give a client that was admitted its limits, and take it in.

    Raises:
        ValueError: It asks for something that makes no sense; the text says why. The session has to
            `leave` all the same.
        NoRoomError: It asks for something of which there is too much already; the same.

    """
    service = session.service
    session.admission = admission
    peer.who = admission.who
    peer.inbound = Bucket(service.door.message_rate)
    if age := service.settings.max_connection_age:
        # Not all at once, after a restart at which all came at once.
        peer.expires = asyncio.get_running_loop().time() + age * random.uniform(0.8, 1)  # noqa: S311
    session.enter(peer)


async def wait_until_ready(session: Session, peer: Peer) -> None:
    """Wait for what the client listens to, but not for longer than a handshake may take."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
            if not session.is_ready():
                await session.ready()
            session.join(peer)


async def serve_client(socket: Socket, session: Session) -> None:
    """Let a client of any ASGI server listen until either side closes.

    Our own server answers handshakes without ASGI (`upgrader.py`).

    Args:
        socket: The client, before its handshake is answered.
        session: The service's kind of session. Its door decides whether the client gets in.

    """
    service = session.service
    with contextlib.suppress(WebSocketDisconnect, OSError):  # It left, and that is all right.
        admission = service.door.examine(
            _handshake(socket),
            _host(socket),
            forwarded_for=socket.headers.get("x-forwarded-for", ""),
        )
        if isinstance(admission, Refusal):
            await _refuse(socket, admission)
            return
        peer = AsgiPeer(_address(socket), socket.send)
        with contextlib.ExitStack() as leaving:
            leaving.callback(session.gone, peer)
            leaving.callback(session.leave, peer)
            try:
                prepare(session, peer, admission)
            except NoRoomError as error:
                await _refuse(socket, service.door.turn_away(error.excess, _host(socket)))
                return
            except ValueError as error:
                service.metrics.refusals.labels("400").inc()
                await _refuse(socket, Refusal(str(error), 400))
                return
            await wait_until_ready(session, peer)
            await socket.accept(admission.subprotocol)
            await _converse(socket, peer, session)


def _handshake(socket: Socket) -> Handshake:
    headers = socket.headers
    return Handshake(
        query=socket.scope["query_string"],
        subprotocols=socket.scope.get("subprotocols") or (),
        origins=headers.getall("origin", []),
        host=", ".join(headers.getall("host", [])),
        cookies=headers.getall("cookie", []),
        server=socket.scope.get("server"),
    )


async def _refuse(socket: Socket, refusal: Refusal) -> None:
    """FinalResponse a handshake with an HTTP status, or with a close.

    A server without the ASGI extension for the former answers 403.
    """
    if refusal.code is not None:
        await socket.accept(refusal.subprotocol)
        await socket.close(refusal.code, refusal.reason)
        return
    await socket.receive()
    if "websocket.http.response" not in (socket.scope.get("extensions") or {}):
        code = CloseCode.RESTART
        await socket.send({"type": "websocket.close", "code": code, "reason": refusal.reason})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(refusal.retry_after)).encode()))
    await socket.send(
        {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers}
    )
    body = refusal.reason.encode()
    await socket.send({"type": "websocket.http.response.body", "body": body, "more_body": False})


def _host(socket: Socket) -> str | None:
    return socket.client.host if socket.client else None


def _address(socket: Socket) -> str:
    return ":".join(map(str, socket.scope.get("client") or ("unknown",)))


async def _converse(socket: Socket, peer: AsgiPeer, session: Session) -> None:
    """Send what the client came for and reply to its messages, until either side ends."""
    session.begin_in_background(peer)
    async with running(peer.run(), _listen(socket, peer, session)) as tasks:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


@contextlib.asynccontextmanager
async def running(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run jobs side by side; cancel at the end what still runs."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(socket: Socket, peer: Peer, session: Session) -> None:
    while True:
        event = await socket.receive()
        if event["type"] != "websocket.receive":
            return
        text = event.get("text")
        message = (event.get("bytes") or b"") if text is None else text
        if peer.charge(1 + len(message) // CHARGED_BYTES):
            session.hear(peer, message)
