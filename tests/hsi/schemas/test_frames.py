"""Messages of a service itself, as frames."""

import json
from datetime import UTC, datetime

from hsi.schemas import Error, ErrorData, Ping, Pong
from hsi.schemas.frames import frame_text


def test_a_frame_is_the_message_as_json_without_what_it_does_not_say() -> None:
    assert frame_text(Pong()) == '{"type":"pong"}'
    error = frame_text(Error(data=ErrorData(code="unknown_type", message="no “type” is known")))
    assert json.loads(error) == {
        "type": "error",
        "data": {"code": "unknown_type", "message": "no “type” is known"},
    }


def test_the_heartbeat_of_a_topic_without_a_history_has_no_cursor() -> None:
    assert frame_text(Ping()) == '{"type":"ping"}'
    assert json.loads(frame_text(Ping(cursor="1-1"))) == {"type": "ping", "cursor": "1-1"}


def test_a_sign_of_life_says_redis_time_and_whether_it_is_heard() -> None:
    now = datetime(2026, 1, 17, 12, 30, tzinfo=UTC)
    said = {"cursor": "1-1", "now": "2026-01-17T12:30:00Z", "heard": True}
    assert json.loads(frame_text(Ping(cursor="1-1", now=now, heard=True))) == {
        "type": "ping",
        **said,
    }
    assert json.loads(frame_text(Pong(cursor="1-1", now=now, heard=True))) == {
        "type": "pong",
        **said,
    }
