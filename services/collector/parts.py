"""What each part of a `performance_update` says of what its source said."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from hsi.schemas.performance import (
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
from hsi_service.sources import Reading
from hsi_service.sources.ai import GIB, Nemotron, Yolo26
from hsi_service.sources.database import Activity, Rates
from hsi_service.sources.gpu import Gpu
from hsi_service.sources.queues import Depths
from services.collector.alerts import percent
from services.collector.host import DiskFigures, HostFigures
from services.collector.latencies import Latency
from services.collector.redis_info import RedisFigures

STAGES = ("yolo26", "nemotron", "pipeline")
_MIB = 1024**2


def ratio(hits: int | None, misses: int | None, *, least: int = 1) -> float | None:
    """Return hits in percent; None where there were fewer than `least` of both."""
    if hits is None or misses is None or hits + misses < least:
        return None
    return percent(hits, hits + misses)


def rounded(value: float | None) -> float | None:
    """Return a figure with two digits after the point."""
    return None if value is None else round(value, 2)


def gib(size: int | None) -> float | None:
    """Return bytes in GiB."""
    return None if size is None else round(size / GIB, 2)


def gpu_part(gpu: Gpu) -> GpuMetrics:
    """Return `gpu` (R13)."""
    return GpuMetrics(**_gpu_fields(gpu))


def gpu_device(gpu: Gpu) -> GpuDevice:
    """Return one of `gpus`."""
    return GpuDevice(index=gpu.index, uuid=gpu.uuid, **_gpu_fields(gpu))


def _gpu_fields(gpu: Gpu) -> dict[str, Any]:
    return {
        "name": gpu.name,
        "utilization": rounded(gpu.utilization),
        "vram_used_gb": gib(gpu.memory_used),
        "vram_total_gb": gib(gpu.memory_total),
        "temperature": None if gpu.temperature is None else round(gpu.temperature),
        "power_watts": None if gpu.power is None else round(gpu.power),
        "source": gpu.source or UNSET,
    }


def yolo26_part(reading: Reading[Yolo26 | None]) -> Yolo26Metrics | UnsetType:
    """Return `ai_models.yolo26` (R14); absent where there is none."""
    found = reading.value
    if found is not None:
        return Yolo26Metrics(
            status=found.health,
            vram_gb=gib(found.vram_used),
            model=found.model,
            device=found.device,
        )
    if reading.reason:
        return Yolo26Metrics(status="unreachable", vram_gb=None, model=None, device=None)
    return UNSET


def nemotron_part(reading: Reading[Nemotron | None]) -> NemotronMetrics | None:
    """Return `nemotron` (R15); null where there is none."""
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


def inference_part(
    stages: Mapping[str, Latency | None] | None, depths: Depths | None, rates: Rates | None
) -> InferenceMetrics | None:
    """Return `inference` (R16); null where nothing of it is known."""
    if (stages, depths, rates) == (None, None, None):
        return None
    yolo26, nemotron, pipeline = ((stages or {}).get(stage) for stage in STAGES)
    return InferenceMetrics(
        yolo26_latency_ms=_model_latency(yolo26),
        nemotron_latency_ms=_model_latency(nemotron),
        pipeline_latency_ms=None
        if pipeline is None
        else PipelineLatency(avg=rounded(pipeline.avg), p95=rounded(pipeline.p95)),
        throughput=None
        if rates is None
        else Throughput(
            images_per_min=rounded(rates.detections), events_per_min=rounded(rates.events)
        ),
        queues=None
        if depths is None
        else InferenceQueues(detection=depths.detection, analysis=depths.analysis),
    )


def _model_latency(latency: Latency | None) -> ModelLatency | None:
    if latency is None:
        return None
    return ModelLatency(
        avg=rounded(latency.avg), p95=rounded(latency.p95), p99=rounded(latency.p99)
    )


def postgresql_part(
    reading: Reading[Activity | None], transactions_per_min: float | None
) -> PostgresqlMetrics | UnsetType:
    """Return `databases.postgresql` (R17); absent where there is none."""
    found = reading.value
    if found is not None:
        return PostgresqlMetrics(
            status="healthy",
            connections_active=found.connections_active,
            connections_max=found.connections_max,
            cache_hit_ratio=rounded(ratio(found.blocks_hit, found.blocks_read)),
            transactions_per_min=rounded(transactions_per_min),
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


def redis_part(found: RedisFigures | None, *, refuses: bool = False) -> RedisMetrics:
    """Return `databases.redis` (R17); one that takes no writes is unhealthy, though it answers."""
    if found is None:
        return RedisMetrics(
            status="unreachable",
            connected_clients=None,
            memory_mb=None,
            hit_ratio=None,
            blocked_clients=None,
        )
    return RedisMetrics(
        status="unhealthy" if refuses else "healthy",
        connected_clients=found.connected_clients,
        memory_mb=None if found.memory_used is None else round(found.memory_used / _MIB, 2),
        hit_ratio=rounded(ratio(found.hits, found.misses)),
        blocked_clients=found.blocked_clients,
    )


def host_part(host: HostFigures | None, disk: DiskFigures | None) -> HostMetrics | None:
    """Return `host` (R18); null where nothing of it is known."""
    if host is None and disk is None:
        return None
    host = host or HostFigures()
    return HostMetrics(
        cpu_percent=rounded(host.cpu),
        ram_used_gb=gib(host.memory_used),
        ram_total_gb=gib(host.memory_total),
        disk_used_gb=gib(disk.used if disk else None),
        disk_total_gb=gib(disk.total if disk else None),
    )
