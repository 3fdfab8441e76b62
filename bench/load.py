"""The load generator: thousands of clients and a few publishers, in one process, on one epoll.

Clients only count: the kernel throws their bytes away (MSG_TRUNC), and since all frames of a
measurement have one size, bytes are messages. A few keep everything, and prove what the others got.
Publishers are a closed loop: each publishes its next batch when all clients have its last one, so
the backlog is bounded, and the same, whatever the server's speed.
"""

import random
import select
import socket
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from bench.connections import Publisher, StuckError, check_handshake, knock
from bench.cores import BenchError, Cores, Usage
from bench.frames import Messages, Witness, WrongDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

CONCURRENCY = 50
"""Handshakes under way at once."""
PUBLISHERS = 16
SAMPLE = 4
"""Clients that keep what they get; the first is parsed, the others must equal it."""
PATIENCE = 3.0
"""Seconds without any delivery after which a server counts as stuck."""
SETTLE = 0.05
"""Seconds after the last delivery in which nothing more may come."""
_SCRAP = bytearray(64 * 1024 * 1024)
"""Where discarded bytes do not go: with MSG_TRUNC only its size matters, and more never waits."""
_AT_ONCE = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER: a close sends an RST."""
_EVENTS = 64
"""Events taken at once: few, so that the time of a delivery is known closely."""
_CLIENT_MASK = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET


class Saturated(NamedTuple):
    """What a server did when it always had something to do."""

    deliveries: int
    used: Usage


class Paced(NamedTuple):
    """What a server did at a rate that all of them can do."""

    deliveries: int
    used: Usage
    delays: list[float]
    """Seconds from the publishing of each message until the last client had all of it."""


class Load:
    """Clients and publishers of one server."""

    def __init__(
        self,
        server: tuple[str, int],
        publish_to: tuple[str, int],
        *,
        channel: str,
        over_http: bool,
        subprotocol: str = "",
    ) -> None:
        """Prepare; `close` ends it.

        Args:
            server: Address of the server.
            publish_to: Address of who is published to: Redis, or the server itself over HTTP.
            channel: Redis channel, or path over HTTP.
            over_http: Whether to publish with POST requests.
            subprotocol: What clients offer; empty for none.

        """
        self._server = server
        self._offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
        self._epoll = select.epoll()
        self._clients: list[socket.socket] = []
        self._got: list[int] = []  # bytes, by client
        self._index: dict[int, int] = {}  # client, by descriptor
        self._receive: dict[int, Callable[[bytearray, int, int], int]] = {}
        self._sample: dict[int, tuple[socket.socket, bytearray]] = {}
        self._stalled: list[socket.socket] = []
        self._least = 0  # bytes that every client has
        self._last = 0  # a client that has no more than that
        self._progress = 0.0
        self._witness: Witness | None = None
        self._ended: deque[tuple[int, int]] = deque()
        self._publishers = {
            publisher.socket.fileno(): publisher
            for publisher in (
                Publisher(publish_to, channel=channel, over_http=over_http)
                for _ in range(PUBLISHERS)
            )
        }
        for descriptor in self._publishers:
            self._epoll.register(
                descriptor, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET | select.EPOLLRDHUP
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection, at once and without a trace (RST leaves no TIME_WAIT)."""
        for client in (*self._clients, *self._stalled):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            client.close()
        for publisher in self._publishers.values():
            publisher.socket.close()
        self._epoll.close()

    @property
    def clients(self) -> int:
        """How many clients read."""
        return len(self._clients)

    # --- handshakes ---

    def connect(self, count: int, *, narrow: bool = False, seconds: float = 60) -> int:
        """Connect clients, with real handshakes, CONCURRENCY at once.

        Args:
            count: How many more.
            narrow: Whether they have the small buffers of clients that shall stall.
            seconds: Begin none after so long.

        Returns:
            How many were connected.

        Raises:
            BenchError: A handshake was refused, or not answered as it must be.

        """
        coming: dict[int, tuple[socket.socket, str, bytearray]] = {}
        epoll = select.epoll()
        begun = done = 0
        deadline = time.perf_counter() + seconds
        try:
            while begun < count or coming:
                while begun < count and len(coming) < CONCURRENCY:
                    if time.perf_counter() > deadline:
                        count = begun
                        break
                    client, key = knock(self._server, self._offer, narrow=narrow)
                    coming[client.fileno()] = client, key, bytearray()
                    epoll.register(client, select.EPOLLIN)
                    begun += 1
                events = epoll.poll(PATIENCE)
                if not events:
                    raise StuckError(f"no handshake was answered for {PATIENCE:.0f} s")
                for descriptor, _ in events:
                    client, key, response = coming[descriptor]
                    response += client.recv(65536)
                    if b"\r\n\r\n" not in response:
                        if not response:
                            raise BenchError("a handshake was not answered, but closed")
                        continue
                    check_handshake(bytes(response), key)
                    epoll.unregister(client)
                    del coming[descriptor]
                    self._admit(client)
                    done += 1
        finally:
            epoll.close()
            for client, _, _ in coming.values():
                client.close()
        return done

    def _admit(self, client: socket.socket) -> None:
        descriptor = client.fileno()
        self._index[descriptor] = len(self._clients)
        if len(self._clients) < SAMPLE:
            self._sample[descriptor] = client, bytearray()
        else:
            self._receive[descriptor] = client.recv_into
        self._clients.append(client)
        self._got.append(0)
        self._epoll.register(descriptor, _CLIENT_MASK)

    def stall(self, count: int) -> None:
        """Let the newest clients read no more."""
        for _ in range(count):
            client = self._clients.pop()
            self._got.pop()
            descriptor = client.fileno()
            self._epoll.unregister(descriptor)
            del self._index[descriptor], self._receive[descriptor]
            self._stalled.append(client)

    def leave(self, count: int) -> int:
        """Let some clients leave, half of them without a word; return how many left."""
        leaving = random.sample(self._clients[SAMPLE:], count)
        for number, client in enumerate(leaving):
            descriptor = client.fileno()
            self._epoll.unregister(descriptor)
            del self._receive[descriptor]
            if number % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            client.close()
        self._clients = [client for client in self._clients if client.fileno() >= 0]
        self._got = [0] * len(self._clients)
        self._index = {client.fileno(): index for index, client in enumerate(self._clients)}
        return count

    # --- measurements ---

    def saturate(
        self,
        messages: Messages,
        batch: int,
        *,
        warm: float,
        seconds: float,
        pids: list[int],
        cores: Cores,
    ) -> Saturated:
        """Publish as fast as all clients get it.

        Args:
            messages: What to publish.
            batch: Messages per pipeline.
            warm: Seconds before it counts.
            seconds: Seconds that count.
            pids: The server's processes.
            cores: Who runs where.

        Raises:
            StuckError: Deliveries stopped.
            WrongDeliveryError: A client did not get exactly every message.

        """
        self._begin(messages, batch)
        published = 0
        owners: list[Publisher] = []
        began = time.perf_counter()
        before: tuple[int, Usage] | None = None
        after: tuple[int, Usage] | None = None
        idle = deque(self._publishers.values())
        while after is None:
            for publisher in idle:
                owners.append(publisher)
                publisher.publish(messages, range(published, published + batch))
                published += batch
            idle.clear()
            now = self._turn(0.05)
            while self._ended and self._ended[0][1] * messages.frame_size <= self._least:
                idle.append(owners[self._ended.popleft()[0]])
            if before is None and now - began >= warm:
                before = sum(self._got), Usage.now(pids, cores)
            elif before and now - before[1].wall >= seconds:
                after = sum(self._got), Usage.now(pids, cores)
        if before is None:
            raise BenchError("nothing was measured")
        self._finish(messages, published)
        return Saturated((after[0] - before[0]) // messages.frame_size, after[1].since(before[1]))

    def pace(
        self, messages: Messages, rate: float, count: int, *, pids: list[int], cores: Cores
    ) -> Paced:
        """Publish at a fixed rate, one message at a time.

        Args:
            messages: What to publish.
            rate: Messages a second.
            count: Messages.
            pids: The server's processes.
            cores: Who runs where.

        Raises:
            StuckError: Deliveries stopped.
            WrongDeliveryError: A client did not get exactly every message.

        """
        self._begin(messages, 1)
        publisher = next(iter(self._publishers.values()))
        before = Usage.now(pids, cores)
        began = before.wall + 0.01
        published: list[float] = []
        arrived: list[float] = []
        size = messages.frame_size
        while len(arrived) < count:
            due = began + len(published) / rate - time.perf_counter()
            if len(published) < count and due <= 0:
                number = len(published)
                published.append(time.perf_counter())
                publisher.publish(messages, range(number, number + 1))
                continue
            now = self._turn(due if len(published) < count else 0.05)
            while len(arrived) < self._least // size:
                arrived.append(now)
        used = Usage.now(pids, cores).since(before)
        self._finish(messages, count)
        delays = [end - start for start, end in zip(published, arrived, strict=True)]
        return Paced(count * self.clients, used, delays)

    def prime(self, messages: Messages, count: int) -> None:
        """Publish until the buffers of those who do not read are full.

        Raises:
            StuckError: The others get nothing either.

        """
        self._begin(messages, 1)
        publisher = next(iter(self._publishers.values()))
        for number in range(count):
            publisher.publish(messages, range(number, number + 1))
            while self._least < (number + 1) * messages.frame_size:
                self._turn(0.05)
        self._finish(messages, count)

    def _begin(self, messages: Messages, batch: int) -> None:
        self._got = [0] * len(self._clients)
        self._least = self._last = 0
        self._witness = Witness(messages, batch)
        self._ended.clear()
        for _, stream in self._sample.values():
            stream.clear()
        self._progress = time.perf_counter()

    def _finish(self, messages: Messages, published: int) -> None:
        """Wait for what is under way, and check what every client got."""
        expected = published * messages.frame_size
        while self._least < expected:
            self._turn(0.05)
        settled = time.perf_counter() + SETTLE
        while (left := settled - time.perf_counter()) > 0:
            self._turn(left)
        wrong = sum(1 for got in self._got if got != expected)
        if wrong:
            raise WrongDeliveryError(f"{wrong} clients got more than what was published")
        first, *others = (stream for _, stream in self._sample.values())
        if any(other != first for other in others):
            raise WrongDeliveryError("clients got different messages, or in different order")

    def _turn(self, timeout: float) -> float:
        """Take what has come; return when that was."""
        events = self._epoll.poll(timeout, _EVENTS)
        got, index, receive = self._got, self._index, self._receive
        delivered = False
        for descriptor, _ in events:
            if into := receive.get(descriptor):
                try:
                    size = into(_SCRAP, 0, socket.MSG_TRUNC)
                except BlockingIOError:
                    continue
                if not size:
                    raise WrongDeliveryError("the server closed a client that reads")
                got[index[descriptor]] += size
                delivered = True
            elif publisher := self._publishers.get(descriptor):
                publisher.go_on()
                publisher.hear()
            else:
                self._hear(descriptor)
                delivered = True
        now = time.perf_counter()
        if delivered:
            self._progress = now
        elif now - self._progress > PATIENCE:
            raise StuckError(f"nothing was delivered for {PATIENCE:.0f} s")
        if got[self._last] > self._least:
            self._least = min(got)
            self._last = got.index(self._least)
        return now

    def _hear(self, descriptor: int) -> None:
        """Keep what one of the sample gets."""
        client, stream = self._sample[descriptor]
        with suppress(BlockingIOError):
            while True:
                received = client.recv(1 << 20)
                if not received:
                    raise WrongDeliveryError("the server closed a client that reads")
                stream += received
                self._got[self._index[descriptor]] += len(received)
                if self._witness and client is self._clients[0]:
                    self._ended.extend(self._witness.hear(received))
