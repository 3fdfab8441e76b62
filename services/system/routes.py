"""The system service's routes."""

from litestar import websocket
from litestar.di import NamedDependency

from services.system.broadcaster import SystemBroadcaster
from shared.websocket import Socket


@websocket("/ws/system")
async def system(socket: Socket, broadcaster: NamedDependency[SystemBroadcaster]) -> None:
    """Stream system statuses and performance figures, the latest first (seed: System Channel)."""
    await broadcaster.connect(socket)
