"""Connections of the load generator: a publisher's, and what a client's handshake must be."""

import base64
import os
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.utils import accept_key

from bench.cores import BenchError
from bench.frames import Messages

PATH = "/ws/events"
NARROW_MSS = 1400
NARROW_BUFFER = 16 * 1024
"""A stalled client has the segments and the buffer of one at the end of a wire. With loopback's,
the kernel would take megabytes for it, and no server would notice that it stalls."""


class StuckError(BenchError):
    """Nothing arrived any more, though it was published."""


class Publisher:
    """A connection that publishes: pipelined PUBLISH commands, or POST requests."""

    def __init__(self, address: tuple[str, int], *, channel: str, over_http: bool) -> None:
        """Connect.

        Args:
            address: Redis, or the server itself.
            channel: Redis channel; or path, over HTTP.
            over_http: Whether to POST instead.

        """
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self._channel = channel
        self._over_http = over_http
        self._unsent = b""

    def prefix(self, size: int) -> bytes:
        """Return what goes before each message of this size."""
        if self._over_http:
            return (
                f"POST {self._channel} HTTP/1.1\r\nHost: bench\r\n"
                f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
            ).encode()
        name = self._channel.encode()
        return b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n" % (len(name), name, size)

    def publish(self, messages: Messages, numbers: range) -> None:
        """Publish a batch in one pipeline; what the socket does not take goes with `go_on`."""
        before = self.prefix(messages.size)
        after = b"" if self._over_http else b"\r\n"
        self._unsent += b"".join(before + messages.payload(number) + after for number in numbers)
        self.go_on()

    def go_on(self) -> None:
        """Send what waits, as far as it goes."""
        with suppress(BlockingIOError):
            while self._unsent:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]

    def hear(self) -> None:
        """Read the answers, and mind only refusals.

        Raises:
            BenchError: It was refused.

        """
        with suppress(BlockingIOError):
            while True:
                answers = self.socket.recv(65536)
                bad = (b"HTTP/1.1 4", b"HTTP/1.1 5") if self._over_http else (b"-",)
                if not answers or any(word in answers for word in bad):
                    raise BenchError(f"publishing was refused: {answers[:200]!r}")


def knock(server: tuple[str, int], offer: str, *, narrow: bool) -> tuple[socket.socket, str]:
    """Connect a client and send its handshake.

    Args:
        server: Host and port.
        offer: The header that offers subprotocols, or nothing.
        narrow: Give it the segments and the buffer of a client at the end of a wire.

    Returns:
        The client, and the key that the answer must accept.

    """
    client = socket.socket()
    if narrow:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, NARROW_MSS)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BUFFER)
    client.connect(server)
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        (
            f"GET {PATH} HTTP/1.1\r\nHost: {server[0]}:{server[1]}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"{offer}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()
    )
    client.settimeout(0)
    return client, key


def check_handshake(response: bytes, key: str, *, compressed: bool = False) -> None:
    """Check the answer to a handshake.

    Args:
        response: The answer, and what came behind it.
        key: What was sent with the request.
        compressed: Whether deflated messages were offered, and are to be accepted.

    Raises:
        BenchError: It is not the one that RFC 6455 asks for, or has more behind it.

    """
    head, _, rest = response.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    if status.split()[1:2] != ["101"]:
        raise BenchError(f"a handshake was refused: {status}")
    if headers.get("sec-websocket-accept") != accept_key(key):
        raise BenchError("a handshake was answered with a wrong Sec-WebSocket-Accept")
    if ("sec-websocket-extensions" in headers) is not compressed:
        raise BenchError("a server compresses unasked, or does not though it was asked to")
    if rest:
        raise BenchError("a server sent something before anything was published")


def address(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80
