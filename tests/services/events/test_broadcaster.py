"""EventBroadcaster, as the document names it: made by the application, one per process."""

import json

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hsi.schemas import Event
from hsi.schemas.validation import InvalidMessageError
from hsi_service.skeleton.one_per_process import OnePerProcess
from services.events.app import create_events_app
from services.events.broadcaster import EventBroadcaster, get_broadcaster, get_event_channel
from services.events.settings import EventsSettings
from tests.clients import golden, hear, until
from tests.servers import serving


async def test_the_application_makes_the_broadcaster_that_publishes_and_delivers(
    redis_url: str, channel: str
) -> None:
    app = create_events_app(EventsSettings(redis_url=redis_url, redis_event_channel=channel))
    broadcaster = get_broadcaster()
    assert isinstance(broadcaster, EventBroadcaster)
    assert get_event_channel() == broadcaster.channel_name == channel
    with pytest.raises(RuntimeError, match="not started"):
        await broadcaster.broadcast_event(golden("event"))
    async with serving(app) as (host, port):
        async with connect(f"ws://{host}:{port}/ws/events") as client:
            event = msgspec.json.decode(golden("event"), type=Event)
            published = await broadcaster.broadcast_event(event)
            assert published.receivers == 1
            heard = json.loads(await hear(client))
            assert heard.pop("cursor") == published.cursor
            assert heard == json.loads(msgspec.json.encode(event))
            with pytest.raises(InvalidMessageError):
                await broadcaster.broadcast_event(b'{"type":"event","data":{}}')
            (peer,) = app.state["service"].hub.clients
            broadcaster.disconnect(peer)
            with pytest.raises(ConnectionClosed) as closed:
                await hear(client)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        async with connect(f"ws://{host}:{port}/ws/events") as client:
            await broadcaster.stop()
            with pytest.raises(ConnectionClosed) as closed:
                await hear(client)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012

            async def nobody_is_left() -> bool:
                return not app.state["service"].hub.clients

            await until(nobody_is_left)


def test_what_no_application_made_is_said_to_be_missing() -> None:
    nothing: OnePerProcess[EventBroadcaster] = OnePerProcess("event broadcaster")
    with pytest.raises(RuntimeError, match="no event broadcaster in this process"):
        nothing.get()
