"""The events service's routes."""

from litestar import websocket
from litestar.di import NamedDependency
from litestar.params import FromQuery

from hsi_service.skeleton.session import Socket
from hsi_service.skeleton.streams import serves
from services.events.broadcaster import EventBroadcaster


@websocket("/ws/events", opt=serves("broadcaster"))
async def events(
    socket: Socket,
    broadcaster: NamedDependency[EventBroadcaster],
    since: FromQuery[str | None] = None,
    tail: FromQuery[str | None] = None,
) -> None:
    """Stream security events as they are created (R1).

    `?since=<cursor>` goes on after a message that the client has; `?tail=<n>` begins with the last
    n. Neither: from now on.
    """
    await broadcaster.connect(socket, since=since, tail=tail)
