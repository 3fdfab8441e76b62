"""The events service, for any ASGI server: `services.events.app:app`."""

import os

from litestar import Litestar

from hsi.settings import load
from hsi_service.skeleton.service import Service, create_app
from services.events.broadcaster import EventBroadcaster, process_broadcaster
from services.events.older import OlderEvents
from services.events.one import SingleEvents
from services.events.publish import EventPublishing, publish_events
from services.events.recent import RecentHistory
from services.events.routes import ROUTES
from services.events.seen import SeenMarks
from services.events.sessions import ROUTES as SESSION_ROUTES
from services.events.sessions import Sessions
from services.events.settings import EventsSettings
from services.events.sse import ROUTES as STREAM_ROUTES
from services.events.tellings import Tellings


def create_events_app(settings: EventsSettings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    """
    service = Service("events", settings)
    broadcaster = process_broadcaster.set(EventBroadcaster(service))
    service.on_startup(broadcaster.start)
    service.on_shutdown(broadcaster.stop)
    channel = broadcaster.channel_name
    marks = SeenMarks(service, channel)
    service.on_shutdown(marks.aclose)
    tellings = Tellings(service, channel)
    older = OlderEvents(tellings, settings.database_url, marks)
    service.on_shutdown(older.aclose)
    recent = RecentHistory(service, channel, tellings, older, marks)
    service.run_background("history of events", recent.run)
    service.on_shutdown(recent.aclose)
    return create_app(
        service,
        routes=[*ROUTES, *SESSION_ROUTES, *STREAM_ROUTES, publish_events],
        broadcaster=broadcaster,
        recent=recent,
        marks=marks,
        single=SingleEvents(service, channel, recent, older, marks),
        sessions=Sessions(service),
        publishing=EventPublishing(service, channel, per_minute=settings.publish_rate_limit),
    )


app = create_events_app(load(EventsSettings, os.environ))
