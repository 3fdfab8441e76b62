"""What a client sends, from bytes to messages. Pure, no I/O.

Clients say little and there are many of them. So the parser, which is the websockets library's,
lives only from the first byte of a message to its last one.
"""

import logging
from collections.abc import Iterator
from typing import NamedTuple

from websockets.frames import CLOSE, CONT, PING, PONG, TEXT, Close, Frame
from websockets.frames import CloseCode as StandardCode
from websockets.protocol import OPEN, SERVER, Protocol

from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES

_logger = logging.getLogger(__name__)
_MASKED = 0x80
_MEDIUM = 126
_LARGE = 127
_HEAD = 2
_MASK = 4

PING_FRAME = Frame(PING, b"").serialize(mask=False)
"""A protocol ping: all clients are sent the same one."""


class Ping(NamedTuple):
    """A protocol ping."""

    answer: bytes
    """The frame to answer with."""


class Pong(NamedTuple):
    """A protocol pong."""


class End(NamedTuple):
    """The last that is heard of a client: it closes, or it broke the protocol."""

    answer: bytes
    """The close frame to answer with."""
    clean: bool
    """It has sent a close frame, and so sends nothing more."""


Event = str | bytes | Ping | Pong | End
"""A text or a binary message, or what the protocol asks for."""


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame from a server."""
    return Frame(CLOSE, Close(code, reason).serialize()).serialize(mask=False)


class Incoming:
    """What one client has sent and is not whole yet."""

    __slots__ = ("_conn", "_is_text", "_message", "_pending")

    def __init__(self) -> None:
        self._conn = Protocol(SERVER, state=OPEN, max_size=MAX_CLIENT_MESSAGE_BYTES, logger=_logger)
        self._pending = bytearray()
        """The beginning of a frame."""
        self._message = bytearray()
        """The beginning of a message that comes in fragments."""
        self._is_text = False

    @property
    def whole(self) -> bool:
        """Whether nothing is left to wait for, so that a new one does as well."""
        return not self._pending and self._conn.current_size is None

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take bytes from a client; yield what they complete."""
        pending, conn = self._pending, self._conn
        pending += data
        if size := whole_frames(pending):
            conn.receive_data(bytes(pending[:size]))
            del pending[:size]
            answers = iter(conn.data_to_send())
            for frame in conn.events_received():
                event = self._take(frame, answers)
                if event is not None:
                    yield event
                if isinstance(event, End):
                    return
            if conn.parser_exc:
                yield End(next(answers), clean=False)

    def _take(self, frame: object, answers: Iterator[bytes]) -> Event | None:
        assert isinstance(frame, Frame)  # noqa: S101 (a connection past its handshake)
        if frame.opcode is PING:
            return Ping(next(answers))
        if frame.opcode is PONG:
            return Pong()
        if frame.opcode is CLOSE:
            return End(next(answers), clean=True)
        if frame.opcode is not CONT:
            self._is_text = frame.opcode is TEXT
        self._message += frame.data
        if not frame.fin:
            return None
        message = bytes(self._message)
        self._message.clear()
        try:
            return message.decode() if self._is_text else message
        except UnicodeDecodeError as error:
            why = f"{error.reason} at position {error.start}"
            return End(close_frame(StandardCode.INVALID_DATA, why), clean=False)


def whole_frames(data: bytes | bytearray) -> int:
    """Return how many bytes to give to a parser: those of whole frames, and those it refuses.

    A parser that has been given a part of a frame would have to be kept for the rest.
    """
    end = 0
    while len(data) >= end + _HEAD:
        size = data[end + 1] & ~_MASKED
        begin = end + _HEAD
        if size >= _MEDIUM:
            begin += 2 if size == _MEDIUM else 8
            size = int.from_bytes(data[end + _HEAD : begin])
        if len(data) < begin:
            break
        if not data[end + 1] & _MASKED or size > MAX_CLIENT_MESSAGE_BYTES:
            return len(data)
        if len(data) < begin + _MASK + size:
            break
        end = begin + _MASK + size
    return end
