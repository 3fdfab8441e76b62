"""What an answer that does not end asks of its connection, where the server is ours."""

from typing import Protocol

from litestar.types import Scope

LASTING = "hsi.lasting"
"""The extension of ASGI's scope that is a `LastingConnection`."""


class LastingConnection(Protocol):
    """A connection whose answer may go on."""

    def stay(self) -> bool:
        """Count as a client from now on, and no longer as a request; return whether it may."""

    def cut_off(self) -> None:
        """End the connection in the middle of an answer."""


def lasting_connection_of(scope: Scope) -> LastingConnection | None:
    """Return the connection of a request; None: the server is another's."""
    found: LastingConnection | None = (scope.get("extensions") or {}).get(LASTING)  # type: ignore[assignment]  # ours
    return found
