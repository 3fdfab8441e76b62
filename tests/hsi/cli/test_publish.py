"""`hsi publish`, as typed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hsi.keys import KeyEntry, digest
from tests.clients import GOLDEN, golden
from tests.conftest import StartReplica
from tests.hsi.cli.test_commands import address, hsi

KEY = "a-key"
ENTRY = KeyEntry("doorbell", "publish", digest(KEY.encode()).hex())


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
        (golden("event_seen").replace(b"\n", b""), "is the events service's to say"),
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


def test_without_redis_it_publishes_by_a_server(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, API_KEYS=str(ENTRY))
    short = b'{"camera_id": "a", "risk_score": 1, "summary": "b"}'
    server = "--server", address(replica)
    done = hsi("publish", *server, stdin=short + b"\n\n[" + short + b"]\n", HSI_API_KEY=KEY)
    assert (done.returncode, done.stdout) == (0, "")
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["published"] * 2
    assert done.stderr.rstrip().endswith("-2")
    for stdin, key, complaint in (
        (b"{}", KEY, "HTTP 422: camera_id: is missing"),
        (short, "", "HTTP 401: no API key"),
    ):
        done = hsi("publish", *server, stdin=stdin, HSI_API_KEY=key)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {complaint}")


class Busy(BaseHTTPRequestHandler):
    """Takes a request at its second attempt."""

    keys: list[str] = []  # noqa: RUF012 (all of them)

    def do_POST(self) -> None:
        self.keys.append(self.headers["Idempotency-Key"])
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"detail": "busy", "cursor": "1-1"}'
        self.send_response(503 if len(self.keys) == 1 else 201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    Busy.keys.clear()
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"ws://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_is_busy_is_asked_again_with_the_same_key(busy: str) -> None:
    done = hsi("publish", "--server", busy, stdin=b"{}")
    assert (done.returncode, done.stderr) == (0, "published: 1-1\n")
    first, second = Busy.keys
    assert first == second
