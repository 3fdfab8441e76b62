"""Days of figures in bins, each with mean, lowest and highest: no peak is averaged away. Pure.

A bin is made of the rounds of one stretch of time, which begins at a multiple of its length. So
any leader makes the same ones of the same rounds, and each can be made again until its rounds are
gone.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from msgspec import UNSET, Struct

from hsi.schemas import PerformanceUpdateData

TrendRange = Literal["24h", "7d"]


class Resolution(NamedTuple):
    """How far back a trend goes, and in which steps; both in seconds."""

    length: int
    step: int

    @property
    def bins(self) -> int:
        """How many bins are kept."""
        return self.length // self.step


RESOLUTIONS: Mapping[TrendRange, Resolution] = {
    "24h": Resolution(length=24 * 3600, step=120),
    "7d": Resolution(length=7 * 24 * 3600, step=900),
}
MAX_GPUS = 8
"""GPUs that have a trend of their own."""
_PARTS = ("gpu", "inference", "databases", "host")
_LARGEST = 1e15
"""No figure is beyond it: what is, was never measured."""

Statistic = tuple[float, float, float]
"""Mean, lowest and highest."""


class Bin(Struct, array_like=True):
    """Figures of a stretch of time."""

    began: int
    """Seconds since 1970."""
    figures: dict[str, Statistic]
    """By path, as in `gpu.temperature`."""


class FigureTrend(Struct):
    """One figure over time: an entry for each bin, null where nobody could measure it."""

    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]


class PerformanceTrend(Struct):
    """Figures of a day or a week."""

    range: TrendRange
    step: int
    """Seconds of a bin."""
    began: list[int]
    """When each bin began, seconds since 1970, oldest first; one without a round is missing."""
    figures: dict[str, FigureTrend]
    """By path: `gpu.temperature`; of several GPUs also `gpus.1.temperature`, by index."""


def figures_of(data: PerformanceUpdateData) -> dict[str, float]:
    """Return all that was measured in a round, by path."""
    found: dict[str, float] = {}
    for name in _PARTS:
        _collect(name, getattr(data, name), found)
    if data.gpus is not UNSET and len(data.gpus) > 1:
        for gpu in data.gpus[:MAX_GPUS]:
            _collect(f"gpus.{gpu.index}", gpu, found)
            del found[f"gpus.{gpu.index}.index"]
    return found


def _collect(path: str, value: Any, found: dict[str, float]) -> None:
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            _collect(f"{path}.{name}", getattr(value, name), found)
    elif isinstance(value, int | float) and -_LARGEST < value < _LARGEST:
        found[path] = float(value)


def bins(
    points: Iterable[PerformanceUpdateData], *, step: int, since: int, until: float
) -> list[Bin]:
    """Return the bins of some rounds that began at `since` or later and are over, oldest first.

    Args:
        points: In any order.
        step: Seconds of a bin.
        since: Seconds since 1970, a multiple of `step`.
        until: Now, in seconds since 1970.

    """
    values: dict[int, dict[str, list[float]]] = {}
    for point in points:
        began = math.floor(point.timestamp.timestamp() / step) * step
        if since <= began <= until - step:
            figures = values.setdefault(began, {})
            for path, value in figures_of(point).items():
                figures.setdefault(path, []).append(value)
    return [
        Bin(began, {path: _statistic(each) for path, each in figures.items()})
        for began, figures in sorted(values.items())
    ]


def _statistic(values: list[float]) -> Statistic:
    low, high = min(values), max(values)
    # What is rounded must not leave its extremes.
    return min(max(round(math.fsum(values) / len(values), 2), low), high), low, high


def trend(name: TrendRange, found: list[Bin]) -> PerformanceTrend:
    """Return bins as columns, in which each figure's path stands once.

    Args:
        name: The range.
        found: Oldest first.

    """
    paths = dict.fromkeys(path for each in found for path in each.figures)
    columns: dict[str, FigureTrend] = {}
    for path in paths:
        statistics = [each.figures.get(path, (None, None, None)) for each in found]
        columns[path] = FigureTrend(
            mean=[mean for mean, _, _ in statistics],
            low=[low for _, low, _ in statistics],
            high=[high for _, _, high in statistics],
        )
    return PerformanceTrend(
        range=name,
        step=RESOLUTIONS[name].step,
        began=[each.began for each in found],
        figures=columns,
    )
