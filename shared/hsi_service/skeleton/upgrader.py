"""Handshakes under our own server, past ASGI: from a request to a client of the hub, in one go.

uvicorn, Litestar and the websockets library take half a millisecond for a handshake, and hold 25 KB
for its connection. Here it is judged by the same door, served by the same session, and handed to a
`DirectPeer`; where everything is known already, without a task.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from hsi_service.door.access import Handshake
from hsi_service.door.compression import accepted
from hsi_service.door.door import Refusal
from hsi_service.door.handshake import FinalResponse, UpgradeRequest, switching
from hsi_service.door.limits import NoRoomError
from hsi_service.door.proxies import Proxies
from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES
from hsi_service.fanout.connection_handler import KeepAlive
from hsi_service.fanout.deflating_peer import DeflatingPeer
from hsi_service.fanout.direct_peer import DirectPeer
from hsi_service.fanout.incoming import close_frame
from hsi_service.fanout.turns import FRAMES, Turns
from hsi_service.skeleton.connection import Connection
from hsi_service.skeleton.reserve import Reserve
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import Session, prepare, wait_until_ready
from hsi_service.skeleton.streams import Streams

MAX_EARLY = 2 * MAX_CLIENT_MESSAGE_BYTES
"""Bytes that are kept for a client whose handshake is not answered. It should send none."""
MAX_PONG_TIMEOUT = 20.0
"""Seconds, at most, that a client may take to answer a protocol ping; else the heartbeat's."""
_FAULT = Refusal("internal error: come back", 500)
_FULL = Refusal("this replica has no descriptor for another client: come back", 503, 10)
_NOT_FOUND = Refusal("there is no WebSocket of this path", 404)


class Handover(NamedTuple):
    """A handshake that is about to be answered."""

    connection: Connection
    peer: DirectPeer
    session: Session
    answer: bytes


class Upgrader:
    """Lets clients of one server in: makes them clients of its hub."""

    def __init__(
        self, service: Service, streams: Streams, proxies: Proxies, reserve: Reserve
    ) -> None:
        """Begin.

        Args:
            service: The replica.
            streams: Its WebSocket routes.
            proxies: Whose word on their clients is believed.
            reserve: The descriptors that are not for clients.

        """
        self._reserve = reserve
        self._service = service
        self._streams = streams
        self._proxies = proxies
        interval = service.settings.heartbeat_interval
        self._keepalive = KeepAlive(interval, min(MAX_PONG_TIMEOUT, interval))
        self._turns = Turns(FRAMES)

    def upgrade(self, connection: Connection, request: UpgradeRequest, rest: bytes) -> None:
        """Let a client in, or tell it why not."""
        service = self._service
        session = self._streams.session(request.path, request.query)
        if session is None:
            service.metrics.refusals.labels("404").inc()
            _refuse(connection, request, _NOT_FOUND)
            return
        if self._reserve.has(connection.transport):
            service.metrics.refusals.labels("503").inc()
            _refuse(connection, request, _FULL, at_once=True)
            return
        client = self._proxies.client_of(connection.peer, request.headers)
        door = service.door
        server = None
        if door.access.is_private:
            server = connection.transport.get_extra_info("sockname")
        admission = door.examine(
            _handshake(request, server),
            client.host,
            forwarded_for=request.text(b"x-forwarded-for"),
        )
        if isinstance(admission, Refusal):
            _refuse(connection, request, admission)
            return
        extensions = self._extensions(request)
        peer = (DeflatingPeer if extensions else DirectPeer)(str(client), session)
        try:
            prepare(session, peer, admission)
            answer = switching(request.key, admission.subprotocol, extensions)
            handover = Handover(connection, peer, session, answer)
            if session.is_ready():
                session.join(peer)
                self._hand_over(handover, rest)
            else:
                PendingHandshake(handover, rest, self._hand_over)
        except NoRoomError as error:
            _turn_away(session, peer)
            refusal = door.turn_away(error.excess, client.host)
            _refuse(connection, request, refusal)
        except ValueError as error:
            _turn_away(session, peer)
            service.metrics.refusals.labels("400").inc()
            _refuse(connection, request, Refusal(str(error), 400))
        except Exception as error:  # noqa: BLE001 (a fault here must not keep the client's place)
            _turn_away(session, peer)
            service.supervisor.went_on(error)
            _refuse(connection, request, _FAULT)

    def _extensions(self, request: UpgradeRequest) -> bytes | None:
        """Return what is answered to the extensions that a client offers."""
        offers = request.headers.get(b"sec-websocket-extensions")
        if offers is None or not self._service.settings.compression:
            return None
        return accepted(offers)

    def _hand_over(self, handover: Handover, early: bytes) -> None:
        connection, peer, session, answer = handover
        # First, so that what it is sent at once goes with the answer.
        session.begin_in_background(peer)
        peer.take_over(
            connection.transport, self._keepalive, self._turns, connection.connections, answer
        )
        if early:
            peer.data_received(early)


def _turn_away(session: Session, peer: DirectPeer) -> None:
    """Forget a client that is not let in, and give its place back."""
    session.leave(peer)
    session.gone(peer)


def _refuse(
    connection: Connection, request: UpgradeRequest, refusal: Refusal, *, at_once: bool = False
) -> None:
    if refusal.code is not None:
        answer = switching(request.key, refusal.subprotocol)
        answer += close_frame(refusal.code, refusal.reason)
    else:
        soon = refusal.retry_after
        headers = {} if soon is None else {"Retry-After": str(math.ceil(soon))}
        answer = FinalResponse(refusal.status, refusal.reason, headers).serialize(as_text=True)
    connection.close_with(answer, at_once=at_once)


def _handshake(request: UpgradeRequest, server: Any) -> Handshake:
    """Return what the door wants to know; a header that came twice is joined, which it refuses."""
    headers = request.headers
    return Handshake(
        query=request.query,
        subprotocols=request.subprotocols(),
        origins=(request.text(b"origin"),) if b"origin" in headers else (),
        host=request.text(b"host"),
        cookies=(request.text(b"cookie"),) if b"cookie" in headers else (),
        server=server,
    )


class PendingHandshake(asyncio.Protocol):
    """A client that is let in once what it listens to is heard."""

    __slots__ = ("_early", "_handover", "_task")

    def __init__(
        self, handover: Handover, early: bytes, hand_over: Callable[[Handover, bytes], None]
    ) -> None:
        self._handover = handover
        self._early = early
        connection = handover.connection
        connection.connections.add(self)
        connection.transport.set_protocol(self)
        self._task = handover.session.service.supervisor.spawn("handshake", self._wait(hand_over))

    async def _wait(self, hand_over: Callable[[Handover, bytes], None]) -> None:
        connection, peer, session, _ = self._handover
        try:
            await wait_until_ready(session, peer)
            connection.connections.discard(self)
            if connection.transport.is_closing():
                raise ConnectionError("the client has left")
            connection.transport.resume_reading()
            hand_over(self._handover, self._early)
        finally:
            connection.connections.discard(self)
            if not peer.connected:
                _turn_away(session, peer)
                connection.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Keep what comes for the peer."""
        self._early += data
        if len(self._early) > MAX_EARLY:
            self._handover.connection.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (leaving is no fault)
        """Forget the client."""
        self._task.cancel()

    def shutdown(self) -> None:
        """Close, as the server ends."""
        self._task.cancel()
