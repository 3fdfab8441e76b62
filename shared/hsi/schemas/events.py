"""Security events (R9)."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from hsi.schemas.base import EventId, Message, Part, Text

RiskLevel = Literal["low", "medium", "high", "critical"]

# To browsers "//" and "/\" begin another host's address, and they leave out tabs and line ends;
# what stands before an @ would be a password. It ends by "no character follows", for "$" would let
# a line end through.
_HOST = r"https?://[^\s/?#\\@\x00-\x1f]+(?![^/?#])"
ADDRESS_PATTERN = rf"^(?:{_HOST}|/(?![/\\]))[^\s\\\x00-\x1f]*(?![\s\S])"
Address = Annotated[str, Meta(pattern=ADDRESS_PATTERN, max_length=2048)]
"""Where a browser finds something: at http:// or https://, or below the page's own origin."""


class EventData(Part):
    """One security event, as the AI pipeline created it from a batch of detections."""

    id: Annotated[EventId, Meta(description="Event id; the same as `event_id`.")]
    event_id: Annotated[EventId, Meta(description="Event id.")]
    batch_id: Annotated[str, Meta(description="The batch of detections it was made from.")]
    camera_id: Annotated[Text, Meta(description="The camera that saw it.")]
    risk_score: Annotated[int, Meta(ge=0, le=100, description="Risk, from 0 to 100.")]
    risk_level: Annotated[RiskLevel, Meta(description="Risk, in a word.")]
    summary: Annotated[Text, Meta(description="What happened, for a person to read.")]
    started_at: Annotated[datetime, Meta(description="When it began (UTC).")]
    ended_at: Annotated[
        datetime | UnsetType | None,
        Meta(description="When it ended (UTC); absent or null while it goes on."),
    ] = UNSET
    image_url: Annotated[
        Address | UnsetType | None,
        Meta(description="A picture of it: http(s)://, or a path that begins with one /."),
    ] = UNSET
    clip_url: Annotated[
        Address | UnsetType | None,
        Meta(description="A clip of it: http(s)://, or a path that begins with one /."),
    ] = UNSET


class Event(Message, tag="event"):
    """A security event was created."""

    data: EventData


class Seen(Part):
    """Somebody of the household has seen an event."""

    at: Annotated[datetime, Meta(description="When it was said (UTC), by Redis' clock.")]
    by: Annotated[
        str,
        Meta(description="Name of the key of who has; empty where no credential is asked for."),
    ]
    risk_level: Annotated[
        RiskLevel | None,
        Meta(
            description="The event's level by then: at a higher one it is unseen again. Null: it "
            "had none."
        ),
    ]


class SeenEvent(Seen):
    """An event that was seen."""

    id: Annotated[
        str, Meta(description="The event's `event_id` in decimal; its cursor, if it has none.")
    ]


class EventSeenData(SeenEvent):
    """Who has seen an event, or no longer says so."""

    seen: Annotated[bool, Meta(description="False: it was taken back; `at` and `by` are of that.")]


class EventSeen(Message, tag="event_seen"):
    """Somebody has seen a security event; it has no cursor, and no place in the history."""

    data: EventSeenData
