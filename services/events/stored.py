"""Events in PostgreSQL's table `events`, which the pipeline writes; it is only read.

The table knows when an event began, and not when it was published. So its events are in the order
of their beginnings, and are given out with that time in place of their arrival.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from hsi.schemas import Seen
from hsi_service.sources import SourceError
from hsi_service.sources.database import Database
from services.events.answers import RecentEvent, time_of
from services.events.seam import Key
from services.events.wanted import StoredId

ROW = 400
"""Characters of an event in an answer, its summary aside, about."""

# The table is the pipeline's, so its types are taken as they come. What is no moment of a calendar
# (infinity, years that Python has not) is no time.
_EVENT = """
id::bigint, batch_id::text, camera_id::text, risk_score::int, risk_level::text, summary::text,
started_at,
CASE WHEN ended_at >= '0001-01-02' AND ended_at < '9999-12-31' THEN ended_at END AS ended_at
"""
# A place is the id of an event. Where that was deleted since, the one of the next lesser id says
# when it began: ids grow as events do.
_BEGAN = "(SELECT started_at FROM events WHERE id <= $2::bigint ORDER BY id DESC LIMIT 1)"
_BEFORE = f"""
SELECT {_EVENT} FROM events
WHERE started_at >= $3::timestamptz AND started_at < $1::timestamptz
  AND ($2::bigint IS NULL OR (started_at, id) < ({_BEGAN}, $2::bigint))
  AND ($4::text IS NULL OR camera_id::text = $4::text)
ORDER BY started_at DESC, id DESC
LIMIT $5::int
"""  # noqa: S608 (our own words)
_AFTER = f"""
SELECT {_EVENT} FROM events
WHERE started_at < $1::timestamptz AND (started_at, id) > ({_BEGAN}, $2::bigint)
  AND camera_id::text = $3::text
ORDER BY started_at, id
LIMIT $4::int
"""  # noqa: S608 (our own words)
_ONE = f"""
SELECT {_EVENT} FROM events
WHERE id = $1::bigint AND started_at >= '0001-01-02' AND started_at < '9999-12-31'
"""  # noqa: S608 (our own words)


class StoredEvent(NamedTuple):
    """A row of the table."""

    place: StoredId
    began: datetime
    data: dict[str, Any]
    """As a message of the history would have them."""

    @property
    def key(self) -> Key:
        """The event, as the history knows it."""
        return str(self.place.id), str(self.data["camera_id"])

    @property
    def size(self) -> int:
        """How many characters it is in an answer, about."""
        return ROW + len(self.data["summary"] or "")

    def event(self, seen: Seen | None = None) -> RecentEvent:
        """Return it for an answer.

        Args:
            seen: Who has seen it.

        """
        message = {"type": "event", "data": self.data}
        place = str(self.place)
        return RecentEvent(cursor=place, arrived_at=self.began, message=message, seen=seen)


class StoredEvents:
    """Asks PostgreSQL, by few connections of its own; without an address, nobody."""

    def __init__(self, database_url: str) -> None:
        """Connect on first use.

        Args:
            database_url: Empty: there is none.

        Raises:
            SettingsError: No connection can be made by this URL.

        """
        self._database = Database(database_url, name="events") if database_url else None

    @property
    def is_set(self) -> bool:
        """Whether there is somebody to ask."""
        return self._database is not None

    async def before(
        self,
        upto: int,
        place: StoredId | None,
        *,
        start: int = 0,
        camera_id: str | None = None,
        count: int,
    ) -> list[StoredEvent]:
        """Return events, the last one first.

        Args:
            upto: They began before; milliseconds since 1970.
            place: And before this one; None: any.
            start: They began then or later.
            camera_id: Of the camera that saw them; None: of any.
            count: How many, at most.

        Raises:
            SourceError: PostgreSQL does not answer.

        """
        row = None if place is None else place.id
        return await self._ask(_BEFORE, time_of(upto), row, time_of(start), camera_id, count)

    async def after(
        self, upto: int, place: StoredId, *, camera_id: str, count: int
    ) -> list[StoredEvent]:
        """Return events of a camera that began after one and before a time, the first one first.

        Raises:
            SourceError: PostgreSQL does not answer.

        """
        return await self._ask(_AFTER, time_of(upto), place.id, camera_id, count)

    async def one(self, place: StoredId) -> StoredEvent | None:
        """Return an event; None: it is not there.

        Raises:
            SourceError: PostgreSQL does not answer.

        """
        found = await self._ask(_ONE, place.id)
        return found[0] if found else None

    async def _ask(self, query: str, *arguments: Any) -> list[StoredEvent]:
        if self._database is None:
            raise SourceError("no DATABASE_URL is set")
        return [_stored(*row) for row in await self._database.rows(query, *arguments)]

    async def aclose(self) -> None:
        """Close all connections."""
        if self._database is not None:
            await self._database.aclose()


def _stored(  # noqa: PLR0917 (a row)
    event: int,
    batch_id: str | None,
    camera_id: str | None,
    risk_score: int | None,
    risk_level: str | None,
    summary: str | None,
    started_at: datetime,
    ended_at: datetime | None,
) -> StoredEvent:
    began = _utc(started_at)
    data = {
        "id": event,
        "event_id": event,
        "batch_id": batch_id,
        "camera_id": camera_id,
        "risk_score": risk_score,
        "risk_level": risk_level,
        "summary": summary,
        "started_at": began,
        "ended_at": None if ended_at is None else _utc(ended_at),
    }
    return StoredEvent(StoredId(event), began, data)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
