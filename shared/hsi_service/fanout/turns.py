"""How much of what strangers and clients send is done at once: all of it leaves time for the rest.

Each pays for what it sends, but may send much at first, and there may be thousands. So there is a
limit for all of them as well: those over it wait for their turn, and meanwhile the kernel keeps
what they send.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

MAX_FRAMES_AT_ONCE = 16
"""Frames of a client that are read before others have their turn."""
READ_BYTES = 16 * 1024
"""Bytes that are taken from a connection at once: its kernel keeps the rest. What was taken and
not read yet is memory of this process."""


READ_COST = 20e-6
"""Seconds, about, that it takes to read from a connection, and to let it wait: a client that sends
byte by byte costs this for each."""


class Pace(NamedTuple):
    """How much is done in a round, and how long a round is."""

    work: float
    """Seconds."""
    round: float
    """Seconds; 0: a turn of the event loop, so that all else is at most `work` later, and nothing
    is slower where there is nothing else."""


FRAMES = Pace(0.0005, 0.002)
"""What clients say is never urgent, and is never more than a quarter of what is done."""
REQUESTS = Pace(0.001, 0.0)
"""Handshakes, and other requests: in a storm there is nothing better to do."""


class Waiting(Protocol):
    """Who has sent more than was done."""

    def read_on(self) -> None:
        """Do some of it, and `wait` again if that was not all."""


class Turns:
    """Whose turn is next, of all who send something to a process."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin with nobody.

        Args:
            pace: How much is done in a round.
            clock: Seconds.

        """
        self.clock = clock
        self.buffer = bytearray(READ_BYTES)
        """Where a connection's bytes come to; who is told of them copies them at once."""
        self._pace = pace
        self._left = pace.work
        self._waiting: deque[Waiting] = deque()
        self._end: asyncio.Handle | None = None
        self._goes_on = False

    @property
    def is_over(self) -> bool:
        """Whether enough was done in this round, so that others have to `wait`."""
        return self._left <= 0

    def spend_since(self, began: float) -> None:
        """Count the time since then, in which something was done."""
        self.spend(self.clock() - began)

    def spend(self, seconds: float) -> None:
        """Count what something takes."""
        self._left -= seconds
        if self._end is None:
            loop = asyncio.get_running_loop()
            if self._pace.round:
                self._end = loop.call_later(self._pace.round, self._begin)
            else:
                self._end = loop.call_soon(self._begin)

    def wait(self, who: Waiting) -> None:
        """Have somebody go on when others had their turn."""
        self._waiting.append(who)
        if not (self._goes_on or self.is_over):
            self._go_on_soon()

    async def turn(self, cost: float) -> None:
        """Wait until something may be done that takes so many seconds."""
        if self.is_over:
            coming = _Coming(self, cost)
            self.wait(coming)
            await coming.has_come
        else:
            self.spend(cost)

    def _begin(self) -> None:
        """Begin a round."""
        self._end = None
        self._left = self._pace.work
        if self._waiting and not self._goes_on:
            self._go_on()

    def _go_on_soon(self) -> None:
        self._goes_on = True
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Give those who wait a turn each, as far as this round goes."""
        self._goes_on = True
        try:
            for _ in range(len(self._waiting)):
                if self.is_over:
                    break
                self._waiting.popleft().read_on()
        finally:  # One's fault is no other's.
            self._goes_on = False
            if self._waiting and not self.is_over:
                self._go_on_soon()


class _Coming:
    """The turn of a task."""

    def __init__(self, turns: Turns, cost: float) -> None:
        self._turns = turns
        self._cost = cost
        self.has_come: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def read_on(self) -> None:
        """Let the task go on, if it still waits."""
        if not self.has_come.done():
            self._turns.spend(self._cost)
            self.has_come.set_result(None)


class ReadInTurn(asyncio.BufferedProtocol):
    """A client's protocol that reads in turn with all others."""

    __slots__ = ()
    _turns: Turns
    _transport: asyncio.Transport
    _is_reading: bool
    """Whether frames wait to be read when others had their turn."""
    _gone: bool

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 (it has its own size)
        """Return where to put what the client sends."""
        return self._turns.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the client sends."""
        self.data_received(memoryview(self._turns.buffer)[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take what the client sends."""
        raise NotImplementedError

    def _read(self) -> bool:
        """Read some frames, and the rest when others had their turn; return whether any came."""
        raise NotImplementedError

    def _wait_for_turn(self) -> None:
        self._is_reading = True  # type: ignore[misc]  # a slot of the peer: of two bases, one may have slots
        self._transport.pause_reading()
        self._turns.wait(self)

    def read_on(self) -> None:
        """Read more of what the client has sent: it is its turn."""
        self._turns.spend(READ_COST)
        self._is_reading = False  # type: ignore[misc]  # as above
        if not self._gone:
            self._read()
        if not self._is_reading and not self._transport.is_closing():
            self._transport.resume_reading()
