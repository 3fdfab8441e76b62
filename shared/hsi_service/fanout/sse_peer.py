"""A client that reads server-sent events, behind any ASGI server."""

import random
from collections.abc import Iterator

from litestar.types import Message, Send

from hsi.schemas.close_codes import CloseCode
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.peer import AsgiPeer
from hsi_service.fanout.server_sent import close_event, pieces_of, retry_event

QUIET = 15.0
"""Seconds of silence after which a client that waits for a history is told that it is not lost."""
_RETRIES = 1000, 4000
"""Milliseconds, from and to, after which a client comes back: not all at once."""


class SsePeer(AsgiPeer):
    """A client of an answer over HTTP that does not end.

    It says nothing, and is asked nothing: what finds it dead is that its connection takes no more.
    """

    __slots__ = ("_told_at",)

    def __init__(self, client: str, send: Send) -> None:
        super().__init__(client, send)
        self._told_at = self.heard_at
        """When it was last sent something, by the event loop's clock, as far as `check` knows."""

    def begin(self) -> Message:
        """Return the beginning of the answer's body."""
        return _body(retry_event(_retry()))

    def check(self, now: float) -> None:
        """Close it if it is stalled, or has been here for long enough; keep it alive."""
        super().check(now)
        if self.behind or not self.held:
            self._told_at = now  # Something is on its way to it, or heartbeats are.
        elif now - self._told_at >= QUIET:
            self._told_at = now
            self.send_batches(Batch.comment())

    def _append(self, batch: Batch, *, held: bool) -> None:
        super()._append(batch.as_events(), held=held)

    def _messages_of(self, batch: Batch) -> Iterator[Message]:
        return map(_body, pieces_of(batch.frames))

    async def _say_farewell(self, code: CloseCode, reason: str) -> None:
        await self._transmit(_body(close_event(code, reason, _retry()), more=False))


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _retry() -> int:
    return random.randint(*_RETRIES)  # noqa: S311 (it only spreads a storm)
