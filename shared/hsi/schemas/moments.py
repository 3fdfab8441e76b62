"""Times that somebody else wrote: without an offset, of any year, or no times at all. Pure."""

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_YEAR_9999 = 253_370_764_800


def utc(at: datetime) -> datetime:
    """Return a time as UTC; one without an offset is UTC."""
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # Its offset leads out of the calendar.
        return _FIRST if at.year == 1 else _LAST


def seconds_of(at: datetime) -> float:
    """Return the seconds from 1970 to a time."""
    return (utc(at) - _EPOCH).total_seconds()


def moment_of(seconds: float) -> datetime | None:
    """Return the time so many seconds after 1970 (UTC); None where that is no time."""
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _YEAR_9999 else None
