"""Asking a source without being held up by it, or failing with it.

A round asks several of them at once: `await asyncio.gather(*(one.read() for one in sources))`. Each
answers within its limit, so a round never outlives the longest one.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from hsi.logs import Throttled
from hsi.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

T = TypeVar("T")


class SourceError(Exception):
    """A source cannot be read; the text says why, and holds no secret."""


class Reading(NamedTuple, Generic[T]):
    """What a source said."""

    value: T | None
    """None if it could not be read."""
    reason: str = ""
    """Why not; empty if it could."""


class TimeLimited(Generic[T]):
    """A source that answers within its limit, whatever it does, and never raises."""

    def __init__(self, name: str, read: Callable[[], Awaitable[T]], *, limit: float) -> None:
        """Set it up; nothing is asked yet.

        Args:
            name: For logs.
            read: Reads the source; raises `SourceError` if it cannot.
            limit: Seconds that one reading may take.

        """
        self.name = name
        self._read = read
        self._limit = limit
        self._task: asyncio.Task[T] | None = None
        self._trouble = Throttled(logger)
        self.failures = 0
        """Readings that failed."""

    async def read(self) -> Reading[T]:
        """Read it, or say why that was not possible."""
        if self._task is not None and not self._task.done():
            # It did not even end when it was cancelled. One at a time: they must not pile up.
            self._task.cancel()
            return self._failed("still busy with the last time")
        task = self._task = asyncio.create_task(self._run(), name=f"source {self.name}")
        try:
            await asyncio.wait({task}, timeout=self._limit)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            return self._failed(f"no answer within {self._limit:g} s")
        if task.cancelled():
            return self._failed("cancelled")
        error = task.exception()
        if error is None:
            return Reading(task.result())
        if isinstance(error, SourceError):
            return self._failed(str(error))
        # A fault of ours, or something new about the source; the round goes on without it. Its
        # text may hold an address with a password: where it happened says enough.
        last = traceback.extract_tb(error.__traceback__)[-1]
        return self._failed(
            f"unexpected {type(error).__name__}", where=f"{last.filename}:{last.lineno}"
        )

    async def aclose(self) -> None:
        """End what is still being read: before the connection that it is read by is closed."""
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def _run(self) -> T:
        return await self._read()

    def _failed(self, reason: str, **extra: str) -> Reading[T]:
        self.failures += 1
        self._trouble.warning("cannot be read", source=self.name, reason=reason, **extra)
        return Reading(None, reason)
