"""A script without asyncio: publishes what a door contact says, for example from cron.

Run twice within two minutes for the same opening, it publishes once: the key says which one it is.

    pip install ./shared
    python examples/sync_script.py 2026-01-02T03:04:05

Redis is REDIS_URL; by default redis://127.0.0.1:6379/0, where `make run` has its own.
"""

import os
import sys
from datetime import UTC, datetime

from hsi import SyncPublisher
from hsi.schemas import Event, EventData


def main(opened_at: datetime) -> None:
    """Publish that the door was opened."""
    key = f"back-door-{opened_at:%Y%m%dT%H%M%S}"
    number = int(opened_at.timestamp())
    event = Event(
        data=EventData(
            id=number,
            event_id=number,
            batch_id=key,
            camera_id="back_door",
            risk_score=20,
            risk_level="low",
            summary="The back door was opened",
            started_at=opened_at,
        )
    )
    redis_url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    with SyncPublisher(redis_url) as publisher:
        print(publisher.publish("security_events", event, key=key).cursor)


if __name__ == "__main__":
    main(datetime.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else datetime.now(UTC))
