"""What goes to many clients at once: encoded, framed, joined and deflated once. Pure."""

import struct
from collections.abc import Hashable, Iterable, Iterator

from hsi_service.fanout.deflate import MIN_DEFLATED, deflate
from hsi_service.fanout.server_sent import STILL_HERE, event_of

_FINAL_TEXT = 0x81
_DEFLATED_TEXT = 0xC1
_SMALL = 125
_MEDIUM = 0xFFFF


def text_frame(text: str) -> bytes:
    """Return `text` as one WebSocket frame from a server: final, unmasked, not compressed."""
    return _frame(_FINAL_TEXT, text.encode())


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _SMALL:
        return struct.pack("!BB", first, size) + payload
    if size <= _MEDIUM:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def _deflated_frame(payload: bytes) -> bytes:
    """Return a text as a frame for clients that accept deflated ones, deflated if that is less."""
    if len(payload) > MIN_DEFLATED:
        deflated = deflate(payload)
        if len(deflated) < len(payload):
            return _frame(_DEFLATED_TEXT, deflated)
    return _frame(_FINAL_TEXT, payload)


def _payloads(frames: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(frames):
        size, at = frames[at + 1], at + 2
        if size > _SMALL:
            width = 2 if size == _SMALL + 1 else 8
            size, at = int.from_bytes(frames[at : at + width]), at + width
        yield frames[at : at + size]
        at += size


OVERHEAD = 350
"""Bytes of memory, about, that a batch takes beside its frames while it waits."""


class Batch:
    """Texts that are written together. All clients share the one that they are sent.

    Those that accept deflated messages, and those that read server-sent events, are sent another
    batch, which is made for the first of them and waits, and counts, by itself.
    """

    __slots__ = ("_is_compact", "deflated", "events", "frames", "holders", "replaces", "size")

    def __init__(self, texts: Iterable[str], *, replaces: str | None = None) -> None:
        """Frame texts.

        Args:
            texts: In order.
            replaces: The kind of snapshot that this is: a client that is behind gets the latest of
                a kind instead of all. None: it gets every one.

        """
        self.replaces = replaces
        self.frames = b"".join(map(text_frame, texts))
        """The texts as WebSocket frames, one after the other."""
        self.size = len(self.frames)
        """Bytes."""
        self.holders: dict[Hashable, int] | None = None
        """How often it waits, by account (`memory.py`); None while it does not."""
        self.deflated: Batch | None = None
        """What those are sent who accept deflated messages; None: not made, or the same."""
        self.events: Batch | None = None
        """What those are sent who read server-sent events; None: not made."""
        self._is_compact = False
        """Deflating it would gain nothing, or is done."""

    def deflate(self) -> "Batch":
        """Return what those are sent who accept deflated messages; made once."""
        if self.deflated or self._is_compact:
            return self.deflated or self
        frames = b"".join(map(_deflated_frame, _payloads(self.frames)))
        if len(frames) == self.size:
            self._is_compact = True
            return self
        deflated = self.deflated = Batch((), replaces=self.replaces)
        deflated.frames, deflated.size = frames, len(frames)
        deflated._is_compact = True
        return deflated

    def as_events(self) -> "Batch":
        """Return what those are sent who read server-sent events; made once."""
        if self.events is None:
            self.events = self._of_events(b"".join(map(event_of, _payloads(self.frames))))
        return self.events

    def _of_events(self, events: bytes) -> "Batch":
        made = Batch((), replaces=self.replaces)
        made.frames, made.size = events, len(events)
        return made

    @classmethod
    def comment(cls) -> "Batch":
        """Return what tells those who read server-sent events nothing, and others even less."""
        made = cls(())
        made.events = made._of_events(STILL_HERE)
        return made

    @property
    def texts(self) -> list[str]:
        """The texts of one that is neither deflated nor made of events.

        They are read back from the frames, as to keep both would take twice the memory.
        """
        return [payload.decode() for payload in _payloads(self.frames)]

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes while it waits, for however many clients."""
        return self.size + OVERHEAD
