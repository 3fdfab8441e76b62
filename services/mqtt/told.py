"""What people have been told of Frigate's sightings, so that they hear of each change once. Pure.

Frigate repeats itself: each better snapshot, each second of a car that stands. A message is worth
telling when it says something that was not told yet: its summary, its picture, its end, or a
higher risk, which never falls again. So a message that comes twice, or late, changes nothing, and
neither does one that comes again to a process that has only the history to remember by.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, field

from hsi.schemas import Event, EventData
from services.mqtt.frigate import Sighting, number_of, summary_of
from services.mqtt.risk import Row, Sight, level_of, risk_of

MAX_REMEMBERED = 2000
"""Sightings of which is known what was told; of more, those of which nothing was heard longest."""


class _Known(Struct):
    risk: int = 0
    summaries: set[str] = field(default_factory=set)
    image_url: str | None = None
    ended: bool = False


class Told:
    """What was told, and what is to be told next."""

    def __init__(
        self,
        table: Sequence[Row],
        timezone: ZoneInfo,
        frigate_url: str,
        *,
        remembered: int = MAX_REMEMBERED,
    ) -> None:
        """Begin with nothing told.

        Args:
            table: Of risks.
            timezone: Of the home.
            frigate_url: Where browsers reach Frigate, for pictures and clips; empty: none.
            remembered: How many sightings, at most.

        """
        self._table = table
        self._timezone = timezone
        self._url = frigate_url.rstrip("/")
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._remembered = remembered

    def __len__(self) -> int:
        return len(self._known)

    def news(self, sighting: Sighting) -> Event | None:
        """Return what is to be told of a sighting; None: people know it already."""
        known = self._known.get(sighting.id)
        if known.ended if known else sighting.is_false_positive:
            return None
        began = sighting.began.astimezone(self._timezone)
        risk = risk_of(
            self._table,
            Sight(
                labels=sighting.labels,
                camera=sighting.camera,
                zones=sighting.zones,
                began=began.time(),
                score=sighting.score,
                severity=sighting.severity,
            ),
        )
        risk = max(risk, known.risk if known else 0)
        image_url = self._address(sighting.image_path) or (known.image_url if known else None)
        event = Event(
            data=EventData(
                id=number_of(sighting.id),
                event_id=number_of(sighting.id),
                batch_id=sighting.id,
                camera_id=sighting.camera,
                risk_score=risk,
                risk_level=level_of(risk),
                summary=summary_of(sighting),
                started_at=sighting.began,
                ended_at=sighting.ended or UNSET,
                image_url=image_url or UNSET,
                clip_url=self._address(sighting.clip_path) or UNSET,
            )
        )
        return event if known is None or _is_news(event.data, known) else None

    def tell(self, event: Event) -> None:
        """Record that people were told; also of what a history has, oldest first."""
        data = event.data
        known = self._known.setdefault(data.batch_id, _Known())
        self._known.move_to_end(data.batch_id)
        known.risk = max(known.risk, data.risk_score)
        known.summaries.add(data.summary)
        known.ended = known.ended or bool(data.ended_at)
        known.image_url = data.image_url or known.image_url
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)

    def _address(self, path: str | None) -> str | None:
        return f"{self._url}{path}" if self._url and path else None


def key_of(event: Event) -> str:
    """Return an idempotency key: the same for the same news of the same sighting."""
    data = event.data
    said = f"{data.risk_score} {data.ended_at or ''} {data.image_url or ''} {data.summary}"
    return f"frigate:{data.event_id}:{blake2b(said.encode(), digest_size=12).hexdigest()}"


def _is_news(data: EventData, known: _Known) -> bool:
    """Return whether it says something that people do not know of an event that goes on."""
    return (
        bool(data.ended_at)
        or data.risk_score > known.risk
        or data.summary not in known.summaries
        or bool(data.image_url and not known.image_url)
    )
