"""Clients for Redis, made in one place: each has a time limit, a name and no retries.

Retrying is the caller's: it knows how long an answer is worth waiting for. But a question whose
connection turns out to be dead, because Redis or something on the way closed it while it was idle,
is asked once more by a client that only reads. Whatever else a URL says, these clients are as they
are made here (`hsi.redis_url`).

An answer that means "wrong server" or "cannot write now" is an outage of its connection
(`refusal`): after a failover behind one address, old connections still lead to the old server. So
after such an answer none of this process's connections is used again, and the address is looked up
for the next; where the server certainly did nothing, the question is asked once more.
"""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.connection as asynchronous
import redis.connection as synchronous
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import MasterNotFoundError as AsyncNotFoundError
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError as NotFoundError

from hsi import redis_url
from hsi.sentinels import Sentinels, find_primary, find_primary_sync

MAX_AGE = 15.0
"""Seconds after which a connection is replaced before it is used again: its address may lead to
another server by now, and the one of before may answer all the same."""
_BUSY = re.compile(r"\bBUSY \w+ is busy running a script")
_UNKNOWN = re.compile(
    r"unknown command [`'](?P<name>[^`']*)|Unknown (?:Redis )?command called from"
)
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


def is_wrong_server(error: BaseException) -> bool:
    """Return whether Redis says that others have to be asked: it was demoted, or has lost them."""
    return isinstance(error, _WRONG_SERVER)


def look_up_again() -> None:
    """Let no client of this process go on over a connection that was made before now.

    For when a server may have been replaced: what the old one still answers is of the past.
    """
    _lookup.since = time.monotonic()


class _Lookup:
    """When addresses were last known to lead to the right server, for the whole process."""

    since = 0.0


_lookup = _Lookup()
_NAMING = "CLIENT", "SETNAME"


class _Renewed:
    """Of a connection: whether it was made too long ago to be used by the next who asks."""

    client_name: str | None
    _made_at = 0.0

    def _is_outdated(self) -> bool:
        return self._made_at <= max(_lookup.since, time.monotonic() - MAX_AGE)

    def _made(self) -> None:
        self._made_at = time.monotonic()

    @contextlib.contextmanager
    def _unnamed(self) -> Iterator[str | None]:
        """Have redis-py not name the connection: where it cannot, it would have none."""
        name, self.client_name = self.client_name, None
        try:
            yield name
        finally:
            self.client_name = name


class _Async(_Renewed):
    async def connect(self) -> None:
        if self.is_connected and self._is_outdated():  # type: ignore[attr-defined]
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
        await super().connect()  # type: ignore[misc]

    async def _connect(self) -> None:
        self._made()
        await super()._connect()  # type: ignore[misc]

    async def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 (as it is there)
        with self._unnamed() as name:
            await super().on_connect_check_health(check_health)  # type: ignore[misc]
        await self.send_command(*_NAMING, name, check_health=False)  # type: ignore[attr-defined]
        try:
            await self.read_response()
        except ResponseError as error:
            if not unknown_command(error):
                raise

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)  # type: ignore[misc]
        except RedisError as error:
            _take_in(error)
            raise


class _Sync(_Renewed):
    def connect(self) -> None:
        if self.is_connected and self._is_outdated():  # type: ignore[attr-defined]
            self.disconnect()  # type: ignore[attr-defined]
        super().connect()  # type: ignore[misc]

    def _connect(self) -> Any:
        self._made()
        return super()._connect()  # type: ignore[misc]

    def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 (as it is there)
        with self._unnamed() as name:
            super().on_connect_check_health(check_health)  # type: ignore[misc]
        self.send_command(*_NAMING, name, check_health=False)  # type: ignore[attr-defined]
        try:
            self.read_response()
        except ResponseError as error:
            if not unknown_command(error):
                raise

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)  # type: ignore[misc]
        except RedisError as error:
            _take_in(error)
            raise


def _take_in(error: RedisError) -> None:
    """Look addresses up again where it means that, and drop what Redis was asked: a password."""
    if refusal(error):
        look_up_again()
    if unknown_command(error):
        error.args = (str(error).partition(", with args")[0],)


class _Tcp(_Async, asynchronous.Connection):
    pass


class _Tls(_Async, asynchronous.SSLConnection):
    pass


class _Unix(_Async, asynchronous.UnixDomainSocketConnection):
    pass


class _TcpSync(_Sync, synchronous.Connection):
    pass


class _TlsSync(_Sync, synchronous.SSLConnection):
    pass


class _UnixSync(_Sync, synchronous.UnixDomainSocketConnection):
    pass


class _Found:
    """Of a connection: Sentinels say where it leads, each time that it is made."""

    def __init__(self, *, sentinels: Sentinels, **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    async def _connect(self) -> None:
        self.host, self.port = await find_primary(self._sentinels, self.socket_connect_timeout)  # type: ignore[attr-defined]
        await super()._connect()  # type: ignore[misc]


class _FoundSync:
    """The same, for threads."""

    def __init__(self, *, sentinels: Sentinels, **options: Any) -> None:
        self._sentinels = sentinels
        super().__init__(**options)

    def _connect(self) -> Any:
        self.host, self.port = find_primary_sync(self._sentinels, self.socket_connect_timeout)  # type: ignore[attr-defined]
        return super()._connect()  # type: ignore[misc]


class _TcpFound(_Found, _Tcp):
    pass


class _TlsFound(_Found, _Tls):
    pass


class _TcpFoundSync(_FoundSync, _TcpSync):
    pass


class _TlsFoundSync(_FoundSync, _TlsSync):
    pass


_ASYNC = {"tcp": _Tcp, "tls": _Tls, "unix": _Unix}
_ASYNC_FOUND = {"tcp": _TcpFound, "tls": _TlsFound}
_SYNC = {"tcp": _TcpSync, "tls": _TlsSync, "unix": _UnixSync}
_SYNC_FOUND = {"tcp": _TcpFoundSync, "tls": _TlsFoundSync}


def async_client(
    url: str,
    *,
    name: str,
    timeout: float,
    decode_responses: bool = False,
    read_only: bool = False,
) -> redis.asyncio.Redis:
    """Return a client for asyncio; it connects on first use.

    Args:
        url: As `hsi.redis_url.parse` takes it.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.
        decode_responses: Return text instead of bytes.
        read_only: It only reads: what finds its connection dead is asked once more, on a new one.
            A write must not be: it may have been done.

    Raises:
        SettingsError: No connection can be made by this URL.

    """
    client = redis.asyncio.Redis(
        connection_pool=redis.asyncio.ConnectionPool(
            **_options(url, name, timeout, _ASYNC, _ASYNC_FOUND),
            retry=AsyncRetry(
                NoBackoff(),
                1,
                (*_WRONG_SERVER, RedisConnectionError) if read_only else _WRONG_SERVER,
            ),
            decode_responses=decode_responses,
        ),
    )
    client.auto_close_connection_pool = True
    return client


def sync_client(url: str, *, name: str, timeout: float) -> redis.Redis:
    """Return a client for threads; it connects on first use.

    Args:
        url: As `hsi.redis_url.parse` takes it.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.

    Raises:
        SettingsError: No connection can be made by this URL.

    """
    return redis.Redis.from_pool(
        redis.ConnectionPool(
            **_options(url, name, timeout, _SYNC, _SYNC_FOUND),
            retry=Retry(NoBackoff(), 1, _WRONG_SERVER),
        )
    )


def pubsub_pool(url: str, *, name: str, timeout: float) -> redis.asyncio.ConnectionPool:
    """Return a pool of connections that listen to channels.

    They speak RESP2, whose pub/sub replies are plain lists. With RESP3, redis-py passes each
    message through a push handler that formats it for a log line that nobody reads.

    Args:
        url: As `hsi.redis_url.parse` takes it.
        name: Shown by Redis' CLIENT LIST, after `hsi-`.
        timeout: Seconds that connecting, or one answer, may take.

    Raises:
        SettingsError: No connection can be made by this URL.

    """
    return redis.asyncio.ConnectionPool(
        **_options(url, name, timeout, _ASYNC, _ASYNC_FOUND),
        protocol=2,
    )


def _options(
    url: str, name: str, timeout: float, direct: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, Any]:
    transport, options, sentinels = redis_url.parse(url)
    leads = {"sentinels": sentinels} if sentinels else {}
    return {
        **options,
        **leads,
        "connection_class": (found if sentinels else direct)[transport],
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


def unknown_command(error: BaseException) -> str | None:
    """Return the command that Redis does not know; None: it is another error.

    A server that is hardened, or managed, lacks some (`rename-command`).
    """
    found = _UNKNOWN.search(str(error)) if isinstance(error, ResponseError) else None
    return found and (found["name"] or "one of a script")


def reason_of(error: BaseException) -> str:
    """Return why Redis could not be asked, in a few words for people, without an address.

    Args:
        error: `RedisError` or `OSError`.

    """
    if is_busy(error):
        return "Redis is busy with a script"
    if command := unknown_command(error):
        return f"Redis does not know a command that is needed: {command}"
    if isinstance(error, BusyLoadingError):
        return "Redis is loading its data"
    if isinstance(error, AuthenticationError):
        return "Redis refuses the credentials of REDIS_URL"
    refused = str(error) if isinstance(error, NoPermissionError) else refusal(error)
    if refused:
        return f"Redis refuses it: {refused}"
    return _trouble(error)


def _trouble(error: BaseException) -> str:
    """Say it without the name of the exception, which tells people nothing."""
    # What goes wrong while it connects, redis-py raises as an error of its own.
    if isinstance(error.__cause__ or error, AsyncNotFoundError | NotFoundError):
        return "no Sentinel names a primary of Redis"
    if isinstance(error, TimeoutError | RedisTimeoutError):
        return "Redis does not answer in time"
    if isinstance(error, RedisConnectionError | OSError):
        return "Redis cannot be reached"
    return "Redis answers with an error"
