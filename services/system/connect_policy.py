"""The breaker and degraded mode, on this replica's listener (R41). Pure: the clock is given.

The document waits a second before each attempt to hear Redis again, and gives up after five. The
subscriber tries more often, because a restart takes a moment; here the seconds are counted, and
not the tries. So an outage of 3.5 s is bridged without a word, and one of an instant costs one.
"""

import math
import time
from collections.abc import Callable

from hsi.schemas import ServiceStatus, WebSocketCircuitState
from services.system.circuit_breaker import Call, WebSocketCircuitBreaker
from services.system.degraded import DegradedMode

ATTEMPT_TIME = 1.0
"""Seconds of one attempt: however often it is tried within them, it has failed once."""


class BreakerPolicy:
    """Decides when the subscriber may connect, and when clients are told (`ConnectPolicy`).

    Connecting and subscribing is one call; losing what was heard is a failure without a call.
    """

    def __init__(
        self,
        *,
        recovery_timeout: float,
        announce: Callable[[ServiceStatus], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the circuit closed.

        Args:
            recovery_timeout: Seconds that the breaker stays open.
            announce: Tells all clients of this replica, once, what has begun or is over.
            clock: Seconds that only ever grow.

        """
        self.breaker = WebSocketCircuitBreaker(
            recovery_timeout=recovery_timeout, clock=clock, on_change=self._circuit_changed
        )
        self.degraded = DegradedMode()
        self.announcement: ServiceStatus | None = None
        """What clients were told when degraded mode began; None once it is over."""
        self._announce = announce
        self._clock = clock
        self._call: Call | None = None
        self._next_attempt_at = -math.inf
        """From when on a failure is one of another attempt."""

    def may_connect(self) -> bool:
        """Ask the breaker."""
        self._call = self.breaker.attempt()
        return self._call is not None

    def heard(self) -> None:
        """Take note that Redis has confirmed all channels."""
        if call := self._end():
            call.succeeded()
        self._next_attempt_at = -math.inf
        self._tell(self.degraded.heard(self.breaker.state))

    def failed(self, *, refused: bool) -> None:
        """Record that Redis was lost or could not be reached, or refused what it was asked."""
        call, now = self._end(), self._clock()
        is_same_attempt = now < self._next_attempt_at and not refused
        if is_same_attempt and self.breaker.state is WebSocketCircuitState.CLOSED:
            if call:
                call.abandoned()
            return
        self._next_attempt_at = now + ATTEMPT_TIME
        if call:
            call.failed()
        else:
            self.breaker.record_failure()
        circuit = self.breaker.state
        if refused:
            self._tell(self.degraded.subscription_failed(circuit))
        else:
            self._tell(self.degraded.attempt_failed(circuit))

    def left(self) -> None:
        """Take note that nobody listens any more."""
        if call := self._end():
            call.abandoned()

    def _end(self) -> Call | None:
        call, self._call = self._call, None
        return call

    def _circuit_changed(self, _: WebSocketCircuitState, circuit: WebSocketCircuitState) -> None:
        self._tell(self.degraded.circuit_changed(circuit))

    def _tell(self, message: ServiceStatus | None) -> None:
        if message is not None:
            self.announcement = message if self.degraded.is_degraded() else None
            self._announce(message)
