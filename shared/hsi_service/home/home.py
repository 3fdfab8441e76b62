"""Home: how the home is, followed in Redis, for what tells people of it.

It listens to events, statuses and figures, as a page does, and like a page it claims nothing that
it has no proof of (`hsi.verdict`).
"""

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Callable, Mapping, Sequence

from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.schemas import (
    CameraStatus,
    PerformanceUpdate,
    RaisedAlert,
    SystemStatus,
    SystemStatusData,
    channels,
)
from hsi.verdict import (
    Arrived,
    Cameras,
    Facts,
    Feed,
    HomeVerdict,
    QueueWatch,
    Status,
    home_verdict,
)
from hsi_service.bus.intake import Message, examine
from hsi_service.bus.subscriber import Subscription
from hsi_service.home.cameras import MAX_CAMERAS, CameraAt, camera_of
from hsi_service.home.followed_events import FollowedEvents
from hsi_service.home.reader import HomeReader
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service

logger = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two statuses (`BROADCAST_INTERVAL`), where nobody says otherwise."""
UNHEARD = 3
"""Intervals after which a status says nothing about now."""
LONGEST = 30.0
"""Seconds after which `changed` returns though nothing changed."""
BEAT = 1.0
"""Seconds between two looks at what no message tells: that nothing is heard any more."""
CAMERAS_INTERVAL = 30.0
"""Seconds between two readings of the cameras, though nothing says that there are others."""
AGAIN = 1.0
"""Seconds until Redis is asked again after it did not answer."""


class Home:
    """What is known of the home, followed in Redis: verdict, status, cameras, alerts, events."""

    def __init__(self, service: Service, settings: Settings, *, interval: float = INTERVAL) -> None:
        """Connect when it runs.

        Args:
            service: The replica, whose subscription is used.
            settings: Where Redis is, and the channel of events.
            interval: Seconds between two statuses.

        """
        self._service = service
        self._channel = settings.redis_event_channel
        self._interval = interval
        self._reader = HomeReader(
            settings.redis_url, service.history, self._channel, name=service.name
        )
        service.on_shutdown(self._reader.aclose)
        self._version = 0
        self._news = asyncio.Event()
        self._told: weakref.WeakKeyDictionary[asyncio.Task[object], int] = (
            weakref.WeakKeyDictionary()
        )
        self._wake = asyncio.Event()
        self._trouble = Throttled(logger)
        self._message_at = 0.0
        """When the last message came, of any channel."""
        self._forget()

    def _forget(self) -> None:
        """Know nothing."""
        self._events = FollowedEvents(
            self._channel,
            self._service.history,
            self._reader,
            now=self._now,
            on_missed=self._wake.set,
        )
        self._status: SystemStatusData | None = None
        self._status_at: float | None = None
        self._queues = QueueWatch()
        self._cameras: dict[str, CameraAt] = {}
        self._cameras_meanwhile: dict[str, CameraAt] = {}
        """What was told of cameras while they are read."""
        self._cameras_due = 0.0
        self._alerts: dict[str, RaisedAlert] = {}
        self._alerts_at: float | None = None
        """When all of them were told last."""
        self._proofs: object = None
        self._outages = self._service.subscriber.outages

    # What is known.

    @property
    def verdict(self) -> HomeVerdict:
        """How the home is, as far as it is proven; by Redis' clock."""
        return home_verdict(self.facts)

    @property
    def facts(self) -> Facts:
        """What the verdict is made of."""
        status = self.status
        return Facts(
            now=self._now(),
            feed=self._feed(),
            window=self._events.window(),
            status=self._status_heard(),
            cameras=_counts_of(status),
            ai=dict(status.services) if status else {},
            queues=self._queues.queues,
            events=self._events.kept.events,
            seen=self._events.seen,
        )

    @property
    def status(self) -> SystemStatusData | None:
        """The latest status; None when none was heard for over 3 intervals."""
        return self._status if self._status_heard().state == "heard" else None

    @property
    def cameras(self) -> Mapping[str, CameraAt]:
        """The cameras by id: how each is, and since when."""
        return self._cameras

    @property
    def alerts(self) -> Sequence[RaisedAlert]:
        """The alerts that are raised, as they were last told."""
        return list(self._alerts.values())

    @property
    def knows_alerts(self) -> bool:
        """Whether those are all: not where no figures were heard for over 3 intervals."""
        at = self._alerts_at
        return at is not None and self._loop_time() - at <= UNHEARD * self._interval

    @property
    def latest(self) -> Mapping[str, Arrived]:
        """The latest event by camera, of a day at least."""
        return self._events.kept.latest

    @property
    def heard_at(self) -> float | None:
        """When Redis was last heard, in seconds of the event loop's clock; None: never."""
        subscriber = self._service.subscriber
        found = max(subscriber.heard_until, subscriber.listening_since, self._message_at)
        return found if found > 0 else None

    async def changed(self) -> None:
        """Wait for the next change, 30 s at most.

        What has changed since the same task asked last is not waited for: none is missed while it
        is at work.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a coroutine runs in one)
        if self._told.get(task) == self._version:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await self._news.wait()
        self._told[task] = self._version

    # Following.

    async def run(self) -> None:
        """Follow until cancelled; know nothing at first, and again when it is begun again."""
        self._forget()
        subscriptions = [
            self._listen(self._channel, self._hear_event, self._missed_events),
            self._listen(channels.SYSTEM_STATUS, self._hear_status, self._missed_cameras),
            self._listen(channels.PERFORMANCE_UPDATE, self._hear_figures, self._wake.set),
        ]
        try:
            while True:
                self._wake.clear()
                await self._follow()
                self._look_at_proofs()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await self._wake.wait()
        finally:
            for subscription in subscriptions:
                subscription.close()

    def _listen(
        self, channel: str, hear: Callable[[Message], bool], missed: Callable[[], None]
    ) -> Subscription:
        return self._service.subscriber.subscribe(channel, _Ear(self, hear, missed))

    def heard(self, payload: bytes, hear: Callable[[Message], bool]) -> None:
        """Take a payload of a channel.

        Args:
            payload: As it came.
            hear: Takes the message, and returns whether it changes anything.

        """
        self._message_at = self._loop_time()
        message = examine(payload).message
        if message is not None and hear(message):
            self._changed()

    async def _follow(self) -> None:
        """Read what is missing; what Redis does not answer is asked again."""
        subscriber = self._service.subscriber
        try:
            if self._events.is_due and subscriber.established(self._channel):
                await self._events.catch_up()
                self._changed()
            is_due = self._loop_time() >= self._cameras_due
            if is_due and subscriber.established(channels.SYSTEM_STATUS):
                await self._read_cameras()
        except (RedisError, OSError) as error:
            self._trouble.warning(
                "cannot read how the home is; trying again",
                trouble=f"{type(error).__name__}: {error}".removesuffix(": "),
            )
            await asyncio.sleep(AGAIN)
        self._events.drop_old()

    async def _read_cameras(self) -> None:
        self._cameras_meanwhile = {}
        found = dict(await self._reader.cameras())
        cameras = found | self._cameras_meanwhile
        self._cameras_due = self._loop_time() + CAMERAS_INTERVAL
        if cameras != self._cameras:
            self._cameras = cameras
            self._changed()

    def _missed_events(self) -> None:
        """Read what was missed; where Redis was not heard, nothing is claimed until then."""
        outages = self._service.subscriber.outages
        self._events.missed(in_outage=outages != self._outages)
        self._outages = outages

    def _missed_cameras(self) -> None:
        self._cameras_due = 0.0
        self._wake.set()

    # What is heard.

    def _hear_event(self, message: Message) -> bool:
        self._events.hear(message)
        return True

    def _hear_status(self, message: Message) -> bool:
        body = message.body
        if isinstance(body, CameraStatus):
            camera = camera_of(body.data)
            self._cameras_meanwhile[camera.id] = camera
            self._cameras = {**self._cameras, camera.id: camera}
        elif isinstance(body, SystemStatus):
            self._take_status(body.data)
        return isinstance(body, CameraStatus | SystemStatus)

    def _take_status(self, status: SystemStatusData) -> None:
        self._status, self._status_at = status, self._loop_time()
        queues, now = status.queues, self._now()
        if now is not None:
            self._queues.note(
                now,
                detection=queues.detection_queue if queues else None,
                analysis=queues.analysis_queue if queues else None,
            )
        counted = status.cameras
        if counted and min(counted.total, MAX_CAMERAS) != len(self._cameras):
            self._missed_cameras()

    def _hear_figures(self, message: Message) -> bool:
        body = message.body
        if isinstance(body, RaisedAlert):
            if body.data.ended is None:
                self._alerts[body.data.id] = body
            else:
                self._alerts.pop(body.data.id, None)
            return True
        if isinstance(body, PerformanceUpdate) and isinstance(body.data.raised, list):
            at = body.data.timestamp
            raised = {one.id: RaisedAlert(data=one, timestamp=at) for one in body.data.raised}
            is_new = raised.keys() != self._alerts.keys() or not self.knows_alerts
            self._alerts, self._alerts_at = raised, self._loop_time()
            return is_new
        return False

    # What is proven.

    def _feed(self) -> Feed:
        is_subscribed = self._service.subscriber.established(self._channel)
        if is_subscribed and self._service.probe.is_heard():
            return Feed("heard")
        if (heard_at := self.heard_at) is None:
            return Feed("waiting")
        return Feed("silent", self._moment(heard_at))

    def _status_heard(self) -> Status:
        if self._status_at is None:
            return Status("waiting")
        if self._loop_time() - self._status_at > UNHEARD * self._interval:
            return Status("silent", self._moment(self._status_at))
        return Status("heard")

    def _look_at_proofs(self) -> None:
        """Notice that something is heard no longer, or again: no message tells it."""
        proofs = self._feed().state, self._events.window().state, self._status_heard().state
        if proofs != self._proofs:
            self._proofs = proofs
            self._changed()

    def _changed(self) -> None:
        self._version += 1
        self._news.set()
        self._news = asyncio.Event()

    def _now(self) -> int | None:
        now = self._service.probe.now()
        return None if now is None else round(now.timestamp() * 1000)

    def _moment(self, at: float) -> int | None:
        """Return a time of the event loop's clock in ms since 1970, by Redis' clock."""
        now = self._now()
        return None if now is None else now - round((self._loop_time() - at) * 1000)

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()


class _Ear:
    """Hears one channel for the home."""

    def __init__(
        self, home: Home, hear: Callable[[Message], bool], missed: Callable[[], None]
    ) -> None:
        self._home = home
        self._hear = hear
        self._missed = missed

    def hear(self, payload: bytes) -> None:
        """Take a payload."""
        self._home.heard(payload, self._hear)

    def subscribed(self) -> None:
        """Read what may have been missed."""
        self._missed()


def _counts_of(status: SystemStatusData | None) -> Cameras | None:
    counted = status.cameras if status else None
    if counted is None:
        return None
    return Cameras(total=counted.total, online=counted.online, offline=counted.offline)
