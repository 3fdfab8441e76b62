"""How every peer in Python reads Redis: the same client with the same options."""

import os
from collections.abc import AsyncIterator

from redis.asyncio import Redis

CHANNEL = os.environ.get("CHANNEL", "events")
PORT = int(os.environ.get("PORT", "0"))


def client() -> Redis:
    """Return a connection to REDIS_URL."""
    return Redis.from_url(os.environ["REDIS_URL"])


async def messages() -> AsyncIterator[bytes]:
    """Yield what is published, for ever."""
    async with client() as redis, redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(CHANNEL)
        async for message in pubsub.listen():
            yield message["data"]
