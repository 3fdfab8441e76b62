"""The connections of a server that are not WebSockets: how many, from where, and for how long."""

import asyncio
import functools
import logging
import math
import random
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

from hsi.logs import Throttled
from hsi_service.door.handshake import FinalResponse
from hsi_service.door.limits import address_of
from hsi_service.door.proxies import Address, Proxies
from hsi_service.fanout.turns import REQUESTS, Turns
from hsi_service.metrics import Metrics
from hsi_service.skeleton.connection import Connection
from hsi_service.skeleton.reserve import Reserve

logger = logging.getLogger(__name__)

MAX_OPEN_REQUESTS = 4096
"""Connections of this process that are not WebSockets, of all addresses."""
_SWEEP_INTERVAL = 1.0


class Checked(Protocol):
    """A connection that is not a WebSocket."""

    def check(self, now: float) -> None:
        """End it if it has had its time, by the event loop's clock."""

    def give_way(self, answer: FinalResponse) -> None:
        """Answer that there is no room for it any more, and leave."""


class OpenRequests:
    """What the connections of a server share until they are WebSockets."""

    def __init__(
        self, proxies: Proxies, metrics: Metrics, reserve: Reserve, *, per_address: int
    ) -> None:
        """Begin with nobody.

        Args:
            proxies: Who may have any number of connections.
            metrics: Where refusals are counted.
            reserve: The descriptors for those who ask and leave.
            per_address: Connections from one address that are not WebSockets; 0 is no limit.

        """
        self._proxies = proxies
        self._metrics = metrics
        self._reserve = reserve
        self._is_short = False
        """Whether the last who came has one of the last descriptors."""
        self.turns = Turns(REQUESTS)
        """Who of them is answered next."""
        self._per_address = per_address or math.inf
        self._open: OrderedDict[Checked, str | None] = OrderedDict()
        """Connections, and the address that each counts for; None for a proxy's. The one that asked
        last is at the end."""
        self._counts: Counter[str] = Counter()
        self._sweeping: asyncio.TimerHandle | None = None
        self._logs: dict[int, Throttled] = {}

    def refuse(self, connection: Connection, answer: FinalResponse) -> None:
        """Answer what came, and close the connection."""
        self.note(answer, connection.peer)
        connection.close_with(answer.serialize(), at_once=self._is_short)

    def note(self, answer: FinalResponse, peer: Address) -> None:
        """Count a refusal, and log one of each kind now and then."""
        self._metrics.refusals.labels(str(answer.status)).inc()
        if answer.status not in self._logs:
            self._logs[answer.status] = Throttled(logger)
        self._logs[answer.status].warning(
            f"refused a request: {answer.reason}", status=answer.status, address=peer.host or ""
        )

    # Who is there.

    def enter(
        self, connection: Checked, peer: Address, transport: asyncio.BaseTransport
    ) -> FinalResponse | None:
        """Count a new connection, or say why it is too many."""
        self._is_short = self._reserve.has(transport)
        address = None if self._proxies.trusts(peer.host) else address_of(peer.host)
        if address is not None and self._counts[address] >= self._per_address:
            return FinalResponse(429, "too many unanswered connections from this address", _soon())
        is_full = len(self._open) >= MAX_OPEN_REQUESTS
        if self._open and (is_full or self._is_short):
            # It has been silent for longest: a probe, or who asks for something, is done long
            # before, so that a crowd of strangers keeps out nobody but themselves.
            full = FinalResponse(503, "too many unanswered connections", _soon())
            next(iter(self._open)).give_way(full)
        self._open[connection] = address
        if address is not None:
            self._counts[address] += 1
        if self._sweeping is None:
            self._sweep_later()
        return None

    def is_short_for(self, transport: asyncio.BaseTransport) -> bool:
        """Return whether a connection may not stay, as it has one of the last descriptors."""
        return self._reserve.has(transport)

    def change(self, before: Checked, after: Checked) -> None:
        """Count a connection on under another protocol."""
        self._open[after] = self._open.pop(before)

    def ask(self, connection: Checked) -> None:
        """Note that a connection which was kept asks again."""
        if connection in self._open:
            self._open.move_to_end(connection)

    def count_on(self, before: Checked, closing: Checked) -> Callable[[], None]:
        """Count a connection while it closes, if it counted before.

        Returns:
            What to call when it has ended.

        """
        if before in self._open:
            self.change(before, closing)
        return functools.partial(self.leave, closing)

    def leave(self, connection: Checked) -> None:
        """Forget a connection that is a WebSocket, or has ended; once more does nothing."""
        if connection not in self._open:
            return
        address = self._open.pop(connection)
        if address is not None:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_INTERVAL, self._sweep)

    def _sweep(self) -> None:
        """End those that have had their time; one timer for all."""
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._open):
            connection.check(now)
        self._sweeping = None
        if self._open:
            self._sweep_later()


def _soon() -> dict[str, str]:
    """Return when to come back: not all at once."""
    return {"Retry-After": str(random.randint(5, 15))}  # noqa: S311 (it only spreads a storm)
