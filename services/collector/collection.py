"""One round: what a `performance_update` says, all asked at once (R12)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET, Struct

from hsi.schemas import PerformanceUpdateData
from hsi.schemas.base import now
from hsi.schemas.performance import AiModels, ContainerMetrics, Databases
from hsi_service.sources import Reading, TimeLimited
from hsi_service.sources.ai import AiServices, Nemotron, Yolo26
from hsi_service.sources.database import Activity, Database, Rates
from hsi_service.sources.gpu import Gpu, GPUMonitor, chosen
from hsi_service.sources.queues import Depths, Queues
from services.collector.alerts import ONE_GPU, GpuOfMetric, GpusOfMetrics, percent
from services.collector.container_list import ContainerList, own_containers
from services.collector.containers import Container, worst_of_each
from services.collector.host import Disk, DiskFigures, Host, HostFigures
from services.collector.latencies import Latencies, Latency
from services.collector.parts import (
    STAGES,
    gpu_device,
    gpu_part,
    host_part,
    inference_part,
    nemotron_part,
    postgresql_part,
    ratio,
    redis_part,
    rounded,
    yolo26_part,
)
from services.collector.per_minute import PerMinute
from services.collector.redis_info import RedisFigures, RedisInfo
from services.collector.settings import CollectorSettings

T = TypeVar("T")


class Readings(Struct, kw_only=True):
    """What the sources said in one round. What is None within a reading is not there at all."""

    gpus: Reading[list[Gpu]]
    yolo26: Reading[Yolo26 | None]
    nemotron: Reading[Nemotron | None]
    latencies: Reading[dict[str, Latency | None]]
    queues: Reading[Depths]
    postgresql: Reading[Activity | None]
    throughput: Reading[Rates | None]
    redis: Reading[RedisFigures]
    host: Reading[HostFigures]
    disk: Reading[DiskFigures]
    containers: Reading[list[Container]]


class CollectedPerformance(NamedTuple):
    """What one round found."""

    data: PerformanceUpdateData
    """Without alerts."""
    values: dict[str, float | None]
    """What can be an alert, by metric."""
    gpus: GpusOfMetrics = ONE_GPU
    """Whose values those of GPUs are, where there are several."""


class PerformanceSources:
    """Everything that is asked. `collect` never raises, and never takes longer than its limit."""

    def __init__(self, settings: CollectorSettings, *, limit: float) -> None:
        """Prepare; everything connects on first use.

        Args:
            settings: Where the sources are.
            limit: Seconds that a round may take.

        """
        redis_url = settings.redis_url
        self._has_database = bool(settings.database_url)
        self._min_lookups = settings.alert_min_lookups
        self._ai = AiServices(yolo26_url=settings.yolo26_url, nemotron_url=settings.nemotron_url)
        self._database = Database(settings.database_url, name="collector")
        self._queues = Queues(
            redis_url,
            name="collector",
            detection=settings.detection_queue,
            analysis=settings.analysis_queue,
            dead_letters=(),
        )
        self._latencies = Latencies(redis_url, name="collector", stages=STAGES)
        self._redis = RedisInfo(redis_url, name="collector")
        self.redis_memory_limit: int | None = None
        """Bytes that Redis' data may take, as it said last; None: without end, or not known."""
        self._containers = ContainerList(settings.containers, limit=limit)
        self._worst_gpus = ONE_GPU
        self._transactions = PerMinute()
        self._lookups = PerMinute()

        self._sources: list[TimeLimited[Any]] = []

        def guarded(name: str, read: Callable[[], Awaitable[T]]) -> TimeLimited[T]:
            source = TimeLimited(name, read, limit=limit)
            self._sources.append(source)
            return source

        self._gpus = guarded("gpu", GPUMonitor().get_current_stats)
        self._yolo26 = guarded("yolo26", self._ai.yolo26)
        self._nemotron = guarded("nemotron", self._ai.nemotron)
        self._stages = guarded("latencies", self._latencies.read)
        self._depths = guarded("queues", self._queues.read)
        self._activity = guarded("postgresql", self._read_activity)
        self._throughput = guarded("throughput", self._read_throughput)
        self._info = guarded("redis", self._redis.read)
        self._host = guarded("host", Host(proc=settings.host_proc).read)
        self._disk = guarded("disk", Disk(settings.host_disk).read)

    async def collect(self, *, redis_refuses: bool = False) -> CollectedPerformance:
        """Ask everything at once; what cannot be read is null, or says `unreachable`.

        Args:
            redis_refuses: Whether Redis, though it answers, takes no writes.

        """
        (
            (gpus, yolo26, nemotron, host, disk, containers),
            (latencies, queues, redis, postgresql, throughput),
        ) = await asyncio.gather(
            asyncio.gather(
                self._gpus.read(),
                self._yolo26.read(),
                self._nemotron.read(),
                self._host.read(),
                self._disk.read(),
                self._containers.read(),
            ),
            asyncio.gather(
                self._stages.read(),
                self._depths.read(),
                self._info.read(),
                self._activity.read(),
                self._throughput.read(),
            ),
        )
        activity, found = postgresql.value, redis.value
        self.redis_memory_limit = found.memory_limit if found else None
        collected = compose_update(
            Readings(
                gpus=gpus,
                yolo26=yolo26,
                nemotron=nemotron,
                latencies=latencies,
                queues=queues,
                postgresql=postgresql,
                throughput=throughput,
                redis=redis,
                host=host,
                disk=disk,
                containers=Reading(containers),
            ),
            own=self._containers.own,
            redis_refuses=redis_refuses,
            transactions_per_min=None
            if activity is None
            else self._transactions.rate(activity.transactions, activity.at),
            lookups_per_min=None
            if found is None or found.hits is None or found.misses is None
            else self._lookups.rate(found.hits + found.misses, time.monotonic()),
            min_lookups=self._min_lookups,
            before=self._worst_gpus,
        )
        self._worst_gpus = collected.gpus
        return collected

    async def _read_activity(self) -> Activity | None:
        return await self._database.activity() if self._has_database else None

    async def _read_throughput(self) -> Rates | None:
        return await self._database.throughput() if self._has_database else None

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(source.aclose() for source in self._sources))
        await self._ai.aclose()
        await self._queues.aclose()
        await self._latencies.aclose()
        await self._redis.aclose()
        await self._containers.aclose()
        await self._database.aclose()


def compose_update(
    readings: Readings,
    *,
    transactions_per_min: float | None,
    lookups_per_min: float | None,
    min_lookups: int,
    own: Mapping[str, str] = MappingProxyType({}),
    redis_refuses: bool = False,
    before: GpusOfMetrics = ONE_GPU,
) -> CollectedPerformance:
    """Put together what the sources said.

    Args:
        readings: What they said.
        transactions_per_min: PostgreSQL's, if that can be told yet.
        lookups_per_min: Keys that were looked up in Redis, if that can be told yet.
        min_lookups: With fewer, a hit ratio is shown, and is no reason for an alert.
        own: Containers that are sources themselves, as `own_containers` takes them.
        redis_refuses: Whether Redis, though it answers, takes no writes.
        before: Whose the values of GPUs were in the round before.

    """
    gpu = chosen(readings.gpus.value, readings.yolo26.value)
    nemotron = nemotron_part(readings.nemotron)
    activity, redis = readings.postgresql.value, readings.redis.value
    host, disk = readings.host.value, readings.disk.value
    data = PerformanceUpdateData(
        timestamp=now(),
        gpu=None if gpu is None else gpu_part(gpu),
        gpus=[gpu_device(each) for each in readings.gpus.value] if readings.gpus.value else UNSET,
        ai_models=AiModels(
            yolo26=yolo26_part(readings.yolo26), nemotron=UNSET if nemotron is None else nemotron
        ),
        nemotron=nemotron,
        inference=inference_part(
            readings.latencies.value, readings.queues.value, readings.throughput.value
        ),
        databases=Databases(
            postgresql=postgresql_part(readings.postgresql, transactions_per_min),
            redis=redis_part(redis, refuses=redis_refuses),
        ),
        host=host_part(host, disk),
        containers=[],
        alerts=[],
    )
    containers = [*(readings.containers.value or ()), *own_containers(own, data)]
    data.containers = [
        ContainerMetrics(name=each.name, status=each.status, health=each.health)
        for each in worst_of_each(containers)
    ]
    of_gpus, whose = gpu_values(readings.gpus.value or ([] if gpu is None else [gpu]), before)
    values = {
        **of_gpus,
        "host_cpu": None if host is None else host.cpu,
        "host_ram": None if host is None else percent(host.memory_used, host.memory_total),
        "host_disk": None if disk is None else disk.percent,
        "pg_cache_hit": None
        if activity is None
        else ratio(activity.blocks_hit, activity.blocks_read, least=min_lookups),
        "redis_hit_ratio": None
        if redis is None or lookups_per_min is None or lookups_per_min < min_lookups
        else ratio(redis.hits, redis.misses, least=min_lookups),
    }
    return CollectedPerformance(
        data, {name: rounded(value) for name, value in values.items()}, whose
    )


def gpu_values(
    gpus: Sequence[Gpu], before: GpusOfMetrics = ONE_GPU
) -> tuple[dict[str, float | None], GpusOfMetrics]:
    """Return each metric's worst value, and of several GPUs whose it is.

    Where the GPU that had the worst one cannot be read, calmer ones do not say that all is well.

    Args:
        gpus: All that the driver shows.
        before: Whose the values were in the round before.

    """
    figures: dict[str, list[float | None]] = {
        "gpu_temperature": [
            None if gpu.temperature is None else round(gpu.temperature) for gpu in gpus
        ],
        "gpu_utilization": [gpu.utilization for gpu in gpus],
        "gpu_vram": [percent(gpu.memory_used, gpu.memory_total) for gpu in gpus],
    }
    if len(gpus) == 1:
        return {metric: value for metric, (value,) in figures.items()}, ONE_GPU
    values: dict[str, float | None] = dict.fromkeys(figures)
    whose: dict[str, GpuOfMetric] = {}
    for metric, found in figures.items():
        known = [
            GpuOfMetric(gpu.index, gpu_name(gpu), value)
            for gpu, value in zip(gpus, found, strict=True)
            if value is not None
        ]
        worst = max(known, key=lambda gpu: gpu.value, default=None)
        lost = before.get(metric)
        if lost is not None and _hides(lost, worst, gpus, known):
            whose[metric] = lost
        elif worst is not None:
            values[metric], whose[metric] = worst.value, worst
    return values, whose


def _hides(
    gpu: GpuOfMetric,
    worst: GpuOfMetric | None,
    gpus: Sequence[Gpu],
    known: Sequence[GpuOfMetric],
) -> bool:
    """Return whether a GPU is still there, does not tell its value, and had a worse one."""
    is_silent = gpu.index in {each.index for each in gpus} - {each.index for each in known}
    return is_silent and (worst is None or worst.value < gpu.value)


def gpu_name(gpu: Gpu) -> str:
    """Return what people call one of several GPUs: "GPU 1 · RTX A5500"."""
    name = (gpu.name or "").removeprefix("NVIDIA ")
    return f"GPU {gpu.index} · {name}" if name else f"GPU {gpu.index}"
