"""`POST /api/events`: events from those who speak HTTP, such as curl and Home Assistant."""

import secrets
from typing import Annotated

from litestar import Response, post
from litestar.di import NamedDependency
from msgspec import Meta
from redis.exceptions import RedisError

from hsi.publishing import Published, Repeated
from hsi.schemas import EventData
from hsi.schemas.base import MAX_ID, EventId, Part, now
from hsi.schemas.cursor import Cursor as Place
from hsi_service.bus.intake import parts_of
from hsi_service.door.http import needs
from hsi_service.publish import openapi
from hsi_service.publish.bodies import MAX_BODY, items_of
from hsi_service.publish.openapi import Body, schema_of
from hsi_service.publish.publishing import (
    HttpRequest,
    Publishing,
    are_repeated,
    cursor_of,
    refusing,
    sender_of,
)
from hsi_service.skeleton.service import Service
from services.events.given import GivenEvent, events_of, id_of

MAX_EVENTS = 100
"""Events of a request, which Redis takes at once."""
_JSON = "application/json"

Cursor = Annotated[
    str | None,
    Meta(
        description="Its place in the history; opaque. Null: it was published by an earlier "
        "request, and Redis no longer knows where."
    ),
]


KnownId = Annotated[
    EventId | None,
    Meta(
        description="That of the event at the cursor: as it was sent, or the one that it got. "
        "Null: it was published by an earlier request, and is no longer kept."
    ),
]


class PublishedEvent(Part):
    """Where an event is, and its id."""

    cursor: Cursor
    event_id: KnownId


class PublishedEvents(Part):
    """The same of a list, in its order."""

    cursors: list[Cursor]
    event_ids: list[KnownId]


class EventPublishing:
    """Publishes events; one per replica."""

    def __init__(self, service: Service, channel: str, *, per_minute: int) -> None:
        """Connect on first use.

        Args:
            service: The replica.
            channel: Of events.
            per_minute: Requests of a key; 0 is no limit.

        """
        settings = service.settings
        self._publishing = Publishing(
            settings.redis_url,
            per_minute=per_minute,
            history_length=settings.history_length,
            replicas=settings.wait_for_replicas,
        )
        self._channel = channel
        self._history = service.history
        service.on_shutdown(self._publishing.aclose)

    async def publish(self, request: HttpRequest) -> Response[PublishedEvent | PublishedEvents]:
        """Publish what a request has, and answer it."""
        body, _ = await self._publishing.body_of(request, _JSON)
        with refusing():
            sender = sender_of(request)
            items, is_list = items_of(body, most=MAX_EVENTS)
            ids = [
                secrets.randbelow(MAX_ID) if sender is None else id_of(sender, index)
                for index in range(len(items))
            ]
            events = events_of(items, is_list=is_list, ids=ids, now=now())
        payloads = [event.payload for event in events]
        published = await self._publishing.publish(self._channel, payloads, sender=sender)
        status = 200 if are_repeated(published) else 201
        cursors = [cursor_of(one) for one in published]
        event_ids = [await self._id_of(*one) for one in zip(events, published, strict=True)]
        if is_list:
            return Response(
                PublishedEvents(cursors=cursors, event_ids=event_ids), status_code=status
            )
        # Relative, so that it holds below a BASE_PATH too.
        headers = {"Location": f"events/{cursors[0]}"} if cursors[0] else {}
        one = PublishedEvent(cursor=cursors[0], event_id=event_ids[0])
        return Response(one, status_code=status, headers=headers)

    async def _id_of(self, event: GivenEvent, published: Published) -> int | None:
        """Return the id of the event that is published.

        Under a key that was used before, that is what the first request had, whatever this one has.
        """
        if not isinstance(published, Repeated):
            return event.event_id
        place = Place.parse(published.cursor)
        if place is None:
            return None
        upto = place._replace(number=place.number + 1)
        try:
            found = await self._history.before(self._channel, upto, 1)
        except (RedisError, OSError):
            return None  # It is published all the same.
        if not found or found[0].cursor != place:
            return None
        event_id = parts_of(found[0].text)[1].get("event_id")
        return event_id if isinstance(event_id, int) else None


_SHORT = {"camera_id": "front_door", "risk_score": 75, "summary": "Person at the door"}
_DATA = schema_of(EventData, required=["camera_id", "summary"])
_MESSAGE = {
    "type": "object",
    "required": ["type", "data"],
    "properties": {"type": {"const": "event"}, "data": _DATA},
}
_ONE = {"anyOf": [_MESSAGE, _DATA]}
_BODY = Body(
    schema={"anyOf": [_ONE, {"type": "array", "maxItems": MAX_EVENTS, "items": _ONE}]},
    examples={
        "an event's data, which gets ids, a time and a level": _SHORT,
        "a message": {"type": "event", "data": {**_SHORT, "event_id": 123}},
        "a list": [_SHORT, {"type": "event", "data": _SHORT}],
    },
)


@post(
    "/api/events",
    tags=["events"],
    opt=needs("publish"),
    request_max_body_size=MAX_BODY,
    operation_class=openapi.takes({_JSON: _BODY}, repeated="It was published already."),
)
async def publish_events(
    request: HttpRequest, publishing: NamedDependency[EventPublishing]
) -> Response[PublishedEvent | PublishedEvents]:
    """Publish an event, or a list of up to 100, with history: all of them or none.

    An event is a message (`{"type": "event", "data": {...}}`) or what stands in its `data`. It
    needs `camera_id`, `summary`, and `risk_score` or `risk_level`; the rest is filled in.
    """
    return await publishing.publish(request)
