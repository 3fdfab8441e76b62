"""Messages to be delivered."""

from datetime import UTC, datetime
from typing import Any

from services.notify.messages import Message


def message(**changes: Any) -> Message:
    """Return what is told of an event."""
    usual: dict[str, Any] = {
        "kind": "event",
        "title": "Front door: person",
        "body": "Somebody is at the door.",
        "level": "high",
        "url": "https://home.example/events/1764280000000-7",
        "image_url": None,
        "tag": "124 front_door",
        "camera_id": "front_door",
        "at": datetime(2026, 11, 27, 22, 0, 5, 120_000, UTC),
        "cursor": "1764280000000-7",
        "source": b'{"type":"event","data":{"event_id":124,"camera_id":"front_door"}}',
    }
    return Message(**usual | changes)
