"""Degraded mode: all three of the seed's reasons, told once, and left by itself."""

import json

import msgspec
import pytest

from hsi.schemas import WebSocketCircuitState
from services.system.degraded import MAX_RECOVERY_ATTEMPTS, DegradedMode, DegradedReason
from tests.clients import golden

CLOSED, OPEN, HALF_OPEN = (
    WebSocketCircuitState.CLOSED,
    WebSocketCircuitState.OPEN,
    WebSocketCircuitState.HALF_OPEN,
)


def test_an_open_circuit_is_told_in_the_seeds_words() -> None:
    mode = DegradedMode()
    message = mode.circuit_changed(OPEN)
    assert mode.is_degraded()
    assert mode.reason is DegradedReason.CIRCUIT_OPEN
    assert json.loads(msgspec.json.encode(message)) == json.loads(golden("service_status_degraded"))


def test_five_attempts_without_success_are_enough() -> None:
    assert MAX_RECOVERY_ATTEMPTS == 5
    mode = DegradedMode()
    assert [mode.attempt_failed(CLOSED) for _ in range(4)] == [None] * 4
    assert not mode.is_degraded()
    message = mode.attempt_failed(CLOSED)
    assert message
    assert message.data.circuit_state is CLOSED
    assert mode.reason is DegradedReason.ATTEMPTS_EXHAUSTED


def test_a_subscription_that_cannot_be_created_is_enough() -> None:
    mode = DegradedMode()
    assert mode.subscription_failed(CLOSED)
    assert mode.reason is DegradedReason.NOT_RESUBSCRIBED


def test_hearing_in_between_begins_the_count_anew() -> None:
    mode = DegradedMode()
    for _ in range(10):
        for _ in range(4):
            assert mode.attempt_failed(CLOSED) is None
        assert mode.heard(CLOSED) is None
    assert (mode.entered, mode.left) == (0, 0)


def test_it_is_told_once_whatever_goes_on_failing() -> None:
    mode = DegradedMode()
    told = [
        mode.circuit_changed(OPEN),
        *(mode.attempt_failed(OPEN) for _ in range(20)),
        mode.subscription_failed(OPEN),
        mode.circuit_changed(HALF_OPEN),
        mode.attempt_failed(HALF_OPEN),
        mode.circuit_changed(OPEN),
    ]
    assert [message for message in told if message] == told[:1]
    assert (mode.entered, mode.left) == (1, 0)


@pytest.mark.parametrize("order", ["heard first", "closed first"])
def test_it_recovers_when_redis_is_heard_and_the_circuit_closed(order: str) -> None:
    mode = DegradedMode()
    mode.circuit_changed(OPEN)
    assert mode.circuit_changed(HALF_OPEN) is None
    if order == "heard first":
        told = [mode.heard(HALF_OPEN), mode.circuit_changed(CLOSED), mode.heard(CLOSED)]
    else:
        told = [mode.circuit_changed(CLOSED), mode.heard(CLOSED), mode.heard(CLOSED)]
    (message,) = [message for message in told if message]
    assert message.data.status == "healthy"
    assert message.data.circuit_state is CLOSED
    assert not mode.is_degraded()
    assert (mode.entered, mode.left, mode.attempts) == (1, 1, 0)


def test_a_manual_reset_of_the_circuit_is_no_recovery() -> None:
    mode = DegradedMode()
    mode.attempt_failed(OPEN)
    assert mode.circuit_changed(CLOSED) is None
    assert mode.is_degraded()
    assert mode.heard(CLOSED)


def test_each_outage_is_told_anew() -> None:
    mode = DegradedMode()
    for _ in range(3):
        assert mode.circuit_changed(OPEN)
        mode.attempt_failed(HALF_OPEN)
        assert mode.circuit_changed(CLOSED) is None
        assert mode.heard(CLOSED)
    assert (mode.entered, mode.left) == (3, 3)
