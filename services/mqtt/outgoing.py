"""Home Assistant out: follows the home and its events, and publishes what others decide.

Devices and states are retained and follow what `Home` knows, paced (`pacing`). Events follow the
history with a consumer of their own, at least once: one is acknowledged in Redis after the broker
has it, so a restart neither forgets one nor, but for a death in that very moment, doubles one, and
its cursor is in the payload. While Redis is away the states say so; the events wait.
"""

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from msgspec import Struct
from prometheus_client import Counter, Gauge
from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from hsi import Consumer
from hsi.consumer import Entry
from hsi.logs import Throttled
from hsi.schemas.cursor import Cursor
from hsi.tasks import cancel_and_wait
from hsi.verdict import Arrived, home_verdict
from hsi_service.home import Home
from hsi_service.home.cameras import MAX_CAMERAS
from hsi_service.home.events import event_in
from hsi_service.metrics import LabelledCounter
from hsi_service.skeleton.service import Service
from services.mqtt.broker import Broker, PublishRefusedError
from services.mqtt.devices import Devices, cameras_of, renewed, with_event
from services.mqtt.discovery import Camera, Topics, configurations, shown_name, slug
from services.mqtt.memory import Memory
from services.mqtt.messages import Received
from services.mqtt.pacing import Pace, Pacing, Wanted
from services.mqtt.settings import MqttSettings
from services.mqtt.states import (
    Known,
    event_message,
    happenings,
    has_figures,
    states,
    told_by,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")

CONSUMER = "mqtt:out"
CONFIG = Pace(pause=0)
HOME = Pace(pause=1, again=60)
FIGURES = Pace(pause=10, again=60)
CAMERA = Pace(pause=1, again=300)
"""How often each is told; again in a third of the time after which it expires."""
TICK = 5.0
"""Seconds between two looks at what time alone changes: that an event no longer counts."""
ROUND_PAUSE = 0.1
"""Seconds between two rounds, at least: what changes meanwhile is looked at once."""
ROUND_SHARE = 0.1
"""Of the process's time that making states may take: events pass through it as well."""
AGAIN_PAUSE = 2.0
"""Seconds between two times that everything is told again, at least."""
BACKOFF_CAP = 2.0
"""Seconds until Redis is asked again, at most."""


class HomeAssistantReport(Struct):
    """What `GET /status` tells of Home Assistant."""

    devices: int
    """Cameras that it was told of."""
    events_told: int
    """Since this process began."""
    delay_s: float | None
    """From the last event's arrival at Redis until the broker had it; null: there was none."""


class HomeAssistantOut:
    """Tells Home Assistant of the home. `run` does the work, on the replica that is active."""

    def __init__(
        self, service: Service, settings: MqttSettings, home: Home, broker: Broker
    ) -> None:
        """Set it up; nothing is begun yet.

        Args:
            service: The replica.
            settings: Names of topics, the dashboard's address, Redis.
            home: Followed by a task of its own.
            broker: Connected by a task of its own.

        """
        self._settings = settings
        self._now_at_redis = service.probe.now
        self._home = home
        self._broker = broker
        self._topics = Topics(settings.ha_discovery_prefix, settings.mqtt_topic)
        self._url = settings.dashboard_url.rstrip("/")
        self._memory = Memory(settings.redis_url)
        service.on_shutdown(self._memory.aclose)
        self._devices: Devices = {}
        self._configs = configurations(self._topics, (), self._url)
        self._seen: dict[str, int] = {}
        """When cameras had an event, for those that no list has."""
        self._pacing = Pacing()
        self._wake = asyncio.Event()
        self._has_figures = False
        """Those that were published last had any."""
        self._is_asked_again = False
        self._forgotten_at = -math.inf
        self._cost = 0.0
        """Seconds that it took to make the states."""
        self._told = 0
        self._delay: float | None = None
        self._trouble, self._refused, self._gaps = (Throttled(logger) for _ in range(3))
        broker.on_connected(self._tell_again)
        broker.on_message(self._topics.birth, self._born)
        registry = service.metrics.registry
        self._published = LabelledCounter(
            Counter(
                "hsi_home_assistant_messages",
                "Messages for Home Assistant that the broker has, by what they are.",
                ["kind"],
                registry=registry,
            )
        )
        for kind in ("configuration", "state", "event"):
            self._published.labels(kind)
        Gauge(
            "hsi_home_assistant_devices",
            "Cameras that Home Assistant was told of.",
            registry=registry,
        ).set_function(lambda: len(self._devices))
        Gauge(
            "hsi_home_assistant_delay_seconds",
            "From the last event's arrival at Redis until the broker had it; NaN before the first.",
            registry=registry,
        ).set_function(lambda: math.nan if self._delay is None else self._delay)
        service.reports["home_assistant"] = self._report

    def _report(self) -> HomeAssistantReport:
        delay = self._delay
        return HomeAssistantReport(
            devices=len(self._devices),
            events_told=self._told,
            delay_s=None if delay is None else round(delay, 3),
        )

    async def run(self) -> None:
        """Tell of everything until cancelled."""
        self._set_devices(await self._ask(self._memory.devices))
        tasks = [
            asyncio.create_task(self._follow_home(), name="home assistant: changes"),
            asyncio.create_task(self._tell_states(), name="home assistant: states"),
            asyncio.create_task(self._tell_events(), name="home assistant: events"),
        ]
        try:
            # None ends by itself; should one, the service's supervisor begins again.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*(task for task in tasks if task.done()))
        finally:
            # No TaskGroup, which cancels once: a Redis client at work can swallow that. Nor is
            # this left before they have ended, however often it is cancelled itself.
            ended = False
            while not ended:
                with contextlib.suppress(asyncio.CancelledError):
                    await cancel_and_wait(*tasks)
                    ended = True

    # Devices and states.

    async def _tell_again(self) -> None:
        """Tell everything again: Home Assistant, or the broker, may have forgotten it."""
        self._is_asked_again = True
        self._wake.set()

    async def _born(self, received: Received) -> None:
        if received.payload == b"online":
            await self._tell_again()

    async def _follow_home(self) -> None:
        while True:
            await self._home.changed()
            self._wake.set()

    async def _tell_states(self) -> None:
        while True:
            self._wake.clear()
            wait = await self._round() if self._broker.connected else TICK
            pause = min(max(ROUND_PAUSE, self._cost / ROUND_SHARE), TICK)
            await asyncio.sleep(pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(wait, TICK) - pause)):
                    await self._wake.wait()

    async def _round(self) -> float:
        """Publish what is due; return in how many seconds there is more, if nothing changes."""
        now = time.monotonic()
        if self._is_asked_again and now - self._forgotten_at >= AGAIN_PAUSE:
            self._is_asked_again, self._forgotten_at = False, now
            self._pacing.forget()
        await self._renew_devices()
        begun = time.monotonic()
        known = self._known()
        wanted = self._wanted(known)
        self._cost = time.monotonic() - begun
        for topic in list(self._pacing.due(wanted, time.monotonic())):
            payload = wanted[topic].payload
            await self._publish(topic, payload, retain=True)
            self._pacing.published(topic, payload, time.monotonic())
            if topic == self._topics.figures:
                self._has_figures = has_figures(known)
            self._published.labels("configuration" if topic in self._configs else "state").inc()
        wait = self._pacing.next_at(wanted) - time.monotonic()
        return min(wait, AGAIN_PAUSE) if self._is_asked_again else wait

    def _known(self) -> Known:
        """Return what is known of the home at this moment."""
        home, facts = self._home, self._home.facts
        return Known(
            now=facts.now,
            informed=facts.feed.state == "heard",
            complete=facts.window.state == "complete",
            verdict=home_verdict(facts),
            status=home.status,
            alerts=[alert.data for alert in home.alerts] if home.knows_alerts else None,
            events=facts.events,
            latest=home.latest,
            cameras=home.cameras,
        )

    def _wanted(self, known: Known) -> dict[str, Wanted]:
        # That figures are known, or no longer, does not wait as they do.
        figures = FIGURES if has_figures(known) == self._has_figures else HOME
        paces = {self._topics.home: HOME, self._topics.figures: figures}
        configs = {topic: Wanted(payload, CONFIG) for topic, payload in self._configs.items()}
        told = states(self._topics, known, cameras_of(self._devices), self._url)
        return configs | {
            topic: Wanted(payload, paces.get(topic, CAMERA)) for topic, payload in told.items()
        }

    async def _renew_devices(self) -> None:
        """Follow the list of cameras, and those that events tell of; remove what has gone."""
        devices = self._devices
        for camera, at in self._seen.items():
            devices = with_event(devices, camera, at)
        self._seen.clear()
        listed = {camera.id: camera.name for camera in self._home.cameras.values()}
        status = self._home.status
        counted = status.cameras if status else None
        is_whole = counted is not None and len(listed) == min(counted.total, MAX_CAMERAS)
        devices = renewed(devices, listed, self._now(), is_whole=is_whole)
        if devices == self._devices:
            return
        gone = [slug(camera) for camera in self._devices if camera not in devices]
        try:
            # Before anything is published, so that the next replica knows what may be there.
            await self._memory.keep_devices({**self._devices, **devices})
            for name in gone:
                for topic in (self._topics.config(name), self._topics.camera(name)):
                    await self._publish(topic, b"", retain=True)
                    self._pacing.forget(topic)
            if gone:
                await self._memory.keep_devices(devices)
        except (RedisError, OSError) as error:
            self._say(error)
            return
        self._set_devices(devices)

    def _set_devices(self, devices: Devices) -> None:
        self._devices = devices
        self._configs = configurations(self._topics, cameras_of(devices), self._url)

    # Events.

    async def _tell_events(self) -> None:
        channel = self._settings.redis_event_channel
        async with (
            Consumer(self._settings.redis_url, CONSUMER, channel) as consumer,
            aclosing(consumer.messages()) as messages,
        ):
            async for received in messages:
                if isinstance(received, Entry):
                    await self._tell(received)
                else:
                    self._gaps.warning(
                        "events are gone from the history that Home Assistant was not told of",
                        after=received.after,
                        goes_on_at=received.cursor,
                    )
                await consumer.acknowledge(received)

    async def _tell(self, entry: Entry) -> None:
        event = event_in(entry.text, Cursor.parse(entry.cursor), 0)
        if event is None:
            return
        before = await self._ask(lambda: self._memory.told(event))
        topic, name = self._of(event)
        for what in happenings(event, before, self._now()):
            payload = event_message(what, event, name, self._url)
            await self._publish(topic, payload, retain=False)
            self._published.labels("event").inc()
            self._told += 1
            if (now := self._now()) is not None:
                self._delay = max(0, now - event.arrived) / 1000
        if (after := told_by(event, before)) != before:
            await self._ask(lambda: self._memory.keep_told(event, after))

    def _of(self, event: Arrived) -> tuple[str, str]:
        """Return the topic of an event, and its camera's name."""
        given = event.data.get("camera_id")
        identifier = given if isinstance(given, str) else ""
        listed = self._home.cameras.get(identifier)
        if listed is None and len(self._seen) < MAX_CAMERAS:
            self._seen[identifier] = event.arrived
            self._wake.set()
        camera = Camera(id=identifier, name=listed.name if listed else "", listed=False)
        return self._topics.event(camera.slug), shown_name(camera)

    # Both.

    async def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish a message; what the broker will never take is said, and left out."""
        try:
            await self._broker.publish(topic, payload, retain=retain)
        except PublishRefusedError as error:
            self._refused.warning("the broker refuses a message", reason=str(error))

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis until it answers."""
        backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=0.05)
        for failures in itertools.count(1):
            try:
                return await question()
            except (RedisError, OSError) as error:
                self._say(error)
            await asyncio.sleep(backoff.compute(failures))
        raise AssertionError  # It counts without end.

    def _say(self, error: Exception) -> None:
        self._trouble.warning(
            "cannot remember what Home Assistant was told; trying again",
            trouble=f"{type(error).__name__}: {error}".removesuffix(": "),
        )

    def _now(self) -> int | None:
        now = self._now_at_redis()
        return None if now is None else round(now.timestamp() * 1000)
