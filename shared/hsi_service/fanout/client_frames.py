"""What a client may say, and the answer. Pure, no I/O.

`ping` or `{"type":"ping"}` gets a pong, which is the topic's to say; `{"type":"pong"}` is silent,
and anything else gets an error that says what was wrong; the connection stays open.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from hsi.schemas import Error, ErrorCode, ErrorData
from hsi.schemas.frames import frame_text

MAX_CLIENT_MESSAGE_BYTES = 64 * 1024
"""A larger message from a client closes its connection with 1009."""


class ClientFrame(StrEnum):
    """What a client's message was. The values are metric labels."""

    PING = "ping"
    PONG = "pong"
    INVALID = "invalid"


class Reply(NamedTuple):
    """What the client said, and the error to send back, as text (`None`: nothing was wrong)."""

    frame: ClientFrame
    text: str | None


_PING = Reply(ClientFrame.PING, None)
_SILENCE = Reply(ClientFrame.PONG, None)


def _error(code: ErrorCode, message: str) -> Reply:
    error = Error(data=ErrorData(code=code, message=message))
    return Reply(ClientFrame.INVALID, frame_text(error))


_BINARY = _error("binary_not_supported", "Send text, not binary.")
_NOT_JSON = _error("invalid_json", "This is not JSON.")
_NOT_A_MESSAGE = _error("invalid_message", 'Send an object with a string "type".')
_MAX_QUOTED = 64
_ANSWERS = {"ping": _PING, "pong": _SILENCE}


class _ClientMessage(msgspec.Struct):
    type: str


_messages = msgspec.json.Decoder(_ClientMessage)


def reply_to(message: str | bytes) -> Reply:
    """Return the answer to one message from a client.

    Args:
        message: A text message as `str`, a binary one as `bytes`.

    Returns:
        What it was, and what was wrong. Never raises, whatever the client sent.

    """
    if isinstance(message, bytes):
        return _BINARY
    if message.strip() == "ping":
        return _PING
    try:
        kind = _messages.decode(message).type
    except msgspec.ValidationError:
        return _NOT_A_MESSAGE
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return _NOT_JSON
    return _ANSWERS.get(kind.lower()) or _error(
        "unknown_type",
        f"Unknown type {kind[:_MAX_QUOTED]!r}; send a ping.",
    )
