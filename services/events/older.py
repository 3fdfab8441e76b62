"""Events that are older than the history: the table's, behind the same endpoint and budget."""

import asyncio

from hsi_service.sources.database import ANSWER_TIMEOUT
from services.events.answers import Gathered
from services.events.seam import Seam
from services.events.seen import SeenMarks
from services.events.stored import StoredEvent, StoredEvents
from services.events.tellings import Tellings
from services.events.wanted import Sighting, StoredId, Wanted

PAGE = 500
"""Events that are asked for at once, at most."""
MAX_ROWS = 2000
"""Events of the table that are read for an answer."""
BESIDE = 50
"""Events of a camera among which is one that the history does not tell of."""


class OlderEvents:
    """The table's part of what is told. One per replica."""

    def __init__(self, tellings: Tellings, database_url: str, marks: SeenMarks) -> None:
        """Connect on first use.

        Args:
            tellings: What the history tells of.
            database_url: Of PostgreSQL; empty: there is none.
            marks: Of events that were seen.

        Raises:
            SettingsError: No connection can be made by this URL.

        """
        self._tellings = tellings
        self._marks = marks
        self._stored = StoredEvents(database_url)

    @property
    def are_kept(self) -> bool:
        """Whether there is a database that has them."""
        return self._stored.is_set

    async def gather(
        self, wanted: Wanted, gathered: Gathered, seam: Seam, *, start: int, place: str
    ) -> str | None:
        """Gather more for an answer; return where the next page begins, None if nowhere.

        Args:
            wanted: What is asked for.
            gathered: What there is of the history.
            seam: Where the history ends.
            start: The first millisecond of the window.
            place: Where the next page begins if there is no room.

        Raises:
            SourceError: PostgreSQL does not answer.
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        if seam.upto <= start:
            return None
        after = wanted.before if isinstance(wanted.before, StoredId) else None
        count = PAGE if wanted.is_filtered else min(PAGE, gathered.room + 1)
        now = asyncio.get_running_loop().time
        left, deadline = MAX_ROWS, now() + ANSWER_TIMEOUT
        while True:
            rows = await self._stored.before(seam.upto, after, start=start, count=count)
            told = await self._tellings.told(seam.first)
            fitting = [
                row
                for row in rows
                if not told.has(row.key, seam.since) and wanted.fits_data("event", row.data)
            ]
            found = await self._marks.of_stored([row.data for row in fitting])
            marks = {row.place: mark for row, mark in zip(fitting, found, strict=True)}
            for row in rows:
                if gathered.ends_before(row.size):
                    return place
                gathered.note(row.size)
                after, place = row.place, str(row.place)
                if after in marks and wanted.fits_mark(marks[after]):
                    gathered.take(row.event(marks[after]), row.size)
            if len(rows) < count:
                return None
            left -= len(rows)
            if left <= 0 or now() >= deadline:
                return place

    async def one(self, place: StoredId) -> StoredEvent | None:
        """Return an event; None: it is not there.

        Raises:
            SourceError: PostgreSQL does not answer.

        """
        return await self._stored.one(place)

    async def previous(
        self, sighting: Sighting, seam: Seam, place: StoredId | None = None
    ) -> StoredId | None:
        """Return the camera's last event before the seam, or before another; None: there is none.

        Raises:
            SourceError: PostgreSQL does not answer.
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        camera = sighting.camera_id
        rows = await self._stored.before(seam.upto, place, camera_id=camera, count=BESIDE)
        return await self._first(rows, sighting, seam)

    async def next(self, sighting: Sighting, seam: Seam, place: StoredId) -> StoredId | None:
        """Return the camera's first event after another and before the seam; None: there is none.

        Raises:
            SourceError: PostgreSQL does not answer.
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        camera = sighting.camera_id
        rows = await self._stored.after(seam.upto, place, camera_id=camera, count=BESIDE)
        return await self._first(rows, sighting, seam)

    async def _first(
        self, rows: list[StoredEvent], sighting: Sighting, seam: Seam
    ) -> StoredId | None:
        told = await self._tellings.told(seam.first)
        for row in rows:
            if row.key[0] != sighting.event_id and not told.has(row.key, seam.since):
                return row.place
        return None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._stored.aclose()
