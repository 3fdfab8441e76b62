"""What a person is told."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.messages import LEVELS, Message, named, rank, shortened


def message(**fields: object) -> Message:
    """Return a message in which only some things matter."""
    usual = Message(
        kind="event",
        title="Front door",
        body="Person at the door",
        level="high",
        url="",
        image_url=None,
        tag="7 front_door",
        camera_id="front_door",
        at=datetime(2026, 1, 15, 12, tzinfo=UTC),
        cursor="1768478400000-7",
        source=None,
    )
    return msgspec.structs.replace(usual, **fields)


def test_an_event_told_twice_is_known_by_its_key_and_another_kind_is_another() -> None:
    assert message().key == message(title="In other words").key
    assert message(kind="summary").key != message().key
    assert message(cursor="1768478400000-8").key != message().key


def test_unknown_risk_is_worth_a_look() -> None:
    assert rank(None) == rank("medium")
    assert sorted(LEVELS, key=rank) == ["low", "medium", "high", "critical"]


@pytest.mark.parametrize(
    ("identifier", "words"), [("front_door", "Front door"), ("yolo26", "Yolo26"), ("_-", "")]
)
def test_an_id_is_read_as_words(identifier: str, words: str) -> None:
    assert named(identifier) == words


@given(st.text(), st.integers(1, 30))
def test_a_long_text_ends_with_a_sign_that_it_goes_on(text: str, length: int) -> None:
    short = shortened(text, length)
    assert len(short) <= length
    assert short == text or short.endswith("…")


def test_a_message_can_be_kept_with_its_source() -> None:
    kept = message(source=b'{"type":"event"}')
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Message) == kept
