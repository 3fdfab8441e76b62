"""What a client sends, from bytes to messages. Pure, no I/O.

Clients say little and there are many of them. So what is kept for one lives only from the first
byte of a message to its last one; and frames are read one at a time, so that their reader
decides how many, and charges the client for each.
"""

from typing import NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import CLOSE, PING, PONG, Close, Frame, Opcode
from websockets.frames import CloseCode as StandardCode

from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES
from hsi_service.fanout.deflate import Inflater

_FINAL = 0x80
_RESERVED = 0x70
_DEFLATED = 0x40
_OPCODE = 0x0F
_MASKED = 0x80
_SIZE = 0x7F
_MEDIUM = 126
_LONG = 65_536
"""Bytes of a payload from which on its length takes eight."""
_MAX_SIZE = 2**63 - 1
_HEAD = 2
_MASK = 4
_OPCODES = frozenset(Opcode)
_CONTROL = frozenset({Opcode.CLOSE, Opcode.PING, Opcode.PONG})
_EXPANSION = 1024
"""Bytes by which a message may grow when a client deflates it: some cannot be made smaller."""

PING_FRAME = Frame(PING, b"").serialize(mask=False)
"""A protocol ping: all clients are sent the same one."""


class Ping(NamedTuple):
    """A protocol ping."""

    answer: bytes
    """The frame to answer with."""


class Pong(NamedTuple):
    """A protocol pong."""


class Part(NamedTuple):
    """A part of a message, and not its last one."""


class End(NamedTuple):
    """The last that is heard of a client: it closes, or it broke the protocol."""

    answer: bytes
    """The close frame to answer with."""
    clean: bool
    """It has sent a close frame, and so sends nothing more."""


Event = str | bytes | Ping | Pong | Part | End
"""A text or a binary message, or what the protocol asks for."""


class _Frame(NamedTuple):
    opcode: int
    final: bool
    deflated: bool
    payload: bytes


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame from a server."""
    return Frame(CLOSE, Close(code, reason).serialize()).serialize(mask=False)


class Incoming:
    """What one client has sent and is not read yet."""

    __slots__ = ("_deflates", "_inflater", "_message", "_opcode", "_pending", "size")

    def __init__(self, *, deflates: bool = False) -> None:
        """Begin with nothing.

        Args:
            deflates: Whether the client may deflate messages: it was negotiated.

        """
        self._deflates = deflates
        self._pending = bytearray()
        """Frames, of which the last may not be whole."""
        self._message = bytearray()
        """The beginning of a message that comes in parts."""
        self._opcode: int | None = None
        """What such a message is; None while there is none."""
        self._inflater: Inflater | None = None
        """Of such a message, if it is deflated."""
        self.size = 0
        """Bytes of the frame that was read last, and of what was inflated of it."""

    @property
    def whole(self) -> bool:
        """Whether nothing is left to wait for, so that a new one does as well."""
        return not self._pending and self._opcode is None

    def add(self, data: bytes | memoryview) -> None:
        """Take bytes from the client."""
        self._pending += data

    def read(self) -> Event | None:
        """Return what the next frame is, or None if it is not whole; nothing follows an `End`."""
        frame = self._next()
        if frame is None or isinstance(frame, End):
            return frame
        if frame.opcode in _CONTROL:
            return _control(frame.opcode, frame.payload)
        return self._take(frame)

    def _next(self) -> _Frame | End | None:
        """Return the next frame, or what is wrong with it, or None if it is not whole."""
        pending = self._pending
        if len(pending) < _HEAD:
            return None
        first, second = pending[0], pending[1]
        if fault := self._fault(first, second):
            return _broken(StandardCode.PROTOCOL_ERROR, fault)
        opcode, size, begin = first & _OPCODE, second & _SIZE, _HEAD
        if size >= _MEDIUM:
            begin += 2 if size == _MEDIUM else 8
            if len(pending) < begin:
                return None
            size = int.from_bytes(pending[_HEAD:begin])
        deflated = bool(first & _DEFLATED)
        if wrong := self._wrong_size(opcode, size, given=second & _SIZE, deflated=deflated):
            return wrong
        end = begin + _MASK + size
        if len(pending) < end:
            return None
        payload = _unmasked(pending[begin + _MASK : end], pending[begin : begin + _MASK])
        del pending[:end]
        self.size = end
        return _Frame(opcode, bool(first & _FINAL), deflated, payload)

    def _wrong_size(self, opcode: int, size: int, *, given: int, deflated: bool) -> End | None:
        """Return what is wrong with a frame's size; `given` is its first byte of it."""
        least = 0 if given < _MEDIUM else _MEDIUM if given == _MEDIUM else _LONG
        if not least <= size <= _MAX_SIZE:  # RFC 6455, section 5.2
            return _broken(StandardCode.PROTOCOL_ERROR, "a frame's length is not minimal")
        if opcode not in _CONTROL and size > self._room(deflated=deflated):
            return _too_big()
        return None

    def _room(self, *, deflated: bool) -> int:
        """Return how many bytes of a message the next frame may have."""
        if deflated or self._inflater:
            return MAX_CLIENT_MESSAGE_BYTES + _EXPANSION
        return MAX_CLIENT_MESSAGE_BYTES - len(self._message)

    def _fault(self, first: int, second: int) -> str | None:
        """Return what is wrong with a frame that begins so."""
        opcode, reserved = first & _OPCODE, first & _RESERVED
        if reserved:
            begins = opcode in {Opcode.TEXT, Opcode.BINARY}
            if not (reserved == _DEFLATED and begins and self._deflates):
                return "a reserved bit is set"
        if opcode not in _OPCODES:
            return f"there is no opcode {opcode}"
        if not second & _MASKED:
            return "a client's frame is not masked"
        if opcode in _CONTROL:
            is_short = first & _FINAL and second & _SIZE < _MEDIUM
            return None if is_short else "a control frame is too long, or in parts"
        if (opcode == Opcode.CONT) is (self._opcode is None):
            return "a message begins within another, or goes on that has not begun"
        return None

    def _take(self, frame: _Frame) -> Event:
        """Take a frame of a message."""
        payload = frame.payload
        if frame.opcode != Opcode.CONT:
            self._opcode = frame.opcode
            self._inflater = Inflater() if frame.deflated else None
        if self._inflater:
            room = MAX_CLIENT_MESSAGE_BYTES - len(self._message)
            try:
                payload = self._inflater.inflate(payload, room + 1, final=frame.final)
            except ValueError:
                return _broken(StandardCode.INVALID_DATA, "a message is not deflated as it says")
            if len(payload) > room:
                return _too_big()
            self.size += len(payload)
        if not frame.final:
            self._message += payload
            return Part()
        message = bytes(self._message) + payload if self._message else payload
        is_text = self._opcode == Opcode.TEXT
        self._message.clear()
        self._opcode = self._inflater = None
        try:
            return message.decode() if is_text else message
        except UnicodeDecodeError as error:
            why = f"{error.reason} at position {error.start}"
            return _broken(StandardCode.INVALID_DATA, why)


def _control(opcode: int, payload: bytes) -> Event:
    if opcode == Opcode.PING:
        return Ping(Frame(PONG, payload).serialize(mask=False))
    if opcode == Opcode.PONG:
        return Pong()
    try:
        Close.parse(payload)
    except (ProtocolError, UnicodeDecodeError):
        return _broken(StandardCode.PROTOCOL_ERROR, "a close frame has an invalid code or reason")
    return End(Frame(CLOSE, payload).serialize(mask=False), clean=True)


def _broken(code: int, why: str) -> End:
    return End(close_frame(code, why), clean=False)


def _too_big() -> End:
    return _broken(StandardCode.MESSAGE_TOO_BIG, "message over 64 KiB")


def _unmasked(payload: bytearray, mask: bytearray) -> bytes:
    """Return what a client masked (RFC 6455, section 5.3)."""
    size = len(payload)
    if not size:
        return b""
    repeated = (bytes(mask) * (size // _MASK + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)
