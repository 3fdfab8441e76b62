"""What is sent, and what must arrive: numbered messages of one size, framed one by one. Pure.

All frames of a measurement have the same size, so a count of bytes is a count of messages. A
sample of the clients keeps every byte: one of them is parsed, and the others must equal it.
"""

from collections.abc import Iterator

TEXT = 0x81
"""First byte of an unfragmented text frame."""
MAX_SHORT = 125
MAX_MEDIUM = 0xFFFF
_DIGITS = 10
_HEAD = b'{"type":"event","data":{"id":"'
_MIDDLE = b'","camera_id":"front_door","risk_score":75,"risk_level":"high","summary":"'
_TAIL = b'"}}'
MIN_SIZE = len(_HEAD) + _DIGITS + len(_TAIL)


class WrongDeliveryError(RuntimeError):
    """A client did not get exactly what was published."""


class Messages:
    """Numbered messages of one size: security events, as far as a server cares."""

    def __init__(self, size: int) -> None:
        """Set it up; nothing is begun yet.

        Args:
            size: Bytes of each message, at least MIN_SIZE.

        """
        if size < MIN_SIZE:
            raise ValueError(f"a message has at least {MIN_SIZE} bytes")
        padding = size - MIN_SIZE
        middle = _MIDDLE[:padding].ljust(padding, b"x")
        if padding < len(_MIDDLE):
            middle = b"x" * padding  # Too short for more fields: still JSON, inside the id.
        self.size = size
        self.head = _HEAD
        self.tail = middle + _TAIL
        self.header = frame_header(size)
        self.frame_size = len(self.header) + size

    def payload(self, number: int) -> bytes:
        """Return a message."""
        return b"%b%010d%b" % (self.head, number, self.tail)

    def numbers(self, stream: bytes) -> Iterator[int]:
        """Parse whole frames; yield their messages' numbers.

        Raises:
            WrongDeliveryError: A frame is not one that was published.

        """
        start = len(self.header) + len(self.head)
        for at in range(0, len(stream), self.frame_size):
            frame = stream[at : at + self.frame_size]
            digits = frame[start : start + _DIGITS]
            if not digits.isdigit() or frame != self.header + self.payload(int(digits)):
                raise WrongDeliveryError(f"not a frame that was published: {frame[:80]!r}")
            yield int(digits)


def frame_header(size: int) -> bytes:
    """Return the header of an unmasked text frame (RFC 6455, 5.2)."""
    if size <= MAX_SHORT:
        return bytes((TEXT, size))
    if size <= MAX_MEDIUM:
        return bytes((TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((TEXT, 127)) + size.to_bytes(8, "big")


class Witness:
    """One client's stream, parsed as it comes: every message once, each batch in its order."""

    def __init__(self, messages: Messages, batch: int) -> None:
        """Set it up; nothing is begun yet.

        Args:
            messages: What is published.
            batch: Messages that one publisher sends at once, with consecutive numbers.

        """
        self._messages = messages
        self._batch = batch
        self._rest = b""
        self._next: dict[int, int] = {}
        self.count = 0
        """Messages so far."""

    def hear(self, received: bytes) -> list[tuple[int, int]]:
        """Parse more of the stream; return the batches that ended, each with its last position.

        Raises:
            WrongDeliveryError: Not what was published, or not once and in order.

        """
        stream = self._rest + received
        whole = len(stream) - len(stream) % self._messages.frame_size
        self._rest = stream[whole:]
        ended: list[tuple[int, int]] = []
        for number in self._messages.numbers(stream[:whole]):
            batch, place = divmod(number, self._batch)
            if place != self._next.get(batch, 0):
                raise WrongDeliveryError(f"message {number} came twice or out of its order")
            self._next[batch] = place + 1
            self.count += 1
            if place == self._batch - 1:
                ended.append((batch, self.count))
        return ended
