"""One connected client, as the hub sees it: something to write to, that never makes it wait.

`Peer` has the rules, and what is behind has the wire: `AsgiPeer` any ASGI server, `DirectPeer`
(`direct_peer.py`) a connection that it has taken over from a uvicorn that we run, `SsePeer`
(`sse_peer.py`) an answer over HTTP that does not end.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from litestar.types import Message, Send

from hsi.schemas.close_codes import CloseCode
from hsi_service.door.limits import Bucket, Rate
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.memory import Account, Memory

if TYPE_CHECKING:
    from hsi_service.door.keys import Identity

MAX_UNSENT = 8 * 1024 * 1024
"""Bytes that may wait for a client before it is closed as too slow."""
MAX_STALLED = 1024 * 1024
"""Bytes that may wait for a client that takes nothing for `STALL_PATIENCE`."""
STALL_PATIENCE = 5.0
"""Seconds. A client that is replayed something has asked for it: it may not let a byte wait longer
without taking one."""
FAREWELL_TIMEOUT = 5.0
"""Seconds to tell a client that reads nothing why it is closed."""
CHARGED_BYTES = 1024
"""Bytes from a client that cost it as much as a message."""
_UNLIMITED = Bucket(Rate.per_minute(0))
_NOBODY = Account(Memory())
"""Of clients that no hub has taken in."""


class Peer(ABC):
    """A client: what waits for it, within bounds, and whether it is being closed.

    Everything that goes to the client goes through here. So frames keep their order, and what was
    written before `close` is sent before the close frame. A peer begins held.
    """

    __slots__ = (
        "_drained",
        "_gone",
        "_held",
        "_mark",
        "_queue",
        "_queued",
        "account",
        "client",
        "closing",
        "expires",
        "heard_at",
        "inbound",
        "who",
    )

    deflates: ClassVar[bool] = False
    """Whether messages to it, and from it, may be deflated."""

    def __init__(self, client: str) -> None:
        """Begin held: a client can be written to before its handshake is answered.

        Args:
            client: Its address, for the log.

        """
        self.client = client
        self.account = _NOBODY
        """What waits for the clients of its address; the hub sets its own."""
        self.closing: tuple[CloseCode, str] | None = None
        """Why this side closes, or None while it does not."""
        self.expires = math.inf
        """When it is to be closed for its age, by the event loop's clock."""
        self.heard_at = asyncio.get_running_loop().time()
        """When it last said something, by the event loop's clock."""
        self.inbound = _UNLIMITED
        """How much it may still say; a service sets its own."""
        self.who: Identity | None = None
        """Who it is; one object for all clients of a key. None: nobody was asked."""
        self._queue: deque[Batch] | None = None
        """What waits, if anything does: most clients wait for nothing, and a deque is large."""
        self._held: list[Batch] | None = []
        self._queued = 0
        """Bytes in both."""
        self._gone = False
        """The connection has ended."""
        self._drained: asyncio.Event | None = None
        self._mark: tuple[int, float] | None = None
        """While too much waits: how far the client has come, and since when no further."""

    # What the hub does.

    def write(self, batch: Batch) -> None:
        """Send what many are sent; do nothing once it is closing or gone."""
        self._append(batch, held=self.held)
        self._begin_work()

    def _begin_work(self) -> None:
        if self._queued > MAX_UNSENT:
            self.give_up("over 8 MiB wait for it")
        else:
            self._work()

    def _append(self, batch: Batch, *, held: bool) -> None:
        if self.closing or self._gone:
            return
        if self._held is not None and held:
            queue: deque[Batch] | list[Batch] = self._held
        else:
            queue = self._queue = deque() if self._queue is None else self._queue
        if batch.replaces is not None:
            self._drop_replaced(queue, batch.replaces)
        queue.append(batch)
        self.account.hold(batch)
        self._queued += batch.size

    def _drop_replaced(self, queue: deque[Batch] | list[Batch], kind: str) -> None:
        kept = [batch for batch in queue if batch.replaces != kind]
        if len(kept) < len(queue):
            for batch in queue:
                if batch.replaces == kind:
                    self._queued -= batch.size
                    self.account.drop(batch)
            queue.clear()
            queue.extend(kept)

    def _take_queue(self) -> list[Batch]:
        """Take out what waits and is not held: it is sent now."""
        taken, self._queue = list(self._queue or ()), None
        for batch in taken:
            self._queued -= batch.size
            self.account.drop(batch)
        return taken

    def drop_all(self) -> None:
        """Let go of everything that waits."""
        for queue in (self._queue, self._held):
            for batch in queue or ():
                self.account.drop(batch)
        self._queue = self._held = None
        self._queued = 0

    def send(self, *texts: str) -> None:
        """Send texts that are for this client alone, before what is held."""
        self.send_batches(Batch(texts))

    def send_batches(self, *batches: Batch) -> None:
        """Send what this client asked for, and others may have too, before what is held."""
        for batch in batches:
            self._append(batch, held=False)
        self._begin_work()

    def release(self) -> None:
        """Let what was held go its way."""
        held, self._held = self._held, None
        if self.closing or self._gone:
            return
        if held:
            if self._queue is None:
                self._queue = deque()
            self._queue.extend(held)
        self._work()

    @property
    def held(self) -> bool:
        """Whether what it is sent waits for `release`."""
        return self._held is not None

    async def drained(self) -> None:
        """Wait until everything that is not held was sent, or it is closing."""
        while self.behind and not self.closing:
            if self._drained is None:
                self._drained = asyncio.Event()
            await self._drained.wait()

    def close(self, code: CloseCode, reason: str) -> None:
        """Close once everything written so far is sent; only the first call counts."""
        if not self.closing:
            self.closing = code, reason
            for batch in self._held or ():
                self._queued -= batch.size
                self.account.drop(batch)
            self._held = None
            self._notify_drained()
            self._work()

    def charge(self, tokens: float = 1) -> bool:
        """Charge the client for what it sends; close it if it sends too much.

        Args:
            tokens: One for a frame, and one for each KiB of it.

        Returns:
            Whether it has paid, so that what it sent is looked at.

        """
        if self.closing or self._gone:
            return False
        if self.inbound.take(asyncio.get_running_loop().time(), tokens):
            return True
        self.close(CloseCode.TOO_FAST, "too many messages: come back, and send less")
        return False

    def check(self, now: float) -> None:
        """Close it if it is stalled, or has been here for long enough; called every second or so.

        Args:
            now: The event loop's time.

        """
        if now >= self.expires:
            self.close(CloseCode.RESTART, "connected for long enough: come back, to any replica")
        # What is held waits for this side, and not for the client.
        if not (self.behind and (self.held or self.unsent > MAX_STALLED)):
            self._mark = None
            return
        taken = self.progress()
        if self._mark is None or taken > self._mark[0]:
            self._mark = taken, now
        elif now - self._mark[1] >= STALL_PATIENCE and not self.closing:
            much = "what it asked for" if self.held else "over 1 MiB"
            self.give_up(f"{much} waits for it, and it takes nothing")

    def give_up(self, why: str) -> None:
        """Drop what waits for it, and close it, to resume later."""
        self.account.log.warning(
            "a client is too slow; it may come back and resume",
            why=why,
            client=self.client,
            key=self.who.name if self.who else None,
            unsent=self.unsent,
        )
        self.drop_all()
        self.close(CloseCode.TOO_SLOW, "too slow: come back and resume")

    def _notify_drained(self) -> None:
        if self._drained:
            self._drained.set()
            self._drained = None

    # What is different behind it.

    @property
    def behind(self) -> bool:
        """Whether something that is not held was not taken yet."""
        return bool(self._queue)

    @property
    def unsent(self) -> int:
        """Bytes that wait for it in this process, whether or not they wait for others too."""
        return self._queued

    @property
    def copied(self) -> int:
        """Bytes that wait for it alone, beside its batches."""
        return 0

    @abstractmethod
    def progress(self) -> int:
        """Return a number that grows whenever the client has taken something."""

    @abstractmethod
    def _work(self) -> None:
        """Take note that something was queued, or that it is closing."""


class AsgiPeer(Peer):
    """A client behind any ASGI server: one task sends what waits for it."""

    __slots__ = ("_patience", "_send", "_sent", "_wake")

    def __init__(self, client: str, send: Send) -> None:
        super().__init__(client)
        self._send = send
        self._sent = 0
        self._wake = asyncio.Event()
        self._patience: asyncio.Timeout | None = None

    def progress(self) -> int:
        """Return how many frames the server has taken."""
        return self._sent

    def _work(self) -> None:
        self._wake.set()
        if self.closing and self.closing[0] is CloseCode.TOO_SLOW and self._patience:
            # The sender waits for a client that does not read: interrupt it.
            self._patience.reschedule(0)

    async def run(self) -> None:
        """Send what is written, until it is closed; to be run while the client is connected.

        Raises:
            OSError: The client is gone.

        """
        try:
            async with asyncio.timeout(None) as self._patience:
                code, reason = await self._send_batches()
        except TimeoutError:
            if not self.closing:
                raise
            code, reason = self.closing
        async with asyncio.timeout(FAREWELL_TIMEOUT):
            await self._say_farewell(code, reason)

    async def _say_farewell(self, code: CloseCode, reason: str) -> None:
        await self._transmit({"type": "websocket.close", "code": code, "reason": reason})

    def _messages_of(self, batch: Batch) -> Iterator[Message]:
        """Yield what a batch is to the server."""
        for text in batch.texts:
            yield {"type": "websocket.send", "text": text, "bytes": None}

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send(message)
        except RuntimeError as error:
            # A server that has closed the connection by itself (a client that answered no ping, or
            # broke the protocol) and has not told us yet.
            raise ConnectionError("the connection is closed already") from error

    async def _send_batches(self) -> tuple[CloseCode, str]:
        while True:
            while self._queue:
                batch = self._queue[0]
                for message in self._messages_of(batch):
                    await self._transmit(message)
                    self._sent += 1
                if self._queue and self._queue[0] is batch:
                    self._queue.popleft()
                    self._queued -= batch.size
                    self.account.drop(batch)
            self._notify_drained()
            if self.closing:
                return self.closing
            self._wake.clear()
            await self._wake.wait()
