"""When statuses are due: all replicas keep one time, whoever of them leads. Pure, but for waiting.

The moments are multiples of the interval by the clock on the wall. So clients see no other rhythm
when another replica leads, or when each is on its own; clocks that differ move it by as much.
"""

import asyncio
import time


def due_after(now: float, interval: float) -> float:
    """Return the first moment after `now` at which a status is due."""
    return (now // interval + 1) * interval


async def wait_until_due(interval: float) -> None:
    """Wait until the next status is due; never for longer than `interval` seconds."""
    due = due_after(time.time(), interval)
    # A timer may be early by the grain of the loop's clock, and one moment must not count twice.
    # More than an interval to go means that the clock was set back.
    while 0 < (left := due - time.time()) <= interval:  # noqa: ASYNC110 (no Event tells the time)
        await asyncio.sleep(left)
