"""What continuity costs: publishing with history, and replaying it."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from websockets.asyncio.client import connect

from bench.parts import EVENT, events_service, running
from hsi.publisher import Publisher
from hsi.publishing import LIBRARY, Bounds, Numbering, numbered_call
from local.processes import free_port
from local.redis import EmbeddedRedis

RUNS = 5
MESSAGES = 10_000
HISTORY = 10_000

Publish = Callable[[Redis, str, int], Awaitable[None]]


async def plain(redis: Redis, channel: str, batch: int) -> None:
    """Publish as anybody does."""
    async with redis.pipeline(transaction=False) as commands:
        for _ in range(batch):
            commands.publish(channel, EVENT)
        await commands.execute()


async def with_history(redis: Redis, channel: str, batch: int) -> None:
    """Publish with history, as our publisher does."""
    call = numbered_call(
        channel,
        [EVENT] * batch,
        sender=_numbering.name,
        first=_numbering.first,
        bounds=Bounds(HISTORY),
    )
    await redis.fcall(*call)
    _numbering.advance(batch)


async def by_hand(redis: Redis, channel: str, batch: int) -> None:
    """Append to a stream and publish, without anything that makes it once or repairs it."""
    async with redis.pipeline(transaction=False) as commands:
        for _ in range(batch):
            commands.xadd(f"{channel}:by-hand", {"m": EVENT}, maxlen=HISTORY)
            commands.publish(channel, EVENT)
        await commands.execute()


_numbering = Numbering()


async def server_cpu(redis: Redis, channel: str, publish: Publish, batch: int) -> float:
    """Return the microseconds of CPU that Redis spends on one message."""
    before = await redis.info("cpu")
    for _ in range(MESSAGES // batch):
        await publish(redis, channel, batch)
    after = await redis.info("cpu")
    used = sum(after[key] - before[key] for key in ("used_cpu_user", "used_cpu_sys"))
    return float(used) / MESSAGES * 1e6


async def publishing(redis_url: str, channel: str, batch: int) -> tuple[float, ...]:
    """Return medians: microseconds plain, by hand and by our function, and their ratios to plain.

    The ratios are those of one run, so that what else the machine does counts for both.
    """
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as listener:
        if not await redis.function_list(library="hsi_realtime_v2"):
            await redis.function_load(LIBRARY)
        _numbering.rename()
        await listener.subscribe(channel)
        draining = asyncio.create_task(_drain(listener))
        rows = [
            [await server_cpu(redis, channel, way, batch) for way in (plain, by_hand, with_history)]
            for _ in range(RUNS + 1)
        ][1:]  # the first warms up
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    ratios = [statistics.median(row[way] / row[0] for row in rows) for way in (1, 2)]
    return *medians, *ratios


async def _drain(listener: PubSub) -> None:
    async for _ in listener.listen():
        pass


async def replay(url: str, redis_url: str, channel: str) -> list[float]:
    """Return the seconds that replaying the whole history to one client takes, run by run."""
    async with Publisher(redis_url, history_length=HISTORY * 2) as publisher:
        first = await publisher.publish(channel, EVENT)
        for _ in range(HISTORY // 500):
            await asyncio.gather(*(publisher.publish(channel, EVENT) for _ in range(500)))
    took: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        async with connect(f"{url}?since={first.cursor}", compression=None) as client:
            for _ in range(HISTORY + 1):  # and the frame that says so
                await client.recv()
        took.append(time.perf_counter() - began)
    return took


def main(folder: Path) -> None:
    """Measure and print."""
    redis = EmbeddedRedis(folder / "continuity", port=free_port())
    unsafe = EmbeddedRedis(folder / "memory", port=free_port(), durable=False)
    with running(redis, unsafe):
        columns = "plain", "by hand", "ours", "by hand", "ours"
        print(f"\n{'Redis CPU, µs per message, and ratios':44}", *(f"{c:>8}" for c in columns))
        for name, server in (("in memory", unsafe), ("appendfsync always", redis)):
            for batch in (1, 20, 100):
                figures = asyncio.run(publishing(server.url, f"bench:{batch}", batch))
                title = f"{name}, batches of {batch}"
                print(f"{title:44}", *(f"{figure:8.2f}" for figure in figures))
        service = events_service(redis, folder, channel="replay")
        with running(service):
            url = service.url.replace("http", "ws") + "/ws/events"
            took = asyncio.run(replay(url, redis.url, "replay"))
        print(f"\nreplaying {HISTORY} events to one client: median {statistics.median(took):.2f} s")
