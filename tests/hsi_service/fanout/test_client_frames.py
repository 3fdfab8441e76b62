"""What a client may say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.fanout.client_frames import ClientFrame, reply_to


@pytest.mark.parametrize("message", ["ping", " ping\n", '{"type":"ping"}', '{"type": "PING"}'])
def test_a_ping_gets_what_its_topic_has_to_say(message: str) -> None:
    assert reply_to(message) == (ClientFrame.PING, None)


def test_a_pong_gets_silence() -> None:
    assert reply_to('{"type":"pong"}').text is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("hello", "invalid_json"),
        ("", "invalid_json"),
        ("{" * 100_000, "invalid_json"),
        ('{"type":"ping","x":' + "[" * 100_000, "invalid_json"),
        ("[]", "invalid_message"),
        ("{}", "invalid_message"),
        ('{"type":1}', "invalid_message"),
        ('{"type":"subscribe"}', "unknown_type"),
        (b"\x00\xff", "binary_not_supported"),
        (b"ping", "binary_not_supported"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_anything_else_gets_an_error_that_says_what_is_wrong(
    message: str | bytes, code: str
) -> None:
    reply = json.loads(reply_to(message).text or "")
    assert reply["type"] == "error"
    assert reply["data"]["code"] == code
    assert reply["data"]["message"]


@given(st.text() | st.binary())
def test_any_message_gets_an_answer_that_is_short_and_json(message: str | bytes) -> None:
    reply = reply_to(message)
    if reply.text is None:
        assert reply.frame is ClientFrame.PONG
    else:
        assert json.loads(reply.text)["type"] in {"pong", "error"}
        assert len(reply.text) < 1000
