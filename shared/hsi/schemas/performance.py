"""Performance figures (R12)."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from hsi.schemas.base import Count, GpuSource, Message, Part, Percent, ServiceHealth

Amount = Annotated[float, Meta(ge=0)]

ContainerState = Literal["running", "stopped", "restarting", "unknown"]
ContainerHealth = Literal["healthy", "unhealthy", "starting"]
AlertSeverity = Literal["warning", "critical"]
AlertUnit = Literal["C", "%"]


class GpuMetrics(Part):
    """GPU metrics (R13)."""

    name: Annotated[str | None, Meta(description="Device name.")]
    utilization: Annotated[Percent | None, Meta(description="Utilization, percent.")]
    vram_used_gb: Annotated[Amount | None, Meta(description="VRAM used, GB.")]
    vram_total_gb: Annotated[Amount | None, Meta(description="VRAM, GB.")]
    temperature: Annotated[int | None, Meta(description="Temperature, degrees Celsius.")]
    power_watts: Annotated[int | None, Meta(description="Power drawn, watts.")]
    source: Annotated[
        GpuSource | UnsetType, Meta(description="Who tells; absent: NVML beside the collector.")
    ] = UNSET


class GpuDevice(GpuMetrics, kw_only=True):
    """One of several GPUs."""

    index: Annotated[Count, Meta(description="The driver's number for it.")]
    uuid: Annotated[str | None, Meta(description="What it is called wherever it is.")]


class Yolo26Metrics(Part):
    """The object detector (R14)."""

    status: Annotated[ServiceHealth, Meta(description="healthy, unhealthy or unreachable.")]
    vram_gb: Annotated[Amount | None, Meta(description="VRAM used by the model, GB.")]
    model: Annotated[str | None, Meta(description="Model name or variant.")]
    device: Annotated[str | None, Meta(description='CUDA device, e.g. "cuda:0".')]


class NemotronMetrics(Part):
    """The language model (R15)."""

    status: Annotated[ServiceHealth, Meta(description="healthy, unhealthy or unreachable.")]
    slots_active: Annotated[Count | None, Meta(description="Inference slots at work.")]
    slots_total: Annotated[Count | None, Meta(description="Inference slots.")]
    context_size: Annotated[Count | None, Meta(description="Context window, tokens.")]


class AiModels(Part):
    """AI model metrics by model name (R14)."""

    yolo26: Yolo26Metrics | UnsetType | None = UNSET
    nemotron: NemotronMetrics | UnsetType | None = UNSET


class PipelineLatency(Part):
    """Latency of the whole pipeline."""

    avg: Annotated[Amount | None, Meta(description="Mean, ms.")]
    p95: Annotated[Amount | None, Meta(description="95th percentile, ms.")]


class ModelLatency(PipelineLatency):
    """Latency of one model."""

    p99: Annotated[Amount | None, Meta(description="99th percentile, ms.")]


class Throughput(Part):
    """Processing rates of five minutes; while less is known, of that, from a minute on."""

    images_per_min: Annotated[Amount | None, Meta(description="Images per minute.")]
    events_per_min: Annotated[Amount | None, Meta(description="Events per minute.")]


class InferenceQueues(Part):
    """Queue depths."""

    detection: Annotated[Count | None, Meta(description="Images waiting.")]
    analysis: Annotated[Count | None, Meta(description="Batches waiting.")]


class InferenceMetrics(Part):
    """Inference latency and throughput (R16)."""

    yolo26_latency_ms: ModelLatency | None
    nemotron_latency_ms: ModelLatency | None
    pipeline_latency_ms: PipelineLatency | None
    throughput: Throughput | None
    queues: InferenceQueues | None


class PostgresqlMetrics(Part):
    """PostgreSQL (R17)."""

    status: Annotated[ServiceHealth, Meta(description="healthy, unhealthy or unreachable.")]
    connections_active: Annotated[Count | None, Meta(description="Connections at work.")]
    connections_max: Annotated[Count | None, Meta(description="Connections allowed.")]
    cache_hit_ratio: Annotated[Percent | None, Meta(description="Buffer cache hits, percent.")]
    transactions_per_min: Annotated[Amount | None, Meta(description="Transactions per minute.")]


class RedisMetrics(Part):
    """Redis (R17)."""

    status: Annotated[ServiceHealth, Meta(description="healthy, unhealthy or unreachable.")]
    connected_clients: Annotated[Count | None, Meta(description="Client connections.")]
    memory_mb: Annotated[Amount | None, Meta(description="Memory used, MB.")]
    hit_ratio: Annotated[Percent | None, Meta(description="Keyspace hits, percent.")]
    blocked_clients: Annotated[Count | None, Meta(description="Clients in a blocking call.")]


class Databases(Part):
    """Database metrics by name (R17)."""

    postgresql: PostgresqlMetrics | UnsetType | None = UNSET
    redis: RedisMetrics | UnsetType | None = UNSET


class HostMetrics(Part):
    """The host (R18)."""

    cpu_percent: Annotated[Percent | None, Meta(description="CPU utilization, percent.")]
    ram_used_gb: Annotated[Amount | None, Meta(description="RAM used, GB.")]
    ram_total_gb: Annotated[Amount | None, Meta(description="RAM, GB.")]
    disk_used_gb: Annotated[Amount | None, Meta(description="Disk used, GB.")]
    disk_total_gb: Annotated[Amount | None, Meta(description="Disk, GB.")]


class ContainerMetrics(Part):
    """One container (R19)."""

    name: Annotated[str, Meta(description="Container name.")]
    status: Annotated[ContainerState, Meta(description="What it does.")]
    health: Annotated[ContainerHealth, Meta(description="How it is.")]


class Alert(Part):
    """A figure that exceeds its threshold in this very update (R51)."""

    severity: Annotated[AlertSeverity, Meta(description="warning or critical.")]
    metric: Annotated[str, Meta(description="The metric that exceeds it.")]
    value: Annotated[float, Meta(description="Its value.")]
    threshold: Annotated[float, Meta(description="The threshold that it exceeds.")]
    message: Annotated[str, Meta(description="For a person to read.")]


class AlertSeen(Part):
    """Who has seen an alert, and when."""

    at: Annotated[datetime, Meta(description="When it was marked (UTC).")]
    by: Annotated[str, Meta(description="The name of the key; empty where none is asked for.")]


class RaisedAlertData(Part):
    """What people are told of: a figure that exceeded its threshold for some time."""

    id: Annotated[str, Meta(description="Of this alert, from its begin to its end.")]
    metric: Annotated[str, Meta(description="The metric that raised it.")]
    severity: Annotated[AlertSeverity, Meta(description="warning or critical.")]
    value: Annotated[float, Meta(description="The metric's latest value.")]
    unit: Annotated[AlertUnit, Meta(description="Of all its values: C (degrees Celsius) or %.")]
    threshold: Annotated[float, Meta(description="The threshold of its severity.")]
    clears: Annotated[
        float,
        Meta(description="It ends beyond this value: above it if that is above the threshold."),
    ]
    peak: Annotated[float, Meta(description="The worst value so far.")]
    since: Annotated[datetime, Meta(description="Since when the threshold was exceeded (UTC).")]
    ended: Annotated[
        datetime | None, Meta(description="When the value was back for good; null: active.")
    ]
    unknown_since: Annotated[
        datetime | None,
        Meta(description="Since when nobody could measure the value; null: it is known."),
    ]
    message: Annotated[str, Meta(description="For a person to read.")]
    gpu: Annotated[
        Count | UnsetType,
        Meta(description="The GPU that it concerns, by its index; absent where there is one."),
    ] = UNSET
    seen: Annotated[
        AlertSeen | UnsetType,
        Meta(description="Who of the household has seen it; absent while nobody has."),
    ] = UNSET


class RaisedAlert(Message, tag="alert"):
    """An alert began, changed its severity, or ended; each is told once."""

    timestamp: Annotated[datetime, Meta(description="When it was told (UTC).")]
    data: RaisedAlertData


class AlertLimits(Part):
    """When one metric is an alert."""

    warning: Annotated[float, Meta(description="The threshold of a warning.")]
    critical: Annotated[float, Meta(description="The threshold of a critical alert.")]
    unit: Annotated[AlertUnit, Meta(description="C (degrees Celsius) or %.")]


class PerformanceUpdateData(Part):
    """All performance figures of one moment."""

    timestamp: Annotated[datetime, Meta(description="When they were collected (UTC).")]
    gpu: GpuMetrics | None
    ai_models: AiModels
    nemotron: NemotronMetrics | None
    inference: InferenceMetrics | None
    databases: Databases
    host: HostMetrics | None
    containers: list[ContainerMetrics]
    alerts: list[Alert]
    gpus: Annotated[
        list[GpuDevice] | UnsetType,
        Meta(description="All GPUs that the driver shows; `gpu` is the first of them."),
    ] = UNSET
    raised: Annotated[
        list[RaisedAlertData] | UnsetType,
        Meta(description="All raised alerts that are active; absent where only a leader knows."),
    ] = UNSET


class PerformanceUpdate(Message, tag="performance_update"):
    """Detailed performance figures, sent every `BROADCAST_INTERVAL`."""

    data: PerformanceUpdateData
