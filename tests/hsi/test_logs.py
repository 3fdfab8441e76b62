"""Logs hold no secret and do not grow with a stranger's zeal."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi import logs

SECRET = "s3cr3t-Key_42"


@pytest.mark.parametrize(
    "text",
    [
        f'127.0.0.1:1 - "WebSocket /ws/events?api_key={SECRET}" [accepted]',
        f"GET /ws/jobs/1/logs?tail=3&token={SECRET}&since=1 HTTP/1.1",
        f"< Sec-WebSocket-Protocol: api-key.{SECRET}, chat",
        f"< X-API-Key: {SECRET}",
        f"< Authorization: Bearer {SECRET}",
        f"Error connecting to rediss://user:{SECRET}@redis.example:6379/0.",
        f"redis://:{SECRET}@localhost",
        f'{{"msg": "ws://h/?API_KEY={SECRET}"}}',
    ],
)
def test_a_credential_is_replaced_by_stars(text: str) -> None:
    redacted = logs.redact(text)
    assert SECRET not in redacted
    assert "***" in redacted


@pytest.mark.parametrize("text", ["ready", "a token of thanks", "redis://localhost:6379/0", "a@b"])
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert logs.redact(text) == text


class Lines(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=200))
def test_trouble_is_logged_once_a_minute_and_none_of_it_is_forgotten(pauses: list[float]) -> None:
    clock = [0.0]
    lines = Lines()
    logger = logging.getLogger(f"tests.throttled.{id(lines)}")
    logger.addHandler(lines)
    throttled = logs.Throttled(logger, interval=60, clock=lambda: clock[0])
    for pause in pauses:
        clock[0] += pause
        throttled.warning("dropped a message")
    clock[0] += 60
    throttled.warning("dropped a message")
    assert len(lines.records) <= clock[0] / 60 + 1
    assert sum(1 + getattr(line, "unsaid", 0) for line in lines.records) == len(pauses) + 1
