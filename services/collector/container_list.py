"""All containers that `CONTAINERS` names, by what knows how each is."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, UnsetType

from hsi.schemas import PerformanceUpdateData
from hsi.schemas.base import ServiceHealth
from hsi.schemas.performance import (
    ContainerHealth,
    ContainerState,
    NemotronMetrics,
    PostgresqlMetrics,
    RedisMetrics,
    Yolo26Metrics,
)
from hsi_service.sources import TimeLimited
from services.collector.containers import (
    Container,
    Containers,
    Probes,
    in_cluster,
    named,
    worst_of_each,
)

_Part = Yolo26Metrics | NemotronMetrics | PostgresqlMetrics | RedisMetrics
_AS_FOUND: Mapping[ServiceHealth, tuple[ContainerState, ContainerHealth]] = {
    "healthy": ("running", "healthy"),
    "degraded": ("running", "unhealthy"),
    "unhealthy": ("running", "unhealthy"),
    "unreachable": ("unknown", "unhealthy"),
}


class ContainerList:
    """Asks the cluster and each address; `read` never raises."""

    def __init__(
        self,
        setting: Sequence[str],
        *,
        limit: float,
        kubernetes: Callable[[], Containers] = in_cluster,
    ) -> None:
        """Set it up; nothing is asked yet.

        Args:
            setting: As `named` reads it.
            limit: Seconds that each may take.
            kubernetes: Makes what asks the cluster.

        Raises:
            ValueError: The setting cannot be read.

        """
        names = named(setting)
        self.own = names.own
        """What `own_containers` tells of."""
        self._known: list[_Known] = []
        if names.kubernetes:
            self._known.append(_Known("kubernetes", kubernetes(), limit=limit))
        if names.urls:
            self._known.append(_Known("containers", Probes(names.urls), limit=limit))

    async def read(self) -> list[Container]:
        """Return them; those that nobody tells about any more are unknown."""
        found = await asyncio.gather(*(each.read() for each in self._known))
        return worst_of_each(itertools.chain.from_iterable(found))

    async def aclose(self) -> None:
        """Close the connections."""
        for each in tuple(self._known):
            await each.aclose()


class _Known:
    """What tells of containers, and which ones it told of last."""

    def __init__(self, name: str, containers: Containers, *, limit: float) -> None:
        self.containers = containers
        self._source = TimeLimited(name, containers.read, limit=limit)
        self._last: list[Container] = []

    async def read(self) -> list[Container]:
        reading = await self._source.read()
        if reading.value is None:
            return [_unknown(known.name) for known in self._last]
        self._last = reading.value
        return reading.value

    async def aclose(self) -> None:
        await self._source.aclose()
        await self.containers.aclose()


def own_containers(own: Mapping[str, str], data: PerformanceUpdateData) -> list[Container]:
    """Return how containers are that the collector itself asks, as the rest of its figures says.

    Args:
        own: Which source each is, by its name.
        data: All figures of a round.

    """
    parts: dict[str, _Part | UnsetType | None] = {
        "redis": data.databases.redis,
        "postgresql": data.databases.postgresql,
        "yolo26": data.ai_models.yolo26,
        "nemotron": data.nemotron,
    }
    return [_as_found(name, parts[source]) for name, source in own.items()]


def _as_found(name: str, part: _Part | UnsetType | None) -> Container:
    if not isinstance(part, Struct):
        return _unknown(name)
    status, health = _AS_FOUND[part.status]
    return Container(name=name, status=status, health=health)


def _unknown(name: str) -> Container:
    return Container(name=name, status="unknown", health="unhealthy")
