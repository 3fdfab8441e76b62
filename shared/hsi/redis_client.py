"""Clients for Redis, made in one place: each has a time limit, a name and no retries.

Retrying is the caller's: it knows how long an answer is worth waiting for.
"""

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry


def async_client(
    url: str,
    *,
    name: str,
    timeout: float,
    decode_responses: bool = False,
    single_connection: bool = False,
) -> redis.asyncio.Redis:
    """Return a client for asyncio; it connects on first use.

    Args:
        url: redis://, rediss:// or unix://.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.
        decode_responses: Return text instead of bytes.
        single_connection: Use one connection for everything.

    """
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=AsyncRetry(NoBackoff(), 0),
        client_name=f"hsi-{name}",
        decode_responses=decode_responses,
        single_connection_client=single_connection,
    )


def sync_client(url: str, *, name: str, timeout: float) -> redis.Redis:
    """Return a client for threads; it connects on first use.

    Args:
        url: redis://, rediss:// or unix://.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.

    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        client_name=f"hsi-{name}",
    )


def pubsub_pool(url: str, *, name: str, timeout: float) -> redis.asyncio.ConnectionPool:
    """Return a pool of connections that listen to channels.

    They speak RESP2, whose pub/sub replies are plain lists. With RESP3, redis-py passes each
    message through a push handler that formats it for a log line that nobody reads.

    Args:
        url: redis://, rediss:// or unix://.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.

    """
    return redis.asyncio.ConnectionPool.from_url(
        url,
        protocol=2,
        client_name=f"hsi-{name}",
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
    )
