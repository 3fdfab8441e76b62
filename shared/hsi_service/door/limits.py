"""How many and how fast: clients, handshakes and failed credentials of an address, messages. Pure.

The clock is the caller's: `now` is seconds that never go back.
"""

import functools
import ipaddress
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple, Self

MAX_ADDRESSES = 10_000
"""Addresses whose handshakes are remembered; the ones that were seen last."""
CAPACITY_RETRY = 10
"""Seconds after which whoever found no room may ask again."""
FAILURES_PER_MINUTE = 20
"""Wrong credentials of an address; a person mistypes a few, a guesser needs billions."""
NO_ADDRESS = "unknown"
"""What has no address, a Unix socket for example; all of it counts as one."""
_MINUTE = 60.0
# Times are sums of many floats; what is nearly due is due.
_ROUNDING = 1e-4
_V6_PREFIX = 64


@functools.lru_cache(maxsize=MAX_ADDRESSES)
def address_of(host: str | None) -> str:
    """Return what a client's address counts as: an IPv4 address, or an IPv6 network of 64 bits.

    A home has a whole IPv6 network, so one address of it says nothing.
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return NO_ADDRESS
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _V6_PREFIX), strict=False))


class Rate(NamedTuple):
    """A number per minute, all of which may come at once; shared by all of its buckets."""

    interval: float
    """Seconds in which one more is allowed; 0 is no limit."""

    @classmethod
    def per_minute(cls, count: int) -> Self:
        """Return the rate of `count` in a minute; 0 is no limit."""
        return cls(_MINUTE / count if count else 0.0)


class Bucket:
    """A token bucket: full at first and filled steadily, it gives a token to each that asks.

    Its whole state is the moment at which it will be full again (the generic cell rate algorithm),
    so that each of thousands of clients can have one.
    """

    __slots__ = ("_full_at", "_rate")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at = float("-inf")

    def take(self, now: float, tokens: float = 1) -> bool:
        """Take tokens if there are as many; tell whether there were."""
        if self.wait(now, tokens) > 0:
            return False
        self._full_at = max(self._full_at, now) + tokens * self._rate.interval
        return True

    def charge(self, now: float, tokens: float) -> None:
        """Take tokens whether they are there or not: those that come later pay for them first."""
        self._full_at = max(self._full_at, now) + self._rate.interval * tokens

    def wait(self, now: float, tokens: float = 1) -> float:
        """Return the seconds until there are as many tokens; 0 if there are."""
        missing = max(self._full_at, now) + tokens * self._rate.interval - now - _MINUTE
        return missing if missing > _ROUNDING else 0.0

    def is_full(self, now: float) -> bool:
        """Tell whether it is as good as a new one."""
        return self._full_at <= now


class Excess(NamedTuple):
    """A limit that a handshake would break: HTTP status, why, and seconds until it may return."""

    status: int
    reason: str
    retry_after: float


class NoRoomError(Exception):
    """A client asks for something of which there is too much already."""

    def __init__(self, excess: Excess) -> None:
        super().__init__(excess.reason)
        self.excess = excess


class Buckets:
    """A bucket for each of many names, in bounded memory."""

    def __init__(self, rate: Rate) -> None:
        """Begin with nobody.

        Args:
            rate: Of each bucket.

        """
        self._rate = rate
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        """By name, the one that asked last at the end."""

    def take(self, name: str, now: float) -> float:
        """Take a token of a name's bucket; return 0, or the seconds until there is one."""
        bucket = self._buckets.pop(name, None) or Bucket(self._rate)
        # What has rested for long is forgotten, and so is, in a flood of names, what asked least
        # recently: memory matters more than a stranger's count. Two at a time outrun growth.
        for _ in range(2):
            oldest = next(iter(self._buckets), None)
            if oldest is None:
                break
            if len(self._buckets) >= MAX_ADDRESSES or self._buckets[oldest].is_full(now):
                del self._buckets[oldest]
        self._buckets[name] = bucket
        return 0.0 if bucket.take(now) else bucket.wait(now)

    def wait(self, name: str, now: float) -> float:
        """Return the seconds until a name's bucket has a token; 0 if it has one."""
        bucket = self._buckets.get(name)
        return bucket.wait(now) if bucket else 0.0

    def __iter__(self) -> Iterator[str]:
        """Yield the names that are remembered."""
        return iter(self._buckets)


class Failures:
    """Which addresses tried wrong credentials too often, over WebSockets and HTTP alike."""

    def __init__(self, per_minute: int = FAILURES_PER_MINUTE) -> None:
        """Begin with nobody.

        Args:
            per_minute: Failures of an address that may come in a minute.

        """
        self._buckets = Buckets(Rate.per_minute(per_minute))

    def excess(self, address: str, now: float) -> Excess | None:
        """Return why nothing that an address offers is looked at now, or None."""
        if wait := self._buckets.wait(address, now):
            return Excess(429, "too many wrong credentials from this address", wait)
        return None

    def charge(self, address: str, now: float) -> None:
        """Count a failure of an address."""
        self._buckets.take(address, now)


class Limits:
    """Who is connected from where, and who asked how often."""

    def __init__(self, *, connections: int, per_address: int, handshakes_per_minute: int) -> None:
        """Begin with nobody.

        Args:
            connections: Clients of this replica; 0 is no limit, here and below.
            per_address: Clients of this replica from one address.
            handshakes_per_minute: From one address, those included that are refused afterwards.

        """
        self._most = connections or float("inf")
        self._most_per_address = per_address or float("inf")
        self._connections: dict[str, int] = {}
        self._total = 0
        self._handshakes = Buckets(Rate.per_minute(handshakes_per_minute))

    def enter(self, address: str, now: float) -> Excess | None:
        """Take a place for a client from `address`, or say which limit it would break.

        Whoever was let in has to `leave`.
        """
        if self._total >= self._most:
            return Excess(503, "full: this replica has all the clients it may have", CAPACITY_RETRY)
        if self._connections.get(address, 0) >= self._most_per_address:
            return Excess(429, "too many connections from this address", CAPACITY_RETRY)
        if wait := self._handshakes.take(address, now):
            return Excess(429, "too many handshakes from this address", wait)
        self._total += 1
        self._connections[address] = self._connections.get(address, 0) + 1
        return None

    def leave(self, address: str) -> None:
        """Give a place back."""
        self._total -= 1
        if self._connections[address] == 1:
            del self._connections[address]
        else:
            self._connections[address] -= 1

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len({*self._handshakes, *self._connections})
