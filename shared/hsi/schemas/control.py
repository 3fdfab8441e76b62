"""What server and client say to each other about the connection itself, never on a channel."""

from typing import Annotated, Literal

from msgspec import Meta

from hsi.schemas.base import Count, Message, Part

ErrorCode = Literal["invalid_json", "invalid_message", "unknown_type", "binary_not_supported"]


class Ping(Message, tag="ping"):
    """Heartbeat, sent every `HEARTBEAT_INTERVAL`, so that a page can see staleness."""


class Pong(Message, tag="pong"):
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
