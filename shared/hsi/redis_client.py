"""Clients for Redis, made in one place: each has a time limit, a name and no retries.

Retrying is the caller's: it knows how long an answer is worth waiting for. But a question whose
connection turns out to be dead, because Redis or something on the way closed it while it was idle,
is asked once more by a client that only reads. Whatever else a URL says, these clients are as they
are made here (`hsi.redis_url`).

An answer that means "wrong server" or "cannot write now" is an outage of its connection
(`refusal`): after a failover behind one address, the old connection still leads to the old server.
So a connection that was answered like that is closed before it is used again, and the address is
looked up for the next one; where the server certainly did nothing, the question is asked once more.
"""

import re
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.connection as asynchronous
import redis.connection as synchronous
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from hsi import redis_url

_BUSY = re.compile(r"\bBUSY \w+ is busy running a script")
_REFUSALS = frozenset(
    {"READONLY", "MASTERDOWN", "LOADING", "MISCONF", "OOM", "CLUSTERDOWN", "NOREPLICAS"}
)
_WRONG_SERVER = (ReadOnlyError, MasterDownError, ClusterDownError)


def refusal(error: BaseException) -> str | None:
    """Return why Redis refuses what it was asked for; None: it is another error.

    Args:
        error: Any.

    Returns:
        Redis' own words: READONLY, MASTERDOWN, LOADING, MISCONF, OOM, CLUSTERDOWN or NOREPLICAS
        first.

    """
    if not isinstance(error, RedisError):
        return None
    text, code = str(error), getattr(error, "status_code", None)
    if code in _REFUSALS:  # redis-py takes the words that it knows off the front.
        return f"{code} {text}"
    return text if text.partition(" ")[0] in _REFUSALS else None


class _Dropped:
    """Of a connection: whether the server refused something, so that it is not used again."""

    _refused = False

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)  # type: ignore[misc]
        except RedisError as error:
            self._refused = self._refused or refusal(error) is not None
            raise

    async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        if self._refused:
            self._refused = False
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
        await super().send_packed_command(*arguments, **options)  # type: ignore[misc]


class _DroppedSync:
    """The same without asyncio."""

    _refused = False

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)  # type: ignore[misc]
        except RedisError as error:
            self._refused = self._refused or refusal(error) is not None
            raise

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        if self._refused:
            self._refused = False
            self.disconnect()  # type: ignore[attr-defined]
        super().send_packed_command(*arguments, **options)  # type: ignore[misc]


class _Tcp(_Dropped, asynchronous.Connection):
    pass


class _Tls(_Dropped, asynchronous.SSLConnection):
    pass


class _Unix(_Dropped, asynchronous.UnixDomainSocketConnection):
    pass


class _TcpSync(_DroppedSync, synchronous.Connection):
    pass


class _TlsSync(_DroppedSync, synchronous.SSLConnection):
    pass


class _UnixSync(_DroppedSync, synchronous.UnixDomainSocketConnection):
    pass


_ASYNC = {"tcp": _Tcp, "tls": _Tls, "unix": _Unix}
_SYNC = {"tcp": _TcpSync, "tls": _TlsSync, "unix": _UnixSync}


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
            connection_class=_ASYNC[redis_url.parse(url).transport],
            retry=AsyncRetry(
                NoBackoff(),
                1,
                (*_WRONG_SERVER, RedisConnectionError) if read_only else _WRONG_SERVER,
            ),
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
            connection_class=_SYNC[redis_url.parse(url).transport],
            retry=Retry(NoBackoff(), 1, _WRONG_SERVER),
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
        connection_class=_ASYNC[redis_url.parse(url).transport],
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
    if refused := refusal(error):
        return f"Redis refuses it: {refused}"
    if isinstance(error, AuthenticationError):
        return "Redis refuses the credentials of REDIS_URL"
    return f"Redis cannot be asked: {type(error).__name__}"
