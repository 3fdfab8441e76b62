"""What serves the client of a direct peer, and how often it is asked whether it lives."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from hsi_service.fanout.peer import Peer


class KeepAlive(NamedTuple):
    """How dead peers are found."""

    interval: float
    """Seconds from the handshake or a pong to the next protocol ping; infinity for none."""
    timeout: float
    """Seconds that a client may take to answer it."""


class ConnectionHandler(ABC):
    """Who serves a client. It does not hold the client, which holds it."""

    __slots__ = ()

    @abstractmethod
    def hear(self, peer: Peer, message: str | bytes) -> None:
        """Take a message from the client."""

    @abstractmethod
    def leave(self, peer: Peer) -> None:
        """Forget the client: it is sent nothing more; called once."""

    @abstractmethod
    def gone(self, peer: Peer) -> None:
        """Give back what the client's connection took: it has ended. Called once, after `leave`."""
