"""What a delivery takes, plain and deflated: its bytes, and CPU of the server."""

import json
import select
import socket
import time
from pathlib import Path
from typing import NamedTuple, Self

from redis import Redis
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.protocol import CLIENT, OPEN, Protocol

from bench.connections import StuckError, address, check_handshake, knock
from bench.cores import BenchError, Usage, processes_of
from bench.fanout import CLIENTS, RATE, USUAL, Bench, bench
from bench.load import PATIENCE
from bench.rows import KEY, Row, compressing
from bench.servers.redis_channel import CHANNEL
from bench.summary import median, short, spread
from hsi.keys import key_protocol

ROUNDS = 3
KINDS = ("event", "performance_update")
EXAMPLES = Path(__file__).parent.parent / "tests/golden"
MESSAGES = 40
"""Of a round and kind."""
_OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
_SCRAP = bytearray(1024 * 1024)
_MICRO = 1e6


class Delivery(NamedTuple):
    """One delivery, on average."""

    size: float
    """Bytes."""
    cpu: float
    """Microseconds of the server."""


class Crowd:
    """Clients that count bytes, and one that reads its frames."""

    def __init__(self, server: tuple[str, int], *, compressed: bool) -> None:
        """Connect all of them.

        Args:
            server: Host and port.
            compressed: Whether they accept deflated messages.

        """
        offer = f"Sec-WebSocket-Protocol: {key_protocol(KEY)}\r\n" + _OFFER * compressed
        self._clients: dict[int, socket.socket] = {}
        self._got: dict[int, int] = {}
        self._epoll = select.epoll()
        for _ in range(CLIENTS):
            client, key = knock(server, offer, narrow=False)
            client.settimeout(PATIENCE)
            check_handshake(client.recv(65536), key, compressed=compressed)
            client.settimeout(0)
            self._clients[client.fileno()] = client
            self._got[client.fileno()] = 0
            self._epoll.register(client, select.EPOLLIN)
        self._first = next(iter(self._clients))
        self._reader = Protocol(CLIENT, state=OPEN)
        if compressed:
            self._reader.extensions = [
                PerMessageDeflate(
                    remote_no_context_takeover=True,
                    local_no_context_takeover=True,
                    remote_max_window_bits=15,
                    local_max_window_bits=15,
                )
            ]
        self.read: list[bytes] = []
        """What the first of them was sent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all of them."""
        for client in self._clients.values():
            client.close()
        self._epoll.close()

    def hear(self, seconds: float) -> bool:
        """Take what comes within some seconds; return whether anything did."""
        events = self._epoll.poll(seconds)
        for descriptor, _ in events:
            if descriptor == self._first:
                data = self._clients[descriptor].recv(65536)
                self._reader.receive_data(data)
                self.read += [
                    bytes(event.data)
                    for event in self._reader.events_received()
                    if isinstance(event, Frame)
                ]
                self._got[descriptor] += len(data)
            else:
                self._got[descriptor] += self._clients[descriptor].recv_into(
                    _SCRAP, 0, socket.MSG_TRUNC
                )
        return bool(events)

    def bytes_each(self) -> int | None:
        """Return how many bytes each client has; None: not all have the same."""
        sizes = set(self._got.values())
        return sizes.pop() if len(sizes) == 1 else None


def messages(kind: str, count: int) -> list[bytes]:
    """Return messages of the seed's example of a kind, no two alike."""
    message = json.loads((EXAMPLES / f"{kind}.json").read_bytes())
    return [
        json.dumps(message | {"number": 100_000 + number}, separators=(",", ":")).encode()
        for number in range(count)
    ]


def measure(one: Bench, crowd: Crowd, pids: list[int], payloads: list[bytes]) -> Delivery:
    """Publish messages, and wait until all clients have them.

    Raises:
        StuckError: They do not come.
        BenchError: A client was sent something else.

    """
    count = len(payloads)
    crowd.read.clear()
    size_before = crowd.bytes_each() or 0
    with Redis.from_url(one.redis_url) as redis:
        before = Usage.now(pids, one.cores)
        for number, payload in enumerate(payloads):
            redis.publish(CHANNEL, payload)
            due = before.wall + (number + 1) / RATE
            while (left := due - time.perf_counter()) > 0:
                crowd.hear(left)
        while len(crowd.read) < count or crowd.bytes_each() is None:
            if not crowd.hear(PATIENCE):
                raise StuckError("not all clients got every message")
        used = Usage.now(pids, one.cores).since(before)
    if crowd.read != payloads:
        raise BenchError("a client was sent what was not published")
    size = (crowd.bytes_each() or 0) - size_before
    return Delivery(size / count, used.cpu / (count * CLIENTS) * _MICRO)


def main(_folder: Path) -> None:
    """Measure and print."""
    row = Row("compressing", "ours, with COMPRESSION", compressing)
    found: dict[tuple[str, bool], list[Delivery]] = {}
    with bench(USUAL) as one, one.started(row) as server:
        pids = processes_of(server.pid)
        for _ in range(ROUNDS):
            for compressed in (False, True):
                with Crowd(address(server.url), compressed=compressed) as crowd:
                    one.wait_until_subscribed(row)
                    measure(one, crowd, pids, messages(KINDS[0], 2))
                    for kind in KINDS:
                        delivery = measure(one, crowd, pids, messages(kind, MESSAGES))
                        found.setdefault((kind, compressed), []).append(delivery)
    print(f"A delivery to {CLIENTS:,} clients at {RATE:.0f} messages/s, {ROUNDS} rounds")
    for (kind, compressed), deliveries in sorted(found.items()):
        sizes, cpus = zip(*deliveries, strict=True)
        name = f"{kind}, {'deflated' if compressed else 'plain'}"
        print(f"  {name:29} {short(median(sizes))} bytes, {spread(cpus)} µs of CPU")
