"""`hsi`, as typed."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from hsi.cli import commands as cli
from hsi.cli.commands import _line as readable
from hsi.client import Received
from hsi.keys import key_protocol
from hsi.publisher import Publisher
from hsi.schemas import ChannelMessage, SystemStatus, SystemStatusData
from local.processes import Process
from local.service import ServiceProcess
from tests.clients import GOLDEN, golden, publish, until
from tests.conftest import StartReplica, StartSystems
from tests.servers import RedisServer

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
        environment=os.environ | {"HSI_SERVER": address(replica)},
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


def address(replica: ServiceProcess) -> str:
    return replica.url.replace("http", "ws", 1)


def test_tail_says_when_there_is_no_such_endpoint(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    result = hsi("tail", "events", "--server", address(replica) + "/nothing")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.strip().endswith("HTTP 403")


def test_a_new_key_is_printed_with_its_digest() -> None:
    key, digest = (line.split("  ")[1] for line in hsi("keys", "new").stdout.splitlines())
    assert digest == f"API_KEYS={hashlib.sha256(key.encode()).hexdigest()}"
    assert len(key) >= 43  # 256 bits
    assert key_protocol(key)
    assert hsi("keys", "new").stdout != hsi("keys", "new").stdout


async def test_a_new_key_opens_what_it_is_for(
    redis_url: str,
    channel: str,
    start_replica: StartReplica,
    cleanup: Callable[[Process], None],
    tmp_path: Path,
) -> None:
    key, digest = (line.split("  ")[1] for line in hsi("keys", "new").stdout.splitlines())
    replica = start_replica(redis_url, channel, API_KEYS=digest.partition("=")[2])
    options = "tail", "events", "--server", address(replica)
    (tmp_path / "key").write_text(f"{key}\n")
    async with Publisher(redis_url) as publisher:
        await publisher.publish(channel, golden("event"))
    by_file = {"HSI_API_KEY": "wrong"}, ("-n1", "--api-key-file", tmp_path / "key")
    for number, (environment, more) in enumerate((({"HSI_API_KEY": key}, ("-n1",)), by_file)):
        tail = Process(
            "tail",
            [HSI, *options, *more],
            url="",
            log=tmp_path / f"tail-{number}",
            environment=os.environ | environment,
        )
        cleanup(tail)
        tail.start()

        async def heard(tail: Process = tail) -> bool:
            return "front_door" in tail.log.read_text()

        await until(heard)
        tail.stop()
    assert key not in replica.log.read_text()


@pytest.mark.parametrize("key", ["", "wrong-key"])
def test_without_a_valid_key_it_ends_and_says_so(
    redis_url: str, channel: str, start_replica: StartReplica, key: str
) -> None:
    replica = start_replica(redis_url, channel, API_KEYS="0" * 64)
    # Whoever puts a secret into the URL all the same does not see it again.
    server = address(replica).replace("//", "//me:hunter2@")
    result = hsi("tail", "events", "--server", server, HSI_API_KEY=key)
    assert result.returncode == 1
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    url = address(replica).replace("//", "//***@") + "/ws/events"
    assert last.startswith(f"Error: {url}: closed with 4401 no ")
    assert last.endswith("(set HSI_API_KEY, or give --api-key-file)")
    assert "hunter2" not in result.stderr
    assert "wrong-key" not in result.stderr


def test_a_key_that_cannot_be_sent_is_said_and_not_shown() -> None:
    result = hsi("tail", "events", HSI_API_KEY="hunter 2")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: an API key travels as a WebSocket subprotocol")
    assert "hunter" not in result.stderr


async def test_tail_shows_system_statuses(
    own_redis: RedisServer,
    start_systems: StartSystems,
    cleanup: Callable[[Process], None],
    tmp_path: Path,
) -> None:
    [replica] = start_systems(own_redis.url)
    tail = Process(
        "tail",
        [HSI, "tail", "system"],
        url="",
        log=tmp_path / "tail",
        environment=os.environ | {"HSI_SERVER": address(replica)},
    )
    cleanup(tail)
    tail.start()

    async def shown() -> bool:
        return tail.log.read_text().count('{"type":"system_status"') >= 2

    await until(shown)


def test_status_tells_how_everything_is_and_whether_it_is_well(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    for yolo26, health, exit_status in (
        ("", {"redis": "healthy"}, 0),
        ("http://127.0.0.1:1", {"yolo26": "unreachable", "redis": "healthy"}, 1),
    ):
        [replica] = start_systems(own_redis.url, YOLO26_URL=yolo26)
        result = hsi("status", HSI_SERVER=address(replica))
        told = msgspec.json.decode(result.stdout, type=SystemStatus)
        assert (told.data.services, result.returncode) == (health, exit_status)
        assert result.stderr == ""
        replica.stop()


def test_status_says_why_nobody_tells(
    own_redis: RedisServer, start_systems: StartSystems, monkeypatch: pytest.MonkeyPatch
) -> None:
    [replica] = start_systems(own_redis.url, API_KEYS="0" * 64)
    result = hsi("status", HSI_SERVER=address(replica))
    assert (result.returncode, result.stdout) == (os.EX_UNAVAILABLE, "")
    assert "closed with 4401 no " in result.stderr
    assert result.stderr.strip().endswith("(set HSI_API_KEY, or give --api-key-file)")
    replica.stop()
    monkeypatch.setattr(cli, "STATUS_WITHIN", 0.5)
    told = CliRunner().invoke(cli.main, ["status", "--server", address(replica)])
    assert (told.exit_code, told.stdout) == (os.EX_UNAVAILABLE, "")
    assert told.stderr.startswith(f"Error: {address(replica)}/ws/system: ")
    assert "Connect call failed" in told.stderr
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        told = CliRunner().invoke(cli.main, ["status", "--server", server])
    assert told.exit_code == os.EX_UNAVAILABLE
    assert told.stderr == f"Error: {server}/ws/system: no answer\n"
    assert hsi("status", HSI_API_KEY="hunter 2").returncode == os.EX_UNAVAILABLE


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "system_status",
            (
                "10:30:00  gpu 45.2 % 65 °C 7168/24576 MiB  queues 3, 1, dead 0  cameras 4/4  "
                "yolo26 healthy, nemotron healthy, redis healthy"
            ),
        ),
        ("service_status", "            unhealthy  yolo26: Health check failed"),
        ("performance_update", "10:30:00  performance: no alerts"),
    ],
)
def test_on_a_terminal_a_message_is_one_line(name: str, line: str) -> None:
    message = msgspec.json.decode(golden(name), type=ChannelMessage)
    assert click.unstyle(readable(Received(golden(name).decode(), message))).startswith(line)


def test_on_a_terminal_what_could_not_be_read_is_a_dash() -> None:
    status = SystemStatus(
        data=SystemStatusData(gpu=None, queues=None, cameras=None, services={}),
        timestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert readable(Received("", status)) == "03:04:05  gpu -  queues -  cameras -  "
