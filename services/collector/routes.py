"""The collector's routes."""

from typing import Any, Literal

from litestar import MediaType, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from hsi.schemas import PerformanceUpdateData
from hsi.schemas.performance import AlertSeen
from hsi_service.door.http import needs
from services.collector.performance import AlertList, PerformanceCollector
from services.collector.reads import StoreError
from services.collector.trend import TrendRange

Range = Literal["5m", "15m", "60m"]
NO_SUCH_ALERT = "there is no such alert"
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


@get("/api/performance/trend", tags=["performance"])
async def performance_trend(
    collector: NamedDependency[PerformanceCollector],
    range: FromQuery[TrendRange] = "24h",  # noqa: A002 (the parameter's name)
) -> Response[bytes]:
    """Return the figures of a day or a week in bins (`PerformanceTrend`); 503 without Redis."""
    try:
        found = await collector.trend(range)
    except StoreError as error:
        raise ServiceUnavailableException(str(error)) from error
    return Response(found, media_type=MediaType.JSON)


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


class MarkedAlert(Struct):
    """Whether an alert was seen."""

    id: str
    seen: AlertSeen | None


@post("/api/alerts/{alert_id:str}/seen", tags=["performance"], opt=needs("act"), status_code=200)
async def mark_alert(
    request: Request[Any, Any, Any],
    alert_id: FromPath[str],
    collector: NamedDependency[PerformanceCollector],
) -> MarkedAlert:
    """Record that an alert was seen, for the whole household; the first mark stays."""
    name = request.auth.name if request.auth else ""
    try:
        mark = await collector.mark_alert(alert_id, name)
    except StoreError as error:
        raise ServiceUnavailableException(str(error)) from error
    if mark is None:
        raise NotFoundException(NO_SUCH_ALERT)
    return MarkedAlert(id=alert_id, seen=mark)


@delete("/api/alerts/{alert_id:str}/seen", tags=["performance"], opt=needs("act"), status_code=200)
async def unmark_alert(
    alert_id: FromPath[str], collector: NamedDependency[PerformanceCollector]
) -> MarkedAlert:
    """Take back that an alert was seen."""
    try:
        known = await collector.unmark_alert(alert_id)
    except StoreError as error:
        raise ServiceUnavailableException(str(error)) from error
    if not known:
        raise NotFoundException(NO_SUCH_ALERT)
    return MarkedAlert(id=alert_id, seen=None)
