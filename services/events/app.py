"""The events service, for any ASGI server: `services.events.app:app`."""

import os

from litestar import Litestar

from hsi.settings import load
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service, create_app
from services.events.broadcaster import EventBroadcaster, process_broadcaster
from services.events.routes import events
from services.events.sessions import ROUTES, Sessions


def create_events_app(settings: Settings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    """
    service = Service("events", settings)
    broadcaster = process_broadcaster.set(EventBroadcaster(service))
    service.on_startup(broadcaster.start)
    service.on_shutdown(broadcaster.stop)
    return create_app(
        service, routes=[events, *ROUTES], broadcaster=broadcaster, sessions=Sessions(service)
    )


app = create_events_app(load(Settings, os.environ))
