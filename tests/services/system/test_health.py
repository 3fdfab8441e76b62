"""`service_status` on a change and only then, once per cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas.base import ServiceHealth
from services.system.health import HealthChange, HealthMonitor, HealthResult

WORDS: list[ServiceHealth] = ["healthy", "degraded", "unhealthy", "unreachable"]


def told(monitor: HealthMonitor, *words: ServiceHealth) -> list[ServiceHealth | None]:
    """Observe one service; return what was told after each result."""
    changes = [monitor.observe({"yolo26": HealthResult(word)}) for word in words]
    return [change[0].health if change else None for change in changes]


@pytest.mark.parametrize("word", WORDS)
def test_the_first_result_is_no_change(word: ServiceHealth) -> None:
    monitor = HealthMonitor()
    assert told(monitor, word, word, word) == [None] * 3
    assert monitor.get_status() == {"yolo26": word}


def test_a_change_is_told_once_after_two_results_in_a_row() -> None:
    monitor = HealthMonitor()
    assert told(monitor, "healthy", "unreachable", "unreachable", "unreachable") == [
        None,
        None,
        "unreachable",
        None,
    ]
    assert told(monitor, "healthy", "healthy", "healthy") == [None, "healthy", None]


def test_one_bad_answer_is_no_change_and_neither_is_a_service_that_comes_and_goes() -> None:
    monitor = HealthMonitor()
    told(monitor, "healthy")
    for _ in range(20):
        assert told(monitor, "unreachable", "healthy") == [None, None]
    assert monitor.get_status() == {"yolo26": "healthy"}


def test_different_words_for_not_healthy_are_one_row_and_the_last_is_told() -> None:
    monitor = HealthMonitor(confirmations=3)
    told(monitor, "healthy")
    assert told(monitor, "unhealthy", "unreachable", "unhealthy") == [None, None, "unhealthy"]


def test_from_bad_to_worse_to_healthy_takes_a_row_of_healthy_results() -> None:
    monitor = HealthMonitor()
    told(monitor, "unhealthy")
    assert told(monitor, "unreachable", "healthy", "healthy") == [None, None, "healthy"]


def test_one_confirmation_tells_every_change() -> None:
    monitor = HealthMonitor(confirmations=1)
    assert told(monitor, "healthy", "unhealthy", "healthy") == [None, "unhealthy", "healthy"]


def test_services_are_apart_and_one_without_a_result_stays_as_it_is() -> None:
    monitor = HealthMonitor()
    down = HealthResult("unreachable", "connection refused")
    fine = HealthResult("healthy")
    assert monitor.observe({"yolo26": fine, "nemotron": fine}) == []
    assert monitor.observe({"yolo26": down}) == []
    assert monitor.observe({"nemotron": down}) == []
    assert monitor.observe({"yolo26": down}) == [
        HealthChange("yolo26", "unreachable", "Health check failed: connection refused")
    ]
    assert monitor.get_status() == {"yolo26": "unreachable", "nemotron": "healthy"}


def test_a_new_leader_goes_on_where_the_last_one_was() -> None:
    last, new = HealthMonitor(), HealthMonitor()
    told(last, "healthy", "unhealthy")
    new.adopt(last.exported())
    assert told(new, "unhealthy", "unhealthy") == ["unhealthy", None]
    last.adopt(new.exported())
    assert told(last, "unhealthy", "unhealthy") == [None, None]


@pytest.mark.parametrize(
    "state", [None, b"", b"rubbish", b"\xff", b"[]", b'{"yolo26":{"settled":"fine"}}']
)
def test_what_cannot_be_read_is_as_if_there_were_nothing(state: bytes | None) -> None:
    monitor = HealthMonitor()
    monitor.adopt(state)
    assert monitor.get_status() == {}
    assert told(monitor, "unhealthy") == [None]


@given(
    results=st.lists(st.sampled_from(WORDS), max_size=30),
    confirmations=st.integers(1, 4),
    handovers=st.sets(st.integers(0, 30)),
)
def test_changes_of_leader_change_nothing_about_what_is_told(
    results: list[ServiceHealth], confirmations: int, handovers: set[int]
) -> None:
    one = HealthMonitor(confirmations)
    leader = HealthMonitor(confirmations)
    for number, word in enumerate(results):
        if number in handovers:
            following = HealthMonitor(confirmations)
            following.adopt(leader.exported())
            leader = following
        before = one.get_status().get("yolo26")
        (said,) = told(one, word)
        assert told(leader, word) == [said]
        assert said is None or said == word != before  # a change, and only then
