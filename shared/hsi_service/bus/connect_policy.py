"""Whom a subscriber asks before it connects, and tells how it went. Pure, no I/O."""

from typing import Protocol


class ConnectPolicy(Protocol):
    """Decides when to try, and is told how it went. Its methods must not block, or raise."""

    def may_connect(self) -> bool:
        """Return whether to connect now; if not, it is asked again soon. One of these follows."""

    def heard(self) -> None:
        """Record that Redis has confirmed all channels."""

    def failed(self, *, refused: bool) -> None:
        """Record that Redis was lost or could not be reached, or refused what it was asked."""

    def left(self) -> None:
        """Record that nobody listens any more."""


class AlwaysConnect:
    """Tries always."""

    def may_connect(self) -> bool:
        """Say yes."""
        return True

    def heard(self) -> None:
        """Do nothing."""

    def failed(self, *, refused: bool) -> None:
        """Do nothing."""

    def left(self) -> None:
        """Do nothing."""
