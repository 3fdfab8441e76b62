"""The events service's routes."""

from litestar import websocket
from litestar.di import NamedDependency

from services.events.broadcaster import EventBroadcaster
from shared.websocket import Socket


@websocket("/ws/events")
async def events(socket: Socket, broadcaster: NamedDependency[EventBroadcaster]) -> None:
    """Stream security events as they are created (seed: Events Channel)."""
    await broadcaster.connect(socket)
