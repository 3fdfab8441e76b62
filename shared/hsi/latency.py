"""record_latency(): how a stage of the pipeline says how long it took, without ever waiting.

A stage is whatever has a name; the inference figures show `yolo26`, `nemotron` and `pipeline`. Its
samples are a short stream in Redis, `latency:<stage>`, which any language can write:
`XADD latency:yolo26 MAXLEN ~ 10000 * ms 45.2`.
"""

import atexit
import functools
import inspect
import logging
import math
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.redis_client import sync_client
from hsi.schemas import channels
from hsi.settings import DEFAULT_REDIS_URL

P = ParamSpec("P")
T = TypeVar("T")

FIELD = "ms"
"""Field of a sample: milliseconds."""
WINDOW = 300.0
"""Seconds that a sample counts for."""
MAX_SAMPLES = 10_000
"""Samples that a stage keeps: 33 a second for all of the window."""
MAX_MS = 86_400_000.0
"""A day: longer is a fault of a clock."""
MAX_STAGE = 100
_KEPT = 3600
_MAX_WAITING = 10_000
_BATCH = 500
_TIMEOUT = 3.0
_LINGER = 0.1
_BACKOFF_CAP = 5.0
_PATIENCE = 1.0

logger = logging.getLogger(__name__)


class _Sample(NamedTuple):
    stage: str
    milliseconds: float
    at: float
    """Of the monotonic clock."""


class LatencyRecorder:
    """Takes in durations and brings them to Redis, in a thread with a connection of its own.

    What it is told costs microseconds, from any thread, with asyncio or without, and never fails.
    Samples are no accounts: when too many wait because Redis is away, the oldest go, and one that
    became older than the window is not sent any more.
    """

    def __init__(self, redis_url: str) -> None:
        """Prepare; connects with the first sample.

        Args:
            redis_url: redis://, rediss:// or unix://.

        """
        self._redis_url = redis_url
        self._throttled = Throttled(logger)
        self._reset()
        _recorders.add(self)
        atexit.register(self.close)

    def _reset(self) -> None:
        """Set up what a process has to itself."""
        # Here and not in the thread: a fork in the middle of its imports would break the child.
        self._redis = sync_client(self._redis_url, name="latency", timeout=_TIMEOUT)
        self._waiting: deque[_Sample] = deque(maxlen=_MAX_WAITING)
        self._sending: list[_Sample] = []
        self._lock = threading.RLock()
        self._work: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._resting = False

    def after_fork(self) -> None:
        """Be a recorder of the child's own: the thread, and what waits, are the parent's."""
        self._reset()

    def record(self, stage: str, milliseconds: float) -> None:
        """Take in how long a stage took.

        Args:
            stage: Its name.
            milliseconds: What cannot be a duration is dropped, and said in the log.

        """
        if not _is_duration(milliseconds) or not 0 < len(stage) <= MAX_STAGE:
            self._throttled.warning("not a latency", stage=stage[:MAX_STAGE], ms=str(milliseconds))
            return
        self._waiting.append(_Sample(stage, milliseconds, time.monotonic()))
        if self._thread is None:
            self._start()
        if self._resting:
            self._resting = False
            self._work.put(None)

    def timed(self, stage: str) -> "Timed":
        """Time a block, or a function as a decorator; see `timed` below."""
        return Timed(self.record, stage)

    def close(self, patience: float = _PATIENCE) -> None:
        """Send what waits, for at most `patience` seconds; what comes later is not sent."""
        atexit.unregister(self.close)
        self._closing.set()
        self._work.put(None)
        if self._thread is not None:
            self._thread.join(patience)

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._closing.is_set():
                return
            thread = threading.Thread(target=self._run, name="hsi-latency", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # No more threads, or the interpreter ends.
                self._throttled.warning("latencies are not sent", trouble=str(error))
            else:
                self._thread = thread

    def _run(self) -> None:
        backoff, failures = EqualJitterBackoff(cap=_BACKOFF_CAP, base=0.05), 0
        while self._waiting or self._sending or not self._closing.is_set():
            if not self._waiting and not self._sending:
                self._rest()
                continue
            # One that samples much makes itself fewer, larger batches.
            self._closing.wait(_LINGER)
            try:
                self._send()
            except (RedisError, OSError) as error:
                failures += 1
                self._throttled.warning("cannot send latencies", trouble=type(error).__name__)
                if self._closing.wait(backoff.compute(failures)):
                    break
            else:
                failures = 0
        self._redis.close()

    def _rest(self) -> None:
        """Wait until there is something to do."""
        self._resting = True
        if not self._waiting and not self._closing.is_set():
            self._work.get()
        self._resting = False

    def _send(self) -> None:
        """Send some of what waits. After a lost answer, those are sent, and count, twice."""
        while self._waiting and len(self._sending) < _BATCH:
            self._sending.append(self._waiting.popleft())
        oldest = time.monotonic() - WINDOW
        samples = [sample for sample in self._sending if sample.at >= oldest]
        with self._redis.pipeline(transaction=False) as commands:
            for stage, milliseconds, _ in samples:
                commands.xadd(
                    channels.latency(stage), {FIELD: f"{milliseconds:.3f}"}, maxlen=MAX_SAMPLES
                )
            for stage in {sample.stage for sample in samples}:
                commands.expire(channels.latency(stage), _KEPT)
            for reply in commands.execute(raise_on_error=False):
                if isinstance(reply, Exception):  # Of one stage: its key is something else's.
                    self._throttled.warning("Redis refuses a latency", trouble=str(reply)[:100])
        self._sending.clear()


class Timed:
    """Times a block, or each call of a function that it decorates, a coroutine's included."""

    def __init__(self, record: Callable[[str, float], None], stage: str) -> None:
        """Prepare.

        Args:
            record: Takes the stage and its milliseconds.
            stage: Its name.

        """
        self._record = record
        self._stage = stage
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._record(self._stage, (time.perf_counter() - self._began) * 1000)

    def __call__(self, work: Callable[P, T]) -> Callable[P, T]:
        """Decorate a function."""
        if inspect.iscoroutinefunction(work):

            @functools.wraps(work)
            async def timed_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                with Timed(self._record, self._stage):
                    return await work(*args, **kwargs)

            return cast("Callable[P, T]", timed_coroutine)

        @functools.wraps(work)
        def timed_call(*args: P.args, **kwargs: P.kwargs) -> T:
            with Timed(self._record, self._stage):
                return work(*args, **kwargs)

        return timed_call


def _is_duration(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 <= value <= MAX_MS


def record_latency(stage: str, milliseconds: float) -> None:
    """Report how long a stage of the pipeline took, to the Redis of `REDIS_URL`.

        record_latency("yolo26", 45.2)

    Takes microseconds, never waits, never raises. `timed` does the same for a block.

    Args:
        stage: Its name; shown are `yolo26`, `nemotron` and `pipeline`.
        milliseconds: How long it took.

    """
    _default().record(stage, milliseconds)


def timed(stage: str) -> Timed:
    """Report how long something took, as `record_latency` does; what raises is not counted.

        with timed("yolo26"):
            detect(image)

        @timed("nemotron")
        async def analyze(batch): ...

    Args:
        stage: Its name.

    """
    return Timed(record_latency, stage)


@functools.cache
def _default() -> LatencyRecorder:
    """Return the recorder of this process."""
    return LatencyRecorder(os.environ.get("REDIS_URL") or DEFAULT_REDIS_URL)


_recorders: "weakref.WeakSet[LatencyRecorder]" = weakref.WeakSet()


def _after_fork() -> None:
    for recorder in list(_recorders):
        recorder.after_fork()


os.register_at_fork(after_in_child=_after_fork)
