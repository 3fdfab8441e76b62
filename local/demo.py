"""Cameras that do not exist and events that never happened, so that there is something to see.

All of them say that they are a demo. Rows are written to an embedded database alone.
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Iterator
from datetime import timedelta

import asyncpg

from hsi.joblogs import JobLogEmitter
from hsi.latency import LatencyRecorder
from hsi.publisher import Publisher, PublishError
from hsi.schemas import Event, EventData, RiskLevel
from hsi.schemas.base import now

logger = logging.getLogger(__name__)

INTERVAL = 3.0
"""Seconds between two events."""
JOB_INTERVAL = 2.0
"""Seconds between two lines of a job."""
JOB_PAUSE = 15.0
"""Seconds between two jobs."""
JOBS_PER_FAILURE = 4
CHANCE_OF_TROUBLE = 0.2
_HIGH, _MEDIUM, _LOW = 85, 60, 30
_SIGHTINGS = {
    "front_door": ("Courier leaves a parcel", "Person waits at the door", "Cat on the doormat"),
    "driveway": ("Car turns in the driveway", "Person walks to the garage"),
    "back_garden": ("Fox crosses the lawn", "Person climbs over the fence at night"),
    "garage": ("Garage door left open", "Person takes a bicycle"),
}
CAMERAS = f"""
INSERT INTO cameras (id, name, folder_path, status, last_seen_at)
SELECT id, '[demo] ' || id, '/demo/' || id, 'online', now()
FROM unnest('{{{",".join(sorted(_SIGHTINGS))}}}'::text[]) AS id
ON CONFLICT DO NOTHING;
UPDATE cameras SET status = 'offline' WHERE id = 'garage';
DELETE FROM detections WHERE detected_at < now() - interval '1 day';
DELETE FROM events WHERE started_at < now() - interval '1 day';
"""  # noqa: S608 (our own words)
"""Makes the demo's cameras, and forgets its old events."""
NO_CAMERAS = """
DELETE FROM detections WHERE camera_id IN (SELECT id FROM cameras WHERE name LIKE '[demo] %');
DELETE FROM events WHERE camera_id IN (SELECT id FROM cameras WHERE name LIKE '[demo] %');
DELETE FROM cameras WHERE name LIKE '[demo] %';
"""
"""Forgets what an earlier demo left."""


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


async def publish_demo_events(redis_url: str, channel: str, database_url: str) -> None:
    """Publish a demo event every `INTERVAL` seconds, until cancelled.

    Args:
        redis_url: Where to publish it.
        channel: On which channel.
        database_url: Where to write it too; empty: nowhere.

    """
    chance = random.Random()  # noqa: S311 (not for secrets)
    latencies = LatencyRecorder(redis_url)
    async with Publisher(redis_url) as publisher:
        for event in demo_events(chance):
            for stage, milliseconds in demo_latencies(chance):
                latencies.record(stage, milliseconds)
            try:
                await publisher.publish(channel, event)
                if database_url:
                    await record(database_url, event.data)
            except (PublishError, asyncpg.PostgresError, OSError) as error:
                logger.debug("a demo event is missing: %s", error)
            await asyncio.sleep(INTERVAL)


def demo_latencies(chance: random.Random) -> list[tuple[str, float]]:
    """Return how long the stages of the pipeline did not really take, in milliseconds."""
    yolo26, nemotron = chance.lognormvariate(3.8, 0.3), chance.lognormvariate(7.6, 0.4)
    waiting = chance.uniform(200, 1500)
    return [("yolo26", yolo26), ("nemotron", nemotron), ("pipeline", yolo26 + nemotron + waiting)]


async def record(database_url: str, event: EventData) -> None:
    """Write a demo event, a detection that led to it, and the sign of life that both are."""
    connection = await asyncpg.connect(database_url, timeout=INTERVAL)
    try:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO detections (camera_id, object_type, confidence, detected_at)"
                " VALUES ($1, 'demo', 0.9, $2)",
                event.camera_id,
                event.started_at,
            )
            await connection.execute(
                "INSERT INTO events (batch_id, camera_id, risk_score, risk_level, summary,"
                " started_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                event.batch_id,
                event.camera_id,
                event.risk_score,
                event.risk_level,
                event.summary,
                event.started_at,
                event.ended_at or None,
            )
            await connection.execute(
                "UPDATE cameras SET last_seen_at = $2 WHERE id = $1",
                event.camera_id,
                event.ended_at or None,
            )
    finally:
        await connection.close()


async def run_demo_jobs(redis_url: str) -> None:
    """Pretend for ever to run jobs; each says that it is a demo, and some fail.

    Args:
        redis_url: Where to.

    """
    chance = random.Random()  # noqa: S311 (a demo)
    for number in itertools.count(1):
        emitter = JobLogEmitter(redis_url, f"demo-{now():%Y%m%d-%H%M%S}")
        emitter.begin()
        fails = number % JOBS_PER_FAILURE == 0
        emitter.info("[demo] Looking for clips that nobody has watched")
        batches = chance.randint(3, 8)
        for batch in range(1, batches + 1):
            await asyncio.sleep(JOB_INTERVAL)
            emitter.info(f"[demo] Processing batch {batch}/{batches}", clips=chance.randint(1, 20))
            if chance.random() < CHANCE_OF_TROUBLE:
                emitter.warning(f"[demo] A clip of batch {batch} has no sound")
        if fails:
            emitter.error("[demo] The disk is full")
        await asyncio.to_thread(emitter.close, "failed" if fails else "completed")
        await asyncio.sleep(JOB_PAUSE)
