"""Frigate in: what it says over MQTT becomes security events, each change once and in order.

A message is acknowledged to the broker after Redis has its event. Between the two, this process may
die, and the message comes again: then the history of events says what was told, and for two minutes
Redis refuses the key of what it has. So neither a crash nor another replica makes it twice.
"""

import logging
from typing import Final

import msgspec
from msgspec import Struct
from prometheus_client import Counter

from hsi.logs import Throttled
from hsi.publisher import Publisher
from hsi.schemas import Event
from hsi.schemas.cursor import GREATEST
from hsi.schemas.validation import InvalidMessageError
from hsi_service.bus.history import MAX_PAGE, History
from hsi_service.metrics import LabelledCounter, Metrics
from services.mqtt.broker import Broker
from services.mqtt.frigate import InvalidPayloadError, read_event, read_review
from services.mqtt.messages import Received
from services.mqtt.told import Told, key_of

logger = logging.getLogger(__name__)

PUBLISHED: Final = "published"
UNCHANGED: Final = "unchanged"
FALSE_POSITIVE: Final = "false_positive"
INVALID: Final = "invalid"


class FrigateReport(Struct):
    """What `GET /status` tells of Frigate."""

    topic: str
    published: int
    unchanged: int
    false_positive: int
    invalid: int
    remembered: int
    trouble: str | None
    """What was wrong with the last message that could not be read; null: nothing yet."""


class FrigateIn:
    """Hears Frigate, and publishes what people should know."""

    def __init__(
        self,
        broker: Broker,
        told: Told,
        publisher: Publisher,
        history: History,
        metrics: Metrics,
        *,
        channel: str,
        topic: str,
        follow: str = "events",
    ) -> None:
        """Subscribe, once the broker is connected with.

        Args:
            broker: Where Frigate publishes.
            told: What people know.
            publisher: Of events; closed by its owner.
            history: Of events; read at the first message, for what was told before.
            metrics: The service's.
            channel: Of events.
            topic: Frigate's `topic_prefix`.
            follow: "events" or "reviews".

        """
        self._told = told
        self._publisher = publisher
        self._history = history
        self._channel = channel
        self._remembers = False
        self._counts = dict.fromkeys((PUBLISHED, UNCHANGED, FALSE_POSITIVE, INVALID), 0)
        self._counter = LabelledCounter(
            Counter(
                "hsi_mqtt_frigate",
                "Messages of Frigate, by what became of them.",
                ["outcome"],
                registry=metrics.registry,
            )
        )
        for outcome in self._counts:
            self._counter.labels(outcome)
        self._topic = f"{topic.rstrip('/')}/{follow}"
        self._read = read_review if follow == "reviews" else read_event
        self._trouble: str | None = None
        self._strange = Throttled(logger)
        broker.on_message(self._topic, self.hear)

    def forget(self) -> None:
        """Read the history again at the next message: another replica may have led meanwhile."""
        self._remembers = False

    async def hear(self, received: Received) -> None:
        """Publish what a message says, unless people know it.

        Raises:
            PublishError: Redis has not acknowledged it; the message is to come again.
            RedisError: Nor can its history be read.

        """
        if received.retain:
            return self._count(UNCHANGED)  # Of a time that nobody knows.
        try:
            sighting = self._read(received.payload)
        except InvalidPayloadError as error:
            return self._cannot_read(str(error), received.topic)
        if not self._remembers:
            await self._remember()
        event = self._told.news(sighting)
        if event is None:
            return self._count(FALSE_POSITIVE if sighting.is_false_positive else UNCHANGED)
        try:
            await self._publisher.publish(self._channel, event, key=key_of(event))
        except InvalidMessageError as error:
            return self._cannot_read(str(error), received.topic)
        self._told.tell(event)
        return self._count(PUBLISHED)

    def report(self) -> FrigateReport:
        """Return what `GET /status` tells."""
        return FrigateReport(
            topic=self._topic, remembered=len(self._told), trouble=self._trouble, **self._counts
        )

    async def _remember(self) -> None:
        """Learn from the history what was told before."""
        entries = await self._history.before(self._channel, GREATEST, MAX_PAGE)
        for entry in reversed(entries):
            try:
                self._told.tell(msgspec.json.decode(entry.text, type=Event))
            except msgspec.DecodeError:
                continue  # Of somebody else, and so not of Frigate.
        self._remembers = True

    def _cannot_read(self, why: str, topic: str) -> None:
        self._trouble = why
        self._strange.warning("a message that is not Frigate's", topic=topic, trouble=why)
        self._count(INVALID)

    def _count(self, outcome: str) -> None:
        self._counts[outcome] += 1
        self._counter.labels(outcome).inc()
