"""The system service's routes."""

from litestar import get, websocket
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException

from hsi_service.skeleton.session import Socket
from hsi_service.skeleton.streams import serves
from services.system.broadcaster import SystemBroadcaster
from services.system.cameras import Camera, CameraList


@websocket("/ws/system", opt=serves("broadcaster"))
async def system(socket: Socket, broadcaster: NamedDependency[SystemBroadcaster]) -> None:
    """Stream system statuses and performance figures, the latest first (R2)."""
    await broadcaster.connect(socket)


@get("/api/cameras", tags=["cameras"])
async def list_cameras(cameras: NamedDependency[CameraList]) -> list[Camera]:
    """List all cameras that are not deleted, by name; at most 1,000.

    Raises:
        ServiceUnavailableException: There is no PostgreSQL, or it does not answer: 503.

    """
    found = await cameras.read()
    if found.value is None:
        raise ServiceUnavailableException(f"the cameras cannot be listed: {found.reason}")
    return found.value
