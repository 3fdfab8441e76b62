"""What a subscriber does with a payload from a channel: forward or drop. Pure, no I/O.

Publishers are strict, subscribers are lenient (R25). Other producers publish more
than we know, and a security event must not be lost to a missing field: so whatever is a JSON
object with a string `type` and an object `data` is forwarded byte for byte, and only counted when
it is not what our schemas say. Dropped is what would mislead a client about its connection: a type
that services keep to themselves, and a cursor that the history has not given.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn

import msgspec
from msgspec import UNSET

from hsi.schemas import ChannelMessage
from hsi.schemas.cursor import cursor_of, unstamped
from hsi.schemas.validation import KNOWN_TYPES, MAX_MESSAGE_BYTES, RESERVED_TYPES


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
    RESERVED_TYPE = "reserved_type"
    """Dropped: a type of what a service itself says to a client."""
    FOREIGN_CURSOR = "foreign_cursor"
    """Dropped: a cursor that the history has not given."""


DROPPED = frozenset(
    {
        Classification.TOO_BIG,
        Classification.NOT_TEXT,
        Classification.NOT_JSON,
        Classification.TOO_DEEP,
        Classification.NOT_A_MESSAGE,
        Classification.RESERVED_TYPE,
        Classification.FOREIGN_CURSOR,
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
    cursor: str | None = None
    """The cursor that it claims to have; as JSON, where it is not a text."""


class _Envelope(msgspec.Struct):
    type: str
    data: msgspec.Raw
    cursor: Any = None


_messages = msgspec.json.Decoder(ChannelMessage)
_envelopes = msgspec.json.Decoder(_Envelope)


_MAX_STAMP_BYTES = 64


def examine(payload: bytes, *, may_be_stamped: bool = True) -> Finding:
    """Decide whether `payload`, as heard on a channel, goes on to clients.

    Args:
        payload: Bytes of one pub/sub message.
        may_be_stamped: It may begin with the cursor that the history has given it.

    Returns:
        The classification, and the message to forward. Never raises, whatever the bytes are.

    """
    if len(payload) > MAX_MESSAGE_BYTES + _MAX_STAMP_BYTES:
        return Finding(Classification.TOO_BIG, None)
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return Finding(Classification.NOT_TEXT, None)
    finding = _examine_text(text)
    if finding.message is None:
        return finding
    cursor = cursor_of(text) if may_be_stamped else None
    if finding.cursor not in {None, str(cursor)}:
        return Finding(Classification.FOREIGN_CURSOR, None)
    # As its publisher wrote it.
    if len(payload) > MAX_MESSAGE_BYTES and len(unstamped(text).encode()) > MAX_MESSAGE_BYTES:
        return Finding(Classification.TOO_BIG, None)
    return finding


def _examine_text(text: str) -> Finding:
    try:
        message = _messages.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # Not one of ours. A DecodeError is a schema break as well as broken JSON: look closer.
        return _examine_envelope(text)
    kind = str(message.__struct_config__.tag)
    cursor = None if message.cursor is UNSET else message.cursor
    return Finding(Classification.VALID, Message(text, kind, message), cursor)


def _examine_envelope(text: str) -> Finding:
    try:
        envelope = _envelopes.decode(text)
    except RecursionError:
        return Finding(Classification.TOO_DEEP, None)
    except msgspec.DecodeError:
        return _second_opinion(text)
    if not bytes(envelope.data).startswith(b"{"):
        return Finding(Classification.NOT_A_MESSAGE, None)
    return _lenient(text, envelope.type, envelope.cursor)


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
            return _lenient(text, kind, value.get("cursor"))
        case _:
            return Finding(Classification.NOT_A_MESSAGE, None)


def _refuse_constant(name: str) -> NoReturn:
    # The standard library reads NaN and Infinity, which are not JSON and which no browser reads.
    raise ValueError(name)


def _lenient(text: str, kind: str, cursor: Any) -> Finding:
    if kind in RESERVED_TYPES:
        return Finding(Classification.RESERVED_TYPE, None)
    classification = (
        Classification.SCHEMA_BREAK if kind in KNOWN_TYPES else Classification.UNKNOWN_TYPE
    )
    if cursor is not None and not isinstance(cursor, str):
        cursor = json.dumps(cursor)
    return Finding(classification, Message(text, kind), cursor)


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


class _Parts(msgspec.Struct):
    type: str
    data: dict[str, Any]


_parts = msgspec.json.Decoder(_Parts)


def parts_of(text: str) -> tuple[str, dict[str, Any]]:
    """Return the type and the `data` of a message, as far as it has them."""
    try:
        message = _parts.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _parts_by_json(text)
    return message.type, message.data


def _parts_by_json(text: str) -> tuple[str, dict[str, Any]]:
    """Ask the standard library, as `_second_opinion` does: it reads what browsers read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "", {}
    match value:
        case {"type": str(kind), "data": dict(data)}:
            return kind, data
        case _:
            return "", {}
