"""`GET /api/events/stream`: security events over plain HTTP, for who has no WebSocket."""

from typing import Annotated

from litestar import route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter

from hsi.verdict import MAX_SCORE
from hsi_service.door.http import judges_itself
from hsi_service.fanout.server_sent import MEDIA_TYPE
from hsi_service.skeleton.event_stream import EventStream
from hsi_service.skeleton.session import MAX_TAIL
from services.events.broadcaster import EventBroadcaster


@route(
    "/api/events/stream",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    tags=["events"],
    opt=judges_itself(),
    responses={
        # Made-up examples would need a library that no image has.
        200: ResponseSpec(
            bytes,
            generate_examples=False,
            description="Events without end.",
            media_type=MEDIA_TYPE,
        ),
        204: ResponseSpec(
            None,
            generate_examples=False,
            description="To who comes back with a credential that is no longer valid: stay.",
        ),
    },
    sync_to_thread=False,
)
def stream_events(  # noqa: PLR0917 (Litestar passes them by name)
    broadcaster: NamedDependency[EventBroadcaster],
    last_event_id: Annotated[
        str | None,
        HeaderParameter(
            name="Last-Event-ID",
            description="Go on after this: browsers send the `id` of the last event by themselves. "
            "It wins over `since`.",
        ),
    ] = None,
    since: Annotated[
        str | None, QueryParameter(description="Go on after the message with this cursor.")
    ] = None,
    tail: Annotated[
        str | None,
        QueryParameter(description=f"Begin with this many of the last messages: 0 to {MAX_TAIL}."),
    ] = None,
    camera_id: Annotated[
        list[str] | None, QueryParameter(description="Only what one of these cameras saw.")
    ] = None,
    min_risk: Annotated[
        str | None,
        QueryParameter(
            description=f"Only what may be of this risk or a higher one: 0 to {MAX_SCORE}."
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        QueryParameter(description="Only messages of these types, separated by commas."),
    ] = None,
) -> EventStream:
    """Stream security events as server-sent events: `/ws/events` over plain HTTP.

    Each message is an event without a name; its `id` is the cursor to go on from.
    """
    session = broadcaster.session(
        since=last_event_id or since,
        # The first event is then a heartbeat, so that a client always has an id to come back with.
        tail="0" if tail is None else tail,
        camera_id=camera_id,
        min_risk=min_risk,
        types=types,
    )
    return EventStream(session, comes_back=bool(last_event_id))


ROUTES = [stream_events]
