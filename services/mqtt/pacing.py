"""When what is retained is published: at once when it changes, and not too often. Pure.

A topic's first change is published at once; what changes until its pause is over is published
together then, as it is by then. So a burst of events costs a message a second and camera, and the
last state is never lost. What expires in Home Assistant is told again before it does.
"""

import math
from collections.abc import Iterator, Mapping

from msgspec import Struct


class Pace(Struct, frozen=True):
    """How often a topic is published."""

    pause: float
    """Seconds between two messages, at least."""
    again: float = math.inf
    """Seconds after which an unchanged one is published again."""


class Wanted(Struct, frozen=True):
    """What a topic is to hold."""

    payload: bytes
    pace: Pace


class Pacing:
    """What was published, and when; times are seconds of any clock that only grows."""

    def __init__(self) -> None:
        """Begin with nothing published."""
        self._published: dict[str, tuple[bytes, float]] = {}

    def due(self, wanted: Mapping[str, Wanted], now: float) -> Iterator[str]:
        """Yield the topics that are to be published, in the order given."""
        return (topic for topic, what in wanted.items() if self._due_at(topic, what) <= now)

    def next_at(self, wanted: Mapping[str, Wanted]) -> float:
        """Return when the next of these topics is due; infinity: none is before it changes."""
        return min((self._due_at(topic, what) for topic, what in wanted.items()), default=math.inf)

    def published(self, topic: str, payload: bytes, now: float) -> None:
        """Record that a topic was published."""
        self._published[topic] = payload, now

    def forget(self, topic: str | None = None) -> None:
        """Publish a topic again as if it had never been; None: all of them."""
        if topic is None:
            self._published.clear()
        else:
            self._published.pop(topic, None)

    def _due_at(self, topic: str, what: Wanted) -> float:
        if (published := self._published.get(topic)) is None:
            return -math.inf
        payload, at = published
        return at + (what.pace.again if payload == what.payload else what.pace.pause)
