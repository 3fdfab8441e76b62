"""One connected client, as the hub sees it: something to write to, that never makes it wait."""

import asyncio
from collections import deque
from collections.abc import Sequence

from litestar.types import Message, Send

from shared.close_codes import CloseCode

MAX_UNSENT = 8 * 1024 * 1024
"""Characters that may wait for a client before it is closed as too slow."""
FAREWELL_TIMEOUT = 2.0
"""Seconds to tell a client that reads nothing why it is closed."""


class Peer:
    """A client behind any ASGI server: a bounded queue, and one task that sends it.

    Everything that goes to the client goes through here. So frames keep their order, and what was
    written before `close` is sent before the close frame.
    """

    __slots__ = (
        "_closing",
        "_drained",
        "_frames",
        "_held",
        "_patience",
        "_send",
        "_unsent",
        "_wake",
    )

    def __init__(self, send: Send) -> None:
        self._send = send
        self._frames: deque[str] = deque()
        self._held: list[str] | None = None
        self._unsent = 0
        self._closing: tuple[CloseCode, str] | None = None
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._patience: asyncio.Timeout | None = None

    @property
    def closing(self) -> CloseCode | None:
        """Why this side closes, or None while it does not."""
        return self._closing[0] if self._closing else None

    def write(self, frames: Sequence[str], size: int) -> None:
        """Queue a topic's text frames; do nothing once it is closing.

        Args:
            frames: Texts, in order.
            size: Their characters, counted once by a caller who may write them to thousands.

        """
        if self._closing:
            return
        if self._held is None:
            self._frames.extend(frames)
            self._wake.set()
        else:
            self._held.extend(frames)
        self._unsent += size
        if self._unsent > MAX_UNSENT:
            self._frames.clear()
            self._held = None
            self.close(CloseCode.TOO_SLOW, "too slow: come back and resume")
            if self._patience:
                # The sender waits for a client that does not read: interrupt it.
                self._patience.reschedule(0)

    def hold(self) -> None:
        """Let what is written wait, until `release`; what is `said` goes before it."""
        self._held = []

    def say(self, *texts: str) -> None:
        """Queue texts that are for this client alone, before what is held."""
        held, self._held = self._held, None
        self.write(texts, sum(map(len, texts)))
        self._held = held

    def release(self) -> None:
        """Let what was held go its way."""
        held, self._held = self._held, None
        self._frames.extend(held or ())
        self._wake.set()

    async def drained(self) -> None:
        """Wait until everything that is not held was sent, or it is closing."""
        while self._frames and not self._closing:
            self._drained.clear()
            await self._drained.wait()

    def close(self, code: CloseCode, reason: str) -> None:
        """Close once everything written so far is sent; only the first call counts."""
        if not self._closing:
            self._closing = code, reason
            self._wake.set()
            self._drained.set()

    async def run(self) -> None:
        """Send what is written, until it is closed.

        Raises:
            OSError: The client is gone.

        """
        try:
            async with asyncio.timeout(None) as self._patience:
                code, reason = await self._send_frames()
        except TimeoutError:
            if not self._closing:
                raise
            code, reason = self._closing
        async with asyncio.timeout(FAREWELL_TIMEOUT):
            await self._transmit({"type": "websocket.close", "code": code, "reason": reason})

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send(message)
        except RuntimeError as error:
            # uvicorn, when it has closed the connection by itself (a client that answered no ping,
            # or broke the protocol) and has not told us yet.
            raise ConnectionError("the connection is closed already") from error

    async def _send_frames(self) -> tuple[CloseCode, str]:
        frames = self._frames
        while True:
            while frames:
                text = frames.popleft()
                await self._transmit({"type": "websocket.send", "text": text, "bytes": None})
                self._unsent -= len(text)
            self._drained.set()
            if self._closing:
                return self._closing
            self._wake.clear()
            await self._wake.wait()
