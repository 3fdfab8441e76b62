"""What goes to many clients at once: encoded once, framed once, joined once. Pure."""

import struct
from collections.abc import Hashable, Iterable

_FINAL_TEXT = 0x81
_SMALL = 125
_MEDIUM = 0xFFFF


def text_frame(text: str) -> bytes:
    """Return `text` as one WebSocket frame from a server: final, unmasked, not compressed."""
    payload = text.encode()
    size = len(payload)
    if size <= _SMALL:
        return struct.pack("!BB", _FINAL_TEXT, size) + payload
    if size <= _MEDIUM:
        return struct.pack("!BBH", _FINAL_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + payload


OVERHEAD = 350
"""Bytes of memory, about, that a batch takes beside its frames while it waits."""


class Batch:
    """Texts that are written together. All clients share the one that they are sent."""

    __slots__ = ("frames", "holders", "replaces", "size")

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

    @property
    def texts(self) -> list[str]:
        """The texts: read back from the frames, as to keep both would take twice the memory."""
        texts: list[str] = []
        frames, at = self.frames, 0
        while at < len(frames):
            size, at = frames[at + 1], at + 2
            if size > _SMALL:
                width = 2 if size == _SMALL + 1 else 8
                size, at = int.from_bytes(frames[at : at + width]), at + width
            texts.append(frames[at : at + size].decode())
            at += size
        return texts

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes while it waits, for however many clients."""
        return self.size + OVERHEAD
