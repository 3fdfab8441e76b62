"""The system service's routes."""

import logging
import socket
from typing import Any

from litestar import Request, get, post, websocket
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException
from msgspec import Struct

from hsi.schemas import WebSocketCircuitState
from hsi_service.door.http import needs
from hsi_service.skeleton.session import Socket
from hsi_service.skeleton.streams import serves
from services.system.broadcaster import SystemBroadcaster
from services.system.cameras import Camera, CameraList

logger = logging.getLogger(__name__)


class BreakerReset(Struct):
    """What a reset of the circuit breaker did, and to which replica."""

    replica: str
    """Of the breaker: its host, which in Kubernetes is its pod, and its port."""
    before: WebSocketCircuitState
    state: WebSocketCircuitState


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


@post("/api/breaker/reset", status_code=200, opt=needs("admin"), tags=["breaker"])
async def reset_breaker(
    request: Request[Any, Any, Any], broadcaster: NamedDependency[SystemBroadcaster]
) -> BreakerReset:
    """Close the circuit of the replica that is asked, so that it tries to hear Redis at once (R39).

    Each replica has a breaker of its own: the answer says whose it was. Degraded mode is over when
    Redis is heard, and not before.
    """
    breaker = broadcaster.circuit_breaker
    before = breaker.state
    breaker.reset()
    who = request.auth
    logger.warning(
        "the circuit was reset by hand", extra={"before": before, "key": who.name if who else ""}
    )
    server = request.scope.get("server")
    host = socket.gethostname()
    replica = f"{host}:{server[1]}" if server and server[1] is not None else host
    return BreakerReset(replica, before, breaker.state)
