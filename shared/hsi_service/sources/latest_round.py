"""The collector's latest round, as its leader keeps it, for its other replicas and other services.

A round that is older than two intervals says nothing about now, so it counts as none.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from redis.exceptions import RedisError

from hsi.redis_client import async_client, reason_of
from hsi.schemas import PerformanceUpdateData, channels
from hsi.schemas.moments import utc
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.sources.time_limited import SourceError

logger = logging.getLogger(__name__)

FIELD = b"data"
"""Of an entry of the history: the figures, as JSON."""
ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""
CURRENT_FOR = 2
"""Intervals for which a round says how things are now."""
_MESSAGE = b'{"type":"performance_update","data":%b}'
_points = msgspec.json.Decoder(PerformanceUpdateData)


class Round(NamedTuple):
    """What the collector found."""

    data: PerformanceUpdateData
    message: str
    """The same as the message that was published, fields of a newer version included."""


def point_of(fields: Mapping[bytes, bytes]) -> PerformanceUpdateData:
    """Return the figures of an entry of the history.

    Raises:
        ValueError, RecursionError: They cannot be read.

    """
    point = _points.decode(fields.get(FIELD, b""))
    point.timestamp = utc(point.timestamp)
    return point


class LatestRound:
    """Reads it."""

    def __init__(
        self, redis_url: str, *, name: str, clock: Callable[[], float], interval: float
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the service, shown by Redis' CLIENT LIST.
            clock: Redis' time, in seconds since 1970.
            interval: Seconds between two rounds.

        """
        self._redis = async_client(
            redis_url, name=f"{name}-round", timeout=ANSWER_TIMEOUT, read_only=True
        )
        self._clock = clock
        self._interval = interval
        self._spoilt = SpoiltKeys(logger)

    async def read(self) -> Round | None:
        """Return it; None if there is none that says how things are now.

        Raises:
            SourceError: Redis does not answer.

        """
        key = channels.PERFORMANCE_HISTORY
        try:
            entries: Any = await self._redis.xrevrange(key, count=1)
        except (RedisError, OSError) as error:
            if not is_wrong_type(error):
                raise SourceError(reason_of(error)) from error
            self._spoilt.found(key, "expected a stream; the collector replaces it")
            return None
        for entry_id, fields in entries:  # One, or none.
            try:
                return self._current(point_of(fields), fields[FIELD])
            except (ValueError, RecursionError):
                self._spoilt.found(key, f"its entry {entry_id.decode()} cannot be read")
        return None

    def _current(self, data: PerformanceUpdateData, raw: bytes) -> Round | None:
        age = abs(self._clock() - data.timestamp.timestamp())
        if age >= CURRENT_FOR * self._interval:
            return None
        return Round(data, (_MESSAGE % raw).decode())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
