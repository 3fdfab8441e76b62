"""Degraded mode (R43, R45, R46): when to tell users, once, that Redis cannot be heard. Pure.

What is exhausted is the patience before telling them, never the trying.
"""

from enum import StrEnum

from hsi.schemas import ServiceStatus, ServiceStatusData, WebSocketCircuitState
from hsi.schemas.base import ServiceHealth

MAX_RECOVERY_ATTEMPTS = 5
"""Attempts to hear Redis again, without success, before users are told."""
SERVICE = "system_broadcaster"
DEGRADED = "System status broadcasting is degraded. Updates may be delayed or unavailable."
RECOVERED = "System status broadcasting has recovered."


class DegradedReason(StrEnum):
    """Why it is degraded (R42)."""

    CIRCUIT_OPEN = "circuit_open"
    """The circuit breaker opened."""
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    """`MAX_RECOVERY_ATTEMPTS` attempts without success, while the circuit is closed: somebody has
    reset it between them. Else it opens with the fifth."""
    NOT_RESUBSCRIBED = "not_resubscribed"
    """Connected again, but the subscription could not be created."""


class DegradedMode:
    """Whether a broadcaster is degraded, and what to tell all of its clients about it.

    Each method takes the breaker's state and returns a message when it enters or leaves degraded
    mode, and then only; None otherwise.
    """

    def __init__(self) -> None:
        self._attempts = 0
        self._hears = False
        self._reason: DegradedReason | None = None
        self.entered = 0
        """Times that it entered degraded mode."""
        self.left = 0
        """Times that it left it."""

    def is_degraded(self) -> bool:
        """Tell whether updates may be delayed or unavailable."""
        return self._reason is not None

    @property
    def reason(self) -> DegradedReason | None:
        """Why it is degraded; None while it is not."""
        return self._reason

    @property
    def attempts(self) -> int:
        """Attempts to hear Redis again, since it was last heard."""
        return self._attempts

    def attempt_failed(self, circuit: WebSocketCircuitState) -> ServiceStatus | None:
        """Take note that Redis was lost or could not be reached."""
        self._hears = False
        self._attempts += 1
        if circuit is WebSocketCircuitState.OPEN:
            return self._enter(DegradedReason.CIRCUIT_OPEN, circuit)
        if self._attempts >= MAX_RECOVERY_ATTEMPTS:
            return self._enter(DegradedReason.ATTEMPTS_EXHAUSTED, circuit)
        return None

    def subscription_failed(self, circuit: WebSocketCircuitState) -> ServiceStatus | None:
        """Take note that Redis was reached, but the subscription could not be created."""
        self._hears = False
        self._attempts += 1
        if circuit is WebSocketCircuitState.OPEN:
            return self._enter(DegradedReason.CIRCUIT_OPEN, circuit)
        return self._enter(DegradedReason.NOT_RESUBSCRIBED, circuit)

    def circuit_changed(self, circuit: WebSocketCircuitState) -> ServiceStatus | None:
        """Take note that the breaker changed its state."""
        match circuit:
            case WebSocketCircuitState.OPEN:
                return self._enter(DegradedReason.CIRCUIT_OPEN, circuit)
            case WebSocketCircuitState.CLOSED if self._hears:
                return self._leave(circuit)
        return None

    def heard(self, circuit: WebSocketCircuitState) -> ServiceStatus | None:
        """Take note that the subscription is confirmed.

        It has recovered when the circuit is closed too, whichever of the two comes first.
        """
        self._hears = True
        return self._leave(circuit) if circuit is WebSocketCircuitState.CLOSED else None

    def _leave(self, circuit: WebSocketCircuitState) -> ServiceStatus | None:
        self._attempts = 0
        if self._reason is None:
            return None
        self._reason = None
        self.left += 1
        return _message("healthy", RECOVERED, circuit)

    def _enter(
        self, reason: DegradedReason, circuit: WebSocketCircuitState
    ) -> ServiceStatus | None:
        if self._reason is not None:
            return None
        self._reason = reason
        self.entered += 1
        return _message("degraded", DEGRADED, circuit)


def _message(status: ServiceHealth, message: str, circuit: WebSocketCircuitState) -> ServiceStatus:
    # Without a timestamp, as in the document's example.
    return ServiceStatus(
        data=ServiceStatusData(
            service=SERVICE, status=status, message=message, circuit_state=circuit
        ),
    )
