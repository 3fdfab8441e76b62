"""Ending tasks that may swallow a cancellation."""

import asyncio
import logging
from typing import Any

logger = logging.getLogger(__name__)

RETRY_AFTER = 0.2
"""Seconds after which a task that goes on is cancelled once more."""
MAX_CANCELS = 25
"""How often, at most; a task that still goes on then is left to the end of the process."""


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until they have ended.

    They are cancelled more than once: a Redis client that is at work can swallow a cancellation,
    and waiting for its task would never end. An exception stays in its task's result.

    Args:
        tasks: The tasks; those that have ended already are left as they are.

    """
    running = set(tasks)
    for _ in range(MAX_CANCELS):
        for task in running:
            task.cancel()
        if running:
            _, running = await asyncio.wait(running, timeout=RETRY_AFTER)
        if not running:
            await asyncio.gather(*tasks, return_exceptions=True)  # asked for, so no log says it
            return
    logger.error("tasks do not end", extra={"tasks": sorted(task.get_name() for task in running)})
