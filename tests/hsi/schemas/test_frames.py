"""Messages of a service itself, as frames."""

import json

from hsi.schemas import Error, ErrorData, Ping, Pong
from hsi.schemas.frames import PING, frame_text


def test_a_frame_is_the_message_as_json_without_what_it_does_not_say() -> None:
    assert frame_text(Pong()) == '{"type":"pong"}'
    error = frame_text(Error(data=ErrorData(code="unknown_type", message="no “type” is known")))
    assert json.loads(error) == {
        "type": "error",
        "data": {"code": "unknown_type", "message": "no “type” is known"},
    }


def test_the_heartbeat_of_a_topic_without_a_history_has_no_cursor() -> None:
    assert PING == '{"type":"ping"}'
    assert json.loads(frame_text(Ping(cursor="1-1"))) == {"type": "ping", "cursor": "1-1"}
