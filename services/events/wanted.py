"""Which events are asked for. Pure.

What is asked for in other words or another order is the same `Wanted`, so its answer is shared.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self, get_args

from hsi.schemas import RiskLevel
from hsi.schemas.cursor import Cursor
from hsi.verdict import MAX_SCORE, SCORES, risk_of
from hsi_service.bus.intake import parts_of

MINUTE = 60_000
"""Milliseconds."""
MAX_CAMERAS = 100
"""Cameras that may be asked for at once."""
MAX_CAMERA_ID = 256
"""Characters of a camera's id."""
MAX_TEXT = 100
"""Characters of the text that is looked for."""
MAX_TIME = 40
"""Characters of a time."""
_LEVELS: tuple[RiskLevel, ...] = get_args(RiskLevel)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STORED = re.compile(r"stored-([0-9]{1,18})")


class ParameterError(ValueError):
    """A parameter that makes no sense; the text says why, and does not quote it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


class StoredId(NamedTuple):
    """The place of an event that the database has, and not the history."""

    id: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the place that a text is, or None if it is not one."""
        found = _STORED.fullmatch(text)
        return cls(int(found[1])) if found else None

    def __str__(self) -> str:
        return f"stored-{self.id}"


Place = Cursor | StoredId
"""Where an event is; to clients, each is an opaque cursor."""


def place_of(text: str) -> Place | None:
    """Return the place that a text is, or None if it is not one."""
    return Cursor.parse(text) or StoredId.parse(text)


class Wanted(NamedTuple):
    """What of a history is asked for."""

    minutes: int | None
    """The window is as long, and ends now; None: it is the period from `start` to `end`."""
    limit: int
    start: int = 0
    """The first millisecond of the period, since 1970."""
    end: int | None = None
    """The first one after it; None: it goes on."""
    camera_ids: frozenset[str] = frozenset()
    """One of these has seen it; empty: any."""
    levels: frozenset[RiskLevel] = frozenset()
    """It is of one of these; empty: of any."""
    min_risk: int | None = None
    words: frozenset[str] = frozenset()
    """Each of them is in its text, whatever its case."""
    seen: bool | None = None
    """Whether somebody of the household has seen it; None: either."""
    before: Place | None = None

    def begins(self, now: int) -> int:
        """Return the first millisecond of the window; all in milliseconds since 1970."""
        return self.start if self.minutes is None else now - self.minutes * MINUTE

    @property
    def is_filtered(self) -> bool:
        """Whether some messages are left out."""
        narrows = self.camera_ids or self.levels or self.words
        return bool(narrows) or self.min_risk is not None or self.seen is not None

    def fits(self, text: str) -> bool:
        """Return whether a message is one of those, as far as itself says."""
        return not self.is_filtered or self.fits_data(*parts_of(text))

    def fits_data(self, kind: str, data: dict[str, Any]) -> bool:
        """Return whether a message of this type and with this `data` is, as far as that says."""
        if self.camera_ids and camera_of(data) not in self.camera_ids:
            return False
        if self.levels and not _may_be_of(kind, data, self.levels):
            return False
        if self.min_risk is not None and greatest_risk(kind, data) < self.min_risk:
            return False
        return not self.words or _has_all(data, self.words)

    def fits_mark(self, mark: object) -> bool:
        """Return whether a message is one of those, by who has seen it; None: nobody has."""
        return self.seen is None or self.seen is (mark is not None)


def wanted_of(
    *,
    minutes: int,
    limit: int,
    camera_id: Sequence[str] | None = None,
    level: Sequence[str] | None = None,
    min_risk: int | None = None,
    q: str | None = None,
    seen: bool | None = None,
    from_: str | None = None,
    to: str | None = None,
    before: str | None = None,
) -> Wanted:
    """Return what the parameters of a request ask for.

    Raises:
        ParameterError: One of them makes no sense.

    """
    place = None if before is None else place_of(before)
    if before is not None and place is None:
        raise ParameterError("before", "expected a cursor")
    start = None if from_ is None else _moment("from", from_)
    end = None if to is None else _moment("to", to)
    if end is not None and end <= (start or 0):
        raise ParameterError("to", "expected a time after that of `from`, and after 1970")
    is_period = start is not None or end is not None
    return Wanted(
        minutes=None if is_period else minutes,
        limit=limit,
        start=max(0, start or 0),
        end=end,
        camera_ids=cameras_of(camera_id or ()),
        levels=frozenset(_level(text) for text in level or ()),
        min_risk=min_risk,
        words=_words(q or ""),
        seen=seen,
        before=place,
    )


def _moment(name: str, text: str) -> int:
    """Return a time in milliseconds since 1970; one without an offset is UTC."""
    try:
        time = datetime.fromisoformat(text[: MAX_TIME + 1])
    except ValueError:
        raise ParameterError(name, "expected a time as 2026-01-15T10:30:00Z") from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // timedelta(milliseconds=1)


def cameras_of(ids: Sequence[str]) -> frozenset[str]:
    """Return the cameras that are asked for.

    Raises:
        ParameterError: There are too many, or an id is too long.

    """
    if len(ids) > MAX_CAMERAS:
        raise ParameterError("camera_id", f"expected at most {MAX_CAMERAS} cameras")
    if any(len(one) > MAX_CAMERA_ID for one in ids):
        raise ParameterError("camera_id", f"expected at most {MAX_CAMERA_ID} characters")
    return frozenset(ids)


def _level(text: str) -> RiskLevel:
    for level in _LEVELS:
        if level == text:
            return level
    raise ParameterError("level", f"expected one of {', '.join(_LEVELS)}")


def _words(text: str) -> frozenset[str]:
    if len(text) > MAX_TEXT:
        raise ParameterError("q", f"expected at most {MAX_TEXT} characters")
    return frozenset(text.casefold().split())


# What a message says, of any producer.


def camera_of(data: dict[str, Any]) -> str | None:
    """Return the id of the camera that saw it; None where it names none."""
    camera = data.get("camera_id")
    return None if camera is None else str(camera)


def event_id_of(data: dict[str, Any]) -> str | None:
    """Return an event's id; None where it has none."""
    found = data.get("event_id")
    found = data.get("id") if found is None else found
    return None if found is None else str(found)


def greatest_risk(kind: str, data: dict[str, Any]) -> float:
    """Return the risk that a message may be of: the higher one of its score and its level.

    An event of which neither can be read may be of any: it is never lost to a filter. A message of
    another type without a score has none.

    Args:
        kind: The message's type.
        data: Its `data`, whatever is in it.

    """
    risk = risk_of(data)
    if risk.level is None:
        return MAX_SCORE if kind == "event" else -1
    least, greatest = SCORES[risk.level]
    return greatest if risk.score is None else max(risk.score, least)


def _may_be_of(kind: str, data: dict[str, Any], levels: Iterable[RiskLevel]) -> bool:
    """Return whether a message is shown as of one of these levels; an event may be of any."""
    level = risk_of(data).level
    return kind == "event" if level is None else level in levels


def _has_all(data: dict[str, Any], words: Iterable[str]) -> bool:
    summary = data.get("summary")
    text = f"{summary if isinstance(summary, str) else ''}\n{camera_of(data) or ''}".casefold()
    return all(word in text for word in words)


class Sighting(NamedTuple):
    """Which events are others of the same camera."""

    camera_id: str
    event_id: str | None
    """Of the one that they are beside: told again, it is the same event."""

    def is_beside(self, text: str) -> bool:
        """Return whether a message is such an event."""
        kind, data = parts_of(text)
        if kind != "event" or camera_of(data) != self.camera_id:
            return False
        return self.event_id is None or event_id_of(data) != self.event_id


def sighting_of(text: str) -> Sighting | None:
    """Return what the events beside a message have; None: no camera has seen it."""
    kind, data = parts_of(text)
    camera = camera_of(data)
    return Sighting(camera, event_id_of(data)) if kind == "event" and camera is not None else None
