"""A client that comes back by itself.

async with contextlib.aclosing(Stream("ws://127.0.0.1:8080/ws/events").messages()) as messages:
    async for received in messages:
        print(received.text)
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from enum import StrEnum
from typing import NamedTuple

import msgspec
from websockets.asyncio.client import connect
from websockets.client import process_exception
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.close_codes import CODES_THAT_END, CloseCode
from shared.intake import MAX_MESSAGE_BYTES
from shared.schemas import ChannelMessage, Error, Ping, Pong, ServerMessage

FIRST_DELAY = 1.0
"""Seconds, at most, before the first attempt to come back."""
MAX_DELAY = 30.0
"""Seconds, at most, before any attempt."""
STEADY = 10.0
"""Seconds after which a connection counts as good, and the next delay is short again."""
_TOO_MANY_REQUESTS = 429
# Room for what the server may add to the largest message.
_MAX_SIZE = MAX_MESSAGE_BYTES + 4096


class State(StrEnum):
    """Whether messages arrive."""

    CONNECTING = "connecting"
    LIVE = "live"


class Received(NamedTuple):
    """A message as it arrived, and what it is.

    `message` is None for a type of another producer's, or one that breaks its schema; `text`
    always is what was published, unchanged.
    """

    text: str
    message: ChannelMessage | None


class RefusedError(Exception):
    """The service closed the connection for good: coming back as we are is no use."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


_decoder = msgspec.json.Decoder(ServerMessage)


class Stream:
    """Messages of one WebSocket endpoint, through restarts and outages.

    Coming back has jitter and a cap, and no end; only a close code that says so ends it.
    """

    def __init__(
        self, url: str, *, on_state: Callable[[State, str], None] = lambda _state, _why: None
    ) -> None:
        """Prepare; `messages` connects.

        Args:
            url: ws:// or wss://.
            on_state: Told whenever messages begin or cease to arrive, and why.

        """
        self._url = url
        self._on_state = on_state
        self._state: State | None = None
        self._delays = delays()

    async def messages(self) -> AsyncGenerator[Received]:
        """Yield messages as they arrive; heartbeats are not yielded.

        Ends when the service says that there is nothing more to come.

        Raises:
            RefusedError: The service refuses us for good.
            websockets.exceptions.InvalidHandshake: There is no such endpoint.

        """
        attempts = connect(
            self._url,
            compression=None,
            max_size=_MAX_SIZE,
            process_exception=self._transient,
            reconnect_delays=lambda: self._delays,
        )
        async for socket in attempts:
            self._tell(State.LIVE, "")
            began = time.monotonic()
            try:
                async for text in socket:
                    received = _decode(str(text))
                    if not isinstance(received.message, Ping | Pong | Error):
                        yield received
            except ConnectionClosed:
                pass  # Why, stands in close_code.
            code, reason = socket.close_code or 1006, socket.close_reason or ""
            if code == CloseCode.NORMAL:
                return
            if code in CODES_THAT_END:
                raise RefusedError(code, reason)
            self._tell(State.CONNECTING, f"{code} {reason}".rstrip())
            if time.monotonic() - began > STEADY:
                self._delays = delays()
            await asyncio.sleep(next(self._delays))

    def _tell(self, state: State, why: str) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state, why)

    def _transient(self, error: Exception) -> Exception | None:
        full = isinstance(error, InvalidStatus) and error.response.status_code == _TOO_MANY_REQUESTS
        fatal = None if full else process_exception(error)
        if fatal is None:
            self._tell(State.CONNECTING, str(error))
        return fatal


def _decode(text: str) -> Received:
    try:
        return Received(text, _decoder.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return Received(text, None)


def delays() -> Generator[float]:
    """Yield seconds to wait: twice as long each time, up to `MAX_DELAY`, with full jitter."""
    longest = FIRST_DELAY
    while True:
        yield random.uniform(0, longest)  # noqa: S311 (jitter, not a secret)
        longest = min(longest * 2, MAX_DELAY)
