"""Events that never happened, so that there is something to see. All say that they are a demo."""

import asyncio
import itertools
import logging
import random
from collections.abc import Iterator
from datetime import timedelta

from shared.bus import Publisher, PublishError
from shared.schemas import Event, EventData, RiskLevel
from shared.schemas.base import now

logger = logging.getLogger(__name__)

INTERVAL = 3.0
"""Seconds between two events."""
_HIGH, _MEDIUM, _LOW = 85, 60, 30
_SIGHTINGS = {
    "front_door": ("Courier leaves a parcel", "Person waits at the door", "Cat on the doormat"),
    "driveway": ("Car turns in the driveway", "Person walks to the garage"),
    "back_garden": ("Fox crosses the lawn", "Person climbs over the fence at night"),
    "garage": ("Garage door left open", "Person takes a bicycle"),
}


def risk_level(score: int) -> RiskLevel:
    """Return the word for a risk score from 0 to 100."""
    if score >= _HIGH:
        return "critical"
    if score >= _MEDIUM:
        return "high"
    return "medium" if score >= _LOW else "low"


def demo_events(chance: random.Random) -> Iterator[Event]:
    """Yield demo events without end, each marked in its batch and its summary."""
    for number in itertools.count(1):
        camera = chance.choice(sorted(_SIGHTINGS))
        score = min(100, int(chance.expovariate(1 / 35)))
        ended = now()
        yield Event(
            data=EventData(
                id=number,
                event_id=number,
                batch_id=f"demo-{number:06}",
                camera_id=camera,
                risk_score=score,
                risk_level=risk_level(score),
                summary=f"[demo] {chance.choice(_SIGHTINGS[camera])}",
                started_at=ended - timedelta(seconds=chance.randint(5, 60)),
                ended_at=ended,
            ),
        )


async def publish_demo_events(redis_url: str, channel: str) -> None:
    """Publish a demo event every `INTERVAL` seconds, until cancelled."""
    async with Publisher(redis_url) as publisher:
        for event in demo_events(random.Random()):  # noqa: S311 (not for secrets)
            try:
                await publisher.publish(channel, event)
            except PublishError as error:
                logger.debug("a demo event is missing: %s", error)
            await asyncio.sleep(INTERVAL)
