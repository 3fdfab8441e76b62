"""`GET /api/events/<cursor>`: one event, and those before and after it of its camera.

What is beside it is looked for within a budget, `MAX_BESIDE` in each direction: of a camera that
sees something once in thousands of events, it may not be found.
"""

import asyncio
from functools import partial

from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Entry
from hsi_service.bus.history import next_count
from hsi_service.shared_answers import SharedAnswers
from hsi_service.skeleton.service import Service
from hsi_service.sources import SourceError
from services.events.answers import OneEvent, recent_event, time_of
from services.events.older import OlderEvents
from services.events.recent import FIRST_COUNT, KEPT, MAX_KEPT, RecentHistory
from services.events.seam import seam_of
from services.events.seen import SeenMarks
from services.events.wanted import Place, Sighting, StoredId, sighting_of

MAX_BESIDE = 2 * 1024 * 1024
"""Characters of the history that are read for the event before, and for the one after."""
MAX_AT_ONCE = 2
"""Answers that are made at once: others wait."""


class SingleEvents:
    """Events, one at a time. One per replica."""

    def __init__(
        self,
        service: Service,
        channel: str,
        recent: RecentHistory,
        older: OlderEvents,
        marks: SeenMarks,
    ) -> None:
        """Use the replica's connections.

        Args:
            service: The replica.
            channel: Of events.
            recent: Looks at the history.
            older: Has what is older than the history.
            marks: Of events that were seen.

        """
        self._history = service.history
        self._channel = channel
        self._recent = recent
        self._older = older
        self._marks = marks
        self._answers: SharedAnswers[Place, OneEvent | None] = SharedAnswers(
            kept=KEPT, most=MAX_KEPT
        )
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)

    async def read(self, place: Place) -> OneEvent | None:
        """Return an event; None: it is no longer there. Up to a second old.

        Raises:
            RedisError: Redis cannot be read.
            OSError: The same.
            SourceError: The database cannot be read, which alone has it.

        """
        return await self._answers.ask(place, partial(self._answer, place))

    async def _answer(self, place: Place) -> OneEvent | None:
        # Turns are for the history: the database, which may be slow, has turns of its own.
        if isinstance(place, StoredId):
            return await self._stored(place)
        return await self._of_the_history(place)

    async def _of_the_history(self, cursor: Cursor) -> OneEvent | None:
        async with self._turn:
            entry = await self._entry(cursor)
            if entry is None:
                return None
            look = await self._recent.look()
            (mark,) = await self._marks.of([entry])
            event = recent_event(cursor, entry.text, mark)
            answer = OneEvent(now=time_of(look.now), event=event, previous=None, next=None)
            sighting = sighting_of(entry.text)
            if sighting is None:
                return answer
            answer.next = _text(await self._next(cursor, sighting))
            previous, is_over = await self._previous(cursor, sighting)
            answer.previous = _text(previous)
        if is_over and self._older.are_kept:
            seam = seam_of(reached=None, first=look.first, now=look.now, end=None)
            try:
                answer.previous = _text(await self._older.previous(sighting, seam))
            except SourceError as error:
                answer.older_unknown = str(error)
        return answer

    async def _stored(self, place: StoredId) -> OneEvent | None:
        found = await self._older.one(place)
        if found is None:
            return None
        look = await self._recent.look()
        event, camera = found.key
        sighting = Sighting(camera, event)
        seam = seam_of(reached=None, first=look.first, now=look.now, end=None)
        (mark,) = await self._marks.of_stored([found.data])
        following: Place | None = await self._older.next(sighting, seam, place)
        if following is None:
            async with self._turn:
                following = await self._next(None, sighting)
        return OneEvent(
            now=time_of(look.now),
            event=found.event(mark),
            previous=_text(await self._older.previous(sighting, seam, place)),
            next=_text(following),
        )

    async def _entry(self, cursor: Cursor) -> Entry | None:
        upto = cursor._replace(number=cursor.number + 1)
        found = await self._history.before(self._channel, upto, 1)
        return found[0] if found and found[0].cursor == cursor else None

    async def _previous(self, cursor: Cursor, sighting: Sighting) -> tuple[Cursor | None, bool]:
        """Return it, and whether the whole history before has none."""
        at, read, count = cursor, 0, FIRST_COUNT
        while read <= MAX_BESIDE:
            entries = await self._history.before(self._channel, at, count)
            if not entries:
                return None, True
            for entry in entries:
                at, text = entry
                if sighting.is_beside(text):
                    return at, False
                read += len(text)
            count = next_count(entries)
        return None, False

    async def _next(self, cursor: Cursor | None, sighting: Sighting) -> Cursor | None:
        at, read, count = cursor, 0, FIRST_COUNT
        while read <= MAX_BESIDE:
            page = await self._history.read(self._channel, at, count)
            if (at and not page.found) or not page.entries:  # Not found: it was trimmed just now.
                break
            for entry in page.entries:
                at, text = entry
                if sighting.is_beside(text):
                    return at
                read += len(text)
            count = next_count(page.entries)
        return None


def _text(place: Place | None) -> str | None:
    return None if place is None else str(place)
