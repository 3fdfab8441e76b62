"""An event as somebody sends it over HTTP: completed, or refused by the field."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from hsi.schemas.base import MAX_ID
from hsi.schemas.validation import validate
from hsi_service.publish.bodies import InvalidBodyError
from services.events.given import events_of, id_of
from tests.clients import golden

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
SHORT = {"camera_id": "front_door", "risk_score": 75, "summary": "Person at the door"}


def completed(message: Any, new_id: int = 7) -> Any:
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    [event] = events_of([Raw(text)], is_list=False, ids=[new_id], now=NOW)
    assert json.loads(event.payload)["data"]["event_id"] == event.event_id
    return json.loads(event.payload)


def test_what_a_person_does_not_have_is_filled_in() -> None:
    assert completed(SHORT) == {
        "type": "event",
        "data": SHORT
        | {
            "id": 7,
            "event_id": 7,
            "batch_id": "http-7",
            "risk_level": "high",
            "started_at": "2026-01-15T10:30:00Z",
        },
    }


@pytest.mark.parametrize(
    ("level", "score"), [("low", 0), ("medium", 30), ("high", 60), ("critical", 85)]
)
def test_a_level_alone_has_the_least_score_of_it(level: str, score: int) -> None:
    data = {"camera_id": "a", "summary": "b", "risk_level": level}
    assert completed(data)["data"]["risk_score"] == score


def test_what_is_given_stays_and_so_does_what_the_schema_does_not_know() -> None:
    given_too = {"event_id": 12, "started_at": "2026-01-01T00:00:00Z", "risk_level": "low"}
    data = completed({"type": "event", "data": SHORT | given_too | {"zone": "porch"}})["data"]
    assert data.items() >= (SHORT | given_too | {"id": 12, "zone": "porch"}).items()


def test_a_message_that_lacks_nothing_stays_byte_for_byte() -> None:
    text = b"\n" + golden("event") + b" "
    [event] = events_of([Raw(text)], is_list=False, ids=[7], now=NOW)
    assert event.payload == text.strip()


@pytest.mark.parametrize(
    ("message", "key", "why"),
    [
        ([], "", "expected an object"),
        ({}, "camera_id", "is missing"),
        ({"data": SHORT}, "type", 'expected "event"'),
        ({"type": "event"}, "data", "expected an object"),
        ({"type": "system_status", "data": {}}, "type", 'expected "event"'),
        ({"type": "event_seen", "data": {}}, "type", 'expected "event"'),
        (SHORT | {"risk_score": 101}, "risk_score", "expected `int` <= 100"),
        ({"type": "event", "data": SHORT | {"risk_score": -1}}, "data.risk_score", "expected"),
        (SHORT | {"event_id": "x"}, "event_id", "expected `int`"),
        (SHORT | {"id": "x"}, "id", "expected `int`"),
        (SHORT | {"event_id": 10**20}, "event_id", "a number from 0 to 9007199254740991"),
        (SHORT | {"id": 2**53}, "id", "a number from 0 to 9007199254740991"),
        (SHORT | {"event_id": -4, "id": 4}, "event_id", "a number from 0 to 9007199254740991"),
        (SHORT | {"camera_id": ""}, "camera_id", "expected some text, found none"),
        (SHORT | {"summary": " "}, "summary", "expected some text, found none"),
        (SHORT | {"started_at": "now"}, "started_at", "invalid RFC3339"),
        (
            SHORT | {"image_url": "javascript:x"},
            "image_url",
            "expected http://…, https://… or a path",
        ),
        ({"camera_id": "a", "summary": "b"}, "risk_score", "is missing"),
        ({"type": "event", "data": SHORT, "cursor": "1-1"}, "", "only the history gives those"),
        (SHORT | {"summary": "x" * 300_000}, "", "more than the 262144 allowed"),
    ],
)
def test_what_cannot_be_published_is_told_by_the_field(message: Any, key: str, why: str) -> None:
    with pytest.raises(InvalidBodyError) as raised:
        completed(message)
    [fault] = raised.value.faults
    assert (fault.place, fault.key) == (None, key)
    assert why in fault.message


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from([*SHORT, "id", "event_id", "risk_level", "started_at", "batch_id", "type"])


@settings(max_examples=20)
@given(st.dictionaries(names, anything))
def test_whatever_is_sent_is_valid_afterwards_or_is_refused(changes: dict[str, Any]) -> None:
    try:
        item = Raw(msgspec.json.encode(SHORT | changes))
    except (ValueError, OverflowError):
        return
    try:
        [event] = events_of([item], is_list=False, ids=[1], now=NOW)
    except InvalidBodyError:
        return
    validate(event.payload)


@given(st.text(), st.integers(0, 99))
def test_the_id_of_a_request_that_is_repeated_is_the_same_and_a_browser_reads_it(
    sender: str, index: int
) -> None:
    assert 0 <= id_of(sender, index) == id_of(sender, index) <= MAX_ID
    assert id_of(sender, index) != id_of(sender, index + 1)
