"""Medians, percentiles and spreads. Pure."""

import math
import statistics
from collections.abc import Iterable, Sequence


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float | None:
    """Return the median, or None of nothing."""
    return statistics.median(values) if values else None


def ratio(one: float | None, other: float | None) -> float | None:
    """Return one / other, or None where either is missing."""
    return one / other if one is not None and other else None


def short(value: float | None) -> str:
    """Return a figure with two to three significant digits, for people."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    if digits == 0:
        return f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.0f}"
    return f"{value:.{min(digits, 3)}f}"


def spread(values: Sequence[float], scale: float = 1) -> str:
    """Return the median, with the least and the greatest in brackets."""
    middle = median([value * scale for value in values])
    if len(values) < 2:  # noqa: PLR2004 (one value has no spread)
        return short(middle)
    return f"{short(middle)} ({short(min(values) * scale)} to {short(max(values) * scale)})"
