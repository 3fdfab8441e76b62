"""EventBroadcaster: the bridge between Redis and the clients of one replica."""

from hsi.publisher import Published, Publisher
from hsi.schemas import Event
from hsi.schemas.close_codes import CloseCode
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import OrderedTopic
from hsi_service.skeleton.one_per_process import OnePerProcess
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import OrderedSession, Socket, serve_client

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
        self._publisher: Publisher | None = None

    async def start(self) -> None:
        """Get ready to publish; the service calls it at startup."""
        settings = self._service.settings
        self._publisher = Publisher(settings.redis_url, history_length=settings.history_length)

    async def stop(self) -> None:
        """Let all clients go, and close the publisher; the service calls it at shutdown."""
        topic = self._topic()
        for peer in tuple(topic.clients) if topic else ():
            self.disconnect(peer)
        if self._publisher:
            await self._publisher.aclose()
            self._publisher = None

    async def connect(self, socket: Socket, *, since: str | None, tail: str | None) -> None:
        """Send a client every event from where it wants to begin.

        Args:
            socket: The client, before its handshake is answered.
            since: Go on after the message with this cursor.
            tail: Begin with this many of the last messages.

        """
        await serve_client(socket, self.session(since=since, tail=tail))

    def session(self, *, since: str | None, tail: str | None) -> "EventSession":
        """Return what serves one client; its arguments are `connect`'s."""
        return EventSession(self._service, self.channel_name, since=since, tail=tail)

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

    def _topic(self) -> OrderedTopic | None:
        topic = self._service.hub.topics.get((self.channel_name, None))
        return topic if isinstance(topic, OrderedTopic) else None


class EventSession(OrderedSession):
    """A client that listens to security events."""

    __slots__ = ("_channel",)

    def __init__(
        self, service: Service, channel: str, *, since: str | None, tail: str | None
    ) -> None:
        super().__init__(service, since=since, tail=tail)
        self._channel = channel

    def listen(self, peer: Peer) -> OrderedTopic:
        """Return the topic of events, with the client in it."""
        return self.service.hub.enter(peer, self._channel, OrderedTopic)
