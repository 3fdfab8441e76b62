"""Messages as permessage-deflate has them (RFC 7692, section 7.2), each by itself. Pure, no I/O."""

import zlib
from functools import lru_cache

from hsi_service.door.compression import WINDOW_BITS

MIN_DEFLATED = 256
"""Bytes of a message up to which deflating gains too little."""
LEVEL = 6
"""Of zlib. An event of 330 bytes takes 12 µs at any level; of 1.5 KB, 21 µs, and 5 more or less at
levels 9 and 1 for a few percent of the bytes."""
MEMORY_LEVEL = 5
"""Of zlib. With this and the window, a compressor is made in 1 µs. One of the usual size (8, and 15
bits) takes 50 µs, more than all of its work, for at most a few percent of the bytes."""
MAX_SHARED = 8 * 1024
"""Bytes of a message that is kept, with what it was deflated to, for who needs the same soon."""
_SHARED = 128
"""Messages that are kept: 2 MiB at the very most."""
_TAIL = b"\x00\x00\xff\xff"
"""The end of each message, which is not sent."""


def deflate(message: bytes) -> bytes:
    """Return a message as it is sent to those who accept deflated ones.

    The same message may go to those who listen, to those who come back and to those of another
    filter: it is deflated once for all of them, if it is not very large.
    """
    return _shared(message) if len(message) <= MAX_SHARED else _deflate(message)


def _deflate(message: bytes) -> bytes:
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY_LEVEL)
    return (compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH))[: -len(_TAIL)]


_shared = lru_cache(_SHARED)(_deflate)


class Inflater:
    """What a deflated message says, as it comes in parts."""

    __slots__ = ("_decompressor",)

    def __init__(self) -> None:
        """Begin a message."""
        self._decompressor = zlib.decompressobj(-zlib.MAX_WBITS)

    def inflate(self, part: bytes, most: int, *, final: bool) -> bytes:
        """Return what a part says.

        Args:
            part: As it was sent.
            most: Bytes to return at most, one or more; what goes on is not even inflated, and the
                message of no more use.
            final: It is the last one.

        Raises:
            ValueError: It is not deflated data.

        """
        try:
            return self._decompressor.decompress(part + _TAIL if final else part, most)
        except zlib.error as error:
            raise ValueError(str(error)) from None
