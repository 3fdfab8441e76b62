"""What a service counts."""

from prometheus_client.parser import text_string_to_metric_families

from hsi_service.metrics import Metrics


def shown(metrics: Metrics) -> dict[str, float]:
    text = metrics.exposition().decode()
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_two_services_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.redis_outages.inc()
    assert shown(one)["hsi_redis_outages_total"] == 1
    assert shown(other)["hsi_redis_outages_total"] == 0


def test_a_watched_gauge_is_read_when_somebody_looks() -> None:
    metrics, clients = Metrics(), [1.0]
    metrics.watch(metrics.connections, lambda: clients[0])
    assert shown(metrics)["hsi_connections"] == 1
    clients[0] = 7
    assert shown(metrics)["hsi_connections"] == 7
