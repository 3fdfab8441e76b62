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
from hsi_service.sources.database import Cameras, Database
from hsi_service.sources.gpu import Gpu, GPUMonitor, chosen
from hsi_service.sources.latest_round import Round
from hsi_service.sources.queues import Depths, Queues
from services.system.health import HealthResult
from services.system.latest_performance import LatestPerformance

ROUND_TIMEOUT = 2.5
"""Seconds that a round may take."""
_MIB = 1024**2
_NOTHING = Reading[Round | None](None)


class CollectedStatus(NamedTuple):
    """What one round found."""

    status: SystemStatus
    health: dict[str, HealthResult]
    """How each service is, and why; what `HealthMonitor` observes."""


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
        self._cameras = TimeLimited("postgresql", self._count_cameras, limit=limit)

    async def collect(self, *, redis_refuses: str | None = None) -> CollectedStatus:
        """Ask everything at once; what cannot be read is null.

        Args:
            redis_refuses: Why Redis refuses writes, where it does.

        """
        gpus, collected, yolo26, nemotron, depths, cameras = await asyncio.gather(
            self._gpus.read(),
            self._read_performance(),
            self._yolo26.read(),
            self._nemotron.read(),
            self._depths.read(),
            self._cameras.read(),
        )
        return compose_status(
            gpus=gpus,
            collected=collected,
            yolo26=yolo26,
            nemotron=nemotron,
            depths=depths,
            cameras=cameras,
            redis_refuses=redis_refuses,
            at=self._now(),
        )

    async def _read_performance(self) -> Reading[Round | None]:
        return await self._performance.read() if self._performance else Reading(None)

    async def _count_cameras(self) -> Cameras | None:
        return await self._database.cameras() if self._has_database else None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._ai.aclose()
        await self._queues.aclose()
        await self._database.aclose()
        if self._performance:
            await self._performance.aclose()


def compose_status(
    *,
    gpus: Reading[list[Gpu]],
    yolo26: Reading[Yolo26 | None],
    nemotron: Reading[Nemotron | None],
    depths: Reading[Depths],
    cameras: Reading[Cameras | None],
    at: datetime,
    collected: Reading[Round | None] = _NOTHING,
    redis_refuses: str | None = None,
) -> CollectedStatus:
    """Put together what the sources said, at a time (UTC)."""
    health = {
        "yolo26": _health(yolo26),
        "nemotron": _health(nemotron),
        "redis": _redis_health(depths, redis_refuses),
    }
    known = {service: result for service, result in health.items() if result is not None}
    return CollectedStatus(
        SystemStatus(
            data=SystemStatusData(
                gpu=_gpu(
                    chosen(gpus.value, yolo26.value, collected=_collected_gpu(collected.value))
                ),
                queues=_queues(depths.value),
                cameras=_cameras(cameras.value),
                services={service: result.health for service, result in known.items()},
            ),
            timestamp=at,
        ),
        known,
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


def _cameras(cameras: Cameras | None) -> CameraCounts | None:
    if cameras is None:
        return None
    return CameraCounts(total=cameras.total, online=cameras.online, offline=cameras.offline)
