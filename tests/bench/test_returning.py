"""What a client that comes back hears, and when it is back."""

import base64

import pytest
from websockets.utils import accept_key

from bench.returning import ACCEPT, KEY, Step, WrongAnswerError, request, retry_after, step

WELCOME = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\n"
LAST = b'"7-0"'


def test_the_key_is_one_and_its_answer_is_the_one_that_it_asks_for() -> None:
    assert len(base64.b64decode(KEY)) == 16
    assert accept_key(KEY).encode() == ACCEPT


def test_a_handshake_is_one_request() -> None:
    asked = request("127.0.0.1", 80, "/ws/events?since=7-0", "api-key.k")
    assert asked.startswith(b"GET /ws/events?since=7-0 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
    assert b"\r\nSec-WebSocket-Protocol: api-key.k\r\n" in asked
    assert asked.endswith(b"\r\n\r\n")
    assert b"Protocol" not in request("127.0.0.1", 80, "/ws/events", "")


@pytest.mark.parametrize("cut", range(0, len(WELCOME), 7))
def test_who_has_half_an_answer_waits(cut: int) -> None:
    assert step(WELCOME[:cut], b"") is Step.WAITING


def test_who_misses_nothing_is_back_when_it_is_in() -> None:
    assert step(WELCOME, b"") is Step.BACK


def test_who_missed_something_is_back_when_it_has_the_last_of_it() -> None:
    assert step(WELCOME, LAST) is Step.WAITING
    assert step(WELCOME + b'{"cursor":"6-0"}', LAST) is Step.WAITING
    assert step(WELCOME + b'{"cursor":"6-0"}{"cursor":"7-0"}', LAST) is Step.BACK


def test_who_is_told_to_come_later_comes_when_it_was_told() -> None:
    assert step(BUSY, LAST) is Step.REFUSED
    assert retry_after(BUSY, 0.25) == 3
    assert retry_after(b"", 0.25) == 0.25
    assert retry_after(b"HTTP/1.1 503 No\r\nRetry-After: soon\r\n\r\n", 0.25) == 0.25


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 403 Forbidden\r\n\r\n", WELCOME.replace(ACCEPT, b"x"), b"SSH-2.0\r\n\r\n"],
)
def test_any_other_answer_is_an_error(answer: bytes) -> None:
    with pytest.raises(WrongAnswerError):
        step(answer, b"")
