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


ADDRESSES = [
    "https://cameras.home.arpa/front_door/7.jpg?w=640#t=3",
    "http://192.168.1.9:8080/clip.mp4",
    "https://[fe80::1]/a",
    "/media/7.jpg",
    "/",
    "/media/a@b.jpg",
    "https://cameras.home.arpa/" + "x" * (2048 - 26),
]
NO_ADDRESSES = [
    "",
    "media/7.jpg",
    "javascript:alert(1)",
    "data:image/png;base64,AA",
    "file:///etc/passwd",
    "//elsewhere.example/7.jpg",
    "/\\elsewhere.example/7.jpg",
    "/\t/elsewhere.example/7.jpg",
    "/media/7.jpg\n",
    " /media/7.jpg",
    "/a b.jpg",
    "/a\x00.jpg",
    "https://",
    "https:///7.jpg",
    "https://user:password@cameras.home.arpa/7.jpg",
    "https://cameras.home.arpa/" + "x" * (2048 - 25),
]


@pytest.mark.parametrize("field", ["image_url", "clip_url"])
def test_a_picture_and_a_clip_are_where_a_browser_may_look_for_them(field: str) -> None:
    for address in (*ADDRESSES, None):
        validate(event_with(**{field: address}))
    for wrong in (*NO_ADDRESSES, 7):
        with pytest.raises(InvalidMessageError, match=rf"`\$\.data\.{field}`"):
            validate(event_with(**{field: wrong}))


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
