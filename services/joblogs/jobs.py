"""Which jobs there are, and how they are: few round trips, however many jobs there are or ask."""

import itertools
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from msgspec import Meta
from redis.exceptions import ResponseError

from hsi.joblogs import job_state
from hsi.joblogs.job_state import JobState
from hsi.redis_client import async_client
from hsi.schemas import JobStatus, channels, job_ids
from hsi.schemas.base import Count, Part
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.shared_answers import SharedAnswers

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one read may take."""
MAX_JOBS = 1000
"""Jobs of the index that are looked at, those that began last; it has no more."""
KEPT = 1.0
"""Seconds for which all who ask are told of the same look at the index."""
_YEAR_9999 = 253_370_764_800
_MAX_DIGITS = 9  # A log with more lines is not one: somebody has written into its counter.


class Job(Part):
    """A job, for a list of them."""

    id: Annotated[str, Meta(description="The job.")]
    status: Annotated[
        JobStatus | None, Meta(description="How it is; null where nobody says or it is forgotten.")
    ]
    started_at: Annotated[datetime | None, Meta(description="When it began (UTC).")]
    ended_at: Annotated[datetime | None, Meta(description="When it ended (UTC).")]
    lines: Annotated[
        Count | None,
        Meta(description="Messages of its log so far, its end included; null once it is gone."),
    ]


class _Look:
    """What the index and the states of its jobs were at one moment; read further as it is asked."""

    def __init__(self, began: dict[str, float], states: Sequence[bytes | str | None]) -> None:
        self.began = began
        """When each job began, the youngest first."""
        self.states = dict(zip(began, states, strict=True))
        self.may_run = [job_id for job_id, value in self.states.items() if _may_run(value)]
        self.jobs: dict[str, Job] = {}
        """Those that somebody has asked for."""


class SpoiltIndexError(Exception):
    """The index of jobs is not one; the text says so."""


class Jobs:
    """Reads jobs. Every method raises `RedisError` or `OSError` when Redis does not answer.

    What somebody else wrote there and is none of ours is no fault: it counts as not known.
    """

    def __init__(self, redis_url: str, *, name: str, kept: float = KEPT) -> None:
        """Connect on first use.

        Args:
            redis_url: redis://, rediss:// or unix://.
            name: Of the service, for people who look at Redis.
            kept: Seconds for which all who ask are told the same.

        """
        self._redis = async_client(redis_url, name=f"{name}-jobs", timeout=TIMEOUT, read_only=True)
        self._spoilt = SpoiltKeys(logger)
        self._looks: SharedAnswers[None, _Look] = SharedAnswers(kept=kept)
        self._lists: SharedAnswers[int, list[Job]] = SharedAnswers()

    async def recent(self, count: int = 100) -> list[Job]:
        """Return the `count` jobs that began last and all older ones that run, youngest first.

        Up to a second old: one look at the index is for all who ask. Each takes what it asks for.

        Raises:
            SpoiltIndexError: Nobody can tell: something else has the name of the index.

        """
        return await self._lists.ask(count, partial(self._list, count))

    async def _list(self, count: int) -> list[Job]:
        look = await self._looks.ask(None, self._look)
        listed = list(itertools.islice(look.began, count))
        states = {
            job_id: self._state(job_id, look.states[job_id])
            for job_id in dict.fromkeys((*listed, *look.may_run))
            if job_id not in look.jobs
        }
        first = frozenset(listed)
        for job_id in look.may_run:
            status = (look.jobs.get(job_id) or states[job_id]).status
            if job_id not in first and status == "running":
                listed.append(job_id)
        missing = [job_id for job_id in listed if job_id not in look.jobs]
        if missing:
            numbers = await self._redis.mget(
                [channels.number(channels.job_logs(job_id)) for job_id in missing]
            )
            for job_id, number in zip(missing, numbers, strict=True):
                state = states[job_id]
                look.jobs[job_id] = Job(
                    id=job_id,
                    status=state.status,
                    started_at=state.started_at or _time(look.began[job_id]),
                    ended_at=state.ended_at,
                    lines=_count(number),
                )
        return [look.jobs[job_id] for job_id in listed]

    async def _look(self) -> _Look:
        try:
            found: Any = await self._redis.zrevrange(
                channels.JOBS, 0, MAX_JOBS - 1, withscores=True
            )
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(channels.JOBS, "expected a sorted set; jobs cannot be listed")
            raise SpoiltIndexError(
                f"the key {channels.JOBS} in Redis is not the sorted set of jobs: "
                "delete it, or rename it"
            ) from None
        began = {job_id: score for name, score in found if (job_id := _job_id(name))}
        states = await self._redis.mget(list(map(channels.job, began))) if began else []
        return _Look(began, states)

    async def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Return how each of these jobs is, in one round trip.

        Args:
            jobs: Their ids, which must not change meanwhile: no view of a dict.

        Raises:
            InvalidJobIdError: One is no job id.

        """
        if not jobs:
            return {}
        values = await self._redis.mget([channels.job(job_id) for job_id in jobs])
        return {
            job_id: self._state(job_id, value) for job_id, value in zip(jobs, values, strict=True)
        }

    def _state(self, job_id: str, value: bytes | str | None) -> JobState:
        if value is not None and job_state.is_foreign(value):
            self._spoilt.found(channels.job(job_id), "expected a job's state, as JSON")
        return job_state.parse(value)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _may_run(value: bytes | str | None) -> bool:
    """Return whether it is worth while to parse a state for whether the job runs."""
    # JSON may spell any word with backslashes, and be UTF-16.
    return isinstance(value, bytes) and (b"running" in value or b"\\" in value or b"\0" in value)


def _job_id(name: bytes) -> str | None:
    try:
        return job_ids.check(name.decode())
    except ValueError:  # Not UTF-8, or no job id.
        return None


def _time(score: float) -> datetime | None:
    return datetime.fromtimestamp(score, UTC) if 0 < score < _YEAR_9999 else None


def _count(number: bytes | str | None) -> int | None:
    ours = number is not None and number.isdigit() and len(number) <= _MAX_DIGITS
    return int(number) if number is not None and ours else None
