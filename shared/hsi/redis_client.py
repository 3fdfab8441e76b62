"""Clients for Redis, made in one place: each has a time limit, a name and no retries.

Retrying is the caller's: it knows how long an answer is worth waiting for. But a question whose
connection turns out to be dead, because Redis or something on the way closed it while it was idle,
is asked once more by a client that only reads. Whatever else a URL says, these clients are as they
are made here (`hsi.redis_url`).
"""

import re
from types import ModuleType
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from hsi import redis_url

_BUSY = re.compile(r"\bBUSY \w+ is busy running a script")
_CLASSES = {"tcp": "Connection", "tls": "SSLConnection", "unix": "UnixDomainSocketConnection"}


def async_client(
    url: str,
    *,
    name: str,
    timeout: float,
    decode_responses: bool = False,
    single_connection: bool = False,
    read_only: bool = False,
) -> redis.asyncio.Redis:
    """Return a client for asyncio; it connects on first use.

    Args:
        url: redis://, rediss:// or unix://.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.
        decode_responses: Return text instead of bytes.
        single_connection: Use one connection for everything.
        read_only: It only reads: what finds its connection dead is asked once more, on a new one.
            A write must not be: it may have been done.

    Raises:
        SettingsError: No connection can be made by this URL.

    """
    client = redis.asyncio.Redis(
        connection_pool=redis.asyncio.ConnectionPool(
            **_options(url, name, timeout),
            connection_class=_connection_class(url, redis.asyncio.connection),
            retry=AsyncRetry(NoBackoff(), int(read_only), (RedisConnectionError,)),
            decode_responses=decode_responses,
        ),
        single_connection_client=single_connection,
    )
    client.auto_close_connection_pool = True
    return client


def sync_client(url: str, *, name: str, timeout: float) -> redis.Redis:
    """Return a client for threads; it connects on first use.

    Args:
        url: redis://, rediss:// or unix://.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.

    Raises:
        SettingsError: No connection can be made by this URL.

    """
    return redis.Redis.from_pool(
        redis.ConnectionPool(
            **_options(url, name, timeout),
            connection_class=_connection_class(url, redis.connection),
            retry=Retry(NoBackoff(), 0),
        )
    )


def pubsub_pool(url: str, *, name: str, timeout: float) -> redis.asyncio.ConnectionPool:
    """Return a pool of connections that listen to channels.

    They speak RESP2, whose pub/sub replies are plain lists. With RESP3, redis-py passes each
    message through a push handler that formats it for a log line that nobody reads.

    Args:
        url: redis://, rediss:// or unix://.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.

    Raises:
        SettingsError: No connection can be made by this URL.

    """
    return redis.asyncio.ConnectionPool(
        **_options(url, name, timeout),
        connection_class=_connection_class(url, redis.asyncio.connection),
        protocol=2,
    )


def _options(url: str, name: str, timeout: float) -> dict[str, Any]:
    return {
        **redis_url.parse(url).options,
        "client_name": f"hsi-{name}",
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # With these, which only Redis Enterprise sends, redis-py no longer looks whether an idle
        # connection was closed before it uses it.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _connection_class(url: str, module: ModuleType) -> Any:
    return getattr(module, _CLASSES[redis_url.parse(url).transport])


def is_busy(error: BaseException) -> bool:
    """Return whether Redis refused something because a script runs, and will take it soon."""
    return bool(_BUSY.search(str(error)))


def reason_of(error: BaseException) -> str:
    """Return why Redis could not be asked, in a few words without an address.

    Args:
        error: `RedisError` or `OSError`.

    """
    if is_busy(error):
        return "Redis is busy with a script"
    if isinstance(error, BusyLoadingError):
        return "Redis is loading its data"
    if isinstance(error, AuthenticationError):
        return "Redis refuses the credentials of REDIS_URL"
    return f"Redis cannot be asked: {type(error).__name__}"
