"""Security events (R9)."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from hsi.schemas.base import Message, Part

RiskLevel = Literal["low", "medium", "high", "critical"]


class EventData(Part):
    """One security event, as the AI pipeline created it from a batch of detections."""

    id: Annotated[int, Meta(description="Event id; the same as `event_id`.")]
    event_id: Annotated[int, Meta(description="Event id.")]
    batch_id: Annotated[str, Meta(description="The batch of detections it was made from.")]
    camera_id: Annotated[str, Meta(description="The camera that saw it.")]
    risk_score: Annotated[int, Meta(ge=0, le=100, description="Risk, from 0 to 100.")]
    risk_level: Annotated[RiskLevel, Meta(description="Risk, in a word.")]
    summary: Annotated[str, Meta(description="What happened, for a person to read.")]
    started_at: Annotated[datetime, Meta(description="When it began (UTC).")]
    ended_at: Annotated[
        datetime | UnsetType | None,
        Meta(description="When it ended (UTC); absent or null while it goes on."),
    ] = UNSET


class Event(Message, tag="event"):
    """A security event was created."""

    data: EventData
