"""EventBroadcaster: the bridge between Redis and the clients of one replica."""

from hsi_service.fanout.ordered_topic import OrderedTopic
from hsi_service.fanout.peer import Peer
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import OrderedVisit, Socket, StartAt, serve_client


class EventBroadcaster:
    """Carries security events from their Redis channel to every client of this replica.

    Each replica has one, and each hears every event; so it does not matter which replica a client
    is connected to (seed: Event Broadcasting, Multi-Instance Deployment).
    """

    def __init__(self, service: Service, channel_name: str) -> None:
        """Prepare; the channel is subscribed while somebody listens.

        Args:
            service: The replica.
            channel_name: Redis channel of security events (`REDIS_EVENT_CHANNEL`).

        """
        self._service = service
        self.channel_name = channel_name

    async def connect(self, socket: Socket, *, since: str | None, tail: str | None) -> None:
        """Send a client every event from where it wants to begin; returns when it has left."""

        def receive(peer: Peer) -> OrderedVisit:
            start = StartAt.parse(since, tail)
            topic = self._service.hub.enter(peer, self.channel_name, OrderedTopic)
            return OrderedVisit(peer, topic, start)

        await serve_client(socket, self._service, receive)
