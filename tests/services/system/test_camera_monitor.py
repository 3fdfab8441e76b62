"""`camera_status` on a change and only then; two looks in a row make one."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import CameraState
from services.system.camera_monitor import CameraLook, CameraMonitor

BEGIN = datetime(2026, 11, 27, tzinfo=UTC)
STATES: list[CameraState] = ["online", "offline", "error", "unknown"]


def at(look: int) -> datetime:
    return BEGIN + timedelta(seconds=5 * look)


def told(monitor: CameraMonitor, *states: CameraState, begin: int = 0) -> list[object]:
    """Look at one camera so often; return what was told after each look, and since which."""
    found: list[object] = []
    for number, state in enumerate(states, begin):
        changes = monitor.observe({"a": CameraLook("A", state)}, at(number))
        found += [(change.status, (change.since - BEGIN).seconds // 5) for change in changes] or [
            None
        ]
    return found


def test_the_first_look_at_a_camera_is_no_change() -> None:
    assert told(CameraMonitor(), "offline", "offline") == [None, None]


def test_a_change_is_told_once_after_two_looks_and_is_so_since_the_first() -> None:
    monitor = CameraMonitor()
    looks = told(monitor, "online", "offline", "offline", "offline", "online", "online")
    assert looks == [None, None, ("offline", 1), None, None, ("online", 4)]
    assert monitor.settled["a"].since == at(4)


def test_one_bad_look_is_no_change_and_neither_is_a_camera_that_comes_and_goes() -> None:
    comes_and_goes: list[CameraState] = ["online", "offline"]
    assert told(CameraMonitor(), *comes_and_goes * 10) == [None] * 20


def test_looks_that_are_not_online_are_one_row_and_the_last_is_told() -> None:
    monitor = CameraMonitor()
    assert told(monitor, "online", "offline", "error") == [None, None, ("error", 1)]
    assert told(monitor, "offline", "offline", begin=3) == [None, ("offline", 3)]


def test_a_camera_that_was_deleted_is_forgotten_and_one_that_comes_is_known_quietly() -> None:
    monitor = CameraMonitor()
    monitor.observe({"a": CameraLook("A", "online"), "b": CameraLook("B", "offline")}, at(0))
    assert monitor.observe({"b": CameraLook("Garden", "offline")}, at(1)) == []
    assert [camera.name for camera in monitor.settled.values()] == ["Garden"]
    assert monitor.observe({"a": CameraLook("A", "offline")}, at(2)) == []


@given(st.lists(st.sampled_from(STATES), max_size=30), st.integers(0, 30))
def test_a_change_of_leader_tells_nothing_twice(states: list[CameraState], moment: int) -> None:
    monitor, reference = CameraMonitor(), CameraMonitor()
    found, expected = [], []
    for number, state in enumerate(states):
        if number == moment:
            successor = CameraMonitor()
            successor.adopt(monitor.settled.values())
            monitor = successor
        looks = {"a": CameraLook("A", state)}
        found += [change.status for change in monitor.observe(looks, at(number))]
        expected += [change.status for change in reference.observe(looks, at(number))]
        # What is told differs from what was told before it.
        assert all(one != other for one, other in itertools.pairwise(found))
    # The new one begins its row again, so it may be a look later, or not see a short change at all.
    assert len(found) <= len(expected) + 1
