"""No replica at all, as where a cluster scales to zero: nothing is lost by it, however long."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from bench.start import seconds_in
from hsi import JobLogEmitter, Publisher
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.clients import golden, hear, until
from tests.screens import own
from tests.servers import RedisServer, as_user

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

MINUTE = 60.0
"""Seconds without a replica: longer than any lease, and than what a client waits at first."""


def service(name: str, redis_url: str, channel: str, folder: Path) -> ServiceProcess:
    """Return a service that is started as an image starts it: not forked."""
    port = free_port()
    return ServiceProcess(
        name,
        name=name,
        port=port,
        log=folder / f"{name}-{port}.log",
        REDIS_URL=as_user(name, redis_url),
        REDIS_EVENT_CHANNEL=channel,
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
        BROADCAST_INTERVAL="0.5",
        LOG_FORMAT="json",
    )


async def come_back(server: Process, path: str, cursor: str) -> tuple[list[Any], float]:
    """Follow from a cursor on as soon as somebody listens, until nothing more comes for a second.

    Returns:
        The messages, and the seconds of CPU that the service had taken when the first came: those
        of the clock are a noisy machine's.

    """
    url = f"{server.url.replace('http', 'ws', 1)}{path}?since={cursor}"
    async for client in connect(url, compression=None, proxy=None):
        heard = [json.loads(await client.recv())]
        used = psutil.Process(server.pid).cpu_times()
        with contextlib.suppress(TimeoutError):
            while True:
                heard.append(json.loads(await hear(client, within=1)))
        return heard, used.user + used.system
    raise AssertionError("it is tried for as long as it takes")


async def next_cursor(client: ClientConnection, kind: str) -> str:
    """Return the cursor of the next message of a kind."""
    while (message := json.loads(await hear(client)))["type"] != kind:
        pass
    return str(message["cursor"])


def of(heard: list[Any], kind: str) -> list[Any]:
    """Return the data of the messages of a kind."""
    return [message["data"] for message in heard if message["type"] == kind]


async def test_what_is_published_while_no_replica_runs_reaches_who_comes_back_with_a_cursor(
    own_redis: RedisServer,
    channel: str,
    job_id: str,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
) -> None:
    paths = {"events": "/ws/events", "joblogs": f"/ws/jobs/{job_id}/logs"}
    kinds = {"events": "event", "joblogs": "log"}

    def start(when: str) -> dict[str, ServiceProcess]:
        started = {}
        for name in (*paths, "system"):
            started[name] = service(name, own_redis.url, channel, tmp_path / when)
            cleanup(started[name])
            started[name].spawn()
        return started

    number = 0
    async with Publisher(own_redis.url) as publisher, JobLogEmitter(own_redis.url, job_id) as job:

        async def go_on() -> None:
            nonlocal number
            number += 1
            said = golden("event").replace(b'"id": 123', b'"id": %d' % number)
            await publisher.publish(channel, said)
            job.info(str(number))

        before, cursors = start("before"), {}
        for server in before.values():
            server.wait_ready()
        async with contextlib.AsyncExitStack() as stack:
            clients = {
                name: await stack.enter_async_context(
                    connect(f"{before[name].url.replace('http', 'ws', 1)}{path}", compression=None)
                )
                for name, path in paths.items()
            }
            await go_on()
            for name, client in clients.items():
                cursors[name] = await next_cursor(client, kinds[name])
        for server in before.values():
            assert server.stop() == 0
        back = time.monotonic() + MINUTE
        while time.monotonic() < back:
            await go_on()
            await asyncio.sleep(0.2)  # A home goes on all the time.
        assert await asyncio.to_thread(job.flush, 10)
        after = start("after")
        told = await asyncio.gather(
            *(come_back(after[name], path, cursors[name]) for name, path in paths.items())
        )
    for (heard, used), (name, kind) in zip(told, kinds.items(), strict=True):
        assert [resumed["recovered"] for resumed in of(heard, "resumed")] == [True]
        said = [data["id"] if kind == "event" else int(data["message"]) for data in of(heard, kind)]
        assert said == list(range(2, number + 1))
        # Half a second here, and twice that elsewhere: so it is compared with the start itself.
        starting = seconds_in(after[name].log.read_text())
        assert starting
        assert used < 2 * starting[1]

    async def leads() -> bool:
        lease = (await own(after["system"]))["lease"]
        return bool(lease["held"])

    await until(leads)
