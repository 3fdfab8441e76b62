"""Which alerts somebody of the household has seen, in Redis, for all pages."""

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from hsi.schemas import RaisedAlertData, channels
from hsi.schemas.moments import seconds_of
from hsi.schemas.performance import AlertSeen
from hsi.spoilt_keys import is_wrong_type
from services.collector.reads import UNREADABLE, Reads, answering

MAX_MARKS = 1000
"""As many as there are alerts that are told of."""
_KEY = channels.ALERTS_SEEN


class SeenAlerts:
    """Marks alerts as seen, and tells which are."""

    def __init__(self, redis: Redis, reads: Reads) -> None:
        """Take the connections.

        Args:
            redis: For writing; its time limit is its own.
            reads: For reading.

        """
        self._redis = redis
        self._reads = reads

    async def marks(self) -> dict[str, AlertSeen]:
        """Return who has seen which alert, and when, by the alerts' ids.

        Raises:
            StoreError: Redis does not answer.

        """
        found: dict[bytes, bytes] = (
            await self._reads.value("HGETALL", _KEY, expected="expected a hash") or {}
        )
        marks = {}
        for alert_id, mark in found.items():
            try:
                marks[alert_id.decode()] = msgspec.json.decode(mark, type=AlertSeen)
            except UNREADABLE:
                self._reads.spoilt.found(_KEY, "one of its marks cannot be read, and is left out")
        return marks

    async def mark(self, alert_id: str, mark: AlertSeen) -> AlertSeen:
        """Mark an alert, unless it is marked already; return its mark.

        Raises:
            StoreError: Redis does not answer.

        """
        marks = await self.marks()
        if alert_id in marks:
            return marks[alert_id]
        value = msgspec.json.encode(mark)
        oldest = sorted(marks, key=lambda each: seconds_of(marks[each].at))
        async with answering():
            try:
                await self._redis.hset(_KEY, alert_id, value)
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                await self._redis.delete(_KEY)
                await self._redis.hset(_KEY, alert_id, value)
            if surplus := oldest[: len(marks) + 1 - MAX_MARKS]:
                await self._redis.hdel(_KEY, *surplus)
        return mark

    async def unmark(self, alert_id: str) -> None:
        """Take an alert's mark away, if it has one.

        Raises:
            StoreError: Redis does not answer.

        """
        async with answering():
            await self._redis.hdel(_KEY, alert_id)


def with_marks(alerts: list[RaisedAlertData], marks: dict[str, AlertSeen]) -> list[RaisedAlertData]:
    """Return alerts that say who has seen them."""
    return [
        msgspec.structs.replace(alert, seen=marks[alert.id]) if alert.id in marks else alert
        for alert in alerts
    ]
