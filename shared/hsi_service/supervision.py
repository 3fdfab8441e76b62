"""Keeping background tasks running: no task that a service needs ends without a word.

A task that dies quietly is the commonest way for a service of this kind to go deaf. So every task
that nobody awaits is started here: what it raises is logged with its name and traceback, and
counted; a task that is to run as long as the process starts again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from redis.backoff import EqualJitterBackoff

from hsi.logs import Throttled
from hsi.tasks import cancel_and_wait
from hsi_service.metrics import Metrics

logger = logging.getLogger(__name__)

BACKOFF_BASE = 0.1
BACKOFF_CAP = 5.0
"""Seconds before a failed task starts again: about as long at first, and at most.

The cap leaves a task that fails as long as Redis is away time to be back within 15 s of Redis.
"""
STABLE_AFTER = 10.0
"""Seconds that a task must run for its next failure to count as the first.

So a task that works in rounds and fails in one of three keeps its rhythm.
"""

Run = Callable[[], Coroutine[Any, Any, None]]
"""Starts a task."""


class Pauses:
    """How long one task waits before it starts again. No I/O."""

    def __init__(self) -> None:
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)
        self._failures_in_a_row = 0

    def after(self, ran_for: float) -> float:
        """Return the next pause, in seconds, when the task has failed after so many seconds."""
        stable = ran_for >= STABLE_AFTER
        self._failures_in_a_row = 0 if stable else self._failures_in_a_row + 1
        return self._backoff.compute(self._failures_in_a_row)


class Supervisor:
    """Runs a process's background tasks, and has the account of their failures."""

    def __init__(self, metrics: Metrics) -> None:
        """Begin without tasks.

        Args:
            metrics: Where failures are counted.

        """
        self._counter = metrics.task_failures
        self._running: dict[str, asyncio.Task[None]] = {}
        self._spawned: set[asyncio.Task[None]] = set()
        self._logs: dict[tuple[str, type[BaseException] | None], Throttled] = {}
        """By task and kind of failure: one that fails all the time must not flood the log."""

    def start(self, name: str, run: Run) -> None:
        """Run a task until `stop`; start it again whenever it ends before.

        Args:
            name: Of the task, for the log, the metric and `GET /status`.
            run: Runs until it is cancelled.

        """
        self._counter.labels(name)  # From 0 on, so that its first failure is an increase.
        running = asyncio.create_task(self._keep_running(name, run), name=name)
        running.add_done_callback(_log_unless_cancelled)
        self._running[name] = running

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task once; `stop` cancels it.

        Args:
            name: Of the kind of task, for the log, the metric and `GET /status`.
            coroutine: Ends by itself.

        Returns:
            The task, to be cancelled, or for a callback. Its failure is logged and counted here.

        """

        def ended(task: asyncio.Task[None]) -> None:
            self._spawned.discard(task)
            if not task.cancelled() and (error := task.exception()):
                self._failed(name, error, "it does not start again by itself")

        self._counter.labels(name)
        task = asyncio.create_task(coroutine, name=name)
        self._spawned.add(task)
        task.add_done_callback(ended)
        return task

    def spawn_until_done(self, name: str, run: Run) -> asyncio.Task[None]:
        """Run a task until it returns: start it again whenever it fails; `stop` cancels it.

        Args:
            name: Of the kind of task, for the log, the metric and `GET /status`.
            run: Returns once it is done.

        Returns:
            The task, which only ends when it is done, or cancelled.

        """
        return self.spawn(name, self._keep_running(name, run, until_done=True))

    async def _keep_running(self, name: str, run: Run, *, until_done: bool = False) -> None:
        pauses = Pauses()
        while True:
            began = time.monotonic()
            # A task of its own: whatever ends it, a stray cancellation included, ends it alone.
            task = asyncio.create_task(_started(run), name=name)
            try:
                await asyncio.wait({task})
            finally:
                await cancel_and_wait(task)
            error = None if task.cancelled() else task.exception()
            if until_done and error is None and not task.cancelled():
                return
            pause = pauses.after(time.monotonic() - began)
            how = "was cancelled" if task.cancelled() else "failed" if error else "returned"
            self._failed(name, error, f"it starts again in {pause:.1f} s", how=how)
            await asyncio.sleep(pause)

    def went_on(self, error: Exception) -> None:
        """Log and count an error that the current task has caught, and goes on after."""
        task = asyncio.current_task()
        name = task.get_name() if task else "none"
        self._failed(name, error, "it goes on with the rest")

    def _failed(
        self, name: str, error: BaseException | None, consequence: str, *, how: str = "failed"
    ) -> None:
        self._counter.labels(name).inc()
        kind = None if error is None else type(error)
        message = f"the task {name} {how}; {consequence}"
        self._logs.setdefault((name, kind), Throttled(logger)).error(message, error)

    def failures(self) -> dict[str, int]:
        """Return how often each task has failed, by its name."""
        return {
            sample.labels["task"]: int(sample.value)
            for family in self._counter.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def ended(self) -> list[str]:
        """Return the names of tasks that cannot be kept running: nothing starts them again."""
        return [name for name, task in self._running.items() if task.done()]

    async def stop(self) -> None:
        """Cancel all tasks, and wait until they have ended."""
        await cancel_and_wait(*self._running.values(), *self._spawned)


async def _started(run: Run) -> None:
    """Run a task, so that it fails like any other if it cannot even be started."""
    await run()


def _log_unless_cancelled(running: asyncio.Task[None]) -> None:
    if not running.cancelled():
        logger.critical(
            "the task %s cannot be kept running", running.get_name(), exc_info=running.exception()
        )
