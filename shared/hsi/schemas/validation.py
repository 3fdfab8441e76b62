"""What may be published: publishers are strict, so that subscribers can be lenient. Pure."""

from typing import get_args

import msgspec
from msgspec import UNSET

from hsi.schemas import ChannelMessage, ControlMessage
from hsi.schemas.complaints import explained

MAX_MESSAGE_BYTES = 256 * 1024
"""Larger messages are refused by publishers and dropped by subscribers."""
KNOWN_TYPES = frozenset(str(struct.__struct_config__.tag) for struct in get_args(ChannelMessage))
"""Types that we have schemas for."""

RESERVED_TYPES = frozenset(str(struct.__struct_config__.tag) for struct in get_args(ControlMessage))
"""Types of what a service itself says to a client: on a channel they would mislead."""

_messages = msgspec.json.Decoder(ChannelMessage)


class InvalidMessageError(ValueError):
    """A message that must not be published; its text says what is wrong and where."""


def validate(payload: bytes) -> ChannelMessage:
    """Check that `payload` may be published.

    Args:
        payload: One message as JSON.

    Returns:
        The message.

    Raises:
        InvalidMessageError: It is not JSON, of no known type, breaks its schema, or is too big.

    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise InvalidMessageError(
            f"the message has {len(payload)} bytes, more than the {MAX_MESSAGE_BYTES} allowed",
        )
    try:
        payload.decode()
        message: ChannelMessage = _messages.decode(payload)
    except UnicodeDecodeError as error:
        raise InvalidMessageError(f"the message is not UTF-8: {error}") from error
    except RecursionError as error:
        raise InvalidMessageError("the message is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise InvalidMessageError(f"the message is not valid: {explained(error)}") from error
    if message.cursor is not UNSET:
        raise InvalidMessageError("the message has a cursor; only the history gives those")
    return message


def encode(message: ChannelMessage) -> bytes:
    """Return `message` as JSON, checked against its schema.

    Raises:
        InvalidMessageError: A field is not what the schema says (msgspec checks nothing when a
            Struct is made), or the whole is too big.

    """
    try:
        payload = msgspec.json.encode(message)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidMessageError(f"the message cannot be written as JSON: {error}") from error
    validate(payload)
    return payload
