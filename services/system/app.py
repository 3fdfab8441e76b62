"""The system service, for any ASGI server: `services.system.app:app`."""

import os

from litestar import Litestar

from hsi.settings import load
from hsi_service.skeleton.service import Service, create_app
from services.system.broadcaster import SystemBroadcaster, process_broadcaster
from services.system.cameras import CameraList
from services.system.routes import list_cameras, reset_breaker, system
from services.system.settings import SystemSettings


def create_system_app(settings: SystemSettings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    """
    service = Service("system", settings)
    broadcaster = process_broadcaster.set(SystemBroadcaster(service, settings))
    service.subscriber.connect_policy = broadcaster.connect_policy
    service.reports["broadcaster"] = broadcaster.report
    service.on_startup(broadcaster.start)
    service.on_drain(broadcaster.lease.give_up)
    service.run_background("lease", broadcaster.lease.run)
    service.run_background("broadcast", broadcaster.run)
    service.on_shutdown(broadcaster.stop)
    cameras = CameraList(settings.database_url)
    service.on_shutdown(cameras.aclose)
    return create_app(
        service,
        routes=[system, list_cameras, reset_breaker],
        broadcaster=broadcaster,
        cameras=cameras,
    )


app = create_system_app(load(SystemSettings, os.environ))
