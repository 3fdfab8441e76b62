"""How soon an event is at a dashboard, also through the ingress."""

import asyncio
import statistics
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from bench.parts import EVENT, events_service, running
from local.processes import free_port
from local.redis import EmbeddedRedis
from local.traefik import Traefik

EVENTS = 1000
PAUSE = 0.005
"""Seconds between events: the delay is that of an idle system, not of a queue."""
CLIENTS = 10


async def delays(url: str, redis_url: str, channel: str) -> list[float]:
    """Publish events one by one; return the seconds until each client has each of them."""
    clients = [await connect(url, compression=None) for _ in range(CLIENTS)]
    async with Redis.from_url(redis_url) as redis:

        async def delay(client: ClientConnection, began: float) -> float:
            await client.recv()
            return time.perf_counter() - began

        measured: list[float] = []
        for _ in range(EVENTS):
            began = time.perf_counter()
            hearing = [asyncio.create_task(delay(client, began)) for client in clients]
            await redis.publish(channel, EVENT)
            measured += await asyncio.gather(*hearing)
            await asyncio.sleep(PAUSE)
    for client in clients:
        await client.close()
    return measured


def row(name: str, seconds: Sequence[float]) -> str:
    """Return a line of the table, in milliseconds."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"{name:44} {statistics.median(ordered) * 1000:8.2f} {p99 * 1000:8.2f}"


def main(folder: Path) -> None:
    """Measure and print."""
    channel = f"bench:{uuid.uuid4().hex}"
    redis = EmbeddedRedis(folder / "redis", port=free_port())
    with running(redis):
        print(f"{'milliseconds':44} {'median':>8} {'p99':>8}")
        replicas = [events_service(redis, folder, channel=channel) for _ in range(2)]
        with running(*replicas):
            urls = [replica.url for replica in replicas]
            ingress = Traefik(folder, port=free_port(), routes={"/ws/events": urls})
            with running(ingress):
                for name, server in (("direct", replicas[0]), ("through Traefik", ingress)):
                    url = server.url.replace("http", "ws") + "/ws/events"
                    measured = asyncio.run(delays(url, redis.url, channel))
                    print(row(f"publish to client, {CLIENTS} clients, {name}", measured))
