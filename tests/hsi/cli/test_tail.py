"""`hsi tail` and `hsi status`, as typed."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from hsi.cli.commands import main
from hsi.schemas import SystemStatus
from local.processes import Process, free_port
from tests.clients import golden, publish, until
from tests.conftest import StartReplica, StartSystems
from tests.hsi.cli.test_commands import HSI, address, hsi
from tests.servers import RedisServer


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


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ((), ""),
        (("--camera", "front"), "?camera_id=front"),
        (
            ("--camera", "front", "--camera", "b&k", "--min-risk", "60"),
            "?camera_id=front&camera_id=b%26k&min_risk=60",
        ),
    ],
)
def test_tail_asks_for_the_cameras_and_the_risk_that_are_wanted(
    options: tuple[str, ...], query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def stop(url: str, *_: object) -> None:
        asked.append(url)
        raise click.ClickException("enough")

    monkeypatch.setattr("hsi.cli.tail.open_stream", stop)
    CliRunner().invoke(main, ["tail", "events", "--server", "ws://home", *options])
    assert asked == [f"ws://home/ws/events{query}"]


@pytest.mark.parametrize("server", ["hunter2", "http://hunter2@h", "ws://h:hunter2", "ws://"])
@pytest.mark.parametrize("command", [("tail", "events"), ("status",)])
def test_a_server_that_cannot_be_one_is_one_line_and_status_2(
    command: tuple[str, ...], server: str
) -> None:
    result = hsi(*command, HSI_SERVER=server)
    assert result.returncode == 2
    assert result.stderr == (
        "Error: HSI_SERVER, or --server: expected ws://host:port or wss://host:port\n"
    )


def test_tail_says_when_there_is_no_such_endpoint(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    result = hsi("tail", "events", "--server", address(replica) + "/nothing")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.strip().endswith("HTTP 404")


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
        deadline = time.monotonic() + 10
        while True:
            result = hsi("status", HSI_SERVER=address(replica))
            told = msgspec.json.decode(result.stdout, type=SystemStatus)
            # On a busy machine, a source may answer too late for a status.
            if told.data.services == health or time.monotonic() > deadline:
                break
        assert (told.data.services, result.returncode) == (health, exit_status)
        assert result.stderr == ""
        replica.stop()


def test_status_claims_no_more_than_the_services_that_it_names() -> None:
    """A home without a camera and without AI has an exit status of 0, and is not called well."""
    text = " ".join(CliRunner().invoke(main, ["status", "--help"]).stdout.split())
    assert "0 if every service that the status names is healthy" in text
    assert "Cameras, and AI services that nobody has configured, do not count" in text
    readme = Path(__file__).parents[3] / "README.md"
    [line] = [
        one for one in readme.read_text().splitlines() if one.startswith(".venv/bin/hsi status")
    ]
    assert line.endswith("exit status 0 if no service it names is ill")


def test_status_says_why_nobody_tells(
    own_redis: RedisServer, start_systems: StartSystems, monkeypatch: pytest.MonkeyPatch
) -> None:
    [replica] = start_systems(own_redis.url, API_KEYS="0" * 64)
    result = hsi("status", HSI_SERVER=address(replica))
    assert (result.returncode, result.stdout) == (os.EX_UNAVAILABLE, "")
    assert "closed with 4401 no " in result.stderr
    assert result.stderr.strip().endswith("(set HSI_API_KEY, or give --api-key-file)")
    replica.stop()
    monkeypatch.setattr("hsi.cli.tail.STATUS_TIMEOUT", 0.5)
    told = CliRunner().invoke(main, ["status", "--server", address(replica)])
    assert (told.exit_code, told.stdout) == (os.EX_UNAVAILABLE, "")
    assert told.stderr.startswith(f"Error: {address(replica)}/ws/system: ")
    assert "Connect call failed" in told.stderr
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        told = CliRunner().invoke(main, ["status", "--server", server])
    assert told.exit_code == os.EX_UNAVAILABLE
    assert told.stderr == f"Error: {server}/ws/system: no answer\n"
    assert hsi("status", HSI_API_KEY="hunter 2").returncode == os.EX_UNAVAILABLE


def test_status_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hsi.cli.tail.SAID_AFTER", 0.2)
    monkeypatch.setattr("hsi.cli.tail.STATUS_TIMEOUT", 0.5)
    told = CliRunner().invoke(main, ["status", "--server", f"ws://127.0.0.1:{free_port()}"])
    assert re.match(r"-- waiting for ws://127.0.0.1:\d+/ws/system: .*Connect call", told.stderr)
