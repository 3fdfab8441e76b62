"""Lines and states as somebody sends them: what they become, or what is wrong with them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.joblogs.lines import MAX_LINE
from hsi.schemas.validation import validate
from hsi_service.publish.bodies import InvalidBodyError, TooManyError, UnreadableBodyError
from services.joblogs.given import JSON, LINES_OF_JSON, MAX_LINES, TEXT, lines_of, state_of

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def data_of(body: bytes, media_type: str = JSON) -> list[Any]:
    written = lines_of(body, media_type, level="INFO", now=NOW)
    return [json.loads(line)["data"] for line in written]


def test_a_line_says_its_text_alone_or_all_that_a_jobs_own_emitter_would() -> None:
    plain = {"timestamp": "2026-01-15T10:30:00Z", "level": "INFO", "message": "x"}
    whole = {
        "timestamp": "2026-01-01T00:00:00Z",
        "level": "ERROR",
        "message": "y",
        "context": {"a": [1]},
    }
    assert data_of(json.dumps(["x", whole]).encode()) == [plain, whole]
    assert data_of(b'"x"') == data_of(b"x", TEXT) == data_of(b'"x"', LINES_OF_JSON) == [plain]


def test_a_long_line_is_cut_and_one_time_without_an_offset_is_utc() -> None:
    [line] = data_of(json.dumps({"message": "x" * 20_000}).encode())
    assert len(line["message"].encode()) == MAX_LINE
    assert line["message"].endswith("[cut: the line has 20000 bytes]")
    [line] = data_of(b'{"message": "x", "timestamp": "2026-01-01T00:00:00"}')
    assert line["timestamp"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "key", "why"),
    [
        (b"[1]", "", "expected `object`"),
        (b"[{}]", "message", "is missing"),
        (b'[{"message": "x", "more": 1}]', "more", "is not known"),
        (b'[{"message": "x", "level": "loud"}]', "level", "invalid enum value 'LOUD'"),
        (
            b'[{"message": "x", "timestamp": "0001-01-01T00:00:00+14:00"}]',
            "timestamp",
            "is out of range",
        ),
    ],
)
def test_what_is_not_a_line_is_told_by_its_place_and_field(body: bytes, key: str, why: str) -> None:
    with pytest.raises(InvalidBodyError) as raised:
        data_of(body)
    [fault] = raised.value.faults
    assert (fault.place, fault.key) == (0, key)
    assert why in fault.message


@given(st.binary() | st.text().map(str.encode), st.sampled_from([JSON, LINES_OF_JSON, TEXT]))
def test_whatever_is_sent_becomes_messages_that_may_be_published_or_is_refused(
    body: bytes, media_type: str
) -> None:
    try:
        written = lines_of(body, media_type, level="INFO", now=NOW)
    except (InvalidBodyError, UnreadableBodyError, TooManyError):
        return
    assert 0 < len(written) <= MAX_LINES
    for line in written:
        validate(line)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"status": "running"}', "running"),
        (b'{"status": "cancelled", "exit_code": 130}', "cancelled"),
        (b'{"exit_code": 0}', "completed"),
        (b'{"exit_code": 1}', "failed"),
    ],
)
def test_a_state_is_said_or_follows_from_an_exit_status(body: bytes, said: str) -> None:
    assert state_of(body).said == said


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"exit_code": 256}', b'{"status": "pending"}'])
def test_what_says_no_state_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidBodyError):
        state_of(body)
    with pytest.raises(UnreadableBodyError):
        state_of(body[:-1])
