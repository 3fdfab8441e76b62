"""EventBroadcaster: the bridge between Redis and the clients of one replica."""

from typing import Any

from hsi.publisher import Published, Publisher
from hsi.schemas import Event
from hsi.schemas.close_codes import CloseCode
from hsi_service.door.limits import address_of
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import OrderedTopic, Topic
from hsi_service.skeleton.one_per_process import OnePerProcess
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import OrderedSession, Socket, serve_client
from services.events.filters import Asked, EventFilter, Filters
from services.events.wanted import ParameterError

process_broadcaster: OnePerProcess["EventBroadcaster"] = OnePerProcess("event broadcaster")


def get_broadcaster() -> "EventBroadcaster":
    """Return this process's broadcaster, which `create_events_app` made (R27).

    Raises:
        RuntimeError: No application was made in this process.

    """
    return process_broadcaster.get()


def get_event_channel() -> str:
    """Return the Redis channel of security events (`REDIS_EVENT_CHANNEL`).

    Raises:
        RuntimeError: No application was made in this process.

    """
    return get_broadcaster().channel_name


class EventBroadcaster:
    """Carries security events from their Redis channel to every client of this replica.

    Each replica has one, and each hears every event; so it does not matter which replica a client
    is connected to (R26, R61).
    """

    def __init__(self, service: Service, channel_name: str | None = None) -> None:
        """Begin without clients; the channel is subscribed while somebody listens.

        Args:
            service: The replica.
            channel_name: Redis channel of security events; None: the setting's.

        """
        self._service = service
        self.channel_name = channel_name or service.settings.redis_event_channel
        self.filters = Filters()
        """What clients want of the events, where that is not all of them."""
        self._publisher: Publisher | None = None

    async def start(self) -> None:
        """Get ready to publish; the service calls it at startup."""
        settings = self._service.settings
        self._publisher = Publisher(
            settings.redis_url,
            history_length=settings.history_length,
            replicas=settings.wait_for_replicas,
        )

    async def stop(self) -> None:
        """Let all clients go, and close the publisher; the service calls it at shutdown."""
        for topic in self._topics():
            for peer in tuple(topic.clients):
                self.disconnect(peer)
        if self._publisher:
            await self._publisher.aclose()
            self._publisher = None

    async def connect(
        self, socket: Socket, *, since: str | None, tail: str | None, asked: Asked
    ) -> None:
        """Send a client the events that it wants from where it wants to begin.

        Args:
            socket: The client, before its handshake is answered.
            since: Go on after the message with this cursor.
            tail: Begin with this many of the last messages.
            asked: What it wants of them.

        """
        await serve_client(socket, EventSession(self._service, self, asked, since=since, tail=tail))

    def session(self, *, since: str | None, tail: str | None, **asked: Any) -> "EventSession":
        """Return what serves one client; its arguments are those of the route."""
        return EventSession(self._service, self, Asked(**asked), since=since, tail=tail)

    def disconnect(self, peer: Peer) -> None:
        """Let a client go, once everything written so far is sent; it may come back at once."""
        peer.close(CloseCode.RESTART, "restart: come back")

    async def broadcast_event(self, event: Event | bytes) -> Published:
        """Publish an event for the clients of all replicas, and keep it in the history.

        The Redis user of this replica needs the right to; the shipped user `events` has it not,
        because events come from producers.

        Args:
            event: A Struct, or its JSON, which is sent byte for byte.

        Returns:
            Its cursor, and how many replicas heard it.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it.
            RuntimeError: The broadcaster is not started.

        """
        if self._publisher is None:
            raise RuntimeError("the event broadcaster is not started")
        return await self._publisher.publish(self.channel_name, event)

    def _topics(self) -> list[Topic]:
        topics = self._service.hub.topics.values()
        return [topic for topic in topics if topic.channel == self.channel_name]


class EventSession(OrderedSession):
    """A client that listens to security events, or to some of them."""

    __slots__ = ("_asked", "_broadcaster", "_only")

    def __init__(
        self,
        service: Service,
        broadcaster: EventBroadcaster,
        asked: Asked,
        *,
        since: str | None,
        tail: str | None,
    ) -> None:
        """Begin before the handshake is answered.

        Args:
            service: The replica.
            broadcaster: Its.
            asked: What the client wants of the events.
            since: As of `OrderedSession`, and so is `tail`.
            tail: The same.

        """
        super().__init__(service, since=since, tail=tail)
        self._broadcaster = broadcaster
        self._asked: Asked | None = asked
        self._only: EventFilter | None = None
        """What it is counted for."""

    def listen(self, peer: Peer) -> OrderedTopic:
        """Return the topic of what the client wants, with the client in it.

        Raises:
            ValueError: That makes no sense.
            NoRoomError: There are too many filters.

        """
        try:
            only = EventFilter.parse(self._asked) if self._asked else None
        except ParameterError as error:
            raise ValueError(f"{error.name}: {error}") from error
        self._asked = None
        if only:
            self._broadcaster.filters.enter(_address_of(peer), only)
            self._only = only
        return self.service.hub.enter(peer, self._broadcaster.channel_name, OrderedTopic, only)

    def leave(self, peer: Peer) -> None:
        """Forget the client, and what it wanted."""
        only, self._only = self._only, None
        if only:
            self._broadcaster.filters.leave(_address_of(peer), only)
        super().leave(peer)


def _address_of(peer: Peer) -> str:
    return address_of(peer.client.rpartition(":")[0])
