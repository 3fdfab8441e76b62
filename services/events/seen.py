"""Which events somebody of the household has seen: kept in Redis, and told to all dashboards.

A mark is written and told in one transaction, so no dashboard hears of one that is not kept. It is
told by a plain PUBLISH: it takes no event's place in the history. The hash holds the latest
`MAX_MARKS`; what somebody else has put there costs itself, and goes first.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from heapq import nlargest, nsmallest
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from redis.asyncio.client import Pipeline
from redis.exceptions import NoPermissionError, RedisError, ResponseError, WatchError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import EventSeen, EventSeenData, RiskLevel, Seen, SeenEvent, channels
from hsi.schemas.base import Part
from hsi.schemas.cursor import GREATEST, Cursor
from hsi.schemas.validation import encode
from hsi.seen import is_graver, key_of, seen_in
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi.verdict import risk_of
from hsi_service.bus.continuity import Entry
from hsi_service.bus.history import next_count
from hsi_service.bus.intake import parts_of
from hsi_service.bus.marks import MAX_MARKS, NOT_OURS, is_id, marks_in
from hsi_service.door.limits import Buckets, Rate
from hsi_service.skeleton.service import Service

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
TRIMMED = 100
"""Marks that go at once, the oldest, where there are as many: all are read to find them."""
MAX_TOLD = 1_000
"""Marks that a page is told of, the latest."""
MAX_TRIES = 20
"""Times that a change is tried while others make theirs."""
MARKS_PER_MINUTE = 300
"""Of one key, those included that are taken back: each may search the whole history."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REPLACED = "expected a hash of the events that were seen; the next mark replaces it"
_LEFT_OUT = "some of its fields cannot be read, and are left out"


class SeenState(Part):
    """Whether an event was seen, after it was marked or the mark taken back."""

    id: Annotated[
        str, Meta(description="The event's `event_id` in decimal; its cursor, if it has none.")
    ]
    seen: Annotated[Seen | None, Meta(description="Who has seen it, and when; null: nobody.")]


class SeenEvents(Part):
    """The events that were seen last, at most 1,000."""

    now: Annotated[datetime, Meta(description="The time (UTC) by Redis' clock, when it was read.")]
    seen: Annotated[list[SeenEvent], Meta(description="The latest first.")]


class UnknownEventError(Exception):
    """The history has no such event."""


class _Found(NamedTuple):
    """An event of the history."""

    key: str
    level: RiskLevel | None
    """What was told of it last, or in the message that was named."""


_Decision = Callable[[Seen | None, datetime], EventSeenData | None]
"""Returns what is to change, given an event's mark and the time; None: nothing."""


class SeenMarks:
    """The marks of a channel's events. One per replica.

    Every method raises `RedisError` or `OSError` where Redis does not answer, or refuses.
    """

    def __init__(self, service: Service, channel: str) -> None:
        """Connect on first use.

        Args:
            service: The replica.
            channel: Of events.

        """
        url = service.settings.redis_url
        self._history = service.history
        self._channel = channel
        self._key = channels.seen(channel)
        self._reader = async_client(url, name="events-seen", timeout=TIMEOUT, read_only=True)
        self._writer = async_client(url, name="events-marks", timeout=TIMEOUT)
        self.pace = Buckets(Rate.per_minute(MARKS_PER_MINUTE))
        """How fast each key may mark."""
        self._spoilt = SpoiltKeys(logger)
        self._denied = Throttled(logger)
        self._searching = asyncio.Semaphore(1)
        self._reading = asyncio.Lock()
        self._asked = self._answered = 0
        """How many have asked for the latest marks, and how many of them a read was for."""
        self._latest: SeenEvents | Exception = SeenEvents(now=_EPOCH, seen=[])

    async def mark(self, event_id: str, by: str, level: RiskLevel | None) -> SeenState:
        """Record that somebody has seen an event, and tell all dashboards.

        Args:
            event_id: The event's id in decimal, or the cursor of a message about it.
            by: Who has.
            level: That of the event as they saw it; None: of what was told of it last.

        Returns:
            The mark; that of who was first, unless the event has become graver since.

        Raises:
            UnknownEventError: The history has no such event.

        """
        key, newest = await self._find(event_id)
        level = level or newest

        def decide(before: Seen | None, now: datetime) -> EventSeenData | None:
            if before and not is_graver(level, before.risk_level):
                return None
            return EventSeenData(id=key, seen=True, at=now, by=by, risk_level=level)

        before, told = await self._change(key, decide)
        return SeenState(id=key, seen=_mark_of(told) if told else before)

    async def undo(self, event_id: str, by: str) -> SeenState:
        """Take a mark back, and tell all dashboards; where there is none, that is all.

        Args:
            event_id: As of `mark`.
            by: Who takes it back.

        Raises:
            UnknownEventError: There is no mark, and the history has no such event.

        """
        key = event_id
        if not is_id(event_id):
            with contextlib.suppress(UnknownEventError):  # Gone, and its mark may be there.
                key = (await self._find(event_id)).key

        def decide(before: Seen | None, now: datetime) -> EventSeenData | None:
            if before is None:
                return None
            return EventSeenData(id=key, seen=False, at=now, by=by, risk_level=None)

        before, _ = await self._change(key, decide)
        if before is None:
            await self._find(event_id)
        return SeenState(id=key, seen=None)

    async def latest(self) -> SeenEvents:
        """Return the latest marks, as of now; one read is for all who asked before it began.

        A page asks once it hears the channel: an answer from before that could lack a mark of
        which the page is never told.
        """
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered < mine:
                upto = self._asked
                try:
                    self._latest = await self._read_latest()
                except (RedisError, OSError) as error:
                    # Of all who asked, too: each would wait for a Redis that is frozen.
                    self._latest = error
                self._answered = upto
        if isinstance(self._latest, Exception):
            raise self._latest
        return self._latest

    async def of(self, entries: Sequence[Entry]) -> list[Seen | None]:
        """Return who has seen each of these messages of the history; None: nobody.

        Where this replica's user of Redis has no right to know, nobody has.
        """
        return await self._of([_event_in(entry) for entry in entries])

    async def of_stored(self, events: Sequence[dict[str, Any]]) -> list[Seen | None]:
        """Return who has seen each of these events that only the database has: their data.

        Where this replica's user of Redis has no right to know, nobody has.
        """
        return await self._of([_stored_event(data) for data in events])

    async def _of(self, events: Sequence[_Found | None]) -> list[Seen | None]:
        keys = sorted({event.key for event in events if event})
        marks = await self._marks_of(keys) if keys else {}
        return [event and seen_in(marks, event.key, event.level) for event in events]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._reader.aclose()
        await self._writer.aclose()

    # Events.

    async def _find(self, event_id: str) -> _Found:
        """Return the event that is called so."""
        found = None
        if cursor := Cursor.parse(event_id):
            after = Cursor(cursor.milliseconds, cursor.number + 1)
            entries = await self._history.before(self._channel, after, 1)
            if entries and entries[0].cursor == cursor:
                found = _event_in(entries[0])
        elif is_id(event_id):
            async with self._searching:
                found = await self._search(event_id)
        if found is None:
            raise UnknownEventError
        return found

    async def _search(self, event_id: str) -> _Found | None:
        """Return the last message about an event; the whole history is read, if need be."""
        at, count = GREATEST, next_count([])
        while entries := await self._history.before(self._channel, at, count):
            for entry in entries:
                # Most are of another one: to look for the digits is ten times as fast.
                found = _event_in(entry) if event_id in entry.text else None
                if found and found.key == event_id:
                    return found
            at, count = entries[-1].cursor, next_count(entries)
        return None

    # Changes.

    async def _change(
        self, key: str, decide: _Decision
    ) -> tuple[Seen | None, EventSeenData | None]:
        """Change an event's mark; return the mark of before, and what was told of the change."""
        for _ in range(MAX_TRIES):
            with contextlib.suppress(WatchError):  # Somebody else was faster.
                async with self._writer.pipeline(transaction=True) as commands:
                    return await self._try(commands, key, decide)
        raise WatchError("others change the marks all the time")

    async def _try(
        self, commands: Pipeline, key: str, decide: _Decision
    ) -> tuple[Seen | None, EventSeenData | None]:
        await commands.watch(self._key)
        found, count = await self._look(commands, key)
        before = self._decoded([(key.encode(), found)]).get(key)
        told = decide(before, _time(await commands.time()))
        if told is None:
            return before, None
        is_ours = count < NOT_OURS
        outdated = await self._outdated(commands, count) if told.seen and is_ours else []
        commands.multi()  # type: ignore[no-untyped-call]  # so it is
        if not is_ours:
            commands.delete(self._key)
        if outdated:
            commands.hdel(self._key, *outdated)
        if told.seen:
            commands.hset(self._key, key, msgspec.json.encode(_mark_of(told)))
        else:
            commands.hdel(self._key, key)
        commands.publish(self._channel, encode(EventSeen(data=told)))
        await commands.execute()
        return before, told

    async def _look(self, commands: Pipeline, key: str) -> tuple[Any, int]:
        """Return an event's mark as it is kept, and how many there are."""
        found: Any = None
        try:
            found, count = await commands.hget(self._key, key), await commands.hlen(self._key)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            count = NOT_OURS
        if count >= NOT_OURS:
            self._spoilt.found(self._key, _REPLACED)
            return None, count
        return found, count

    async def _outdated(self, commands: Pipeline, count: int) -> list[bytes]:
        """Return the fields that have to go before another one comes."""
        if count < MAX_MARKS:
            return []
        fields: dict[Any, Any] = await commands.hgetall(self._key)
        marks = self._decoded(fields.items())

        def age(field: bytes) -> datetime:
            mark = marks.get(field.decode(errors="replace"))
            return mark.at if mark else datetime.min.replace(tzinfo=UTC)

        return nsmallest(count - MAX_MARKS + TRIMMED, fields, key=age)

    # Reading.

    async def _read_latest(self) -> SeenEvents:
        async with self._reader.pipeline(transaction=False) as commands:
            commands.time()
            commands.hlen(self._key)
            now, count = await commands.execute(raise_on_error=False)
        for reply in (now, count):
            if isinstance(reply, Exception) and not is_wrong_type(reply):
                raise reply
        fields: dict[Any, Any] = {}
        if isinstance(count, Exception) or count >= NOT_OURS:
            self._spoilt.found(self._key, _REPLACED)
        elif count:
            fields = await self._reader.hgetall(self._key)
        marks = self._decoded(fields.items())
        events = (
            SeenEvent(id=key, at=mark.at, by=mark.by, risk_level=mark.risk_level)
            for key, mark in marks.items()
        )
        latest = nlargest(MAX_TOLD, events, key=lambda event: event.at)
        return SeenEvents(now=_time(now), seen=latest)

    async def _marks_of(self, keys: list[str]) -> dict[str, Seen]:
        """Return the marks of events, as far as they have some."""
        try:
            values: Any = await self._reader.hmget(self._key, keys)
        except NoPermissionError as error:
            self._denied.warning(
                "nobody can know which events were seen: this replica's user of Redis needs its "
                "new rules (users.acl)",
                reason=str(error),
            )
            return {}
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(self._key, _REPLACED)
            return {}
        return self._decoded(zip(map(str.encode, keys), values, strict=True))

    def _decoded(self, fields: Iterable[tuple[bytes, bytes | None]]) -> dict[str, Seen]:
        """Return the marks that fields hold; what cannot be read is left out."""
        marks, unreadable = marks_in(fields)
        if unreadable:
            self._spoilt.found(self._key, _LEFT_OUT)
        return marks


def _event_in(entry: Entry) -> _Found | None:
    """Return the event that a message tells of; None: it is another type's."""
    kind, data = parts_of(entry.text)
    key = key_of(data, str(entry.cursor)) if kind == "event" else None
    return None if key is None else _Found(key, risk_of(data).level)


def _stored_event(data: dict[str, Any]) -> _Found | None:
    """Return the event of a row; None: it cannot be marked."""
    key = key_of(data, None)
    return None if key is None else _Found(key, risk_of(data).level)


def _mark_of(told: EventSeenData) -> Seen:
    return Seen(at=told.at, by=told.by, risk_level=told.risk_level)


def _time(told: tuple[int, int]) -> datetime:
    seconds, micros = told
    return _EPOCH + timedelta(seconds=seconds, milliseconds=micros // 1000)
