"""Keeping background tasks running: no task that a service needs ends without a word.

A task that dies quietly is the commonest way for a service of this kind to go deaf. So every task
that runs as long as the process is started here; a failure is logged with the task's name, counted,
and the task starts again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from redis.backoff import EqualJitterBackoff

from hsi.tasks import cancel_and_wait
from hsi_service.metrics import Metrics

logger = logging.getLogger(__name__)

BACKOFF_BASE = 0.1
BACKOFF_CAP = 30.0
"""Seconds before a failed task starts again: at first, and at most."""
STABLE_AFTER = 60.0
"""Seconds that a task must run for its next failure to count as the first."""

Run = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""

_BACKOFF = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)


class Supervisor:
    """Runs tasks until it is stopped, and starts those again that end before."""

    def __init__(self, metrics: Metrics) -> None:
        """Begin without tasks.

        Args:
            metrics: Where failures are counted.

        """
        self._metrics = metrics
        self._supervising: dict[str, asyncio.Task[None]] = {}
        self.failures: dict[str, int] = {}
        """How often each task has failed, by its name."""

    def start(self, name: str, run: Run) -> None:
        """Start a task that is to run until `stop`.

        Args:
            name: Of the task, for logs, metrics and `GET /status`.
            run: Runs until it is cancelled.

        """
        self.failures[name] = 0
        self._supervising[name] = asyncio.create_task(self._supervise(name, run), name=name)

    async def _supervise(self, name: str, run: Run) -> None:
        failures_in_a_row = 0
        while True:
            began = time.monotonic()
            # A task of its own: whatever ends it, a stray cancellation included, ends it alone.
            task = asyncio.create_task(run(), name=name)
            try:
                await asyncio.wait({task})
            finally:
                await cancel_and_wait(task)
            stable = time.monotonic() - began > STABLE_AFTER
            failures_in_a_row = 1 if stable else failures_in_a_row + 1
            self.failures[name] += 1
            pause = _BACKOFF.compute(failures_in_a_row)
            note_failure(task, self._metrics, f"it starts again in {pause:.1f} s")
            await asyncio.sleep(pause)

    def ended(self) -> list[str]:
        """Return the names of tasks that cannot be kept running: their supervision has ended."""
        return [name for name, task in self._supervising.items() if task.done()]

    async def stop(self) -> None:
        """Cancel all tasks, and wait until they have ended."""
        await cancel_and_wait(*self._supervising.values())


def spawn(
    coroutine: Coroutine[Any, Any, None], *, name: str, metrics: Metrics
) -> asyncio.Task[None]:
    """Start a task that ends by itself; a failure is logged and counted.

    Args:
        coroutine: Runs once.
        name: Of the task, for logs and metrics.
        metrics: Where a failure is counted.

    Returns:
        The task. Hold it: the event loop alone does not.

    """
    task = asyncio.create_task(coroutine, name=name)

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            note_failure(task, metrics, "it does not start again by itself")

    task.add_done_callback(ended)
    return task


def note_failure(task: asyncio.Task[None], metrics: Metrics, consequence: str) -> None:
    """Log and count that a task has ended, and why."""
    name = task.get_name()
    error = None if task.cancelled() else task.exception()
    how = "was cancelled" if task.cancelled() else "failed" if error else "returned"
    metrics.task_failures.labels(name).inc()
    logger.error("the task %s %s; %s", name, how, consequence, exc_info=error)
