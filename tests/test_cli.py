"""`hsi`, as typed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.processes import Process
from local.service import ServiceProcess
from tests.clients import GOLDEN, golden, publish, until
from tests.conftest import StartReplica

HSI = Path(sys.executable).with_name("hsi")


def hsi(
    *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [HSI, *arguments],
        input=stdin,
        env=os.environ | environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


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
    ],
)
def test_publish_refuses_what_is_not_a_message(
    redis_url: str, payload: bytes, complaint: str
) -> None:
    result = hsi("publish", stdin=payload, REDIS_URL=redis_url)
    assert result.returncode == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


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


async def test_tail_prints_what_was_published_until_ctrl_c(
    redis_url: str,
    channel: str,
    start_replica: StartReplica,
    cleanup: Callable[[Process], None],
    tmp_path: Path,
) -> None:
    replica = start_replica(redis_url, channel)
    tail = Process(
        "tail",
        [HSI, "tail", "events"],
        url="",
        log=tmp_path / "tail",
        environment=os.environ | {"HSI_URL": endpoint(replica)},
    )
    cleanup(tail)
    tail.start()

    async def live() -> bool:
        return "-- live" in tail.log.read_text()

    await until(live)
    line = golden("event").replace(b"\n", b"")
    await publish(redis_url, channel, line, b'{"type":"other","data":{}}')

    async def printed() -> bool:
        return '{"type":"other","data":{}}' in tail.log.read_text()

    await until(printed)
    tail.signal(signal.SIGINT)
    assert await tail.wait() in {0, 130}
    text = tail.log.read_text()
    assert line.decode() in text.splitlines()
    assert "Traceback" not in text


def endpoint(replica: ServiceProcess) -> str:
    return replica.url.replace("http", "ws") + "/ws/events"


def test_tail_says_when_there_is_no_such_endpoint(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    result = hsi("tail", "events", "--url", replica.url.replace("http", "ws") + "/ws/nothing")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.strip().endswith("HTTP 403")
