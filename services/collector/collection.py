"""One round: what a `performance_update` says, all asked at once (R12)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET, Struct, UnsetType

from hsi.schemas import PerformanceUpdateData
from hsi.schemas.base import now
from hsi.schemas.performance import (
    AiModels,
    ContainerMetrics,
    Databases,
    GpuDevice,
    GpuMetrics,
    HostMetrics,
    InferenceMetrics,
    InferenceQueues,
    ModelLatency,
    NemotronMetrics,
    PipelineLatency,
    PostgresqlMetrics,
    RedisMetrics,
    Throughput,
    Yolo26Metrics,
)
from hsi_service.sources import Reading, TimeLimited
from hsi_service.sources.ai import GIB, AiServices, Nemotron, Yolo26
from hsi_service.sources.database import Activity, Database, Rates
from hsi_service.sources.gpu import Gpu, GPUMonitor, chosen
from hsi_service.sources.queues import Depths, Queues
from services.collector.alerts import percent
from services.collector.containers import Container, containers_from
from services.collector.host import Host, HostFigures
from services.collector.latencies import Latencies, Latency
from services.collector.per_minute import PerMinute
from services.collector.redis_info import RedisFigures, RedisInfo
from services.collector.settings import CollectorSettings

STAGES = ("yolo26", "nemotron", "pipeline")
_MIB = 1024**2

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
    containers: Reading[list[Container]]


class CollectedPerformance(NamedTuple):
    """What one round found."""

    data: PerformanceUpdateData
    """Without alerts."""
    values: dict[str, float | None]
    """What can be an alert, by metric."""


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
        self._containers = containers_from(settings.containers)
        self._known_containers: list[Container] = []
        self._transactions = PerMinute()
        self._lookups = PerMinute()

        def guarded(name: str, read: Callable[[], Awaitable[T]]) -> TimeLimited[T]:
            return TimeLimited(name, read, limit=limit)

        host = Host(proc=settings.host_proc, disk=settings.host_disk)
        self._gpus = guarded("gpu", GPUMonitor().get_current_stats)
        self._yolo26 = guarded("yolo26", self._ai.yolo26)
        self._nemotron = guarded("nemotron", self._ai.nemotron)
        self._stages = guarded("latencies", self._latencies.read)
        self._depths = guarded("queues", self._queues.read)
        self._activity = guarded("postgresql", self._read_activity)
        self._throughput = guarded("throughput", self._read_throughput)
        self._info = guarded("redis", self._redis.read)
        self._host = guarded("host", host.read)
        self._pods = guarded("containers", self._containers.read)

    async def collect(self) -> CollectedPerformance:
        """Ask everything at once; what cannot be read is null, or says `unreachable`."""
        (
            (gpus, yolo26, nemotron, host, containers),
            (latencies, queues, redis, postgresql, throughput),
        ) = await asyncio.gather(
            asyncio.gather(
                self._gpus.read(),
                self._yolo26.read(),
                self._nemotron.read(),
                self._host.read(),
                self._pods.read(),
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
        return compose_update(
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
                containers=self._containers_now(containers),
            ),
            transactions_per_min=None
            if activity is None
            else self._transactions.rate(activity.transactions, activity.at),
            lookups_per_min=None
            if found is None or found.hits is None or found.misses is None
            else self._lookups.rate(found.hits + found.misses, time.monotonic()),
            min_lookups=self._min_lookups,
        )

    async def _read_activity(self) -> Activity | None:
        return await self._database.activity() if self._has_database else None

    async def _read_throughput(self) -> Rates | None:
        return await self._database.throughput() if self._has_database else None

    def _containers_now(self, reading: Reading[list[Container]]) -> Reading[list[Container]]:
        """Say of containers that nobody tells about any more that they are unknown."""
        if reading.value is None:
            return Reading(
                [
                    Container(name=known.name, status="unknown", health="unhealthy")
                    for known in self._known_containers
                ],
                reading.reason,
            )
        self._known_containers = reading.value
        return reading

    async def aclose(self) -> None:
        """Close all connections."""
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
) -> CollectedPerformance:
    """Put together what the sources said.

    Args:
        readings: What they said.
        transactions_per_min: PostgreSQL's, if that can be told yet.
        lookups_per_min: Keys that were looked up in Redis, if that can be told yet.
        min_lookups: With fewer, a hit ratio is shown, and is no reason for an alert.

    """
    gpu = chosen(readings.gpus.value, readings.yolo26.value)
    nemotron = _nemotron(readings.nemotron)
    activity, redis, host = readings.postgresql.value, readings.redis.value, readings.host.value
    data = PerformanceUpdateData(
        timestamp=now(),
        gpu=None if gpu is None else _gpu(gpu),
        gpus=[_device(each) for each in readings.gpus.value] if readings.gpus.value else UNSET,
        ai_models=AiModels(
            yolo26=_yolo26(readings.yolo26), nemotron=UNSET if nemotron is None else nemotron
        ),
        nemotron=nemotron,
        inference=_inference(readings),
        databases=Databases(
            postgresql=_postgresql(readings.postgresql, transactions_per_min),
            redis=_redis(redis),
        ),
        host=None if host is None else _host(host),
        containers=[
            ContainerMetrics(name=each.name, status=each.status, health=each.health)
            for each in readings.containers.value or ()
        ],
        alerts=[],
    )
    values = {
        "gpu_temperature": None if data.gpu is None else data.gpu.temperature,
        "gpu_utilization": None if gpu is None else gpu.utilization,
        "gpu_vram": None if gpu is None else percent(gpu.memory_used, gpu.memory_total),
        "host_cpu": None if host is None else host.cpu,
        "host_ram": None if host is None else percent(host.memory_used, host.memory_total),
        "host_disk": None if host is None else host.disk_percent,
        "pg_cache_hit": None
        if activity is None
        else _ratio(activity.blocks_hit, activity.blocks_read, least=min_lookups),
        "redis_hit_ratio": None
        if redis is None or lookups_per_min is None or lookups_per_min < min_lookups
        else _ratio(redis.hits, redis.misses, least=min_lookups),
    }
    return CollectedPerformance(data, {name: _rounded(value) for name, value in values.items()})


def _ratio(hits: int | None, misses: int | None, *, least: int = 1) -> float | None:
    """Return hits in percent; None where there were fewer than `least` of both."""
    if hits is None or misses is None or hits + misses < least:
        return None
    return percent(hits, hits + misses)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _gib(size: int | None) -> float | None:
    return None if size is None else round(size / GIB, 2)


def _gpu(gpu: Gpu) -> GpuMetrics:
    return GpuMetrics(**_gpu_fields(gpu))


def _device(gpu: Gpu) -> GpuDevice:
    return GpuDevice(index=gpu.index, uuid=gpu.uuid, **_gpu_fields(gpu))


def _gpu_fields(gpu: Gpu) -> dict[str, Any]:
    return {
        "name": gpu.name,
        "utilization": _rounded(gpu.utilization),
        "vram_used_gb": _gib(gpu.memory_used),
        "vram_total_gb": _gib(gpu.memory_total),
        "temperature": None if gpu.temperature is None else round(gpu.temperature),
        "power_watts": None if gpu.power is None else round(gpu.power),
    }


def _yolo26(reading: Reading[Yolo26 | None]) -> Yolo26Metrics | UnsetType:
    found = reading.value
    if found is not None:
        return Yolo26Metrics(
            status=found.health,
            vram_gb=_gib(found.vram_used),
            model=found.model,
            device=found.device,
        )
    if reading.reason:
        return Yolo26Metrics(status="unreachable", vram_gb=None, model=None, device=None)
    return UNSET


def _nemotron(reading: Reading[Nemotron | None]) -> NemotronMetrics | None:
    found = reading.value
    if found is not None:
        return NemotronMetrics(
            status=found.health,
            slots_active=found.slots_active,
            slots_total=found.slots_total,
            context_size=found.context_size,
        )
    if reading.reason:
        return NemotronMetrics(
            status="unreachable", slots_active=None, slots_total=None, context_size=None
        )
    return None


def _inference(readings: Readings) -> InferenceMetrics | None:
    stages, depths, rates = (
        readings.latencies.value,
        readings.queues.value,
        readings.throughput.value,
    )
    if (stages, depths, rates) == (None, None, None):
        return None
    yolo26, nemotron, pipeline = ((stages or {}).get(stage) for stage in STAGES)
    return InferenceMetrics(
        yolo26_latency_ms=_model_latency(yolo26),
        nemotron_latency_ms=_model_latency(nemotron),
        pipeline_latency_ms=None
        if pipeline is None
        else PipelineLatency(avg=_rounded(pipeline.avg), p95=_rounded(pipeline.p95)),
        throughput=None
        if rates is None
        else Throughput(
            images_per_min=_rounded(rates.detections), events_per_min=_rounded(rates.events)
        ),
        queues=None
        if depths is None
        else InferenceQueues(detection=depths.detection, analysis=depths.analysis),
    )


def _model_latency(latency: Latency | None) -> ModelLatency | None:
    if latency is None:
        return None
    return ModelLatency(
        avg=_rounded(latency.avg), p95=_rounded(latency.p95), p99=_rounded(latency.p99)
    )


def _postgresql(
    reading: Reading[Activity | None], transactions_per_min: float | None
) -> PostgresqlMetrics | UnsetType:
    found = reading.value
    if found is not None:
        return PostgresqlMetrics(
            status="healthy",
            connections_active=found.connections_active,
            connections_max=found.connections_max,
            cache_hit_ratio=_rounded(_ratio(found.blocks_hit, found.blocks_read)),
            transactions_per_min=_rounded(transactions_per_min),
        )
    if reading.reason:
        return PostgresqlMetrics(
            status="unreachable",
            connections_active=None,
            connections_max=None,
            cache_hit_ratio=None,
            transactions_per_min=None,
        )
    return UNSET


def _redis(found: RedisFigures | None) -> RedisMetrics:
    if found is None:
        return RedisMetrics(
            status="unreachable",
            connected_clients=None,
            memory_mb=None,
            hit_ratio=None,
            blocked_clients=None,
        )
    return RedisMetrics(
        status="healthy",
        connected_clients=found.connected_clients,
        memory_mb=None if found.memory_used is None else round(found.memory_used / _MIB, 2),
        hit_ratio=_rounded(_ratio(found.hits, found.misses)),
        blocked_clients=found.blocked_clients,
    )


def _host(found: HostFigures) -> HostMetrics:
    return HostMetrics(
        cpu_percent=_rounded(found.cpu),
        ram_used_gb=_gib(found.memory_used),
        ram_total_gb=_gib(found.memory_total),
        disk_used_gb=_gib(found.disk_used),
        disk_total_gb=_gib(found.disk_total),
    )
