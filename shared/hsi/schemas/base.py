"""What every message has in common, and the words that several of them use."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]

MAX_ID = 2**53 - 1
"""The greatest event id that a browser reads as it was written."""
EventId = Annotated[int, Meta(ge=0, le=MAX_ID)]
TEXT_PATTERN = r"\S"
Text = Annotated[str, Meta(pattern=TEXT_PATTERN)]
"""What has something to read in it."""

ServiceHealth = Literal["healthy", "degraded", "unhealthy", "unreachable"]
"""How a service or a database is (R11, R17)."""

GpuSource = Literal["collector", "yolo26"]
"""Who tells of a GPU, where it is not NVML here: the collector, of its machine; or yolo26, of the
one that it runs on, whose name and memory it does not know."""


class Part(Struct, kw_only=True):
    """A nested part of a message.

    A figure that cannot be measured is `None` (`null` on the wire), never an invented number. A
    time without an offset is UTC; the times that we write end in `Z`.
    """


class Message(Struct, kw_only=True, tag_field="type"):
    """A frame as it travels on a channel and to clients: `{"type": ..., "data": {...}}` (R7)."""

    cursor: Annotated[
        str | UnsetType,
        Meta(description="Id of this message's history entry; opaque. Absent without history."),
    ] = UNSET


def now() -> datetime:
    """Return the current time as UTC, which goes onto the wire with a `Z` (R8)."""
    return datetime.now(UTC)
