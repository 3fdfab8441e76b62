"""The figures of an update, as Prometheus shows them."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hsi.schemas import PerformanceUpdate, PerformanceUpdateData, RaisedAlert
from hsi_service.metrics import Metrics
from services.collector.gauges import Gauges
from services.collector.raised import Change, Firing
from tests.clients import golden

GIB = 1024**3


def example() -> PerformanceUpdateData:
    return msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate).data


def shown(data: PerformanceUpdateData | None, memory_limit: int | None = None) -> dict[str, float]:
    """Return all samples, by name and labels."""
    metrics = Metrics()
    Gauges(metrics, lambda: data, dict, lambda: memory_limit)
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_figures_are_in_prometheus_base_units() -> None:
    samples = shown(example())
    assert samples["hsi_gpu_utilization_ratio,0,"] == pytest.approx(0.38)
    assert samples["hsi_gpu_memory_used_bytes,0,"] == pytest.approx(22.7 * GIB)
    assert samples["hsi_gpu_temperature_celsius,0,"] == 38
    assert samples["hsi_inference_latency_mean_seconds,yolo26"] == pytest.approx(0.045)
    assert samples["hsi_inference_latency_seconds,0.99,nemotron"] == pytest.approx(8.2)
    assert samples["hsi_images_per_second"] == pytest.approx(12.4 / 60)


def test_what_redis_may_take_is_shown_where_it_has_a_limit() -> None:
    assert shown(example(), 384)["hsi_redis_memory_limit_bytes"] == 384
    assert "hsi_redis_memory_limit_bytes" not in shown(example())


def test_a_part_that_is_up_is_one_and_one_that_is_not_is_zero() -> None:
    data = example()
    assert shown(data)["hsi_up,nemotron"] == 1
    assert data.nemotron is not None
    data.nemotron.status = "unreachable"
    assert shown(data)["hsi_up,nemotron"] == 0


def test_what_is_null_has_no_sample_instead_of_a_zero() -> None:
    data = example()
    assert data.gpu is not None
    data.gpu.temperature = None
    data.inference = None
    data.host = None
    samples = shown(data)
    assert "hsi_gpu_utilization_ratio,0," in samples
    absent = ("hsi_gpu_temperature", "hsi_inference", "hsi_images", "hsi_queue", "hsi_host")
    assert [name for name in samples if name.startswith(absent)] == []


def test_before_the_first_round_there_are_counters_alone() -> None:
    assert {name for name in shown(None) if "created" not in name} >= {
        "hsi_performance_updates_total",
        "hsi_alerts_firing",
    }
    assert "hsi_up,redis" not in shown(None)


def test_what_was_told_of_alerts_is_counted_by_metric_and_severity() -> None:
    metrics = Metrics()
    firing: Firing = {"host_cpu": "critical"}
    gauges = Gauges(metrics, example, lambda: firing)
    alert = msgspec.json.decode(golden("alert"), type=RaisedAlert).data
    gauges.count(Change("began", alert))
    alert.severity = "critical"
    gauges.count(Change("changed", alert))
    gauges.count(Change("ended", alert))
    text = metrics.exposition().decode()
    labels = '_total{metric="gpu_temperature",severity='
    assert f'hsi_alerts_fired{labels}"warning"}} 1.0' in text
    assert f'hsi_alerts_changed{labels}"critical"}} 1.0' in text
    assert f'hsi_alerts_resolved{labels}"critical"}} 1.0' in text
    assert "hsi_alerts_firing 1.0" in text
    assert 'hsi_alert{metric="host_cpu",severity="critical"} 1.0' in text
