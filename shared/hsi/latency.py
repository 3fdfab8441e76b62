"""record_latency() and timed: report how long a stage of the pipeline took, without ever waiting.

A stage is anything with a name; the inference figures show `yolo26`, `nemotron` and `pipeline`. Its
samples are a short stream in Redis, `latency:<stage>`, which any language can write:
`XADD latency:yolo26 MAXLEN ~ 10000 * ms 45.2`.
"""

import functools
import inspect
import logging
import math
import os
import re
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from hsi.logs import Throttled
from hsi.redis_client import sync_client
from hsi.schemas import channels
from hsi.settings import DEFAULT_REDIS_URL, SettingsError
from hsi.spoilt_keys import SpoiltKeys
from hsi.worker import Worker

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
_SPOILT = re.compile("^WRONGTYPE|equal or smaller|exhausted")
"""Why nothing can ever be appended: another type, or an entry with the greatest id there is."""

logger = logging.getLogger(__name__)


class _Sample(NamedTuple):
    stage: str
    milliseconds: float
    at: float
    """Of the monotonic clock."""


class LatencyRecorder:
    """Takes durations and sends them to Redis, by a background thread with its own connection.

    Recording takes microseconds, from any thread, with asyncio or without, and never fails. Samples
    are not accounts: when too many wait because Redis is away, the oldest are dropped, and one that
    is older than the window is no longer sent. What waits at the end of the program is sent then,
    for a second at most. A child process after `fork` has a recorder of its own.
    """

    def __init__(self, redis_url: str) -> None:
        """Connect with the first sample.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.

        """
        self._redis_url = redis_url
        self._throttled = Throttled(logger)
        self._spoilt = SpoiltKeys(logger)
        self.reset()
        self._worker = Worker(self, name="hsi-latency", base=0.05, cap=_BACKOFF_CAP)

    def reset(self) -> None:
        """Set up the connection and the samples of this process, as `Worker` asks for."""
        # Here and not in the thread: a fork in the middle of its imports would break the child.
        self._redis = sync_client(self._redis_url, name="latency", timeout=_TIMEOUT)
        self._waiting: deque[_Sample] = deque(maxlen=_MAX_WAITING)
        self._sending: list[_Sample] = []

    def record(self, stage: str, milliseconds: float) -> None:
        """Record how long a stage took.

        Args:
            stage: Its name, of 1 to 100 characters.
            milliseconds: How long it took. Anything that cannot be a duration is dropped, and
                logged.

        """
        if not _is_duration(milliseconds) or not 0 < len(stage) <= MAX_STAGE:
            self._throttled.warning("not a latency", stage=stage[:MAX_STAGE], ms=str(milliseconds))
            return
        self._waiting.append(_Sample(stage, milliseconds, time.monotonic()))
        self._worker.notify()

    def timed(self, stage: str) -> "Timed":
        """Time a block, or a function as a decorator; see `timed` below."""
        return Timed(self.record, stage)

    def close(self, patience: float = _PATIENCE) -> None:
        """Send the samples that wait, for at most `patience` seconds; later ones are not sent."""
        self._worker.close(patience)

    def has_work(self) -> bool:
        """Return whether samples wait."""
        return bool(self._waiting or self._sending)

    def do_round(self) -> bool:
        """Send some of the samples, or wait for some."""
        if not self.has_work():
            if self._worker.closing:
                return True
            self._worker.rest()
            return False
        # One that samples much makes itself fewer, larger batches.
        self._worker.linger(_LINGER)
        self._send()
        return False

    def failed(self, error: Exception) -> None:
        """Log that samples cannot be sent."""
        self._throttled.warning("cannot send latencies", trouble=type(error).__name__)

    def ended(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _send(self) -> None:
        """Send some of those that wait. After a lost answer, these are sent, and count, twice."""
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
            replies = commands.execute(raise_on_error=False)
        spoilt = set()
        for sample, reply in zip(samples, replies, strict=False):
            if isinstance(reply, Exception):
                self._throttled.warning("Redis refuses a latency", trouble=str(reply)[:100])
                if _SPOILT.search(str(reply)):
                    spoilt.add(channels.latency(sample.stage))
        self._sending.clear()
        for key in spoilt:
            self._redis.expire(key, 0)
            self._spoilt.found(key, "nothing can be appended; it is replaced")


class Timed:
    """Times a block, or each call of a function that it decorates, a coroutine's included."""

    def __init__(self, record: Callable[[str, float], None], stage: str) -> None:
        """Time one stage.

        Args:
            record: Called with the stage and its milliseconds.
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

    It takes microseconds, never waits and never raises. `timed` does the same for a block.

    Args:
        stage: Its name; shown are `yolo26`, `nemotron` and `pipeline`.
        milliseconds: How long it took, from 0 to a day. Anything else is dropped, and logged.

    """
    if recorder := _default():
        recorder.record(stage, milliseconds)


def timed(stage: str) -> Timed:
    """Report how long a block or a function took; one that raises is not counted.

        with timed("yolo26"):
            detect(image)

        @timed("nemotron")
        async def analyze(batch): ...

    Args:
        stage: Its name.

    """
    return Timed(record_latency, stage)


@functools.cache
def _default() -> LatencyRecorder | None:
    """Return the recorder of this process; None where REDIS_URL cannot be used."""
    try:
        return LatencyRecorder(os.environ.get("REDIS_URL", "").strip() or DEFAULT_REDIS_URL)
    except SettingsError as error:
        logger.error("latencies are not recorded: %s", error)  # noqa: TRY400 (its text is all)
        return None
