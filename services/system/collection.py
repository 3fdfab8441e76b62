"""One round: what a `system_status` says, all asked at once (R32)."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import UNSET

from hsi.schemas import SystemStatus, SystemStatusData
from hsi.schemas.base import now
from hsi.schemas.system import CameraCounts, GpuStatus, QueueDepths
from hsi_service.sources import Reading, SourceSettings, TimeLimited
from hsi_service.sources.ai import GIB, AiServices, Health, Nemotron, Yolo26
from hsi_service.sources.database import Database
from hsi_service.sources.gpu import Gpu, GPUMonitor, chosen
from hsi_service.sources.latest_round import Round
from hsi_service.sources.queues import Depths, Queues
from services.system.cameras import CamerasFound, find_cameras
from services.system.changes import Observed
from services.system.health import HealthResult
from services.system.latest_performance import LatestPerformance

ROUND_TIMEOUT = 2.5
"""Seconds that a round may take."""
_MIB = 1024**2
_NOTHING = Reading[Round | None](None)


class CollectedStatus(NamedTuple):
    """What one round found."""

    status: SystemStatus
    observed: Observed
    """What changes are told of."""


class StatusCollector:
    """Asks all sources of `system_status`. `collect` never raises, and never takes longer."""

    def __init__(
        self,
        settings: SourceSettings,
        *,
        limit: float = ROUND_TIMEOUT,
        now: Callable[[], datetime] = now,
        performance: LatestPerformance | None = None,
    ) -> None:
        """Prepare; everything connects on first use.

        Args:
            settings: Where the sources are.
            limit: Seconds that a round may take; less than the time between two of them.
            now: The clock by which a status is dated (UTC).
            performance: What the collector found, whose GPU counts where none is here; closed
                with the others.

        """
        self._now = now
        self._performance = performance
        self._ai = AiServices(yolo26_url=settings.yolo26_url, nemotron_url=settings.nemotron_url)
        self._queues = Queues(
            settings.redis_url,
            name="system",
            detection=settings.detection_queue,
            analysis=settings.analysis_queue,
            dead_letters=settings.dead_letters(),
        )
        self._database = Database(settings.database_url, name="system", connections=1)
        self._has_database = bool(settings.database_url)
        self._gpus = TimeLimited("gpu", GPUMonitor().get_current_stats, limit=limit)
        self._yolo26 = TimeLimited("yolo26", self._ai.yolo26, limit=limit)
        self._nemotron = TimeLimited("nemotron", self._ai.nemotron, limit=limit)
        self._depths = TimeLimited("redis", self._queues.read, limit=limit)
        self._cameras = TimeLimited("postgresql", self._find_cameras, limit=limit)

    async def collect(self, *, redis_refuses: str | None = None) -> CollectedStatus:
        """Ask everything at once; what cannot be read is null.

        Args:
            redis_refuses: Why Redis refuses writes, where it does.

        """
        gpus, collected, looked = await asyncio.gather(
            self._gpus.read(), self._read_performance(), self._look()
        )
        return compose_status(
            looked,
            gpus=gpus,
            collected=collected,
            redis_refuses=redis_refuses,
            at=self._now(),
        )

    async def observe(self, *, redis_refuses: str | None = None) -> Observed:
        """Look at the services and the cameras alone, for a round in which nobody listens.

        Args:
            redis_refuses: Why Redis refuses writes, where it does.

        """
        return observed_in(await self._look(), redis_refuses)

    async def _look(self) -> "Looked":
        yolo26, nemotron, depths, cameras = await asyncio.gather(
            self._yolo26.read(),
            self._nemotron.read(),
            self._depths.read(),
            self._cameras.read(),
        )
        return Looked(yolo26=yolo26, nemotron=nemotron, depths=depths, cameras=cameras)

    async def _read_performance(self) -> Reading[Round | None]:
        return await self._performance.read() if self._performance else Reading(None)

    async def _find_cameras(self) -> CamerasFound | None:
        return await find_cameras(self._database) if self._has_database else None

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(
            self._gpus.aclose(),
            self._yolo26.aclose(),
            self._nemotron.aclose(),
            self._depths.aclose(),
            self._cameras.aclose(),
        )
        await self._ai.aclose()
        await self._queues.aclose()
        await self._database.aclose()
        if self._performance:
            await self._performance.aclose()


class Looked(NamedTuple):
    """What the services and the cameras said."""

    yolo26: Reading[Yolo26 | None]
    nemotron: Reading[Nemotron | None]
    depths: Reading[Depths]
    cameras: Reading[CamerasFound | None]


def observed_in(looked: Looked, redis_refuses: str | None) -> Observed:
    """Return how services and cameras are."""
    health = {
        "yolo26": _health(looked.yolo26),
        "nemotron": _health(looked.nemotron),
        "redis": _redis_health(looked.depths, redis_refuses),
    }
    known = {service: result for service, result in health.items() if result is not None}
    found = looked.cameras.value
    return Observed(known, found.looks if found else None)


def compose_status(
    looked: Looked,
    *,
    gpus: Reading[list[Gpu]],
    at: datetime,
    collected: Reading[Round | None] = _NOTHING,
    redis_refuses: str | None = None,
) -> CollectedStatus:
    """Put together what the sources said, at a time (UTC)."""
    observed = observed_in(looked, redis_refuses)
    return CollectedStatus(
        SystemStatus(
            data=SystemStatusData(
                gpu=_gpu(
                    chosen(
                        gpus.value, looked.yolo26.value, collected=_collected_gpu(collected.value)
                    )
                ),
                queues=_queues(looked.depths.value),
                cameras=_cameras(looked.cameras.value),
                services={service: result.health for service, result in observed.health.items()},
            ),
            timestamp=at,
        ),
        observed,
    )


def _redis_health(depths: Reading[Depths], refuses: str | None) -> HealthResult:
    """Return how Redis is: one that answers and takes no writes is of no use to a producer."""
    if depths.value is None:
        return HealthResult("unreachable", depths.reason)
    if refuses:
        return HealthResult("unhealthy", f"it refuses writes: {refuses}")
    return HealthResult("healthy")


def _health(reading: Reading[Any]) -> HealthResult | None:
    """Return how an AI service is; None where there is none."""
    if isinstance(found := reading.value, Health):
        return HealthResult(found.health, found.reason)
    return HealthResult("unreachable", reading.reason) if reading.reason else None


def _collected_gpu(found: Round | None) -> Gpu | None:
    """Return the GPU of the collector's latest round, if it has one."""
    gpu = found.data.gpu if found else None
    if gpu is None:
        return None
    return Gpu(
        index=0,
        name=gpu.name,
        utilization=gpu.utilization,
        memory_used=_bytes(gpu.vram_used_gb),
        memory_total=_bytes(gpu.vram_total_gb),
        temperature=gpu.temperature,
        power=gpu.power_watts,
        source=gpu.source or "collector",
    )


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else round(gib * GIB)


def _gpu(gpu: Gpu | None) -> GpuStatus | None:
    if gpu is None:
        return None
    return GpuStatus(
        name=gpu.name,
        utilization=gpu.utilization,
        memory_used=_mib(gpu.memory_used),
        memory_total=_mib(gpu.memory_total),
        temperature=gpu.temperature,
        power_usage=gpu.power,
        source=gpu.source or UNSET,
    )


def _mib(size: int | None) -> int | None:
    return None if size is None else round(size / _MIB)


def _queues(depths: Depths | None) -> QueueDepths | None:
    if depths is None:
        return None
    return QueueDepths(
        detection_queue=depths.detection,
        analysis_queue=depths.analysis,
        dlq_total=depths.dead_letters,
    )


def _cameras(found: CamerasFound | None) -> CameraCounts | None:
    if found is None:
        return None
    counts = found.counts
    return CameraCounts(total=counts.total, online=counts.online, offline=counts.offline)
