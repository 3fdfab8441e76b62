"""What a service counts, for Prometheus; one registry per service, so that two can share a process.

Counters are bumped once per batch or per rare occasion, never per message and client.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest


class LabelledCounter:
    """A counter with one label, that looks up what it counts for each value once."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._children: dict[str, Counter] = {}

    def labels(self, value: str) -> Counter:
        """Return what is counted for a value of the label; of values there are few."""
        child = self._children.get(value)
        if child is None:
            child = self._children[value] = self._counter.labels(value)
        return child


class Metrics:
    """The metrics that all services have."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = self._gauge("hsi_connections", "Clients connected.")
        self.slow = self._gauge(
            "hsi_slow_clients", "Clients that have not taken all they were sent."
        )
        self.unsent = self._gauge(
            "hsi_unsent_bytes", "Memory of what waits for them; what several wait for counts once."
        )
        self.redis_connected = self._gauge(
            "hsi_redis_connected", "1 while the subscriber hears Redis, or nobody listens; else 0."
        )
        self.redis_lag = self._gauge(
            "hsi_redis_lag_seconds", "Round trip of the last PING on the subscriber's connection."
        )
        self.writes_refused = self._gauge(
            "hsi_redis_refuses_writes", "1 while Redis refuses writes, as far as the probe knows."
        )
        self.redis_outages = self._counter(
            "hsi_redis_outages", "Times that the subscriber lost or could not reach Redis."
        )
        self.messages = self._labelled(
            "hsi_messages", "Messages heard on channels, by what became of them.", "verdict"
        )
        self.deliveries = self._counter(
            "hsi_deliveries",
            "Messages and heartbeats queued for clients, replays aside.",
        )
        self.gaps = self._counter(
            "hsi_gaps", "Times that a topic's clients were told that messages are missing."
        )
        self.deaf = self._counter(
            "hsi_deaf", "Times that the subscription was found lost without an error."
        )
        self.task_failures = Counter(
            "hsi_task_failures",
            "Background tasks that ended before their time.",
            ["task"],
            registry=self.registry,
        )
        self.client_frames = self._labelled(
            "hsi_client_frames", "Messages from clients, by what they were.", "frame"
        )
        self.refusals = self._labelled(
            "hsi_refusals",
            "Handshakes and /api requests refused, by HTTP status or close code.",
            "status",
        )
        self.closes = self._labelled(
            "hsi_closes", "Connections that this service closed, by close code.", "code"
        )

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)

    def _labelled(self, name: str, text: str, label: str) -> LabelledCounter:
        return LabelledCounter(Counter(name, text, [label], registry=self.registry))

    def watch(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Read `gauge` from `value` whenever somebody scrapes."""
        gauge.set_function(value)

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry)
