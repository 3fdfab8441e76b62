"""Posts to other people's servers, within limits of time, size and place, whatever they do.

No redirect is followed and no proxy of the environment is asked: where something goes was checked,
and nothing may lead it elsewhere. httpcore is used as it is, because there the connector can be
given: `PublicOnly` connects to the very address that it has looked up and judged, so a name that
means another address a moment later (DNS rebinding) leads nowhere.
"""

import asyncio
import email.utils
import math
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import httpcore

from hsi_service.sources.http import trust_by_default
from hsi_service.sources.thread import in_thread
from services.notify.push_endpoints import is_public

TIMEOUT = 10.0
"""Seconds for connecting, sending and the answer together."""
MAX_ANSWER = 16 * 1024
"""Bytes of an answer that are read, so that its connection can be used again; they say nothing."""
MAX_CONNECTIONS = 20
MAX_IDLE = 10
IDLE_SECONDS = 30.0
"""Seconds that an idle connection is kept."""
MAX_RETRY_AFTER = 86_400.0
"""Seconds that a server may ask us to wait; it may want more."""


class PostError(Exception):
    """There was no answer; the text says why, without an address."""


class Reply(NamedTuple):
    """What a server says."""

    status: int
    retry_after: float | None = None
    """Seconds that it asks us to wait."""


class PublicOnly(httpcore.AsyncNetworkBackend):
    """Connects to addresses of the open Internet alone."""

    def __init__(
        self,
        *,
        backend: httpcore.AsyncNetworkBackend | None = None,
        look_up: Callable[[str, int], Awaitable[list[str]]] | None = None,
    ) -> None:
        """Take what connects.

        Args:
            backend: Connects to addresses that were judged; None: httpcore's own.
            look_up: Returns a host's addresses; None: as this machine knows them.

        """
        self._backend = backend or httpcore.AnyIOBackend()
        self._look_up = look_up or addresses_of

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's own signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of a host's addresses.

        Raises:
            ConnectError: It has no public address, or none takes the connection.

        """
        public = [address for address in await self._look_up(host, port) if is_public(address)]
        trouble: Exception = httpcore.ConnectError(NOT_PUBLIC)
        for address in public:
            try:
                return await self._backend.connect_tcp(
                    address,
                    port,
                    timeout=timeout,
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise trouble

    async def sleep(self, seconds: float) -> None:
        """Sleep; httpcore asks for it between retries, of which there are none."""
        await asyncio.sleep(seconds)


async def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises:
        ConnectError: It has none.

    """
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await in_thread(look_up, name="addresses")
    except OSError as error:
        raise httpcore.ConnectError(UNKNOWN_HOST) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


NOT_PUBLIC = "its host has no public address"
UNKNOWN_HOST = "its host is not known"


class Poster:
    """Posts; its connections stay open for a while."""

    def __init__(
        self,
        *,
        connector: httpcore.AsyncNetworkBackend | None = None,
        trust: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Set it up; nothing is opened yet.

        Args:
            connector: Makes connections; None: to any address.
            trust: Whom to trust with https; None: as all services do.
            timeout: Seconds for all of one post.

        """
        self._connector = connector
        self._trust = trust
        self._timeout = timeout
        self._opening = asyncio.Lock()
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Post once.

        Args:
            url: http:// or https://, which was checked.
            headers: Sent along.
            body: What is posted.

        Raises:
            PostError: There was no answer.

        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(await self._opened(), url, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            raise PostError(f"no answer within {self._timeout:g} s") from None
        except httpcore.ConnectError as error:
            # Not "from": the text of what is beneath may hold the address.
            raise PostError(_why_not_connected(error)) from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ) as error:
            raise PostError(f"no answer: {type(error).__name__}") from None

    async def _opened(self) -> httpcore.AsyncConnectionPool:
        async with self._opening:
            if self._pool is None:
                # Reading the authorities takes some 20 ms.
                trust = self._trust or await in_thread(trust_by_default, name="authorities")
                self._pool = httpcore.AsyncConnectionPool(
                    ssl_context=trust,
                    max_connections=MAX_CONNECTIONS,
                    max_keepalive_connections=MAX_IDLE,
                    keepalive_expiry=IDLE_SECONDS,
                    network_backend=self._connector,
                )
            return self._pool

    @staticmethod
    async def _post(
        pool: httpcore.AsyncConnectionPool, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        # Of a whole URL, httpcore leaves out what follows a semicolon.
        there = httpcore.URL(
            scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target
        )
        sent = [("Host", parts.netloc), *headers.items()]
        async with pool.stream("POST", there, headers=sent, content=body) as response:
            fields = {name.lower(): value for name, value in response.headers}
            read = 0
            async for chunk in response.aiter_stream():
                read += len(chunk)
                if read > MAX_ANSWER:
                    break
            wait = retry_after_of(fields.get(b"retry-after", b"").decode("latin-1"), time.time())
            return Reply(response.status, wait)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()


def retry_after_of(value: str, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, at most a day; None: it does not.

    Args:
        value: Seconds, or a date; anything else asks for nothing.
        now: Seconds since 1970.

    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _why_not_connected(error: BaseException) -> str:
    if str(error) in {NOT_PUBLIC, UNKNOWN_HOST}:
        return str(error)
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return "cannot connect"
