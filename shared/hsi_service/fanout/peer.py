"""One connected client, as the hub sees it: something to write to, that never makes it wait.

`Peer` has the rules, and what is behind has the wire: `AsgiPeer` any ASGI server, `DirectPeer`
(`direct_peer.py`) a connection that it has taken over from a uvicorn that we run.
"""

import asyncio
import logging
import math
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING

from litestar.types import Message, Send

from hsi.schemas.close_codes import CloseCode
from hsi_service.door.limits import Bucket, Rate
from hsi_service.fanout.batch import Batch

if TYPE_CHECKING:
    from hsi_service.door.keys import Identity

logger = logging.getLogger(__name__)

MAX_UNSENT = 8 * 1024 * 1024
"""Bytes that may wait for a client before it is closed as too slow."""
MAX_STALLED = 1024 * 1024
"""Bytes that may wait for a client that takes nothing for `STALL_PATIENCE`."""
STALL_PATIENCE = 5.0
"""Seconds."""
FAREWELL_TIMEOUT = 5.0
"""Seconds to tell a client that reads nothing why it is closed."""
_UNLIMITED = Bucket(Rate.per_minute(0))


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
        "client",
        "closing",
        "expires",
        "heard_at",
        "inbound",
        "who",
    )

    def __init__(self, client: str) -> None:
        """Begin held: a client can be written to before its handshake is answered.

        Args:
            client: Its address, for the log.

        """
        self.client = client
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
        self._mark: tuple[object, float] | None = None
        """While much waits: how far the client has come, and since when no further."""

    # What the hub does.

    def write(self, batch: Batch) -> None:
        """Send what many are sent; do nothing once it is closing or gone."""
        self._append(batch, held=self.held)

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
        self._queued += batch.size
        if self._queued > MAX_UNSENT:
            self._give_up("over 8 MiB wait for it")
        else:
            self._work()

    def _drop_replaced(self, queue: deque[Batch] | list[Batch], kind: str) -> None:
        kept = [batch for batch in queue if batch.replaces != kind]
        if len(kept) < len(queue):
            self._queued -= sum(batch.size for batch in queue if batch.replaces == kind)
            queue.clear()
            queue.extend(kept)

    def send(self, *texts: str) -> None:
        """Send texts that are for this client alone, before what is held."""
        self._append(Batch(texts), held=False)

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
            self._held = None
            self._notify_drained()
            self._work()

    def may_send_more(self) -> bool:
        """Tell whether what the client says now is looked at; close it if it says too much."""
        self.heard_at = asyncio.get_running_loop().time()
        if self.inbound.take(self.heard_at):
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
        if self.unsent <= MAX_STALLED:
            self._mark = None
        elif self._mark is None or self._mark[0] != self.progress():
            self._mark = self.progress(), now
        elif now - self._mark[1] >= STALL_PATIENCE and not self.closing:
            self._give_up("over 1 MiB waits for it, and it takes nothing")

    def _give_up(self, why: str) -> None:
        logger.warning(
            "a client is too slow: %s; it may come back and resume",
            why,
            extra={
                "client": self.client,
                "key": self.who.name if self.who else None,
                "unsent": self.unsent,
            },
        )
        self._queue = None
        self._queued = 0
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
        """Bytes that wait for it in this process."""
        return self._queued

    @abstractmethod
    def progress(self) -> object:
        """Return what is another value whenever the client has taken something."""

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

    def progress(self) -> object:
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
            await self._transmit({"type": "websocket.close", "code": code, "reason": reason})

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
                for text in tuple(batch.texts):
                    await self._transmit({"type": "websocket.send", "text": text, "bytes": None})
                    self._sent += 1
                if self._queue and self._queue[0] is batch:
                    self._queue.popleft()
                    self._queued -= batch.size
            self._notify_drained()
            if self.closing:
                return self.closing
            self._wake.clear()
            await self._wake.wait()
