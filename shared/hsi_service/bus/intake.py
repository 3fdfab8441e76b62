"""What a subscriber does with a payload from a channel: forward or drop. Pure, no I/O.

Publishers are strict, subscribers are lenient (R25). Other producers publish more
than we know, and a security event must not be lost to a missing field: so whatever is a JSON
object with a string `type` and an object `data` is forwarded byte for byte, and only counted when
it is not what our schemas say.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, NoReturn

import msgspec

from hsi.schemas import ChannelMessage
from hsi.schemas.validation import KNOWN_TYPES, MAX_MESSAGE_BYTES


class Classification(StrEnum):
    """What became of a payload. The values are metric labels."""

    VALID = "valid"
    """Forwarded: it is what its schema says."""
    UNKNOWN_TYPE = "unknown_type"
    """Forwarded: another producer's type."""
    SCHEMA_BREAK = "schema_break"
    """Forwarded: a known type with wrong or missing fields."""
    TOO_BIG = "too_big"
    """Dropped: over `MAX_MESSAGE_BYTES`."""
    NOT_TEXT = "not_text"
    """Dropped: invalid UTF-8, which a WebSocket text frame cannot carry."""
    NOT_JSON = "not_json"
    """Dropped: not JSON."""
    TOO_DEEP = "too_deep"
    """Dropped: nested deeper than a parser can follow, so nobody can say what it is."""
    NOT_A_MESSAGE = "not_a_message"
    """Dropped: JSON, but not an object with a string `type` and an object `data`."""


DROPPED = frozenset(
    {
        Classification.TOO_BIG,
        Classification.NOT_TEXT,
        Classification.NOT_JSON,
        Classification.TOO_DEEP,
        Classification.NOT_A_MESSAGE,
    },
)


class Message(NamedTuple):
    """A message on its way to clients; its text is forwarded unchanged."""

    text: str
    type: str | None = None
    """None: nobody has looked yet (`examined` does)."""
    body: ChannelMessage | None = None
    """The decoded message, where it is what its schema says."""


Filter = Callable[[Message], bool]
"""Returns whether a message is for the clients of a topic; control messages always are."""


class Finding(NamedTuple):
    """The result of `examine`."""

    classification: Classification
    message: Message | None
    """The message to forward; None drops the payload."""


class _Envelope(msgspec.Struct):
    type: str
    data: msgspec.Raw


_messages = msgspec.json.Decoder(ChannelMessage)
_envelopes = msgspec.json.Decoder(_Envelope)


def examine(payload: bytes) -> Finding:
    """Decide whether `payload`, as heard on a channel, goes on to clients.

    Args:
        payload: Bytes of one pub/sub message.

    Returns:
        The classification, and the message to forward. Never raises, whatever the bytes are.

    """
    if len(payload) > MAX_MESSAGE_BYTES:
        return Finding(Classification.TOO_BIG, None)
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return Finding(Classification.NOT_TEXT, None)
    try:
        message = _messages.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        # Not one of ours. A DecodeError is a schema break as well as broken JSON: look closer.
        return _examine_envelope(text)
    kind = str(message.__struct_config__.tag)
    return Finding(Classification.VALID, Message(text, kind, message))


def _examine_envelope(text: str) -> Finding:
    try:
        envelope = _envelopes.decode(text)
    except RecursionError:
        return Finding(Classification.TOO_DEEP, None)
    except msgspec.DecodeError:
        return _second_opinion(text)
    if not bytes(envelope.data).startswith(b"{"):
        return Finding(Classification.NOT_A_MESSAGE, None)
    return _lenient(text, envelope.type)


def _second_opinion(text: str) -> Finding:
    r"""Ask the standard library, which accepts what msgspec finds too odd.

    A language model's summary cut in the middle of an emoji, for instance, is JSON with half a
    surrogate pair (`"\\ud83d"`), and every browser reads it.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        return Finding(Classification.TOO_DEEP, None)
    except ValueError:
        return Finding(Classification.NOT_JSON, None)
    match value:
        case {"type": str(kind), "data": dict()}:
            return _lenient(text, kind)
        case _:
            return Finding(Classification.NOT_A_MESSAGE, None)


def _refuse_constant(name: str) -> NoReturn:
    # The standard library reads NaN and Infinity, which are not JSON and which no browser reads.
    raise ValueError(name)


def _lenient(text: str, kind: str) -> Finding:
    classification = (
        Classification.SCHEMA_BREAK if kind in KNOWN_TYPES else Classification.UNKNOWN_TYPE
    )
    return Finding(classification, Message(text, kind))


def examined(message: Message) -> Message:
    """Return a message with its type, and its body where it has one: decoded once, when needed.

    Args:
        message: A message heard on a channel has been examined already; a history's entry has not.

    """
    if message.type is not None:
        return message
    try:
        found = examine(message.text.encode()).message
    except UnicodeEncodeError:
        found = None
    return found or message._replace(type="")
