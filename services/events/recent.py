"""`GET /api/events`: what happened, and whether that is all.

An answer costs what it has: pages of the history are read from its end, until there is enough, and
never more than `MAX_READ`. Of a period that begins before the history, the database tells the rest,
where there is one; while it fails, what the history has is answered all the same. All who ask the
same within a second are answered from one read. Who looks for something has more read than who asks
what was of late, so searches wait for each other: however many there are, they keep nobody from
knowing whether all is quiet.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import NamedTuple

from redis.exceptions import RedisError

from hsi.schemas.cursor import GREATEST, Cursor
from hsi_service.bus.continuity import Entry
from hsi_service.bus.history import next_count
from hsi_service.bus.known import Chain, Look, known_since
from hsi_service.bus.subscriber import BusState
from hsi_service.shared_answers import SharedAnswers
from hsi_service.skeleton.service import Service
from hsi_service.sources import SourceError
from services.events.answers import Gathered, RecentEvents, recent_event, time_of
from services.events.older import OlderEvents
from services.events.seam import Told, seam_of
from services.events.seen import SeenMarks
from services.events.tellings import Tellings
from services.events.wanted import StoredId, Wanted
from services.events.watch import HistoryWatch

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 4.0
"""Seconds between looks at the history while Redis is heard: a rollback is found by then."""
KEPT = 1.0
"""Seconds for which all who ask the same get the same answer."""
MAX_KEPT = 16
"""Answers that are kept, each of `MAX_ANSWER` at most."""
MAX_AT_ONCE = 4
"""Answers that are made at once: others wait."""
MAX_SEARCHES = 2
"""Of those, the ones that leave something out."""
FIRST_COUNT = 50
"""Messages that are read at first: nobody knows yet how large they are."""


class _Reached(NamedTuple):
    """How far back a history was read for an answer."""

    at: Cursor | None
    """To this message, or to the end of the window; None: there is no history."""
    next: str | None = None
    """Where the next page begins; None: nowhere in the history."""
    is_over: bool = True
    """The history has nothing more, and the window begins before it."""


class _Asked(NamedTuple):
    """What is asked for, as of now."""

    wanted: Wanted
    start: int
    """The first millisecond of the window."""
    told: Told | None
    """What the history tells of; None: nothing is left out."""

    def has(self, entry: Entry) -> bool:
        """Return whether a message is asked for; with a filter, only the last of its event is."""
        if not self.wanted.fits(entry.text):
            return False
        return self.told is None or not self.told.is_outdated(*entry)


class RecentHistory:
    """The end of the history of events, and what is known of it. One per replica."""

    def __init__(
        self,
        service: Service,
        channel: str,
        tellings: Tellings,
        older: OlderEvents,
        marks: SeenMarks,
    ) -> None:
        """Connect on first use.

        Args:
            service: The replica.
            channel: Of events.
            tellings: What the history tells of.
            older: Has what is older than the history.
            marks: Of events that were seen.

        """
        self._service = service
        self._channel = channel
        self._tellings = tellings
        self._older = older
        self._marks = marks
        self._watch = HistoryWatch(service, channel)
        self._looks: SharedAnswers[None, Look] = SharedAnswers()
        self._answers: SharedAnswers[Wanted, RecentEvents] = SharedAnswers(kept=KEPT, most=MAX_KEPT)
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)
        self._searches = asyncio.Semaphore(MAX_SEARCHES)

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
        return await self._looks.ask(None, self._watch.look)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._watch.aclose()

    async def _answer(self, wanted: Wanted) -> RecentEvents:
        searches: AbstractAsyncContextManager[None]
        searches = self._searches if wanted.is_filtered else nullcontext()
        async with searches:
            look = await self.look()
            start = wanted.begins(look.now)
            chain = Chain(None if wanted.before else look.counted)
            gathered = Gathered(wanted.limit)
            # What is left out is decided by what an event is, and not by what it was once.
            told = await self._tellings.told(look.first) if wanted.is_filtered else None
            asked = _Asked(wanted, start, told)
            reached = await self._read(asked, look, chain, gathered)
        following, older_unknown = reached.next, None
        if reached.is_over and self._goes_on(wanted):
            # Nobody waits for a turn because the database is slow: it has turns of its own.
            try:
                following = await self._read_older(wanted, start, reached.at, gathered)
            except SourceError as error:
                older_unknown = str(error)
        since = known_since(look, chain)
        return RecentEvents(
            now=time_of(look.now),
            heard=self._watch.is_heard(),
            complete=since is not None and since <= start and not gathered.is_exhausted,
            known_since=None if since is None else time_of(since),
            cursor=str(look.last) if look.last else None,
            events=gathered.events,
            next=following,
            older_unknown=older_unknown,
        )

    async def _read(self, asked: _Asked, look: Look, chain: Chain, gathered: Gathered) -> _Reached:
        """Read the history backwards, from the window's end, or where the page before ended."""
        wanted = asked.wanted
        if isinstance(wanted.before, StoredId):
            return _Reached(None)
        if look.last is None:
            return _Reached(wanted.before)
        at = min(wanted.before or GREATEST, look.last._replace(number=look.last.number + 1))
        if wanted.end is not None:
            at = min(at, Cursor(wanted.end, 0))
        async with self._turn:
            return await self._read_back(asked, at, chain, gathered)

    async def _read_back(
        self, asked: _Asked, at: Cursor, chain: Chain, gathered: Gathered
    ) -> _Reached:
        wanted = asked.wanted
        count = min(FIRST_COUNT, wanted.limit + 1)
        while True:
            entries = await self._service.history.before(self._channel, at, count)
            fitting = [entry for entry in entries if asked.has(entry)]
            found = await self._marks.of(fitting)
            marks = {entry.cursor: mark for entry, mark in zip(fitting, found, strict=True)}
            for entry in entries:
                chain.take(entry.cursor)
                if entry.cursor.milliseconds < asked.start:
                    return _Reached(at, is_over=False)
                size = len(entry.text)
                if gathered.ends_before(size):
                    return _Reached(at, str(at), is_over=False)
                at = entry.cursor
                gathered.note(size)
                if at in marks and wanted.fits_mark(marks[at]):
                    gathered.take(recent_event(at, entry.text, marks[at]), size)
            if not entries:
                return _Reached(at)
            count = next_count(entries)
            if not wanted.is_filtered:
                count = min(count, gathered.room + 1)

    def _goes_on(self, wanted: Wanted) -> bool:
        """Return whether the database is asked, too.

        What was of late is what the history knows: nobody waits for a database to hear of it.
        """
        is_period = wanted.minutes is None and self._older.are_kept
        return is_period or isinstance(wanted.before, StoredId)

    async def _read_older(
        self, wanted: Wanted, start: int, reached: Cursor | None, gathered: Gathered
    ) -> str | None:
        """Read on in the database; return where the next page begins."""
        look = await self.look()  # The history may have been trimmed meanwhile.
        seam = seam_of(reached=reached, first=look.first, now=look.now, end=wanted.end)
        place = str(wanted.before if isinstance(wanted.before, StoredId) else reached or GREATEST)
        return await self._older.gather(wanted, gathered, seam, start=start, place=place)
