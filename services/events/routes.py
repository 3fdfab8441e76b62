"""The events service's routes."""

from typing import Annotated

from litestar import get, websocket
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException, ValidationException
from litestar.params import FromQuery, QueryParameter
from redis.exceptions import RedisError

from hsi.redis_client import reason_of
from hsi.schemas.cursor import Cursor
from hsi.verdict import MAX_SCORE
from hsi_service.skeleton.session import Socket
from hsi_service.skeleton.streams import serves
from services.events.broadcaster import EventBroadcaster
from services.events.known import Wanted
from services.events.recent import RecentEvents, RecentHistory

MAX_MINUTES = 100_000
"""Ten weeks: a history is rarely as old."""
MAX_LIMIT = 500
MAX_CAMERA_ID = 256
RETRY_AFTER = 2
"""Seconds after which it is worth while to ask again where Redis cannot be read."""


@websocket("/ws/events", opt=serves("broadcaster"))
async def events(
    socket: Socket,
    broadcaster: NamedDependency[EventBroadcaster],
    since: FromQuery[str | None] = None,
    tail: FromQuery[str | None] = None,
) -> None:
    """Stream security events as they are created (R1).

    `?since=<cursor>` goes on after a message that the client has; `?tail=<n>` begins with the last
    n. Neither: from now on.
    """
    await broadcaster.connect(socket, since=since, tail=tail)


@get("/api/events", tags=["events"])
async def list_events(  # noqa: PLR0917 (Litestar passes them by name)
    recent: NamedDependency[RecentHistory],
    minutes: Annotated[
        int,
        QueryParameter(ge=1, le=MAX_MINUTES, description="How far back to look."),
    ] = 15,
    camera_id: Annotated[
        str | None,
        QueryParameter(max_length=MAX_CAMERA_ID, description="Only what this camera saw."),
    ] = None,
    min_risk: Annotated[
        int | None,
        QueryParameter(
            ge=0, le=MAX_SCORE, description="Only what may be of this risk or a higher one."
        ),
    ] = None,
    limit: Annotated[
        int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many events, at most.")
    ] = 100,
    before: Annotated[
        str | None,
        QueryParameter(description="Only what came before this cursor: `next` of a page."),
    ] = None,
) -> RecentEvents:
    """List what was published of late, newest first, and say whether that is all.

    Raises:
        ValidationException: A parameter makes no sense: 400, which names it.
        ServiceUnavailableException: Redis cannot be read: 503.

    """
    cursor = None if before is None else Cursor.parse(before)
    if before is not None and cursor is None:
        raise ValidationException(
            "before: expected a cursor",
            extra=[{"message": "Expected a cursor", "key": "before", "source": "query"}],
        )
    try:
        return await recent.recent(Wanted(minutes, limit, camera_id, min_risk, cursor))
    except (RedisError, OSError) as error:
        raise ServiceUnavailableException(
            f"{reason_of(error)}; ask again soon", headers={"Retry-After": str(RETRY_AFTER)}
        ) from error
