"""An event as somebody sends it over HTTP: checked by the field, and completed. Pure, no I/O.

What the schema demands and a person with curl does not have is filled in: ids, the batch, the time,
and of risk and its level the one by the other. A message that lacks nothing stays byte for byte.
"""

import hashlib
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from hsi.schemas import Event
from hsi.schemas.base import MAX_ID
from hsi.schemas.validation import InvalidMessageError, validate
from hsi.verdict import SCORES, risk_of
from hsi_service.publish.bodies import Fault, InvalidBodyError, fault_in

BATCH = "http-"
"""Beginning of the batch of an event that came without one."""
_IN_MESSAGE = "data."


class GivenEvent(NamedTuple):
    """An event that may be published."""

    payload: bytes
    event_id: int


class _FaultyError(Exception):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key, self.message = key, message


def events_of(
    items: Sequence[Raw], *, is_list: bool, ids: Sequence[int], now: datetime
) -> list[GivenEvent]:
    """Return the events that a body has.

    Args:
        items: Messages, or what stands in their `data`, as they were sent.
        is_list: Whether faults say which message of a list they are in.
        ids: For events without one, by their places.
        now: When an event began that does not say so.

    Raises:
        InvalidBodyError: Some cannot be published; it has a fault for each of them.

    """
    given, faults = [], []
    for index, (item, new_id) in enumerate(zip(items, ids, strict=True)):
        try:
            given.append(_event_of(bytes(item), new_id, now))
        except _FaultyError as error:
            faults.append(Fault(index if is_list else None, error.key, error.message))
    if faults:
        raise InvalidBodyError(faults)
    return given


def id_of(sender: str, index: int) -> int:
    """Return the id of an event of a request that may be repeated: the same each time.

    Args:
        sender: The request.
        index: The event's place in it.

    """
    digest = hashlib.sha256(f"{sender} {index}".encode()).digest()
    return int.from_bytes(digest[:8]) & MAX_ID


def _event_of(text: bytes, new_id: int, now: datetime) -> GivenEvent:
    message = msgspec.json.decode(text)
    if not isinstance(message, dict):
        raise _FaultyError("", "expected an object")
    # Data alone has neither, and no message is without them.
    is_bare = not ("type" in message or "data" in message)
    if is_bare:
        message = {"type": "event", "data": message}
    if message.get("type") != "event":
        raise _FaultyError("type", 'expected "event"')
    data = message.get("data")
    if not isinstance(data, dict):
        raise _FaultyError("data", "expected an object")
    missing = _missing(data, new_id, now)
    if missing or is_bare:
        text = msgspec.json.encode({**message, "data": missing | data})
    try:
        event = validate(text.strip())
    except InvalidMessageError as error:
        raise _explained(error, missing, is_bare=is_bare) from error
    if not isinstance(event, Event):
        raise _FaultyError("type", 'expected "event"')
    return GivenEvent(text.strip(), event.data.event_id)


def _missing(data: dict[str, Any], new_id: int, now: datetime) -> dict[str, Any]:
    """Return what an event lacks and can be told."""
    event_id = data.get("event_id", data.get("id", new_id))
    level = data.get("risk_level")
    known: dict[str, Any] = {
        "id": event_id,
        "event_id": event_id,
        "batch_id": f"{BATCH}{event_id}",
        "risk_score": SCORES[level][0] if isinstance(level, str) and level in SCORES else None,
        "risk_level": risk_of(data).level,
        "started_at": now.astimezone(UTC),
    }
    return {name: value for name, value in known.items() if name not in data and value is not None}


def _explained(
    error: InvalidMessageError, missing: Container[str], *, is_bare: bool
) -> _FaultyError:
    """Return an error that names the field as its sender wrote it."""
    if not isinstance(error.__cause__, msgspec.MsgspecError):
        return _FaultyError("", str(error))  # Too large, nested too deeply, or with a cursor.
    key, why = fault_in(error.__cause__)
    for filled_in, given in (("data.id", "data.event_id"), ("data.event_id", "data.id")):
        if key == filled_in and key.removeprefix(_IN_MESSAGE) in missing:
            key = given
            break
    return _FaultyError(key.removeprefix(_IN_MESSAGE) if is_bare else key, why)
