"""A job's state, as it stands in the key `job:{job_id}`: JSON, often of other producers. Pure."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args

from hsi.schemas import EndStatus, JobStatus
from hsi.schemas.moments import utc

NO_TIME = 100_000_000_000
"""A score of the index that is no time in seconds since 1970: in milliseconds, say, or infinite.

A member that has it would stay there before every job, so it makes room first."""
KEPT = 3600
"""Seconds that a job's state, log and place in the index are kept after its last sign of life."""
ENDED: frozenset[str] = frozenset(get_args(EndStatus))
_STATUSES = frozenset({"pending", "running"} | ENDED)


class JobState(NamedTuple):
    """A job's state, as far as it is known; None where it is not."""

    status: JobStatus | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    ends: int | None = None
    """How many of its runs have ended, each with an `end` in the log; None: nobody has counted."""


UNKNOWN = JobState()


def parse(value: bytes | str | None) -> JobState:
    """Return the state that a job's key holds; never raises, whatever somebody wrote there.

    Args:
        value: The key's value; None: there is no key.

    """
    state = _object(value) or {}
    status, code = state.get("status"), state.get("exit_code")
    return JobState(
        status=status if isinstance(status, str) and status in _STATUSES else None,  # type: ignore[arg-type]  # just checked
        started_at=_time(state.get("started_at")),
        ended_at=_time(state.get("completed_at")),
        exit_code=code if type(code) is int else None,
        ends=_ends(state),
    )


def is_foreign(value: bytes | str) -> bool:
    """Return whether a job's key holds something that is not a job's state at all."""
    return _object(value) is None


def begun(value: bytes | str | None, job_id: str, started: datetime) -> str | None:
    """Return the state of a job that begins to run, with the fields of other producers unchanged.

    Args:
        value: The job's state so far; None: it has none.
        job_id: The job.
        started: When it began.

    Returns:
        JSON, or None: the value is not a job's state, and must not be overwritten.

    """
    state = _object(value or "{}")
    if state is None:
        return None
    for name in ("completed_at", "exit_code"):
        state.pop(name, None)  # From an earlier run with this id.
    ours = {"job_id": job_id, "status": "running", "started_at": _written(started)}
    return json.dumps(state | ours)


def still(value: bytes | str | None, job_id: str, started: datetime) -> str | None:
    """Return the state of a job that still runs, as `begun` does; None: it has ended already."""
    over = parse(value).status in ENDED and not is_of_the_past(value, started)
    return None if over else begun(value, job_id, started)


def is_of_the_past(value: bytes | str | None, started: datetime) -> bool:
    """Return whether a state is older than the run that began then: Redis has lost the newer one.

    Args:
        value: The job's state; None: it has none.
        started: When the run began.

    """
    state = parse(value)
    if state.status in ENDED:  # By an earlier run, unless somebody has ended this one.
        return state.ended_at is not None and state.ended_at < started != state.started_at
    return value is None or state.status == "pending"


def ended(
    value: bytes | str | None,
    job_id: str,
    started: datetime,
    *,
    status: EndStatus,
    at: datetime,
    exit_code: int | None,
) -> str | None:
    """Return the state of a job that has ended, as `begun` does."""
    before = begun(value, job_id, started)
    if before is None:
        return None
    state = json.loads(before)
    # Once for each run, however often this is written.
    counted = (_ends(state) or 0) + (parse(value).status not in ENDED)
    ours: dict[str, Any] = {"status": status, "completed_at": _written(at), "ends": counted}
    if exit_code is not None:
        ours["exit_code"] = exit_code
    return json.dumps(state | ours)


def _ends(state: dict[str, Any]) -> int | None:
    ends = state.get("ends")
    return ends if type(ends) is int and ends >= 0 else None


def _object(value: bytes | str | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        state = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return state if isinstance(state, dict) else None


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if at is None else utc(at)
