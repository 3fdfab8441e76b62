"""`make run`, as a user has it: several replicas behind a real Traefik."""

import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from hsi.schemas.close_codes import CloseCode
from hsi_service.sources.ai import AiServices
from tests.clients import golden, hear, http_client, until
from tests.conftest import StartStack
from tests.servers import ROOT, RedisServer, denied

pytestmark = pytest.mark.xdist_group("make run")
SERVICES_OF_ONE = ("events-1", "system-1", "joblogs-1", "collector-1", "dashboard", "ingress")
"""What `make run` probes by HTTP, with one replica of each service."""


async def test_everything_behind_the_ingress_with_an_outside_redis(
    redis_url: str, channel: str, start_stack: StartStack
) -> None:
    stack = start_stack(REDIS_URL=redis_url, REDIS_EVENT_CHANNEL=channel, REPLICAS="2", DEMO="0")
    clients = [await connect(f"{stack.url}/ws/events", compression=None) for _ in range(8)]
    async with Redis.from_url(redis_url) as redis:
        assert dict(await redis.pubsub_numsub(channel))[channel.encode()] == 2  # both replicas
        delays = []
        for _ in range(100):
            began = time.perf_counter()
            await redis.publish(channel, golden("event"))
            for client in clients:
                assert await hear(client) == golden("event").decode()
            delays.append(time.perf_counter() - began)
    # A guard, not a figure (`make bench` has those): an idle machine takes about 2 ms.
    assert statistics.median(delays) < 1
    for client in clients:
        await client.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_the_first_thing_it_prints_is_the_dashboard_whose_page_may_talk_to_all_services(
    redis_url: str, database_url: str, start_stack: StartStack, name: str
) -> None:
    outside = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
    stack = start_stack(**outside, REPLICAS="2", DEMO="0")
    ready = stack.log_tail().partition("ingress")[2].split()
    assert f"http://127.0.0.1:{stack.port}/" in ready[:8]
    origin = f"http://{name}:{stack.port}"
    async with http_client(base_url=origin, headers={"Origin": origin}) as http:
        for path in ("/", "/jobs/build-1.2"):
            page = await http.get(path)
            assert page.status_code == 200
            assert '<div id="root">' in page.text
            assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert not page.cookies
        for path in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
            assert (await http.get(path)).status_code == 200
        for path in ("/api/cameras", "/api/jobs", "/api/performance/history"):
            assert (await http.get(path)).status_code == 200
        assert (await http.get("/api/none")).status_code == 404
    for path in ("/ws/events?tail=0", "/ws/system", "/ws/jobs/none/logs?tail=0"):
        async with connect(origin.replace("http", "ws") + path, origin=Origin(origin)) as client:
            assert json.loads(await hear(client))["type"] in {"ping", "system_status"}
    stranger = Origin("http://dash.example")
    async with connect(f"ws://{name}:{stack.port}/ws/events", origin=stranger) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await hear(client)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == CloseCode.FORBIDDEN_ORIGIN


async def test_the_cookie_brings_a_client_back_to_its_replica(
    redis_url: str, channel: str, start_stack: StartStack
) -> None:
    stack = start_stack(REDIS_URL=redis_url, REDIS_EVENT_CHANNEL=channel, REPLICAS="3", DEMO="0")

    async def cookie_of(**headers: str) -> str | None:
        async with connect(f"{stack.url}/ws/events", additional_headers=headers) as client:
            assert client.response is not None
            return client.response.headers.get("Set-Cookie")

    cookies = {await cookie_of() for _ in range(9)}
    assert len(cookies) == 3  # without one, clients are spread
    for cookie in cookies:
        assert cookie is not None
        assert "HttpOnly" in cookie
        # With one, the ingress has nothing to correct.
        assert await cookie_of(Cookie=cookie.partition(";")[0]) is None


async def test_a_replica_that_dies_is_started_again_and_clients_find_the_others(
    redis_url: str, channel: str, start_stack: StartStack
) -> None:
    stack = start_stack(REDIS_URL=redis_url, REDIS_EVENT_CHANNEL=channel, REPLICAS="2", DEMO="0")
    client = await connect(f"{stack.url}/ws/events", compression=None)
    replicas = stack.replicas("services.events")
    assert len(replicas) == 2
    for replica in replicas:
        replica.kill()
    with pytest.raises(ConnectionClosed):
        await hear(client)

    async def hears() -> bool:
        try:
            async with (
                connect(f"{stack.url}/ws/events", compression=None) as again,
                Redis.from_url(redis_url) as redis,
            ):
                await redis.publish(channel, golden("event"))
                return await hear(again, within=2) == golden("event").decode()
        except (OSError, TimeoutError, WebSocketException):
            await asyncio.sleep(0.2)
            return False

    await until(hears, within=30)
    assert "starting it again" in stack.log_tail()


async def test_by_itself_it_brings_all_it_needs_and_a_demo_and_leaves_nothing_behind(
    start_stack: StartStack,
) -> None:
    stack = start_stack(REDIS_URL="")
    children = stack.children()
    names = {part for child in children for part in child.cmdline()}
    assert any("valkey" in name for name in names)
    assert any("traefik" in name for name in names)
    assert any(name.endswith("bin/postgres") for name in names)
    async with connect(f"{stack.url}/ws/events", compression=None) as client:
        event = await hear(client, within=20)
    assert '"batch_id":"demo-' in event
    assert "[demo]" in event
    async with connect(f"{stack.url}/ws/system", compression=None) as client:
        status = json.loads(await hear(client, within=20))["data"]
    assert status["services"] == dict.fromkeys(("yolo26", "nemotron", "redis"), "healthy")
    assert status["cameras"] == {"total": 4, "online": 4, "offline": 0}
    assert status["queues"]["dlq_total"] == 0
    settings = stack.settings_of("services.events")
    for service in ("events", "system", "joblogs", "collector"):
        redis_url = stack.settings_of(f"services.{service}")["REDIS_URL"]
        assert urlsplit(redis_url).username == service
    async with Redis.from_url(stack.redis_url) as redis:
        users = {client["user"] for client in await redis.client_list()}
        assert users >= {"system", "joblogs", "collector", "producer"}
    assert denied(stack.redis_url) == []
    async with AiServices(
        yolo26_url=settings["YOLO26_URL"], nemotron_url=settings["NEMOTRON_URL"]
    ) as services:
        yolo26, nemotron = await services.yolo26(), await services.nemotron()
    assert yolo26
    assert (yolo26.health, yolo26.model) == ("healthy", "[demo] yolo26")
    assert nemotron
    assert (nemotron.health, nemotron.slots_total) == ("healthy", 2)
    database = await asyncpg.connect(settings["DATABASE_URL"])
    names_of_cameras = await database.fetch("SELECT name FROM cameras")
    assert len(names_of_cameras) == 4
    assert all(name.startswith("[demo] ") for (name,) in names_of_cameras)

    async def recorded() -> bool:
        return bool(await database.fetchval("SELECT count(*) FROM events"))

    await until(recorded, within=20)
    assert await database.fetchval("SELECT count(*) FROM detections")

    async def measured() -> bool:
        async with http_client() as client:
            answer = await client.get(f"http://127.0.0.1:{stack.port}/api/performance")
        figures = answer.json()
        return bool(
            figures.get("inference", {}).get("pipeline_latency_ms")
            and figures["ai_models"]["yolo26"]["model"] == "[demo] yolo26"
            and figures["databases"]["postgresql"]["status"] == "healthy"
            and figures["containers"]
            == [
                {"name": name, "status": "running", "health": "healthy"}
                for name in (*SERVICES_OF_ONE, "redis", "postgresql", "yolo26", "nemotron")
            ]
        )

    await until(measured, within=30)
    stack.signal(signal.SIGINT)
    assert await asyncio.wait_for(stack.wait(), 20) == 0
    assert [child for child in children if child.is_running()] == []
    assert stack.log_tail().endswith("Stopped.")
    await database.close()


async def test_without_the_demo_nothing_is_made_up(start_stack: StartStack) -> None:
    stack = start_stack(REDIS_URL="", DEMO="0")
    settings = stack.settings_of("services.events")
    assert (settings["YOLO26_URL"], settings["NEMOTRON_URL"]) == ("", "")
    database = await asyncpg.connect(settings["DATABASE_URL"])
    assert await database.fetchval("SELECT count(*) FROM cameras") == 0
    await database.close()


async def test_what_is_outside_is_used_and_nothing_of_the_demo_gets_into_it(
    redis_url: str, database_url: str, channel: str, start_stack: StartStack
) -> None:
    outside = {
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "YOLO26_URL": "http://yolo26.invalid",
        "NEMOTRON_URL": "http://nemotron.invalid",
    }
    stack = start_stack(**outside, REDIS_EVENT_CHANNEL=channel)
    assert outside.items() <= stack.settings_of("services.events").items()
    programs = {part for child in stack.children() for part in child.cmdline()}
    assert not any(part.endswith("bin/postgres") or part == "local.ai" for part in programs)
    async with connect(f"{stack.url}/ws/events", compression=None) as client:
        assert "[demo]" in await hear(client, within=20)
    database = await asyncpg.connect(database_url)
    assert await database.fetchval("SELECT count(*) FROM cameras") == 0
    assert await database.fetchval("SELECT count(*) FROM events") == 0
    await database.close()


async def test_killed_it_takes_its_programs_along(start_stack: StartStack) -> None:
    stack = start_stack(REDIS_URL="")
    children = stack.children()
    assert any(child.name() == "postgres" for child in children)
    assert len(children) >= 6
    stack.kill()

    async def all_gone() -> bool:
        return not any(
            child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children
        )

    await until(all_gone)


def test_a_taken_port_is_said_in_one_line(own_redis: RedisServer, tmp_path: Path) -> None:
    port = own_redis.url.rpartition(":")[2].partition("/")[0]
    result = subprocess.run(
        [sys.executable, "-m", "local"],
        cwd=tmp_path,
        env=os.environ | {"PORT": port, "PYTHONPATH": str(ROOT), "REDIS_URL": own_redis.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert f"error: port {port} is taken" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_the_documented_commands_exist() -> None:
    """`make help` names what the README tells people to type."""
    text = subprocess.run(
        ["make", "help"],  # noqa: S607 (whichever make there is)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for target in ("setup", "run", "test", "chaos", "lint", "types", "bench", "images", "k8s"):
        assert f"  {target}" in text
