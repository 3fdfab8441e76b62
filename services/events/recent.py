"""`GET /api/events`: what happened of late, and whether that is all."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from hsi.schemas.base import Part


class RecentEvent(Part):
    """A message of the history of events."""

    cursor: Annotated[str, Meta(description="Its place in the history; opaque.")]
    arrived_at: Annotated[
        datetime, Meta(description="When it arrived in Redis (UTC), by Redis' clock.")
    ]
    message: Annotated[
        dict[str, Any], Meta(description="As it was published, and as /ws/events sends it.")
    ]


class RecentEvents(Part):
    """The latest events, newest first, and what is known of the window that was asked for."""

    now: Annotated[datetime, Meta(description="The time (UTC) by Redis' clock, when it was read.")]
    heard: Annotated[
        bool,
        Meta(
            description="Whether this replica hears Redis now; where nobody listens to it: "
            "that it has just read there."
        ),
    ]
    complete: Annotated[
        bool,
        Meta(
            description="Whether all that was published with history in the window is known: it is "
            "in `events`, and on the pages that `next` leads to."
        ),
    ]
    known_since: Annotated[
        datetime | None,
        Meta(description="Since when the history is known to be whole (UTC); null: nobody knows."),
    ]
    cursor: Annotated[
        str | None, Meta(description="Cursor of the history's newest message; null: it has none.")
    ]
    events: Annotated[list[RecentEvent], Meta(description="The newest first.")]
    next: Annotated[
        str | None,
        Meta(description="What to ask for as `before` to go on; null: there is nothing more."),
    ]
