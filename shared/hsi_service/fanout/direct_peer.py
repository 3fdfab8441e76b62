"""A client after its handshake: one small object, and nothing else.

A `DirectPeer` is the client's transport's protocol, and the hub's peer at once.
"""

import asyncio
import math
from typing import TYPE_CHECKING, Any

from websockets.frames import CloseCode as StandardCode

from hsi.schemas.close_codes import CloseCode
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.connection_handler import ConnectionHandler, KeepAlive
from hsi_service.fanout.descriptors import shared_with, untaken
from hsi_service.fanout.incoming import PING_FRAME, End, Event, Incoming, Ping, Pong, close_frame
from hsi_service.fanout.peer import CHARGED_BYTES, FAREWELL_TIMEOUT, Peer
from hsi_service.fanout.turns import MAX_FRAMES_AT_ONCE, READ_COST, ReadInTurn, Turns

if TYPE_CHECKING:
    import socket

CHARGE_OF_A_PIECE = 0.1
"""What it costs a client to send what completes no frame, in messages."""
MAX_DISCARDED = 64 * 1024
"""Bytes that a client may still send after the end before its connection is left unread."""
MAX_JOINED = 64 * 1024
"""Bytes at most that are joined, and so copied, to be one write to a client which was behind."""


class DirectPeer(Peer, ReadInTurn):
    """A client whose connection is ours.

    While nothing waits, a write is one system call on the socket, which costs less than the
    transport. What the kernel did not take goes to the transport, whose high-water mark is zero:
    so it says at once that it waits; from then on, what comes waits here until the kernel has taken
    the rest. So there is never more than one write in the transport.
    """

    __slots__ = (
        "_alarm",
        "_asked",
        "_blocked",
        "_clear",
        "_connections",
        "_copied",
        "_discarded",
        "_farewell",
        "_handler",
        "_in_flight",
        "_incoming",
        "_is_reading",
        "_keepalive",
        "_sent",
        "_socket",
        "_transport",
        "_turns",
    )

    _transport: asyncio.Transport

    def __init__(self, client: str, handler: ConnectionHandler) -> None:
        """Begin without a connection: what it is sent waits.

        Args:
            client: Its address, for the log.
            handler: Who hears it, and hears when it leaves.

        """
        super().__init__(client)
        self._handler: ConnectionHandler | None = handler
        self._socket: socket.socket | None = None
        """The connection, which is the transport's to close."""
        self._blocked = False
        """The kernel has not taken everything."""
        self._clear = False
        """Nothing waits, nothing is held, and it is not closing: write straight on."""
        self._sent = 0
        """Bytes given to the transport after having waited."""
        self._in_flight: Batch | None = None
        """The batch of which the transport waits to write the rest: it keeps all of it."""
        self._copied = 0
        """Bytes of the joined batches of which the transport waits to write the rest."""
        self._incoming: Incoming | None = None
        """The beginning of a message from the client, if there is one."""
        self._is_reading = False
        """Frames wait to be read when others had their turn."""
        self._discarded = 0
        """Bytes that came after the end."""
        self._farewell: asyncio.TimerHandle | None = None
        self._alarm = math.inf
        """When to ask whether it lives; or, once asked, to give it up."""
        self._asked = False

    def take_over(
        self,
        transport: asyncio.Transport,
        keepalive: KeepAlive,
        turns: Turns,
        connections: set[Any],
        answer: bytes,
    ) -> None:
        """Become the protocol of a connection.

        Args:
            transport: The connection, whose handshake is judged.
            keepalive: How to find out that the client is dead.
            turns: When what it sends is read; the same for all clients of the process.
            connections: The server's, which it shuts down when it ends.
            answer: To the handshake.

        """
        self._keepalive = keepalive
        self._turns = turns
        self._alarm = asyncio.get_running_loop().time() + keepalive.interval
        self._transport = transport
        self._connections = connections
        transport.set_write_buffer_limits(high=0)
        transport.pause_reading()
        transport.set_protocol(self)
        transport.resume_reading()  # Into a buffer.
        connections.add(self)
        self._socket = shared_with(transport)
        if self._queue and self._queued <= MAX_JOINED:
            answer += b"".join([batch.frames for batch in self._take_queue()])
        self._send(answer)
        self._work()

    # What the hub does.

    def write(self, batch: Batch) -> None:
        """Send what many are sent."""
        if self._clear:
            try:
                sent = self._socket.send(batch.frames)  # type: ignore[union-attr]  # it is connected
            except OSError:
                sent = 0
            if sent != batch.size:
                self._write_rest(batch, sent)
        else:
            super().write(batch)

    def _write_rest(self, batch: Batch, sent: int) -> None:
        """Write what the kernel did not take: a view, or each slow client would have a copy."""
        self.account.hold(batch)
        self._in_flight = batch
        self._transport.write(memoryview(batch.frames)[sent:])
        if not self._blocked:
            self._landed()

    def _send(self, data: bytes) -> None:
        """Send while nothing waits: one system call, which costs less than the transport."""
        try:
            sent = self._socket.send(data)  # type: ignore[union-attr]  # it is connected
        except OSError:  # It takes nothing; or it is broken, and the transport will tell.
            sent = 0
        if sent != len(data):
            self._transport.write(data[sent:])

    def close(self, code: CloseCode, reason: str) -> None:
        """Close once everything written so far is sent, or after a while in any case."""
        super().close(code, reason)
        if self.connected:
            self._give_up_later()

    def check(self, now: float) -> None:
        """Close it if it does not answer, is stalled, or has been here for long enough."""
        if now >= self._alarm:
            self._ask(now)
        if self._clear and now < self.expires:
            self._mark = None
        else:
            super().check(now)

    def progress(self) -> int:
        """Return how many bytes the client's machine has taken, by an arbitrary count."""
        # This machine's kernel takes more only once much was taken: on a slow link, seconds later.
        return self._sent - self._in_transport() - self._in_kernel()

    @property
    def connected(self) -> bool:
        """Whether it has a connection."""
        return self._socket is not None

    @property
    def behind(self) -> bool:
        """Whether something that is not held was not taken yet."""
        return self._blocked or bool(self._queue)

    @property
    def unsent(self) -> int:
        """Bytes that wait for it in this process, whether or not they wait for others too."""
        return self._queued + (self._in_transport() if self._blocked else 0)

    @property
    def copied(self) -> int:
        """Bytes that its transport has of its own."""
        if self._in_flight or not self._blocked:
            return 0
        return max(self._copied, self._in_transport())

    def _in_kernel(self) -> int:
        return untaken(self._socket) if self._socket else 0

    def _in_transport(self) -> int:
        return self._transport.get_write_buffer_size() if self.connected else 0

    def _work(self) -> None:
        if self._socket is None:
            return
        if not self._blocked:
            self._landed()
            self._write_on()
        queue = self._queue = self._queue or None
        behind = self.behind
        self._clear = not (behind or self._gone or self.closing) and self._held is None
        if not behind and self._drained:
            self._notify_drained()
        if self.closing and not queue and not self._gone:
            self._end(close_frame(*self.closing), clean=False)

    def _write_on(self) -> None:
        """Write what waits, as far as the kernel takes it."""
        queue = self._queue
        while queue and not self._blocked:
            batches = [queue.popleft()]
            size = batches[0].size
            while queue and size + queue[0].size <= MAX_JOINED:
                batches.append(queue.popleft())
                size += batches[-1].size
            self._queued -= size
            self._sent += size
            if len(batches) == 1:
                (self._in_flight,) = batches
                self._transport.write(self._in_flight.frames)
            else:
                self._copied = size
                for batch in batches:
                    self.account.drop(batch)
                self._transport.write(b"".join(batch.frames for batch in batches))
            if not self._blocked:
                self._landed()

    def _landed(self) -> None:
        """Note that the transport keeps nothing more."""
        self._copied = 0
        if self._in_flight:
            self.account.drop(self._in_flight)
            self._in_flight = None

    # What the transport tells.

    def pause_writing(self) -> None:
        """Record that the kernel did not take everything."""
        self._blocked = True
        self._clear = False

    def resume_writing(self) -> None:
        """Record that the kernel has taken everything."""
        self._blocked = False
        self._work()

    def data_received(self, data: bytes | memoryview) -> None:
        """Take what the client sends; after the end, do not look at it."""
        if self._gone:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED:
                self._transport.pause_reading()
        else:
            if self._incoming is None:
                self._incoming = Incoming(deflates=self.deflates)
            self._incoming.add(data)
            self._turns.spend(READ_COST)
            if self._is_reading:
                return
            if self._turns.is_over:
                self._wait_for_turn()
            elif not self._read():
                self.charge(CHARGE_OF_A_PIECE)

    def _read(self) -> bool:
        """Read some frames, and the rest when others had their turn; return whether any came."""
        incoming = self._incoming
        if incoming is None:
            return False
        began = self._turns.clock()
        answers: list[bytes] = []
        count = 0
        while count < MAX_FRAMES_AT_ONCE:
            event = None if self.closing or self._gone else incoming.read()
            if event is None:
                if self._gone or incoming.whole:
                    self._incoming = None
                break
            count += 1
            if not self.charge(1 + incoming.size // CHARGED_BYTES):
                continue
            if isinstance(event, Ping):
                answers.append(event.answer)
                continue
            if answers:
                self._answer(answers)
            self._take(event)
        else:
            self._wait_for_turn()
        if answers:
            self._answer(answers)
        self._turns.spend_since(began)
        return count > 0

    def _answer(self, answers: list[bytes]) -> None:
        """Answer pings, with one write, unless the client does not read what it is sent already."""
        if not (self.behind or self._gone):
            self._transport.write(b"".join(answers))
        answers.clear()

    def _take(self, event: Event) -> None:
        match event:
            case str() | bytes():
                if self._handler:
                    self._handler.hear(self, event)
            case Pong():
                self._asked = False
                self._alarm = asyncio.get_running_loop().time() + self._keepalive.interval
            case End(answer, clean):
                self._end(answer, clean=clean)

    def eof_received(self) -> None:
        """Record that the client sends nothing more: the transport closes by itself."""
        self._forget()
        self._give_up_later()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (leaving is no fault)
        """Forget the client."""
        self._forget()
        if self._socket:
            self._socket.detach()
            self._socket = None
        self._connections.discard(self)
        if self._farewell:
            self._farewell.cancel()
        if self._handler:
            asyncio.get_running_loop().call_soon(self._handler.gone, self)
            self._handler = None

    def shutdown(self) -> None:
        """Close, as the server ends."""
        if self._gone:
            self._transport.close()
            self._give_up_later()
        else:
            self._end(close_frame(CloseCode.RESTART, "restart: come back"), clean=True)

    # How it ends.

    def _ask(self, now: float) -> None:
        """Ask whether it lives; give it up if it did not answer the last time."""
        if self._asked:
            self._end(close_frame(StandardCode.INTERNAL_ERROR, "no answer to a ping"), clean=True)
        else:
            self._asked = True
            self._alarm = now + self._keepalive.timeout
            self._transport.write(PING_FRAME)

    def _end(self, answer: bytes, *, clean: bool) -> None:
        """Close the connection.

        Args:
            answer: The close frame to send, if none was.
            clean: Nothing more is expected from the client. Else it may be in the middle of
                something: to close at once would make its kernel throw away what it was told.
                Our end of the connection is shut, so the client closes its own.

        """
        self._forget()
        self._transport.write(answer)
        if clean:
            self._transport.close()
        else:
            self._transport.write_eof()
        self._give_up_later()

    def _forget(self) -> None:
        """Send nothing more, and have everybody forget the client."""
        if not self._gone and self._handler:
            # Deferred, because a caller may be iterating over the topic's clients.
            asyncio.get_running_loop().call_soon(self._handler.leave, self)
        self._gone = True
        self._clear = self._blocked = False
        self.drop_all()
        self._landed()
        self._notify_drained()

    def _give_up_later(self) -> None:
        """End the connection after a while: its last byte may wait for ever to be taken."""
        if self._farewell is None:
            self._farewell = asyncio.get_running_loop().call_later(
                FAREWELL_TIMEOUT, self._transport.abort
            )
