"""What a leader leaves in Redis, and what the next one makes of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hsi.schemas import CameraState, channels
from services.system import changes as module
from services.system.camera_monitor import CameraLook
from services.system.changes import Knowledge, Left, Observed
from services.system.health import HealthResult

BEGIN = datetime(2026, 11, 27, tzinfo=UTC)
NOTHING = Left(None, None, None)


def seen(camera: CameraState, name: str = "A") -> Observed:
    return Observed({"yolo26": HealthResult("healthy")}, {"a": CameraLook(name, camera)})


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def test_a_new_leader_goes_on_with_what_was_settled_and_what_was_not_told() -> None:
    first, second = Knowledge(), Knowledge()
    for number, state in enumerate(["online", "offline", "offline"]):
        found = first.observe(seen(state), at(number))  # type: ignore[arg-type]  # a state
    assert found == (0, 1)
    second.adopt(first.exported())
    assert second.untold == first.untold
    assert second.cameras.settled == first.cameras.settled
    assert second.observe(seen("offline"), at(9)) == (0, 0)
    second.told(second.untold)
    assert second.exported().changes == b"[]"


def test_the_cameras_are_listed_again_where_they_are_others_and_once_a_minute() -> None:
    knowledge = Knowledge()
    assert knowledge.exported().cameras is None  # nobody has seen any list of them
    knowledge.observe(seen("online"), at(0))
    first = knowledge.exported().cameras
    knowledge.observe(seen("online"), at(59))
    assert knowledge.exported().cameras == first
    knowledge.observe(seen("online", name="Front door"), at(59))
    listed = json.loads(knowledge.exported().cameras or b"")
    assert listed == {
        "at": "2026-11-27T00:00:59Z",
        "cameras": [
            {
                "id": "a",
                "name": "Front door",
                "status": "online",
                "since": "2026-11-27T00:00:00Z",
            }
        ],
    }
    knowledge.observe(seen("online", name="Front door"), at(119))
    assert json.loads(knowledge.exported().cameras or b"")["at"] == "2026-11-27T00:01:59Z"


def test_a_database_that_does_not_answer_changes_no_camera() -> None:
    knowledge = Knowledge()
    knowledge.observe(seen("online"), at(0))
    before = knowledge.exported().cameras
    assert knowledge.observe(Observed({}), at(600)) == (0, 0)
    assert knowledge.exported().cameras == before


@pytest.mark.parametrize("value", [b"", b"nonsense", b"{}", b'[{"key":1}]', b"[" * 100_000])
def test_what_somebody_else_has_written_is_nothing_and_is_named(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    knowledge = Knowledge()
    knowledge.adopt(Left(None, value, value))
    assert knowledge.untold == []
    assert knowledge.exported() == Knowledge().exported()
    assert "does not hold what it should" in caplog.text
    assert channels.CAMERAS in caplog.text


def test_more_changes_than_can_wait_cost_the_oldest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_UNTOLD", 3)
    knowledge = Knowledge()
    knowledge.adopt(NOTHING)
    for number in range(10):
        state: CameraState = "online" if number // 2 % 2 else "offline"
        knowledge.observe(seen(state), at(number))
    assert len(knowledge.untold) == 3
    assert "the oldest go" in caplog.text
    assert len({change.key for change in knowledge.untold}) == 3
