"""What Redis carries: its CPU for a published message, by how many replicas listen."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from redis.asyncio import Redis

from bench.parts import EVENT, running
from hsi.publisher import Publisher
from local.processes import free_port
from local.redis import EmbeddedRedis

SUBSCRIBERS = (1, 10, 50, 150)
MESSAGES = 4000
AT_ONCE = 50
CHANNEL = "security_events:bench-subscribers"
_SUBSCRIBE = b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%b\r\n" % (len(CHANNEL), CHANNEL.encode())


@contextlib.asynccontextmanager
async def listening(port: int, count: int) -> AsyncIterator[None]:
    """Subscribe so many times, and read all that comes."""

    async def read(reader: asyncio.StreamReader) -> None:
        while await reader.read(1 << 20):
            pass

    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for reader, writer in connections:
        writer.write(_SUBSCRIBE)
        await reader.read(1024)
    reading = [asyncio.create_task(read(reader)) for reader, _ in connections]
    yield
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    for _, writer in connections:
        writer.close()
        await writer.wait_closed()


async def cost(url: str, port: int, subscribers: int) -> float:
    """Return the seconds of CPU that Redis takes for a message with history."""
    async with (
        listening(port, subscribers),
        Redis.from_url(url) as redis,
        Publisher(url) as publisher,
    ):
        await publisher.publish(CHANNEL, EVENT)

        async def used() -> float:
            info = await redis.info("cpu")
            return float(info["used_cpu_user"] + info["used_cpu_sys"])

        before = await used()
        for _ in range(MESSAGES // AT_ONCE):
            await asyncio.gather(*(publisher.publish(CHANNEL, EVENT) for _ in range(AT_ONCE)))
        return (await used() - before) / MESSAGES


def main(folder: Path) -> None:
    """Measure and print."""
    port = free_port()
    redis = EmbeddedRedis(folder / "subscribers", port=port, durable=False)
    with running(redis):
        print("Redis' CPU for a published event, with history, by replicas that listen")
        for subscribers in SUBSCRIBERS:
            seconds = asyncio.run(cost(redis.url, port, subscribers))
            print(
                f"  {subscribers:3} replicas: {seconds * 1e6:6.1f} µs,"
                f" so one core carries {1 / seconds:8,.0f} events/s"
            )
