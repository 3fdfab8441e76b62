"""How long the stages of the pipeline took in the last five minutes, by `hsi.latency`."""

import logging
import statistics
from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from redis.exceptions import RedisError, ResponseError

from hsi.latency import FIELD, MAX_MS, MAX_SAMPLES, WINDOW
from hsi.redis_client import async_client, is_busy, reason_of
from hsi.schemas import channels
from hsi.spoilt_keys import SpoiltKeys
from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import number

ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""
_PAGE = 2000
_FIELD = FIELD.encode()

logger = logging.getLogger(__name__)


class Latency(Struct, frozen=True, kw_only=True):
    """What a stage took, in milliseconds."""

    avg: float
    p95: float
    p99: float
    samples: int


class Window:
    """The samples of one stage that still count. Pure."""

    def __init__(self) -> None:
        """Know none."""
        self.last = "0-0"
        """Id of the newest entry that was seen."""
        self._samples: deque[tuple[int, float]] = deque(maxlen=MAX_SAMPLES)

    def add(self, entry_id: str, value: Any, now: int) -> None:
        """Take in an entry: its id, and its milliseconds if they can be true.

        An entry may be of the future, by hand or by a clock; then the following ones are, too. It
        counts from when it is read, so it ages like all others.
        """
        self.last = entry_id
        milliseconds = number(_as_number(value), most=MAX_MS)
        if milliseconds is not None:
            self._samples.append((min(_moment(entry_id)[0], now), milliseconds))

    def latency(self, now: int) -> Latency | None:
        """Return the figures, or None if nothing was sampled in time.

        Args:
            now: Milliseconds of Redis' clock, which entries' ids have, too.

        """
        while self._samples and self._samples[0][0] < now - WINDOW * 1000:
            self._samples.popleft()
        return latency_of([milliseconds for _, milliseconds in self._samples])

    def is_ahead_of(self, newest: str) -> bool:
        """Tell whether it has seen what is not there any more: Redis was wiped, or rolled back."""
        return _moment(self.last) > _moment(newest)


def latency_of(samples: Sequence[float]) -> Latency | None:
    """Return mean and percentiles, interpolated as numpy does; None without a sample."""
    if not samples:
        return None
    if len(samples) == 1:
        return Latency(avg=samples[0], p95=samples[0], p99=samples[0], samples=1)
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return Latency(avg=statistics.fmean(samples), p95=cuts[94], p99=cuts[98], samples=len(samples))


class Latencies:
    """Reads stages; each reading brings only what is new."""

    def __init__(self, redis_url: str, *, name: str, stages: Sequence[str]) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the service, shown by Redis' CLIENT LIST.
            stages: Names of the stages.

        """
        self._redis = async_client(
            redis_url,
            name=f"{name}-latencies",
            timeout=ANSWER_TIMEOUT,
            read_only=True,
        )
        self._windows = {stage: Window() for stage in stages}
        self._spoilt = SpoiltKeys(logger)

    async def read(self) -> dict[str, Latency | None]:
        """Return what is known of each stage.

        Raises:
            SourceError: Redis does not answer.

        """
        stages = list(self._windows)
        while stages:
            now, stages = await self._read_page(stages)
        return {stage: window.latency(now) for stage, window in self._windows.items()}

    async def _read_page(self, stages: Sequence[str]) -> tuple[int, list[str]]:
        """Read some of what is new; return Redis' time, and the stages of which there is more."""
        try:
            async with self._redis.pipeline(transaction=False) as commands:
                commands.time()
                for stage in stages:
                    key, last = channels.latency(stage), self._windows[stage].last
                    commands.xrevrange(key, count=1)
                    commands.xrange(key, min=f"({last}", count=_PAGE)
                clock, *replies = await commands.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            raise SourceError(reason_of(error)) from error
        for reply in (clock, *replies):
            if isinstance(reply, Exception) and (reply is clock or is_busy(reply)):
                raise SourceError(reason_of(reply)) from reply
        seconds, micros = clock
        now = seconds * 1000 + micros // 1000
        more = []
        for stage, newest, entries in zip(stages, replies[::2], replies[1::2], strict=True):
            if isinstance(newest, ResponseError) or isinstance(entries, ResponseError):
                self._spoilt.found(channels.latency(stage), "expected a stream; it has no figures")
                continue
            if newest and self._windows[stage].is_ahead_of(newest[0][0].decode()):
                self._windows[stage] = Window()
                more.append(stage)
                continue
            for entry_id, fields in entries:
                self._windows[stage].add(entry_id.decode(), fields.get(_FIELD), now)
            if len(entries) == _PAGE:
                more.append(stage)
        return now, more

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _moment(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)


def _as_number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
