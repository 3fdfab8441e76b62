"""What a server says to a client that comes back, and when it has said everything. Pure."""

import enum
from typing import NamedTuple

KEY = "aHNpLXJlYWx0aW1lLWJlbg=="
"""The key of every handshake: a new one for each would be work of the load generator's."""
ACCEPT = b"6f+qDzkTu06rJzcHDjs2YHGHw0w="
"""Its answer (RFC 6455, 4.2.2)."""
_END = b"\r\n\r\n"
_RETRY_AFTER = b"\r\nretry-after:"


class WrongAnswerError(RuntimeError):
    """A server does not speak WebSocket as this client does."""


class Step(enum.Enum):
    """How far a client is that comes back."""

    WAITING = enum.auto()
    """For the rest of the answer, or of what it missed."""
    BACK = enum.auto()
    """It is in, and has everything."""
    REFUSED = enum.auto()
    """It has to come again later."""


def request(host: str, port: int, target: str, subprotocol: str) -> bytes:
    """Return a client's handshake.

    Args:
        host: The server's.
        port: The server's.
        target: Path and query.
        subprotocol: What the client offers; empty: nothing.

    """
    offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"{offer}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    ).encode()


def step(stream: bytes, last: bytes) -> Step:
    """Return how far a client is.

    Args:
        stream: All that it has heard.
        last: What the last message that it missed holds, and no other does; empty: it gets none.

    Raises:
        WrongAnswerError: The answer is neither 101 nor 503, or not to this handshake.

    """
    end = stream.find(_END)
    if end < 0:
        return Step.WAITING
    status = stream[9:12]
    if status == b"503":
        return Step.REFUSED
    if status != b"101" or ACCEPT not in stream[:end]:
        raise WrongAnswerError(f"a handshake was answered with {stream[:100]!r}")
    return Step.BACK if not last or stream.find(last, end) >= 0 else Step.WAITING


def retry_after(stream: bytes, usual: float) -> float:
    """Return the seconds after which a client that was refused may come again."""
    _, found, rest = stream.lower().partition(_RETRY_AFTER)
    value = rest.partition(b"\r\n")[0].strip()
    return float(value) if found and value.isdigit() else usual


class Storm(NamedTuple):
    """What a storm was like."""

    wall: float
    """Seconds until all were back, with everything."""
    cpu: float
    """Seconds of the server's CPU until then."""
    core: float
    """Share of the time that its core was busy."""
    refused: int
    """Answers that told a client to come again later."""
    before: list[float]
    """Milliseconds from publishing an event until all who stayed had it, with everybody in."""
    during: list[float]
    """The same, of events that were published while the others came back."""
