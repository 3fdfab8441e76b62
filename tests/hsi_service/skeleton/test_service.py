"""The skeleton that all services share, seen from outside."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from hsi.settings import SettingsError, load
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service, create_app
from local.processes import Process, free_port
from services.collector.settings import CollectorSettings
from services.events.settings import EventsSettings
from services.system.settings import SystemSettings
from tests.clients import dashboard, get_json, golden, hear, http_client, publish, until
from tests.conftest import StartReplica
from tests.hsi_service.door.test_handshake import request
from tests.servers import as_user, serving
from tests.strangers import replica

POSTGRES = "postgresql://u:hunter2@h/d"


def run_events(**settings: str) -> subprocess.CompletedProcess[str]:
    return run_service("events", **settings)


def run_service(name: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"services.{name}"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_it_runs_from_the_environment_alone_and_is_soon_ready(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    began = time.monotonic()
    replica = start_replica(redis_url, channel)
    # About 0.8 s on an idle machine; the bound is for a busy one.
    assert time.monotonic() - began < 10
    assert await get_json(replica, "/health/ready") == {
        "status": "ready",
        "reason": "",
        "redis": "idle",
    }
    # Since the process began: the imports, which are most of it, count.
    (said,) = (line for line in replica.log.read_text().splitlines() if '"ready"' in line)
    fields = json.loads(said)
    assert time.monotonic() - began > fields["seconds_to_start"] > 0
    assert fields["cpu_seconds_to_start"] > 0.03  # uvicorn and Litestar alone need more


def test_a_setting_that_cannot_be_used_is_one_line_and_status_2() -> None:
    result = run_events(PORT="http")
    assert result.returncode == 2
    assert result.stderr == "error: PORT=http: expected `int`\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("service", "setting", "url"),
    [
        ("joblogs", "REDIS_URL", "rediss://:hunter2@127.0.0.1:1?tls=true"),
        ("collector", "DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("system", "DATABASE_URL", f"{POSTGRES}?sslmode=verify-full&sslrootcert=/nowhere"),
        ("events", "DATABASE_URL", f"{POSTGRES}?sslnegotiation=direct&sslmode=prefer"),
    ],
)
def test_a_url_that_cannot_work_is_one_line_and_status_2(
    service: str, setting: str, url: str
) -> None:
    result = run_service(service, **{setting: url})
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {setting}: ")
    assert len(result.stderr.splitlines()) == 1
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("settings", [EventsSettings, SystemSettings, CollectorSettings])
@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("REDIS_URL", "rediss://:hunter2@127.0.0.1:1?socket_timeout=abc"),
        ("REDIS_URL", "rediss://:hunter2@127.0.0.1:1?db=abc"),
        ("REDIS_URL", "rediss://:hunter2@127.0.0.1:1?family=0"),
        ("REDIS_URL", "rediss://:hunter2@127.0.0.1:1?tls=true"),
        ("REDIS_URL", "rediss://:hunter2@127.0.0.1:1?ssl_cert_reqs=CERT_NONE"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2#@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/d?channel_binding=require"),
    ],
)
def test_whatever_cannot_work_in_a_url_is_refused_without_its_password(
    settings: type[Settings], setting: str, url: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(settings, {setting: url})
    assert str(refused.value).startswith(f"{setting}: ")
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_it_does_not_serve_strangers_unless_told_to() -> None:
    result = run_events(HOST="0.0.0.0")
    assert result.returncode == 2
    assert result.stderr.startswith("error: HOST=0.0.0.0: would be open to everybody")


@pytest.mark.parametrize(
    ("host", "families", "why"),
    [
        ("0.0.0.0", ("127.0.0.1",), {"AUTH_DISABLED": "true"}),
        ("::", ("127.0.0.1", "[::1]"), {"API_KEYS": "0" * 64}),
    ],
)
async def test_told_to_it_serves_on_every_address_and_prints_one_that_works(
    redis_url: str, tmp_path: Path, host: str, families: tuple[str, ...], why: dict[str, str]
) -> None:
    port = free_port()
    process = Process(
        "events",
        [sys.executable, "-m", "services.events"],
        url=f"http://127.0.0.1:{port}",
        log=tmp_path / "log",
        environment=os.environ
        | {"HOST": host, "PORT": str(port), "REDIS_URL": as_user("events", redis_url)}
        | why,
    )
    process.start()
    try:

        async def says_that_it_is_ready() -> bool:
            return '"ready"' in process.log.read_text()

        await until(says_that_it_is_ready, within=20)
        (said,) = (line for line in process.log.read_text().splitlines() if '"ready"' in line)
        async with http_client() as http:
            for url in (json.loads(said)["url"], *(f"http://{name}:{port}" for name in families)):
                assert (await http.get(f"{url}/health/live")).json() == {"status": "alive"}
        assert json.loads(said)["url"] == f"http://{families[-1]}:{port}"
    finally:
        process.kill()


def test_a_port_that_is_taken_is_said_and_ends_it(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    result = run_events(PORT=replica.url.rpartition(":")[2])
    assert result.returncode != 0
    assert "address already in use" in result.stderr


async def test_status_tells_what_a_replica_is_at(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica), dashboard(replica):
        status = await get_json(replica, "/status")
    assert status["service"] == "events"
    assert status["phase"] == "ready"
    assert status["connections"] == 2
    assert status["channels"] == [
        {"name": channel, "listeners": 2, "subscribed": True, "live": True, "cursor": None}
    ]
    assert status["redis"]["state"] == "listening"


async def redis_of(redis_url: str, channel: str, state: str) -> Any:
    """Return what /status says of Redis once it is so for a client that wants to hear."""
    async with (
        replica(redis_url, channel) as server,
        server.stranger(request()),
        http_client(base_url=server.url("").replace("ws", "http", 1)) as http,
        asyncio.timeout(10),
    ):
        while (told := (await http.get("/status")).json()["redis"])["state"] != state:
            await asyncio.sleep(0.02)
        while state == "connecting" and told["trouble"] is None:
            told = (await http.get("/status")).json()["redis"]
        return told


async def test_status_says_why_redis_is_not_heard(redis_url: str, channel: str) -> None:
    away = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    trouble = (await redis_of(away, channel, "connecting"))["trouble"]
    assert trouble.startswith("ConnectionError: ")
    assert "hunter2" not in trouble
    assert (await redis_of(redis_url, channel, "listening"))["trouble"] is None


async def test_metrics_are_prometheus_text(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with dashboard(replica) as first, dashboard(replica) as second:
        await publish(redis_url, channel, golden("event"))
        await asyncio.gather(hear(first), hear(second))
        async with http_client() as http:
            response = await http.get(replica.url + "/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    lines = response.text.splitlines()
    assert "hsi_connections 2.0" in lines
    assert 'hsi_messages_total{verdict="valid"} 1.0' in lines
    assert "hsi_deliveries_total 2.0" in lines


async def test_probes_may_ask_by_head_and_get_what_get_says_without_its_body(
    redis_url: str,
) -> None:
    app = create_app(Service("joblogs", Settings(redis_url=redis_url)), routes=[])
    async with (
        serving(app) as (host, port),
        http_client(base_url=f"http://{host}:{port}") as http,  # one connection
    ):
        for path in ("/health/live", "/health/ready", "/metrics"):
            head, get = await http.head(path), await http.get(path)
            assert (head.status_code, head.content) == (200, b"")
            assert get.content
            for name in ("content-type", "cache-control", "x-content-type-options"):
                assert head.headers.get(name) == get.headers.get(name)
        assert (await http.head("/status")).status_code == 405


async def test_schema_is_openapi(redis_url: str, channel: str, start_replica: StartReplica) -> None:
    schema = await get_json(start_replica(redis_url, channel), "/schema")
    assert schema["openapi"].startswith("3.")
    assert {"/health/live", "/health/ready", "/status", "/metrics"} <= schema["paths"].keys()


async def test_an_unknown_path_is_refused(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    async with http_client() as http:
        assert (await http.get(replica.url + "/nothing")).status_code == 404
    with pytest.raises(InvalidStatus):
        await dashboard(replica, uri=replica.url.replace("http", "ws") + "/ws/nothing")
