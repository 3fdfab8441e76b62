"""A job's state, which other producers write too."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.joblogs import job_state
from hsi.joblogs.job_state import JobState

STARTED = datetime.fromisoformat("2026-01-17T10:32:05Z")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.dictionaries(st.text() | st.sampled_from(["status", "completed_at", "job_id"]), JSON))
def test_a_states_other_fields_stay_as_they_are(others: dict[str, Any]) -> None:
    before = json.dumps(others)
    begun = job_state.begun(before, "7", STARTED)
    assert begun is not None
    ended = job_state.ended(begun, "7", STARTED, status="failed", at=STARTED, exit_code=2)
    assert ended is not None
    ours = {"job_id", "status", "started_at", "completed_at", "exit_code", "ends"}
    assert {k: v for k, v in json.loads(ended).items() if k not in ours} == {
        k: v for k, v in others.items() if k not in ours
    }
    assert job_state.parse(begun) == JobState("running", STARTED)
    assert job_state.parse(ended) == JobState("failed", STARTED, STARTED, 2, ends=1)


def test_who_runs_again_forgets_how_it_ended() -> None:
    ended = job_state.ended(None, "7", STARTED, status="failed", at=STARTED, exit_code=2)
    again = job_state.begun(ended, "7", STARTED)
    assert job_state.parse(again) == JobState("running", STARTED, ends=1)


def test_the_end_of_each_run_is_counted_once() -> None:
    state: str | None = None
    for run in range(1, 4):
        state = job_state.begun(state, "7", STARTED)
        for _ in range(2):  # Written again: Redis did not answer.
            state = job_state.ended(
                state, "7", STARTED, status="completed", at=STARTED, exit_code=None
            )
            assert job_state.parse(state).ends == run


def test_who_still_runs_does_not_undo_an_end() -> None:
    assert job_state.still('{"status":"cancelled"}', "7", STARTED) is None
    assert job_state.still(None, "7", STARTED) == job_state.begun(None, "7", STARTED)


@pytest.mark.parametrize("value", [b"", b"\xff", b"[1]", b"running", b'"running"', b"[" * 10_000])
def test_what_is_no_state_is_not_known_and_stays(value: bytes) -> None:
    assert job_state.parse(value) == JobState()
    if value:
        assert job_state.begun(value, "7", STARTED) is None


@pytest.mark.parametrize("status", ["queued", 3, None, ["running"], "Running"])
def test_a_status_of_nobodys_is_not_known(status: Any) -> None:
    value = json.dumps(
        {"status": status, "started_at": 3, "completed_at": "soon", "exit_code": "2"}
    )
    assert job_state.parse(value) == JobState()
