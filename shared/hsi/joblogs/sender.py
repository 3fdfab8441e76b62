"""Sending a job's lines to Redis in the background, so that the job never waits for it."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET
from redis.client import Pipeline
from redis.exceptions import InvalidResponse, NoPermissionError, ResponseError

from hsi import redis_functions
from hsi.joblogs import job_state
from hsi.joblogs.buffer import LineBuffer, chunks
from hsi.joblogs.lines import dropped_line, end_line
from hsi.logs import Throttled
from hsi.publishing import (
    FUNCTION,
    LIBRARY,
    Bounds,
    ForgedSenderError,
    Numbering,
    PublishError,
    is_gap,
    numbered_call,
)
from hsi.redis_client import sync_client
from hsi.schemas import JobEnd, channels
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi.worker import Worker

BOUNDS = Bounds(messages=10_000)
"""Lines of a job that are kept."""
MAX_JOBS = 1000
"""Jobs that the index keeps, those that began last."""
TIMEOUT = 3.0
"""Seconds that one attempt may take."""
BACKOFF_CAP = 1.0
"""Seconds between two attempts, at most."""
PATIENCE = 3.0
"""Seconds that closing waits for Redis to have everything."""
LINGER = 0.02
"""Seconds between two batches: a job that logs much costs itself fewer, larger ones."""
REFRESH = 600.0
"""Seconds between two signs that a job still runs; its state and log end an hour after the last."""
LOOK_INTERVAL = 5.0
"""Seconds between two looks whether Redis still knows the job: it may be wiped or rolled back."""
AFTERLIFE = 600.0
"""Seconds that a closed sender keeps retrying unsent lines while the process lives."""
_POLL = 0.005

logger = logging.getLogger(__name__)


class Sender:
    """Sends lines in the order in which they came, each once, however often it has to be tried.

    `send` may be called from any thread, takes microseconds and never fails. A background thread
    makes and uses the one connection. A child process after `fork` has a sender of its own, which
    only adds lines: the job is its parent's.
    """

    def __init__(self, redis_url: str, job_id: str, *, patience: float = PATIENCE) -> None:
        """Connect with the first line.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            job_id: The job.
            patience: Seconds that closing waits for Redis.

        Raises:
            InvalidJobIdError: It is not a job id.

        """
        self.closed = False
        """Whether it takes no more lines."""
        self._job_id = job_id
        self._patience = patience
        self._channel = channels.job_logs(job_id)
        self._buffer = LineBuffer(lambda count: dropped_line(count, time.time()))
        self._throttled = Throttled(logger)
        self._spoilt = SpoiltKeys(logger)
        self._redis_url = redis_url
        self._set_up()
        self._worker = Worker(self, name="hsi-job-log", base=0.02, cap=BACKOFF_CAP)

    def _set_up(self) -> None:
        # A signal handler that logs in the middle of a line may take it again.
        self._lock = threading.RLock()
        self._redis = sync_client(self._redis_url, name="job-log", timeout=TIMEOUT)
        self._numbering = Numbering()
        self._started: datetime | None = None
        """When the job began; None: its state is another's."""
        self._end: JobEnd | None = None
        self._ended_at: datetime | None = None
        self._listed_since = time.time()
        """When this sender began, in seconds since 1970; listed where its job is another's."""
        self._refresh_at = self._look_at = 0.0
        self._begun = False
        self._is_crowded_out = False
        """Whether the index has no room for the job: it keeps `MAX_JOBS`."""

    def reset(self) -> None:
        """Be a sender of the child's own: the lines that wait are its parent's."""
        self._buffer.clear()
        self._set_up()

    def begin(self) -> None:
        """Report that the job runs, now; from here on its state is kept up to date."""
        self._started = datetime.now(UTC)
        self._refresh_now()
        self._worker.notify()

    def send(self, line: bytes) -> None:
        """Take a line."""
        with self._lock:
            self._buffer.add(line)
        self._worker.notify()

    def is_own_thread(self) -> bool:
        """Return whether the caller is the thread that sends."""
        return self._worker.is_own_thread()

    def close(self, end: JobEnd | None = None) -> None:
        """Take no more lines, and wait for some seconds until Redis has those that there are.

        Only the sender that began a job ends it: another, a child's for example, ignores `end`.
        Lines that could not be sent in time are tried for `AFTERLIFE` seconds more, if the process
        lives that long; how many they are is logged.

        Args:
            end: The job's end; None: its state is another's.

        """
        if self.closed:
            return
        self.closed = True
        if end is not None and self._started is not None:
            self._ended_at = datetime.now(UTC)
            self._end = end
            self.send(end_line(end))
        self._worker.close(self._patience, persist=max(self._patience, AFTERLIFE))
        if unsent := len(self._buffer):
            logger.warning(
                "job %s ended, and Redis does not have the last %d lines of its log",
                self._job_id,
                unsent,
            )

    def flush(self, patience: float) -> bool:
        """Wait until Redis has all lines, for at most `patience` seconds.

        Returns:
            Whether it has.

        """
        if not self._worker.started or self.is_own_thread():
            return not self._buffer
        deadline = time.monotonic() + patience
        while self._buffer and time.monotonic() < deadline:
            time.sleep(_POLL)
        return not self._buffer

    def has_work(self) -> bool:
        """Return whether lines wait, or a look whether Redis knows the job is due."""
        return bool(self._buffer) or time.monotonic() >= self._look_at

    def do_round(self) -> bool:
        """Send some of the lines, or wait for some; return whether that was all, for good."""
        if time.monotonic() >= self._look_at and self._end is None:
            self._keep_running()
        with self._lock:
            lines = self._buffer.take()
        if lines:
            self._send(lines)
            if not self._buffer.has_much:
                self._worker.linger(LINGER)
            return False
        if self._worker.closing:
            self._write_end()
            return True
        self._worker.rest(max(0.0, self._look_at - time.monotonic()))
        return False

    def failed(self, error: Exception) -> None:
        """Log that lines cannot be sent."""
        self._refresh_now()  # Redis may come back without what it knew.
        self._throttled.warning(
            f"cannot send the log of job {self._job_id}: {error}", waiting=len(self._buffer)
        )

    def ended(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _send(self, lines: Sequence[bytes]) -> None:
        parts = list(chunks(lines))
        first = self._numbering.first
        sent = self._numbering.sent
        self._numbering.sent = max(sent, first + len(lines) - 1)
        with self._redis.pipeline(transaction=False) as commands:
            for part in parts:
                commands.fcall(
                    *numbered_call(
                        self._channel,
                        part,
                        sender=self._numbering.name,
                        first=first,
                        bounds=BOUNDS,
                        ttl=job_state.KEPT,
                    )
                )
                first += len(part)
            replies: list[Any] = commands.execute(raise_on_error=False)
        for part, reply in zip(parts, replies, strict=True):
            if isinstance(reply, Exception):
                self._mend(reply)
                return
            self._check(reply, len(part), sent)
            with self._lock:
                self._buffer.acknowledge(len(part))
            self._numbering.advance(len(part))

    def _check(self, reply: Any, count: int, sent: int) -> None:
        """See that a reply acknowledges lines; where it cannot be true, they are sent again.

        Args:
            reply: To a part of what was sent.
            count: Lines of that part.
            sent: The greatest number that was sent before; Redis may have those lines already.

        Raises:
            InvalidResponse: It does not: something else may have the function's name.

        """
        try:
            tried = min(count, max(0, sent - self._numbering.first + 1))
            self._numbering.acknowledgements(reply, count, tried=tried)
        except PublishError as error:
            if isinstance(error, ForgedSenderError):
                self._numbering.rename()
            raise InvalidResponse(str(error)) from error

    def _mend(self, error: Exception) -> None:
        """Make the next attempt succeed, where that is possible; else raise the error."""
        if redis_functions.is_missing(error):
            redis_functions.load(self._redis, FUNCTION, LIBRARY)
        elif is_gap(error):
            # Redis was wiped or rolled back: those lines start it afresh, and what the answers
            # were before says nothing about those to come.
            self._numbering = Numbering()
        else:
            raise error
        self._refresh_now()

    def _refresh_now(self) -> None:
        """Have the next round write whatever Redis may not know."""
        self._refresh_at = self._look_at = 0.0

    def _keep_running(self) -> None:
        """See to it that Redis knows that the job runs, or, where that is another's, that it is."""
        now = time.monotonic()
        self._look_at = now + LOOK_INTERVAL
        try:
            if now < self._refresh_at and not self._is_forgotten():
                return
            # Before it is written: a `begin` in between has it written again.
            self._refresh_at = now + REFRESH
            if self._started is None:
                self._list()
            else:
                change = job_state.still if self._begun else job_state.begun
                self._write(functools.partial(change, job_id=self._job_id, started=self._started))
                self._begun = True
            self._renew_log()
        except ResponseError as error:  # Redis is there, and refuses: the lines go on.
            self._refresh_at = 0.0
            self._throttled.warning(f"cannot keep the state of job {self._job_id}: {error}")

    def _renew_log(self) -> None:
        """Have Redis keep the log of a job that says nothing for as long as it runs."""
        names = channels.history, channels.number
        keys = [name(self._channel) for name in names]
        keys.append(channels.sender(self._channel, self._numbering.name))
        with self._redis.pipeline(transaction=False) as commands:
            for key in keys:
                commands.expire(key, job_state.KEPT)
            commands.execute()

    def _is_forgotten(self) -> bool:
        """Return whether Redis has lost what a sender keeps there. It only reads."""
        with self._redis.pipeline(transaction=False) as commands:
            commands.get(channels.job(self._job_id))
            commands.zscore(channels.JOBS, self._job_id)
            state, score = commands.execute(raise_on_error=False)
        for reply in (state, score):
            if isinstance(reply, Exception) and not is_wrong_type(reply):
                raise reply
        if is_wrong_type(score):
            self._name_index()
        if score is None and not self._is_crowded_out:
            return True
        if self._started is None or isinstance(state, Exception):
            return False
        return job_state.is_of_the_past(state, self._started)

    def _write_end(self) -> None:
        """Write into Redis how the job ended."""
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
        """Change the job's state and its place in the index; a key of another kind stays."""
        key = channels.job(self._job_id)

        def write(transaction: Pipeline) -> None:
            try:
                before: Any = transaction.get(key)
                state = change(before)
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                before = state = None
                self._spoilt.found(key, "expected a job's state, a string; it stays as it is")
            if before and job_state.is_foreign(before):
                self._spoilt.found(key, "expected a job's state, as JSON; it stays as it is")
            transaction.multi()
            if state is not None:
                transaction.set(key, state, ex=job_state.KEPT)

        self._redis.transaction(write, key)
        self._list()

    def _list(self) -> None:
        """Have the index list the job, by when it began."""
        began = self._started.timestamp() if self._started else self._listed_since
        with self._redis.pipeline(transaction=True) as commands:
            commands.zadd(channels.JOBS, {self._job_id: began}, nx=self._started is None)
            commands.zremrangebyscore(channels.JOBS, job_state.NO_TIME, "+inf")
            commands.zremrangebyrank(channels.JOBS, 0, -MAX_JOBS - 1)
            commands.zscore(channels.JOBS, self._job_id)
            *_, score = replies = commands.execute(raise_on_error=False)
        if isinstance(replies[1], NoPermissionError):  # Redis' user has its earlier rules.
            del replies[1]
        error = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if is_wrong_type(error):
            self._name_index()
        elif error:
            raise error
        self._is_crowded_out = score is None

    def _name_index(self) -> None:
        self._spoilt.found(channels.JOBS, "expected a sorted set; no job is listed until it goes")
