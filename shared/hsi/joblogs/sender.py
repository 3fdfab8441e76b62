"""The thread that carries a job's lines to Redis, so that the job never waits for it."""

import contextlib
import functools
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import resources
from queue import Empty, SimpleQueue
from typing import Any

from msgspec import UNSET
from redis import Redis
from redis.backoff import EqualJitterBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError

from hsi.joblogs import job_state
from hsi.joblogs.buffer import LineBuffer, chunks
from hsi.joblogs.lines import dropped_line, end_line
from hsi.logs import Throttled
from hsi.redis_client import sync_client
from hsi.schemas import JobEnd, channels

FUNCTION = "hsi_publish_lines_v1"
LIBRARY = resources.files("hsi.joblogs").joinpath("publish_lines.lua").read_text()
HISTORY_LENGTH = 10_000
"""Lines of a job that are kept (DESIGN: Redis)."""
MAX_JOBS = 1000
"""Jobs that the index keeps, those that began last."""
TIMEOUT = 3.0
"""Seconds that one attempt may take."""
BACKOFF_CAP = 1.0
"""Seconds between attempts, at most."""
LINGER = 0.02
"""Seconds between two batches: a job that says much costs itself fewer, larger ones."""
REFRESH = 600.0
"""Seconds between two signs that a job still runs; without one its state ends after an hour."""
AFTERLIFE = 600.0
"""Seconds that what a closed sender could not send yet is tried for, while the process lives."""
_POLL = 0.005

logger = logging.getLogger(__name__)


class Sender:
    """Sends lines in the order in which they came, each once, however often it has to be tried.

    `send` may be called from any thread, takes microseconds and never fails. One connection, made
    and used by one thread, which starts with the first line.
    """

    def __init__(self, redis_url: str, job_id: str) -> None:
        """Prepare.

        Args:
            redis_url: redis://, rediss:// or unix://.
            job_id: The job.

        """
        self.closed = False
        """Whether it takes no more lines."""
        self._job_id = job_id
        self._channel = channels.job_logs(job_id)
        self._buffer = LineBuffer(lambda count: dropped_line(count, time.time()))
        self._throttled = Throttled(logger)
        self._redis_url = redis_url
        self._started: datetime | None = None
        """When the job began; None: its state is another's."""
        self._reset()
        _senders.add(self)

    def _reset(self) -> None:
        """Set up what a process has to itself."""
        self._redis = sync_client(self._redis_url, name="job-log", timeout=TIMEOUT)
        self._name = uuid.uuid4().hex
        self._next = 1
        """Number of the first line that was not acknowledged, under this name."""
        # Both can be had again by a signal's handler that logs in the middle of a line.
        self._lock = threading.RLock()
        self._work: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._resting = False
        self._end: JobEnd | None = None
        self._ended_at: datetime | None = None
        self._give_up_at = float("inf")
        self._refresh_at = 0.0
        self._begun = False

    def after_fork(self) -> None:
        """Be a sender of the child's own: the thread, and what waits, are the parent's."""
        self._buffer.clear()
        self._started = None
        self._reset()

    def begin(self) -> None:
        """Say that the job runs, now; from here on its state is kept up to date."""
        self._started = datetime.now(UTC)
        self._refresh_at = 0.0
        self._start()
        self._work.put(None)

    def send(self, line: bytes) -> None:
        """Take in a line."""
        with self._lock:
            self._buffer.add(line)
        if self._thread is None:
            self._start()
        if self._resting:
            self._resting = False
            self._work.put(None)

    def is_own_thread(self) -> bool:
        """Tell whether the caller is the thread that sends."""
        return self._thread is not None and threading.get_ident() == self._thread.ident

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="hsi-job-log", daemon=True)
            trouble = ""
            try:
                self._thread.start()
            except RuntimeError as error:  # No more threads, or the interpreter ends.
                self._thread = None
                trouble = str(error)
        if trouble:
            self._throttled.warning(f"the log of job {self._job_id} is not sent: {trouble}")

    def close(self, end: JobEnd | None, *, patience: float) -> int:
        """Take no more lines, and wait until Redis has those that there are.

        Only who began a job ends it: a sender that did not, a child's for example, ignores `end`.

        What could not be sent within `patience` seconds is tried for `AFTERLIFE` seconds more, if
        the process lives that long.

        Returns:
            How many lines were not acknowledged, the end included.

        """
        if self.closed:
            return len(self._buffer)
        self.closed = True
        if end is not None and self._started is not None:
            self._ended_at = datetime.now(UTC)
            self._end = end
            self.send(end_line(end))
        if self._thread is None:
            return len(self._buffer)
        self._give_up_at = time.monotonic() + max(patience, AFTERLIFE)
        self._closing.set()
        self._work.put(None)
        self._thread.join(patience)
        return len(self._buffer)

    def flush(self, patience: float) -> bool:
        """Wait until Redis has all lines, for at most `patience` seconds; tell whether it does."""
        if self._thread is None or self.is_own_thread():
            return not self._buffer
        deadline = time.monotonic() + patience
        while self._buffer and time.monotonic() < deadline:
            time.sleep(_POLL)
        return not self._buffer

    def _run(self) -> None:
        backoff, failures = EqualJitterBackoff(cap=BACKOFF_CAP, base=0.02), 0
        while time.monotonic() < self._give_up_at:
            try:
                done = self._round()
            except (RedisError, OSError) as error:
                failures += 1
                self._refresh_at = 0.0  # Redis may come back without what it knew.
                self._throttled.warning(
                    f"cannot send the log of job {self._job_id}: {error}", waiting=len(self._buffer)
                )
                time.sleep(backoff.compute(failures))
                continue
            failures = 0
            if done:
                break
        self._redis.close()

    def _round(self) -> bool:
        """Do what there is to do; return whether that was all, for good."""
        now = time.monotonic()
        if now >= self._refresh_at and self._end is None:
            self._refresh_at = now + REFRESH
            self._say_that_it_runs()
        with self._lock:
            lines = self._buffer.take()
        if lines:
            self._send(lines)
            if not self._buffer.has_much:
                self._closing.wait(LINGER)
            return False
        if self._closing.is_set():
            self._say_that_it_ended()
            return True
        self._rest()
        return False

    def _rest(self) -> None:
        """Wait until there is something to do."""
        self._resting = True
        if not self._buffer and not self._closing.is_set():
            with contextlib.suppress(Empty):
                self._work.get(timeout=max(0.0, self._refresh_at - time.monotonic()))
        self._resting = False

    def _send(self, lines: Sequence[bytes]) -> None:
        parts = list(chunks(lines))
        first = self._next
        with self._redis.pipeline(transaction=False) as commands:
            for part in parts:
                commands.fcall(
                    FUNCTION,
                    3,
                    channels.history(self._channel),
                    channels.number(self._channel),
                    channels.senders(self._channel),
                    self._channel,
                    HISTORY_LENGTH,
                    job_state.KEPT,
                    self._name,
                    first,
                    *part,
                )
                first += len(part)
            replies: list[Any] = commands.execute(raise_on_error=False)
        for part, reply in zip(parts, replies, strict=True):
            if isinstance(reply, Exception):
                self._mend(reply)
                return
            with self._lock:
                self._buffer.acknowledge(len(part))
            self._next += len(part)

    def _mend(self, error: Exception) -> None:
        """Do what lets the next attempt go well, if that is in our hands."""
        if "unction not found" in str(error):
            _load(self._redis)
        elif str(error).startswith("GAP"):
            # Redis was wiped or rolled back, or an hour went by: it has none of those on the way.
            self._name, self._next = uuid.uuid4().hex, 1
        else:
            raise error

    def _say_that_it_runs(self) -> None:
        try:
            if self._started is None:
                self._redis.zadd(channels.JOBS, {self._job_id: time.time()}, nx=True)
                self._redis.zremrangebyrank(channels.JOBS, 0, -MAX_JOBS - 1)
                return
            change = job_state.still if self._begun else job_state.begun
            self._write(functools.partial(change, job_id=self._job_id, started=self._started))
            self._begun = True
        except ResponseError as error:  # Redis is there, and refuses: the lines go on.
            self._throttled.warning(f"cannot keep the state of job {self._job_id}: {error}")

    def _say_that_it_ended(self) -> None:
        if self._end is None or self._started is None or self._ended_at is None:
            return
        code = self._end.data.exit_code
        self._write(
            functools.partial(
                job_state.ended,
                job_id=self._job_id,
                started=self._started,
                status=self._end.data.status,
                at=self._ended_at,
                exit_code=None if code is UNSET else code,
            )
        )

    def _write(self, change: Callable[[bytes | None], str | None]) -> None:
        """Change the job's state and its place in the index; what is no state stays as it is."""
        key = channels.job(self._job_id)

        def write(transaction: Pipeline) -> None:
            try:
                state = change(transaction.get(key))  # type: ignore[arg-type]  # bytes
            except ResponseError as error:
                if "WRONGTYPE" not in str(error):
                    raise
                state = None
            transaction.multi()
            if state is not None:
                transaction.set(key, state, ex=job_state.KEPT)
            transaction.zadd(channels.JOBS, {self._job_id: started})
            transaction.zremrangebyrank(channels.JOBS, 0, -MAX_JOBS - 1)

        started = self._started.timestamp() if self._started else time.time()
        self._redis.transaction(write, key)


def _load(redis: Redis) -> None:
    """Bring Redis the function that it does not have: it is new, or was wiped."""
    try:
        redis.function_load(LIBRARY)
    except ResponseError as error:
        if "already exists" not in str(error):
            raise
    else:
        logger.info("brought Redis the function %s", FUNCTION)


_senders: "weakref.WeakSet[Sender]" = weakref.WeakSet()


def _after_fork() -> None:
    for sender in list(_senders):
        sender.after_fork()


os.register_at_fork(after_in_child=_after_fork)
