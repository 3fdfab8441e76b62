"""The same figures for Prometheus, in its base units: seconds, bytes, ratios.

What is null has no sample: a graph with a gap, and no alert of Prometheus' own about a zero.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import UNSET
from prometheus_client import Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hsi.schemas import PerformanceUpdateData
from hsi.schemas.performance import GpuDevice, ModelLatency, PipelineLatency
from hsi_service.metrics import Metrics
from services.collector.raised import Change, Firing

_GIB = 1024**3
_MIB = 1024**2


class Gauges:
    """Shows the latest figures, and counts what was told."""

    def __init__(
        self,
        metrics: Metrics,
        latest: Callable[[], PerformanceUpdateData | None],
        firing: Callable[[], Firing],
        memory_limit: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Register with a service's metrics.

        Args:
            metrics: The service's.
            latest: The latest figures, if there are any yet.
            firing: Active alerts.
            memory_limit: Bytes that Redis' data may take, if it has a limit that is known.

        """
        registry = metrics.registry
        self.published = Counter(
            "hsi_performance_updates", "Updates published by this replica.", registry=registry
        )
        self._told = {
            what: Counter(
                f"hsi_alerts_{name}",
                f"{words} told by this replica while it led.",
                ["metric", "severity"],
                registry=registry,
            )
            for what, name, words in (
                ("began", "fired", "Begins of alerts"),
                ("changed", "changed", "Changes of an alert's severity, by the new one,"),
                ("ended", "resolved", "Ends of alerts"),
            )
        }
        Gauge("hsi_alerts_firing", "Active alerts.", registry=registry).set_function(
            lambda: float(len(firing()))
        )
        registry.register(_LatestFigures(latest, firing, memory_limit))

    def count(self, change: Change) -> None:
        """Count what was told."""
        self._told[change.what].labels(change.alert.metric, change.alert.severity).inc()


class _LatestFigures(Collector):
    def __init__(
        self,
        latest: Callable[[], PerformanceUpdateData | None],
        firing: Callable[[], Firing],
        memory_limit: Callable[[], int | None],
    ) -> None:
        self._latest = latest
        self._firing = firing
        self._memory_limit = memory_limit

    def collect(self) -> Iterator[Metric]:
        """Return what was collected last."""
        data = self._latest()
        if data is not None:
            yield from families(data)
            yield _family(
                "hsi_alert",
                "1 for each active alert.",
                ["metric", "severity"],
                [([metric, severity], 1.0) for metric, severity in self._firing().items()],
            )
            yield _one(
                "hsi_redis_memory_limit_bytes",
                "Of Redis: what its data may take (maxmemory).",
                self._memory_limit(),
            )

    def describe(self) -> Iterator[Metric]:
        """Promise nothing: what there is depends on the home."""
        yield from ()


def families(data: PerformanceUpdateData) -> Iterator[Metric]:
    """Return all figures as gauges; none for what is null."""
    yield from _gpus(data)
    yield from _ai(data)
    yield from _inference(data)
    yield from _databases(data)
    yield from _host(data)
    yield _family(
        "hsi_container_healthy",
        "1 for a container that is healthy, else 0.",
        ["name"],
        [([each.name], float(each.health == "healthy")) for each in data.containers],
    )


def _gpus(data: PerformanceUpdateData) -> Iterator[Metric]:
    gpus = [] if data.gpus is UNSET else list(data.gpus)
    if not gpus and data.gpu is not None:
        only = data.gpu
        gpus = [
            GpuDevice(
                index=0,
                uuid=None,
                name=only.name,
                utilization=only.utilization,
                vram_used_gb=only.vram_used_gb,
                vram_total_gb=only.vram_total_gb,
                temperature=only.temperature,
                power_watts=only.power_watts,
            )
        ]
    for name, text, read in (
        ("utilization_ratio", "Utilization.", lambda g: _scaled(g.utilization, 0.01)),
        ("memory_used_bytes", "Memory in use.", lambda g: _scaled(g.vram_used_gb, _GIB)),
        ("memory_bytes", "Memory.", lambda g: _scaled(g.vram_total_gb, _GIB)),
        ("temperature_celsius", "Temperature.", lambda g: g.temperature),
        ("power_watts", "Power drawn.", lambda g: g.power_watts),
    ):
        yield _family(
            f"hsi_gpu_{name}",
            f"Of a GPU: {text.lower()}",
            ["gpu", "uuid"],
            [([str(gpu.index), gpu.uuid or ""], read(gpu)) for gpu in gpus],
        )


def _ai(data: PerformanceUpdateData) -> Iterator[Metric]:
    yolo26, nemotron = data.ai_models.yolo26 or None, data.nemotron
    postgresql, redis = data.databases.postgresql or None, data.databases.redis or None
    yield _family(
        "hsi_up",
        "1 for what is healthy, else 0.",
        ["service"],
        [
            ([name], float(part.status == "healthy"))
            for name, part in (
                ("yolo26", yolo26),
                ("nemotron", nemotron),
                ("postgresql", postgresql),
                ("redis", redis),
            )
            if part is not None
        ],
    )
    yield _one(
        "hsi_yolo26_memory_used_bytes",
        "GPU memory that yolo26 uses.",
        _scaled(yolo26.vram_gb, _GIB) if yolo26 else None,
    )
    for name, text, value in (
        ("slots_active", "Slots at work.", nemotron.slots_active if nemotron else None),
        ("slots", "Slots.", nemotron.slots_total if nemotron else None),
        ("context_tokens", "Context window.", nemotron.context_size if nemotron else None),
    ):
        yield _one(f"hsi_nemotron_{name}", f"Of nemotron: {text.lower()}", value)


def _inference(data: PerformanceUpdateData) -> Iterator[Metric]:
    inference = data.inference
    latencies: list[tuple[str, PipelineLatency | None]] = []
    if inference is not None:
        latencies = [
            ("yolo26", inference.yolo26_latency_ms),
            ("nemotron", inference.nemotron_latency_ms),
            ("pipeline", inference.pipeline_latency_ms),
        ]
    yield _family(
        "hsi_inference_latency_mean_seconds",
        "Mean latency of a stage in the last five minutes.",
        ["stage"],
        [([stage], _scaled(found.avg, 0.001)) for stage, found in latencies if found],
    )
    yield _family(
        "hsi_inference_latency_seconds",
        "Latency of a stage in the last five minutes, by quantile.",
        ["stage", "quantile"],
        [([stage, "0.95"], _scaled(found.p95, 0.001)) for stage, found in latencies if found]
        + [
            ([stage, "0.99"], _scaled(found.p99, 0.001))
            for stage, found in latencies
            if isinstance(found, ModelLatency)
        ],
    )
    throughput = inference.throughput if inference else None
    queues = inference.queues if inference else None
    yield _one(
        "hsi_images_per_second",
        "Images in which something was detected, in the last five minutes.",
        _scaled(throughput.images_per_min, 1 / 60) if throughput else None,
    )
    yield _one(
        "hsi_events_per_second",
        "Events in the last five minutes.",
        _scaled(throughput.events_per_min, 1 / 60) if throughput else None,
    )
    yield _family(
        "hsi_queue_entries",
        "Entries that wait in a queue.",
        ["queue"],
        [(["detection"], queues.detection), (["analysis"], queues.analysis)] if queues else [],
    )


def _databases(data: PerformanceUpdateData) -> Iterator[Metric]:
    postgresql, redis = data.databases.postgresql or None, data.databases.redis or None
    for name, text, value in (
        (
            "postgresql_connections_active",
            "Connections at work.",
            postgresql and postgresql.connections_active,
        ),
        (
            "postgresql_connections_limit",
            "Connections allowed.",
            postgresql and postgresql.connections_max,
        ),
        (
            "postgresql_cache_hit_ratio",
            "Blocks found in its cache.",
            _scaled(postgresql.cache_hit_ratio, 0.01) if postgresql else None,
        ),
        (
            "postgresql_transactions_per_second",
            "Transactions.",
            _scaled(postgresql.transactions_per_min, 1 / 60) if postgresql else None,
        ),
        ("redis_clients", "Connections.", redis and redis.connected_clients),
        ("redis_clients_blocked", "Clients in a blocking call.", redis and redis.blocked_clients),
        (
            "redis_memory_used_bytes",
            "Memory in use.",
            _scaled(redis.memory_mb, _MIB) if redis else None,
        ),
        (
            "redis_hit_ratio",
            "Keys that were looked up and found.",
            _scaled(redis.hit_ratio, 0.01) if redis else None,
        ),
    ):
        database = "PostgreSQL" if name.startswith("postgresql") else "Redis"
        yield _one(f"hsi_{name}", f"Of {database}: {text.lower()}", value)


def _host(data: PerformanceUpdateData) -> Iterator[Metric]:
    host = data.host
    if host is None:
        return
    for name, text, value in (
        ("cpu_utilization_ratio", "CPU.", _scaled(host.cpu_percent, 0.01)),
        ("memory_used_bytes", "Memory in use.", _scaled(host.ram_used_gb, _GIB)),
        ("memory_bytes", "Memory.", _scaled(host.ram_total_gb, _GIB)),
        ("disk_used_bytes", "Disk in use.", _scaled(host.disk_used_gb, _GIB)),
        ("disk_bytes", "Disk.", _scaled(host.disk_total_gb, _GIB)),
    ):
        yield _one(f"hsi_host_{name}", f"Of the host: {text}", value)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _one(name: str, text: str, value: float | None) -> Metric:
    return _family(name, text, [], [([], value)])


def _family(
    name: str, text: str, labels: Sequence[str], samples: Sequence[tuple[list[str], float | None]]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        if value is not None:
            family.add_metric(values, value)
    return family
