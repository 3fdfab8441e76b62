"""Publishing with history: what the two publishers, async and sync, have in common. Pure, no I/O.

Both call one Redis function (publish.lua), which appends a message to its channel's history and
publishes it in one step, and does nothing for an idempotency key that it knows: so both may try
again after a timeout, when nobody can tell whether Redis has executed the first attempt.
"""

import uuid
from importlib import resources
from typing import Any, NamedTuple

from hsi.schemas import ChannelMessage, channels
from hsi.schemas.validation import encode, validate

FUNCTION = "hsi_publish_v1"
LIBRARY = resources.files("hsi").joinpath("publish.lua").read_text()
"""Source of the library that has the function."""
TIMEOUT = 3.0
"""Seconds that one attempt may take."""
PATIENCE = 30.0
"""Seconds that a message is tried for."""
BACKOFF_BASE = 0.02
BACKOFF_CAP = 1.0
"""Seconds between two attempts, at most."""


class PublishError(Exception):
    """Redis did not acknowledge a message in time; it may or may not have been published."""


class TooManyWaitingError(PublishError):
    """Too many messages wait for Redis already; this one was not accepted."""


class Published(NamedTuple):
    """Redis' acknowledgement of a message."""

    cursor: str
    """The message's place in the history; opaque."""
    receivers: int
    """Subscribers that heard it: one per service replica that listens. 0 for a repetition."""


def payload_of(message: ChannelMessage | bytes) -> bytes:
    """Return a message as it goes to Redis, checked against its schema.

    Args:
        message: A Struct, or JSON, which stays as it is.

    Raises:
        InvalidMessageError: It breaks its schema, or has over 256 KiB.

    """
    if isinstance(message, bytes):
        validate(message)
        return message
    return encode(message)


def new_key() -> str:
    """Return an idempotency key that nobody else uses."""
    return uuid.uuid4().hex


def call_of(
    channel: str, payload: bytes, *, key: str, history_length: int
) -> tuple[str, int, str, str, str, str, bytes, int]:
    """Return the arguments of FCALL that publish a message.

    Args:
        channel: The channel to publish to.
        payload: The message, as `payload_of` returns it.
        key: Its idempotency key.
        history_length: Messages that the channel's history keeps.

    """
    return (
        FUNCTION,
        3,
        channels.history(channel),
        channels.number(channel),
        channels.once(channel, key),
        channel,
        payload,
        history_length,
    )


def published_of(reply: Any) -> Published:
    """Return the function's reply, [cursor, receivers, repeated], as text or as bytes."""
    cursor = reply[0]
    return Published(cursor.decode() if isinstance(cursor, bytes) else cursor, int(reply[1]))
