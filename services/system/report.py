"""What the broadcaster tells of itself, in `GET /status` and to Prometheus."""

import math
from collections.abc import Callable

from msgspec import Struct
from prometheus_client import Counter, Gauge

from hsi.schemas import WebSocketCircuitState
from hsi.schemas.base import ServiceHealth
from hsi_service.metrics import Metrics
from services.system.circuit_breaker import BreakerStatus
from services.system.degraded import DegradedReason


class LeaseReport(Struct):
    """Who leads."""

    held: bool
    term: int
    """In which this replica leads, or led last; 0 if it never has."""
    remaining_s: float
    taken: int
    unanswered: bool
    """Redis has not said for a while who leads."""
    refused: str | None
    """Why Redis refuses to say it, in its words: READONLY, OOM, …; null where it does not."""


class DegradedReport(Struct):
    """Degraded mode."""

    degraded: bool
    reason: DegradedReason | None
    attempts: int
    entered: int
    left: int


class BroadcasterReport(Struct):
    """What the broadcaster is at."""

    clients: int
    status_age_s: float | None
    """Seconds since this replica sent or heard a status; None if it has none."""
    alone: bool
    """It cannot hear the leader, and serves its own clients."""
    clock_skew_s: float | None
    """Seconds by which this machine's clock is ahead of Redis'; None until that was measured."""
    lease: LeaseReport
    circuit_breaker: BreakerStatus
    degraded_mode: DegradedReport
    health: dict[str, ServiceHealth]
    """Health that is settled, as far as this replica followed it."""


class SystemMetrics:
    """The same for Prometheus, and what is counted."""

    def __init__(self, metrics: Metrics, report: Callable[[], BroadcasterReport]) -> None:
        registry = metrics.registry
        self.statuses = Counter(
            "hsi_system_statuses",
            "Statuses sent: published for all replicas, or local, to this one's clients alone.",
            ["to"],
            registry=registry,
        )
        self.collections = Counter(
            "hsi_system_collections", "Rounds in which all sources were asked.", registry=registry
        )
        self.unpublished = Counter(
            "hsi_system_unpublished", "Rounds that Redis did not acknowledge.", registry=registry
        )
        self.health_changes = Counter(
            "hsi_system_health_changes", "Changes of a service's health found.", registry=registry
        )
        self.camera_changes = Counter(
            "hsi_system_camera_changes", "Changes of a camera's status found.", registry=registry
        )
        self._registry = registry

        def gauge(name: str, text: str, value: Callable[[BroadcasterReport], float]) -> None:
            Gauge(name, text, registry=registry).set_function(lambda: value(report()))

        gauge("hsi_system_leads", "1 while this replica publishes.", lambda r: r.lease.held)
        gauge(
            "hsi_system_alone",
            "1 while it cannot hear the leader, and serves its own clients.",
            lambda r: r.alone,
        )
        gauge(
            "hsi_system_status_age_seconds",
            "Since this replica sent or heard a status; NaN if it has none.",
            lambda r: math.nan if r.status_age_s is None else r.status_age_s,
        )
        gauge("hsi_system_degraded", "1 in degraded mode.", lambda r: r.degraded_mode.degraded)
        gauge(
            "hsi_system_degraded_entered",
            "Times that it entered degraded mode.",
            lambda r: r.degraded_mode.entered,
        )
        gauge(
            "hsi_system_degraded_left",
            "Times that it left degraded mode.",
            lambda r: r.degraded_mode.left,
        )
        gauge(
            "hsi_system_circuit_opened",
            "Times that the circuit breaker opened.",
            lambda r: r.circuit_breaker["opened"],
        )
        circuit = Gauge(
            "hsi_system_circuit", "1 for the breaker's state.", ["state"], registry=registry
        )

        def watch(state: WebSocketCircuitState) -> None:
            circuit.labels(state.value).set_function(
                lambda: report().circuit_breaker["state"] is state
            )

        for state in WebSocketCircuitState:
            watch(state)

    def watch_untold(self, count: Callable[[], int]) -> None:
        """Let Prometheus see how many changes wait to be told.

        Args:
            count: Returns it.

        """
        Gauge(
            "hsi_system_untold_changes",
            "Changes of services and cameras that this replica has found and not told yet.",
            registry=self._registry,
        ).set_function(count)
