"""The events service's routes."""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from litestar import Request, delete, get, post, websocket
from litestar.di import NamedDependency
from litestar.enums import ParamType
from litestar.exceptions import (
    NotFoundException,
    ServiceUnavailableException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.params import FromPath, FromQuery, QueryParameter
from redis.exceptions import ExecAbortError, RedisError

from hsi.redis_client import reason_of, unknown_command
from hsi.schemas import RiskLevel
from hsi.verdict import MAX_SCORE
from hsi_service.door.http import needs
from hsi_service.skeleton.session import Socket
from hsi_service.skeleton.streams import serves
from hsi_service.sources import SourceError
from services.events.answers import OneEvent, RecentEvents
from services.events.broadcaster import EventBroadcaster
from services.events.filters import Asked, least_risk
from services.events.one import SingleEvents
from services.events.recent import RecentHistory
from services.events.seen import SeenEvents, SeenMarks, SeenState, UnknownEventError
from services.events.wanted import ParameterError, place_of, wanted_of

T = TypeVar("T")

MAX_MINUTES = 100_000
"""Ten weeks: a history is rarely as old."""
MAX_LIMIT = 500
RETRY_AFTER = 2
"""Seconds after which it is worth while to ask again where it could not be answered."""


@websocket("/ws/events", opt=serves("broadcaster"))
async def events(  # noqa: PLR0917 (Litestar passes them by name)
    socket: Socket,
    broadcaster: NamedDependency[EventBroadcaster],
    since: FromQuery[str | None] = None,
    tail: FromQuery[str | None] = None,
    camera_id: FromQuery[list[str] | None] = None,
    min_risk: FromQuery[str | None] = None,
    types: FromQuery[list[str] | None] = None,
) -> None:
    """Stream security events as they are created (R1).

    `?since=<cursor>` goes on after a message that the client has; `?tail=<n>` begins with the last
    n. Neither: from now on. `camera_id`, `min_risk` and `types` leave out all others.
    """
    asked = Asked(camera_id, min_risk, types)
    await broadcaster.connect(socket, since=since, tail=tail, asked=asked)


@get("/api/events", tags=["events"])
async def list_events(  # noqa: PLR0917 (Litestar passes them by name)
    recent: NamedDependency[RecentHistory],
    minutes: Annotated[
        int,
        QueryParameter(
            ge=1,
            le=MAX_MINUTES,
            description="How far back to look; of no effect beside `from` or `to`.",
        ),
    ] = 15,
    camera_id: Annotated[
        list[str] | None,
        QueryParameter(
            description="Only what this camera saw, or one of these; up to 100 of up to 256 "
            "characters."
        ),
    ] = None,
    level: Annotated[
        list[str] | None,
        QueryParameter(
            description="Only what is of this level, or of one of these: low, medium, high or "
            "critical."
        ),
    ] = None,
    min_risk: Annotated[
        str | None,
        QueryParameter(
            description=f"Only what may be of this risk or a higher one: 0 to {MAX_SCORE}."
        ),
    ] = None,
    q: Annotated[
        str | None,
        QueryParameter(
            description="Only what has each of these words in its summary or its camera's id, in "
            "any case; up to 100 characters."
        ),
    ] = None,
    seen: Annotated[
        bool | None,
        QueryParameter(
            description="Only what somebody of the household has seen (`true`), or nobody."
        ),
    ] = None,
    from_: Annotated[
        str | None,
        QueryParameter(
            name="from",
            description="Only what arrived then or later: ISO 8601, UTC where there is no offset.",
        ),
    ] = None,
    to: Annotated[
        str | None, QueryParameter(description="Only what arrived before: the same.")
    ] = None,
    limit: Annotated[
        int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many events, at most.")
    ] = 100,
    before: Annotated[
        str | None,
        QueryParameter(description="Only what came before this cursor: `next` of a page."),
    ] = None,
) -> RecentEvents:
    """List what was published, newest first, and say whether that is all.

    Raises:
        ValidationException: A parameter makes no sense: 400, which names it.
        ServiceUnavailableException: Redis cannot be read: 503.

    """
    try:
        wanted = wanted_of(
            minutes=minutes,
            limit=limit,
            camera_id=camera_id,
            level=level,
            min_risk=least_risk(min_risk),
            q=q,
            seen=seen,
            from_=from_,
            to=to,
            before=before,
        )
    except ParameterError as error:
        raise _senseless(error.name, str(error), ParamType.QUERY) from error
    return await _answered(recent.recent(wanted))


@get("/api/events/{cursor:str}", tags=["events"])
async def read_event(cursor: FromPath[str], single: NamedDependency[SingleEvents]) -> OneEvent:
    """Return an event, and the cursors of those before and after it of its camera.

    Raises:
        ValidationException: That is not a cursor: 400.
        NotFoundException: The event is no longer there: 404.
        ServiceUnavailableException: Redis cannot be read, or the database which has it: 503.

    """
    place = place_of(cursor)
    if place is None:
        raise _senseless("cursor", "expected a cursor", ParamType.PATH)
    found = await _answered(single.read(place))
    if found is None:
        raise NotFoundException("this event is no longer kept")
    return found


@get("/api/events/seen", tags=["events"])
async def list_seen(marks: NamedDependency[SeenMarks]) -> SeenEvents:
    """List the events that somebody of the household has seen, the latest mark first.

    Raises:
        ServiceUnavailableException: Redis cannot be read: 503.

    """
    return await _answered(marks.latest())


@post("/api/events/{event_id:str}/seen", tags=["events"], status_code=200, opt=needs("act"))
async def mark_as_seen(
    request: Request[Any, Any, Any],
    marks: NamedDependency[SeenMarks],
    event_id: FromPath[str],
    risk_level: Annotated[
        RiskLevel | None,
        QueryParameter(description="The event's level as it was seen; else that told last."),
    ] = None,
) -> SeenState:
    """Say that an event was seen: by its `event_id`, or by its cursor; all dashboards are told.

    Raises:
        NotFoundException: The history has no such event: 404.
        TooManyRequestsException: This key has marked too many: 429.
        ServiceUnavailableException: Redis does not answer, or refuses writes: 503.

    """
    return await _changed(request, marks, lambda by: marks.mark(event_id, by, risk_level))


@delete("/api/events/{event_id:str}/seen", tags=["events"], status_code=200, opt=needs("act"))
async def take_back_seen(
    request: Request[Any, Any, Any], marks: NamedDependency[SeenMarks], event_id: FromPath[str]
) -> SeenState:
    """Take back that an event was seen; all dashboards are told.

    Raises:
        NotFoundException: Nobody has seen it, and the history has no such event: 404.
        TooManyRequestsException: This key has marked too many: 429.
        ServiceUnavailableException: Redis does not answer, or refuses writes: 503.

    """
    return await _changed(request, marks, lambda by: marks.undo(event_id, by))


async def _changed(
    request: Request[Any, Any, Any],
    marks: SeenMarks,
    change: Callable[[str], Awaitable[SeenState]],
) -> SeenState:
    """Return what a change by who asks has led to."""
    who = request.auth
    if wait := marks.pace.take(who.key if who else "", time.monotonic()):
        raise TooManyRequestsException(
            "too many marks of this key", headers={"Retry-After": str(math.ceil(wait))}
        )
    try:
        return await _answered(change(who.name if who else ""))
    except UnknownEventError as error:
        raise NotFoundException("the history has no such event") from error


def _senseless(name: str, why: str, source: ParamType) -> ValidationException:
    message = {"message": why[0].upper() + why[1:], "key": name, "source": source}
    return ValidationException(f"{name}: {why}", extra=[message])


async def _answered(question: Awaitable[T]) -> T:
    """Return an answer.

    Raises:
        ServiceUnavailableException: Redis or the database cannot be read, or not written: 503.

    """
    try:
        return await question
    except (RedisError, OSError, SourceError) as error:
        raise ServiceUnavailableException(
            f"{_reason(error)}; ask again soon", headers={"Retry-After": str(RETRY_AFTER)}
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, SourceError):
        return str(error)
    # Of a transaction that was refused, redis-py names the command instead.
    is_refused = isinstance(error.__cause__, ExecAbortError) and not unknown_command(error)
    return "Redis refuses writes" if is_refused else reason_of(error)


ROUTES = [events, list_events, read_event, list_seen, mark_as_seen, take_back_seen]
