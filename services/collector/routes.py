"""The collector's routes."""

from typing import Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException
from litestar.params import FromQuery
from msgspec import Struct

from hsi.schemas import PerformanceUpdateData
from services.collector.performance import AlertList, PerformanceCollector
from services.collector.store import StoreError

Range = Literal["5m", "15m", "60m"]
_MINUTE = 60.0
_SECONDS: dict[Range, float] = {"5m": 5 * _MINUTE, "15m": 15 * _MINUTE, "60m": 60 * _MINUTE}


class PerformanceHistory(Struct):
    """Figures over time."""

    range: Range
    points: list[PerformanceUpdateData]
    """At most 60, oldest first; each stands for all since the one before, and has its worst."""


@get("/api/performance", tags=["performance"])
async def performance(collector: NamedDependency[PerformanceCollector]) -> PerformanceUpdateData:
    """Return the latest performance figures; 503 before the first round."""
    found = await collector.latest()
    if found is None:
        raise ServiceUnavailableException("nothing was collected yet")
    return found


@get("/api/performance/history", tags=["performance"])
async def performance_history(
    collector: NamedDependency[PerformanceCollector],
    range: FromQuery[Range] = "5m",  # noqa: A002 (the parameter's name)
) -> PerformanceHistory:
    """Return the figures of the last 5, 15 or 60 minutes; 503 without Redis, which has them."""
    try:
        points = await collector.history(_SECONDS[range])
    except StoreError as error:
        raise ServiceUnavailableException(str(error)) from error
    return PerformanceHistory(range=range, points=points)


@get("/api/alerts", tags=["performance"])
async def alerts(
    collector: NamedDependency[PerformanceCollector],
    active: FromQuery[bool] = False,  # noqa: FBT002 (the parameter's name)
) -> AlertList:
    """Return raised alerts, or only active ones; 503 without Redis, which has them."""
    try:
        found = await collector.alerts(active=active)
    except StoreError as error:
        raise ServiceUnavailableException(str(error)) from error
    if found is None:
        raise ServiceUnavailableException("nothing was collected yet")
    return found
