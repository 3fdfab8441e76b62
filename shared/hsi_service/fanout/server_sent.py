"""Server-sent events: how a stream of messages is written over plain HTTP. Pure, no I/O.

Each message is an event without a name, so a browser's `onmessage` hears all of them, and its data
is the message as a WebSocket would carry it. Its id is the cursor up to which a client has all once
it has the event: of a message its own, of a heartbeat the channel's. A browser gives the last one
back as `Last-Event-ID` when it comes again.
"""

import re
from collections.abc import Iterator

import msgspec

from hsi.schemas.close_codes import CloseCode

MEDIA_TYPE = "text/event-stream"
STILL_HERE = b": nothing yet\n\n"
"""A comment, which nobody is told of: it keeps proxies from taking a quiet stream for dead."""
MAX_AT_ONCE = 32 * 1024
"""Bytes, about, that are given to a server at once: so it shows that a slow client takes some."""

_STAMP = re.compile(rb'\{"cursor":"([0-9]+-[0-9]+)",')
_LINE_END = re.compile(rb"\r\n|\r|\n")
_PING = b'{"type":"ping"'


class _Ping(msgspec.Struct):
    cursor: str | None = None


_pings = msgspec.json.Decoder(_Ping)


def event_of(message: bytes) -> bytes:
    """Return a message as an event.

    The id comes last: should the event be cut off, nobody takes it for heard.
    """
    data = message
    if b"\n" in data or b"\r" in data:
        data = _LINE_END.sub(b"\ndata: ", data)
    id_ = _id_of(message)
    return b"data: %b\nid: %b\n\n" % (data, id_) if id_ else b"data: %b\n\n" % data


def _id_of(message: bytes) -> bytes | None:
    if found := _STAMP.match(message):
        return found[1]
    if message.startswith(_PING):
        cursor = _pings.decode(message).cursor
        return cursor.encode() if cursor else None
    return None


def retry_event(retry: int) -> bytes:
    """Return what tells a client after how many milliseconds to come back once it is cut off."""
    return b"retry: %d\n\n" % retry


def close_event(code: CloseCode, reason: str, retry: int) -> bytes:
    """Return the last event of a stream: it has a name, so that `onmessage` does not hear it."""
    data = msgspec.json.encode({"code": int(code), "reason": reason})
    return b"event: close\nretry: %d\ndata: %b\n\n" % (retry, data)


def pieces_of(events: bytes) -> Iterator[bytes]:
    """Cut events into pieces that are not too large, and never within an event."""
    begin = 0
    while len(events) - begin > MAX_AT_ONCE:
        end = events.find(b"\n\n", begin + MAX_AT_ONCE)
        end = len(events) if end < 0 else end + 2
        yield events[begin:end]
        begin = end
    if begin < len(events):
        yield events[begin:]
