"""A producer: publishes one security event from asyncio.

It reaches every client once, whatever breaks meanwhile: Redis keeps it in the channel's history,
and a second call with the same key publishes nothing.

    pip install ./shared
    python examples/producer.py "Person at the door"

Redis is REDIS_URL; by default redis://127.0.0.1:6379/0, where `make run` has its own.
"""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime

from hsi import Publisher
from hsi.schemas import Event, EventData


async def main(summary: str) -> None:
    """Publish an event with this summary."""
    number = time.time_ns() // 1000
    event = Event(
        data=EventData(
            id=number,
            event_id=number,
            batch_id=f"example-{number}",
            camera_id="front_door",
            risk_score=75,
            risk_level="high",
            summary=summary,
            started_at=datetime.now(UTC),
        )
    )
    redis_url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    async with Publisher(redis_url) as publisher:
        published = await publisher.publish("security_events", event, key=event.data.batch_id)
    print(f"published as {published.cursor}, heard by {published.receivers} replica(s)")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "Person at the door"))
