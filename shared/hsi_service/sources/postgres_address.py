"""Where PostgreSQL is: its URL, read once at start by asyncpg, and a way to connect."""

import asyncio
import os
import socket
import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
from asyncpg import connect_utils

from hsi import database_url
from hsi.settings import SettingsError

CONNECT_TIMEOUT = 2.0
"""Seconds until a host has taken the connection."""
_FILES = ("passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert")
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""A network or a machine that is gone is noticed within some 25 s; seconds, but the last one."""


class PostgresAddress:
    """Where it is."""

    def __init__(self, url: str) -> None:
        """Read a URL.

        Raises:
            SettingsError: No connection can be made by it. The text does not quote it.

        """
        self._dsn, system_certificates = database_url.parse(url)
        self._ssl = ssl.create_default_context() if system_certificates else None
        _check(self._dsn, self._ssl)

    async def pool(
        self, name: str, *, connections: int, idle: float
    ) -> "asyncpg.Pool[asyncpg.Record]":
        """Return a pool of connections; it connects on first use.

        Connecting is not limited beyond `CONNECT_TIMEOUT`: the caller has to.

        Args:
            name: Shown by pg_stat_activity.
            connections: How many there may be.
            idle: Seconds after which a connection that nobody uses is closed.

        """
        create: Any = asyncpg.create_pool  # Its types want more of `connect` than the pool does.
        pool: asyncpg.Pool[asyncpg.Record] = await create(
            self._dsn,
            ssl=self._ssl,
            connect=_connect,
            min_size=0,
            max_size=connections,
            timeout=None,
            max_inactive_connection_lifetime=idle,
            # A pooler between us and PostgreSQL need not know prepared statements.
            statement_cache_size=0,
            server_settings={"application_name": name},
        )
        return pool


async def _connect(*arguments: Any, loop: Any, **options: Any) -> Any:
    return await asyncpg.connect(*arguments, loop=_Dialer(loop), **options)  # type: ignore[call-overload]


class _Dialer:
    """The event loop, for connecting with it.

    A host that cannot be reached is given up in time, and tried again; one that was reached is at
    work for us, and asyncpg's time limit is for all of it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect by TCP."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            transport, protocol = await self._loop.create_connection(*arguments, **options)
        _keep_alive(transport.get_extra_info("socket"))
        return transport, protocol


def _keep_alive(connected: Any) -> None:
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # Not every system has all of them.
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _check(dsn: str, context: ssl.SSLContext | None) -> None:
    """Read the URL as asyncpg will when it connects, with its files and the environment."""
    parameters = parse_qs(urlsplit(dsn).query)
    for name in _FILES:
        if name in parameters and not os.access(parameters[name][-1], os.R_OK):
            raise SettingsError(f"DATABASE_URL: {name}: file cannot be read")
    try:
        # It has no public way to do this, and would complain of each connection instead.
        read = connect_utils._parse_connect_dsn_and_args  # type: ignore[attr-defined]  # noqa: SLF001
        read(**dict.fromkeys(_ARGUMENTS) | {"dsn": dsn, "ssl": context})
    except ssl.SSLError as error:
        reason = (getattr(error, "reason", None) or "not valid").replace("_", " ").lower()
        raise SettingsError(f"DATABASE_URL: its TLS files do not work: {reason}") from None
    except asyncpg.InterfaceError as error:
        first, *_ = str(error).splitlines()
        raise SettingsError(f"DATABASE_URL: {first}") from None
    except (AttributeError, IndexError, KeyError, OSError, ValueError) as error:
        raise SettingsError(f"DATABASE_URL: cannot be used: {type(error).__name__}") from None


_ARGUMENTS = (
    "dsn",
    "host",
    "port",
    "user",
    "password",
    "passfile",
    "database",
    "ssl",
    "service",
    "servicefile",
    "direct_tls",
    "server_settings",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
)
