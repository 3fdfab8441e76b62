"""What server and client say to each other about the connection itself, never on a channel."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from hsi.schemas.base import Count, Message, Part

ErrorCode = Literal["invalid_json", "invalid_message", "unknown_type", "binary_not_supported"]


class Sign(Message):
    """A sign of life, and what the replica knows of Redis: /ws/events and /ws/system say it."""

    now: Annotated[
        datetime | UnsetType,
        Meta(description="The time (UTC) by Redis' clock; absent until it was asked."),
    ] = UNSET
    heard: Annotated[
        bool | UnsetType,
        Meta(description="Whether this replica hears Redis now, so that nothing waits there."),
    ] = UNSET
    breaks: Annotated[
        Count | UnsetType,
        Meta(
            description="How often this replica may have missed what has no cursor; absent: never "
            "yet. A client that sees another number asks for it again."
        ),
    ] = UNSET


class Ping(Sign, tag="ping"):
    """Heartbeat, sent every `HEARTBEAT_INTERVAL`, so that a page can see staleness."""


class Pong(Sign, tag="pong"):
    """The answer to a client's ping."""


class ResumedData(Part):
    """Where a client's stream goes on."""

    recovered: Annotated[
        bool,
        Meta(description="Nothing is missing. False: forget what you had, something is missing."),
    ]
    replayed: Annotated[Count, Meta(description="How many messages of the history follow.")]
    since: Annotated[str | None, Meta(description="The cursor that it goes on from.")]


class Resumed(Message, tag="resumed"):
    """First after a reconnect with `?since`; later only if something is missing after an outage."""

    data: ResumedData


class ErrorData(Part):
    """What was wrong with a client's message."""

    code: Annotated[ErrorCode, Meta(description="For programs.")]
    message: Annotated[str, Meta(description="For people.")]


class Error(Message, tag="error"):
    """A client's message was not understood; the connection stays open."""

    data: ErrorData
