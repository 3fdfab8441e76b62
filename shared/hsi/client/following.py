"""How a client follows an endpoint: where it is, what it asks for, and when it comes back. Pure.

The two streams, with asyncio (stream.py) and without (sync_stream.py), stand on it.
"""

import random
from collections.abc import Generator
from enum import StrEnum
from typing import Literal, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import UNSET

from hsi.keys import key_protocol
from hsi.loopback import is_loopback
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
TOO_MANY_REQUESTS = 429
"""HTTP status that asks a client to come later, as 5xx do."""
CLOSE_TIMEOUT = 1.0
"""Seconds that a service has to answer a close: frames that it sent before that are not read."""
MAX_SIZE = MAX_MESSAGE_BYTES + 4096
"""Bytes of a frame: room for what the server may add to the largest message."""


class State(StrEnum):
    """Whether messages arrive."""

    CONNECTING = "connecting"
    LIVE = "live"


class Received(NamedTuple):
    """A message as it arrived, and what it is.

    A `Resumed` that is not `recovered` stands where messages are missing: what came before it is
    not continued by what follows.
    """

    text: str
    """What was published, unchanged, after its cursor."""
    message: ChannelMessage | Resumed | None
    """None for a type of another producer, or one that breaks its schema."""


class RefusedError(Exception):
    """The service closed the connection for good: coming back with the same request is no use."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        """The WebSocket close code; see `hsi.schemas.close_codes`."""
        self.reason = reason


_decoder = msgspec.json.Decoder(ServerMessage)


class Following:
    """Where a client is in a stream."""

    def __init__(self, url: str, *, since: str | None, tail: int, api_key: str) -> None:
        """Begin before the first message.

        Args:
            url: ws:// or wss://.
            since: Cursor of the last message that the caller has.
            tail: Begin with this many of the last messages.
            api_key: Sent as a subprotocol; empty sends none.

        Raises:
            ValueError: The key cannot be sent. The text does not quote it.

        """
        self.url = url
        self.cursor = since
        """Cursor of the last message."""
        self.subprotocol = key_protocol(api_key) if api_key else None
        self._tail = tail

    def address(self) -> str:
        """Return the URL to connect to now."""
        # A client that wants nothing older asks for a tail of none: it ends with the first cursor.
        start = {"tail": self._tail} if self.cursor is None else {"since": self.cursor}
        query = urlencode(start)
        return f"{self.url}{'&' if '?' in self.url else '?'}{query}"

    @property
    def proxy(self) -> Literal[True] | None:
        """What `connect` is to do about proxies: as the environment says, but none on loopback."""
        return None if is_loopback(urlsplit(self.url).hostname or "") else True

    def take(self, text: str) -> Received | None:
        """Take a frame's text; return the message for the caller, or None for a control message."""
        message = _decode(text)
        if isinstance(message, Resumed) and not message.data.recovered:
            self.cursor = None  # It is of no more use.
        elif isinstance(message, Pong | Error | Resumed):
            return None
        if message is not None and message.cursor is not UNSET:
            self.cursor = message.cursor
        elif cursor := cursor_of(text):
            self.cursor = str(cursor)
        return None if isinstance(message, Ping) else Received(text, message)


def has_ended(code: int, reason: str) -> bool:
    """Return whether a close code says that nothing more comes; False: come back.

    Raises:
        RefusedError: The service refuses this client for good.

    """
    if code == CloseCode.NORMAL:
        return True
    if code in CODES_THAT_END:
        raise RefusedError(code, reason)
    return False


def delays() -> Generator[float]:
    """Yield seconds to wait: twice as long each time, up to `MAX_DELAY`, with full jitter."""
    longest = FIRST_DELAY
    while True:
        yield random.uniform(0, longest)  # noqa: S311 (jitter, not a secret)
        longest = min(longest * 2, MAX_DELAY)


def _decode(text: str) -> ServerMessage | None:
    try:
        message: ServerMessage = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return message
