"""What goes to many clients at once: encoded once, framed once, joined once."""

import struct
from collections.abc import Sequence

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


class Batch:
    """Texts that are written together. All clients share the one that they are sent."""

    __slots__ = ("frames", "replaces", "size", "texts")

    def __init__(self, texts: Sequence[str], *, replaces: str | None = None) -> None:
        """Frame texts.

        Args:
            texts: In order.
            replaces: The kind of snapshot that this is: a client that is behind gets the latest of
                a kind instead of all. None: it gets every one.

        """
        self.texts = texts
        self.replaces = replaces
        self.frames = b"".join(map(text_frame, texts))
        """The texts as WebSocket frames, one after the other."""
        self.size = len(self.frames)
        """Bytes."""
