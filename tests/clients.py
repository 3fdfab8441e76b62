"""What several tests say to a replica."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection, connect

from hsi.tasks import cancel_and_wait
from local.processes import Process

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> bytes:
    """Return one of the seed's examples."""
    return (GOLDEN / f"{name}.json").read_bytes()


def dashboard(server: Process, **options: Any) -> connect:
    """Connect like a dashboard does."""
    url = server.url.replace("http://", "ws://") + "/ws/events"
    return connect(**{"uri": url, "compression": None, "ping_interval": None} | options)


@contextlib.asynccontextmanager
async def dashboards(*servers: Process) -> AsyncIterator[list[ClientConnection]]:
    """Connect one dashboard to each of these servers."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(dashboard(server)) for server in servers]


async def publish(redis_url: str, channel: str, *payloads: bytes) -> None:
    """Publish as any program might: a plain PUBLISH."""
    async with Redis.from_url(redis_url) as redis:
        for payload in payloads:
            await redis.publish(channel, payload)


async def hear(client: ClientConnection, *, within: float = 10) -> str:
    """Return the next message."""
    async with asyncio.timeout(within):
        return str(await client.recv())


async def until(condition: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have this done at the same time; it has closed what it had open when this ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await cancel_and_wait(task)
        if not task.cancelled():
            task.result()


async def hears_again(
    client: ClientConnection, redis_url: str, channel: str, *, within: float
) -> None:
    """Wait until what is published reaches a client, publishing a marked message all the time."""
    async with asyncio.timeout(within):
        for number in range(1, 10_000):
            payload = b'{"type":"marker","data":{"number":%d}}' % number
            try:
                await publish(redis_url, channel, payload)
                await asyncio.wait_for(client.recv(), 0.1)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(0.05)
            else:
                return


_TLS = httpx.create_ssl_context()


def http_client(
    base_url: str = "", *, timeout: float = 5.0, headers: dict[str, str] | None = None
) -> httpx.AsyncClient:
    """Return a client; to read all certificates again for each would take 25 ms."""
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, headers=headers, verify=_TLS)


async def get_json(server: Process, path: str) -> Any:
    """Return what a replica says over HTTP, whatever the status."""
    async with http_client() as client:
        return msgspec.json.decode((await client.get(server.url + path)).content)


async def has_connections(server: Process, count: int) -> bool:
    """Tell whether a replica has this many clients."""
    return bool((await get_json(server, "/status"))["connections"] == count)


async def metric(server: Process, sample: str) -> float:
    """Return one of a replica's figures; 0 while it has none."""
    async with http_client() as client:
        text = (await client.get(server.url + "/metrics")).text
    return next(
        (float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{sample} ")),
        0.0,
    )
