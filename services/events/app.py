"""The events service, for any ASGI server: `services.events.app:app`."""

import os

from litestar import Litestar

from hsi.settings import load
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service, create_app
from services.events.broadcaster import EventBroadcaster, process_broadcaster
from services.events.recent import RecentHistory
from services.events.routes import events, list_events
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
    recent = RecentHistory(service, broadcaster.channel_name)
    service.run_background("history of events", recent.run)
    service.on_shutdown(recent.aclose)
    return create_app(
        service,
        routes=[events, list_events, *ROUTES],
        broadcaster=broadcaster,
        recent=recent,
        sessions=Sessions(service),
    )


app = create_events_app(load(Settings, os.environ))
