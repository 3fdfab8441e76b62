"""Work that one replica of N does: the one that holds the lease.

The work is cancelled at once when the lease is lost, and begins again when it is back: from what
Redis knows, and with nothing remembered. What it does in the moment of its cancellation may happen
beside the next holder's; so what only one may do asks `Lease.held` right before, or has a key by
which the other side knows a repetition.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol

from hsi.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

LONGEST_SLEEP = 0.25
"""Seconds between two looks at the lease, at most.

A timer rests while the machine is suspended, and the lease's own clock goes on.
"""


class EndedError(RuntimeError):
    """The work returned, though it is to run as long as the lease is held."""


class Holder(Protocol):
    """What is asked of a lease (`hsi_service.bus.lease.Lease`)."""

    @property
    def held(self) -> bool:
        """Whether this replica holds it, at this moment."""

    def remaining(self) -> float:
        """Return the seconds for which it is surely held; 0 when it is not."""

    async def turned(self) -> None:
        """Wait until this replica begins or ceases to lead."""


class Active:
    """One replica of N does the work: while it holds the lease."""

    def __init__(self, lease: Holder) -> None:
        """Prepare; `run` does the work.

        Args:
            lease: Kept by a task of its own (`Lease.run`), and given up on drain.

        """
        self._lease = lease

    async def run(self, work: Callable[[], Awaitable[None]]) -> NoReturn:
        """Run the work while the lease is held; cancel it at once when it is lost.

        It begins again when the lease is back, and not before its last run has ended.

        Args:
            work: Runs until it is cancelled; what it raises is raised, for the Supervisor to log,
                to count and to begin again.

        Raises:
            EndedError: It returned by itself.

        """
        while True:
            while not self._lease.held:
                await self._look(LONGEST_SLEEP)
            working = asyncio.create_task(_awaited(work), name="work of the lease's holder")
            try:
                while not working.done() and self._lease.held:
                    await self._look(min(self._lease.remaining(), LONGEST_SLEEP), working)
                ended_by_itself = working.done()
            finally:
                await cancel_and_wait(working)
            while not working.done():  # Two runs of it at once would be two holders.
                await cancel_and_wait(working)
            if ended_by_itself:
                await working
                raise EndedError("the work returned, though the lease is held")
            error = None if working.cancelled() else working.exception()
            if error is not None:
                raise error

    async def _look(self, seconds: float, *working: asyncio.Task[None]) -> None:
        """Wait for a turn of the lease or the end of the work, for so many seconds at most."""
        turn = asyncio.create_task(self._lease.turned())
        try:
            await asyncio.wait(
                {turn, *working}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            await cancel_and_wait(turn)


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, so that it fails like any other if it cannot even be started."""
    await work()
