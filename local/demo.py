"""A home that does not exist, in which mostly nothing happens, so that there is something to see.

Low risks now and then, a medium one every few minutes, a high one about every ten; one camera goes
offline for a while, and says nothing meanwhile. All of it says that it is a demo. Rows are written
to an embedded database alone.
"""

import asyncio
import itertools
import logging
import random
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg
from redis import Redis

from hsi.joblogs import JobLogEmitter
from hsi.latency import LatencyRecorder
from hsi.publisher import Publisher, PublishError
from hsi.schemas import EndStatus, Event, EventData, RiskLevel, channels
from hsi.schemas.base import now

logger = logging.getLogger(__name__)

INTERVAL = 3.0
"""Seconds between two looks of the cameras."""
CHANCE_OF_EVENT = 0.3
"""How likely a look finds something, of low risk."""
MEDIUM_EVERY, HIGH_EVERY = timedelta(minutes=4), timedelta(minutes=10)
"""How often something is worth a look, and how often it has to be looked at now."""
SPREAD = 0.25
"""The part of these times by which they differ."""
FLAKY, FLAKY_EVERY = "garage", timedelta(minutes=20)
"""The camera that goes offline, and how often."""
OFFLINE_FROM, OFFLINE_UNTIL = timedelta(minutes=5), timedelta(minutes=8)
"""When it is offline, from the beginning and again each time."""
JOB_INTERVAL = 2.0
"""Seconds between two lines of a job."""
JOB_PAUSE = 15.0
"""Seconds between two jobs."""
JOBS_PER_FAILURE = 4
CHANCE_OF_TROUBLE = 0.2
_CRITICAL, _HIGH, _MEDIUM = 85, 60, 30
_SCORES: dict[RiskLevel, tuple[int, int]] = {"low": (1, 20), "medium": (30, 50), "high": (62, 80)}
_SIGHTINGS: dict[RiskLevel, dict[str, tuple[str, ...]]] = {
    "low": {
        "front_door": ("Cat on the doormat", "Letter carrier at the mailbox"),
        "driveway": ("Car turns in the driveway", "Neighbor walks by"),
        "back_garden": ("Hedgehog crosses the lawn", "Branches move in the wind"),
        "garage": ("Resident parks the car", "Resident takes a bicycle"),
    },
    "medium": {
        "front_door": ("Courier leaves a parcel",),
        "driveway": ("Unknown car stops in the driveway",),
        "back_garden": ("Dog without an owner in the garden",),
        "garage": ("Garage door left open",),
    },
    "high": {
        "front_door": ("Person looks through the window of the door",),
        "driveway": ("Person tries the doors of the car",),
        "back_garden": ("Person climbs over the fence",),
        "garage": ("Unknown person in the garage",),
    },
}
CAMERAS = f"""
INSERT INTO cameras (id, name, folder_path, status, last_seen_at)
SELECT id, '[demo] ' || replace(id, '_', ' '), '/demo/' || id, 'online', now()
FROM unnest('{{{",".join(sorted(_SIGHTINGS["low"]))}}}'::text[]) AS id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = 'online', last_seen_at = now();
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
    if score >= _CRITICAL:
        return "critical"
    if score >= _HIGH:
        return "high"
    return "medium" if score >= _MEDIUM else "low"


class Look(NamedTuple):
    """What the cameras of the demo see at a moment."""

    online: frozenset[str]
    event: Event | None


class DemoHome:
    """The demo's cameras and their luck."""

    def __init__(self, chance: random.Random, began: datetime) -> None:
        """Begin.

        Args:
            chance: Where the luck comes from.
            began: When; the first look sees something.

        """
        self._chance = chance
        self._began = began
        # No number of an earlier demo comes again: an event that is told again replaces the first.
        self._numbers = itertools.count(int(began.timestamp()))
        self._due = {level: began + _spread(chance, every) for level, every in _EVERY.items()}
        self._is_first = True

    def look(self, at: datetime) -> Look:
        """Return what the cameras see; called every `INTERVAL` seconds."""
        offline = {FLAKY} if _is_offline(at - self._began) else set()
        online = frozenset(_SIGHTINGS["low"]) - offline
        found = next((level for level in _EVERY if self._due[level] <= at), None)
        if found is not None:
            self._due[found] = at + _spread(self._chance, _EVERY[found])
        elif self._is_first or self._chance.random() < CHANCE_OF_EVENT:
            found = "low"
        self._is_first = False
        return Look(online, None if found is None else self._event(found, sorted(online), at))

    def _event(self, level: RiskLevel, cameras: list[str], ended: datetime) -> Event:
        chance, number = self._chance, next(self._numbers)
        camera = chance.choice(cameras)
        return Event(
            data=EventData(
                id=number,
                event_id=number,
                batch_id=f"demo-{number}",
                camera_id=camera,
                risk_score=chance.randint(*_SCORES[level]),
                risk_level=level,
                summary=f"[demo] {chance.choice(_SIGHTINGS[level][camera])}",
                started_at=ended - timedelta(seconds=chance.randint(5, 60)),
                ended_at=ended,
            ),
        )


_EVERY: dict[RiskLevel, timedelta] = {"high": HIGH_EVERY, "medium": MEDIUM_EVERY}


def _spread(chance: random.Random, every: timedelta) -> timedelta:
    return every * chance.uniform(1 - SPREAD, 1 + SPREAD)


def _is_offline(passed: timedelta) -> bool:
    return OFFLINE_FROM <= passed % FLAKY_EVERY < OFFLINE_UNTIL


def begin_history(redis_url: str, channel: str) -> None:
    """Write that all of the last hour is known, where nobody has written since when.

    The demo's home did not exist before its Redis, so nothing happened in it; else it would take 15
    minutes until its page can say that all is quiet. Of a home that is no demo that is not so:
    `forget_history` takes it back.
    """
    at = now()
    since = round((at - timedelta(hours=1)).timestamp() * 1000)
    with Redis.from_url(redis_url) as client:
        if client.set(channels.since(channel), since, nx=True):
            client.set(_made_up(channel), f"{since} {round(at.timestamp() * 1000)}")


def forget_history(redis_url: str, channel: str) -> None:
    """Have the history known since the demo began, where the demo wrote that it is for longer."""
    with Redis.from_url(redis_url, decode_responses=True) as client:
        made_up, since = client.get(_made_up(channel)), client.get(channels.since(channel))
        if isinstance(made_up, str) and made_up.partition(" ")[0] == since:
            client.set(channels.since(channel), made_up.partition(" ")[2])
        client.delete(_made_up(channel))


def _made_up(channel: str) -> str:
    """Return the key that says which mark the demo wrote, and when."""
    return f"demo:{channels.since(channel)}"


async def publish_demo_events(redis_url: str, channel: str, database_url: str) -> None:
    """Publish what the demo's cameras see, until cancelled.

    Args:
        redis_url: Where to publish it.
        channel: On which channel.
        database_url: Where to write it too; empty: nowhere.

    """
    chance = random.Random()  # noqa: S311 (not for secrets)
    home = DemoHome(chance, now())
    latencies = LatencyRecorder(redis_url)
    async with Publisher(redis_url) as publisher:
        while True:
            look = home.look(now())
            for stage, milliseconds in demo_latencies(chance):
                latencies.record(stage, milliseconds)
            try:
                if look.event is not None:
                    await publisher.publish(channel, look.event)
                if database_url:
                    await record(database_url, look)
            except (PublishError, asyncpg.PostgresError, OSError) as error:
                logger.debug("a look of the demo is missing: %s", error)
            await asyncio.sleep(INTERVAL)


def demo_latencies(chance: random.Random) -> list[tuple[str, float]]:
    """Return how long the stages of the pipeline did not really take, in milliseconds."""
    yolo26, nemotron = chance.lognormvariate(3.8, 0.3), chance.lognormvariate(7.6, 0.4)
    waiting = chance.uniform(200, 1500)
    return [("yolo26", yolo26), ("nemotron", nemotron), ("pipeline", yolo26 + nemotron + waiting)]


async def record(database_url: str, look: Look) -> None:
    """Write which cameras are online, and an event with a detection that led to it."""
    connection = await asyncpg.connect(database_url, timeout=INTERVAL)
    try:
        async with connection.transaction():
            await connection.execute(
                "UPDATE cameras SET"
                " status = CASE WHEN id = ANY($1) THEN 'online' ELSE 'offline' END,"
                " last_seen_at = CASE WHEN id = ANY($1) THEN now() ELSE last_seen_at END"
                " WHERE name LIKE '[demo] %'",
                list(look.online),
            )
            if look.event is None:
                return
            event = look.event.data
            await connection.execute(
                "INSERT INTO detections (camera_id, object_type, confidence, detected_at)"
                " VALUES ($1, 'demo', 0.9, $2)",
                event.camera_id,
                event.started_at,
            )
            await connection.execute(
                "INSERT INTO events (id, batch_id, camera_id, risk_score, risk_level, summary,"
                " started_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                event.event_id,
                event.batch_id,
                event.camera_id,
                event.risk_score,
                event.risk_level,
                event.summary,
                event.started_at,
                event.ended_at or None,
            )
    finally:
        await connection.close()


async def run_demo_jobs(redis_url: str) -> None:
    """Pretend to run jobs, without end; each says that it is a demo, and some fail.

    Args:
        redis_url: Where to.

    """
    chance = random.Random()  # noqa: S311 (a demo)
    for number in itertools.count(1):
        emitter = JobLogEmitter(redis_url, f"demo-{now():%Y%m%d-%H%M%S}")
        emitter.begin()
        status: EndStatus = "cancelled"
        try:
            status = await _run_demo_job(emitter, chance, fails=number % JOBS_PER_FAILURE == 0)
        finally:
            # Also where the demo ends: else its job would run without end.
            await asyncio.to_thread(emitter.close, status)
        await asyncio.sleep(JOB_PAUSE)


async def _run_demo_job(emitter: JobLogEmitter, chance: random.Random, *, fails: bool) -> EndStatus:
    emitter.info("[demo] Looking for clips that nobody has watched")
    batches = chance.randint(3, 8)
    for batch in range(1, batches + 1):
        await asyncio.sleep(JOB_INTERVAL)
        emitter.info(f"[demo] Processing batch {batch}/{batches}", clips=chance.randint(1, 20))
        if chance.random() < CHANCE_OF_TROUBLE:
            emitter.warning(f"[demo] A clip of batch {batch} has no sound")
    if not fails:
        return "completed"
    emitter.error("[demo] The disk is full")
    return "failed"
