"""Innocent clients of a replica, and how long they wait for what is published meanwhile."""

import select
import socket
import time
from contextlib import suppress
from typing import NamedTuple, Self

from bench.connections import Publisher, StuckError
from bench.cores import BenchError
from bench.frames import Messages
from bench.results import EVENT_SIZE
from bench.returning import Step, request, step

RATE = 20.0
"""Messages a second."""
PATIENCE = 20.0
"""Seconds that a message may take."""
PROBE_INTERVAL = 0.25
_PROBE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_SCRAP = bytearray(1024 * 1024)
_EVENTS = 16
"""Events of epoll taken at once: few, so that the time of a delivery is known closely."""


class Watched(NamedTuple):
    """What a while was like; in milliseconds."""

    delays: list[float]
    """From publishing a message until a client has it: of each message and client."""
    probes: list[float]
    """What `/health/live` took, over a new connection each."""


class Innocents:
    """Some clients, one publisher and one who asks `/health/live`, on one epoll."""

    def __init__(
        self,
        server: tuple[str, int],
        redis: tuple[str, int],
        *,
        channel: str,
        target: str,
        subprotocol: str,
    ) -> None:
        """Prepare; leaving the context ends every connection.

        Args:
            server: The replica.
            redis: Where is published.
            channel: What is published to.
            target: Path and query of the handshakes.
            subprotocol: What they offer.

        """
        self._server = server
        self._handshake = request(*server, target, subprotocol)
        self._epoll = select.epoll()
        self._clients: dict[int, socket.socket] = {}
        self._got: dict[int, int] = {}
        self._publisher = Publisher(redis, channel=channel, over_http=False)
        self._epoll.register(self._publisher.socket, select.EPOLLIN)
        self._messages = Messages(EVENT_SIZE)
        self._published: list[float] = []
        self._delays: list[float] = []
        self._probes: list[float] = []
        self._probe: socket.socket | None = None
        self._asked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (*self._clients.values(), self._publisher.socket, self._probe):
            if client:
                client.close()
        self._epoll.close()

    def come(self, count: int) -> None:
        """Let clients in, one after the other.

        Raises:
            BenchError: One is not let in.

        """
        for _ in range(count):
            client = socket.create_connection(self._server, PATIENCE)
            client.sendall(self._handshake)
            heard = b""
            while (how := step(heard, b"")) is Step.WAITING and (part := client.recv(65536)):
                heard += part
            if how is not Step.BACK:
                raise BenchError(f"an innocent client was not let in: {heard[:80]!r}")
            client.settimeout(0)
            self._clients[client.fileno()] = client
            self._epoll.register(client, select.EPOLLIN | select.EPOLLET)
        self.rest(1)

    def rest(self, seconds: float) -> None:
        """Take what comes for a while, and forget it."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._turn(left)
        self._got = dict.fromkeys(self._clients, 0)
        self._published.clear()

    def watch(self, seconds: float) -> Watched:
        """Publish for a while; return what it was like.

        Raises:
            StuckError: Something does not arrive.
            BenchError: A client was closed.

        """
        self.rest(0.1)
        self._delays, self._probes = [], []
        count = round(seconds * RATE)
        due = asking = began = time.perf_counter()
        while len(self._delays) < count * len(self._clients):
            now = time.perf_counter()
            if now - began > seconds + PATIENCE:
                raise StuckError("a message did not reach all innocent clients")
            if now >= due and len(self._published) < count:
                number = len(self._published)
                self._published.append(now)
                self._publisher.publish(self._messages, range(number, number + 1))
                due += 1 / RATE
            if now >= asking and self._probe is None:
                asking = now + PROBE_INTERVAL
                self._ask()
            self._turn(max(0.0, min(due, asking) - now) if len(self._published) < count else 0.05)
        return Watched(self._delays, self._probes)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._probe = socket.socket()
        self._probe.settimeout(0)
        with suppress(BlockingIOError):
            self._probe.connect(self._server)
        self._epoll.register(self._probe, select.EPOLLOUT)

    def _go_on_asking(self, probe: socket.socket, events: int) -> None:
        try:
            if events == select.EPOLLOUT:
                probe.sendall(_PROBE)
                self._epoll.modify(probe, select.EPOLLIN)
                return
            is_live = probe.recv(65536).startswith(b"HTTP/1.1 200")
        except OSError:
            is_live = False
        probe.close()
        self._probe = None
        # A probe that is refused counts as one that nobody has answered.
        took = time.perf_counter() - self._asked if is_live else PATIENCE
        self._probes.append(took * 1000)

    def _turn(self, timeout: float) -> None:
        for descriptor, events in self._epoll.poll(timeout, _EVENTS):
            if client := self._clients.get(descriptor):
                with suppress(BlockingIOError):
                    while received := client.recv_into(_SCRAP, 0, socket.MSG_TRUNC):
                        self._count(descriptor, received)
                    raise BenchError("the server closed an innocent client")
            elif self._probe and descriptor == self._probe.fileno():
                self._go_on_asking(self._probe, events)
            else:
                self._publisher.hear()

    def _count(self, descriptor: int, received: int) -> None:
        now = time.perf_counter()
        before = self._got.get(descriptor, 0)
        self._got[descriptor] = after = before + received
        size = self._messages.frame_size
        newly = self._published[before // size : after // size]
        self._delays += [(now - published) * 1000 for published in newly]
