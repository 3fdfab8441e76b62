"""The circuit breaker is the seed's: its diagram, its defaults, and one trial call at a time."""

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from hsi.schemas import WebSocketCircuitState
from hsi.tasks import cancel_and_wait
from services.system.circuit_breaker import Call, CircuitOpenError, WebSocketCircuitBreaker

CLOSED, OPEN, HALF_OPEN = (
    WebSocketCircuitState.CLOSED,
    WebSocketCircuitState.OPEN,
    WebSocketCircuitState.HALF_OPEN,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched(WebSocketCircuitBreaker):
    """A breaker with a clock of the test's own, whose changes are written down."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.changes: list[tuple[WebSocketCircuitState, WebSocketCircuitState]] = []
        super().__init__(
            clock=self.clock,
            on_change=lambda before, after: self.changes.append((before, after)),
            **options,
        )


def opened(**options: Any) -> Watched:
    breaker = Watched(**options)
    for _ in range(breaker.get_status()["config"]["failure_threshold"]):
        breaker.record_failure()
    assert breaker.state is OPEN
    breaker.changes.clear()
    return breaker


def half_opened(**options: Any) -> Watched:
    breaker = opened(**options)
    breaker.clock.now += breaker.get_status()["config"]["recovery_timeout"]
    assert breaker.state is HALF_OPEN
    breaker.changes.clear()
    return breaker


def test_its_defaults_are_the_seeds() -> None:
    assert WebSocketCircuitBreaker().get_status()["config"] == {
        "failure_threshold": 5,
        "recovery_timeout": 30.0,
        "half_open_max_calls": 1,
        "success_threshold": 1,
    }


def test_it_begins_closed() -> None:
    breaker = Watched()
    assert breaker.state is CLOSED
    assert breaker.attempt() is not None
    assert breaker.changes == []


def test_closed_to_open_at_the_fifth_failure_in_a_row() -> None:
    breaker = Watched()
    for _ in range(4):
        breaker.record_failure()
    assert breaker.state is CLOSED
    breaker.record_failure()
    assert breaker.state is OPEN
    assert breaker.changes == [(CLOSED, OPEN)]


def test_a_success_ends_the_row() -> None:
    breaker = Watched()
    for _ in range(4):
        breaker.record_failure()
    breaker.record_success()
    for _ in range(4):
        breaker.record_failure()
    assert breaker.state is CLOSED


def test_open_to_half_open_when_30_seconds_are_over() -> None:
    breaker = opened()
    breaker.clock.now += 29.999
    assert breaker.state is OPEN
    assert breaker.attempt() is None
    breaker.clock.now += 0.001
    assert breaker.state is HALF_OPEN
    assert breaker.changes == [(OPEN, HALF_OPEN)]


def test_half_open_to_closed_by_a_success() -> None:
    breaker = half_opened()
    breaker.record_success()
    assert breaker.state is CLOSED
    assert breaker.changes == [(HALF_OPEN, CLOSED)]
    assert breaker.get_status()["failure_count"] == 0


def test_half_open_to_open_by_a_failure_for_another_30_seconds() -> None:
    breaker = half_opened()
    breaker.record_failure()
    assert breaker.state is OPEN
    assert breaker.changes == [(HALF_OPEN, OPEN)]
    breaker.clock.now += 29.999
    assert breaker.state is OPEN
    breaker.clock.now += 0.001
    assert breaker.state is HALF_OPEN


def test_open_to_closed_by_a_manual_reset() -> None:
    breaker = opened()
    breaker.reset()
    assert breaker.state is CLOSED
    assert breaker.changes == [(OPEN, CLOSED)]


def test_a_reset_closes_it_while_half_open_and_forgets_a_row_while_closed() -> None:
    breaker = half_opened()
    breaker.reset()
    assert breaker.state is CLOSED
    for _ in range(4):
        breaker.record_failure()
    breaker.reset()
    assert breaker.get_status()["failure_count"] == 0
    assert breaker.changes == [(HALF_OPEN, CLOSED)]


def test_failures_and_successes_while_open_change_nothing() -> None:
    breaker = opened()
    breaker.clock.now += 20
    breaker.record_failure()
    breaker.record_success()
    assert breaker.state is OPEN
    assert breaker.get_status()["retry_in_s"] == 10


async def test_one_trial_call_however_many_ask_at_once() -> None:
    breaker = half_opened()
    inside = most = 0
    running = asyncio.Event()

    async def caller() -> bool:
        nonlocal inside, most
        try:
            with breaker.call():
                inside += 1
                most = max(most, inside)
                await running.wait()
                inside -= 1
        except CircuitOpenError:
            return False
        return True

    callers = [asyncio.create_task(caller()) for _ in range(50)]
    await asyncio.sleep(0)
    assert breaker.get_status()["half_open_calls"] == 1
    assert breaker.get_status()["rejected"] == 49
    running.set()
    assert sum(await asyncio.gather(*callers)) == 1
    assert most == 1
    assert breaker.state is CLOSED


async def test_a_cancelled_trial_gives_its_place_to_another() -> None:
    breaker = half_opened()

    async def trial() -> None:
        with breaker.call():
            await asyncio.Event().wait()

    task = asyncio.create_task(trial())
    await asyncio.sleep(0)
    assert breaker.attempt() is None
    await cancel_and_wait(task)
    assert breaker.state is HALF_OPEN
    assert breaker.attempt() is not None


def test_a_block_that_fails_counts_and_its_exception_goes_on() -> None:
    breaker = Watched(failure_threshold=1)
    with pytest.raises(ZeroDivisionError), breaker.call():
        _ = 1 / 0
    assert breaker.state is OPEN
    with pytest.raises(CircuitOpenError), breaker.call():
        pytest.fail("the block must not run")


def test_more_trial_calls_and_successes_where_they_are_set() -> None:
    breaker = half_opened(half_open_max_calls=2, success_threshold=3)
    first, second = breaker.attempt(), breaker.attempt()
    assert first
    assert second
    assert breaker.attempt() is None
    first.succeeded()
    second.succeeded()
    assert breaker.state is HALF_OPEN
    third = breaker.attempt()
    assert third
    third.succeeded()
    assert breaker.state is CLOSED


def test_a_call_from_before_it_opened_says_nothing_about_now() -> None:
    breaker = Watched()
    old, older = breaker.attempt(), breaker.attempt()
    assert old
    assert older
    for _ in range(5):
        breaker.record_failure()
    breaker.clock.now += 30
    trial = breaker.attempt()
    assert trial
    old.failed()
    older.succeeded()
    assert breaker.state is HALF_OPEN
    assert breaker.attempt() is None  # the trial still has its place
    trial.succeeded()
    assert breaker.state is CLOSED


def test_a_result_counts_once() -> None:
    breaker = Watched()
    call = breaker.attempt()
    assert call
    call.failed()
    call.failed()
    call.succeeded()
    assert breaker.get_status()["failures"] == 1
    assert breaker.get_status()["successes"] == 0


def test_its_status_has_state_counters_and_configuration() -> None:
    breaker = opened()
    assert breaker.attempt() is None
    assert breaker.get_status() == {
        "state": "open",
        "failure_count": 5,
        "success_count": 0,
        "half_open_calls": 0,
        "retry_in_s": 30,
        "failures": 5,
        "successes": 0,
        "rejected": 1,
        "opened": 1,
        "config": {
            "failure_threshold": 5,
            "recovery_timeout": 30.0,
            "half_open_max_calls": 1,
            "success_threshold": 1,
        },
    }


class BreakerModel(RuleBasedStateMachine):
    """The seed's diagram, played out in any order. Only its arrows are ever taken."""

    ARROWS = frozenset(
        {(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED), (HALF_OPEN, OPEN), (OPEN, CLOSED)}
    )
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Watched()
        self.row = 0
        self.opened_at = 0.0
        self.expected = CLOSED
        self.trials = 0
        """Trial calls under way."""
        self.period = 0

    def turn(self, state: WebSocketCircuitState) -> None:
        self.expected = state
        self.period += 1
        self.row = self.trials = 0
        if state is OPEN:
            self.opened_at = self.breaker.clock.now

    def passed(self) -> None:
        if self.expected is OPEN and self.breaker.clock.now - self.opened_at >= 30:
            self.turn(HALF_OPEN)

    def failure(self) -> None:
        self.row += 1
        if self.expected is HALF_OPEN or (self.expected is CLOSED and self.row >= 5):
            self.turn(OPEN)

    def success(self) -> None:
        if self.expected is HALF_OPEN:
            self.turn(CLOSED)
        self.row = 0

    @rule(seconds=st.sampled_from([0.5, 10.0, 29.0, 30.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.breaker.clock.now += seconds
        self.passed()

    @rule()
    def fail(self) -> None:
        self.breaker.record_failure()
        self.failure()

    @rule()
    def succeed(self) -> None:
        self.breaker.record_success()
        self.success()

    @rule(target=calls)
    def ask(self) -> Any:
        call = self.breaker.attempt()
        allowed = self.expected is CLOSED or (self.expected is HALF_OPEN and self.trials == 0)
        assert (call is not None) is allowed
        if call is None:
            return multiple()
        self.trials += self.expected is HALF_OPEN
        return call, self.period

    @rule(asked=consumes(calls), how=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def report(self, asked: tuple[Call, int], how: str) -> None:
        call, period = asked
        getattr(call, how)()
        if period != self.period:
            return
        self.trials -= self.expected is HALF_OPEN
        if how == "failed":
            self.failure()
        elif how == "succeeded":
            self.success()

    @precondition(lambda self: self.expected is not HALF_OPEN)
    @rule()
    def reset(self) -> None:
        self.breaker.reset()
        self.row = 0
        if self.expected is OPEN:
            self.turn(CLOSED)

    @invariant()
    def state_is_as_expected(self) -> None:
        assert self.breaker.state is self.expected
        assert set(self.breaker.changes) <= self.ARROWS
        assert self.breaker.get_status()["half_open_calls"] == self.trials <= 1


TestBreakerModel = BreakerModel.TestCase
