"""`GET /api/events`: what happened of late, and whether that is all.

An answer costs what it has: pages of the history are read from its end, until there is enough, and
never more than `MAX_READ`. All who ask the same within a second are answered from one read.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, NamedTuple, cast

from msgspec import Meta, Raw
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.schemas.base import Part
from hsi.schemas.cursor import BEGINNING, GREATEST, MAX_DIGITS, Cursor
from hsi_service.bus.history import next_count
from hsi_service.bus.subscriber import BusState
from hsi_service.fanout.topic import OrderedTopic
from hsi_service.shared_answers import SharedAnswers
from hsi_service.skeleton.service import Service
from services.events.known import MINUTE, Chain, Look, Wanted, has_lost, known_since

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
LOOK_INTERVAL = 4.0
"""Seconds between looks at the history while Redis is heard: a rollback is found by then."""
KEPT = 1.0
"""Seconds for which all who ask the same get the same answer."""
MAX_KEPT = 16
"""Answers that are kept, each of `MAX_ANSWER` at most."""
MAX_AT_ONCE = 4
"""Answers that are made at once: others wait."""
MAX_ANSWER = 1024 * 1024
"""Characters of messages in an answer, the first one aside."""
MAX_READ = 4 * 1024 * 1024
"""Characters of the history that are read for an answer."""
FIRST_COUNT = 50
"""Messages that are read at first: nobody knows yet how large they are."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecentEvent(Part):
    """A message of the history of events."""

    cursor: Annotated[str, Meta(description="Its place in the history; opaque.")]
    arrived_at: Annotated[
        datetime, Meta(description="When it arrived in Redis (UTC), by Redis' clock.")
    ]
    message: Annotated[
        dict[str, Any], Meta(description="As it was published, and as /ws/events sends it.")
    ]


class RecentEvents(Part):
    """The latest events, newest first, and what is known of the window that was asked for."""

    now: Annotated[datetime, Meta(description="The time (UTC) by Redis' clock, when it was read.")]
    heard: Annotated[
        bool,
        Meta(
            description="Whether this replica hears Redis now; where nobody listens to it: "
            "that it has just read there."
        ),
    ]
    complete: Annotated[
        bool,
        Meta(
            description="Whether all that was published with history in the window is known: it is "
            "in `events`, and on the pages that `next` leads to."
        ),
    ]
    known_since: Annotated[
        datetime | None,
        Meta(description="Since when the history is known to be whole (UTC); null: nobody knows."),
    ]
    cursor: Annotated[
        str | None, Meta(description="Cursor of the history's newest message; null: it has none.")
    ]
    events: Annotated[list[RecentEvent], Meta(description="The newest first.")]
    next: Annotated[
        str | None,
        Meta(description="What to ask for as `before` to go on; null: there is nothing more."),
    ]


class _Found(NamedTuple):
    """What was found in a history."""

    events: list[RecentEvent]
    next: str | None
    exhausted: bool
    """More was not read, for want of budget."""


class RecentHistory:
    """The end of the history of events, and what is known of it. One per replica.

    It keeps the mark that says since when the history is whole: it writes one where there is none,
    and a new one where the history has lost what it had.
    """

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
        self._looks: SharedAnswers[None, Look] = SharedAnswers()
        self._answers: SharedAnswers[Wanted, RecentEvents] = SharedAnswers(kept=KEPT, most=MAX_KEPT)
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)
        self._denied = Throttled(logger)
        self._lost = Throttled(logger)

    async def run(self) -> None:
        """Look at the history now and then while Redis is heard, until cancelled."""
        while True:
            if self._service.subscriber.state is BusState.LISTENING:
                try:
                    await self.look()
                except (RedisError, OSError) as error:
                    logger.debug("cannot look at the history of events: %s", error)
            await asyncio.sleep(LOOK_INTERVAL)

    async def recent(self, wanted: Wanted) -> RecentEvents:
        """Return what is asked for; up to a second old.

        Raises:
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        return await self._answers.ask(wanted, partial(self._answer, wanted))

    async def look(self) -> Look:
        """Look at the history, and see to its mark; one look is for all who ask meanwhile.

        Raises:
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        return await self._looks.ask(None, self._look)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._reader.aclose()
        await self._writer.aclose()

    # An answer.

    async def _answer(self, wanted: Wanted) -> RecentEvents:
        look = await self.look()
        start = look.now - wanted.minutes * MINUTE
        chain = Chain(None if wanted.before else look.counted)
        found = _Found([], None, exhausted=False)
        if look.last:
            async with self._turn:
                found = await self._read(wanted, start, look.last, chain)
        since = known_since(look, chain)
        return RecentEvents(
            now=_time(look.now),
            heard=self._is_heard(),
            complete=since is not None and since <= start and not found.exhausted,
            known_since=None if since is None else _time(since),
            cursor=str(look.last) if look.last else None,
            events=found.events,
            next=found.next,
        )

    async def _read(self, wanted: Wanted, start: int, last: Cursor, chain: Chain) -> _Found:
        """Read the history backwards: from its last message, or where the page before ended."""
        events: list[RecentEvent] = []
        at = min(wanted.before or GREATEST, Cursor(last.milliseconds, last.number + 1))
        size = read = 0
        count = min(FIRST_COUNT, wanted.limit + 1)
        while True:
            entries = await self._service.history.before(self._channel, at, count)
            for entry in entries:
                chain.take(entry.cursor)
                if entry.cursor.milliseconds < start:
                    return _Found(events, None, exhausted=False)
                is_full = len(events) == wanted.limit or size + len(entry.text) > MAX_ANSWER
                if (is_full and events) or read > MAX_READ:
                    return _Found(events, str(at), exhausted=not is_full)
                at = entry.cursor
                read += len(entry.text)
                if wanted.fits(entry.text):
                    size += len(entry.text)
                    events.append(_event(entry.cursor, entry.text))
            if not entries:
                return _Found(events, None, exhausted=False)
            count = next_count(entries)
            if not wanted.is_filtered:
                count = min(count, wanted.limit + 1 - len(events))

    def _is_heard(self) -> bool:
        """Return whether Redis is heard; where nobody listens, it has just been read."""
        if topic := self._topic():
            return topic.is_heard() is True
        return self._service.subscriber.state is not BusState.CONNECTING

    def _topic(self) -> OrderedTopic | None:
        topic = self._service.hub.topics.get((self._channel, None))
        return topic if isinstance(topic, OrderedTopic) else None

    # A look, and the mark.

    async def _look(self) -> Look:
        topic, known = self._topic(), self._known
        if topic and topic.position.head:
            known = max(known or BEGINNING, topic.position.head)
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
        lost = lost or bool(topic and topic.position.elsewhere)
        is_wrong = lost or (look.since is not None and look.since > look.now)
        if is_wrong or look.since is None:
            is_marked = await self._mark(look.now, replace=is_wrong)
            look = look._replace(since=look.now if is_marked else None)
        return look

    async def _ask(self, known: Cursor | None) -> tuple[Look, bool]:
        """Return the history at one moment, and whether it has a message."""
        key = channels.history(self._channel)
        cursor = str(known or GREATEST)
        async with self._reader.pipeline(transaction=True) as commands:
            commands.time()
            commands.get(channels.since(self._channel))
            commands.get(channels.number(self._channel))
            commands.xrange(key, "-", "+", count=1)
            commands.xrevrange(key, str(GREATEST), "-", count=1)
            commands.xlen(key)
            commands.xrange(key, cursor, cursor, count=1)
            try:
                replies = await commands.execute(raise_on_error=False)
            except NoPermissionError as error:
                return await self._ask_without_rights(error), True
        for reply in replies:
            if isinstance(reply, Exception) and "WRONGTYPE" not in str(reply):
                raise reply
        time, since, counted, first, last, length, has = replies
        now = _milliseconds(time)
        look = Look(
            now=now,
            # What is no time counts as one that cannot be, which is replaced.
            since=None if since is None else _number(since) or now + 1,
            counted=_number(counted),
            first=_cursor(first),
            last=_cursor(last),
            length=length if isinstance(length, int) else 0,
        )
        return look, bool(has) and not isinstance(has, Exception)

    async def _ask_without_rights(self, error: Exception) -> Look:
        self._denied.warning(
            "nobody can know whether the history of events is whole: this replica's user of Redis "
            "needs its new rules (users.acl)",
            reason=str(error),
        )
        last = await self._service.history.last([self._channel])
        now = _milliseconds(await self._reader.time())
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


def _event(cursor: Cursor, text: str) -> RecentEvent:
    # As it is: to decode each message and encode it again would cost far more.
    message = cast("dict[str, Any]", Raw(text.encode()))
    return RecentEvent(cursor=str(cursor), arrived_at=_time(cursor.milliseconds), message=message)


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _milliseconds(time: tuple[int, int]) -> int:
    seconds, micros = time
    return seconds * 1000 + micros // 1000


def _number(value: object) -> int | None:
    is_ours = isinstance(value, bytes) and value.isdigit() and len(value) <= MAX_DIGITS
    return int(value) if isinstance(value, bytes) and is_ours else None


def _cursor(entries: Sequence[Any] | Exception) -> Cursor | None:
    if isinstance(entries, Exception) or not entries:
        return None
    return Cursor.parse(entries[0][0].decode())
