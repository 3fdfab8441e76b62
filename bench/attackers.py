"""Attacks on a replica, each by one process at full speed: `python -m bench.attackers NAME URL 5`.

An attack is a crowd of connections, and what is done with each; one that is closed comes again at
once. It ends by itself, and says what it has done.
"""

import enum
import json
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.connections import NARROW_BUFFER, NARROW_MSS
from bench.cores import allow_descriptors
from bench.returning import request
from bench.rows import DESCRIPTORS, KEY
from hsi.keys import key_protocol

JOB = "attacked"
"""The job that innocent clients of the joblogs service follow."""
MANY = 250
"""Addresses of an attacker that has many, as a botnet or an IPv6 provider's customer has."""
BURN = "burn"
"""No attack: a process that takes a core, and sends nothing."""
_HOST = "127.0.0.1"
_MASK = b"\0\0\0\0"
_RESET = struct.pack("ii", 1, 0)
_STALLED_WORD = 0.5
"""Seconds after which a client that reads nothing says something."""
_PIECE = 64 * 1024
_EVENTS = 256


class Manner(enum.Enum):
    """What is done with a connection after its opening."""

    FLOOD = enum.auto()
    """Send on as fast as it goes."""
    TALK = enum.auto()
    """Send again whenever something is answered."""
    LEAVE = enum.auto()
    """Leave once something is answered."""
    RUN = enum.auto()
    """Leave at once."""
    STALL = enum.auto()
    """Read nothing, and say something now and then."""


class Attack(NamedTuple):
    """A crowd of connections, all of which do the same."""

    name: str
    row: int
    """Of the issues that docs/security.md lists: attacks of a kind stand together."""
    manner: Manner
    opening: bytes
    then: bytes = b""
    connections: int = 50
    addresses: int = 1
    piece: int = _PIECE
    """Bytes of one write."""
    service: str = "events"
    history: bool = False
    """Whether there are 10,000 messages of 3 KB."""


def _frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    return bytes((opcode | (0x80 if final else 0), 0x80 | len(payload))) + _MASK + payload


def _handshake(target: str = "/ws/events", *, key: str = KEY, more: bytes = b"") -> bytes:
    whole = request(_HOST, 80, target, key_protocol(key))
    return whole[:-2] + more + b"\r\n"


def _get(path: str, more: bytes = b"") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {_HOST}\r\n".encode() + more + b"\r\n"


def _keys(count: int) -> bytes:
    return b"".join(b"X-API-Key: wrong%d\r\n" % number for number in range(count))


def _attacks() -> Iterator[Attack]:
    silent = b"GET /ws/events HTTP/1.1\r\nHost: "
    yield Attack("silence", 7, Manner.FLOOD, b"", connections=2000)
    yield Attack("half-handshakes", 7, Manner.FLOOD, silent, connections=2000)
    yield Attack("half-handshakes-many", 7, Manner.FLOOD, silent, connections=8000, addresses=MANY)
    fill = b"X-Fill: " + b"x" * 1000 + b"\r\n"
    yield Attack("huge-heads", 7, Manner.FLOOD, silent + b"x\r\n", fill * 64)
    yield Attack("huge-heads-many", 7, Manner.FLOOD, silent + b"x\r\n", fill * 64, addresses=MANY)
    for name, frame in (
        ("pongs", _frame(0xA)),
        ("pings", _frame(0x9)),
        ("empty-fragments", _frame(0x0, final=False)),
        ("tiny-messages", _frame(0x1, b"x")),
    ):
        opening = _handshake()
        if name == "empty-fragments":
            opening += _frame(0x1, final=False)
        flood = frame * (_PIECE // len(frame))
        yield Attack(f"{name}-1", 8, Manner.FLOOD, opening, flood, connections=1)
        yield Attack(f"{name}-50", 8, Manner.FLOOD, opening, flood)
        yield Attack(f"{name}-many", 8, Manner.FLOOD, opening, flood, 400, MANY)
    yield Attack(
        "tiny-segments", 8, Manner.FLOOD, _handshake(), _frame(0x2, b"x" * 100) * 100, piece=1
    )
    yield Attack(
        "tiny-segments-many",
        8,
        Manner.FLOOD,
        _handshake(),
        _frame(0x2, b"x" * 100) * 100,
        400,
        MANY,
        piece=1,
    )
    whole, log = "/ws/events?since=0-0", f"/ws/jobs/{JOB}/logs?since=0-0"
    for service, target in (("events", whole), ("joblogs", log)):
        for suffix, connections, addresses in (("", 490, 1), ("-many", 2000, MANY)):
            yield Attack(
                f"stalled-readers-{service}{suffix}",
                9,
                Manner.STALL,
                _handshake(target),
                _frame(0xA),
                connections,
                addresses,
                service=service,
                history=True,
            )
    critical = f"/ws/jobs/{JOB}/logs?level=CRITICAL"
    listing = _get("/api/jobs", b"X-API-Key: %b\r\n" % KEY.encode())
    yield Attack("api-jobs", 10, Manner.TALK, listing, listing, service="joblogs")
    for name, service, target in (
        ("critical", "joblogs", critical),
        ("since-joblogs", "joblogs", log),
        ("since-events", "events", whole),
    ):
        for suffix, addresses in (("", 1), ("-many", MANY)):
            yield Attack(
                f"{name}{suffix}",
                10,
                Manner.LEAVE,
                _handshake(target),
                addresses=addresses,
                service=service,
                history=True,
            )
    for suffix, addresses in (("", 1), ("-many", MANY)):
        elsewhere = _handshake("/ws/elsewhere")
        yield Attack(f"refused{suffix}", 12, Manner.LEAVE, elsewhere, addresses=addresses)
        no_key = request(_HOST, 80, "/ws/events", "")
        yield Attack(f"no-key{suffix}", 12, Manner.LEAVE, no_key, addresses=addresses)
    live = _get("/health/live")
    yield Attack("pipelined", 12, Manner.FLOOD, live, live * 100)
    yield Attack("requests", 12, Manner.TALK, live, live)
    yield Attack("pipelined-upgrades", 12, Manner.FLOOD, live, _handshake() * 50)
    for suffix, addresses in (("", 1), ("-many", MANY)):
        guess = _get("/api/session", _keys(100))
        yield Attack(f"guesses-http{suffix}", 15, Manner.TALK, guess, guess, addresses=addresses)
        offers = b"Sec-WebSocket-Protocol: " + b", ".join(
            b"api-key.wrong%d" % number for number in range(600)
        )
        many = _handshake(more=offers + b"\r\n")
        yield Attack(f"guesses-in-one{suffix}", 15, Manner.LEAVE, many, addresses=addresses)
        wrong = _handshake(key="wrong")
        yield Attack(f"guesses-ws{suffix}", 15, Manner.LEAVE, wrong, addresses=addresses)
    for suffix, addresses in (("", 1), ("-many", MANY)):
        yield Attack(f"storm{suffix}", 10, Manner.LEAVE, _handshake(), addresses=addresses)
        yield Attack(f"storm-away{suffix}", 10, Manner.RUN, _handshake(), addresses=addresses)
        yield Attack(f"accepts{suffix}", 10, Manner.RUN, b"", addresses=addresses)


ATTACKS = {attack.name: attack for attack in _attacks()}


class Connection:
    """One of an attacker's."""

    __slots__ = ("socket", "unsent")

    def __init__(self, one: socket.socket, opening: bytes) -> None:
        self.socket = one
        self.unsent = memoryview(opening)


class Attacker:
    """Keeps as many connections as an attack has."""

    def __init__(self, attack: Attack, server: tuple[str, int]) -> None:
        self._attack = attack
        self._server = server
        self._epoll = select.epoll()
        self._open: dict[int, Connection] = {}
        self.connected = self.sent = 0

    def run(self, seconds: float) -> None:
        """Attack for a while."""
        attack = self._attack
        end = time.perf_counter() + seconds
        word = 0.0
        while (now := time.perf_counter()) < end:
            for _ in range(min(_EVENTS, attack.connections - len(self._open))):
                self._connect()
            for descriptor, events in self._epoll.poll(0.01, _EVENTS):
                if connection := self._open.get(descriptor):
                    try:
                        self._turn(connection, events)
                    except BlockingIOError:
                        pass
                    except OSError:
                        self._leave(connection)
            if attack.manner is Manner.STALL and now >= word:
                word = now + _STALLED_WORD
                for connection in tuple(self._open.values()):
                    self._say_something(connection)

    def _connect(self) -> None:
        attack = self._attack
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if attack.manner is Manner.STALL:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, NARROW_MSS)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BUFFER)
        one.settimeout(0)
        number = self.connected % attack.addresses
        try:
            one.bind((f"127.0.2.{number + 1}", 0))
            one.connect(self._server)
        except BlockingIOError:
            pass
        except OSError:
            one.close()
            return
        self.connected += 1
        self._open[one.fileno()] = Connection(one, attack.opening)
        self._epoll.register(one, select.EPOLLOUT | select.EPOLLIN)

    def _turn(self, connection: Connection, events: int) -> None:
        manner = self._attack.manner
        if events & ~select.EPOLLOUT and manner is not Manner.STALL:
            if not connection.socket.recv(_PIECE):
                raise ConnectionError
            if manner is Manner.LEAVE:
                raise ConnectionError
            if manner is Manner.TALK and not connection.unsent:
                connection.unsent = memoryview(self._attack.then)
                self._epoll.modify(connection.socket, select.EPOLLOUT | select.EPOLLIN)
        elif manner is Manner.STALL and events & (select.EPOLLHUP | select.EPOLLERR):
            raise ConnectionError
        if events & select.EPOLLOUT:
            self._send(connection)

    def _send(self, connection: Connection) -> None:
        attack = self._attack
        if not connection.unsent and attack.manner is Manner.FLOOD:
            connection.unsent = memoryview(attack.then)
        if connection.unsent:
            sent = connection.socket.send(connection.unsent[: attack.piece])
            self.sent += sent
            connection.unsent = connection.unsent[sent:]
        if connection.unsent:
            return
        if attack.manner is Manner.RUN:
            raise ConnectionError
        if not (attack.manner is Manner.FLOOD and attack.then):
            wanted = 0 if attack.manner is Manner.STALL else select.EPOLLIN
            self._epoll.modify(connection.socket, wanted)

    def _say_something(self, connection: Connection) -> None:
        if not connection.unsent:
            with suppress(OSError):
                self.sent += connection.socket.send(self._attack.then)

    def _leave(self, connection: Connection) -> None:
        del self._open[connection.socket.fileno()]
        connection.socket.close()


def _burn(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        random.random()  # noqa: S311 (it only takes time)


def main(name: str, url: str, seconds: float) -> None:
    """Say that it begins, attack a server, and print what was done, as JSON."""
    print("begins", flush=True)
    if name == BURN:
        _burn(seconds)
        return
    allow_descriptors(DESCRIPTORS)
    parts = urlsplit(url)
    attacker = Attacker(ATTACKS[name], (parts.hostname or _HOST, parts.port or 80))
    attacker.run(seconds)
    print(json.dumps({"connections": attacker.connected, "bytes": attacker.sent}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
