"""A storm of reconnects: thousands of clients are cut off at once, and all come back at once.

Some stay, and hear events meanwhile. Ours come back with `?since=`, and are back when they have
what was published while they were away; the peers have no resume, so theirs are back when they are
in.
"""

import contextlib
import gc
import heapq
import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, Self

from bench.connections import PATH, Publisher, StuckError, address
from bench.cores import BenchError, Usage, processes_of
from bench.fanout import QUICK, USUAL, Bench, bench, say
from bench.frames import Messages
from bench.parts import EVENT
from bench.results import EVENT_SIZE
from bench.returning import Step, Storm, WrongAnswerError, request, retry_after, step
from bench.rows import ROWS, Row, those_here
from bench.servers.redis_channel import CHANNEL
from bench.summary import median, percentile, short, spread
from hsi.sync_publisher import SyncPublisher
from local.processes import NotReadyError

CLIENTS = 10_000
QUICK_CLIENTS = 1000
STAYING = 500
MISSED = 10
"""Events that are published while the clients are away."""
RATE = 5.0
"""Events a second, before and during the storm: with all clients, a third of a core."""
EVENTS_BEFORE = 25
COMPARED = ("ours", "baseline", "bun", "picows")
RESUMING = frozenset({"ours", "baseline"})
CONCURRENCY = 400
"""Connections under way at once. With more than a server's backlog, of which Bun's 512 is the
least, it would be the kernel's patience for a lost SYN that is measured: 1 s, then 3 s."""
ADDRESSES = 16
"""127.0.1.x that clients come from: one address has ports for 28,000, closed ones included."""
RETRY = 0.25
"""Seconds, about, after which a client that was refused comes again, unless it is told when."""
PATIENCE = 10.0
"""Seconds without any progress after which a server counts as stuck."""
LONGEST = 120.0
"""Seconds that a storm may take."""
_SCRAP = bytearray(1024 * 1024)
_EVENTS = 16
"""Events of epoll taken at once: few, so that the time of a delivery is known closely."""
_AT_ONCE = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER: a close sends an RST, as when an ingress or a pod dies."""


class Knocking(NamedTuple):
    """A client on its way in."""

    socket: socket.socket
    heard: bytearray


class Crowd:
    """Those who stay, those who come back, and one publisher, on one epoll."""

    def __init__(self, server: tuple[str, int], redis: tuple[str, int], subprotocol: str) -> None:
        """Prepare; leaving the context ends every connection."""
        self._server = server
        self._subprotocol = subprotocol
        self._epoll = select.epoll()
        self._clients: list[socket.socket] = []
        self._staying: dict[int, socket.socket] = {}
        self._got: dict[int, int] = {}
        self._coming: dict[int, Knocking] = {}
        self._publisher = Publisher(redis, channel=CHANNEL, over_http=False)
        self._epoll.register(self._publisher.socket, select.EPOLLIN)
        self._messages = Messages(EVENT_SIZE)
        self._published: list[float] = []
        self._arrived: list[float] = []
        self._due = float("inf")
        self.refused = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_off()
        for client in self._staying.values():
            _drop(client)
        for coming in self._coming.values():
            coming.socket.close()
        self._publisher.socket.close()
        self._epoll.close()

    def stay(self, count: int) -> None:
        """Let clients in that stay, and hear events."""
        self.come(count)
        for client in self._clients[-count:]:
            self._staying[client.fileno()] = client
            self._got[client.fileno()] = 0
            self._epoll.register(client, select.EPOLLIN | select.EPOLLET)
        del self._clients[-count:]

    def cut_off(self) -> None:
        """End all connections but those that stay, at once and without a word."""
        for client in self._clients:
            _drop(client)
        self._clients.clear()

    def come(self, count: int, *, target: str = PATH, last: bytes = b"") -> None:
        """Let clients come, all at once, until each is in and has everything.

        Args:
            count: How many.
            target: Path and query.
            last: What only the last message that they missed holds; empty: they get none.

        Raises:
            StuckError: Nothing moves any more.
            WrongAnswerError: A handshake was answered as none may be.

        """
        handshake = request(*self._server, target, self._subprotocol)
        waiting: deque[int] = deque(range(count))
        later: list[tuple[float, int]] = []
        missing = count
        began = progress = time.perf_counter()
        while missing:
            now = time.perf_counter()
            if now - began > LONGEST:
                raise StuckError(f"{missing} of {count} clients were not in after {LONGEST:.0f} s")
            while later and later[0][0] <= now:
                waiting.append(heapq.heappop(later)[1])
            while waiting and len(self._coming) < CONCURRENCY:
                self._knock(waiting.popleft(), handshake)
                # Those who stay are looked at in between.
                if len(self._coming) % _EVENTS == 0:
                    break
            for descriptor in self._turn(0 if waiting else 0.01):
                moved = self._hear(self._coming[descriptor], last)
                if moved is Step.WAITING:
                    continue
                progress = time.perf_counter()
                client, heard = self._coming.pop(descriptor)
                self._epoll.unregister(descriptor)
                if moved is Step.BACK:
                    # What comes later stays in the kernel's buffer: it is little.
                    self._clients.append(client)
                    missing -= 1
                    continue
                client.close()
                self.refused += 1
                pause = retry_after(bytes(heard), RETRY) * random.uniform(0.5, 1.5)  # noqa: S311 (load)
                heapq.heappush(later, (progress + pause, self.refused))
            if not later and time.perf_counter() - progress > PATIENCE:
                raise StuckError(f"{missing} of {count} clients did not get in")

    def _knock(self, number: int, handshake: bytes) -> None:
        client = socket.socket()
        client.bind((f"127.0.1.{number % ADDRESSES + 1}", 0))
        client.connect(self._server)
        client.sendall(handshake)
        client.settimeout(0)
        self._coming[client.fileno()] = Knocking(client, bytearray())
        self._epoll.register(client, select.EPOLLIN)

    def _hear(self, coming: Knocking, last: bytes) -> Step:
        try:
            received = coming.socket.recv(65536)
        except BlockingIOError:
            return Step.WAITING
        except ConnectionResetError:
            received = b""
        if not received:
            return Step.REFUSED
        coming.heard.extend(received)
        return step(bytes(coming.heard), last)

    # --- events for those who stay ---

    def watch(self) -> None:
        """Publish events from now on, and look when those who stay have them."""
        self._got = dict.fromkeys(self._got, 0)
        self._published.clear()
        self._arrived.clear()
        self._due = time.perf_counter()

    def wait(self, count: int) -> list[float]:
        """Go on until so many events were published; return how long each took, in milliseconds.

        Raises:
            StuckError: One does not arrive.

        """
        while len(self._published) < count:
            self._turn(0.01)
        return self.settle()

    def settle(self) -> list[float]:
        """Publish no more; return how long each event took, in milliseconds.

        Raises:
            StuckError: One does not arrive.

        """
        self._due = float("inf")
        deadline = time.perf_counter() + PATIENCE
        while len(self._arrived) < len(self._published):
            self._turn(0.01)
            if time.perf_counter() > deadline:
                raise StuckError("an event did not reach all who stayed")
        return [
            (end - start) * 1000 for start, end in zip(self._published, self._arrived, strict=True)
        ]

    def drain(self, seconds: float) -> None:
        """Take what comes for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._turn(left)

    def _turn(self, timeout: float) -> list[int]:
        """Do what is due for those who stay; return the others that have heard something."""
        now = time.perf_counter()
        if now >= self._due:
            number = len(self._published)
            self._published.append(now)
            self._publisher.publish(self._messages, range(number, number + 1))
            self._due += 1 / RATE
        timeout = max(0.0, min(timeout, self._due - now))
        others: list[int] = []
        heard = False
        for descriptor, _ in self._epoll.poll(timeout, _EVENTS):
            if client := self._staying.get(descriptor):
                heard = True
                with contextlib.suppress(BlockingIOError):
                    while received := client.recv_into(_SCRAP, 0, socket.MSG_TRUNC):
                        self._got[descriptor] += received
                    raise BenchError("the server closed a client that stays")
            elif descriptor in self._coming:
                others.append(descriptor)
            else:
                self._publisher.hear()
        if heard and len(self._arrived) < len(self._published):
            now = time.perf_counter()
            complete = min(self._got.values()) // self._messages.frame_size
            self._arrived += [now] * (complete - len(self._arrived))
        return others


def _drop(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    client.close()


def storm(one: Bench, row: Row, clients: int) -> Storm:
    """Let one server go through a storm.

    Args:
        one: The bench.
        row: The server.
        clients: How many are cut off.

    Raises:
        BenchError: It does not come through, or this machine cannot do it.
        WrongAnswerError: It answers as no server may.

    """
    with (
        one.started(row) as server,
        SyncPublisher(one.redis_url) as publisher,
        Crowd(address(server.url), address(one.redis_url), row.subprotocol) as crowd,
    ):
        crowd.stay(STAYING)
        one.wait_until_subscribed(row)
        crowd.come(clients)
        cursor = publisher.publish(CHANNEL, EVENT).cursor
        crowd.drain(1)
        crowd.watch()
        before = crowd.wait(EVENTS_BEFORE)
        crowd.cut_off()
        missed = [publisher.publish(CHANNEL, EVENT).cursor for _ in range(MISSED)]
        crowd.drain(1)  # What the leaving cost is not the coming's.
        target, last = PATH, b""
        if row.name in RESUMING:
            target, last = f"{PATH}?since={cursor}", f'"{missed[-1]}"'.encode()
        pids = processes_of(server.pid)
        crowd.watch()
        began = Usage.now(pids, one.cores)
        crowd.come(clients, target=target, last=last)
        used = Usage.now(pids, one.cores).since(began)
        return Storm(
            wall=used.wall,
            cpu=used.cpu,
            core=used.server_core / used.wall,
            refused=crowd.refused,
            before=before,
            during=crowd.settle(),
        )


def measure(*, runs: int, quick: bool) -> Iterator[tuple[Row, list[Storm]]]:
    """Let each server go through storms, in turn; yield what they were like, row by row.

    Raises:
        BenchError: This machine cannot do it.

    """
    here, absent = those_here(row for row in ROWS if row.name in COMPARED)
    for name, why in absent.items():
        say(f"{name} is left out: {why}")
    found: dict[str, list[Storm]] = {row.name: [] for row in here}
    with bench(QUICK if quick else USUAL) as one:
        for number in range(1, runs + 1):
            for row in here:
                say(f"storm {number} of {runs}: {row.name}")
                try:
                    found[row.name].append(storm(one, row, QUICK_CLIENTS if quick else CLIENTS))
                except (BenchError, NotReadyError, OSError, WrongAnswerError) as error:
                    say(f"  {type(error).__name__}: {error}".splitlines()[0])
                gc.collect()
    yield from ((row, found[row.name]) for row in here)


def line(row: Row, storms: list[Storm]) -> str:
    """Return a row of the table: medians, the least and the greatest."""
    title = row.name + (", with ?since=" if row.name in RESUMING else "")
    if not storms:
        return f"  {title:20} failed"
    before = [delay for each in storms for delay in each.before]
    during = [delay for each in storms for delay in each.during]
    slower = short(percentile(during, 99) / percentile(before, 99)) if during else "-"
    return (
        f"  {title:20} all back after {spread([each.wall for each in storms])} s,"
        f" {spread([each.cpu for each in storms])} s of CPU,"
        f" its core {median([each.core for each in storms]) or 0:.0%} busy,"
        f" {spread([each.refused for each in storms])} refusals;"
        f" events' p50 {short(percentile(before, 50))} then"
        f" {short(percentile(during, 50)) if during else '-'} ms,"
        f" p99 {short(percentile(before, 99))} then"
        f" {short(percentile(during, 99)) if during else '-'} ms: {slower} times"
    )


def main(*, runs: int, quick: bool) -> None:
    """Measure and print.

    Raises:
        BenchError: This machine cannot do it.

    """
    clients = QUICK_CLIENTS if quick else CLIENTS
    print(
        f"{clients:,} clients cut off at once, and back at once; {STAYING} stay, and get {RATE:g} "
        f"events/s. Ours missed {MISSED} events and get them; the others have no resume."
    )
    for row, storms in measure(runs=runs, quick=quick):
        print(line(row, storms))
