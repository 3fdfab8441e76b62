"""An hour of figures in sixty points, in which every peak is still there. Pure.

A point stands for some rounds: of each figure it has the worst, which is the highest, or for hit
ratios the lowest; of each status the worst; and every alert that there was.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import fields

from hsi.schemas import PerformanceUpdateData
from hsi.schemas.performance import Alert, ContainerMetrics, GpuDevice, RaisedAlertData

MAX_POINTS = 60

_LOW = frozenset({"cache_hit_ratio", "hit_ratio"})
"""Figures that are worse when they are lower."""
_WORSE = {
    word: rank
    for words in (
        ("healthy", "starting", "degraded", "unhealthy", "unreachable"),
        ("running", "unknown", "restarting", "stopped"),
        ("warning", "critical"),
    )
    for rank, word in enumerate(words)
}
_KEYS: dict[type, str] = {
    GpuDevice: "index",
    ContainerMetrics: "name",
    Alert: "metric",
    RaisedAlertData: "id",
}
"""What tells entries of a list apart."""


def downsampled(
    points: Iterable[PerformanceUpdateData], *, seconds: float, now: float
) -> list[PerformanceUpdateData]:
    """Return the points of the last so many seconds as at most `MAX_POINTS`, oldest first.

    Points fall into slots that begin at multiples of their width, so that they stay together from
    one request to the next.

    Args:
        points: Oldest first.
        seconds: How far back.
        now: Seconds since 1970.

    """
    width = seconds / MAX_POINTS
    newest = now // width

    def slot(point: PerformanceUpdateData) -> float:
        return point.timestamp.timestamp() // width

    recent = (point for point in points if newest - MAX_POINTS < slot(point) <= newest)
    return [peak(list(group)) for _, group in itertools.groupby(recent, slot)]


def peak(points: Sequence[PerformanceUpdateData]) -> PerformanceUpdateData:
    """Return one point that stands for some; its time is the last one's."""
    merged: PerformanceUpdateData = _merged("", points)
    return merged


def _merged(name: str, values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None and value is not UNSET]
    if not known:
        return values[-1]
    last = known[-1]
    match last:
        case Alert():
            merged: Any = max(reversed(known), key=lambda alert: _WORSE[alert.severity])
        case RaisedAlertData():
            merged = last  # It knows its peak.
        case Struct():
            merged = type(last)(
                **{
                    field.name: _merged(field.name, [getattr(each, field.name) for each in known])
                    for field in fields(last)
                }
            )
        case list():
            merged = _merged_lists(known)
        case int() | float():
            merged = min(known) if name in _LOW else max(known)
        case str() if last in _WORSE:
            merged = max(known, key=lambda word: _WORSE.get(word, 0))
        case _:
            merged = last
    return merged


def _merged_lists(lists: Sequence[list[Any]]) -> list[Any]:
    entries: dict[Any, list[Any]] = {}
    for entry in itertools.chain.from_iterable(lists):
        entries.setdefault(getattr(entry, _KEYS[type(entry)]), []).append(entry)
    return [_merged("", each) for each in entries.values()]
