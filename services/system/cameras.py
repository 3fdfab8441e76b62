"""The cameras by name, for dashboards, and each one's status, for who is told that it changed."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, get_args

from msgspec import Meta

from hsi.schemas import CameraState
from hsi.schemas.base import Part
from hsi_service.home.cameras import MAX_CAMERAS
from hsi_service.sources import Reading, SourceError, TimeLimited
from hsi_service.sources.database import ANSWER_TIMEOUT, Cameras, Database
from services.system.camera_monitor import CameraLook

KEPT = 2.0
"""Seconds for which an answer of PostgreSQL is given to whoever asks, be it that it has none."""

_STATES = frozenset(get_args(CameraState))

# The pipeline's table need not say where a camera is, nor our role be allowed to read it.
_HAS_AREA = """
SELECT EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = to_regclass('cameras') AND attname = 'area' AND NOT attisdropped
      AND has_column_privilege(attrelid, attnum, 'SELECT')
)
"""

# The table is the pipeline's, so its types are taken as they come. What is no moment of a calendar
# (infinity, years that Python has not) is no time.
_LIST = """
SELECT id::text, name::text, status::text,
       CASE WHEN last_seen_at >= '0001-01-02' AND last_seen_at < '9999-12-31' THEN last_seen_at END,
       {area}
FROM cameras
WHERE deleted_at IS NULL
ORDER BY cameras.name, cameras.id
LIMIT $1
"""


# Counted before they are limited.
_FIND = """
SELECT count(*) OVER (),
       count(*) FILTER (WHERE status::text = 'online') OVER (),
       count(*) FILTER (WHERE status::text = 'offline') OVER (),
       id::text, name::text, status::text
FROM cameras
WHERE deleted_at IS NULL
ORDER BY cameras.name, cameras.id
LIMIT $1
"""


class CamerasFound(NamedTuple):
    """The cameras at one moment."""

    counts: Cameras
    looks: Mapping[str, CameraLook]
    """How each is, by id; of the first ones by name."""


class Camera(Part):
    """A camera, for a list of them."""

    id: Annotated[str, Meta(description="The camera; what an event calls `camera_id`.")]
    name: Annotated[str, Meta(description="Its name, for people.")]
    status: Annotated[
        CameraState, Meta(description="How it is; a status that we do not know is unknown.")
    ]
    last_seen_at: Annotated[
        datetime | None, Meta(description="When it was last heard of (UTC); null if never.")
    ]
    area: Annotated[
        str | None, Meta(description="Where it is, for people; null where its list does not say.")
    ] = None


class CameraList:
    """Asks PostgreSQL for the cameras, at most every `KEPT` seconds however many want them."""

    def __init__(self, database_url: str) -> None:
        """Connect on first use.

        Args:
            database_url: Empty: there is none.

        """
        # Connections of its own: a list that hangs must not hold up the statuses.
        self._database = (
            Database(database_url, name="system", connections=1) if database_url else None
        )
        self._source = TimeLimited("cameras", self._ask, limit=ANSWER_TIMEOUT + 0.5)
        self._answer: asyncio.Task[Reading[list[Camera]]] | None = None
        self._asked_at = 0.0

    async def read(self) -> Reading[list[Camera]]:
        """Return all cameras that are not deleted, by name; or say why that is not possible."""
        now = asyncio.get_running_loop().time()
        if self._answer is None or (self._answer.done() and now - self._asked_at >= KEPT):
            self._answer = asyncio.create_task(self._source.read(), name="cameras")
            self._asked_at = now
        # Shielded: who leaves must not take it away from the others.
        return await asyncio.shield(self._answer)

    async def _ask(self) -> list[Camera]:
        if self._database is None:
            raise SourceError("no DATABASE_URL is set")
        ((has_area,),) = await self._database.rows(_HAS_AREA)
        question = _LIST.format(area="area::text" if has_area else "NULL")
        return [_camera(*row) for row in await self._database.rows(question, MAX_CAMERAS)]

    async def aclose(self) -> None:
        """Close all connections."""
        await self._source.aclose()
        if self._database is not None:
            await self._database.aclose()


async def find_cameras(database: Database) -> CamerasFound:
    """Ask how many cameras there are, and how each is; one question.

    Raises:
        SourceError: PostgreSQL does not answer, or not with what was asked.

    """
    rows = await database.rows(_FIND, MAX_CAMERAS)
    total, online, offline = rows[0][:3] if rows else (0, 0, 0)
    looks = {
        camera: CameraLook(name or camera, _state(status)) for *_, camera, name, status in rows
    }
    return CamerasFound(Cameras(total=total, online=online, offline=offline), looks)


def _camera(
    camera: str, name: str | None, status: str | None, seen: datetime | None, area: str | None
) -> Camera:
    return Camera(
        id=camera,
        name=name or camera,
        status=_state(status),
        last_seen_at=seen.replace(tzinfo=UTC) if seen and seen.tzinfo is None else seen,
        area=(area or "").strip() or None,
    )


def _state(status: Any) -> CameraState:
    return status if status in _STATES else "unknown"
