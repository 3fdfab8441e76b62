"""`hsi publish`, as typed."""

import pytest

from tests.clients import GOLDEN, golden
from tests.hsi.cli.test_commands import hsi


def test_publish_a_file(redis_url: str, channel: str) -> None:
    result = hsi(
        "publish",
        str(GOLDEN / "event.json"),
        REDIS_URL=redis_url,
        REDIS_EVENT_CHANNEL=channel,
    )
    assert result.returncode == 0
    assert result.stderr.startswith(f"published to {channel}: heard by 0 replicas (no dashboard")


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b'{"type":"event","data":{}}', "missing required field `id` - at `$.data`"),
        (b"hello", "malformed"),
        (golden("log").replace(b"\n", b""), "belongs to a job"),
        (golden("end").replace(b"\n", b""), "is its emitter's to say"),
    ],
)
def test_publish_refuses_what_is_not_a_message(
    redis_url: str, payload: bytes, complaint: str
) -> None:
    result = hsi("publish", stdin=payload, REDIS_URL=redis_url)
    assert result.returncode == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("query", ["?socket_timeout=abc", "/0?family=0", "?tls=true", "?db=abc"])
def test_a_url_that_cannot_work_is_one_line_and_status_2(query: str) -> None:
    result = hsi("publish", "-", REDIS_URL=f"redis://:hunter2@127.0.0.1:1{query}")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: REDIS_URL: ")
    assert len(result.stderr.splitlines()) == 1
    assert "hunter2" not in result.stderr


def test_publish_says_when_there_is_no_redis() -> None:
    result = hsi("publish", str(GOLDEN / "event.json"), REDIS_URL="redis://127.0.0.1:1/0")
    assert result.returncode == 1
    assert "not acknowledged on security_events" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["system_status", "service_status", "performance_update"])
def test_a_message_goes_to_the_channel_of_its_type(redis_url: str, name: str) -> None:
    result = hsi("publish", str(GOLDEN / f"{name}.json"), REDIS_URL=redis_url)
    channel = "performance_update" if name == "performance_update" else "system_status"
    assert result.stderr.startswith(f"published to {channel}: ")
