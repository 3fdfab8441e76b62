"""What may be published, and what a publisher is told otherwise."""

import json
from typing import Any

import pytest

from hsi.schemas import Event, EventData
from hsi.schemas.base import now
from hsi.schemas.validation import MAX_MESSAGE_BYTES, InvalidMessageError, encode, validate
from tests.clients import golden

EVENT = golden("event")


def event_with(**data: Any) -> bytes:
    return json.dumps({"type": "event", "data": json.loads(EVENT)["data"] | data}).encode()


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (event_with(risk_score=101), r"<= 100 - at `\$\.data\.risk_score`"),
        (event_with(risk_level="huge"), "huge"),
        (b'{"type":"evnt","data":{}}', "evnt"),
        (b'{"type":"event","data":{}}', "missing required field `id`"),
        (b"hello", "malformed"),
        (b'{"type":"event","data":"\xff"}', "UTF-8"),
        (b'{"type":"log","data":{"context":{"a":' + b"[" * 100_000, "deeply"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "262145 bytes"),
        (EVENT.replace(b"{", b'{"cursor":"1-1",', 1), "only the history gives"),
    ],
)
def test_what_breaks_its_schema_is_not_published(payload: bytes, complaint: str) -> None:
    with pytest.raises(InvalidMessageError, match=complaint):
        validate(payload)


def an_event(risk_score: int = 5) -> Event:
    return Event(
        data=EventData(
            id=1,
            event_id=1,
            batch_id="b",
            camera_id="c",
            risk_score=risk_score,
            risk_level="low",
            summary="s",
            started_at=now(),
        ),
    )


def test_a_struct_is_checked_before_it_is_published() -> None:
    with pytest.raises(InvalidMessageError, match="risk_score"):
        encode(an_event(risk_score=-1))


def test_what_we_write_is_utc_and_ends_in_z() -> None:
    data = json.loads(encode(an_event()))["data"]
    assert data["started_at"].endswith("Z")
    assert "ended_at" not in data


def test_what_may_be_published_comes_back_as_its_message() -> None:
    assert isinstance(validate(EVENT), Event)
    message = an_event()
    assert validate(encode(message)) == message


def test_a_message_may_be_as_large_as_is_allowed_and_no_larger() -> None:
    room = MAX_MESSAGE_BYTES - len(event_with(summary=""))
    validate(event_with(summary="x" * room))
    with pytest.raises(InvalidMessageError, match=f"{MAX_MESSAGE_BYTES + 1} bytes"):
        validate(event_with(summary="x" * (room + 1)))
