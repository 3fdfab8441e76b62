"""`make bench`: how soon a service is ready, and how soon an event is at a dashboard.

Medians of several runs, on real parts, on loopback. Absolute figures are this machine's.
"""

import asyncio
import contextlib
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from local.processes import Process, free_port
from local.redis import EmbeddedRedis
from local.service import ServiceProcess
from local.traefik import Traefik

STARTS = 5
EVENTS = 1000
PAUSE = 0.005
"""Seconds between events: the delay is that of an idle system, not of a queue."""
CLIENTS = 10
EVENT = (Path(__file__).parent.parent / "tests/golden/event.json").read_bytes()


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Run programs side by side."""
    try:
        for process in processes:
            process.spawn()
        for process in processes:
            process.wait_ready()
        yield
    finally:
        for process in reversed(processes):
            process.stop()


def seconds_to_ready(redis: EmbeddedRedis, folder: Path) -> float:
    """Start the events service; return the seconds until it takes clients."""
    service = events_service(redis, folder, channel="unused")
    began = time.perf_counter()
    with running(service):
        return time.perf_counter() - began


def events_service(redis: EmbeddedRedis, folder: Path, *, channel: str) -> ServiceProcess:
    """Return a replica of the events service."""
    port = free_port()
    return ServiceProcess(
        "events",
        name=f"events-{port}",
        port=port,
        log=folder / f"events-{port}.log",
        REDIS_URL=redis.url,
        REDIS_EVENT_CHANNEL=channel,
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
    )


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


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, channel = Path(temporary), f"bench:{uuid.uuid4().hex}"
        redis = EmbeddedRedis(folder / "redis", port=free_port())
        with running(redis):
            print(f"{'milliseconds':44} {'median':>8} {'p99':>8}")
            starts = [seconds_to_ready(redis, folder) for _ in range(STARTS)]
            print(row(f"events service: start to ready, {STARTS} runs", starts))
            replicas = [events_service(redis, folder, channel=channel) for _ in range(2)]
            with running(*replicas):
                urls = [replica.url for replica in replicas]
                ingress = Traefik(folder, port=free_port(), routes={"/ws/events": urls})
                with running(ingress):
                    for name, server in (("direct", replicas[0]), ("through Traefik", ingress)):
                        url = server.url.replace("http", "ws") + "/ws/events"
                        measured = asyncio.run(delays(url, redis.url, channel))
                        print(row(f"publish to client, {CLIENTS} clients, {name}", measured))


main()
