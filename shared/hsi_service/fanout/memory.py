"""What waits for clients, as the memory that it takes: of the process, and for each address. Pure.

A batch takes its memory once, however many clients it waits for. So it is charged to the process
once, and once to each address that has such a client; and what a client's transport has copied is
the client's alone (`Peer.copied`).
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

from hsi.logs import Throttled
from hsi_service.door.limits import MAX_ADDRESSES, Bucket, Rate, address_of
from hsi_service.fanout.batch import Batch

logger = logging.getLogger(__name__)

MIB = 1024 * 1024
_KIB = 1024


class Budget(NamedTuple):
    """How much may wait, and how fast histories are replayed; 0 is no limit."""

    process: int = 128 * MIB
    """Bytes that may wait for all clients of this process."""
    address: int = 64 * MIB
    """Bytes that may wait for the clients of one address."""
    replay: int = 512 * MIB
    """Bytes of histories that an address is sent in a minute, all of which may come at once."""


class Account:
    """What waits for the clients of one address, and what they were replayed."""

    __slots__ = ("__weakref__", "_memory", "log", "replays", "waiting")

    def __init__(self, memory: "Memory") -> None:
        self.waiting = 0
        """Bytes of the batches that wait for them, each counted once."""
        self.replays = Bucket(memory.rate)
        self.log = Throttled(logger)
        """For what its clients can cause as often as they like."""
        self._memory = memory

    def hold(self, batch: Batch) -> None:
        """Charge a batch that waits for one more client."""
        holders = batch.holders
        if holders is None:
            batch.holders = {self: 1}
            self._memory.waiting += batch.memory
            self.waiting += batch.memory
        elif self in holders:
            holders[self] += 1
        else:
            holders[self] = 1
            self.waiting += batch.memory

    def drop(self, batch: Batch) -> None:
        """Charge a batch no longer that waited for one of the clients."""
        holders = batch.holders
        assert holders is not None  # noqa: S101 (it was held)
        holders[self] -= 1
        if holders[self]:
            return
        del holders[self]
        self.waiting -= batch.memory
        if not holders:
            batch.holders = None
            self._memory.waiting -= batch.memory

    def charge(self, replayed: int, now: float) -> None:
        """Charge bytes of a history; what is over the limit makes the next ones wait."""
        self.replays.charge(now, replayed / _KIB)
        self._memory.remember(self, now)


class Claimant(Protocol):
    """A client, as far as memory is concerned."""

    account: Account

    @property
    def unsent(self) -> int:
        """Bytes that wait for it, whether or not they wait for others too."""

    @property
    def copied(self) -> int:
        """Bytes that wait for it alone."""

    def give_up(self, why: str) -> None:
        """Drop what waits for it, and close it."""


class Memory:
    """What waits for all clients of a process, and the account of each address."""

    def __init__(self, budget: Budget | None = None) -> None:
        """Begin with nothing.

        Args:
            budget: How much may wait; None: what `Budget` says.

        """
        self.budget = budget or Budget()
        self.waiting = 0
        """Bytes of all batches that wait, each counted once."""
        self.rate = Rate.per_minute(self.budget.replay // _KIB)
        self._accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()
        """By address: of those that have a client, or were replayed something of late."""
        self._charged: OrderedDict[Account, None] = OrderedDict()
        """Those whose bucket counts, the one that was charged last at the end."""

    def account_of(self, client: str) -> Account:
        """Return the account of a client, given as `host:port`."""
        address = address_of(client.rpartition(":")[0])
        account = self._accounts.get(address)
        if account is None:
            account = self._accounts[address] = Account(self)
        return account

    def remember(self, account: Account, now: float) -> None:
        """Keep an account while it has something to pay back, though its clients may have left."""
        self._charged[account] = None
        self._charged.move_to_end(account)
        # Two at a time outrun growth, as at the door.
        for _ in range(2):
            oldest = next(iter(self._charged))
            if len(self._charged) > MAX_ADDRESSES or oldest.replays.is_full(now):
                del self._charged[oldest]
            if not self._charged:
                break

    def used(self, clients: Iterable[Claimant]) -> int:
        """Return the bytes that wait for all of these clients, which are all there are."""
        return self.waiting + sum(client.copied for client in clients)

    def relieve(self, clients: Iterable[Claimant]) -> None:
        """Give up the heaviest clients while more waits than may: of an address, and in all.

        Args:
            clients: All for whom something waits.

        """
        by_account: dict[Account, list[Claimant]] = {}
        for client in clients:
            by_account.setdefault(client.account, []).append(client)
        left: list[Claimant] = []
        for account, some in by_account.items():
            left += _relieve(
                some, account, self.budget.address, "too much waits for the clients of its address"
            )
        _relieve(left, self, self.budget.process, "too much waits for all clients")


class _Waiting(Protocol):
    waiting: int


def _relieve(clients: list[Claimant], what: _Waiting, most: int, why: str) -> list[Claimant]:
    """Give up the heaviest of some clients until no more than `most` waits; return the others."""
    copied = sum(client.copied for client in clients)
    if not most or what.waiting + copied <= most:
        return clients
    clients = sorted(clients, key=lambda client: client.unsent)
    while clients and what.waiting + copied > most:
        heaviest = clients.pop()
        copied -= heaviest.copied
        heaviest.give_up(why)
    return clients
