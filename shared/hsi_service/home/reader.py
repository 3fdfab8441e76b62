"""What Home asks of Redis: the history of events, who has seen them, and the cameras."""

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from hsi.appended_by_hand import last_published
from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import Seen, channels
from hsi.schemas.cursor import Cursor
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi.verdict import UNENDED
from hsi_service.bus.continuity import Entry
from hsi_service.bus.history import History, next_count
from hsi_service.bus.known import Chain, Look
from hsi_service.bus.look import look_at
from hsi_service.bus.marks import NOT_OURS, marks_in
from hsi_service.home.cameras import CameraAt, cameras_in

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
MAX_CAMERAS_BYTES = 1024 * 1024
"""More than a list of cameras ever has: what is larger was written by somebody else."""


class HomeReader:
    """Asks Redis. Every method raises `RedisError` or `OSError` where it does not answer.

    What somebody else has put into a key costs that key, and is named in the log.
    """

    def __init__(self, redis_url: str, history: History, channel: str, *, name: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            history: Reads histories.
            channel: Of events.
            name: Of the service, shown by Redis' CLIENT LIST.

        """
        self._redis = async_client(redis_url, name=f"{name}-home", timeout=TIMEOUT, read_only=True)
        self._history = history
        self._channel = channel
        self._spoilt = SpoiltKeys(logger)
        self._denied = Throttled(logger)

    async def last(self) -> Cursor | None:
        """Return the last event's cursor, whatever somebody appended by hand after it."""
        try:
            return await last_published(self._redis, self._channel)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(channels.history(self._channel), "expected a stream of messages")
            return None

    async def back_from(self, last: Cursor, chain: Chain) -> AsyncIterator[Entry]:
        """Yield the messages of a day up to one of them, the last one first.

        Args:
            last: The last one.
            chain: Takes each of them.

        """
        at, count = Cursor(last.milliseconds, last.number + 1), next_count([])
        begin = last.milliseconds
        while entries := await self._history.before(self._channel, at, count):
            for entry in entries:
                chain.take(entry.cursor)
                if begin - entry.cursor.milliseconds > UNENDED:
                    return
                yield entry
            at, count = entries[-1].cursor, next_count(entries)

    async def look(self) -> Look:
        """Return the history's ends, its counter and its mark, at one moment."""
        look, _ = await look_at(self._redis, self._channel, None)
        return look

    async def marks(self) -> dict[str, Seen]:
        """Return which events somebody has seen; nobody has where this user may not know."""
        key = channels.seen(self._channel)
        try:
            if await self._redis.hlen(key) >= NOT_OURS:
                self._spoilt.found(key, "it has too many fields to be ours, and is not read")
                return {}
            fields: dict[Any, Any] = await self._redis.hgetall(key)
        except NoPermissionError as error:
            self._denied.warning(
                "nobody can know which events were seen: this service's user of Redis needs its "
                "rules (users.acl)",
                reason=str(error),
            )
            return {}
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(key, "expected a hash of the events that were seen")
            return {}
        marks, unreadable = marks_in(fields.items())
        if unreadable:
            self._spoilt.found(key, "some of its fields cannot be read, and are left out")
        return marks

    async def cameras(self) -> Mapping[str, CameraAt]:
        """Return the cameras by id; none where nobody has told of them."""
        key = channels.CAMERAS
        try:
            value: Any = await self._redis.get(key)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(key, "expected a string")
            return {}
        if value is None:
            return {}
        if len(value) > MAX_CAMERAS_BYTES:
            self._spoilt.found(key, "it is too large for a list of cameras")
            return {}
        try:
            found = cameras_in(value)
        except ValueError as error:
            self._spoilt.found(key, f"it is not a list of cameras: {error}")
            return {}
        return {camera.id: camera for camera in found.cameras}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
