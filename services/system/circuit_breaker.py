"""The circuit breaker (R36, R38, R39, R40). Pure: no I/O, and the clock is given.

What fails again and again is left alone for a while, then tried by one call, and trusted again
when that one succeeds.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypedDict

from hsi.schemas import WebSocketCircuitState


class CircuitOpenError(Exception):
    """The breaker does not allow a call now."""


class BreakerConfig(TypedDict):
    """What a breaker was made with."""

    failure_threshold: int
    recovery_timeout: float
    half_open_max_calls: int
    success_threshold: int


class BreakerStatus(TypedDict):
    """What a breaker is at."""

    state: WebSocketCircuitState
    failure_count: int
    """Failures in a row, while closed."""
    success_count: int
    """Successes, while half open."""
    half_open_calls: int
    """Trial calls that are under way."""
    retry_in_s: float | None
    """Seconds until it is half open; None unless it is open."""
    failures: int
    """Failures ever."""
    successes: int
    """Successes ever."""
    rejected: int
    """Calls that were not allowed, ever."""
    opened: int
    """Times that it opened."""
    config: BreakerConfig


class Call:
    """A call that was allowed. Exactly one of its methods says how it went; more do nothing.

    The result counts only in the state that the call was allowed in: a call from before the
    breaker opened says nothing about whether it works again now.
    """

    __slots__ = ("_breaker", "_epoch")

    def __init__(self, breaker: "WebSocketCircuitBreaker", epoch: int) -> None:
        self._breaker: WebSocketCircuitBreaker | None = breaker
        self._epoch = epoch

    def succeeded(self) -> None:
        """Count a success."""
        if breaker := self._end():
            breaker.record_success()

    def failed(self) -> None:
        """Count a failure."""
        if breaker := self._end():
            breaker.record_failure()

    def abandoned(self) -> None:
        """Count nothing: it was cancelled. Another call may try in its place."""
        self._end()

    def _end(self) -> "WebSocketCircuitBreaker | None":
        breaker, self._breaker = self._breaker, None
        return breaker if breaker and breaker.end_call(self._epoch) else None


class WebSocketCircuitBreaker:
    """CLOSED, OPEN or HALF_OPEN, by what is reported.

    A call asks first, by `attempt` or `call`, and reports how it went. What fails without having
    been called, as a lost connection does, is reported by `record_failure`.
    """

    def __init__(
        self,
        *,
        failure_threshold: int = 5,
        recovery_timeout: float = 30.0,
        half_open_max_calls: int = 1,
        success_threshold: int = 1,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[WebSocketCircuitState, WebSocketCircuitState], None] | None = None,
    ) -> None:
        """Begin closed.

        Args:
            failure_threshold: Failures in a row that open it.
            recovery_timeout: Seconds that it stays open.
            half_open_max_calls: Trial calls at the same time, at most.
            success_threshold: Successful trial calls that close it.
            clock: Seconds that only ever grow.
            on_change: Called with the state before and after each change.

        """
        self._config = BreakerConfig(
            failure_threshold=failure_threshold,
            recovery_timeout=recovery_timeout,
            half_open_max_calls=half_open_max_calls,
            success_threshold=success_threshold,
        )
        self._clock = clock
        self._on_change = on_change
        self._state = WebSocketCircuitState.CLOSED
        self._epoch = 0
        """Counts the changes of state."""
        self._opened_at = 0.0
        self._failure_count = 0
        self._success_count = 0
        self._half_open_calls = 0
        self._failures = 0
        self._successes = 0
        self._rejected = 0
        self._opened = 0

    @property
    def state(self) -> WebSocketCircuitState:
        """The state at this moment."""
        if self._state is WebSocketCircuitState.OPEN and self._retry_in() <= 0:
            self._become(WebSocketCircuitState.HALF_OPEN)
        return self._state

    def attempt(self) -> Call | None:
        """Return a call if one is allowed now, which must report; else None."""
        state = self.state
        if state is WebSocketCircuitState.OPEN or (
            state is WebSocketCircuitState.HALF_OPEN
            and self._half_open_calls >= self._config["half_open_max_calls"]
        ):
            self._rejected += 1
            return None
        if state is WebSocketCircuitState.HALF_OPEN:
            self._half_open_calls += 1
        return Call(self, self._epoch)

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Guard a block: an exception is a failure, the end a success, a cancellation neither.

        Raises:
            CircuitOpenError: It is not allowed now.

        """
        call = self.attempt()
        if call is None:
            raise CircuitOpenError(f"the circuit is {self._state}")
        try:
            yield
        except Exception:
            call.failed()
            raise
        except BaseException:
            call.abandoned()
            raise
        call.succeeded()

    def end_call(self, epoch: int) -> bool:
        """Take note that a call ended; tell whether its result still counts."""
        state = self.state
        if epoch != self._epoch:
            return False
        if state is WebSocketCircuitState.HALF_OPEN:
            self._half_open_calls -= 1
        return True

    def record_success(self) -> None:
        """Count a success: ends a row of failures; closes the breaker when it is half open."""
        self._successes += 1
        match self.state:
            case WebSocketCircuitState.CLOSED:
                self._failure_count = 0
            case WebSocketCircuitState.HALF_OPEN:
                self._success_count += 1
                if self._success_count >= self._config["success_threshold"]:
                    self._become(WebSocketCircuitState.CLOSED)

    def record_failure(self) -> None:
        """Count a failure: the threshold opens the breaker; one is enough when it is half open."""
        self._failures += 1
        match self.state:
            case WebSocketCircuitState.CLOSED:
                self._failure_count += 1
                if self._failure_count >= self._config["failure_threshold"]:
                    self._become(WebSocketCircuitState.OPEN)
            case WebSocketCircuitState.HALF_OPEN:
                self._become(WebSocketCircuitState.OPEN)

    def reset(self) -> None:
        """Close it by hand, whatever its state."""
        self._failure_count = 0
        if self.state is not WebSocketCircuitState.CLOSED:
            self._become(WebSocketCircuitState.CLOSED)

    def get_status(self) -> BreakerStatus:
        """Return state, counters and configuration."""
        state = self.state
        return BreakerStatus(
            state=state,
            failure_count=self._failure_count,
            success_count=self._success_count,
            half_open_calls=self._half_open_calls,
            retry_in_s=round(self._retry_in(), 3) if state is WebSocketCircuitState.OPEN else None,
            failures=self._failures,
            successes=self._successes,
            rejected=self._rejected,
            opened=self._opened,
            config=self._config.copy(),
        )

    def _retry_in(self) -> float:
        return self._opened_at + self._config["recovery_timeout"] - self._clock()

    def _become(self, state: WebSocketCircuitState) -> None:
        before, self._state = self._state, state
        self._epoch += 1
        self._half_open_calls = self._success_count = 0
        if state is WebSocketCircuitState.OPEN:
            self._opened += 1
            self._opened_at = self._clock()
        elif state is WebSocketCircuitState.CLOSED:
            self._failure_count = 0
        if self._on_change:
            self._on_change(before, state)
