"""Who asks, where proxies stand between."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

_PROTO = b"x-forwarded-proto"


class Address(NamedTuple):
    """Where a client is."""

    host: str | None
    """None for what has no address, a Unix socket for example."""
    port: int

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.host}:{self.port}" if self.host else "unknown"


NOBODY = Address(None, 0)


class Proxies:
    """The proxies whose X-Forwarded-For is believed: as uvicorn does for what comes by ASGI."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """Set which proxies are believed.

        Args:
            trusted: Addresses and networks (`TRUSTED_PROXIES`).

        """

        async def nothing(*_: object) -> None:
            """Stand where the middleware has its application."""

        self._trusted = ProxyHeadersMiddleware(nothing, list(trusted)).trusted_hosts

    def trusts(self, host: str | None) -> bool:
        """Return whether this address is a proxy's."""
        return host in self._trusted

    def client_of(self, peer: Address, headers: Mapping[bytes, bytes]) -> Address:
        """Return the client of a request.

        Args:
            peer: Who is connected.
            headers: The request's, by names in lower case.

        """
        forwarded = headers.get(b"x-forwarded-for")
        if forwarded and self.trusts(peer.host):
            host, port = self._trusted.get_trusted_client_address(forwarded.decode("latin-1"))
            if host:
                return Address(host, port)
        return peer


class ProxyHeaders(ProxyHeadersMiddleware):
    """uvicorn's, which takes X-Forwarded-Proto for one word in small letters.

    Of a list, what the client asked the first proxy by counts.
    """

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Say in the scope what the proxies say, and pass on."""
        if scope["type"] != "lifespan":
            protos = [value for name, value in scope["headers"] if name == _PROTO]
            if protos:
                first = protos[0].partition(b",")[0].strip().lower()
                others = [field for field in scope["headers"] if field[0] != _PROTO]
                scope["headers"] = [*others, (_PROTO, first)]
        await super().__call__(scope, receive, send)
