"""A background thread that carries a program's data to Redis; fork-safe.

A job's log and the latencies of a pipeline stand on it: their callers must never wait for Redis.
"""

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from queue import Empty, SimpleQueue
from typing import Protocol

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from hsi.logs import Throttled

logger = logging.getLogger(__name__)


class Work(Protocol):
    """The work of a `Worker`, which calls all but `reset` and `close` in its thread."""

    def reset(self) -> None:
        """Start afresh in a child process: the state so far belongs to its parent."""

    def has_work(self) -> bool:
        """Return whether there is something to do now."""

    def do_round(self) -> bool:
        """Do a part of the work; return whether that was all, for good."""

    def failed(self, error: Exception) -> None:
        """Report that a round, or starting the thread (in the caller's own), failed."""

    def ended(self) -> None:
        """Release what the thread has used: it ends."""

    def close(self) -> object:
        """End the work, as far as it can be, when the program ends; calls `Worker.close`."""


class Worker:
    """One daemon thread, which starts with the first work, and rests while there is no work.

    A child process gets a worker of its own, whose thread is not started yet. A round that fails
    is tried again after a backoff with jitter and a cap, whatever it raised.
    """

    def __init__(self, work: Work, *, name: str, base: float, cap: float) -> None:
        """Register the work for forks and the program's end; `notify` starts the thread.

        Args:
            work: The work to do.
            name: The thread's name.
            base: Seconds that the backoff begins with.
            cap: Seconds between two attempts, at most.

        """
        self._work = work
        self._name = name
        self._backoff = EqualJitterBackoff(cap=cap, base=base)
        self._defects = Throttled(logger)
        self._set_up()
        _workers.add(self)
        atexit.register(work.close)

    def _set_up(self) -> None:
        # A signal handler that hands over work in the middle of a start may take it again.
        self._lock = threading.RLock()
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._resting = False
        self._give_up_at = float("inf")

    def after_fork(self) -> None:
        """Start afresh in a child process."""
        self._set_up()
        self._work.reset()

    @property
    def closing(self) -> bool:
        """Whether the work is to end."""
        return self._closing.is_set()

    @property
    def started(self) -> bool:
        """Whether the thread was started in this process."""
        return self._thread is not None

    def is_own_thread(self) -> bool:
        """Return whether the caller is the worker's thread."""
        return self._thread is not None and threading.get_ident() == self._thread.ident

    def notify(self) -> None:
        """Report new work: start the thread, or end its rest. Takes microseconds."""
        if self._thread is None:
            self._start()
        if self._resting:
            self._resting = False
            self._wakes.put(None)

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._closing.is_set():
                return
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # No more threads, or the interpreter ends.
                self._thread = None
                trouble = error
            else:
                return
        self._work.failed(trouble)

    def linger(self, seconds: float) -> None:
        """Let some time pass in the thread, so that more work comes together; none when closing."""
        self._closing.wait(seconds)

    def rest(self, seconds: float | None = None) -> None:
        """Wait in the thread until there is work, for at most this long."""
        self._resting = True
        if not self._work.has_work() and not self._closing.is_set():
            with contextlib.suppress(Empty):
                self._wakes.get(timeout=seconds)
        self._resting = False

    def close(self, patience: float, *, persist: float = 0.0) -> None:
        """Let the work end, and wait for that.

        Args:
            patience: Seconds to wait.
            persist: Seconds for which rounds that fail are still tried again.

        """
        atexit.unregister(self._work.close)
        self._give_up_at = time.monotonic() + persist
        self._closing.set()
        self._wakes.put(None)
        with self._lock:  # Else the thread may be in the middle of its start.
            thread = self._thread
        if thread is not None:
            thread.join(patience)

    def _run(self) -> None:
        failures, done = 0, False
        while not done:
            try:
                done = self._work.do_round()
            except Exception as error:  # noqa: BLE001 (a thread that ends would bring nothing any more)
                failures += 1
                if not isinstance(error, RedisError | OSError):
                    self._defects.error(f"the thread {self._name} failed; it tries again", error)
                self._work.failed(error)
                done = self._gives_up_after(self._backoff.compute(failures))
            else:
                failures = 0
        self._work.ended()

    def _gives_up_after(self, pause: float) -> bool:
        """Let a pause pass; return whether to give up."""
        ends = time.monotonic() + pause
        if not self._closing.wait(pause):
            return False
        if time.monotonic() >= self._give_up_at:
            return True
        time.sleep(max(0.0, ends - time.monotonic()))
        return False


_workers: "weakref.WeakSet[Worker]" = weakref.WeakSet()


def _after_fork() -> None:
    for worker in list(_workers):
        worker.after_fork()


os.register_at_fork(after_in_child=_after_fork)
