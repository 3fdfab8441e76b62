"""When a round is due: all replicas keep the same moments, whoever of them leads.

The moments are multiples of the interval on the wall clock, so clients see the same rhythm when
another replica takes the lead, or when each serves its own. Clocks that differ shift it by as much.
"""

import asyncio
import time


def due_after(now: float, interval: float) -> float:
    """Return the first moment after `now` at which a round is due; both in seconds."""
    return (now // interval + 1) * interval


async def wait_until_due(interval: float) -> None:
    """Wait until the next round is due; never longer than `interval` seconds."""
    due = due_after(time.time(), interval)
    # A timer may be early by the grain of the loop's clock, and one moment must not count twice.
    # More than an interval to go means that the clock was set back.
    while 0 < (left := due - time.time()) <= interval:  # noqa: ASYNC110 (no Event tells the time)
        await asyncio.sleep(left)
