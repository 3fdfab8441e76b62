"""A client that comes back by itself.

async with contextlib.aclosing(Stream("ws://127.0.0.1:8080/ws/events").messages()) as messages:
    async for received in messages:
        print(received.text)
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import process_exception
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from hsi.keys import key_protocol
from hsi.schemas import ChannelMessage, Error, Ping, Pong, Resumed, ServerMessage
from hsi.schemas.close_codes import CODES_THAT_END, CloseCode
from hsi.schemas.cursor import cursor_of
from hsi.schemas.validation import MAX_MESSAGE_BYTES

FIRST_DELAY = 1.0
"""Seconds, at most, before the first attempt to come back."""
MAX_DELAY = 30.0
"""Seconds, at most, before any attempt."""
STABLE_AFTER = 10.0
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
    always is what was published, unchanged. A `Resumed` that is not `recovered` stands where
    messages are missing: what came before it is not continued by what follows.
    """

    text: str
    message: ChannelMessage | Resumed | None


class RefusedError(Exception):
    """The service closed the connection for good: coming back as we are is no use."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


_decoder = msgspec.json.Decoder(ServerMessage)


class Stream:
    """Messages of one WebSocket endpoint, through restarts and outages.

    It remembers the cursor of the last message, and goes on after it wherever it comes back to; so
    nothing is missed or doubled, or it says so. Coming back has jitter and a cap, and no end; only
    a close code that says so ends it.
    """

    def __init__(
        self,
        url: str,
        *,
        since: str | None = None,
        tail: int = 0,
        api_key: str = "",
        on_state: Callable[[State, str], None] = lambda _state, _why: None,
    ) -> None:
        """Prepare; `messages` connects.

        Args:
            url: ws:// or wss://.
            since: Cursor of the last message that the caller has.
            tail: Begin with the last few messages.
            api_key: Sent as a subprotocol, since URLs end up in logs; empty sends none.
            on_state: Told whenever messages begin or cease to arrive, and why.

        Raises:
            ValueError: The key cannot be sent. The text does not quote it.

        """
        self.url = url
        self.cursor = since
        """Cursor of the last message."""
        self._tail = tail
        self._subprotocols = [Subprotocol(key_protocol(api_key))] if api_key else None
        self._on_state = on_state
        self._state: State | None = None

    async def messages(self) -> AsyncGenerator[Received]:
        """Yield messages as they arrive; heartbeats are not yielded.

        Ends when the service says that there is nothing more to come.

        Raises:
            RefusedError: The service refuses us for good.
            websockets.exceptions.InvalidHandshake: There is no such endpoint.

        """
        pauses = delays()
        while True:
            began = time.monotonic()
            try:
                async with connect(
                    self._address(),
                    subprotocols=self._subprotocols,
                    compression=None,
                    max_size=_MAX_SIZE,
                ) as socket:
                    self._tell(State.LIVE, "")
                    async for received in self._listen(socket):
                        yield received
                code, reason = socket.close_code or 1006, socket.close_reason or ""
                if code == CloseCode.NORMAL:
                    return
                if code in CODES_THAT_END:
                    raise RefusedError(code, reason)
                self._tell(State.CONNECTING, f"{code} {reason}".rstrip())
            except (OSError, TimeoutError, InvalidHandshake) as error:
                if not _is_transient(error):
                    raise
                self._tell(State.CONNECTING, str(error))
            if time.monotonic() - began > STABLE_AFTER:
                pauses = delays()
            await asyncio.sleep(next(pauses))

    def _address(self) -> str:
        # Even who wants nothing older asks for a tail, of none: it ends with the first cursor.
        start = {"tail": self._tail} if self.cursor is None else {"since": self.cursor}
        query = urlencode(start)
        return f"{self.url}{'&' if '?' in self.url else '?'}{query}"

    async def _listen(self, socket: ClientConnection) -> AsyncGenerator[Received]:
        with contextlib.suppress(ConnectionClosed):  # Why, stands in close_code.
            async for text in socket:
                message = _decode(str(text))
                if isinstance(message, Resumed) and not message.data.recovered:
                    self.cursor = None  # It is of no more use.
                elif isinstance(message, Pong | Error | Resumed):
                    continue
                if message is not None and message.cursor is not UNSET:
                    self.cursor = message.cursor
                elif cursor := cursor_of(str(text)):
                    self.cursor = str(cursor)
                if not isinstance(message, Ping):
                    yield Received(str(text), message)

    def _tell(self, state: State, why: str) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state, why)


def _is_transient(error: Exception) -> bool:
    full = isinstance(error, InvalidStatus) and error.response.status_code == _TOO_MANY_REQUESTS
    return full or process_exception(error) is None


def _decode(text: str) -> ServerMessage | None:
    try:
        message: ServerMessage = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return message


def delays() -> Generator[float]:
    """Yield seconds to wait: twice as long each time, up to `MAX_DELAY`, with full jitter."""
    longest = FIRST_DELAY
    while True:
        yield random.uniform(0, longest)  # noqa: S311 (jitter, not a secret)
        longest = min(longest * 2, MAX_DELAY)
