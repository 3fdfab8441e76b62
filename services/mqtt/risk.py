"""How risky is what a camera saw: a table, of which the first row that fits decides. Pure, no I/O.

The table is `FRIGATE_RISKS`, a JSON list; `DEFAULT` is what holds without it. What no row fits has
the risk `UNLISTED`, which people hear of, and which wakes nobody.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hsi.schemas.events import RiskLevel
from hsi.verdict import SCORES

UNLISTED = 35
Severity = Literal["alert", "detection"]
_Name = Annotated[str, Meta(min_length=1, max_length=128)]
_Names = _Name | Annotated[tuple[_Name, ...], Meta(min_length=1)]
_HOUR = r"([01]\d|2[0-3]):([0-5]\d)"
_HOURS = re.compile(rf"{_HOUR}-{_HOUR}")


class RiskTableError(ValueError):
    """A table that cannot be used; its text is one line."""


def _hours(text: str) -> tuple[int, int]:
    """Return the minutes of the day at which a period begins and ends."""
    if found := _HOURS.fullmatch(text):
        from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
        begin, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
        if begin != end:
            return begin, end
    raise ValueError(f"hours {text[:40]!r}: expected two times of a day, as 22:00-06:00")


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row: what is said must fit, what is not said fits always."""

    risk: Annotated[int, Meta(ge=0, le=100)]
    label: _Names = ()
    camera: _Names = ()
    zone: _Names = ()
    """It was in one of these."""
    hours: str = ""
    """When it began, as 22:00-06:00, in the time zone of the home."""
    min_score: Annotated[float, Meta(ge=0, le=1)] = 0
    """How sure Frigate is, at least."""
    severity: Severity | None = None
    """Of a review; a tracked object has none, and fits a row without."""

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        if self.hours:
            _hours(self.hours)


class Sight(Struct, frozen=True, kw_only=True):
    """What a row is compared with."""

    labels: Sequence[str]
    camera: str
    zones: Sequence[str]
    began: time
    """By the clock of the home."""
    score: float
    severity: Severity | None = None


_AT_NIGHT = "22:00-06:00"
_VEHICLES = ("car", "truck", "bus", "motorcycle", "bicycle", "boat")
_ANIMALS = ("dog", "cat", "bird", "rabbit", "squirrel", "horse", "cow", "sheep", "goat", "fox")
DEFAULT = (
    Row(label=("fire_alarm", "smoke_detector"), risk=95),
    Row(label=("scream", "glass", "shatter", "gunshot"), risk=75),
    Row(label="bear", risk=75),
    Row(label="person", hours=_AT_NIGHT, min_score=0.7, risk=70),
    Row(label="person", risk=50),
    Row(label=_VEHICLES, hours=_AT_NIGHT, risk=40),
    Row(label=(*_VEHICLES, "package", "face", "license_plate", "bark", "speech", "yell"), risk=20),
    Row(label=_ANIMALS, risk=10),
)


def parse_table(text: str) -> tuple[Row, ...]:
    """Return the table that a JSON list is.

    Raises:
        RiskTableError: It is not one.

    """
    try:
        rows = msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise RiskTableError(f"expected a JSON list of rows: {error}") from None
    table = []
    for number, row in enumerate(rows, start=1):
        try:
            table.append(msgspec.json.decode(row, type=Row))
        except msgspec.DecodeError as error:
            raise RiskTableError(f"row {number} of {len(rows)}: {error}") from None
    if not table:
        raise RiskTableError("has no row; leave it out for the usual table")
    return tuple(table)


def risk_of(table: Iterable[Row], sight: Sight) -> int:
    """Return a risk from 0 to 100: that of the riskiest label."""
    rows = tuple(table)
    return max((_risk_of(rows, label, sight) for label in sight.labels), default=UNLISTED)


def level_of(risk: int) -> RiskLevel:
    """Return the level that a risk has everywhere in this project."""
    return next(level for level, (least, most) in SCORES.items() if least <= risk <= most)


def _risk_of(rows: Sequence[Row], label: str, sight: Sight) -> int:
    return next((row.risk for row in rows if _fits(row, label, sight)), UNLISTED)


def _fits(row: Row, label: str, sight: Sight) -> bool:
    return (
        _names(row.label, label)
        and _names(row.camera, sight.camera)
        and (not row.zone or any(_names(row.zone, zone) for zone in sight.zones))
        and (not row.hours or _is_within(_hours(row.hours), sight.began))
        and sight.score >= row.min_score
        and (row.severity is None or row.severity == sight.severity)
    )


def _names(names: str | tuple[str, ...], name: str) -> bool:
    return not names or name in ((names,) if isinstance(names, str) else names)


def _is_within(hours: tuple[int, int], began: time) -> bool:
    begin, end = hours
    minute = began.hour * 60 + began.minute
    return begin <= minute < end if begin < end else minute >= begin or minute < end
