"""Looks at the history of events, and the mark that says since when it is whole.

It writes the mark where there is none, and a new one where the history has lost what it had.
"""

import logging

from redis.exceptions import NoPermissionError, ResponseError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.schemas.cursor import BEGINNING, Cursor
from hsi_service.bus.known import Look, has_lost
from hsi_service.bus.look import look_at, milliseconds
from hsi_service.bus.subscriber import BusState
from hsi_service.fanout.feed import Feed
from hsi_service.skeleton.service import Service

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
EARLIEST = 1_735_689_600_000
"""A mark of before 2025, in ms since 1970, is of nobody's making: no history is that old."""


class HistoryWatch:
    """Looks at the history. One per replica."""

    def __init__(self, service: Service, channel: str) -> None:
        """Connect on first use.

        Args:
            service: The replica.
            channel: Of events.

        """
        url = service.settings.redis_url
        self._service = service
        self._channel = channel
        self._reader = async_client(url, name="events-recent", timeout=TIMEOUT, read_only=True)
        self._writer = async_client(url, name="events-mark", timeout=TIMEOUT)
        self._known: Cursor | None = None
        """The last message that is known to have been in the history."""
        self._denied = Throttled(logger)
        self._lost = Throttled(logger)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._reader.aclose()
        await self._writer.aclose()

    def is_heard(self) -> bool:
        """Return whether Redis is heard; where nobody listens, it has just been read."""
        if feed := self._feed():
            return feed.is_heard() is True
        return self._service.subscriber.state is not BusState.CONNECTING

    def _feed(self) -> Feed | None:
        return self._service.hub.feeds.get(self._channel)

    async def look(self) -> Look:
        """Look at the history, and see to its mark; one at a time.

        Raises:
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        feed, known = self._feed(), self._known
        if feed and feed.position.head:
            # What was only heard may be made up.
            known = max(known or BEGINNING, feed.position.confirmed or feed.position.head)
        look, found = await self._ask(known)
        lost = has_lost(look, known, found=found)
        if lost:
            self._lost.warning(
                "the history of events has lost messages; it is known from now on",
                channel=self._channel,
                had=str(known),
            )
        self._known = look.last
        # What is published may not come into this history at all.
        lost = lost or bool(feed and feed.position.elsewhere)
        is_wrong = lost or (look.since is not None and not _can_be(look.since, look.now))
        if is_wrong or look.since is None:
            is_marked = await self._mark(look.now, replace=is_wrong)
            look = look._replace(since=look.now if is_marked else None)
        return look

    async def _ask(self, known: Cursor | None) -> tuple[Look, bool]:
        """Return the history at one moment, and whether it has a message."""
        try:
            return await look_at(self._reader, self._channel, known)
        except NoPermissionError as error:
            return await self._ask_without_rights(error), True

    async def _ask_without_rights(self, error: Exception) -> Look:
        self._denied.warning(
            "nobody can know whether the history of events is whole: this replica's user of Redis "
            "needs its new rules (users.acl)",
            reason=str(error),
        )
        last = await self._service.history.last([self._channel])
        now = milliseconds(await self._reader.time())
        return Look(now=now, since=None, counted=None, first=None, last=last[0], length=0)

    async def _mark(self, now: int, *, replace: bool) -> bool:
        """Write since when the history is whole; return whether it was written."""
        try:
            return bool(await self._writer.set(channels.since(self._channel), now, nx=not replace))
        except ResponseError as error:
            self._denied.warning(
                "cannot write since when the history of events is whole", reason=str(error)
            )
            return False


def _can_be(since: int, now: int) -> bool:
    """Return whether a history can be known since a time; on a machine that lost its clock, too."""
    return min(EARLIEST, now) <= since <= now
