"""When a round is due: all replicas keep the same moments, whoever of them leads.

A round is due where a slot begins (`slots`), so clients see the same rhythm when another replica
takes the lead, or when each serves its own. The clock is Redis' (`redis_clock`).
"""

import asyncio
from collections.abc import Callable

from hsi_service.slots import due_after, slot_of

MAX_SLEEP = 1.0
"""Seconds after which a clock that was corrected meanwhile is looked at again."""


async def wait_until_due(interval: float, clock: Callable[[], float]) -> int:
    """Wait until the next round is due, and return the slot that begins with it.

    Never much longer than `interval` seconds, unless the clock is set back meanwhile: then as long
    again.

    Args:
        interval: Seconds between two rounds.
        clock: Seconds since 1970.

    """
    due = due_after(clock(), interval)
    # A timer may be early by the grain of the loop's clock, and one moment must not count twice.
    while (left := due - clock()) > 0:
        await asyncio.sleep(min(left, MAX_SLEEP))
        due = min(due, due_after(clock(), interval))  # the clock may have been set back
    # A float's grain may put the moment itself into the slot before.
    return max(round(due / interval), slot_of(clock(), interval))
